"""The whole evaluation of a run: from its checkpoint to a written report."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
from pathlib import Path

import ml_collections

from jinpaint import runs
from jinpaint.converters import pretrained
from jinpaint.data import files, pipeline
from jinpaint.errors import UsageError
from jinpaint.evaluation import baselines, literature, measures, reports
from jinpaint.evaluation.protocol import Protocol
from jinpaint.evaluation.scores import Evaluation, Evaluator
from jinpaint.runs import checkpoints
from jinpaint.stage import Measure, Stage
from jinpaint.types import Variables


def evaluate(workdir: Path, *, checkpoint: str = 'last', limit: int = 0,
             seed: int | None = None, metrics: Iterable[str] = (),
             metric_set: str = '', table: str = '',
             methods: Iterable[str] = baselines.DEFAULT,
             data: Mapping[str, str] | None = None,
             write: Callable[[str], None] = print) -> None:
  """Evaluates a run's checkpoint, prints the table and writes it.

  Args:
    workdir: the run's directory; `evaluation/` in it is written.
    checkpoint: 'last', 'best' or a step.
    limit: how many of the first photographs; 0 for all.
    seed: decides holes and crops; None for the run's own.
    metrics: what is measured of filled images, keys of
      `jinpaint.evaluation.measures.MEASURES`.
    metric_set: a key of `jinpaint.evaluation.measures.SETS`, measured as well.
    table: a key of `jinpaint.evaluation.literature.TABLES`: one evaluation for
      each of its ranges of hole ratios, printed beside the paper's numbers.
    methods: what the run is scored beside, keys of
      `jinpaint.evaluation.baselines.ROWS`.
    data: changes of the config's `data`. `eval_source` names other photographs
      than the run's held-out ones ('test': its `test_source`), `mask` other
      holes, and so on. A key whose value is '' stays as it is.
    write: prints a text.

  Raises:
    UsageError: there is no such run, checkpoint, metric or table, or no such
      photographs or masks.
  """
  config = _config_of(workdir, data or {})
  config.seed = config.seed if seed is None else seed
  stage = runs.stage_of(config)
  others = baselines.choose(methods)
  metrics = tuple(metrics)
  if metrics or metric_set:
    if table:
      raise UsageError(f'the table {table} says what is measured; leave out '
                       '--metrics and --metric_set')
    _check_fills(stage, config, 'which metrics are about')
  of_images = measures.choose(metrics, metric_set)
  paper = literature.table(table) if table else None
  if paper:
    _check_fills(stage, config, f'which the table {table} is about')
    of_images = measures.choose(paper.measures.values())
  variables, step = checkpoints.variables_of(workdir, checkpoint)
  evaluator = evaluator_of(config, stage, of_images=of_images)
  directory = workdir / 'evaluation'
  if not paper:
    evaluation = score(config, variables, limit=limit, evaluator=evaluator,
                       others=others)
    report(config, directory, variables, step=step, evaluator=evaluator,
           evaluation=evaluation, write=write)
    return

  directory /= table.replace(':', '_')
  evaluations = []
  for low, high in paper.bins:
    config.data.mask_ratio = (low, high)
    evaluation = score(config, variables, limit=limit, evaluator=evaluator,
                       others=others)
    _write_files(config, directory / f'{100 * low:.0f}-{100 * high:.0f}',
                 variables, step=step, evaluator=evaluator,
                 evaluation=evaluation)
    evaluations.append(evaluation)
  used = config.data
  text = reports.comparison(
      paper, evaluations, f'{used.eval_source or used.source}, {used.size} x '
      f'{used.size}, masks {used.mask} ({used.mask_reading})')
  files.write_atomically(directory / 'table.md', (text + '\n').encode())
  _print_report(text, evaluations[-1].broken, directory, write)


def evaluator_of(config: ml_collections.ConfigDict, stage: Stage, *,
                 of_images: Mapping[str, Measure] | None = None,
                 published: Variables | None = None) -> Evaluator:
  """Returns what scores a config's stage on batches of its data.

  Args:
    config: the config.
    stage: its stage.
    of_images: what is measured of filled images, see `Evaluator`.
    published: variables of published networks that are loaded already. Those
      that are not needed are left alone, and those that are missing are loaded.

  Raises:
    UsageError: published weights are missing.
  """
  guidance = runs.guidance_of(config, training=False)
  loaded = published or {}
  return Evaluator(
      stage, guidance=guidance, of_images=of_images,
      published={
          name: loaded[name] if name in loaded else pretrained.load(name)
          for name in guidance.published},
      edge_threshold=config.edge_threshold, compute=config.compute)


def score(config: ml_collections.ConfigDict, variables: Variables, *,
          evaluator: Evaluator, limit: int = 0,
          others: Mapping[str, baselines.Method] | None = None) -> Evaluation:
  """Scores networks and classical methods on a config's held-out data.

  Args:
    config: whose data.
    variables: the networks.
    evaluator: of the config's stage.
    limit: how many of the first examples; 0 for all.
    others: the methods that are scored beside them, by the titles of their
      rows; None for the default ones.

  Returns:
    The evaluation. Its `first(n)` is the evaluation of the first n examples
    alone, which thus need not be scored again.
  """
  batches = _held_out(config, limit)
  evaluation = evaluator(
      variables, batches, names=batches.source.names,
      others=baselines.choose(baselines.DEFAULT) if others is None else others)
  protocol = Protocol(runs.data_of(config), config.seed, limit)
  return dataclasses.replace(evaluation, protocol=protocol.described())


def report(config: ml_collections.ConfigDict, directory: Path,
           variables: Variables, *, step: int, limit: int = 0,
           evaluator: Evaluator | None = None,
           evaluation: Evaluation | None = None,
           write: Callable[[str], None] = print) -> Evaluation:
  """Evaluates networks on a config's held-out data; prints and writes.

  Args:
    config: whose stage and data.
    directory: where it is written.
    variables: the networks.
    step: at which they were saved.
    limit: how many of the first examples; 0 for all.
    evaluator: of the config's stage, if one has been compiled already.
    evaluation: what `score` returned, if the networks have been scored already.
    write: prints a text.
  """
  evaluator = evaluator or evaluator_of(config, runs.stage_of(config))
  evaluation = evaluation or score(config, variables, evaluator=evaluator,
                                   limit=limit)
  _write_files(config, directory, variables, step=step, evaluator=evaluator,
               evaluation=evaluation)
  _print_report(reports.table(evaluation), evaluation.broken, directory, write)
  return evaluation


def _config_of(workdir: Path, data: Mapping[str, str]
               ) -> ml_collections.ConfigDict:
  """Returns a run's config with changes of its data, see `evaluate`."""
  config = runs.read_config(workdir)
  config.data.update({key: value for key, value in data.items() if value})
  if config.data.eval_source == 'test':
    if not config.data.test_source:
      raise UsageError(f'the run {workdir} has no photographs to test on: its '
                       'data.test_source is empty; name a source')
    config.data.eval_source = config.data.test_source
  return config


def _check_fills(stage: Stage, config: ml_collections.ConfigDict, reason: str
                 ) -> None:
  """Raises `UsageError` unless a config's stage fills holes."""
  if not stage.fills:
    raise UsageError(f'the stage {config.stage} of {config.system} makes no '
                     f'image, {reason}')


def _held_out(config: ml_collections.ConfigDict, limit: int
              ) -> pipeline.Batches:
  """Returns the batches of a config's held-out examples."""
  return pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=limit, guidance=runs.guidance_of(config, training=False))


def _write_files(config: ml_collections.ConfigDict, directory: Path,
                 variables: Variables, *, step: int, evaluator: Evaluator,
                 evaluation: Evaluation) -> None:
  """Writes an evaluation, with a picture of the first examples."""
  scored = int(evaluation.indices[-1]) + 1
  examples = evaluator.guide(next(_held_out(config, limit=scored)))
  picture = reports.figure(examples, evaluator.predict(variables, examples))
  reports.write(evaluation, directory, {
      'step': step, 'system': config.system, 'stage': config.stage,
      'seed': config.seed, 'data': config.data.to_dict()}, picture)


def _print_report(text: str, broken: Iterable[str], directory: Path,
                  write: Callable[[str], None]) -> None:
  """Prints a table, the images that it leaves out, and where it was written."""
  write(text)
  for name in broken:
    write(f'not evaluated, broken: {name}')
  write(f'written to {directory}')
