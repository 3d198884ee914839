"""What a user would otherwise pick: inpainting without a learned network."""

from collections.abc import Callable, Mapping

import cv2
import numpy as np

# Neighbourhood in pixels of OpenCV's methods: the radius of its own examples.
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

  Arguments and result as `telea`.
  """
  return cv2.inpaint(_damaged(image, mask), mask, _RADIUS, cv2.INPAINT_NS)


def mean_fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Fills with the mean colour of the known pixels; black if there are none.

  Arguments and result as `telea`.
  """
  filled = _damaged(image, mask)
  if not mask.all():
    filled[mask == 1] = np.rint(image[mask == 0].mean(axis=0))
  return filled


BASELINES: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    'OpenCV Telea': telea,
    'OpenCV Navier-Stokes': navier_stokes,
    'mean of known pixels': mean_fill,
}


def _damaged(image, mask):
  """Returns a copy with black holes: no method may peek."""
  return np.where(mask[..., None] == 1, np.uint8(0), image)
