"""How sure a mean is: bootstrap intervals of means and of differences.

Images are drawn anew with replacement, as many as there are, and the mean is
taken again (Efron, 1979, "Bootstrap Methods: Another Look at the Jackknife");
95 % of these means lie in the interval. All methods are drawn together, so that
a difference is that of the same images, and what makes an image hard for every
method does not widen it.

SciPy's `stats.bootstrap` draws for each column anew and knows no weighted means
and no values that a mean leaves out, of which tables here have both; drawn once
as counts, one product of matrices serves all columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from jinpaint.evaluation.scores import Evaluation

RESAMPLES = 2000
COVERAGE = 95  # percent
_SEED = 0
_AT_ONCE = 64  # resamples whose counts are in memory together


class Interval(NamedTuple):
  """A mean, or a difference of means, and how sure it is.

  Attributes:
    mean: nan if there is nothing to average.
    low: where the interval begins; nan of fewer than two images.
    high: where it ends.
  """

  mean: float
  low: float
  high: float


def of_means(evaluation: Evaluation) -> dict[str, dict[str, Interval]]:
  """Returns method -> measure -> the interval of its mean."""
  cells = {(method, key): [_column(evaluation, method, key)]
           for method, scores in evaluation.methods.items() for key in scores}
  return _by_method(cells, len(evaluation.images))


def of_differences(evaluation: Evaluation) -> dict[str, dict[str, Interval]]:
  """Returns method -> measure -> the interval of its difference to the first.

  Both means are of the images at which both methods have a finite value.
  """
  first = evaluation.system
  cells = {}
  for method, scores in evaluation.methods.items():
    for key in scores if method != first else ():
      if key in evaluation.methods[first]:
        ours, theirs = (_column(evaluation, name, key)
                        for name in (method, first))
        both = ours.counts & theirs.counts
        cells[method, key] = [column._replace(counts=both)
                              for column in (ours, theirs)]
  return _by_method(cells, len(evaluation.images))


class _Column(NamedTuple):
  """The values of one measure and method: (N,) each."""

  values: np.ndarray
  weights: np.ndarray
  counts: np.ndarray  # whether an image counts


def _column(evaluation: Evaluation, method: str, key: str) -> _Column:
  values = np.asarray(evaluation.methods[method][key], np.float64)
  weights = evaluation.weight(method, key)
  weights = np.ones(len(values)) if weights is None else np.asarray(
      weights, np.float64)
  return _Column(values, weights, np.isfinite(values) & (weights > 0))


def _by_method(cells: Mapping[tuple[str, str], Sequence[_Column]], number: int
               ) -> dict[str, dict[str, Interval]]:
  """Returns method -> measure -> interval.

  Args:
    cells: of (method, measure), the column; or two, whose difference it is.
    number: of images.
  """
  if not cells:
    return {}
  columns = [column for pair in cells.values() for column in pair]
  weights = np.stack([np.where(column.counts, column.weights, 0)
                      for column in columns], axis=1)
  sums = np.stack([np.where(column.counts, column.values, 0)
                   for column in columns], axis=1) * weights
  whole = _means(np.ones((1, number)), sums, weights)
  drawn = np.concatenate([
      _means(counts, sums, weights) for counts in _draws(number)])
  by_method: dict[str, dict[str, Interval]] = {}
  place = 0
  for (method, key), pair in cells.items():
    mean, means = (
        array[:, place] if len(pair) == 1 else
        array[:, place] - array[:, place + 1] for array in (whole, drawn))
    by_method.setdefault(method, {})[key] = Interval(
        float(mean[0]), *_middle(means, number))
    place += len(pair)
  return by_method


def _draws(number: int) -> Iterator[np.ndarray]:
  """Yields how often each image is drawn, (resamples, N), in portions."""
  rng = np.random.default_rng(_SEED)
  for first in range(0, RESAMPLES, _AT_ONCE):
    yield np.stack([
        np.bincount(rng.integers(number, size=number), minlength=number)
        for _ in range(first, min(first + _AT_ONCE, RESAMPLES))])


def _means(counts: np.ndarray, sums: np.ndarray, weights: np.ndarray
           ) -> np.ndarray:
  """Returns weighted means, (resamples, columns); nan of nothing."""
  total = counts @ weights
  return np.divide(counts @ sums, total, where=total > 0,
                   out=np.full(total.shape, np.nan))


def _middle(means: np.ndarray, number: int) -> tuple[float, float]:
  """Returns the interval that holds the middle 95 % of means."""
  finite = means[np.isfinite(means)]
  if number < 2 or not finite.size:
    return float('nan'), float('nan')
  rest = (100 - COVERAGE) / 2
  low, high = np.percentile(finite, [rest, 100 - rest])
  return float(low), float(high)
