"""Rows of features, as the metrics of distributions take them."""

import numpy as np

from jinpaint.errors import UsageError

Rows = np.ndarray  # (N, d), features of N images


def checked(features: Rows) -> np.ndarray:
  """Returns rows in float64.

  Raises:
    UsageError: they are no rows of finite numbers.
  """
  features = np.asarray(features, np.float64)
  if features.ndim != 2 or not features.shape[1]:
    raise UsageError(f'features are rows (N, d), not {features.shape}')
  if not np.isfinite(features).all():
    raise UsageError('features have values that are not finite')
  return features


def check_equal_width(a: Rows, b: Rows) -> None:
  """Raises `UsageError` unless two sets have the same number of features."""
  if a.shape[1] != b.shape[1]:
    raise UsageError(f'one set has {a.shape[1]} features, the other '
                     f'{b.shape[1]}')
