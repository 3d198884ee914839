"""The whole evaluation of a run: from its checkpoint to a written report."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
from pathlib import Path
from typing import Any

import ml_collections

from jinpaint import runs
from jinpaint.converters import pretrained
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.evaluation import (
    baselines,
    gallery,
    literature,
    manifest,
    measures,
    models,
    needs,
    reports,
    sets,
)
from jinpaint.evaluation import predictions as pictures
from jinpaint.evaluation.contest import Contest
from jinpaint.evaluation.models import Opened
from jinpaint.evaluation.protocol import Protocol
from jinpaint.evaluation.records import Record
from jinpaint.evaluation.scores import Evaluation, Evaluator, Model, row_of
from jinpaint.runs import checkpoints
from jinpaint.stage import Measure, Stage
from jinpaint.types import Variables


def evaluate(workdir: Path, *, checkpoint: str = 'last', limit: int = 0,
             seed: int | None = None, full_size: bool = False,
             batch_size: int = 0, compare: Iterable[Path] = (),
             metrics: Iterable[str] = (), metric_set: str = '', table: str = '',
             methods: Iterable[str] = baselines.DEFAULT,
             data: Mapping[str, str] | None = None, resume: bool = False,
             write: Callable[[str], None] = print) -> None:
  """Evaluates a run's checkpoint, prints the table and writes it.

  Args:
    workdir: the run's directory; `evaluation/` in it is written.
    checkpoint: 'last', 'best' or a step.
    limit: how many of the first photographs; 0 for all.
    seed: decides holes and crops; None for the run's own.
    full_size: whether photographs are scored at their own sizes instead of the
      config's square.
    batch_size: examples a batch; 0 for the run's own, at full size as many as
      hold as many pixels. It changes no score.
    compare: further runs, or files of packed models, on the same photographs
      and holes.
    metrics: what is measured of filled images, keys of
      `jinpaint.evaluation.measures.MEASURES` and of
      `jinpaint.evaluation.sets.MEASURES`.
    metric_set: a key of `jinpaint.evaluation.measures.SETS`, measured as well.
    table: a key of `jinpaint.evaluation.literature.TABLES`: one evaluation for
      each of its ranges of hole ratios, printed beside the paper's numbers.
    methods: what the run is scored beside, keys of
      `jinpaint.evaluation.baselines.ROWS`.
    data: changes of the config's `data`. `eval_source` names other photographs
      than the run's held-out ones ('test': its `test_source`), `mask` other
      holes, and so on. A key whose value is '' stays as it is.
    resume: whether scores of an evaluation that was stopped are taken over; it
      must have been made of the same.
    write: prints a text.

  Raises:
    UsageError: there is no such run, checkpoint, metric or table, or no such
      photographs or masks; or what is to be resumed was made of others.
  """
  config = _config_of(workdir, data or {})
  config.seed = config.seed if seed is None else seed
  stage = runs.stage_of(config)
  others = baselines.choose(methods)
  metrics, compare = tuple(metrics), tuple(compare)
  if metrics or metric_set:
    if table:
      raise UsageError(f'the table {table} says what is measured; leave out '
                       '--metrics and --metric_set')
    _check_fills(stage, config, 'which metrics are about')
  if compare:
    _check_fills(stage, config, 'which a comparison is about')
  if batch_size < 0:
    raise UsageError(f'the batch size is {batch_size}; it must be 0 (the '
                     "run's own) or more")
  of_sets, names = sets.split(metrics, metric_set)
  of_images = measures.choose(names, metric_set)
  paper = literature.table(table) if table else None
  if paper:
    _check_fills(stage, config, f'which the table {table} is about')
    of_images = measures.choose(filter(None, paper.measures.values()))
  variables, step = checkpoints.variables_of(workdir, checkpoint)
  opened = [Opened(workdir, config, variables, step),
            *models.further(compare, config)]
  available = needs.load(of_images)
  evaluators = [_evaluator(each.config, runs.stage_of(each.config), available)
                for each in opened]
  contest = Contest(
      models.rows_of(opened, evaluators), models.guidances_of(opened), others,
      _protocol(config, limit, full_size, batch_size))
  directory = workdir / 'evaluation'
  if not paper:
    evaluation = _recorded(opened, directory, contest, resume, of_sets)
    _print_report(reports.table(evaluation), evaluation.broken, directory,
                  write)
    if full_size:
      write(contest.compiled())
    return

  directory /= table.replace(':', '_')
  evaluations = []
  for low, high in paper.bins:
    config.data.mask_ratio = (low, high)
    of_bin = dataclasses.replace(
        contest, protocol=_protocol(config, limit, full_size, batch_size))
    evaluations.append(_recorded(
        opened, directory / f'{100 * low:.0f}-{100 * high:.0f}', of_bin,
        resume))
  used = config.data
  size = 'full size' if full_size else f'{used.size} x {used.size}'
  text = reports.comparison(
      paper, evaluations, f'{used.eval_source or used.source}, {size}, masks '
      f'{used.mask} ({used.mask_reading})')
  files.write_atomically(directory / 'table.md', (text + '\n').encode())
  _print_report(text, evaluations[-1].broken, directory, write)


def evaluate_pictures(
    predictions: Sequence[Path], targets: Path, masks: Path | None = None, *,
    output: Path | None = None, metrics: Iterable[str] = (),
    metric_set: str = '', mask_hole: str = '', limit: int = 0,
    batch_size: int = 0, write: Callable[[str], None] = print) -> None:
  """Scores pictures made elsewhere, prints the table and writes it.

  Args:
    predictions: folders of pictures, a row each.
    targets: the folder of the true images, of the same names and sizes.
    masks: the folder of their masks; None: only whole images are measured.
    output: where to write; None for a folder beside the first one of pictures,
      of its name and `-evaluation`.
    metrics: as in `evaluate`.
    metric_set: as in `evaluate`.
    mask_hole: colour of a hole in the masks, by default white.
    limit: how many of the first true images; 0 for all.
    batch_size: examples a batch; 0 for a number that suits their sizes.
    write: prints a text.

  Raises:
    UsageError: there is no such folder or metric, a file has no partner, or
      partners differ in size.
  """
  of_sets, names = sets.split(metrics, metric_set)
  made = pictures.made(
      predictions, targets, masks, names=names, metric_set=metric_set,
      mask_hole=mask_hole or 'white', limit=limit, batch_size=batch_size)
  directory = output or predictions[0].with_name(
      f'{predictions[0].resolve().name}-evaluation')
  evaluation = sets.added(made.score(), of_sets, made.drawn)
  reports.write(evaluation, directory, {
      'manifest': manifest.of_pictures(
          predictions, targets, masks, made.columns.measures,
          made.described()),
      'gallery': gallery.write(evaluation, directory, made.drawn)},
      reports.figure(*next(made.shown())))
  _print_report(reports.table(evaluation), evaluation.broken, directory, write)


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
  return _evaluator(
      config, stage,
      needs.load(measures.choose() if of_images is None else of_images),
      published)


def _evaluator(config: ml_collections.ConfigDict, stage: Stage,
               available: needs.Available, published: Variables | None = None
               ) -> Evaluator:
  """Returns what `evaluator_of` does, of measures that are loaded already."""
  guidance = runs.guidance_of(config, training=False)
  loaded = published or {}
  return Evaluator(
      stage, guidance=guidance, of_images=available.measures,
      needed=available.networks, left_out=available.left_out,
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
  contest = _alone(config, variables, evaluator, limit)
  if others is not None:
    contest = dataclasses.replace(contest, others=others)
  return contest.score()


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
  contest = _alone(config, variables, evaluator, limit)
  evaluation = evaluation or contest.score()
  opened = [Opened(directory.parent, config, variables, step)]
  _write_files(opened, directory,
               contest, evaluation, manifest.of(opened, contest))
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


def _protocol(config: ml_collections.ConfigDict, limit: int = 0,
              full_size: bool = False, batch_size: int = 0) -> Protocol:
  """Returns on what a config is evaluated, see `evaluate`."""
  return Protocol(
      runs.data_of(config), config.seed, batch_size or config.batch_size,
      limit=limit, full_size=full_size,
      pixels=0 if batch_size else config.batch_size * config.data.size**2)


def _alone(config: ml_collections.ConfigDict, variables: Variables,
           evaluator: Evaluator, limit: int) -> Contest:
  """Returns the contest of one system and the default classical methods."""
  row = row_of(runs.stage_of(config))
  return Contest(
      [Model(row, evaluator, variables)],
      [runs.guidance_of(config, training=False)],
      baselines.choose(baselines.DEFAULT), _protocol(config, limit))


def _recorded(opened: Sequence[Opened], directory: Path, contest: Contest,
              resume: bool, of_sets: Mapping[str, sets.SetMeasure] = {}
              ) -> Evaluation:
  """Scores, writing what is known as it comes, and writes the files."""
  made_of = manifest.of(opened, contest)
  record = Record(directory, made_of, contest.columns(), contest.names(),
                  resume=resume)
  evaluation = sets.added(
      contest.score(known=record.known, note=record.note), of_sets,
      contest.pictures)
  _write_files(opened, directory, contest, evaluation, made_of)
  record.finish()
  return evaluation


def _write_files(opened: Sequence[Opened], directory: Path, contest: Contest,
                 evaluation: Evaluation, made_of: Mapping[str, Any]) -> None:
  """Writes an evaluation, with a picture of the first examples."""
  config = opened[0].config
  shown = (gallery.write(evaluation, directory, contest.pictures)
           if runs.stage_of(config).fills else [])
  picture = reports.figure(*next(contest.shown()))
  reports.write(evaluation, directory, {
      'step': opened[0].step, 'system': config.system, 'stage': config.stage,
      'seed': config.seed, 'data': config.data.to_dict(),
      'manifest': made_of, 'gallery': shown}, picture)


def _print_report(text: str, broken: Iterable[str], directory: Path,
                  write: Callable[[str], None]) -> None:
  """Prints a table, the images that it leaves out, and where it was written."""
  write(text)
  for name in broken:
    write(f'not evaluated, broken: {name}')
  write(f'written to {directory}')
