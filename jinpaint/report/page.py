"""Puts the page together: what the templates are given, and the file."""

import base64
from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup

import jinpaint
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.report import evaluations, history, pictures, plots
from jinpaint.report.evaluations import Case, Column, Evaluation, Mean
from jinpaint.report.history import History

# Bytes of the page that may be pictures, and figures over time of a run.
_PICTURE_BYTES = 24 * 2**20
_FIGURES = 24
# Rows of a table of settings; a manifest may have one for each file.
_ROWS = 400
# Characters of a value in it.
_VALUE = 1000


class Run(NamedTuple):
  """One of the folders that the page is about.

  Attributes:
    name: what it is called in the page.
    history: what a training wrote.
    config: dotted key -> value; empty where there is none.
    parameters: the text of `parameters.txt`; '' where there is none.
    evaluation: what an evaluation wrote, if there is one.
    missing: one sentence for each thing that is not there.
  """

  name: str
  history: History
  config: Mapping[str, str]
  parameters: str
  evaluation: Evaluation | None
  missing: Sequence[str]


def write(workdirs: Sequence[Path], output: Path, *,
          picture_bytes: int = _PICTURE_BYTES) -> None:
  """Writes a page about runs and evaluations.

  Args:
    workdirs: directories of runs, whose curves are drawn over each other, or
      folders of evaluations.
    output: the HTML file.
    picture_bytes: how many bytes of the file may be pictures.

  Raises:
    UsageError: a folder holds neither run nor evaluation, a file in it cannot
      be read, or the output cannot be written.
  """
  names = _names(workdirs)
  runs = [_read(path, name) for path, name in zip(workdirs, names, strict=True)]
  album = pictures.Album(picture_bytes)
  html = _environment().get_template('page.html').render(
      title=', '.join(names), version=jinpaint.__version__, runs=runs,
      evaluated=[_evaluated(run.name, run.evaluation, album)
                 for run in runs if run.evaluation],
      groups=list(_groups(runs)),
      settings=_settings({run.name: run.config for run in runs}),
      figures=[_figures(run, album) for run in runs if run.history.pictures],
      album=album, most_images=plots.MOST_IMAGES,
      style=_asset('shared.css') + _asset('style.css'),
      script=_asset('script.js'))
  # Names of files may hold bytes that are no text.
  files.write_atomically(output, html.encode(errors='backslashreplace'))


def _names(workdirs: Sequence[Path]) -> list[str]:
  """Returns the last parts of paths, or all of them if these are not unique."""
  short = [path.resolve().name for path in workdirs]
  if len(set(short)) == len(short):
    return short
  return [str(path) for path in workdirs]


def _read(workdir: Path, name: str) -> Run:
  """Reads what is in a folder.

  Raises:
    UsageError: it is no run and no evaluation.
  """
  if not workdir.is_dir():
    raise UsageError(f'there is no folder {workdir}')
  places = [place for place in (workdir / 'evaluation', workdir)
            if (place / evaluations.SUMMARY).exists()]
  config = _flat(_json(workdir / 'config.json'))
  events = history.event_files(workdir)
  if not (places or config or events):
    raise UsageError(f'{workdir} holds no run and no evaluation: there is no '
                     f'config.json, events.out... or {evaluations.SUMMARY}')
  evaluation = evaluations.read(places[0]) if places else None
  parameters = _text(workdir / 'parameters.txt')
  is_run = bool(config or events)
  missing = [sentence for sentence, is_missing in (
      ('no evaluation: evaluate.py makes one', not evaluation),
      ('no gallery in the evaluation',
       evaluation and not evaluation.cases),
      ('no event files, and thus no curves and no pictures over time',
       is_run and not events),
      ('no config.json', is_run and not config),
      ('no parameters.txt', is_run and not parameters)) if is_missing]
  return Run(name, history.read(workdir, pictures=_FIGURES), config, parameters,
             evaluation, missing)


def _json(path: Path) -> Any:
  """Returns what a JSON file holds; {} if there is none."""
  text = _text(path)
  try:
    return json.loads(text) if text else {}
  except ValueError as error:
    raise UsageError(f'cannot read {path}: {error}') from error


def _text(path: Path) -> str:
  """Returns the text of a file; '' if there is none."""
  try:
    return path.read_text(errors='replace') if path.exists() else ''
  except OSError as error:
    raise UsageError(f'cannot read {path}: {error.strerror}') from error


def _flat(tree: Any, prefix: str = '') -> dict[str, str]:
  """Returns dotted keys -> values as JSON; words without quotation marks."""
  if isinstance(tree, dict) and (tree or not prefix):
    return {key: value for name, branch in tree.items()
            for key, value in _flat(
                branch, f'{prefix}.{name}' if prefix else str(name)).items()}
  return {prefix: tree if isinstance(tree, str) else json.dumps(tree)}


class _Settings(NamedTuple):
  """A table of keys and their values in several runs.

  Attributes:
    names: the runs.
    rows: (key, its value in each run, whether these differ).
    left_out: how many rows there are besides.
  """

  names: Sequence[str]
  rows: Sequence[tuple[str, Sequence[str], bool]]
  left_out: int


def _settings(configs: Mapping[str, Mapping[str, str]]) -> _Settings | None:
  """Returns the table of the settings of some runs; None if they have none."""
  configs = {name: config for name, config in configs.items() if config}
  keys = dict.fromkeys(key for config in configs.values() for key in config)
  rows = [(key, list(map(_cut, values)), len(set(values)) > 1) for key in keys
          if (values := [config.get(key, '-') for config in configs.values()])]
  return _Settings(list(configs), rows[:_ROWS],
                   len(rows[_ROWS:])) if rows else None


def _cut(text: str) -> str:
  """Returns a value, or its beginning and how long it is."""
  return (text if len(text) <= _VALUE
          else f'{text[:_VALUE]} ... ({len(text)} characters)')


def _groups(runs: Sequence[Run]) -> Iterator[tuple[str, list[plots.Plot]]]:
  """Yields groups of panels: title, and a panel for each number."""
  columns = {column.key: column for run in runs if run.evaluation
             for column in run.evaluation.columns}
  numbers = {run.name: number for number, run in enumerate(runs)}
  titles = dict.fromkeys(
      title for run in runs for title in run.history.curves)
  for title in titles:
    names = dict.fromkeys(
        name for run in runs for name in run.history.curves.get(title, ()))
    yield title, [
        plots.of_curves(*_heading(name, columns), {
            run.name: run.history.curves[title][name] for run in runs
            if name in run.history.curves.get(title, ())}, numbers)
        for name in names]


def _heading(name: str, columns: Mapping[str, Column]) -> tuple[str, str]:
  """Returns the heading of a panel, and what is below it."""
  head, _, key = name.rpartition('/')
  if head == 'validation' and key in columns:
    column = columns[key]
    return _head(column), f'{column.better} is better' * bool(column.better)
  return key if head else name, ''


def _head(column: Column) -> str:
  return f'{column.name}, dB' if column.unit == 'dB' else column.name


def _figures(run: Run, album: pictures.Album) -> dict[str, Any]:
  """Returns a run's pictures over time."""
  shown = [(step, album.show(pixels))
           for step, pixels in run.history.pictures.items()]
  return {'name': run.name,
          'pictures': [(step, picture) for step, picture in shown if picture],
          'left_out': run.history.left_out}


@dataclasses.dataclass(frozen=True)
class _Evaluated:
  """An evaluation as the templates read it; see `evaluations.Evaluation`."""

  name: str
  evaluation: Evaluation
  rows: Sequence[tuple[str, Sequence[tuple[Column, Mean | None, bool]]]]
  has_best: bool
  left_out: Sequence[tuple[str, Column, Mean]]
  protocol: _Settings | None
  manifest: _Settings | None
  plots: Sequence[tuple[Column, plots.Plot]]
  cases: Sequence[Mapping[str, Any]]
  examples: pictures.Shown | None


def _evaluated(name: str, evaluation: Evaluation, album: pictures.Album
               ) -> _Evaluated:
  columns = {column.key: column for column in evaluation.columns}
  rows = list(_rows(evaluation))
  drawn = [(column, plot) for column in evaluation.columns
           if (plot := plots.of_holes(evaluation, column))]
  examples = evaluation.directory / 'examples.png'
  pixels = album.open(examples) if examples.exists() else None
  return _Evaluated(
      name=name, evaluation=evaluation, rows=rows,
      has_best=any(best for _, cells in rows for *_, best in cells),
      left_out=[(method, columns[key], mean) for method, key, mean
                in evaluations.left_out(evaluation)],
      protocol=_settings({name: _flat(evaluation.protocol)}),
      manifest=_settings({name: _flat(evaluation.manifest)}
                         if evaluation.manifest else {}),
      plots=drawn,
      cases=[_case(evaluation, case, album) for case in evaluation.cases],
      examples=None if pixels is None else album.show(pixels))


def _rows(evaluation: Evaluation) -> Iterator[
    tuple[str, list[tuple[Column, Mean | None, bool]]]]:
  """Yields each method and its cells: column, mean, whether it is the best."""
  best = {column.key: _best(column, [
      mean.mean for means in evaluation.methods.values()
      if (mean := means.get(column.key)) and mean.mean is not None])
          for column in evaluation.columns}
  for method, means in evaluation.methods.items():
    cells = [(column, means.get(column.key)) for column in evaluation.columns]
    yield method, [
        (column, mean, mean is not None and mean.mean is not None
         and mean.mean == best[column.key]) for column, mean in cells]


def _best(column: Column, means: Sequence[float]) -> float | None:
  """Returns the best of some means; None where none is better than another."""
  choose = {'higher': max, 'lower': min}.get(column.better)
  return choose(means) if choose and len(means) > 1 else None


def _case(evaluation: Evaluation, case: Case, album: pictures.Album
          ) -> dict[str, Any]:
  """Returns a case of the gallery: its pictures, and what is known of them."""
  mask = album.open(case.mask)
  named = {'truth': case.truth, **case.methods}
  views = []
  for name, path in named.items():
    pixels = album.open(path)
    views.append({
        'name': name, 'picture': None if pixels is None else album.show(pixels),
        'scores': list(_scores_of(evaluation, case.image, name))})
  return {'image': case.image, 'rank': case.rank, 'views': views,
          'outline': None if mask is None else album.outline(mask)}


def _scores_of(evaluation: Evaluation, image: str, method: str
               ) -> Iterator[tuple[Column, float]]:
  """Yields the scores of one image: those of the first two measures."""
  if evaluation.images.count(image) != 1:
    return
  index = evaluation.images.index(image)
  scores = evaluation.scores.get(method, {})
  for column in [column for column in evaluation.columns
                 if column.key in scores][:2]:
    yield column, float(scores[column.key][index])


def _environment() -> jinja2.Environment:
  """Returns what renders the templates; text is escaped in all of them."""
  environment = jinja2.Environment(
      loader=jinja2.PackageLoader('jinpaint.report'), autoescape=True,
      undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
  environment.filters.update(
      number=_number, head=_head, short=plots.short, hash=_hash,
      json=_attribute)
  return environment


def _number(value: float | None, column: Column) -> str:
  """Returns a number with the decimals of its measure."""
  if value is None:
    return '-'
  return f'{value:.{2 if column.unit in ("dB", "%") else 4}f}'


def _attribute(value: Any) -> str:
  return json.dumps(value, separators=(',', ':'))


def _asset(name: str) -> Markup:
  """Returns a file of the templates that is no template."""
  path = Path(__file__).with_name('templates') / name
  return Markup(path.read_text())


def _hash(text: Markup) -> str:
  """Returns what allows a script or a style in a page, and no other one."""
  digest = hashlib.sha256(text.encode()).digest()
  return f'sha256-{base64.b64encode(digest).decode()}'
