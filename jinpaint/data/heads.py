"""The size of an image, from the head of its file: no pixel is decoded."""

from pathlib import Path

from PIL import ExifTags, Image

from jinpaint.data import files

# EXIF orientations that exchange rows and columns.
_TURNED = (5, 6, 7, 8)


def size(path: Path) -> tuple[int, int]:
  """Returns height and width of an upright image.

  Where its head cannot be understood, the image is decoded.

  Raises:
    jinpaint.data.files.UnreadableImage: as `jinpaint.data.files.read_rgb`.
  """
  try:
    with Image.open(path) as image:  # which decodes no pixels
      width, height = image.size
      orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
  except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
    height, width, _ = files.read_rgb(path).shape
    return height, width
  return (width, height) if orientation in _TURNED else (height, width)
