"""Trains one stage of one system; `train` reads top to bottom."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, reports
from jinpaint.runs import checkpoints
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.stage import check_batch, Stage
from jinpaint.training.progress import line, Meter, say
from jinpaint.types import Batch


def train(config: ml_collections.ConfigDict, workdir: Path,
          batches: Callable[[int], Iterator[Batch]] | None = None,
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
    UsageError: the config, the data or the work directory cannot be used, or
      a loss is no longer finite.
  """
  # What is trained: networks, terms, and one optimiser for each network.
  stage = runs.stage_of(config)
  computing = runs.computing_of(config)
  adams = runs.optimizers_of(config, stage)
  guidance = runs.guidance_of(config, training=True)
  _check(config, stage)
  published = {name: pretrained.load(name)
               for name in {**stage.published, **guidance.published}}
  evaluator = evaluate.evaluator_of(config, stage)

  # What it is trained on, from wherever the run in `workdir` stands.
  going_on = checkpoints.exist(workdir)
  progress = {'seed': config.seed, 'position': 0}
  if going_on:
    progress = checkpoints.progress_of(workdir)
  if batches is None:
    batches = lambda position: pipeline.train_batches(
        runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
        position=position, guidance=guidance)
  stream = batches(progress['position'])
  steps = _steps(config, stream)
  optimizers = {name: adam.transformation(steps)
                for name, adam in adams.items()}
  first_batch = dict(next(stream))
  example = jax.eval_shape(guidance.on_device, published, {
      key: value for key, value in first_batch.items() if key != 'position'})
  check_batch(example, stage.learns_from)

  # The last checkpoint, or a fresh state with what earlier stages have learned.
  if going_on:
    state = training.shapes(stage, optimizers, example,
                            average=config.average)
  else:
    state = training.init(
        config.seed, stage, optimizers, example, average=config.average,
        learned=_learned(runs.earlier_of(config), stage))

  # What evaluation while training reads.
  if validation is None:
    validation = lambda: pipeline.eval_batches(
        runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
        limit=config.eval_examples,
        guidance=runs.guidance_of(config, training=False))
  examples = evaluator.guide(next(iter(validation())))

  runs.claim(workdir, config)
  _introduce(config, stage, state, workdir)
  for name, adam in adams.items():
    if warning := adam.ends_early(steps):
      say(f'{name}: {warning}')
  saved = Checkpoints(workdir, keep=config.keep)
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
  meter = Meter(step, steps, config.batch_size)
  stream = itertools.chain([first_batch], stream)
  while step < steps:
    step += 1
    batch = dict(next(stream))
    progress['position'] = int(
        batch.pop('position', step * config.batch_size))
    batch = devices.split(batch)
    if step == first + 1:
      step_fn = _compiled(step_fn, state, published, batch)
      meter.start()
    state, logs = step_fn(state, published, batch)
    meter.add(logs)

    logging, evaluating, saving = (
        step == steps or step % every == 0 for every in
        (config.log_every, config.eval_every, config.save_every))
    if logging or saving or evaluating:
      losses = meter.losses()
      _check_finite(losses, step, saved)
    if logging:
      speed = meter.lap()
      rates = {f'learning_rate/{name}': float(adam.schedule(steps)(step - 1))
               for name, adam in adams.items()}
      writer.write_scalars(step, losses | rates | speed)
      say(line(step, steps, {name: value for name, value in losses.items()
                             if '/' not in name}, speed))
    if evaluating or saving:
      with meter.paused():
        host_state = jax.device_get(state)
        means = None
        if evaluating:
          means = _validate(evaluator, host_state.variables, validation(),
                            examples, step, writer)
        saved.save(host_state, progress, means)

  meter.close()
  saved.close()
  writer.close()
  for name in getattr(stream, 'skipped', ()):
    say(f'not trained on, broken: {name}')
  state = jax.device_get(state)
  evaluate.report(config, workdir / 'evaluation', state.variables, step=step,
                  evaluator=evaluator)
  return state


def _check(config: ml_collections.ConfigDict, stage: Stage) -> None:
  """Checks numbers of the config that fit or do not fit the stage."""
  if 'known_edge' in stage.learns_from and not config.data.edge:
    raise UsageError(f'the stage {config.stage} of {config.system} reads '
                     'edges; config.data.edge says which, e.g. canny')
  if 'sketch' in stage.learns_from and not config.data.sketch:
    raise UsageError(f'the stage {config.stage} of {config.system} reads '
                     'sketches; config.data.sketch says which, e.g. simulated')
  (divisor, smallest), size = stage.sizes, config.data.size
  if size % divisor:
    raise UsageError(f'config.data.size is {size}; {config.system} takes '
                     f'multiples of {divisor}')
  if size < smallest:
    raise UsageError(f'config.data.size is {size}; {config.system} takes '
                     f'{smallest} or more')
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


def _steps(config: ml_collections.ConfigDict, stream: Any) -> int:
  """Returns how many steps the run has."""
  if config.steps:
    return config.steps
  if not hasattr(stream, 'source'):
    raise UsageError('config.epochs needs photographs that can be counted; '
                     'this loader has no `source`; give config.steps')
  return math.ceil(config.epochs * len(stream.source) / config.batch_size)


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


def _validate(evaluator, variables, batches, examples, step, writer
              ) -> dict[str, Any]:
  """Scores the held-out examples; writes scores and a figure of some."""
  means = evaluator(variables, batches).means()
  writer.write_scalars(
      step, {f'validation/{name}': value for name, value in means.items()})
  figure = reports.figure(
      examples, evaluator.predict(variables, examples))
  writer.write_images(step, {'examples': figure[None]})
  say(f'step {step}  validation  ' + '  '.join(
      f'{name} {value:.4g}' for name, value in means.items()))
  return means
