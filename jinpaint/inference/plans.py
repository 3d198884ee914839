"""How a picture is filled: as a whole, in windows, or from a smaller one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from jinpaint import errors
from jinpaint.inference import scaling, windows
from jinpaint.inference.names import STRATEGIES
from jinpaint.inference.windows import Window

# Heights and widths of windows. They are multiples of what any network needs.
SIZES = (2048, 1536, 1024, 768, 512, 256)
TILE = 1024  # of the strategy 'tile'
LONGEST = 1024  # side of the smaller picture, of the strategy 'resize'
# A window's share, on each side, that is context alone; and how many pixels
# that are at most where windows are cropped.
_MARGIN = 1 / 8
_CROP_MARGIN = 128
# Of a picture that has so many times the pixels of the largest window, what it
# takes is estimated first. Where that is so many times what is free, nothing is
# compiled to count it.
_MUCH_LARGER = 4
_FAR_ABOVE = 2
# What windows share of a hole, where one of them knows a smaller share of its
# pixels, is filled from a smaller picture.
_LEAST_KNOWN = 1 / 2


class Plan(NamedTuple):
  """How a picture is filled.

  Attributes:
    strategy: 'original': as a whole; 'tile': in windows of one size; 'crop': in
      windows of fitting sizes; 'resize': from a smaller picture.
    window: height and width of the windows, or of the largest ones; 0 for the
      whole picture at once.
    smaller: height and width to which the picture is made smaller; where there
      are windows, for those holes alone that are wider than a window.
    needed: bytes that the whole picture would take, or 0 if nobody asked.
    free: bytes that there are.
    is_estimate: whether `needed` is no count, but at least about that.
  """

  strategy: str = 'original'
  window: int = 0
  smaller: tuple[int, int] | None = None
  needed: int = 0
  free: int = 0
  is_estimate: bool = False

  def __str__(self) -> str:
    how = {'original': 'as a whole',
           'tile': f'in windows of {self.window} pixels',
           'crop': f'in windows of up to {self.window} pixels around its holes',
           'resize': 'from a smaller picture'}[self.strategy]
    if self.smaller:
      height, width = self.smaller
      how += '' if self.strategy == 'resize' else ', wider holes from a picture'
      how += f' of {width} x {height} pixels'
    if self.window and self.needed:
      how += (f': as a whole it would take {"about " * self.is_estimate}'
              f'{self.needed / 1e9:.1f} GB, and '
              f'{self.free / 1e9:.1f} GB are free')
    return how


class Part(NamedTuple):
  """What a network is given of a picture at once.

  Attributes:
    window: a part of the picture.
    height: to which the window is made smaller; its own, or less.
    width: to which the window is made smaller; its own, or less.
    fills: (H, W) bool, the pixels of the whole picture that it may fill.
  """

  window: Window
  height: int
  width: int
  fills: np.ndarray


class Layout(NamedTuple):
  """The parts of a picture.

  Attributes:
    parts: they cover the hole.
    margin: of the windows, see `jinpaint.inference.windows`.
    smaller: see `Plan.smaller`.
  """

  parts: Sequence[Part]
  margin: int = 0
  smaller: tuple[int, int] | None = None


def planned(hole: np.ndarray, strategy: str, free: int,
            needs: Callable[[int, int, bool], int]) -> tuple[Plan, Layout]:
  """Returns how a picture is filled.

  Args:
    hole: (H, W) bool.
    strategy: one of `names.STRATEGIES`.
    free: bytes that may be taken.
    needs: `(height, width, is_window) -> bytes` that filling a picture of some
      size takes. It is asked only where a strategy depends on it, because the
      answer may take long.

  Raises:
    UsageError: there is no such strategy.
  """
  errors.check_option('strategy', strategy, STRATEGIES)
  height, width = hole.shape
  if strategy == 'resize':
    layout = as_whole(hole, LONGEST)
    return _plan_of(strategy, layout), layout
  sizes = [size for size in ((TILE,) if strategy == 'tile' else SIZES)
           if size < max(height, width)]
  needed, is_estimate = 0, False
  if strategy == 'auto':
    needed = _estimated(height, width, sizes, needs)
    is_estimate = needed > _FAR_ABOVE * free
    if not is_estimate:
      needed = needs(height, width, False)
  if strategy == 'original' or not sizes or (
      strategy == 'auto' and needed <= free):
    return Plan(needed=needed, free=free), as_whole(hole)
  for size in sizes:
    # The smallest windows are taken whether they fit or not.
    if strategy == 'auto' and size != sizes[-1] and needs(
        min(size, height), min(size, width), True) > free:
      continue
    layout = in_windows(hole, size, crop=strategy == 'crop')
    if strategy != 'crop' or all(needs(part.height, part.width, True) <= free
                                 for part in layout.parts):
      break
  how = 'crop' if strategy == 'crop' else 'tile'
  return _plan_of(how, layout, size)._replace(
      needed=needed, free=free, is_estimate=is_estimate), layout


def _estimated(height: int, width: int, sizes: Sequence[int],
               needs: Callable[[int, int, bool], int]) -> int:
  """Returns about how many bytes a picture takes as a whole, or less.

  What networks take grows with the number of pixels, and faster with attention.

  Args:
    height: the picture's.
    width: the picture's.
    sizes: of windows that are smaller than it, from the largest on.
    needs: see `planned`.

  Returns:
    The bytes; 0 if the picture is not much larger than a window.
  """
  if not sizes:
    return 0
  # That window is the first to be tried if the whole does not fit.
  window = min(sizes[0], height), min(sizes[0], width)
  larger = height * width / (window[0] * window[1])
  return int(needs(*window, True) * larger) if larger > _MUCH_LARGER else 0


def _plan_of(strategy: str, layout: Layout, window: int = 0) -> Plan:
  """Returns what is to be said of a layout.

  Args:
    strategy: 'tile', 'crop' or 'resize'.
    layout: what it has made of a picture.
    window: height and width of its windows, or of the largest.
  """
  around = [part.window for part in layout.parts
            if (part.height, part.width) == part.window[2:]]
  if strategy == 'crop' and around:
    window = max(max(one.height, one.width) for one in around)
  if window and (around or not layout.parts):
    return Plan(strategy, window, layout.smaller)
  return (Plan('resize', max(layout.smaller), layout.smaller)
          if layout.smaller else Plan())


def as_whole(hole: np.ndarray, longest: int = 0) -> Layout:
  """Returns a layout of one part.

  Args:
    hole: (H, W) bool.
    longest: at most so long is the longer side of what the network is given;
      0 for any length.
  """
  size = hole.shape[0], hole.shape[1]
  smaller = scaling.fitting(*size, longest) if longest else size
  part = Part(Window(0, 0, *size), smaller[0], smaller[1], hole)
  return Layout([part], smaller=None if smaller == size else smaller)


def in_windows(hole: np.ndarray, size: int, *, crop: bool = False) -> Layout:
  """Returns a layout of windows around holes.

  A wide hole that no window holds by itself is filled from a picture that is
  made as small as a window.

  Args:
    hole: (H, W) bool.
    size: height and width of the windows.
    crop: whether windows are smaller where that is enough for a group of holes.
  """
  margin = int(size * _MARGIN)
  if crop:
    margin = min(margin, _CROP_MARGIN)
  alone, rest = _cropped(hole, size, margin) if crop else ([], hole)
  shared = windows.cover(rest, size, margin)
  # Windows that know little of what is around a hole do not agree about it.
  blind = [window for window in shared
           if window.of(hole).mean() > 1 - _LEAST_KNOWN]
  if not blind:
    return Layout([_whole_window(window, hole) for window in alone + shared],
                  margin)
  wide = _holes_in(rest, blind)
  narrow = hole & ~wide
  coarse = as_whole(wide, size)
  shared = windows.cover(rest & narrow, size, margin)
  return Layout([*coarse.parts, *(_whole_window(window, narrow)
                                  for window in alone + shared)],
                margin, coarse.smaller)


def _whole_window(window: Window, fills: np.ndarray) -> Part:
  """Returns a window that is not made smaller."""
  return Part(window, window.height, window.width, fills)


def _holes_in(hole: np.ndarray, parts: Sequence[Window]) -> np.ndarray:
  """Returns those connected holes of which some windows have any pixel."""
  _, labels = cv2.connectedComponents(hole.astype(np.uint8))
  found = {int(label) for part in parts for label in np.unique(part.of(labels))}
  return np.isin(labels, sorted(found - {0}))


def _cropped(hole: np.ndarray, largest: int, margin: int
             ) -> tuple[list[Window], np.ndarray]:
  """Returns a window for each group of holes that one can hold, and the rest.

  Holes that are less than about `ALIGNMENT` pixels apart are a group. The rest
  is (H, W) bool, the holes that need more than the largest window.
  """
  height, width = hole.shape
  count, groups, boxes, _ = cv2.connectedComponentsWithStats(
      windows.occupied(hole).astype(np.uint8))
  found, large = [], np.zeros(count, bool)
  for group in range(1, count):  # 0 is what is known
    left, top, columns, rows = boxes[group, :4] * windows.ALIGNMENT
    needed = max(rows, columns) + 2 * margin
    size = min((size for size in SIZES if needed <= size <= largest),
               default=0)
    if size:
      found.append(windows.around(top + rows // 2, left + columns // 2, size,
                                  height, width))
    else:
      large[group] = True
  return found, hole & windows.of_squares(large[groups], height, width)
