"""Windows around the holes of a picture that is too large to be filled at once.

A window is cut from the picture itself: nothing is added to it. Every pixel of
a hole lies at least `margin` pixels inside of some window, or where the picture
ends. Where windows overlap, their predictions are blended, so that no seam is
seen: a window's weight rises from `margin / 2` pixels inside of its rim, before
which it knows too little, to `margin` pixels.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


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
      windows.append(Window(
          _start(top + int(middle[0]), size, height),
          _start(left + int(middle[1]), size, width),
          min(size, height), min(size, width)))
  return windows


def _start(middle: int, size: int, extent: int) -> int:
  """Returns where a window begins that lies within the picture."""
  last = max(0, extent - size)
  start = min(max(0, middle - (size - ALIGNMENT) // 2), last)
  return start if start == last else start // ALIGNMENT * ALIGNMENT


def blend(hole: np.ndarray, windows: Sequence[Window], margin: int,
          fill: Callable[[Window], np.ndarray]) -> np.ndarray:
  """Returns the colours of a hole, made window by window.

  Memory grows with the number of pixels in the hole, not with the picture.

  Args:
    hole: (H, W) bool.
    windows: what `cover` returned.
    margin: what `cover` was given.
    fill: returns the prediction (height, width, C) of a window.

  Returns:
    (N, C) float32, in the order of `array[hole]`.
  """
  places = np.flatnonzero(hole)
  total, weights = None, np.zeros((len(places), 1), np.float32)
  for window in windows:
    rows, columns = np.nonzero(window.of(hole))
    at = np.searchsorted(places, (rows + window.top) * hole.shape[1]
                         + columns + window.left)
    weight = np.minimum(
        _rise(window.top, window.height, hole.shape[0], margin)[rows],
        _rise(window.left, window.width, hole.shape[1], margin)[columns]
    )[:, None]
    colours = fill(window)[rows, columns]
    if total is None:
      total = np.zeros((len(places), colours.shape[1]), np.float32)
    total[at] += weight * colours
    weights[at] += weight
  if total is None:
    raise ValueError('there is no window, and so no colour')
  return total / weights


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
