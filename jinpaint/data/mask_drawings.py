"""Masks that are drawn at random, one function a kind.

Each is `draw(rng, height, width, **options)` and returns (height, width) uint8,
0 or 1, **1 = hole**. Every random choice comes from `rng`: a mask is a function
of that generator's state, whichever thread draws it. A new kind is a function
in `KINDS`. Its options are keywords with a default and an annotation that
`FORMS` knows.
"""

from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from jinpaint.data import specs
from jinpaint.errors import UsageError

Range = tuple[int, int]  # the lowest and the highest number, both included
Sides = float | tuple[float, float]  # shares of height and width, or one share


def lines(rng: np.random.Generator, height: int, width: int, *,
          count: Range = (1, 9), thickness: Range | None = None) -> np.ndarray:
  """Draws straight lines between any two pixels, uniformly.

  Shu and Sahinkaya, "Image Inpainting for Irregular Lines Using Partial
  Convolutions", section 3.2, with the numbers of the code that it builds on.

  Options:
    count: number of lines.
    thickness: in pixels, at least 1. By default it is 10 to 12 where the
      shorter side has 256 pixels, and scales with that side, rounded, halves to
      the even number: 5 to 6 at 128, 2 to 3 at 64, 1 to 2 at 32.
  """
  mask = np.zeros((height, width), np.uint8)
  if thickness is None:
    scale = min(height, width) / 256
    thickness = round(10 * scale), round(12 * scale)
  for _ in range(rng.integers(*count, endpoint=True)):
    start, end = rng.integers((width, height), size=(2, 2)).tolist()
    pixels = max(1, int(rng.integers(*thickness, endpoint=True)))
    cv2.line(mask, start, end, 1, pixels, cv2.LINE_8)
  return mask


def strokes(rng: np.random.Generator, height: int, width: int, *,
            parts: int = 4, vertices: Range = (0, 25), angle: Range = (0, 360),
            length: Range = (0, 80), brush: Range = (10, 40)) -> np.ndarray:
  """Draws free-form strokes, like those of a brush in a restless hand.

  Yu et al., 2019, arXiv:1806.03589, with the numbers of SketchRefiner's
  published code: at 256 x 256 these are its masks, pixel for pixel. In masks
  that are not square that code swaps rows and columns; this one does not.

  Options, of which the ranges are drawn from uniformly:
    parts: number of independent polygonal lines.
    vertices: number of pieces of a line.
    angle: direction of a piece, in degrees; every other piece turns backwards.
    length: length of a piece, in pixels where the shorter side has 256 pixels;
      it scales with that side.
    brush: width of a piece, made even; it scales as `length` does, and is at
      least 1 pixel.
  """
  mask = np.zeros((height, width), np.uint8)
  scale = min(height, width) / 256
  draw = lambda low, high: int(rng.integers(low, high, endpoint=True))
  for _ in range(parts):
    pieces = draw(*vertices)
    x, y, radius = draw(0, width - 1), draw(0, height - 1), 0
    for piece in range(pieces):
      turn = np.deg2rad(draw(*angle)) * (1 if piece % 2 else -1)
      step = draw(*length) * scale
      thickness = max(1, round(draw(*brush) // 2 * 2 * scale))
      radius = thickness // 2
      end = (int(np.clip(x + step * np.cos(turn), 0, width - 1)),
             int(np.clip(y + step * np.sin(turn), 0, height - 1)))
      cv2.line(mask, (x, y), end, 1, thickness)
      cv2.circle(mask, (x, y), radius, 1)  # an outline, as published
      x, y = end
    cv2.circle(mask, (x, y), radius, 1)
  return mask


def block(rng: np.random.Generator, height: int, width: int, *,
          fraction: Sides = 0.5) -> np.ndarray:
  """Draws one rectangle, anywhere inside the image, uniformly.

  EdgeConnect's (Nazeri et al., 2019, arXiv:1901.00212) measures half of either
  side, InpaintGAN's 0.125.

  Options:
    fraction: the rectangle's share of height and width, or one number for
      both, in (0, 1]; rounded down to pixels, at least one.
  """
  mask = np.zeros((height, width), np.uint8)
  shares = np.broadcast_to(fraction, 2)
  if not np.all((shares > 0) & (shares <= 1)):
    raise UsageError(f'a block of fraction {fraction}; it must lie in (0, 1]')
  # 0.29 * 100 is 28.999..., but such a block shall have 29 pixels.
  rows, columns = np.maximum(1, shares * (height, width) + 1e-9).astype(int)
  top = rng.integers(height - rows, endpoint=True)
  left = rng.integers(width - columns, endpoint=True)
  mask[top:top + rows, left:left + columns] = 1
  return mask


def half(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
  """Masks the left or the right half, either with probability 0.5.

  EdgeConnect's published code, mask type 2. Half of an odd width is rounded
  down, but to one pixel at least, and reaches the border on either side.
  """
  mask = np.zeros((height, width), np.uint8)
  columns = max(1, width // 2)
  mask[:, slice(columns) if rng.random() < 0.5 else slice(-columns, None)] = 1
  return mask


def walk(rng: np.random.Generator, height: int, width: int, *,
         steps: int | None = None) -> np.ndarray:
  """Marks the pixels that a random walk from neighbour to neighbour visits.

  The masks of naoto0804's published code for Liu et al., 2018,
  arXiv:1804.07723: a step over the border leaves the walker where it is. About
  0.19 of the pixels are holes at 512 x 512, its size; more in smaller masks.

  Options:
    steps: number of steps; by default as many as the mask has pixels.
  """
  mask = np.zeros((height, width), np.uint8)
  move = rng.integers(
      4, size=height * width if steps is None else steps, dtype=np.int8)
  forward = 1 - 2 * (move & 1)
  vertical = forward * (move >> 1)
  mask[_stopped_at_border(rng, vertical, height),
       _stopped_at_border(rng, forward - vertical, width)] = 1
  return mask


def deepfill(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
  """Draws a box and one to three strokes with round joints.

  The published code of Yu et al., 2019, arXiv:1806.03589, "DeepFill v2", which
  the paper calls free-form. Box and strokes have the published size where the
  shorter side has 256 pixels, and scale with that side. Strokes start anywhere;
  in images that are not square, the published code swaps height and width when
  it draws their start.
  """
  scale = min(height, width) / 256
  mask = np.zeros((height, width), np.uint8)
  side, shrinking = round(128 * scale), round(32 * scale) // 2
  top, left = (int(rng.integers(max(1, n - side))) for n in (height, width))
  rows, columns = rng.integers(shrinking, size=2, endpoint=True)
  mask[top + rows:top + side - rows, left + columns:left + side - columns] = 1

  drawing = Image.new('L', (width, height))
  pen = ImageDraw.Draw(drawing)
  reach = np.hypot(height, width) / 8
  for _ in range(rng.integers(1, 4)):
    pieces = int(rng.integers(4, 12))
    low, high = 2 * np.pi / 5 + np.array([-1, 1]) * rng.uniform(
        0, 2 * np.pi / 15, size=2)
    turns = rng.uniform(low, high, size=pieces)
    turns[::2] = 2 * np.pi - turns[::2]
    joints = [(int(rng.integers(width)), int(rng.integers(height)))]
    for turn in turns:
      length = np.clip(rng.normal(reach, reach // 2), 0, 2 * reach)
      x, y = joints[-1]
      joints.append((int(np.clip(x + length * np.cos(turn), 0, width)),
                     int(np.clip(y + length * np.sin(turn), 0, height))))
    thickness = max(1, int(rng.uniform(12, 40) * scale))
    pen.line(joints, fill=1, width=thickness)
    half = thickness // 2
    for x, y in joints:
      pen.ellipse((x - half, y - half, x + half, y + half), fill=1)
  return np.maximum(mask, np.asarray(drawing))


def _stopped_at_border(rng: np.random.Generator, moves: np.ndarray, side: int
                       ) -> np.ndarray:
  """Returns the places, 0 to side - 1, of a walk that stops at the borders.

  A walk without borders is a cumulative sum, which needs no loop. It is folded
  at the borders, so that cells -1 and 0 are one place, and cells side - 1 and
  side as well. Such a walk has the probabilities of one that is stopped: from
  either cell of a place at the border it goes inwards or stays, with equal
  chances.
  """
  place = np.concatenate([[rng.integers(side)], moves]).cumsum() % (2 * side)
  return np.minimum(place, 2 * side - 1 - place)


KINDS: dict[str, Callable[..., np.ndarray]] = {
    'lines': lines, 'strokes': strokes, 'block': block, 'half': half,
    'walk': walk, 'deepfill': deepfill}

# From the type of an option to how its value is written.
FORMS: Mapping[Any, specs.Value] = {
    int: specs.WHOLE, int | None: specs.WHOLE,
    Range: specs.WHOLE_RANGE, Range | None: specs.WHOLE_RANGE,
    Sides: specs.SHARES}
