"""What the head of an uploaded file says, before anything of it is decoded.

A file of a few kilobytes may declare, or inflate to, more pixels than there is
memory. So sizes are read first, and what is compressed inside of a TIFF file is
counted, because its reader inflates whatever there is.
"""

import itertools
from pathlib import Path
from typing import NamedTuple
import warnings
import zlib

from PIL import Image
import tifffile

from jinpaint.data.decoding import Undecodable

# Pillow's name of a format -> the suffix that results are written with.
_SUFFIXES = {'AVIF': '.avif', 'BMP': '.bmp', 'DIB': '.bmp', 'GIF': '.png',
             'JPEG': '.jpg', 'MPO': '.jpg', 'PNG': '.png', 'TIFF': '.tif',
             'WEBP': '.webp'}
_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_DEFLATE = (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
_PIECE = 2**20
# Pages of a TIFF file that are looked at: a picture and its smaller copies.
_PAGES = 32


class Head(NamedTuple):
  """What the head of a file says.

  Attributes:
    kind: the format, as Pillow calls it: 'JPEG'.
    suffix: of files of this format.
    pixels: width times height.
  """

  kind: str
  suffix: str
  pixels: int


class TooLarge(Exception):
  """A picture of more pixels than are taken; the message is one line."""


def read(path: Path, most_pixels: int) -> Head:
  """Returns what the head of a file says.

  Args:
    path: the file.
    most_pixels: that are taken.

  Raises:
    Undecodable: it is no image, or of a format that is not read.
    TooLarge: it has too many pixels, or inflates to more than it declares.
  """
  try:
    with path.open('rb') as file:
      is_tiff = file.read(4) in _TIFF
    kind, width, height = (_of_tiff if is_tiff else _of_others)(path)
  except Image.DecompressionBombError:
    raise TooLarge(_line(most_pixels)) from None
  except (TooLarge, Undecodable):
    raise
  # Whatever the readers stumble over: they raise errors of ten types.
  except Exception as error:
    raise Undecodable('broken, cut off, or no image') from error
  if width * height > most_pixels:
    raise TooLarge(f'{width} x {height}: {_line(most_pixels)}')
  if is_tiff:
    _check_inflated(path)
  return Head(kind, _SUFFIXES[kind], width * height)


def _line(most_pixels: int) -> str:
  return (f'a picture may have {most_pixels / 1e6:g} million pixels at most')


def _of_others(path: Path) -> tuple[str, int, int]:
  """Returns format, width and height, by Pillow."""
  formats = [kind for kind in _SUFFIXES if kind not in ('MPO', 'TIFF')]
  with warnings.catch_warnings():
    warnings.simplefilter('ignore', Image.DecompressionBombWarning)
    with Image.open(path, formats=formats) as image:
      return str(image.format), image.width, image.height


def _of_tiff(path: Path) -> tuple[str, int, int]:
  """Returns format, width and height of a TIFF file's first page."""
  with tifffile.TiffFile(path) as file:
    if len(list(itertools.islice(file.pages, _PAGES + 1))) > _PAGES:
      raise Undecodable(f'more than {_PAGES} pages')
    page = file.pages.first
    size = page.imagewidth, page.imagelength
    # Readers make room for a whole tile, however little of it is seen.
    if page.tilewidth * page.tilelength > 4 * size[0] * size[1] + _PIECE:
      raise TooLarge('its tiles are much larger than the picture')
    return 'TIFF', *size


def _check_inflated(path: Path) -> None:
  """Raises `TooLarge` if a TIFF file inflates to more than it declares."""
  with tifffile.TiffFile(path) as file, path.open('rb') as encoded:
    page = file.pages.first
    if page.compression not in _DEFLATE:
      return
    declared = page.imagewidth * page.imagelength * max(
        1, page.samplesperpixel) * page.bitspersample // 8
    # A strip or tile may be larger than what of it is seen.
    most = 4 * declared + _PIECE
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
      encoded.seek(start)
      most -= _inflated(encoded.read(count), most)
      if most < 0:
        raise TooLarge('it inflates to more than it says that it holds')


def _inflated(encoded: bytes, most: int) -> int:
  """Returns how many bytes something inflates to, at most one piece more."""
  inflate, total = zlib.decompressobj(), 0
  while encoded and total <= most and not inflate.eof:
    total += len(inflate.decompress(encoded, _PIECE))
    encoded = inflate.unconsumed_tail
  return total
