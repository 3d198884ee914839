"""Checkpoints: everything that a run needs to go on as if never stopped.

Orbax writes a step into a directory of its own, in the background, and renames
the directory when it is whole: a run that is killed while it writes leaves the
step before. A step holds three items: `model` (step, weights, statistics, and
moving averages of weights if there are any), `optimizer`, and `progress` (seed
and position of the stream of examples, which are all the state that this
library's randomness has).
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import functools
import logging
import math
import os
from pathlib import Path
import re
import shutil
import signal
import sys
import threading
from types import TracebackType
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from jinpaint.errors import RunError, UsageError
from jinpaint.training import TrainState
from jinpaint.types import Variables

# What decides, inside the holes of held-out photographs, which checkpoint is
# the best one: of an image, or of edges where a stage makes no image.
BEST = ('psnr_hole', 'edge_f1')


def exist(workdir: Path) -> bool:
  """Returns whether a work directory holds a whole checkpoint."""
  return last_step(workdir) is not None


def last_step(workdir: Path) -> int | None:
  """Returns the step of a run's last whole checkpoint; None if it has none."""
  return _last_whole(workdir / 'checkpoints')


def variables_of(workdir: Path, which: str = 'last') -> tuple[Variables, int]:
  """Returns the networks of a run's checkpoint, and its step.

  Args:
    workdir: the run's directory.
    which: 'last', 'best' (by `BEST`), or a step.

  Raises:
    UsageError: there is no such checkpoint.
  """
  with Checkpoints(workdir) as saved:
    return saved.variables(which)


def progress_of(workdir: Path) -> dict[str, int]:
  """Returns `seed` and `position` of the last checkpoint of a run.

  Raises:
    UsageError: there is no checkpoint.
  """
  with Checkpoints(workdir) as saved:
    return saved.progress()


class Checkpoints:
  """The checkpoints of one work directory.

  A step is written in the background. Who saves must leave by `close`, or use
  this as a context manager, which then waits for the step that is being
  written, whatever the reason to leave is:

      with Checkpoints(workdir, keep=2) as saved:
        saved.save(state, progress)
  """

  def __init__(self, workdir: Path, *, keep: int | None = None):
    """Opens the checkpoints of a work directory.

    Args:
      workdir: the run's directory.
      keep: how many of the latest to keep; the best one stays as well. None
        opens them for reading only: nothing is written, and a step that a
        running training is just writing is left alone. With a number, what an
        earlier training left unfinished is removed; so only one process may
        open them so, see `jinpaint.runs.hold`.

    Raises:
      UsageError: there is nothing to read.
      RunError: the directory cannot be written to.
    """
    self._workdir = workdir
    self._directory = (workdir / 'checkpoints').absolute()
    reading = keep is None
    if reading and not self._directory.is_dir():
      raise UsageError(f'{workdir} holds no checkpoint yet')
    if not reading:
      with self._writing():
        self._directory.mkdir(parents=True, exist_ok=True)
        # Orbax would do it in the background, where an early end breaks it off.
        for path in self._directory.glob(f'*{ocp.utils.TMP_DIR_SUFFIX}*'):
          shutil.rmtree(path)
    policy = preservation_policy.AnyPreservationPolicy([
        preservation_policy.LatestN(keep or 1),
        preservation_policy.BestN(
            get_metric_fn=_score, n=1,
            keep_checkpoints_without_metrics=False)])
    _mute_orbax()
    self._manager = ocp.CheckpointManager(
        self._directory,
        options=ocp.CheckpointManagerOptions(
            preservation_policy=policy, best_fn=_score, read_only=reading,
            create=False))

  def __enter__(self) -> Self:
    return self

  def __exit__(self, kind: type[BaseException] | None,
               error: BaseException | None,
               traceback: TracebackType | None) -> None:
    self.close()

  @property
  def latest(self) -> int | None:
    """The last whole step, or None; waits for one that is being written.

    Raises:
      RunError: that one could not be written.
    """
    with self._writing():
      self._manager.wait_until_finished()
    return _last_whole(self._directory)

  def save(self, state: TrainState, progress: Mapping[str, int],
           metrics: Mapping[str, float | None] | None = None) -> None:
    """Saves a step, in the background, once the step before it is whole.

    Args:
      state: the state, as NumPy arrays.
      progress: `seed` and `position` of the stream of examples.
      metrics: of an evaluation of this very state, if there was one. Those
        that are None or not finite are left out. A step for which none of
        `BEST` is left can never be the best one.

    Raises:
      RunError: the state holds a number that is not finite, and nothing is
        saved; or this step or the one before it could not be written. Earlier
        steps stay.
    """
    self._check_finite(state)
    with self._writing():
      self._manager.save(
          int(state.step), metrics=_finite(metrics or {}),
          args=ocp.args.Composite(
              model=ocp.args.StandardSave(_model(state)),
              optimizer=ocp.args.StandardSave(dict(state.opt)),
              progress=ocp.args.JsonSave(dict(progress))))

  def restore(self, like: TrainState) -> tuple[TrainState, dict[str, int]]:
    """Returns the latest state, on the first device, and its progress.

    Args:
      like: a state, or the shapes of one, as the run's config describes it.
    """
    device = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(
        x.shape, x.dtype, sharding=device), like)
    restored = self._manager.restore(self.latest, args=ocp.args.Composite(
        model=ocp.args.StandardRestore(_model(like)),
        optimizer=ocp.args.StandardRestore(dict(like.opt)),
        progress=ocp.args.JsonRestore()))
    state = dataclasses.replace(
        like, **restored['model'], opt=restored['optimizer'])
    return state, restored['progress']

  def progress(self) -> dict[str, int]:
    """Returns `seed` and `position` of the latest checkpoint."""
    return self._manager.restore(self.latest, args=ocp.args.Composite(
        progress=ocp.args.JsonRestore()))['progress']

  def variables(self, which: str = 'last') -> tuple[Variables, int]:
    """Returns the networks of a checkpoint, and its step.

    A network of whose weights the run keeps a moving average has the average.

    Args:
      which: 'last', 'best' (by `BEST`), or a step.

    Raises:
      UsageError: there is no such checkpoint.
    """
    steps = self._manager.all_steps()
    named = {'last': self._manager.latest_step(),
             'best': self._manager.best_step()}
    step = named[which] if which in named else next(
        (step for step in steps if str(step) == which), None)
    if step is None:
      raise UsageError(
          f'{self._workdir} has no checkpoint "{which}"; there are: '
          f'{", ".join(map(str, steps)) or "none yet"}')
    model = self._manager.restore(step, args=ocp.args.Composite(
        model=ocp.args.StandardRestore()))['model']
    weights = model['params'] | model.get('averages', {})
    return {name: {'params': params, **model['stats'].get(name, {})}
            for name, params in weights.items()}, step

  def close(self) -> None:
    """Waits until everything is on the disk.

    Raises:
      RunError: a step could not be written.
    """
    with self._writing():
      try:
        self._manager.close()
      except (OSError, ValueError):
        self._manager.close()  # the error came before everything was closed
        raise

  def _check_finite(self, state: TrainState) -> None:
    """Raises `RunError` if an array of a state holds NaN or infinity."""
    for path, array in jax.tree_util.tree_leaves_with_path(state):
      if jnp.issubdtype(array.dtype, jnp.inexact) and not np.all(
          np.isfinite(array)):
        name = jax.tree_util.keystr(path, simple=True, separator='.')
        raise RunError(f'{name} is no longer finite after step '
                       f'{int(state.step)}, which is not saved; the last good '
                       f'checkpoint is {_named(self.latest)}')

  @contextlib.contextmanager
  def _writing(self) -> Iterator[None]:
    """Lets Orbax finish, and turns what the disk refuses into a `RunError`."""
    try:
      with _interrupts_deferred():
        yield
    except (OSError, ValueError) as error:
      if (reason := _disk_error(error)) is None:
        raise
      last = _named(_last_whole(self._directory))
      raise RunError(f'cannot write {self._directory}: {reason}; the last '
                     f'whole checkpoint is {last}') from error


@contextlib.contextmanager
def _interrupts_deferred() -> Iterator[None]:
  """Lets Ctrl-C take effect at the end: Orbax cannot go on from just anywhere.

  Only the main thread is ever interrupted.
  """
  if (threading.current_thread() is not threading.main_thread()
      or signal.getsignal(signal.SIGINT) is None):  # one that is not Python's
    yield
    return
  interrupts: list[int] = []
  handler = signal.signal(
      signal.SIGINT, lambda number, _: interrupts.append(number))
  try:
    yield
  finally:
    signal.signal(signal.SIGINT, handler)
  if interrupts:
    signal.raise_signal(signal.SIGINT)


@functools.cache
def _mute_orbax() -> None:
  """Keeps from the terminal what Orbax's threads report there.

  They log their errors with a traceback each; what matters is raised as well,
  from `save`, `latest` or `close`.
  """
  logging.getLogger('absl').addFilter(
      lambda record: f'{os.sep}orbax{os.sep}' not in record.pathname)
  # Where one array could not be written, nobody waits any more for the others,
  # which TensorStore then prints.
  report = sys.unraisablehook
  def report_others(unraisable: Any) -> None:
    if str(unraisable.exc_value) != 'Event loop is closed':
      report(unraisable)
  sys.unraisablehook = report_others


# How TensorStore, which writes for Orbax, ends its messages: a `ValueError`.
_ERROR_CODE = re.compile(r"\[os_error_code='(\d+)'")


def _disk_error(error: OSError | ValueError) -> str | None:
  """Returns why the operating system refused; None if it was not that."""
  if isinstance(error, OSError):
    return error.strerror or str(error)
  match = _ERROR_CODE.search(str(error))
  return os.strerror(int(match[1])) if match else None


def _last_whole(directory: Path) -> int | None:
  """Returns the last step that is whole, or None; looks at the disk."""
  if not directory.is_dir():
    return None
  return max(ocp.utils.checkpoint_steps(directory), default=None)


def _named(step: int | None) -> str:
  return 'none' if step is None else f'step {step}'


def _finite(metrics: Mapping[str, float | None]) -> dict[str, float] | None:
  """Returns the metrics that are finite; None if the decisive one is not."""
  finite = {name: float(value) for name, value in metrics.items()
            if value is not None and math.isfinite(value)}
  decisive = next((name for name in BEST if name in metrics), None)
  return finite if decisive in finite else None


def _score(metrics: Mapping[str, float]) -> float:
  """Returns the metric that decides, the higher the better."""
  score = next((metrics[name] for name in BEST if name in metrics), -math.inf)
  # Older runs have saved NaN as well.
  return -math.inf if math.isnan(score) else score


def _model(state: TrainState) -> dict[str, Any]:
  model = {'step': state.step, 'params': state.params, 'stats': state.stats}
  return model | {'averages': state.averages} if state.averages else model
