"""What the head of an image file says: no pixel is decoded."""

from pathlib import Path
from typing import NamedTuple

from PIL import ExifTags, Image

from jinpaint.data import files

# EXIF orientations that exchange rows and columns.
_TURNED = (5, 6, 7, 8)


class Head(NamedTuple):
  """What the head of a file says.

  Attributes:
    height: of the upright image.
    width: of the upright image.
    format: as Pillow calls it, such as 'PNG', whatever the file's name says.
    orientation: that of EXIF, by which the pixels are turned; 1 = upright.
  """

  height: int
  width: int
  format: str
  orientation: int


def read(path: Path) -> Head | None:
  """Returns what the head of a file says; None if Pillow cannot tell."""
  try:
    with Image.open(path) as image:  # which decodes no pixels
      width, height = image.size
      orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
      kind = image.format or ''
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
    return None
  if orientation in _TURNED:
    height, width = width, height
  return Head(height, width, kind, orientation)


def size(path: Path) -> tuple[int, int]:
  """Returns height and width of an upright image.

  Where its head cannot be understood, the image is decoded.

  Raises:
    jinpaint.data.files.UnreadableImage: as `jinpaint.data.files.read_rgb`.
  """
  if head := read(path):
    return head.height, head.width
  height, width, _ = files.read_rgb(path).shape
  return height, width
