"""Trains one stage of one system; `train` reads top to bottom."""

from collections.abc import Callable, Iterator, Mapping
import math
from pathlib import Path
import time
from typing import Any

from clu import metric_writers, parameter_overview
import jax
import ml_collections

from jinpaint import devices, guidance, runs, training
from jinpaint.converters import pretrained
from jinpaint.data import files, pipeline
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, reports
from jinpaint.runs import checkpoints
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.training.progress import line, Meter, say
from jinpaint.types import Batch


def train(config: ml_collections.ConfigDict, workdir: Path,
          batches: Callable[[int], Iterator[Batch]] | None = None
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

  Returns:
    The trained state, as NumPy arrays.

  Raises:
    UsageError: the config, the data or the work directory cannot be used, or
      a loss is no longer finite.
  """
  # What is trained: networks, losses, and one optimiser for each network.
  stage = runs.stage_of(config)
  optimizers = runs.optimizers_of(config, stage)
  data = runs.data_of(config)
  _check(config, stage)
  detector = runs.detector_of(config, training=True)
  frozen = {name: pretrained.load(name)
            for name in {**stage.frozen, **detector.networks}}
  evaluator = evaluate.evaluator_of(config, stage)

  # Where it stands: the last checkpoint in workdir, or a fresh state with what
  # earlier stages have learned.
  validation = lambda: pipeline.eval_batches(
      data, batch_size=config.batch_size, seed=config.seed,
      limit=config.eval_examples)
  shown = evaluator.complete(next(validation()))
  going_on = checkpoints.exist(workdir)
  if going_on:
    state = training.shapes(stage, optimizers, shown)
  else:
    state = training.init(config.seed, stage, optimizers, shown,
                          _learned(runs.earlier_of(config), stage))
  runs.claim(workdir, config)
  _introduce(config, stage, state, workdir)
  saved = Checkpoints(workdir, keep=config.keep)
  progress = {'seed': config.seed, 'position': 0}
  if going_on:
    state, progress = saved.restore(like=state)
    say(f'going on from step {int(state.step)}')

  # What it is trained on.
  if batches is None:
    batches = lambda position: pipeline.train_batches(
        data, batch_size=config.batch_size, seed=config.seed,
        position=position)
  stream = batches(progress['position'])
  steps = config.steps or (
      math.ceil(config.epochs * len(stream.source) / config.batch_size))

  # One step, on every device.
  step = first = int(state.step)
  step_fn = devices.data_parallel(guidance.at_head(
      training.make_step(stage, optimizers, mean=devices.mean), detector))
  state, frozen_copies = devices.replicate((state, frozen))
  writer = metric_writers.create_default_writer(str(workdir))
  meter = Meter(step, steps, config.batch_size)
  while step < steps:
    step += 1
    batch = dict(next(stream))
    progress['position'] = int(
        batch.pop('position', step * config.batch_size))
    batch = devices.split(batch)
    if step == first + 1:
      step_fn = _compiled(step_fn, state, frozen_copies, batch)
      meter.start()
    state, logs = step_fn(state, frozen_copies, batch)
    meter.add(logs)

    logging, evaluating, saving = (
        step == steps or step % every == 0 for every in
        (config.log_every, config.eval_every, config.save_every))
    if logging or saving:
      losses = meter.losses()
      _check_finite(losses, step, saved)
    if logging:
      speed = meter.lap()
      writer.write_scalars(step, losses | speed)
      say(line(step, steps, losses, speed))
    if evaluating or saving:
      with meter.paused():
        means = None
        variables = devices.unreplicate(state).variables
        if evaluating:
          means = _validate(evaluator, variables, validation(), shown, step,
                            writer)
        if saving:
          saved.save(devices.unreplicate(state), progress, means)

  meter.close()
  saved.close()
  writer.close()
  for name in getattr(stream, 'skipped', ()):
    say(f'not trained on, broken: {name}')
  state = devices.unreplicate(state)
  evaluate.report(config, workdir / 'evaluation', state.variables, step=step,
                    evaluator=evaluator)
  return state


def _check(config, stage):
  if 'edge' in stage.spec.keys and not config.data.edge:
    raise UsageError(f'the stage {config.stage} of {config.system} reads '
                     'edges; config.data.edge says which, e.g. canny')
  if 'sketch' in stage.spec.keys and not config.data.sketch:
    raise UsageError(f'the stage {config.stage} of {config.system} reads '
                     'sketches; config.data.sketch says which, e.g. simulated')
  divisor, size = stage.spec.divisor, config.data.size
  if size % divisor:
    raise UsageError(f'config.data.size is {size}; {config.system} takes '
                     f'multiples of {divisor}')
  if size < stage.spec.smallest:
    raise UsageError(f'config.data.size is {size}; {config.system} takes '
                     f'{stage.spec.smallest} or more')
  if config.batch_size < 1 or config.batch_size % devices.count():
    raise UsageError(f'config.batch_size is {config.batch_size}; it is dealt '
                     f'out to {devices.count()} devices and must be a multiple')
  for name in ('log_every', 'eval_every', 'save_every', 'keep'):
    if config[name] < 1:
      raise UsageError(f'config.{name} is {config[name]}; it must be positive')
  if min(config.steps, config.epochs) < 0 or not (
      config.steps or config.epochs):
    raise UsageError(f'config.steps is {config.steps} and config.epochs '
                     f'{config.epochs}; one must be positive, none negative')


def _learned(workdirs, stage):
  """Returns the stage's networks as earlier runs left them, the first wins."""
  learned = {}
  for workdir in workdirs:
    variables, step = checkpoints.variables_of(workdir)
    used = variables.keys() & stage.networks.keys() - learned.keys()
    if not used:
      raise UsageError(f'{workdir} has {", ".join(variables)}: nothing that '
                       'is still needed here')
    say(f'starting with {", ".join(sorted(used))} of {workdir}, step {step}')
    learned |= {name: variables[name] for name in used}
  if needed := stage.networks.keys() - learned.keys() - set(stage.trained):
    raise UsageError(f'this stage does not train the {", ".join(needed)}; name '
                     'a run that has: --config.start_from=WORKDIR')
  return learned


def _introduce(config, stage, state, workdir):
  """Says what is about to be trained, and on what."""
  kind = jax.local_devices()[0].device_kind
  say(f'{config.system} {config.stage} on {devices.count()} x {kind}, data '
      f'{config.data.source}, work directory {workdir}')
  if config.pretrained == 'none':
    full = runs.stage_of(ml_collections.ConfigDict(
        {**config.to_dict(), 'pretrained': 'required'}))
    for name in full.frozen.keys() - stage.frozen.keys():
      say(f'pretrained is none: what needs {name} is left out')
    if runs.data_of(config).edge != config.data.edge:
      say("pretrained is none: Canny's edges take the place of HED's")
  for name, params in state.params.items():
    say(f'{name}: {parameter_overview.count_parameters(params):,} parameters')
  files.write_atomically(
      workdir / 'parameters.txt',
      parameter_overview.get_parameter_overview(
          state.params, include_stats=False).encode())


def _compiled(step_fn, state, frozen, batch):
  """Compiles the step ahead of time, so that no step's time holds it."""
  start = time.monotonic()
  compiled = step_fn.lower(state, frozen, batch).compile()
  say(f'compiled the step in {time.monotonic() - start:.1f} s')
  return compiled


def _check_finite(losses: Mapping[str, float], step: int, saved: Checkpoints):
  for name, value in losses.items():
    if not math.isfinite(value):
      raise UsageError(
          f'the loss {name} is {value} at step {step}; the last good '
          f'checkpoint is step {saved.latest}')


def _validate(evaluator, variables, batches, shown, step, writer
              ) -> dict[str, Any]:
  """Scores the held-out examples; writes scores and a figure of some."""
  means = evaluator(variables, batches).means()
  writer.write_scalars(
      step, {f'validation/{name}': value for name, value in means.items()})
  figure = reports.figure(shown, evaluator.predict(variables, shown))
  writer.write_images(step, {'examples': figure[None]})
  say(f'step {step}  validation  ' + '  '.join(
      f'{name} {value:.4g}' for name, value in means.items()))
  return means
