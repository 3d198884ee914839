"""The whole evaluation of a run: from its checkpoint to a written report."""

from collections.abc import Callable, Iterable, Mapping
import itertools
from pathlib import Path
from typing import Any

import ml_collections

from jinpaint import runs
from jinpaint.converters import pretrained
from jinpaint.data import files, pipeline
from jinpaint.errors import UsageError
from jinpaint.evaluation import baselines, literature, measures, reports
from jinpaint.evaluation.scores import Evaluation, Evaluator
from jinpaint.runs import checkpoints
from jinpaint.stage import Measure, Stage
from jinpaint.types import Variables


def evaluate(workdir: Path, *, checkpoint: str = 'last', limit: int = 0,
             metrics: Iterable[str] = (), metric_set: str = '',
             table: str = '', data: Mapping[str, str] | None = None,
             write: Callable[[str], None] = print) -> None:
  """Evaluates a run's checkpoint, prints the table and writes it.

  Args:
    workdir: the run's directory; `evaluation/` in it is written.
    checkpoint: 'last', 'best' or a step.
    limit: how many of the first photographs; 0 for all.
    metrics: what is measured of filled images, keys of
      `jinpaint.evaluation.measures.MEASURES`.
    metric_set: a key of `jinpaint.evaluation.measures.SETS`, measured as well.
    table: a key of `jinpaint.evaluation.literature.TABLES`: one evaluation for
      each of its ranges of hole ratios, printed beside the paper's numbers.
    data: changes of the config's `data`. `eval_source` names other photographs
      than the run's held-out ones ('test': its `test_source`), `mask` other
      holes, and so on. A key whose value is '' stays as it is.
    write: prints a text.

  Raises:
    UsageError: there is no such run, checkpoint, metric or table, or no such
      photographs or masks.
  """
  config = _config_of(workdir, data or {})
  stage = runs.stage_of(config)
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
    report(config, directory, variables, step=step, limit=limit,
           evaluator=evaluator, write=write)
    return

  directory /= table.replace(':', '_')
  evaluations: list[Evaluation] = []
  broken: tuple[str, ...] = ()
  for low, high in paper.bins:
    config.data.mask_ratio = (low, high)
    evaluation, broken = _score_and_write(
        config, directory / f'{100 * low:.0f}-{100 * high:.0f}', variables,
        step=step, limit=limit, evaluator=evaluator)
    evaluations.append(evaluation)
  used = config.data
  text = reports.comparison(
      paper, evaluations, f'{used.eval_source or used.source}, {used.size} x '
      f'{used.size}, masks {used.mask} ({used.mask_reading})')
  files.write_atomically(directory / 'table.md', (text + '\n').encode())
  _print_report(text, broken, directory, write)


def evaluator_of(config: ml_collections.ConfigDict, stage: Stage, *,
                 of_images: Mapping[str, Measure] | None = None,
                 published: Variables | None = None) -> Evaluator:
  """Returns what scores a config's stage on batches of its data.

  Args:
    config: the config.
    stage: its stage.
    of_images: what is measured of filled images, see `Evaluator`.
    published: variables of published networks that are loaded already, more
      than are needed, maybe; what is missing is loaded.

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


def report(config: ml_collections.ConfigDict, directory: Path,
           variables: Variables, *, step: int, limit: int = 0,
           evaluator: Evaluator | None = None,
           write: Callable[[str], None] = print) -> Evaluation:
  """Evaluates networks on a config's held-out data; prints and writes.

  Args:
    config: whose stage and data.
    directory: where it is written.
    variables: the networks.
    step: at which they were saved.
    limit: how many of the first examples; 0 for all.
    evaluator: of the config's stage, if one has been compiled already.
    write: prints a text.

  Returns:
    The evaluation. Its `first(n)` is what an evaluation of the first n examples
    would have been, so that they need not be scored again.
  """
  evaluator = evaluator or evaluator_of(config, runs.stage_of(config))
  evaluation, broken = _score_and_write(
      config, directory, variables, step=step, limit=limit, evaluator=evaluator)
  _print_report(reports.table(evaluation), broken, directory, write)
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


def _score_and_write(
    config: ml_collections.ConfigDict, directory: Path, variables: Variables,
    *, step: int, limit: int, evaluator: Evaluator
) -> tuple[Evaluation, tuple[str, ...]]:
  """Scores networks beside classical methods and writes all files.

  Returns:
    The evaluation, and the names of the images that were broken.
  """
  batches = pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=limit, guidance=runs.guidance_of(config, training=False))
  first_batch = next(batches)
  evaluation = evaluator(
      variables, itertools.chain([first_batch], batches),
      names=batches.source.names, others=baselines.BASELINES)
  examples = evaluator.guide(first_batch)
  picture = reports.figure(examples, evaluator.predict(variables, examples))
  about: dict[str, Any] = {
      'step': step, 'system': config.system, 'stage': config.stage,
      'seed': config.seed, 'data': config.data.to_dict()}
  reports.write(evaluation, directory, about, picture)
  return evaluation, batches.skipped


def _print_report(text: str, broken: Iterable[str], directory: Path,
                  write: Callable[[str], None]) -> None:
  """Prints a table, the images that it leaves out, and where it was written."""
  write(text)
  for name in broken:
    write(f'not evaluated, broken: {name}')
  write(f'written to {directory}')
