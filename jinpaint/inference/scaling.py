"""Pictures are made smaller, and what was predicted for them larger again.

OpenCV and SciPy are imported when they are needed: exported files, which are
opened by way of this module, do without.
"""

import numpy as np


def fitting(height: int, width: int, longest: int) -> tuple[int, int]:
  """Returns the size of a picture whose longer side is at most `longest`."""
  scale = min(1.0, longest / max(height, width))
  return max(1, round(height * scale)), max(1, round(width * scale))


def smaller(image: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns an image (height, width[, C]), each pixel a mean of those it was.

  Args:
    image: (H, W) or (H, W, C), uint8, uint16 or float32.
    height: of the result, at most H.
    width: of the result, at most W.
  """
  import cv2
  # What is not contiguous, such as a part of a picture, OpenCV copies itself.
  made = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
  return made.reshape(height, width, *image.shape[2:])


def touched(mask: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns a mask (height, width) bool of the pixels that a mask touches.

  So no pixel that `smaller` makes without touching a hole holds any of it.

  Args:
    mask: (H, W) bool.
    height: of the result, at most H.
    width: of the result, at most W.
  """
  return smaller(mask.astype(np.float32), height, width) > 0


def strongest(edge_map: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns edges (height, width) that stay as white as they were.

  Args:
    edge_map: (H, W) uint8.
    height: of the result, at most H.
    width: of the result, at most W.
  """
  import cv2
  reach = [-(-old // new) for old, new in zip(
      edge_map.shape, (height, width), strict=True)]
  thick = cv2.dilate(edge_map, np.ones(reach, np.uint8))
  return cv2.resize(thick, (width, height),
                    interpolation=cv2.INTER_NEAREST_EXACT)


def enlarged(image: np.ndarray, height: int, width: int, rows: np.ndarray,
             columns: np.ndarray) -> np.ndarray:
  """Returns some pixels (N, C) of an image that is made larger.

  Memory grows with their number, and not with the size of the result.

  Args:
    image: (h, w, C) float32.
    height: of the result, at least h.
    width: of the result, at least w.
    rows: (N,), of the pixels in the result.
    columns: (N,), of the pixels in the result.
  """
  from scipy import ndimage
  places = [(index + 0.5) * (old / new) - 0.5 for index, old, new in (
      (rows, image.shape[0], height), (columns, image.shape[1], width))]
  return np.stack([
      ndimage.map_coordinates(image[..., channel], places, order=1,
                              mode='nearest')
      for channel in range(image.shape[2])], axis=-1)
