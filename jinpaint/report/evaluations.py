"""What an evaluation wrote: its summary, its images' scores, its gallery."""

from collections.abc import Iterator, Mapping, Sequence
import csv
import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jinpaint.errors import UsageError

SUMMARY = 'summary.json'


class Column(NamedTuple):
  """A measure, as a table heads its column.

  Attributes:
    key: its name in the files.
    name: its name for readers.
    definition: what it is, without a full stop.
    better: 'higher', 'lower' or ''.
    unit: 'dB', '%' or ''.
  """

  key: str
  name: str
  definition: str
  better: str
  unit: str = ''


@dataclasses.dataclass(frozen=True)
class Mean:
  """A mean over images.

  Attributes:
    mean: of the finite values; None if there are none.
    low: the lower end of its 95 % interval; None if it has none.
    high: the upper end.
    count: how many values are finite; None for a difference and for a measure
      of a set of images.
    infinite: how many are infinite; None as `count`.
    undefined: how many are not a number; None as `count`.
  """

  mean: float | None = None
  low: float | None = None
  high: float | None = None
  count: int | None = None
  infinite: int | None = None
  undefined: int | None = None


_KINDS = {'mean': float, 'low': float, 'high': float, 'count': int,
          'infinite': int, 'undefined': int}
Means = Mapping[str, Mapping[str, Mean]]  # method -> key of a measure -> mean


class Bin(NamedTuple):
  """The means over the images whose share of hole pixels is in a range.

  Attributes:
    low: the least share.
    high: the share that is just too large.
    images: how many images.
    methods: the means.
  """

  low: float
  high: float
  images: int
  methods: Means


class Case(NamedTuple):
  """An image of the gallery.

  Attributes:
    image: its name.
    rank: 'best', 'median' or 'worst'.
    truth: the file of the undamaged image.
    mask: the file of the mask, white = hole.
    methods: method -> the file of what it made.
  """

  image: str
  rank: str
  truth: Path | None
  mask: Path | None
  methods: Mapping[str, Path | None]


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """An evaluation, as its folder holds it.

  Attributes:
    directory: the folder.
    protocol: what was evaluated and how, as nested words and numbers.
    manifest: what it was computed from; empty if that was not written.
    columns: the measures, in the order of the table.
    methods: the means of each method.
    differences: those of its differences to the first method, where written.
    sets: what compares all images of a method with all true ones.
    set_columns: these measures, in the order of their table.
    remarks: method -> what a reader must know of it.
    not_measured: what could not be measured -> why.
    images: the names of the N images; none without `images.csv`.
    holes: (N,), the share of hole pixels.
    scores: method -> key -> (N,).
    bins: the means by the share of hole pixels.
    cases: the gallery.
  """

  directory: Path
  protocol: Mapping[str, Any]
  manifest: Mapping[str, Any]
  columns: Sequence[Column]
  methods: Means
  differences: Means
  sets: Means
  set_columns: Sequence[Column]
  remarks: Mapping[str, str]
  not_measured: Mapping[str, str]
  images: Sequence[str]
  holes: np.ndarray
  scores: Mapping[str, Mapping[str, np.ndarray]]
  bins: Sequence[Bin]
  cases: Sequence[Case]


def read(directory: Path) -> Evaluation:
  """Reads the files of an evaluation.

  Args:
    directory: holds `summary.json`, and `images.csv` where images were scored
      one by one.

  Raises:
    UsageError: a file cannot be read, or was written by an earlier version.
  """
  path = directory / SUMMARY
  try:
    return _evaluation(directory, json.loads(path.read_text()))
  except KeyError as error:
    raise UsageError(
        f'{path} does not say {error}, as earlier versions of jinpaint did '
        'not: run evaluate.py again') from error
  except (AttributeError, OSError, TypeError, ValueError) as error:
    if isinstance(error, UsageError):
      raise
    raise UsageError(f'cannot read {path}: {error!r}') from error


def _evaluation(directory: Path, summary: Mapping[str, Any]) -> Evaluation:
  images, holes, scores = _scores(directory / 'images.csv')
  return Evaluation(
      directory=directory,
      protocol={key: summary[key] for key in (
          'system', 'stage', 'step', 'seed', 'images', 'mean_hole_fraction',
          'data') if key in summary} | summary['protocol'],
      manifest=summary.get('manifest', {}),
      columns=[Column(key, **about)
               for key, about in summary['measures'].items()],
      methods=_means(summary['methods']),
      differences=_means(summary['differences']),
      sets=_means(summary['sets']),
      set_columns=[Column(key, **about)
                   for key, about in summary['set_measures'].items()],
      remarks=summary['remarks'], not_measured=summary['left_out'],
      images=images, holes=holes, scores=scores,
      bins=[Bin(float(row['low']), float(row['high']), int(row['images']),
                _means(row['methods'])) for row in summary['bins']],
      cases=[_case(directory, entry) for entry in summary.get('gallery', ())])


def _means(methods: Mapping[str, Mapping[str, Any]]) -> dict[
    str, dict[str, Mean]]:
  """Returns the means of each method; a number alone is a mean, too."""
  def mean(entry: Any) -> Mean:
    if not isinstance(entry, dict):
      return Mean(None if entry is None else float(entry))
    return Mean(**{name: kind(entry[name]) for name, kind in _KINDS.items()
                   if entry.get(name) is not None})
  return {method: {key: mean(entry) for key, entry in means.items()}
          for method, means in methods.items()}


def _scores(path: Path) -> tuple[
    list[str], np.ndarray, dict[str, dict[str, np.ndarray]]]:
  """Returns the names, the shares of hole pixels and the scores of images."""
  if not path.exists():
    return [], np.zeros(0), {}
  # A name may hold bytes that are no text; they were written as they are.
  with path.open(errors='surrogateescape', newline='') as file:
    try:
      head, *rows = csv.reader(file)
      names = [row[0] for row in rows]
      numbers = np.array([[float(cell) for cell in row[1:]] for row in rows]
                         ).reshape(len(rows), len(head) - 1)
    except (IndexError, ValueError, csv.Error) as error:
      raise UsageError(f'cannot read {path}: {error}') from error
  scores: dict[str, dict[str, np.ndarray]] = {}
  for column, title in enumerate(head[2:], start=1):
    method, _, key = title.rpartition(': ')
    scores.setdefault(method, {})[key] = numbers[:, column]
  return names, numbers[:, 0], scores


def _case(directory: Path, entry: Mapping[str, Any]) -> Case:
  paths = {name: _inside(directory, path)
           for name, path in entry['files'].items()}
  return Case(str(entry['image']), str(entry['rank']),
              paths.pop('truth', None), paths.pop('mask', None), paths)


def _inside(directory: Path, path: str) -> Path | None:
  """Returns the path of a file below a folder; None where it lies elsewhere.

  An evaluation may come from somebody else, and must not put other pictures of
  this machine into the report.
  """
  whole = (directory / path).resolve()
  return whole if whole.is_relative_to(directory.resolve()) else None


def left_out(evaluation: Evaluation) -> Iterator[tuple[str, str, Mean]]:
  """Yields (method, key, mean) for each mean that leaves images out."""
  for method, means in evaluation.methods.items():
    for key, mean in means.items():
      if mean.infinite or mean.undefined:
        yield method, key, mean
