"""Pixels become the bytes of an image file.

Pillow writes, with all that `jinpaint.data.decoding` has kept of the input. It
has no colours of 16 bits: these are written by OpenCV (PNG) and tifffile
(TIFF).
"""

from collections.abc import Callable, Mapping
import io
import struct
from typing import Any

import cv2
import numpy as np
from PIL import Image, PngImagePlugin
import tifffile

from jinpaint.data.decoding import Picture

# Suffix -> the format's name, and Pillow's options for the least loss.
_FORMATS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    # The quality of a JPEG that is no copy of another one.
    **dict.fromkeys(('.jpg', '.jpeg', '.jfif'),
                    ('JPEG', {'quality': 100, 'subsampling': 0})),
    **dict.fromkeys(('.tif', '.tiff'), ('TIFF', {'compression': 'tiff_lzw'})),
    '.png': ('PNG', {}),
    # Lossless, and what transparency hides is kept.
    '.webp': ('WEBP', {'lossless': True, 'exact': True}),
    '.bmp': ('BMP', {}),
    '.avif': ('AVIF', {'quality': 100, 'subsampling': '4:4:4'}),
}
SUFFIXES = frozenset(_FORMATS)
LOSSY = frozenset({'.jpg', '.jpeg', '.jfif', '.avif'})

# Where a PNG's header ends.
_PNG_HEADER = 33
_ANYWHERE = ('icc_profile', 'exif', 'dpi')
_METADATA = {'JPEG': (*_ANYWHERE, 'qtables', 'subsampling', 'progressive'),
             'TIFF': _ANYWHERE, 'PNG': _ANYWHERE,
             'WEBP': ('icc_profile', 'exif'), 'BMP': ('dpi',),
             'AVIF': ('icc_profile', 'exif')}
# The most pixels of a side, as far as a format has such a number.
_LONGEST_SIDE = {'JPEG': 65500, 'WEBP': 16383, 'AVIF': 65536}


class Unencodable(Exception):
  """A picture that a format cannot hold; the message says why."""


def check(suffix: str, pixels: np.ndarray) -> None:
  """Checks that a format can hold pixels.

  Args:
    suffix: one of `SUFFIXES`.
    pixels: as `Picture.pixels`.

  Raises:
    Unencodable: it cannot hold their depth, their alpha or their size.
  """
  kind, _ = _FORMATS[suffix]
  if pixels.dtype != np.uint8 and kind not in ('PNG', 'TIFF'):
    raise Unencodable(f'{suffix} holds no 16 bits; name the output .png')
  if kind == 'JPEG' and pixels.shape[2:] in ((2,), (4,)):
    raise Unencodable('JPEG holds no alpha; name the output .png')
  longest = _LONGEST_SIDE.get(kind)
  if longest and max(pixels.shape[:2]) > longest:
    raise Unencodable(f'{kind} holds no more than {longest} pixels a side; '
                      'name the output .png')


def encode(suffix: str, picture: Picture) -> bytes:
  """Returns the bytes of a file.

  Args:
    suffix: one of `SUFFIXES`; it decides the format.
    picture: its metadata are kept as far as the format takes them.

  Raises:
    Unencodable: as `check`, or the format's library refuses it.
  """
  check(suffix, picture.pixels)
  kind, options = _FORMATS[suffix]
  kept = {key: picture.metadata[key] for key in _METADATA[kind]
          if key in picture.metadata}
  if 'qtables' in kept or (kind == 'TIFF' and 'exif' in kept):
    # The JPEG's own quality; and libtiff, which compresses, writes no EXIF.
    options = {}
  pixels = picture.pixels
  if kind in ('WEBP', 'AVIF') and (pixels.ndim == 2 or pixels.shape[2] == 2):
    pixels = _as_colours(pixels)
    kept.pop('icc_profile', None)  # that of grey
  try:
    if pixels.dtype == np.uint16 and kind == 'TIFF':
      return _tiff_of_16_bits(pixels, kept)
    header = _png_header(picture.metadata) if kind == 'PNG' else {}
    if pixels.dtype == np.uint16:
      return _png_of_16_bits(pixels, {**kept, **header})
    if kind == 'BMP' and pixels.shape[2:] in ((2,), (4,)):
      # Pillow writes BMP without alpha.
      return _by_opencv('.bmp', _as_colours(pixels))
    return _by_pillow(kind, pixels, {**options, **kept, **header})
  except (ValueError, OSError, RuntimeError, cv2.error, struct.error) as error:
    raise Unencodable(f'{kind} cannot hold it ({error})') from error


def _as_colours(pixels: np.ndarray) -> np.ndarray:
  """Returns RGB or RGBA: grey is repeated."""
  if pixels.ndim == 2:
    return np.repeat(pixels[..., None], 3, axis=2)
  return pixels[..., [0, 0, 0, 1]] if pixels.shape[2] == 2 else pixels


def _by_pillow(kind: str, pixels: np.ndarray, options: Mapping[str, Any]
               ) -> bytes:
  """Returns the bytes of a file that Pillow writes."""
  stream = io.BytesIO()
  Image.fromarray(pixels).save(stream, kind, **options)
  return stream.getvalue()


def _by_opencv(suffix: str, pixels: np.ndarray) -> bytes:
  """Returns the bytes of a file that OpenCV writes, of grey, RGB or RGBA."""
  if pixels.ndim == 3:
    pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4
                          else cv2.COLOR_RGB2BGR)
  return cv2.imencode(suffix, pixels)[1].tobytes()


def _png_header(metadata: Mapping[str, Any]) -> dict[str, Any]:
  """Returns Pillow's option that says what colours in a PNG file mean."""
  info = PngImagePlugin.PngInfo()
  whole = lambda number: struct.pack('>I', round(number * 100_000))
  chunks: Mapping[str, tuple[bytes, Callable[[Any], bytes]]] = {
      'gamma': (b'gAMA', whole),
      'chromaticity': (b'cHRM', lambda xy: b''.join(map(whole, xy))),
      'srgb': (b'sRGB', lambda intent: bytes([intent]))}
  for key, (name, pack) in chunks.items():
    if key in metadata:
      info.add(name, pack(metadata[key]))
  return {'pnginfo': info}


def _png_of_16_bits(pixels: np.ndarray, options: Mapping[str, Any]) -> bytes:
  """Returns a PNG file of 16 bits a channel.

  Grey with alpha becomes RGBA, because OpenCV writes none.
  """
  if pixels.shape[2:] == (2,):
    pixels = _as_colours(pixels)
    options = {key: value for key, value in options.items()
               if key != 'icc_profile'}  # that of grey
  encoded = _by_opencv('.png', pixels)
  # Both files begin with a signature and a header of one length. What Pillow
  # writes between that and the pixels, OpenCV's file gets, too.
  small = _by_pillow('PNG', np.zeros((1, 1, 3), np.uint8), options)
  return (encoded[:_PNG_HEADER] + small[_PNG_HEADER:small.index(b'IDAT') - 4]
          + encoded[_PNG_HEADER:])


def _tiff_of_16_bits(pixels: np.ndarray, metadata: Mapping[str, Any]) -> bytes:
  """Returns a TIFF file of 16 bits a channel."""
  exif = Image.Exif()
  exif.load(metadata.get('exif', b''))
  tags = [(tag, 's', 0, value, True) for tag, value in exif.items()
          if isinstance(value, str)]
  options: dict[str, Any] = {}
  if 'dpi' in metadata:
    options = {'resolution': metadata['dpi'], 'resolutionunit': 'INCH'}
  if pixels.shape[2:] in ((2,), (4,)):
    options['extrasamples'] = ['UNASSALPHA']
  stream = io.BytesIO()
  tifffile.imwrite(
      stream, pixels, compression='zlib', predictor=True, planarconfig='CONTIG',
      photometric='MINISBLACK' if pixels.ndim == 2 or pixels.shape[2] == 2
      else 'RGB', iccprofile=metadata.get('icc_profile'), extratags=tags,
      metadata=None, software=False, **options)
  return stream.getvalue()
