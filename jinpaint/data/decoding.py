"""The bytes of an image file become pixels: upright, whole, of their own depth.

Pillow reads, because it knows the most ways in which pixels are stored: bits,
palettes, grey that counts from white, separate planes, inks. It has no colours
of 16 bits. These are read by OpenCV (PNG) and tifffile (TIFF), which keeps what
OpenCV mixes up, separate planes and grey with alpha, but lacks the compressions
that OpenCV's libtiff has. What none of them reads as its file means it is
refused.
"""

from collections.abc import Callable, Mapping
import io
import logging
import struct
from typing import Any, NamedTuple
import warnings
import zlib

import cv2
import numpy as np
from PIL import ExifTags, Image, ImageCms
import tifffile

from jinpaint.data import metadata

# What is read, whatever the file's name says that it is.
_FORMATS = ('AVIF', 'BMP', 'DIB', 'GIF', 'JPEG', 'PNG', 'WEBP')
_TIFF = (b'II*\0', b'MM\0*', b'II+\0', b'MM\0+')
_BIG_ENDIAN_BIGTIFF = b'MM\0+'
_DEFLATE = (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
# The most pixels that an image may have; OpenCV's own limit.
_MOST_PIXELS = 2**30

# EXIF orientation -> the function that turns pixels upright.
_UPRIGHT: Mapping[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}
# Places in a PNG's header: the bits of a channel, and the kind of its colours.
_PNG_BITS, _PNG_KIND = 24, 25
_PNG_GREY, _PNG_GREY_ALPHA = 0, 4
_PNG_START, _PNG_END = 8, b'IEND'
# Pillow's modes whose colours are converted by way of a colour profile.
_INKS_AND_LAB = {'CMYK': 'CMYK', 'LAB': 'Lab'}

_DROPPED_CHANNEL = ('has a channel more than colours and alpha, which is '
                    'dropped')


class Undecodable(Exception):
  """Bytes that are no image, or one that is not read; the message says why."""


class Picture(NamedTuple):
  """An image as its file holds it.

  Attributes:
    pixels: (H, W) grey, (H, W, 2) grey with alpha, (H, W, 3) RGB or (H, W, 4)
      RGBA; uint8 or uint16; upright by the EXIF orientation.
    metadata: what else the file says about the picture, by the names of
      Pillow's options for saving: `icc_profile`, `exif` and `dpi`; of PNG
      `gamma`, `chromaticity` and `srgb`; of JPEG `qtables`, `subsampling` and
      `progressive`. EXIF comes without orientation, because pixels are upright,
      and without thumbnail, which would show what is going to be removed.
    note: what of the file is not in this picture, as the end of a sentence;
      empty if nothing is lost.
  """

  pixels: np.ndarray
  metadata: Mapping[str, Any] = {}
  note: str = ''


def hush() -> None:
  """Keeps the libraries from commenting on broken files on stderr.

  It also lets them read large pictures. All this holds for the whole process,
  so only programs do it.
  """
  cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
  logging.getLogger('tifffile').setLevel(logging.CRITICAL)
  warnings.filterwarnings('ignore', module=r'PIL\.')
  # Pillow warns above this number and refuses above its double.
  Image.MAX_IMAGE_PIXELS = _MOST_PIXELS // 2


def decode(encoded: bytes) -> Picture:
  """Returns the picture in a file's bytes.

  Raises:
    Undecodable: they are no image, cut off or broken; there are several frames
      or pages; or pixels are stored in a way that is not read.
  """
  try:
    if encoded[:4] in _TIFF:
      return _decode_tiff(encoded)
    Image.init()  # once; else some of these formats are not known yet
    with Image.open(io.BytesIO(encoded), formats=_FORMATS) as image:
      return _decode_image(image, encoded)
  except Undecodable:
    raise
  except Image.DecompressionBombError as error:
    raise Undecodable('too large') from error
  # Whatever the decoders stumble over: they raise errors of ten types.
  except Exception as error:
    raise Undecodable('broken, cut off, or no image') from error


def _decode_image(image: Image.Image, encoded: bytes) -> Picture:
  """Decodes a file that Pillow has opened and that is no TIFF."""
  bits = encoded[_PNG_BITS] if image.format == 'PNG' else 8
  if image.format == 'PNG':
    _check_png(encoded)
  if bits == 16:
    pixels, note = _png_of_16_bits(image, encoded), ''
  else:
    pixels, note = _pixels_of(image, bits)
  # Counted last, because Pillow goes through the frames for it.
  frames = getattr(image, 'n_frames', 1)
  if image.format == 'MPO':
    note = f'holds {frames} pictures, of which the first is taken'
  elif frames > 1:
    raise Undecodable(f'an animation of {frames} frames')
  exif = metadata.exif_of(image)
  orientation = exif.pop(ExifTags.Base.Orientation, 1)
  kept, lost = metadata.of_image(image, exif)
  return _upright(pixels, orientation, kept, note or lost)


def _check_png(encoded: bytes) -> None:
  """Raises `Undecodable` unless all chunks that a PNG file needs are whole.

  Pillow does not miss the end, and libpng comments on what is broken.
  """
  place, name = _PNG_START, b''
  while name != _PNG_END:
    length, name = struct.unpack_from('>I4s', encoded, place)
    end = place + 8 + length
    # Chunks that are not needed have a small letter first.
    if name[:1].isupper() and zlib.crc32(encoded[place + 4:end]) != (
        struct.unpack_from('>I', encoded, end)[0]):
      raise Undecodable('broken, cut off, or no image')
    place = end + 4


def _decode_tiff(encoded: bytes) -> Picture:
  """Decodes a TIFF file."""
  with tifffile.TiffFile(io.BytesIO(encoded)) as file:
    _check_pages(file)
    page = file.pages.first
    _check_storage(page, encoded)
    if page.bitspersample == 16 or _pillow_fails_at(page, encoded):
      return _tiff_by_samples(page, encoded)
    extra = page.extrasamples
  with Image.open(io.BytesIO(encoded), formats=['TIFF']) as image:
    kept, note = metadata.of_image(image, metadata.described(
        metadata.exif_of(image)))
    # These are upright: Pillow turns TIFF by itself.
    pixels, converted = _pixels_of(image)
  if len(extra) > (pixels.ndim == 3 and pixels.shape[2] in (2, 4)):
    note = _DROPPED_CHANNEL
  elif tifffile.EXTRASAMPLE.ASSOCALPHA in extra:
    note = 'has colours that are multiplied by alpha; they are divided by it'
  return _upright(pixels, 1, kept, converted or note)


def _pillow_fails_at(page: tifffile.TiffPage, encoded: bytes) -> bool:
  """Returns whether Pillow refuses a TIFF file of 8 bits, or mixes it up."""
  separate = page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
  return encoded[:4] == _BIG_ENDIAN_BIGTIFF or (separate and (
      page.samplesperpixel == 2
      or tifffile.EXTRASAMPLE.UNSPECIFIED in page.extrasamples))


def _check_pages(file: tifffile.TiffFile) -> None:
  """Raises `Undecodable` if a TIFF file holds more than one picture.

  Smaller copies of the first page, such as thumbnails, are no more pictures.
  """
  pages = [page for page in file.pages
           if not isinstance(page, tifffile.TiffPage) or not page.is_reduced]
  if len(pages) > 1:
    raise Undecodable(f'{len(pages)} pages')


def _check_storage(page: tifffile.TiffPage, encoded: bytes) -> None:
  """Raises `Undecodable` unless a page is whole and of 1 to 8 or 16 bits."""
  # Where its directory is cut off, tifffile assumes one bit, black on white.
  if 'PhotometricInterpretation' not in page.tags or any(
      start + count > len(encoded) for start, count in zip(
          page.dataoffsets, page.databytecounts, strict=True)):
    raise Undecodable('broken, cut off, or no image')
  if page.compression in _DEFLATE:
    # libtiff would comment on what is broken.
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=True):
      if count:  # else a part that was never written
        zlib.decompress(encoded[start:start + count])
  if page.sampleformat not in (
      tifffile.SAMPLEFORMAT.UINT, tifffile.SAMPLEFORMAT.VOID):
    raise Undecodable(f'{page.dtype} numbers, not 8 or 16 bits')
  bits = page.bitspersample
  if bits not in (1, 2, 4, 8, 16):
    raise Undecodable(f'{bits} bits a channel, not 8 or 16')


def _tiff_by_samples(page: tifffile.TiffPage, encoded: bytes) -> Picture:
  """Decodes a TIFF file that Pillow does not: grey or RGB, maybe with alpha.

  These are those of 16 bits a channel, and some of 8.
  """
  kind, bits = tifffile.PHOTOMETRIC(page.photometric), page.bitspersample
  colours = {tifffile.PHOTOMETRIC.MINISWHITE: 1,
             tifffile.PHOTOMETRIC.MINISBLACK: 1,
             tifffile.PHOTOMETRIC.RGB: 3}.get(kind)
  if colours is None or bits < 8:
    raise Undecodable(f'{kind.name} of {bits} bits a channel, in a form of '
                      'which grey and RGB of 8 and 16 bits are read')
  extra = page.samplesperpixel - colours
  if tifffile.EXTRASAMPLE.ASSOCALPHA in page.extrasamples:
    raise Undecodable(f'{bits} bits a channel, multiplied by alpha')
  kept = page.extrasamples[:1] == (tifffile.EXTRASAMPLE.UNASSALPHA,)
  pixels, orientation = _samples(page, encoded)
  pixels = pixels[..., :colours + kept]
  if kind == tifffile.PHOTOMETRIC.MINISWHITE:
    pixels = np.concatenate(
        [np.iinfo(pixels.dtype).max - pixels[..., :1], pixels[..., 1:]], axis=2)
  if pixels.shape[2] == 1:
    pixels = pixels[..., 0]
  note = ''
  if extra > kept:
    note = _DROPPED_CHANNEL
  elif ExifTags.IFD.Exif in page.tags:
    note = ('has EXIF of the camera, which is dropped: of a TIFF file of this '
            'form it is not read')
  return _upright(pixels, orientation, metadata.of_page(page), note)


def _samples(page: tifffile.TiffPage, encoded: bytes
             ) -> tuple[np.ndarray, object]:
  """Returns all samples of a page, (H, W, C), and how they lie."""
  planes = (page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
            and page.samplesperpixel > 1)
  orientation = page.tags.valueof(ExifTags.Base.Orientation, 1)
  if page.compression in (tifffile.COMPRESSION.NONE, *_DEFLATE):
    pixels = page.asarray()
    pixels = np.moveaxis(pixels, 0, -1) if planes else pixels
  elif planes or page.samplesperpixel == 2:
    raise Undecodable(f'{page.bitspersample} bits a channel in separate '
                      'planes or grey with alpha, and not compressed by '
                      'deflate')
  else:
    # OpenCV turns TIFF upright by itself, unlike all other formats.
    pixels, orientation = _by_opencv(encoded, page.dtype), 1
  pixels = np.atleast_3d(pixels)
  if pixels.ndim != 3 or pixels.shape[2] != page.samplesperpixel:
    raise Undecodable('neither grey nor RGB')
  return pixels, orientation


def _by_opencv(encoded: bytes, dtype: Any = np.uint16) -> np.ndarray:
  """Returns what OpenCV reads, with RGB in this order."""
  pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
  if pixels is None or pixels.dtype != dtype:
    raise Undecodable('broken, cut off, or no image')
  if pixels.ndim == 2:
    return pixels
  return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4
                      else cv2.COLOR_BGR2RGB)


def _png_of_16_bits(image: Image.Image, encoded: bytes) -> np.ndarray:
  """Returns the pixels of a PNG file of 16 bits a channel."""
  # OpenCV makes grey with alpha RGBA, and leaves a transparent grey out.
  kind, pixels = encoded[_PNG_KIND], _by_opencv(encoded)
  if kind == _PNG_GREY_ALPHA:
    return pixels[..., ::3]
  if kind == _PNG_GREY and 'transparency' in image.info:
    return _with_transparent(pixels, image.info['transparency'])
  return pixels


def _pixels_of(image: Image.Image, bits: int = 8) -> tuple[np.ndarray, str]:
  """Returns the pixels of an image, uint8, and a note of what was changed.

  Args:
    image: of 8 bits or less.
    bits: the bits of a PNG's shades of grey.
  """
  image.load()
  mode, transparent = image.mode, image.info.get('transparency')
  if mode in _INKS_AND_LAB:
    return np.asarray(_by_profile(image)), (
        f'has {_INKS_AND_LAB[mode]} colours, which become RGB')
  if mode in ('1', 'L'):
    grey = np.asarray(image.convert('L'))
    if transparent is None:
      return grey, ''
    # Pillow spreads shades of 2 and 4 bits over a byte, but not the number of
    # the transparent one.
    step = 255 // (2**bits - 1) if mode == 'L' else 1
    return _with_transparent(grey, transparent * step), ''
  if mode in ('LA', 'RGB', 'RGBA') and transparent is None:
    return np.asarray(image), ''
  if mode in ('La', 'RGBa'):
    return np.asarray(image.convert(mode.upper())), ''
  if mode in ('P', 'PA', 'RGB', 'RGBX', 'YCbCr'):
    return np.asarray(image.convert(
        'RGBA' if image.has_transparency_data else 'RGB')), ''
  raise Undecodable(f'pixels of the kind {mode}, not 8 or 16 bits')


def _with_transparent(grey: np.ndarray, shade: int) -> np.ndarray:
  """Returns grey (H, W) with alpha, which is 0 where it has a shade."""
  opaque = np.iinfo(grey.dtype).max
  return np.stack([grey, np.where(grey == shade, 0, opaque).astype(grey.dtype)],
                  axis=2)


def _by_profile(image: Image.Image) -> Image.Image:
  """Returns RGB for CMYK, as its profile says if it has one, and for Lab."""
  profile = image.info.get('icc_profile') or b''
  if image.mode == 'LAB':
    source = ImageCms.ImageCmsProfile(ImageCms.createProfile('LAB'))
  elif profile[16:20] == b'CMYK':
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
  else:
    return image.convert('RGB')
  to_rgb = ImageCms.buildTransform(
      source, ImageCms.createProfile('sRGB'), image.mode, 'RGB')
  return to_rgb.apply(image)


def _upright(pixels: np.ndarray, orientation: object,
             kept: Mapping[str, Any], note: str) -> Picture:
  """Returns a picture that is turned as EXIF says.

  Its colour profile is kept if it describes the colours of the pixels. That of
  inks does not, because they have become RGB.
  """
  turn = _UPRIGHT.get(orientation, np.asarray)  # type: ignore[call-overload]
  grey = pixels.ndim == 2 or pixels.shape[2] == 2
  profile = kept.get('icc_profile') or b''
  dropped = {'icc_profile'} if profile[16:20] != (
      b'GRAY' if grey else b'RGB ') else set()
  return Picture(
      np.ascontiguousarray(turn(pixels)),
      {key: value for key, value in kept.items() if key not in dropped},
      note)
