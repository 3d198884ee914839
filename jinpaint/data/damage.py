"""Masks of what damages photographs: scratches, wires, text, specks and blobs.

One of the kinds of `jinpaint.data.mask_drawings`, and the only one whose sizes
are in pixels, whatever the size of the image.
"""

from collections.abc import Callable, Mapping
import functools
import itertools
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jinpaint.errors import UsageError

Shapes = Literal['all', 'scratches', 'wires', 'text', 'specks', 'blobs']


def damage(rng: np.random.Generator, height: int, width: int, *,
           shapes: Shapes = 'all', thickness: tuple[int, int] = (2, 15),
           percent: tuple[int, int] = (2, 12)) -> np.ndarray:
  """Draws what damages photographs: scratches, wires, text, specks and blobs.

  Shapes are added until a share of the pixels is damaged. Their sizes are in
  pixels, whatever the size of the image, as those of real damage are.

  Options:
    shapes: which; 'all' mixes them, a blob for every twenty.
    thickness: of scratches, wires, specks and the strokes of letters, in
      pixels; blobs are two to six times as wide.
    percent: share of the pixels, drawn uniformly, which the last shape may
      exceed.
  """
  low, high = percent
  if not 0 <= high <= 50:
    raise UsageError(f'damage to {high} percent; it must be 50 at most')
  mask = np.zeros((height, width), np.uint8)
  share = rng.uniform(low, high) / 100
  while mask.mean() < share:
    shape = shapes if shapes != 'all' else rng.choice(
        ['scratches', 'wires', 'text', 'specks', 'blobs'],
        p=(0.3, 0.3, 0.25, 0.1, 0.05))
    pixels = max(1, int(rng.integers(*thickness, endpoint=True)))
    SHAPES[shape](rng, mask, pixels)
  return mask


def _scratch(rng: np.random.Generator, mask: np.ndarray, thickness: int
             ) -> None:
  """Draws an almost straight line, whose width changes in its course."""
  height, width = mask.shape
  start, end = (rng.uniform((0, 0), (width, height)) for _ in range(2))
  along = np.linspace(0, 1, int(rng.integers(2, 7)))[:, None]
  joints = start + (end - start) * along
  joints[1:-1] += rng.normal(0, 2 * thickness, joints[1:-1].shape)
  widths = thickness * rng.uniform(0.5, 1, len(joints) - 1)
  widths[rng.integers(len(widths))] = thickness
  for (a, b), pixels in zip(itertools.pairwise(joints.astype(int).tolist()),
                            widths, strict=True):
    cv2.line(mask, a, b, 1, max(1, round(pixels)))


def _wire(rng: np.random.Generator, mask: np.ndarray, thickness: int) -> None:
  """Draws a smooth curve of one width, a cubic Bezier curve of four points."""
  height, width = mask.shape
  points = rng.uniform((-width / 4, -height / 4), (1.25 * width, 1.25 * height),
                       (4, 2))
  t = np.linspace(0, 1, 65)[:, None]
  curve = sum(weight * (1 - t)**(3 - i) * t**i * point for i, (weight, point)
              in enumerate(zip((1, 3, 3, 1), points, strict=True)))
  cv2.polylines(mask, [np.rint(curve).astype(np.int32)], False, 1, thickness)


def _text(rng: np.random.Generator, mask: np.ndarray, thickness: int) -> None:
  """Writes a word, a date or a number, upright or along a side."""
  signs = list('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
               '0123456789-/.:')
  text = ''.join(rng.choice(signs, rng.integers(3, 13)))
  size = max(8, round(thickness * rng.uniform(6, 11)))
  turned = mask.T if rng.random() < 0.25 else mask
  height, width = turned.shape
  left, top = rng.integers((-width // 4, -size // 2), (width, height)).tolist()
  drawing = Image.new('L', (width, height))
  pen = ImageDraw.Draw(drawing)
  pen.fontmode = '1'  # no grey at the rim of a letter
  # The strokes of the font itself are 0.085 times as wide as it is high.
  pen.text((left, top), text, fill=1, font=_font(size),
           stroke_width=max(0, round((thickness - 0.085 * size) / 2)))
  np.maximum(turned, np.asarray(drawing), out=turned)


@functools.lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
  """Returns the font that Pillow brings along, so many pixels high."""
  font = ImageFont.load_default(size)
  if not isinstance(font, ImageFont.FreeTypeFont):
    raise UsageError('this Pillow has no FreeType and cannot write text')
  return font


def _specks(rng: np.random.Generator, mask: np.ndarray, thickness: int) -> None:
  """Draws a few spots of dust."""
  for _ in range(rng.integers(1, 9)):
    _ellipse(rng, mask, thickness * rng.uniform(0.25, 0.75, 2))


def _blob(rng: np.random.Generator, mask: np.ndarray, thickness: int) -> None:
  """Draws a stain, two to six times as wide as a line."""
  _ellipse(rng, mask, thickness * rng.uniform(1, 3, 2))


def _ellipse(rng: np.random.Generator, mask: np.ndarray, radii: np.ndarray
             ) -> None:
  """Draws a filled ellipse anywhere, turned by any angle."""
  height, width = mask.shape
  centre = int(rng.integers(width)), int(rng.integers(height))
  cv2.ellipse(mask, centre, np.rint(radii).astype(int).tolist(),
              rng.uniform(0, 180), 0, 360, 1, cv2.FILLED)


# Each draws one shape, so many pixels wide, into a mask.
SHAPES: Mapping[str, Callable[[np.random.Generator, np.ndarray, int], None]
                ] = {
    'scratches': _scratch, 'wires': _wire, 'text': _text, 'specks': _specks,
    'blobs': _blob}
