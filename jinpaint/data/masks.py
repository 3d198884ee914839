"""Where masks come from: drawn at random, or read from files.

A mask is (H, W) uint8, 0 or 1, and **1 = hole**, a pixel to be filled. Every
random choice comes from the generator that is passed in: a mask is a function
of that generator's state, whichever thread draws it.

`parse` reads what configs and the command line say: `lines`, `files:PATH`,
`lines:thickness=2-3:count=1-9+block:fraction=0.125`. A new kind of mask is a
function in `KINDS`.
"""

from collections.abc import Callable, Sequence
import functools
import inspect
import re
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from jinpaint import errors
from jinpaint.data import mask_files, specs
from jinpaint.errors import UsageError

# After so many draws a hole ratio counts as out of reach.
TRIES = 1000

Range = tuple[int, int]  # the lowest and the highest number, both included
Sides = float | tuple[float, float]  # shares of height and width, or one share
Draw = Callable[[np.random.Generator, int, int], np.ndarray]


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


# Kinds of masks that are drawn: `KINDS[kind](rng, height, width, **options)`.
# Options are keywords with a default and an annotation that `_FORMS` knows.
KINDS: dict[str, Callable[..., np.ndarray]] = {
    'lines': lines, 'strokes': strokes, 'block': block, 'half': half,
    'walk': walk, 'deepfill': deepfill}

_FILES = 'files'

# From the type of an option to how its value is written.
_FORMS: dict[Any, specs.Value] = {
    int: specs.WHOLE, int | None: specs.WHOLE,
    Range: specs.WHOLE_RANGE, Range | None: specs.WHOLE_RANGE,
    Sides: specs.SHARES}


def _grammar() -> dict[str, specs.Kind]:
  """Returns the kinds of masks, drawn ones and files, and their options."""
  drawn = {}
  for name, draw in KINDS.items():
    types = inspect.get_annotations(draw)
    drawn[name] = specs.Kind({
        option: _FORMS[types[option]]
        for option in inspect.getfullargspec(draw).kwonlyargs})
  return drawn | {_FILES: specs.Kind(rest='PATH')}


class MaskMaker:
  """Makes masks: draws them, reads them, or unites several. See `parse`."""

  def __init__(self, spec: str, drawings: Sequence[Draw],
               sources: Sequence[mask_files.MaskFiles],
               ratio: tuple[float, float]):
    """Takes what a mask is the union of.

    Args:
      spec: what `parse` was given, for errors.
      drawings: functions that draw masks.
      sources: the files of other masks.
      ratio: lowest and highest share of hole pixels, both included.
    """
    self._spec, self._ratio = spec, ratio
    self._drawings, self._sources = drawings, sources

  def __call__(self, rng: np.random.Generator, height: int, width: int, *,
               name: str = '', index: int = 0) -> np.ndarray:
    """Returns a mask (height, width) uint8, 1 = hole.

    Args:
      rng: makes every random choice.
      height: number of rows.
      width: number of columns.
      name: the image's relative path, which the pairing stem reads: the mask of
        an image has the same path but for the suffix, or else the same stem in
        any folder.
      index: the image's number, which the pairing order reads.

    Raises:
      UsageError: a mask file is missing or broken, or no mask has the ratio.
    """
    low, high = self._ratio
    read = lambda source, low, high: source.mask(
        rng, height, width, name, index, low, high)
    if not self._drawings and len(self._sources) == 1:
      # Files know their ratios, so that no unsuitable one need be drawn.
      return read(self._sources[0], low, high)
    for _ in range(TRIES):
      mask = np.maximum.reduce(
          [draw(rng, height, width) for draw in self._drawings]
          + [read(source, 0, 1) for source in self._sources])
      if low <= mask.mean() <= high:
        return mask
    raise UsageError(f'no {self._spec} mask of {height} x {width} has a hole '
                     f'ratio of {low:g} to {high:g}, in {TRIES} tries')

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each image, named in order, has its mask."""
    for source in self._sources:
      source.check(names)


def parse(spec: str, *, ratio: tuple[float, ...] | None = None,
          pairing: str = 'random', hole: str = 'white',
          reading: str = 'clean') -> MaskMaker:
  """Reads which masks are wanted.

  Args:
    spec: `KIND[:OPTION=VALUE]...` or `files:PATH` (a file, or a folder and all
      below it); several joined by `+` for their union. A `+` in a path stays
      one unless a kind's name follows. Values are numbers, ranges `1-9`, sides
      `0.5` or `0.5x0.25` (height x width).
    ratio: lowest and highest share of hole pixels, both included; None or empty
      for any. Masks are drawn until one has it; random files are chosen among
      those that have it.
    pairing: how files meet images: 'random'; 'stem', same name but for the
      suffix; 'order', the sorted files one by one; 'single', one for all.
    hole: the colour of a hole in files, 'white' or 'black'.
    reading: how files are read: 'clean', cut at half and resized without grey;
      'isnet' or 'isnet:jpeg=QUALITY', see `mask_files.as_isnet_reads`, whose
      ratio is that by which the authors sorted; 'soft', resized bilinearly and
      left so, as naoto0804's weights were trained.

  Raises:
    UsageError: no such kind, option, value, pairing, colour, reading, file or
      folder.
  """
  for what, given, known in (('pairing', pairing, mask_files.PAIRINGS),
                             ('colour of holes', hole, mask_files.HOLES)):
    if given not in known:
      raise errors.unknown(what, given, known)
  read = mask_files.parse_reading(reading)
  kinds = _grammar()
  drawings: list[Draw] = []
  sources: list[mask_files.MaskFiles] = []
  for part in parts(spec):
    parsed = specs.parse('mask', part, kinds)
    if parsed.kind == _FILES:
      sources.append(mask_files.MaskFiles(parsed.path, pairing, hole, read))
    else:
      drawings.append(_drawing(parsed))
  if ratio:
    if len(ratio) != 2 or not 0 <= ratio[0] <= ratio[1] <= 1:
      raise UsageError(f'the mask ratio is {ratio}; it must be a lowest and a '
                       'highest share within 0 and 1')
    if pairing != 'random' and not drawings:
      raise UsageError(f'a mask ratio needs the pairing random, not {pairing}')
  low, high = ratio or (0, 1)
  return MaskMaker(spec, drawings, sources, (low, high))


def parts(spec: str) -> list[str]:
  """Returns the members of a union, in their order.

  A plus belongs to a path unless the name of a kind follows.
  """
  names = '|'.join(map(re.escape, (*KINDS, _FILES)))
  parts: list[str] = []
  for part in re.split(rf'\+(?=(?:{names})(?:[:+]|$))', spec):
    # A drawn mask has no path: what follows a plus there is an unknown kind.
    parts += [part] if part.startswith(f'{_FILES}:') else part.split('+')
  return parts


def _drawing(spec: specs.Spec) -> Draw:
  """Returns the function that draws masks of a kind with its options."""
  draw = functools.partial(KINDS[spec.kind], **spec.options)
  # A value that cannot be used is an error now, not later in a thread.
  draw(np.random.default_rng(0), 8, 8)
  return draw
