"""Means over images: what they leave out, and in which order they are added."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Summary:
  """The mean of a measure over images, and how many it leaves out.

  Attributes:
    mean: of the finite values; nan if there are none.
    count: how many values are finite.
    infinite: how many are infinite: the PSNR of identical images.
    undefined: how many are nan: a measure of the hole, of an image without one.
  """

  mean: float
  count: int
  infinite: int
  undefined: int


def average(values: np.ndarray, weight: np.ndarray | None = None) -> Summary:
  """Averages the collected values of a measure, in double precision.

  Args:
    values: (N,).
    weight: (N,), not negative; a value of weight 0 counts nowhere. None: all
      values weigh the same.

  Raises:
    ValueError: values and weights do not fit together.
  """
  values = np.asarray(values, np.float64)
  weight = (np.ones(values.shape) if weight is None
            else np.asarray(weight, np.float64))
  if (values.ndim != 1 or weight.shape != values.shape
      or not (weight >= 0).all()):
    raise ValueError(f'values {values.shape} must be (N,) and weight '
                     f'{weight.shape} (N,), not negative')
  values, weight = values[weight > 0], weight[weight > 0]
  finite = np.isfinite(values)
  return Summary(
      float(np.average(values[finite], weights=weight[finite]))
      if finite.any() else float('nan'),
      int(finite.sum()), int(np.isinf(values).sum()),
      int(np.isnan(values).sum()))
