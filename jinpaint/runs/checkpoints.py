"""Checkpoints: everything that a run needs to go on as if never stopped.

Orbax writes a step into a directory of its own and renames it when it is
whole; a run that is killed while it writes leaves the step before. A step
holds three items: `model` (step, weights, statistics), `optimizer`, and
`progress` (seed and position of the stream of examples, which are all the
state that this library's randomness has).
"""

from collections.abc import Mapping
import contextlib
import logging
from pathlib import Path

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint.checkpoint_managers import preservation_policy

from jinpaint.errors import UsageError
from jinpaint.training import TrainState
from jinpaint.types import Variables

# What decides, inside the holes of held-out photographs, which checkpoint is
# the best one: of an image, or of edges where a stage makes no image.
BEST = ('psnr_hole', 'edge_f1')


def exist(workdir: Path) -> bool:
  """Returns whether a work directory holds a whole checkpoint."""
  directory = workdir / 'checkpoints'
  return directory.is_dir() and bool(ocp.utils.checkpoint_steps(directory))


def variables_of(workdir: Path, which: str = 'last') -> tuple[Variables, int]:
  """Returns the networks of a run's checkpoint, and its step.

  Args:
    workdir: the run's directory.
    which: 'last', 'best' (by `BEST`), or a step.

  Raises:
    UsageError: there is no such checkpoint.
  """
  saved = Checkpoints(workdir)
  variables, step = saved.variables(which)
  saved.close()
  return variables, step


def progress_of(workdir: Path) -> dict[str, int]:
  """Returns `seed` and `position` of the last checkpoint of a run.

  Raises:
    UsageError: there is no checkpoint.
  """
  saved = Checkpoints(workdir)
  progress = saved.progress()
  saved.close()
  return progress


class Checkpoints:
  """The checkpoints of one work directory."""

  def __init__(self, workdir: Path, *, keep: int | None = None):
    """Opens them.

    Args:
      workdir: the run's directory.
      keep: how many of the latest to keep; the best one stays as well. None
        only reads: nothing is made, and nothing that a running training is
        just writing is cleaned up.

    Raises:
      UsageError: there is nothing to read.
    """
    directory = (workdir / 'checkpoints').absolute()
    reading = keep is None
    if reading and not directory.is_dir():
      raise UsageError(f'{workdir} holds no checkpoint yet')
    by_metric = lambda metrics: next(
        metrics[name] for name in BEST if name in metrics)
    policy = preservation_policy.AnyPreservationPolicy([
        preservation_policy.LatestN(keep or 1),
        preservation_policy.BestN(
            get_metric_fn=by_metric, n=1,
            keep_checkpoints_without_metrics=False)])
    self._workdir = workdir
    with _quiet():  # it warns that it will not write
      self._manager = ocp.CheckpointManager(
          directory,
          options=ocp.CheckpointManagerOptions(
              preservation_policy=policy, best_fn=by_metric, read_only=reading,
              create=not reading, cleanup_tmp_directories=not reading))

  @property
  def latest(self) -> int | None:
    """The last step that was saved whole, or None."""
    return self._manager.latest_step()

  def save(self, state: TrainState, progress: Mapping[str, int],
           metrics: Mapping[str, float] | None = None) -> None:
    """Saves a step, in the background.

    Args:
      state: the state, as NumPy arrays.
      progress: `seed` and `position` of the stream of examples.
      metrics: of an evaluation at this step, if there was one.
    """
    with _quiet():  # it warns where there are no metrics
      self._manager.save(
          int(state.step), metrics=dict(metrics) if metrics else None,
          args=ocp.args.Composite(
              model=ocp.args.StandardSave(_model(state)),
              optimizer=ocp.args.StandardSave(dict(state.opt)),
              progress=ocp.args.JsonSave(dict(progress))))

  def restore(self, like: TrainState) -> tuple[TrainState, dict[str, int]]:
    """Returns the latest state and its progress.

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
    model = restored['model']
    state = TrainState(model['step'], model['params'], model['stats'],
                       restored['optimizer'], model.get('averages', {}))
    return state, restored['progress']

  def progress(self) -> dict[str, int]:
    """Returns `seed` and `position` of the latest checkpoint."""
    return self._manager.restore(self.latest, args=ocp.args.Composite(
        progress=ocp.args.JsonRestore()))['progress']

  def variables(self, which: str = 'last') -> tuple[Variables, int]:
    """Returns the networks of a checkpoint, and its step.

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
    averages = model.get('averages', {})
    return {name: {'params': averages.get(name, params),
                   **model['stats'].get(name, {})}
            for name, params in model['params'].items()}, step

  def close(self) -> None:
    """Waits until everything is on the disk."""
    self._manager.wait_until_finished()
    self._manager.close()


@contextlib.contextmanager
def _quiet():
  """Keeps Orbax's warnings from the terminal."""
  logging.disable(logging.WARNING)
  try:
    yield
  finally:
    logging.disable(logging.NOTSET)


def _model(state):
  model = {'step': state.step, 'params': state.params, 'stats': state.stats}
  return {**model, 'averages': state.averages} if state.averages else model
