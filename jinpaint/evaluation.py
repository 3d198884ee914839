"""Evaluates a run: its networks beside what a user would otherwise pick."""

from collections.abc import Callable
from pathlib import Path

import ml_collections

from jinpaint import baselines, reports, runs, scores
from jinpaint.checkpoints import Checkpoints
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
  saved = Checkpoints(workdir)
  variables, step = saved.variables(checkpoint)
  saved.close()
  return report(config, workdir, variables, step=step, limit=limit)


def report(config: ml_collections.ConfigDict, workdir: Path,
           variables: Variables, *, step: int, limit: int = 0,
           write: Callable[[str], None] = print) -> scores.Evaluation:
  """Evaluates networks on a config's held-out data; prints and writes.

  Args:
    config: whose stage and data.
    workdir: `evaluation/` in it is written.
    variables: the networks.
    step: at which they were saved.
    limit: the first so many examples only; 0 for all.
    write: prints.
  """
  stage = runs.stage_of(config)
  batches = lambda: pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=limit)
  evaluator = scores.Evaluator(stage)
  examples = batches()
  evaluation = evaluator(variables, examples, names=examples.source.names,
                         others=baselines.BASELINES)
  shown = next(batches())
  picture = reports.figure(shown, evaluator.predict(variables, {
      key: shown[key] for key in ('image', 'mask')}))
  directory = workdir / 'evaluation'
  reports.write(evaluation, directory, {
      'step': step, 'system': config.system, 'stage': config.stage,
      'seed': config.seed, 'data': config.data.to_dict()}, picture)
  write(reports.table(evaluation))
  for name in examples.skipped:
    write(f'not evaluated, broken: {name}')
  write(f'written to {directory}')
  return evaluation
