"""What an evaluation wrote: its summary, its images' scores, its gallery."""

from collections.abc import Iterator, Mapping, Sequence
import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from jinpaint.errors import UsageError

SUMMARY = 'summary.json'


class Column(NamedTuple):
  """A measure, as a table heads its column.

  Attributes:
    key: its name in the files.
    name: its name for readers.
    definition: what it is, without a full stop; '' where the files do not say.
    better: 'higher', 'lower' or ''.
    unit: 'dB', '%' or ''; None where the files do not say.
  """

  key: str
  name: str
  definition: str
  better: str = ''
  unit: str | None = None


@dataclasses.dataclass(frozen=True)
class Mean:
  """A mean over images; what the files do not say is None.

  Attributes:
    mean: of the finite values.
    low: the lower end of its 95 % interval.
    high: the upper end.
    count: how many values are finite.
    infinite: how many are infinite.
    undefined: how many are not a number.
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
    manifest: what it was computed from; empty where that was not written.
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
    unbinned: keys of measures that have scores and no means by that share.
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
  unbinned: Sequence[str]
  cases: Sequence[Case]


def read(directory: Path) -> Evaluation:
  """Reads the files of an evaluation.

  Args:
    directory: holds `summary.json`, and `images.csv` where images were scored
      one by one.

  Raises:
    UsageError: a file cannot be read.
  """
  path = directory / SUMMARY
  try:
    return _evaluation(directory, json.loads(path.read_text()))
  except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
    if isinstance(error, UsageError):
      raise
    raise UsageError(f'cannot read {path}: {error!r}') from error


def _evaluation(directory: Path, summary: Mapping[str, Any]) -> Evaluation:
  methods = _means(summary['methods'])
  images, holes, scores = _scores(directory / 'images.csv')
  if 'bins' in summary:
    bins = [Bin(float(row['low']), float(row['high']), int(row['images']),
                _means(row['methods'])) for row in summary['bins'] or ()]
    unbinned: list[str] = []
  else:
    bins, unbinned = _binned(holes, scores, methods)
  return Evaluation(
      directory=directory,
      protocol={key: summary[key] for key in (
          'system', 'stage', 'step', 'seed', 'images', 'mean_hole_fraction',
          'data') if key in summary} | (summary.get('protocol') or {}),
      manifest=summary.get('manifest') or {},
      columns=_columns(summary, methods), methods=methods,
      differences=_means(summary.get('differences') or {}),
      sets=_means(summary.get('sets') or {}),
      set_columns=[Column(key, **about) for key, about in (
          summary.get('set_measures') or {}).items()],
      remarks=summary.get('remarks') or {},
      not_measured=summary.get('left_out') or {},
      images=images, holes=holes, scores=scores, bins=bins, unbinned=unbinned,
      cases=[_case(directory, entry)
             for entry in summary.get('gallery') or ()])


def _columns(summary: Mapping[str, Any], methods: Means) -> list[Column]:
  """Returns the measures, those that the summary describes first."""
  definitions = summary.get('definitions') or {}
  described = summary.get('measures') or {}
  keys = dict.fromkeys((*described, *definitions, *(
      key for means in methods.values() for key in means)))
  return [Column(key, **{
      'name': key, 'definition': definitions.get(key, ''),
      **{field: described[key][field] for field in Column._fields[1:]
         if field in described.get(key, {})}}) for key in keys]


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


def _binned(holes: np.ndarray, scores: Mapping[str, Mapping[str, np.ndarray]],
            methods: Means) -> tuple[list[Bin], list[str]]:
  """Computes the means by the share of hole pixels, in steps of a tenth.

  Returns:
    The bins that have images; and the keys of measures whose means weigh images
    in a way that the files do not say, so that no bin's can be computed.
  """
  weighted = {key for method, values in scores.items()
              for key, of_key in values.items()
              if not _is_plain(of_key, methods.get(method, {}).get(key))}
  tenths = np.minimum(np.floor(10 * holes + 1e-9), 9).astype(int)
  bins = []
  for tenth in np.unique(tenths):
    chosen = tenths == tenth
    bins.append(Bin(tenth / 10, (tenth + 1) / 10, int(chosen.sum()), {
        method: {key: mean_of(of_key[chosen])
                 for key, of_key in values.items() if key not in weighted}
        for method, values in scores.items()}))
  return bins, sorted(weighted)


def _is_plain(values: np.ndarray, written: Mean | None) -> bool:
  """Whether a mean that was written is that of the values, unweighted."""
  mean = mean_of(values, interval=False).mean
  if written is None or written.mean is None or mean is None:
    return True
  return math.isclose(mean, written.mean, rel_tol=1e-4, abs_tol=1e-5)


def mean_of(values: np.ndarray, *, interval: bool = True) -> Mean:
  """Returns the mean of the finite values, and how many it leaves out.

  Args:
    values: (N,).
    interval: whether to compute its 95 % interval, of 1000 bootstrap samples
      of the images. One value has none.
  """
  finite = values[np.isfinite(values)]
  counts = (int(finite.size), int(np.isinf(values).sum()),
            int(np.isnan(values).sum()))
  if not finite.size:
    return Mean(None, None, None, *counts)
  mean = float(finite.mean())
  if not interval or finite.size < 2:
    return Mean(mean, None, None, *counts)
  ends = stats.bootstrap(
      (finite,), np.mean, n_resamples=1000, batch=100, method='percentile',
      rng=np.random.default_rng(0)).confidence_interval
  return Mean(mean, float(ends.low), float(ends.high), *counts)


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
