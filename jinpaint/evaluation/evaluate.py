"""Evaluates a run: its networks beside what a user would otherwise pick."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import ml_collections

from jinpaint import runs
from jinpaint.converters import pretrained
from jinpaint.data import files, pipeline
from jinpaint.errors import UsageError
from jinpaint.evaluation import baselines, literature, reports, scores
from jinpaint.runs import checkpoints
from jinpaint.stage import Stage
from jinpaint.types import Variables


def evaluate(workdir: Path, *, checkpoint: str = 'last', limit: int = 0,
             table: str = '', data: Mapping[str, str] | None = None,
             write: Callable[[str], None] = print) -> None:
  """Evaluates a run's checkpoint, prints the table and writes it.

  Args:
    workdir: the run's directory; `evaluation/` in it is written.
    checkpoint: 'last', 'best' or a step.
    limit: the first so many only; 0 for all.
    table: a key of `jinpaint.evaluation.literature.TABLES`: one evaluation for
      each of its ranges of hole ratios, printed beside the paper's numbers.
    data: what to change in the config's `data`: `eval_source` for photographs
      other than the run's held-out ones ('test': its `test_source`), `mask`,
      ...; what is '' stays.
    write: prints.

  Raises:
    UsageError: there is no such run, checkpoint or table, or no such
      photographs or masks.
  """
  config = runs.read_config(workdir)
  config.data.update({key: value for key, value in (data or {}).items()
                      if value})
  if config.data.eval_source == 'test':
    if not config.data.test_source:
      raise UsageError(f'the run {workdir} has no photographs to test on: its '
                       'data.test_source is empty; name a source')
    config.data.eval_source = config.data.test_source
  paper = literature.table(table) if table else None
  variables, step = checkpoints.variables_of(workdir, checkpoint)
  directory = workdir / 'evaluation'
  if not paper:
    report(config, directory, variables, step=step, limit=limit, write=write)
    return

  directory /= table.replace(':', '_')
  evaluator = evaluator_of(config, _filling(config, table),
                           columns=tuple(paper.metrics.values()))
  found, broken = [], []
  for low, high in paper.bins:
    config.data.mask_ratio = (low, high)
    evaluation, broken = _measure(
        config, directory / f'{100 * low:.0f}-{100 * high:.0f}', variables,
        step=step, limit=limit, evaluator=evaluator)
    found.append(evaluation)
  used = config.data
  text = reports.comparison(
      paper, found, f'{used.eval_source or used.source}, {used.size} x '
      f'{used.size}, masks {used.mask} ({used.mask_reading})')
  files.write_atomically(directory / 'table.md', (text + '\n').encode())
  _say(text, broken, directory, write)


def evaluator_of(config: ml_collections.ConfigDict, stage: Stage,
                 **options: Any) -> scores.Evaluator:
  """Returns what scores a config's stage on batches of its data.

  Args:
    config: the config.
    stage: its stage.
    **options: further keywords of `jinpaint.evaluation.scores.Evaluator`.

  Raises:
    UsageError: published weights are missing.
  """
  guidance = runs.guidance_of(config, training=False)
  return scores.Evaluator(
      stage, guidance=guidance, edge_threshold=config.edge_threshold,
      published={name: pretrained.load(name) for name in guidance.published},
      compute=config.compute, **options)


def report(config: ml_collections.ConfigDict, directory: Path,
           variables: Variables, *, step: int, limit: int = 0,
           evaluator: scores.Evaluator | None = None,
           write: Callable[[str], None] = print) -> scores.Evaluation:
  """Evaluates networks on a config's held-out data; prints and writes.

  Args:
    config: whose stage and data.
    directory: where it is written.
    variables: the networks.
    step: at which they were saved.
    limit: the first so many examples only; 0 for all.
    evaluator: of the config's stage, if one has been compiled already.
    write: prints.
  """
  evaluator = evaluator or evaluator_of(config, runs.stage_of(config))
  evaluation, broken = _measure(config, directory, variables, step=step,
                                limit=limit, evaluator=evaluator)
  _say(reports.table(evaluation), broken, directory, write)
  return evaluation


def _measure(config, directory, variables, *, step, limit, evaluator):
  """Evaluates and writes; returns the evaluation and what was broken."""
  batches = lambda: pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=limit, guidance=runs.guidance_of(config, training=False))
  examples = batches()
  evaluation = evaluator(variables, examples, names=examples.source.names,
                         others=baselines.BASELINES)
  shown = evaluator.guide(next(batches()))
  reports.write(evaluation, directory, {
      'step': step, 'system': config.system, 'stage': config.stage,
      'seed': config.seed, 'data': config.data.to_dict()},
      reports.figure(shown, evaluator.predict(variables, shown)))
  return evaluation, examples.skipped


def _say(text, broken, directory, write):
  write(text)
  for name in broken:
    write(f'not evaluated, broken: {name}')
  write(f'written to {directory}')


def _filling(config, table):
  """Returns the stage of a config, if it fills holes."""
  stage = runs.stage_of(config)
  if not stage.fills:
    raise UsageError(f'the stage {config.stage} of {config.system} makes no '
                     f'image, which the table {table} is about')
  return stage
