"""Image files and masks of every form, and what is in them, from a generator.

What a file holds is known because it was written here, or, where that loses
something, because Pillow or tifffile has read it.
"""

from collections.abc import Callable, Mapping
import io
import struct
from typing import Any, NamedTuple
import zlib

import cv2
import numpy as np
from PIL import Image, ImageOps
import tifffile

_LONGEST, _MOST_PIXELS = 3000, 1_500_000
# How stored pixels are turned upright, by the orientation in EXIF.
_TURN = {1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1],
         4: lambda x: x[::-1], 5: lambda x: x.swapaxes(0, 1),
         6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).swapaxes(
             0, 1), 8: np.rot90}

Random = np.random.Generator


class Made(NamedTuple):
  """A file, and what is in it.

  Attributes:
    what: what is special about it, for the report.
    encoded: its bytes.
    suffix: of its name.
    pixels: as jinpaint should read them, upright; None if that is not known.
    readable: whether it should be read; None if it may be refused.
  """

  what: str
  encoded: bytes
  suffix: str
  pixels: np.ndarray | None
  readable: bool | None = True


def draw_size(rng: Random) -> tuple[int, int]:
  """Returns height and width, as often small as large."""
  height, width = (int(np.exp(rng.uniform(0, np.log(_LONGEST + 1))))
                   for _ in range(2))
  return (height, max(1, min(width, _MOST_PIXELS // height)))


# Pictures


def _noise(rng: Random, height: int, width: int, *channels: int,
           dtype: Any = np.uint8) -> np.ndarray:
  """Returns colours that are smooth in part, so that files stay small."""
  full = np.iinfo(dtype).max
  small = rng.integers(full, size=(-(-height // 8), -(-width // 8), *channels),
                       endpoint=True, dtype=dtype)
  return small.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
  """Returns the bytes that Pillow makes of an image."""
  stream = io.BytesIO()
  image.save(stream, kind, **options)
  return stream.getvalue()


def by_pillow(encoded: bytes) -> np.ndarray:
  """Returns the upright pixels that Pillow reads, in 8 bits."""
  with Image.open(io.BytesIO(encoded)) as image:
    image = ImageOps.exif_transpose(image)
    if image.mode in ('1', 'L'):
      return np.asarray(image.convert('L'))
    if image.mode in ('LA', 'RGB', 'RGBA'):
      return np.asarray(image)
    return np.asarray(image.convert(
        'RGBA' if image.has_transparency_data else 'RGB'))


def _exif(rng: Random) -> tuple[bytes, int]:
  """Returns EXIF with an orientation, and the orientation."""
  orientation = int(rng.integers(1, 9))
  exif = Image.Exif()
  exif[0x112], exif[0x10f] = orientation, 'a camera'
  return exif.tobytes(), orientation


def _chunk(name: bytes, data: bytes) -> bytes:
  return (struct.pack('>I', len(data)) + name + data
          + struct.pack('>I', zlib.crc32(name + data)))


def _png(rng: Random, height: int, width: int) -> Made:
  """Returns a PNG file, put together by the words of the standard."""
  kind = int(rng.choice([0, 2, 3, 4, 6]))
  bits = int(rng.choice({0: [1, 2, 4, 8, 16], 3: [1, 2, 4, 8]}.get(
      kind, [8, 16])))
  channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
  deep = np.uint16 if bits == 16 else np.uint8
  stored = _noise(rng, height, width, channels, dtype=deep)
  stored = stored >> (8 - bits) if bits < 8 else stored
  interlaced = bool(rng.integers(2))
  chunks, pixels = [], stored
  transparent = rng.integers(2) and kind in (0, 2, 3)
  full = np.iinfo(deep).max
  if kind == 3:
    palette = rng.integers(256, size=(2**bits, 3), dtype=np.uint8)
    chunks.append(_chunk(b'PLTE', palette.tobytes()))
    pixels = palette[stored[..., 0]]
    if transparent:
      alpha = rng.integers(256, size=2**bits, dtype=np.uint8)
      chunks.append(_chunk(b'tRNS', alpha.tobytes()))
      pixels = np.dstack([pixels, alpha[stored[..., 0]]])
  elif transparent:
    colour = stored[rng.integers(height), rng.integers(width)]
    chunks.append(_chunk(b'tRNS', colour.astype('>u2').tobytes()))
    opaque = (stored != colour).any(axis=2) * deep(full)
    pixels = np.dstack([stored, opaque])
  if kind == 0 and bits < 8:
    pixels = pixels.copy()
    pixels[..., 0] *= 255 // (2**bits - 1)
  pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
  if rng.integers(2):
    chunks.insert(0, _chunk(b'gAMA', struct.pack('>I', 45455)))
  encoded, orientation = _exif(rng)
  if rng.integers(2):
    chunks.append(_chunk(b'eXIf', encoded.removeprefix(b'Exif\0\0')))
    pixels = _TURN[orientation](pixels)
  passes = ([(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4),
             (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
            if interlaced else [(0, 0, 1, 1)])
  rows = b''.join(
      b'\0' + _packed(row, bits) for top, left, down, right in passes
      for row in stored[top::down, left::right] if row.size)
  return Made(
      f'PNG kind {kind}, {bits} bits' + ', interlaced' * interlaced
      + ', transparent' * bool(transparent),
      b'\x89PNG\r\n\x1a\n' + _chunk(b'IHDR', struct.pack(
          '>IIBBBBB', width, height, bits, kind, 0, 0, interlaced))
      + b''.join(chunks) + _chunk(b'IDAT', zlib.compress(rows, 1))
      + _chunk(b'IEND', b''), '.png', pixels)


def _packed(row: np.ndarray, bits: int) -> bytes:
  """Returns a row (W, C) as a PNG has it."""
  if bits == 16:
    return row.astype('>u2').tobytes()
  if bits == 8:
    return row.tobytes()
  each = np.unpackbits(row.reshape(-1, 1), axis=1)[:, 8 - bits:]
  return np.packbits(each.reshape(-1)).tobytes()


def _tiff(rng: Random, height: int, width: int) -> Made:
  """Returns a TIFF file that tifffile writes."""
  dtype = rng.choice([np.uint8, np.uint16])
  kind, channels, extra = [
      ('minisblack', (), ()), ('miniswhite', (), ()), ('rgb', (3,), ()),
      ('minisblack', (2,), ('unassalpha',)), ('rgb', (4,), ('unassalpha',)),
      ('rgb', (4,), ('unspecified',))][rng.integers(6)]
  stored = _noise(rng, height, width, *channels, dtype=dtype)
  pixels = np.iinfo(dtype).max - stored if kind == 'miniswhite' else stored
  pixels = pixels[..., :3] if extra == ('unspecified',) else pixels
  options: dict[str, Any] = {'photometric': kind, 'extrasamples': extra or None}
  # Rows and columns that are the channels' number are taken for channels.
  separate = channels and rng.integers(2) and min(height, width) > 4
  if separate:
    options['planarconfig'] = 'separate'
    stored = np.moveaxis(stored, -1, 0)
  if rng.integers(2):
    options['compression'] = 'zlib'
    options['predictor'] = bool(rng.integers(2))
  if rng.integers(2):
    options['tile'] = (16 * int(rng.integers(1, 5)), 32)
  elif rng.integers(2):
    options['rowsperstrip'] = int(rng.integers(1, height + 1))
  orientation = int(rng.integers(1, 9)) if rng.integers(2) else 1
  options['extratags'] = [(274, 'H', 1, orientation, True)]
  stream = io.BytesIO()
  with tifffile.TiffWriter(
      stream, bigtiff=bool(rng.integers(2)),
      byteorder=str(rng.choice(['<', '>']))) as file:
    file.write(stored, metadata=None, **options)
  return Made(
      ', '.join([f'TIFF {kind}', f'{np.dtype(dtype).itemsize * 8} bits', *extra,
                 *(['separate planes'] if separate else [])]),
      stream.getvalue(), '.tif', _TURN[orientation](pixels))


def _libtiff(rng: Random, height: int, width: int) -> Made:
  """Returns a TIFF file that Pillow's libtiff compresses."""
  mode = str(rng.choice(['1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr']))
  compression = str(rng.choice(
      ['raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits']
      + (['group3', 'group4'] if mode == '1' else [])
      + (['jpeg'] if mode in ('L', 'RGB', 'YCbCr') else [])))
  image = Image.fromarray(_noise(rng, height, width, 3))
  image = (image.convert('LA') if mode == 'LA' else image.convert(mode))
  encoded = _saved(image, 'TIFF', compression=compression)
  return Made(f'TIFF {mode}, {compression}', encoded, '.tiff',
              by_pillow(encoded))


def _tiff_not_read(rng: Random, height: int, width: int) -> Made:
  """Returns a TIFF file of numbers that no picture has, or of pages."""
  stream = io.BytesIO()
  if rng.integers(2):
    dtype = rng.choice([np.float32, np.float64, np.int16, np.uint32, np.int8])
    tifffile.imwrite(stream, rng.random((height, width)).astype(dtype),
                     metadata=None)
    return Made(f'TIFF {np.dtype(dtype)}', stream.getvalue(), '.tif', None,
                readable=False)
  with tifffile.TiffWriter(stream) as file:
    for _ in range(int(rng.integers(2, 4))):
      file.write(_noise(rng, height, width), metadata=None, contiguous=False)
  return Made('TIFF of pages', stream.getvalue(), '.tif', None, readable=False)


def _jpeg(rng: Random, height: int, width: int) -> Made:
  """Returns a JPEG file."""
  mode = str(rng.choice(['L', 'RGB', 'CMYK']))
  exif, _ = _exif(rng)
  encoded = _saved(
      Image.fromarray(_noise(rng, height, width, 3)).convert(mode), 'JPEG',
      quality=int(rng.integers(1, 101)), subsampling=int(rng.integers(3)),
      progressive=bool(rng.integers(2)), optimize=bool(rng.integers(2)),
      **({'exif': exif} if rng.integers(2) else {}))
  suffix = str(rng.choice(['.jpg', '.JPEG', '.jfif']))
  return Made(f'JPEG {mode}', encoded, suffix, by_pillow(encoded))


def _webp(rng: Random, height: int, width: int) -> Made:
  """Returns a WebP file."""
  channels = int(rng.choice([3, 4]))
  exif, _ = _exif(rng)
  encoded = _saved(
      Image.fromarray(_noise(rng, height, width, channels)), 'WEBP',
      lossless=bool(rng.integers(2)), exact=True,
      quality=int(rng.integers(100)), method=0,
      **({'exif': exif} if rng.integers(2) else {}))
  return Made(f'WebP of {channels} channels', encoded, '.webp',
              by_pillow(encoded))


def _avif(rng: Random, height: int, width: int) -> Made:
  """Returns an AVIF file."""
  channels = int(rng.choice([3, 4]))
  exif, _ = _exif(rng)
  encoded = _saved(
      Image.fromarray(_noise(rng, height, width, channels)), 'AVIF',
      quality=int(rng.integers(20, 101)), speed=10,
      **({'exif': exif} if rng.integers(2) else {}))
  return Made(f'AVIF of {channels} channels', encoded, '.avif',
              by_pillow(encoded))


def _bmp(rng: Random, height: int, width: int) -> Made:
  """Returns a BMP file."""
  mode = str(rng.choice(['1', 'L', 'P', 'RGB', 'RGBA']))
  if mode == 'RGBA':  # which Pillow does not write
    pixels = _noise(rng, height, width, 4)
    encoded = cv2.imencode('.bmp', cv2.cvtColor(
        pixels, cv2.COLOR_RGBA2BGRA))[1].tobytes()
    return Made('BMP RGBA', encoded, '.bmp', pixels)
  encoded = _saved(
      Image.fromarray(_noise(rng, height, width, 3)).convert(mode), 'BMP')
  return Made(f'BMP {mode}', encoded, '.bmp', by_pillow(encoded))


def _animation(rng: Random, height: int, width: int) -> Made:
  """Returns a file of several frames."""
  kind, suffix = [('WEBP', '.webp'), ('PNG', '.png'), ('AVIF', '.avif'),
                  ('GIF', '.png')][rng.integers(4)]
  frames = [Image.fromarray(_noise(rng, height, width, 3)) for _ in range(3)]
  # Frames that are the same are one.
  frames[1] = ImageOps.invert(frames[0])
  encoded = _saved(frames[0], kind, save_all=True, append_images=frames[1:])
  return Made(f'{kind} of frames', encoded, suffix, None, readable=False)


def _misnamed(rng: Random, height: int, width: int) -> Made:
  """Returns a file whose name promises another format."""
  made = _FORMATS[rng.integers(len(_FORMATS))](rng, height, width)
  return made._replace(what=f'{made.what}, misnamed',
                       suffix=str(rng.choice(['.png', '.jpg', '.tif'])))


def _cut(rng: Random, height: int, width: int) -> Made:
  """Returns a file whose end is missing."""
  made = _FORMATS[rng.integers(len(_FORMATS))](rng, height, width)
  end = int(rng.integers(len(made.encoded)))
  # What is whole without its end, such as a TIFF file's padding, may be read.
  return made._replace(what=f'{made.what}, cut off',
                       encoded=made.encoded[:end], readable=None)


def _spoiled(rng: Random, height: int, width: int) -> Made:
  """Returns a file some bytes of which are others."""
  made = _FORMATS[rng.integers(len(_FORMATS))](rng, height, width)
  encoded = bytearray(made.encoded)
  for _ in range(int(rng.integers(1, 9))):
    encoded[rng.integers(len(encoded))] = rng.integers(256)
  return Made(f'{made.what}, spoiled', bytes(encoded), made.suffix, None, None)


def _no_image(rng: Random, height: int, width: int) -> Made:
  """Returns a file that is no image."""
  encoded = [b'', b'a text', rng.bytes(height), b'II*\0' + rng.bytes(width),
             b'\x89PNG\r\n\x1a\n' + rng.bytes(width),
             b'\xff\xd8\xff\xe0' + rng.bytes(height)][rng.integers(6)]
  return Made('no image', encoded, str(rng.choice(['.png', '.jpg', '.tif'])),
              None, readable=False)


_FORMATS = (_png, _png, _tiff, _tiff, _libtiff, _jpeg, _webp, _avif, _bmp)
PICTURES = (*_FORMATS, *_FORMATS, _misnamed, _cut, _cut, _spoiled, _spoiled,
             _animation, _tiff_not_read, _no_image)

# Masks


class Mask(NamedTuple):
  """A mask in a file.

  Attributes:
    what: its form.
    encoded: its bytes.
    suffix: of its name.
    hole: (H, W) bool; None if it should be refused.
    flags: that say what is meant.
  """

  what: str
  encoded: bytes
  suffix: str
  hole: np.ndarray | None
  flags: tuple[str, ...] = ()


def _hole(rng: Random, height: int, width: int) -> np.ndarray:
  """Returns a hole of less than the half of a picture; of few pixels, none."""
  hole = np.zeros((height, width), np.uint8)
  for _ in range(int(rng.integers(1, 4))):
    ends = [tuple(map(int, rng.integers((width, height)))) for _ in range(2)]
    cv2.line(hole, *ends, 1, int(rng.integers(1, 12)))
  # Where a mask is nearly all hole, that is doubted, and of forms it is read as
  # another one.
  return (hole if hole.mean() < 0.45 else 0 * hole).astype(bool)


def make_mask(rng: Random, height: int, width: int) -> Mask:
  """Returns a mask in one of the forms that users have."""
  hole = _hole(rng, height, width)
  white = hole * np.uint8(255)
  png = lambda pixels, **options: _saved(Image.fromarray(pixels), 'PNG',
                                         **options)
  colours = _noise(rng, height, width, 3)
  forms: Mapping[str, Callable[[], tuple[bytes, str, tuple[str, ...]]]] = {
      'white on black': lambda: (png(white), '.png', ()),
      'one bit': lambda: (
          _saved(Image.fromarray(white).convert('1'), 'TIFF',
                 compression='group4'), '.tif', ()),
      'RGB': lambda: (png(np.dstack([white] * 3)), '.png', ()),
      'BMP': lambda: (_saved(Image.fromarray(white), 'BMP'), '.bmp', ()),
      'zeros and ones': lambda: (png(hole.astype(np.uint8)), '.png', ()),
      '16 bits': lambda: (
          cv2.imencode('.png', white.astype(np.uint16) * 257)[1].tobytes(),
          '.png', ()),
      'white is zero': lambda: (_tiff_of(~hole * np.uint8(255), 'miniswhite'),
                                '.tif', ()),
      'black on white': lambda: (png(255 - white), '.png',
                                 ('--mask-hole=black',)),
      'erased': lambda: (png(np.dstack([colours, 255 - white])), '.png',
                         ('--mask-hole=transparent',)),
      'red on black': lambda: (
          png(np.dstack([white, 0 * white, 0 * white])), '.png', ()),
      'painted layer': lambda: (png(np.dstack([white] * 4)), '.png', ()),
      'JPEG': lambda: (_saved(Image.fromarray(white), 'JPEG', quality=95,
                              subsampling=0), '.jpg', ())}
  what = str(rng.choice([*forms]))
  encoded, suffix, flags = forms[what]()
  if not hole.any() and what in ('painted layer', 'zeros and ones',
                                 'red on black'):
    what, encoded, suffix = 'white on black', png(white), '.png'
  kind = rng.integers(40)
  if kind == 0:
    return Mask('a mask of another size', png(np.zeros(
        (height + 1, width), np.uint8)), '.png', None)
  if kind == 1:
    return Mask('a mask cut off', encoded[:len(encoded) // 3], suffix, None)
  if what == 'JPEG':  # whose rims are cut at half
    hole = by_pillow(encoded) >= 127.5
  return Mask(what, encoded, suffix, hole, flags)


def _tiff_of(pixels: np.ndarray, kind: str) -> bytes:
  stream = io.BytesIO()
  tifffile.imwrite(stream, pixels, photometric=kind, metadata=None)
  return stream.getvalue()
