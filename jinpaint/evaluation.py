"""Evaluates a run: its networks beside what a user would otherwise pick."""

from collections.abc import Callable
from pathlib import Path

import ml_collections

from jinpaint import baselines, checkpoints, reports, runs, scores
from jinpaint.data import pipeline
from jinpaint.types import Variables


def evaluate(workdir: Path, *, checkpoint: str = 'last',
             source: str = '', limit: int = 0) -> scores.Evaluation:
  """Evaluates a run's checkpoint, prints the table and writes it.

  Args:
    workdir: the run's directory; `evaluation/` in it is written.
    checkpoint: 'last', 'best' or a step.
    source: photographs to evaluate on, all of them; empty for the run's own
      held-out ones.
    limit: the first so many only; 0 for all.

  Raises:
    UsageError: there is no such run or checkpoint, or no such photographs.
  """
  config = runs.read_config(workdir)
  if source:
    config.data.eval_source = source
  variables, step = checkpoints.variables_of(workdir, checkpoint)
  return report(config, workdir, variables, step=step, limit=limit)


def report(config: ml_collections.ConfigDict, workdir: Path,
           variables: Variables, *, step: int, limit: int = 0,
           evaluator: scores.Evaluator | None = None,
           write: Callable[[str], None] = print) -> scores.Evaluation:
  """Evaluates networks on a config's held-out data; prints and writes.

  Args:
    config: whose stage and data.
    workdir: `evaluation/` in it is written.
    variables: the networks.
    step: at which they were saved.
    limit: the first so many examples only; 0 for all.
    evaluator: of the config's stage, if one has been compiled already.
    write: prints.
  """
  evaluator = evaluator or scores.Evaluator(
      runs.stage_of(config), edge_threshold=config.edge_threshold)
  batches = lambda: pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=limit)
  examples = batches()
  evaluation = evaluator(variables, examples, names=examples.source.names,
                         others=baselines.BASELINES)
  shown = next(batches())
  picture = reports.figure(shown, evaluator.predict(variables, shown))
  directory = workdir / 'evaluation'
  reports.write(evaluation, directory, {
      'step': step, 'system': config.system, 'stage': config.stage,
      'seed': config.seed, 'data': config.data.to_dict()}, picture)
  write(reports.table(evaluation))
  for name in examples.skipped:
    write(f'not evaluated, broken: {name}')
  write(f'written to {directory}')
  return evaluation
