"""Windows around the holes of a picture that is too large to be filled at once.

A window is cut from the picture itself: nothing is added to it. Every pixel of
a hole lies at least `margin` pixels inside of some window, or where the picture
ends. Where windows overlap, their predictions are blended, so that no seam is
seen: a window's weight rises from `margin / 2` pixels inside of its rim, before
which it knows too little, to `margin` pixels.
"""

from typing import NamedTuple

import numpy as np

from jinpaint.inference import scaling


class Window(NamedTuple):
  """A part of a picture.

  Attributes:
    top: its first row.
    left: its first column.
    height: number of its rows.
    width: number of its columns.
  """

  top: int
  left: int
  height: int
  width: int

  def of(self, array: np.ndarray) -> np.ndarray:
    """Returns the window's part of a picture (H, W, ...), not copied."""
    return array[self.top:self.top + self.height,
                 self.left:self.left + self.width]


# Windows begin at multiples of it, or end with the picture: networks that halve
# the size see the same pixels together as in the whole picture.
ALIGNMENT = 64


def cover(hole: np.ndarray, size: int, margin: int) -> list[Window]:
  """Returns windows that cover a hole.

  Args:
    hole: (H, W) bool.
    size: height and width of a window; less where the picture ends before.
    margin: context that a pixel of the hole has on every side in some window.

  Returns:
    The windows, from top to bottom; none without a hole.
  """
  height, width = hole.shape
  step = size - 2 * margin - ALIGNMENT
  if margin < 0 or step <= 0:
    raise ValueError(f'a margin of {margin} does not fit into {size} pixels')
  windows = []
  for top in range(0, height, step):
    rows = hole[top:top + step]
    for left in range(0, width, step):
      damaged = np.argwhere(rows[:, left:left + step])
      if not len(damaged):
        continue
      # The part of the hole in this cell is in the middle of its window.
      middle = (damaged.min(axis=0) + damaged.max(axis=0) + 1) // 2
      windows.append(around(top + int(middle[0]), left + int(middle[1]), size,
                            height, width))
  return windows


def around(row: int, column: int, size: int, height: int, width: int
           ) -> Window:
  """Returns the window of a size with a pixel near its middle.

  Args:
    row: the pixel's.
    column: the pixel's.
    size: height and width of the window; less where the picture ends before.
    height: of the picture.
    width: of the picture.
  """
  return Window(_start(row, size, height), _start(column, size, width),
                min(size, height), min(size, width))


def occupied(hole: np.ndarray) -> np.ndarray:
  """Returns which squares of `ALIGNMENT` pixels a hole touches: (h, w) bool.

  Args:
    hole: (H, W) bool.
  """
  starts = [np.arange(0, extent, ALIGNMENT) for extent in hole.shape]
  rows = np.logical_or.reduceat(hole, starts[0], axis=0)
  return np.logical_or.reduceat(rows, starts[1], axis=1)


def of_squares(squares: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns a mask (height, width) bool of squares, see `occupied`.

  Args:
    squares: (h, w) bool.
    height: of the picture.
    width: of the picture.
  """
  large = np.repeat(np.repeat(squares, ALIGNMENT, axis=0), ALIGNMENT, axis=1)
  return large[:height, :width]


def _start(middle: int, size: int, extent: int) -> int:
  """Returns where a window begins that lies within the picture."""
  last = max(0, extent - size)
  start = min(max(0, middle - (size - ALIGNMENT) // 2), last)
  return start if start == last else start // ALIGNMENT * ALIGNMENT


class Blend:
  """The colours of a hole, made window by window.

  Memory grows with the number of pixels in the hole, not with the picture.
  """

  def __init__(self, hole: np.ndarray, margin: int):
    """Begins without any colour.

    Args:
      hole: (H, W) bool.
      margin: the one that `cover` was given.
    """
    self._shape, self._margin = hole.shape, margin
    self._places = np.flatnonzero(hole)
    self._total = np.zeros((len(self._places), 3), np.float32)
    self._weights = np.zeros((len(self._places), 1), np.float32)

  def add(self, window: Window, fills: np.ndarray, prediction: np.ndarray
          ) -> None:
    """Adds what was predicted for a window.

    Args:
      window: a part of the picture.
      fills: (H, W) bool, the pixels of the hole whose colours are taken.
      prediction: RGB (h, w, 3) of the window. If it is smaller than the window,
        it is of a window that was made smaller, and is enlarged.
    """
    rows, columns = np.nonzero(window.of(fills))
    at = np.searchsorted(self._places, (rows + window.top) * self._shape[1]
                         + columns + window.left)
    weight = np.minimum(
        _rise(window.top, window.height, self._shape[0], self._margin)[rows],
        _rise(window.left, window.width, self._shape[1], self._margin)[columns]
    )[:, None]
    if prediction.shape[:2] == (window.height, window.width):
      colours = prediction[rows, columns]
    else:
      colours = scaling.enlarged(prediction, window.height, window.width,
                                 rows, columns)
    self._total[at] += weight * colours
    self._weights[at] += weight

  def colours(self) -> np.ndarray:
    """Returns (N, 3) float32, in the order of `array[hole]`."""
    return self._total / self._weights


def _rise(start: int, length: int, extent: int, margin: int) -> np.ndarray:
  """Returns weights (length,) that rise from 0 at the rims to 1.

  A rim at which the picture ends is none: no other window knows more.
  """
  inside = np.arange(1, length + 1, dtype=np.float32)
  weight = np.ones(length, np.float32)
  for is_rim, distance in ((start > 0, inside),
                           (start + length < extent, inside[::-1])):
    if is_rim:
      weight = np.minimum(weight, np.clip(
          (distance - margin / 2) / (margin / 2 + 1), 0, 1))
  return weight
