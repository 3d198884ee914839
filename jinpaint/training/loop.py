"""Trains one stage of one system; `train` reads top to bottom."""

from collections.abc import Callable, Iterable, Iterator, Mapping
import contextlib
import itertools
import math
from pathlib import Path
import time
from typing import Any

from clu import metric_writers, parameter_overview
import jax
import ml_collections

from jinpaint import devices, runs, training
from jinpaint.converters import pretrained
from jinpaint.data import files, pipeline
from jinpaint.errors import RunError, UsageError
from jinpaint.evaluation import evaluate, reports
from jinpaint.evaluation.scores import Evaluation, Evaluator
from jinpaint.runs import checkpoints, earlier, fingerprint, provenance
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.stage import check_batch, Stage
from jinpaint.training.optimizer import Adam
from jinpaint.training.progress import line, Meter, say
from jinpaint.training.stopping import Stop
from jinpaint.types import Batch, Variables

Loader = Callable[[int], Iterator[Batch]]


def train(config: ml_collections.ConfigDict, workdir: Path,
          batches: Loader | None = None,
          validation: Callable[[], Iterable[Batch]] | None = None
          ) -> training.TrainState:
  """Trains, evaluates and saves, from wherever `workdir` stands.

  Args:
    config: as the files in `configs/` return it.
    workdir: where everything is written, see `jinpaint.runs`; a run that is
      found there goes on.
    batches: a loader of the caller's own: from a position to an iterator of
      batches. A batch may hold the scalar `position` at which the loader is to
      go on after it; else that is the number of examples so far. None for
      `jinpaint.data.pipeline`.
    validation: returns the batches that the run is watched on, with `weight`
      and `index`; None for `jinpaint.data.pipeline`.

  Returns:
    The trained state, as NumPy arrays.

  Raises:
    UsageError: the config, the data or the work directory cannot be used.
    RunError: a loss or a weight is no longer finite, or the disk is full.
    KeyboardInterrupt, SystemExit: it was stopped by Ctrl-C or by SIGTERM, and
      the last step is saved.
  """
  start = time.monotonic()
  with contextlib.ExitStack() as stack:
    # A run that goes on must not change while it is read.
    going_on = checkpoints.exist(workdir)
    if going_on:
      stack.enter_context(runs.hold(workdir))

    # What is trained: networks, terms, and one optimiser for each network.
    stage = runs.stage_of(config)
    computing = runs.computing_of(config, stage)
    adams = runs.optimizers_of(config, stage)
    guidance = runs.guidance_of(config, training=True)
    runs.check(config, stage)
    read = {name: pretrained.read(name)
            for name in {**stage.published, **guidance.published}}
    published = {name: weights.variables for name, weights in read.items()}
    evaluator = evaluate.evaluator_of(config, stage, published=published)

    # What it is trained on, from where the run in `workdir` stands, and what it
    # is watched on.
    progress = (checkpoints.progress_of(workdir) if going_on else
                {'seed': config.seed, 'position': 0})
    stream = (batches or _loader(config, guidance))(progress['position'])
    steps = _steps(config, stream)
    optimizers = {name: adam.transformation(steps)
                  for name, adam in adams.items()}
    first_batch = dict(next(stream))
    example = jax.eval_shape(guidance.on_device, published, {
        key: value for key, value in first_batch.items() if key != 'position'})
    check_batch(example, stage.learns_from)
    load_watched = validation or _validation_loader(config)
    watched = load_watched()
    watch = _Watch(config, workdir, evaluator, load_watched,
                   shown=evaluator.guide(next(iter(watched))),
                   is_held_out=validation is None)

    # The last checkpoint, or a fresh state with what earlier stages learned.
    if going_on:
      state = training.shapes(stage, optimizers, example,
                              average=config.average)
    else:
      state = training.init(
          config.seed, stage, optimizers, example, average=config.average,
          learned=earlier.networks_of(config, stage, say))
      stack.enter_context(runs.hold(workdir))
      if checkpoints.exist(workdir):
        raise UsageError(f'another training has just ended in {workdir}; start '
                         'again to go on with it')
    runs.claim(workdir, config)
    _introduce(config, stage, state, workdir)
    _warn(workdir, adams, steps, training=stream, validation=watched)
    for change in provenance.changes(workdir, read):
      say(change)
    saved = stack.enter_context(Checkpoints(workdir, keep=config.keep))
    if going_on:
      state, progress = saved.restore(like=state)
      say(f'going on from step {int(state.step)}')

    # One step, on every device.
    step = first = int(state.step)
    step_fn = devices.data_parallel(training.make_step(
        stage, optimizers, mean=devices.mean, guide=guidance.on_device,
        average=config.average, **computing))
    state, published = devices.everywhere((state, published))
    writer = metric_writers.create_default_writer(str(workdir))
    stack.callback(writer.close)
    meter = Meter(step, steps, config.batch_size)
    stack.callback(meter.close)
    stop = Stop()
    stack.callback(stop.close)
    rest = itertools.chain([first_batch], stream)
    last = step >= steps
    while not last:
      step += 1
      batch = dict(next(rest))
      progress['position'] = int(
          batch.pop('position', step * config.batch_size))
      batch = devices.split(batch)
      if step == first + 1:
        step_fn = _compiled(step_fn, state, published, batch)
        meter.start()
        stop.put_off()
      state, logs = step_fn(state, published, batch)
      meter.add(logs)

      in_time = not config.minutes or (
          time.monotonic() - start < 60 * config.minutes)
      last = step >= steps or not in_time
      stopping = stop.requested
      logging, evaluating, saving = (
          last or step % every == 0 for every in
          (config.log_every, config.eval_every, config.save_every))
      if stopping:  # saved, and scored when it goes on
        logging, evaluating, saving = True, False, True
      if logging or evaluating or saving:
        losses = meter.losses()
        _check_finite(losses, step, saved)
      if logging:
        speed = meter.lap()
        # Of the update that was just made; the first one is number 0.
        rates = {f'learning_rate/{name}': float(adam.schedule(steps)(step - 1))
                 for name, adam in adams.items()}
        writer.write_scalars(step, losses | rates | speed)
        # Those who watch need not wait until a buffer is full.
        writer.flush()
        say(line(step, steps, losses, speed))
      if evaluating or saving:
        with meter.paused():
          host_state = jax.device_get(state)
          means = None
          if evaluating:
            means = watch.score(host_state.variables, step, writer, last=last)
          # What was evaluated is saved, so that the best step can be kept.
          saved.save(host_state, progress, means)
      if stopping:
        break

    if stop.requested:
      say(f'stopped at step {step} of {steps}, which is saved; the same '
          'command goes on')
    stop.take_effect()
    if step < steps:
      say(f'{config.minutes:g} minutes are over at step {step} of {steps}; the '
          'same command goes on')
    host_state = jax.device_get(state)
    watch.report(host_state.variables, step)
    for name in getattr(stream, 'skipped', ()):
      say(f'not trained on, broken: {name}')
    return host_state


class _Watch:
  """Scores a run on held-out examples while it trains, and at its end."""

  def __init__(self, config: ml_collections.ConfigDict, workdir: Path,
               evaluator: Evaluator,
               validation: Callable[[], Iterable[Batch]], *, shown: Batch,
               is_held_out: bool):
    """Takes what it needs to score.

    Args:
      config: the run's.
      workdir: the run's.
      evaluator: of the run's stage.
      validation: returns the batches that the run is watched on.
      shown: the first of them, for figures.
      is_held_out: whether they are the first ones of the config's held-out
        examples; else they are the caller's own.
    """
    self._config, self._evaluator = config, evaluator
    self._directory = workdir / 'evaluation'
    self._validation, self._shown = validation, shown
    self._is_held_out = is_held_out
    self._all: Evaluation | None = None  # of all held-out examples, in the end

  def score(self, variables: Variables, step: int,
            writer: metric_writers.MetricWriter, *, last: bool
            ) -> dict[str, float]:
    """Writes scores and a figure of examples; returns the means.

    Args:
      variables: the networks.
      step: at which they are.
      writer: for TensorBoard.
      last: whether it is the last step. Then all held-out examples are scored,
        for the report, and those that the run is watched on are among them.
    """
    if last and self._is_held_out:
      self._all = evaluate.score(self._config, variables,
                                 evaluator=self._evaluator)
      evaluation = self._all.first(self._config.eval_examples)
    else:
      evaluation = self._evaluator(variables, self._validation())
    means = evaluation.means()
    writer.write_scalars(
        step, {f'validation/{name}': value for name, value in means.items()})
    figure = reports.figure(
        self._shown, self._evaluator.predict(variables, self._shown))
    writer.write_images(step, {'examples': figure[None]})
    say(f'step {step}  validation  ' + '  '.join(
        f'{name} {value:.4g}' for name, value in means.items()))
    return means

  def report(self, variables: Variables, step: int) -> None:
    """Prints and writes the table of all held-out examples."""
    evaluate.report(self._config, self._directory, variables, step=step,
                    evaluator=self._evaluator, evaluation=self._all)


def _loader(config: ml_collections.ConfigDict, guidance: Any) -> Loader:
  """Returns the loader of a config's photographs."""
  return lambda position: pipeline.train_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      position=position, guidance=guidance)


def _validation_loader(config: ml_collections.ConfigDict
                       ) -> Callable[[], Iterable[Batch]]:
  """Returns what loads the held-out examples that a run is watched on."""
  return lambda: pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=config.eval_examples,
      guidance=runs.guidance_of(config, training=False))


def _warn(workdir: Path, adams: Mapping[str, Adam], steps: int,
          **loaders: Any) -> None:
  """Says what is not as a user may think it is: schedules, and changed data."""
  for name, adam in adams.items():
    if misfit := adam.misfit(steps):
      say(f'the learning rate of the {name} {misfit}')
  for change in fingerprint.changes(workdir, {
      use: loader.source for use, loader in loaders.items()
      if hasattr(loader, 'source')}):
    say(change)


def _steps(config: ml_collections.ConfigDict, stream: Any) -> int:
  """Returns how many steps the run has."""
  if config.steps:
    return config.steps
  if not hasattr(stream, 'source'):
    raise UsageError('config.epochs needs photographs that can be counted; '
                     'this loader has no `source`; give config.steps')
  return math.ceil(config.epochs * len(stream.source) / config.batch_size)


def _introduce(config: ml_collections.ConfigDict, stage: Stage,
               state: training.TrainState, workdir: Path) -> None:
  """Says what is about to be trained, and on what."""
  kind = jax.local_devices()[0].device_kind
  say(f'{config.system} {config.stage} on {devices.count()} x {kind}, data '
      f'{config.data.source}, work directory {workdir}')
  if config.pretrained == 'none':
    full = runs.stage_of(ml_collections.ConfigDict(
        {**config.to_dict(), 'pretrained': 'required'}))
    for name in full.published.keys() - stage.published.keys():
      say(f'pretrained is none: what needs {name} is left out')
    if runs.data_of(config).edge != config.data.edge:
      say("pretrained is none: Canny's edges take the place of HED's")
  for name, params in state.params.items():
    say(f'{name}: {parameter_overview.count_parameters(params):,} parameters')
  files.write_atomically(
      workdir / 'parameters.txt',
      parameter_overview.get_parameter_overview(
          state.params, include_stats=False).encode())


def _compiled(step_fn: Any, state: training.TrainState, published: Variables,
              batch: Batch) -> Callable[..., Any]:
  """Compiles the step ahead of time, so that no step's time holds it."""
  start = time.monotonic()
  compiled = step_fn.lower(state, published, batch).compile()
  say(f'compiled the step in {time.monotonic() - start:.1f} s')
  return compiled


def _check_finite(losses: Mapping[str, float], step: int, saved: Checkpoints
                  ) -> None:
  # Losses come first; the norms of gradients have a slash in their names.
  for name in sorted(losses, key=lambda name: '/' in name):
    if not math.isfinite(losses[name]):
      what = name if '/' in name else f'the loss {name}'
      raise RunError(f'{what} is {losses[name]} at step {step}; the last good '
                     f'checkpoint is {saved.latest or "none"}')
