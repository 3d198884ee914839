"""The rows beside a system: inpainting without a learned network."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

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


# Rows of the table, by name.
BASELINES: Mapping[str, Method] = {
    'OpenCV Telea': telea,
    'OpenCV Navier-Stokes': navier_stokes,
    'mean of known pixels': mean_fill,
}


def _damaged(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Returns a copy with black holes, so that no method can look into them."""
  return np.where(mask[..., None] == 1, np.uint8(0), image)
