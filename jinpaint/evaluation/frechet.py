"""FID: the Fréchet distance of two sets of images, by their features.

Statistics are collected and compared in float64 on the host: in float32 FID is
wrong by as much as 1 %.
"""

from collections.abc import Iterable
import dataclasses
from typing import NamedTuple

import numpy as np

from jinpaint.errors import UsageError
from jinpaint.evaluation.rows import check_equal_width, checked, Rows


class Gaussian(NamedTuple):
  """A normal distribution of features.

  Attributes:
    mean: (d,).
    factor: (k, d), of which factor^T factor is the covariance. Any such matrix
      will do.
  """

  mean: np.ndarray
  factor: np.ndarray


def gaussian(mean: np.ndarray, covariance: np.ndarray) -> Gaussian:
  """Returns the normal distribution of stored statistics.

  Args:
    mean: (d,), what pytorch-fid stores as `mu`.
    covariance: (d, d), symmetric, what it stores as `sigma`.

  Raises:
    UsageError: the shapes do not fit together, or a number is not finite.
  """
  mean, covariance = (np.asarray(x, np.float64) for x in (mean, covariance))
  if mean.ndim != 1 or covariance.shape != 2 * mean.shape:
    raise UsageError(f'statistics are a mean (d,) and a covariance (d, d), not '
                     f'{mean.shape} and {covariance.shape}')
  if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
    raise UsageError('statistics have values that are not finite')
  values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
  # Values below 0 are the rounding errors of a value that is 0.
  root = np.sqrt(np.maximum(values, 0))[:, None] * vectors.T
  return Gaussian(mean, root)


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
  """Returns |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2), which is FID.

  D. C. Dowson and B. V. Landau, 1982, "The Fréchet distance between
  multivariate normal distributions"; as FID, Martin Heusel et al., 2017,
  arXiv:1706.08500. With S1 = A^T A and S2 = B^T B the last trace is the sum of
  the singular values of A B^T, whatever the ranks. Published programs take a
  square root of S1 S2 instead, which loses digits where there are fewer images
  than features: 0.0001 of 125, for example.

  Args:
    a: the one distribution.
    b: the other one.

  Returns:
    At least 0, but for rounding: equal distributions may give -1e-13.

  Raises:
    UsageError: they have not the same number of features.
  """
  check_equal_width(a.mean[None], b.mean[None])
  traces = np.sum(np.square(a.factor)) + np.sum(np.square(b.factor))
  root = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
  return float(np.sum(np.square(a.mean - b.mean)) + traces - 2 * root)


@dataclasses.dataclass(frozen=True)
class Moments:
  """Count, mean and scatter of rows.

  Attributes:
    count: N.
    mean: (d,).
    scatter: (d, d), the sum of (row - mean)(row - mean)^T.
  """

  count: int
  mean: np.ndarray
  scatter: np.ndarray

  def merged(self, other: 'Moments') -> 'Moments':
    """Returns the moments of both sets of rows together.

    Tony F. Chan et al., 1979, "Updating Formulae and a Pairwise Algorithm for
    Computing Sample Variances". Nothing cancels, where sums of squares would
    lose the digits that a large mean takes.
    """
    count = self.count + other.count
    step = other.mean - self.mean
    between = self.count * other.count / count * np.outer(step, step)
    return Moments(count, self.mean + step * (other.count / count),
                   self.scatter + other.scatter + between)


def moments(features: Rows) -> Moments:
  """Returns the moments of at least one row."""
  features = checked(features)
  mean = features.mean(axis=0)
  centred = features - mean
  return Moments(len(features), mean, centred.T @ centred)


class Statistics:
  """Collects the features of a set of any size, batch by batch, for FID.

  While there are no more rows than features, the rows themselves are kept: they
  are smaller than a covariance, and the distance is exact to the last digits.
  After that they are folded into `Moments`, as many at once as there are
  features, so that memory does not grow with the number of images. Neither the
  order of images nor how they are dealt into batches or to devices moves the
  result by more than the rounding of float64 (1e-12 of it). Rows that are
  padding must not be given.
  """

  def __init__(self) -> None:
    """Begins without a row."""
    self._folded: Moments | None = None
    self._rows: list[Rows] = []

  @property
  def count(self) -> int:
    """How many rows there are."""
    return self._waiting + (self._folded.count if self._folded else 0)

  @property
  def _waiting(self) -> int:
    return sum(map(len, self._rows))

  def add(self, features: Rows) -> None:
    """Adds a batch.

    Args:
      features: (B, d); B may be another one each time.

    Raises:
      UsageError: they are no rows of d finite numbers.
    """
    features = checked(features)
    if self._rows:
      check_equal_width(self._rows[0], features)
    elif self._folded:
      check_equal_width(self._folded.mean[None], features)
    if len(features):
      self._rows.append(features)
    if self._waiting > features.shape[1]:
      self._folded, self._rows = self._all(), []

  def gaussian(self, ddof: int = 1) -> Gaussian:
    """Returns the normal distribution of the rows.

    Args:
      ddof: the covariance is the scatter divided by N - ddof. It is 1 in
        pytorch-fid, clean-fid and others, 0 in the programs of StyleGAN2-ADA
        and MAT.

    Raises:
      UsageError: there are fewer than two rows.
    """
    if self.count < 2:
      raise UsageError(f'FID needs at least 2 images, not {self.count}')
    if self._folded:
      folded = self._all()
      return gaussian(folded.mean, folded.scatter / (folded.count - ddof))
    rows = np.concatenate(self._rows)
    mean = rows.mean(axis=0)
    return Gaussian(mean, (rows - mean) / np.sqrt(len(rows) - ddof))

  def _all(self) -> Moments:
    """Returns the moments of all rows."""
    if not self._rows:
      assert self._folded is not None
      return self._folded
    waiting = moments(np.concatenate(self._rows))
    return self._folded.merged(waiting) if self._folded else waiting


def statistics(batches: Iterable[Rows]) -> Statistics:
  """Returns the statistics of features that come in batches (B, d)."""
  collected = Statistics()
  for features in batches:
    collected.add(features)
  return collected


def fid(real: Rows, fake: Rows, ddof: int = 1) -> float:
  """Returns the Fréchet distance of two sets of features.

  Args:
    real: (N, d).
    fake: (M, d).
    ddof: as in `Statistics.gaussian`.

  Raises:
    UsageError: a set has fewer than two rows, or other features than the other.
  """
  return frechet_distance(*(statistics([rows]).gaussian(ddof)
                            for rows in (real, fake)))
