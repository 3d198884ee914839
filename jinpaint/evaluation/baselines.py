"""The rows beside a system: inpainting without a learned network."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import cv2
import numpy as np

from jinpaint import errors

# From RGB (H, W, 3) uint8 and its mask (H, W) uint8, 1 = hole, to the filled
# image, RGB (H, W, 3) uint8.
Method = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Neighbourhood of OpenCV's methods in pixels: the radius of its own examples.
_RADIUS = 3


def telea(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Fills by fast marching (Alexandru Telea, 2004), OpenCV's `INPAINT_TELEA`.

  Args:
    image: RGB (H, W, 3) uint8; what it holds inside holes is not read.
    mask: (H, W) uint8, 1 = hole.

  Returns:
    RGB (H, W, 3) uint8.
  """
  return cv2.inpaint(_damaged(image, mask), mask, _RADIUS, cv2.INPAINT_TELEA)


def navier_stokes(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Fills by fluid dynamics (Bertalmio et al., 2001), OpenCV's `INPAINT_NS`.

  Arguments and result are those of `telea`.
  """
  return cv2.inpaint(_damaged(image, mask), mask, _RADIUS, cv2.INPAINT_NS)


def mean_fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Fills with the mean colour of the known pixels; black if there are none.

  Arguments and result are those of `telea`.
  """
  filled = _damaged(image, mask)
  if not mask.all():
    filled[mask == 1] = np.rint(image[mask == 0].mean(axis=0))
  return filled


def biharmonic(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Fills by the biharmonic equation (Damelin and Hoang, 2018), scikit-image's.

  A linear system as large as the hole is solved: seconds for a photograph.

  Arguments and result are those of `telea`.
  """
  # Imported here: it is slow, and only this method needs it.
  from skimage import restoration
  if not mask.any() or mask.all():  # nothing to do, or nothing to begin with
    return _damaged(image, mask)
  filled = restoration.inpaint_biharmonic(
      _damaged(image, mask), mask == 1, channel_axis=-1)
  return np.rint(255 * np.clip(filled, 0, 1)).astype(np.uint8)


class Row(NamedTuple):
  """A row of the table.

  Attributes:
    title: what it is called there.
    fill: the method.
  """

  title: str
  fill: Method


ROWS: Mapping[str, Row] = {
    'telea': Row('OpenCV Telea', telea),
    'navier_stokes': Row('OpenCV Navier-Stokes', navier_stokes),
    'biharmonic': Row('biharmonic', biharmonic),
    'mean': Row('mean of known pixels', mean_fill),
}
# Those that cost next to nothing.
DEFAULT = ('telea', 'navier_stokes', 'mean')


def choose(names: Iterable[str]) -> dict[str, Method]:
  """Returns methods, by the titles of their rows.

  Args:
    names: keys of `ROWS`.

  Raises:
    jinpaint.errors.UsageError: there is no such row.
  """
  names = tuple(names)
  for name in names:
    if name not in ROWS:
      raise errors.unknown('classical method', name, ROWS)
  return {ROWS[name].title: ROWS[name].fill for name in names}


def _damaged(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Returns a copy with black holes, so that no method can look into them."""
  return np.where(mask[..., None] == 1, np.uint8(0), image)
