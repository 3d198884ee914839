"""Pictures of cases: holes are tinted, sketches and edges drawn."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from jinpaint.data import files
from jinpaint.data.inspection import Opened

# Colours, RGB, of which photographs have little.
_HOLE, _SKETCH, _EDGE = (255, 0, 200), (0, 114, 178), (240, 228, 66)
_TINT = 0.6  # how much of a hole's colour is the tint
_THUMBNAIL, _GAP = 192, 12
_COLUMNS = 6
_FONT = 12
_GROUND, _TEXT, _BAD = (255, 255, 255), (32, 32, 32), (190, 0, 0)
# Squares behind what is transparent.
_SQUARE, _SQUARES = 8, (204, 255)


def overlay(opened: Opened) -> np.ndarray:
  """Returns a picture (H, W, 3) uint8 with what belongs to it drawn over it.

  The hole is tinted magenta and outlined, sketches are blue, edges yellow. What
  is transparent lies on squares.
  """
  colours, alpha = files.split_alpha(opened.picture.pixels)
  drawn: np.ndarray = files.as_rgb8(colours).astype(np.float32)
  if alpha is not None:
    share = (alpha / np.iinfo(alpha.dtype).max)[..., None].astype(np.float32)
    drawn = share * drawn + (1 - share) * _squares(*alpha.shape)
  if opened.hole is not None:
    hole = opened.hole > 0
    drawn[hole] = (1 - _TINT) * drawn[hole] + _TINT * np.array(_HOLE)
    # Otherwise a hole in a magenta picture would not be seen.
    rim = cv2.dilate(opened.hole, np.ones((3, 3), np.uint8)) > opened.hole
    drawn[rim] = 0
  for lines, colour in ((opened.edge_map, _EDGE), (opened.sketch, _SKETCH)):
    if lines is not None:
      weight = (lines / (255 if lines is opened.edge_map else 1))[..., None]
      drawn = (1 - weight) * drawn + weight * np.array(colour)
  return np.rint(drawn).astype(np.uint8)


def _squares(height: int, width: int) -> np.ndarray:
  """Returns the pattern (height, width, 1) that shows through."""
  rows, columns = np.ogrid[:height, :width]
  dark, light = _SQUARES
  return np.where((rows // _SQUARE + columns // _SQUARE) % 2, dark, light
                  ).astype(np.float32)[..., None]


def thumbnail(picture: np.ndarray) -> np.ndarray:
  """Returns a picture (H, W, 3) uint8, made smaller if it is large."""
  height, width = picture.shape[:2]
  scale = _THUMBNAIL / max(height, width)
  if scale >= 1:
    return picture
  size = max(1, round(width * scale)), max(1, round(height * scale))
  return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


class Thumbnail(NamedTuple):
  """A picture on a contact sheet.

  Attributes:
    picture: what `thumbnail` returned; None for one that cannot be read.
    lines: what stands below it; of long lines the beginning is cut off.
    usable: whether it is framed in red and crossed out.
  """

  picture: np.ndarray | None
  lines: Sequence[str]
  usable: bool = True


def contact_sheet(thumbnails: Sequence[Thumbnail]) -> np.ndarray:
  """Returns one picture (H, W, 3) uint8 of many, with lines under each."""
  font = ImageFont.load_default(_FONT)
  columns = min(_COLUMNS, max(1, len(thumbnails)))
  rows = -(-len(thumbnails) // columns)
  line = _FONT + 4
  texts = max((len(each.lines) for each in thumbnails), default=0)
  cell = _THUMBNAIL + line * texts + _GAP
  sheet = Image.new('RGB', (columns * (_THUMBNAIL + _GAP) + _GAP,
                            rows * cell + _GAP), _GROUND)
  draw = ImageDraw.Draw(sheet)
  for number, (picture, lines, usable) in enumerate(thumbnails):
    row, column = divmod(number, columns)
    left, top = _GAP + column * (_THUMBNAIL + _GAP), _GAP + row * cell
    if picture is not None:
      height, width = picture.shape[:2]
      # It stands on its lines.
      sheet.paste(Image.fromarray(picture), (
          left + (_THUMBNAIL - width) // 2, top + _THUMBNAIL - height))
    if not usable:
      box = (left, top, left + _THUMBNAIL - 1, top + _THUMBNAIL - 1)
      draw.rectangle(box, outline=_BAD, width=2)
      draw.line(box, fill=_BAD, width=2)
    for place, text in enumerate(lines):
      draw.text((left, top + _THUMBNAIL + 2 + place * line),
                _shortened(text, font), fill=_TEXT, font=font)
  return np.asarray(sheet)


def _shortened(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont
               ) -> str:
  """Returns as much of a line's end as a thumbnail is wide."""
  # Names are told apart by their ends. What the font lacks would be a box, and
  # bytes that are no text an error.
  text = text.encode('utf-8', 'replace').decode()
  if font.getlength(text) <= _THUMBNAIL:
    return text
  while text and font.getlength(f'…{text}') > _THUMBNAIL:
    text = text[1:]
  return f'…{text}'
