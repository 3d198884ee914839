"""Masks that are drawn at random, one function a kind.

Each is `draw(rng, height, width, **options)` and returns (height, width) uint8,
0 or 1, **1 = hole**. Every random choice comes from `rng`: a mask is a function
of that generator's state, whichever thread draws it. A new kind is a function
in `KINDS`. Its options are keywords with a default and an annotation that
`FORMS` knows.
"""

from collections.abc import Callable, Mapping
from typing import Any, get_args, Literal, NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw

from jinpaint.data import specs
from jinpaint.data.damage import damage, Shapes
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


class _Holes(NamedTuple):
  """One of LaMa's kinds of holes; lengths are in pixels of its size.

  Attributes:
    size: the shorter side of the images that it is for.
    strokes: number of strokes; the published configs say one less at most, and
      their code draws one more.
    length: longest piece of a stroke, less 9.
    brush: widest piece of a stroke, less 4.
    box_share: share of masks that are boxes; all others are strokes.
    boxes: number of boxes.
    side: shortest and longest side of a box.
    margin: distance of boxes from the border.
  """

  size: int
  strokes: Range
  length: int
  brush: int
  box_share: float = 0.0
  boxes: Range = (1, 1)
  side: Range = (1, 1)
  margin: int = 0


_Named = Literal['train', 'thin', 'medium', 'thick', 'thin_512', 'medium_512',
                 'thick_512']
_RARE = 0.3 / 1.3  # the configs' weights are 1 for strokes, 0.3 for boxes
_LAMA: Mapping[str, _Holes] = {
    'train': _Holes(256, (1, 6), 200, 100, 0.5, (1, 4), (30, 150), 10),
    'thin': _Holes(256, (4, 51), 40, 10),
    'medium': _Holes(256, (4, 6), 100, 50, _RARE, (1, 5), (10, 50)),
    'thick': _Holes(256, (1, 6), 200, 100, _RARE, (1, 3), (30, 150), 10),
    'thin_512': _Holes(512, (4, 71), 100, 20),
    'medium_512': _Holes(512, (4, 11), 200, 100, _RARE, (1, 5), (30, 150)),
    'thick_512': _Holes(512, (1, 6), 450, 250, _RARE, (1, 4), (30, 300), 10),
}


def lama(rng: np.random.Generator, height: int, width: int, *,
         holes: _Named = 'train') -> np.ndarray:
  """Draws boxes, or strokes of straight pieces with round ends; never both.

  Suvorov et al., 2021, arXiv:2109.07161 (LaMa), section 2.3, with the numbers
  of the published configs. Where the shorter side has 256 pixels (512 for those
  that say so), these are the published code's masks, pixel for pixel, from the
  same random numbers; lengths scale with that side.

  Options:
    holes: 'train'; or one of the test sets, from narrow to wide: 'thin',
      'medium', 'thick', and for larger images 'thin_512', 'medium_512',
      'thick_512'.
  """
  kind = _LAMA[holes]
  mask = np.zeros((height, width), np.uint8)
  scale = min(height, width) / kind.size
  # As `np.random.choice` does, of the two kinds in the configs' order.
  if rng.random() >= 1 - kind.box_share:
    _boxes(rng, mask, kind, scale)
  else:
    _pieces(rng, mask, kind, scale)
  return mask


def _pieces(rng: np.random.Generator, mask: np.ndarray, kind: _Holes,
            scale: float) -> None:
  """Draws LaMa's strokes into a mask."""
  height, width = mask.shape
  below = lambda high: int(rng.integers(0, high - 1, endpoint=True))
  for stroke in range(rng.integers(*kind.strokes, endpoint=True)):
    x, y = below(width), below(height)
    for _ in range(1 + below(5)):
      # One of only four directions, which every other stroke mirrors.
      turn = 0.01 + below(4)
      if stroke % 2 == 0:
        turn = 2 * 3.1415926 - turn
      step = (10 + below(kind.length)) * scale
      thickness = max(1, round((5 + below(kind.brush)) * scale))
      end = (int(np.clip(int(x + step * np.sin(turn)), 0, width)),
             int(np.clip(int(y + step * np.cos(turn)), 0, height)))
      cv2.line(mask, (x, y), end, 1, thickness)
      x, y = end


def _boxes(rng: np.random.Generator, mask: np.ndarray, kind: _Holes,
           scale: float) -> None:
  """Draws LaMa's boxes into a mask."""
  height, width = mask.shape
  margin = round(kind.margin * scale)
  low, high = (max(1, round(side * scale)) for side in kind.side)
  # A box that the image limits is, as published, a pixel smaller than it could.
  limit = min(height, width) - 2 * margin
  high = max(low, min(high, limit - 1))
  for _ in range(rng.integers(*kind.boxes, endpoint=True)):
    columns, rows = (int(rng.integers(low, high, endpoint=True))
                     for _ in range(2))
    left, top = (int(rng.integers(margin, whole - margin - part, endpoint=True))
                 for whole, part in ((width, columns), (height, rows)))
    mask[top:top + rows, left:left + columns] = 1


KINDS: dict[str, Callable[..., np.ndarray]] = {
    'lines': lines, 'strokes': strokes, 'block': block, 'half': half,
    'walk': walk, 'deepfill': deepfill, 'lama': lama,
    'damage': damage}

# From the type of an option to how its value is written.
FORMS: Mapping[Any, specs.Value] = {
    int: specs.WHOLE, int | None: specs.WHOLE,
    Range: specs.WHOLE_RANGE, Range | None: specs.WHOLE_RANGE,
    Sides: specs.SHARES, _Named: specs.choice(*get_args(_Named)),
    Shapes: specs.choice(*get_args(Shapes))}
