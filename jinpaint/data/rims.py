"""The rims of holes: how holes grow, and whether their colour has spread.

Somebody paints damage, or a mark, over a photograph and makes an exact mask of
it. A soft brush has mixed its colour into the pixels beside it, and JPEG, which
keeps colours at half the size, has done so too. These pixels are known, and a
network continues their colour into the hole.
"""

from collections.abc import Iterator

import cv2
import numpy as np

from jinpaint.data import files

# Rows that are grown at once, which bounds the memory.
_STRIP = 2048
# A distance that is a whole number may have been rounded up.
_HAIR = 1e-4
# Windows that are measured, and what is known around each.
_WINDOW, _AROUND, _MOST_WINDOWS = 256, 16, 64
# A hole has one colour if so much of it differs by no more from its middle.
_ONE_COLOUR, _NEAR = 0.75, 40
# From where to where, in pixels from the hole, the surroundings are; what they
# are at a place is their mean in a square of this side around it.
_SURROUNDINGS, _SIDE = (4, 8), 25
# The hole must differ so much from its surroundings, in brightness and in
# colour, and a pixel beside it must be so far on the way from them to the hole.
_BRIGHTNESS, _COLOUR, _FAR = 30, 10, 0.15
# Fewer pixels beside a hole say nothing.
_FEWEST = 60


def grow(hole: np.ndarray, pixels: int) -> np.ndarray:
  """Returns a hole with all that lies within a distance of it, a disc.

  The page grows what is drawn in the same way.

  Args:
    hole: (H, W) uint8, 1 = hole.
    pixels: the distance, at least 0.
  """
  grown = hole.copy()
  for top in range(0, len(hole), _STRIP):
    first = max(0, top - pixels)
    part = hole[first:top + _STRIP + pixels]
    if part.any():
      distance = cv2.distanceTransform(1 - part, cv2.DIST_L2,
                                       cv2.DIST_MASK_PRECISE)
      rows = grown[top:top + _STRIP]
      rows[:] = distance[top - first:][:len(rows)] <= pixels + _HAIR
  return grown


def spread(image: np.ndarray, hole: np.ndarray) -> float:
  """Returns the share of pixels beside a hole into which its colour has spread.

  They lie, in brightness or in colour, between the hole and what is farther
  out. In a photograph some pixels lie so by chance, and about as many lie on
  the other side of what is farther out: these are subtracted.

  Args:
    image: as `jinpaint.data.files.Picture.pixels`.
    hole: (H, W) uint8, 1 = hole.

  Returns:
    0 to 1; 0 if the image is not of one colour inside the hole.
  """
  windows = list(_windows(hole))
  windows = windows[::-(-len(windows) // _MOST_WINDOWS) or 1]
  holes = [hole[window] > 0 for window in windows]
  images = [_brightness_and_colour(image[window]) for window in windows]
  inside = [part[within] for part, within in zip(images, holes, strict=True)]
  if not inside:
    return 0.0
  colours = np.concatenate(inside)
  colour = np.median(colours, axis=0)
  if (np.abs(colours - colour).max(axis=1) < _NEAR).mean() < _ONE_COLOUR:
    return 0.0
  beside, towards, away = np.sum(
      [_count(part, within, colour)
       for part, within in zip(images, holes, strict=True)], axis=0)
  return float(max(0, towards - away) / beside) if beside >= _FEWEST else 0.0


def _windows(hole: np.ndarray) -> Iterator[tuple[slice, slice]]:
  """Yields windows in which there is a hole, with what is around them."""
  height, width = hole.shape
  for top in range(0, height, _WINDOW):
    for left in range(0, width, _WINDOW):
      if hole[top:top + _WINDOW, left:left + _WINDOW].any():
        yield (slice(max(0, top - _AROUND), top + _WINDOW + _AROUND),
               slice(max(0, left - _AROUND), left + _WINDOW + _AROUND))


def _brightness_and_colour(image: np.ndarray) -> np.ndarray:
  """Returns Y, Cr and Cb (H, W, 3) float32 in 0 to 255, as JPEG has them."""
  colours, _ = files.split_alpha(image)
  return cv2.cvtColor(files.as_rgb8(colours),
                      cv2.COLOR_RGB2YCrCb).astype(np.float32)


def _count(image: np.ndarray, hole: np.ndarray, colour: np.ndarray
           ) -> tuple[int, int, int]:
  """Counts the pixels beside a hole.

  Args:
    image: (H, W, 3) float32, brightness and colour.
    hole: (H, W) bool.
    colour: of the hole, (3,).

  Returns:
    How many there are; of how many the brightness or the colour lies on the way
    from their surroundings to the hole; and of how many on the way from the
    hole to their surroundings, and beyond.
  """
  distance = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2,
                                   cv2.DIST_MASK_5)
  low, high = _SURROUNDINGS
  outside = ((distance > low) & (distance <= high)).astype(np.float32)
  weight = cv2.blur(outside, (_SIDE, _SIDE))
  beside = ~hole & (distance < 2) & (weight > 0.02)
  around = (cv2.blur(image * outside[..., None], (_SIDE, _SIDE))[beside]
            / weight[beside][:, None])
  way, gone = colour - around, image[beside] - around
  towards = away = np.zeros(len(way), bool)
  for part, least in ((slice(0, 1), _BRIGHTNESS), (slice(1, 3), _COLOUR)):
    length = (way[:, part]**2).sum(axis=1)
    along = (gone[:, part] * way[:, part]).sum(axis=1)
    differs = length > least**2
    towards = towards | differs & (along > _FAR * length)
    away = away | differs & (along < -_FAR * length)
  return len(way), int(towards.sum()), int(away.sum())
