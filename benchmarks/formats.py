"""Fills pictures of every form that files have, and counts what goes wrong.

  python benchmarks/formats.py --count=2000

makes pairs of a picture and a mask, case by case from (seed, number): formats,
depths, colour models, photometric kinds, planes, compressions, orientations,
animations, pages, cuts, broken bytes, sizes from 1 to 3,000; masks in the forms
that editors make. Each goes through `jinpaint inpaint` as a user would call it,
but that a stand-in takes the place of the network and inverts what is in the
hole, so that every pixel of every result is known. `--real=20` fills so many
with the model that comes with jinpaint, of which known pixels are compared.

What a file holds is known because it was written here, or, where that loses
something, because Pillow or tifffile has read it; results are read by these and
OpenCV. A case goes wrong if it ends in a traceback, in more than a line, in a
refusal though the file is whole, or in any pixel that it should not have.
"""

import argparse
import collections
from collections.abc import Callable, Mapping
import contextlib
import io
from pathlib import Path
import struct
import sys
import tempfile
import time
import traceback
from typing import Any, NamedTuple
import zlib

import cv2
import numpy as np
from PIL import Image, ImageOps
import tifffile
import tqdm

from jinpaint import inference
from jinpaint.commands import cli
from jinpaint.inference import plans

_LONGEST, _MOST_PIXELS = 3000, 1_500_000
_TURN = {1: lambda x: x, 2: lambda x: x[:, ::-1], 3: lambda x: x[::-1, ::-1],
         4: lambda x: x[::-1], 5: lambda x: x.swapaxes(0, 1),
         6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).swapaxes(
             0, 1), 8: np.rot90}
# From how pixels shall lie to how they are stored, and the size of that.
_STORED = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
_LOSSLESS = ('.png', '.tif', '.webp', '.bmp')

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


def _by_pillow(encoded: bytes) -> np.ndarray:
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
              _by_pillow(encoded))


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
  return Made(f'JPEG {mode}', encoded, suffix, _by_pillow(encoded))


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
              _by_pillow(encoded))


def _avif(rng: Random, height: int, width: int) -> Made:
  """Returns an AVIF file."""
  channels = int(rng.choice([3, 4]))
  exif, _ = _exif(rng)
  encoded = _saved(
      Image.fromarray(_noise(rng, height, width, channels)), 'AVIF',
      quality=int(rng.integers(20, 101)), speed=10,
      **({'exif': exif} if rng.integers(2) else {}))
  return Made(f'AVIF of {channels} channels', encoded, '.avif',
              _by_pillow(encoded))


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
  return Made(f'BMP {mode}', encoded, '.bmp', _by_pillow(encoded))


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
_PICTURES = (*_FORMATS, *_FORMATS, _misnamed, _cut, _cut, _spoiled, _spoiled,
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


def _mask(rng: Random, height: int, width: int) -> Mask:
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
    hole = _by_pillow(encoded) >= 127.5
  return Mask(what, encoded, suffix, hole, flags)


def _tiff_of(pixels: np.ndarray, kind: str) -> bytes:
  stream = io.BytesIO()
  tifffile.imwrite(stream, pixels, photometric=kind, metadata=None)
  return stream.getvalue()


# The command


class _StandIn:
  """Inverts what is in the hole, as `jinpaint.inference.Inpainter` fills it."""

  follows_sketches = reads_edges = False
  needs_edge_map, sketch_cut, programs = '', 0.5, 0

  def plan(self, *_: Any) -> plans.Plan:
    return plans.Plan()

  def batch_size(self, *_: int) -> int:
    return 4

  def fill(self, tasks: Any, progress: Any) -> list[np.ndarray]:
    return [inverted(task.image, task.hole > 0) for task in tasks]


def inverted(pixels: np.ndarray, hole: np.ndarray) -> np.ndarray:
  """Returns a picture with other colours in the hole, and its own alpha."""
  result = pixels.copy()
  full = np.iinfo(pixels.dtype).max
  colours = result if result.ndim == 2 else (
      result[..., :-1] if result.shape[2] in (2, 4) else result)
  colours[hole] = full - colours[hole]
  return result


def _size(rng: Random) -> tuple[int, int]:
  """Returns height and width, as often small as large."""
  height, width = (int(np.exp(rng.uniform(0, np.log(_LONGEST + 1))))
                   for _ in range(2))
  return (height, max(1, min(width, _MOST_PIXELS // height)))


def _run(words: list[str]) -> tuple[int, str, str]:
  """Runs a command; returns its status, stderr and traceback."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      cli.main(words)
      status, trace = 0, ''
    except SystemExit as stop:
      status, trace = int(stop.code or 0), ''
    except BaseException:
      status, trace = -1, traceback.format_exc()
  return status, err.getvalue(), trace


def _read(path: Path) -> np.ndarray:
  """Returns the pixels of a result, by other libraries than jinpaint."""
  encoded = path.read_bytes()
  if path.suffix == '.tif':
    with tifffile.TiffFile(io.BytesIO(encoded)) as file:
      if file.pages.first.bitspersample == 16:
        return file.pages.first.asarray()
  # Pillow reads no colours of 16 bits, and of BMP no alpha.
  if path.suffix == '.bmp' or (path.suffix == '.png' and encoded[24] == 16):
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8),
                          cv2.IMREAD_UNCHANGED)
    return pixels if pixels.ndim == 2 else pixels[
        ..., [2, 1, 0, 3][:pixels.shape[2]]]
  return _by_pillow(encoded)


def _like(pixels: np.ndarray, expected: np.ndarray) -> np.ndarray:
  """Returns colours that are grey as grey, where that is expected.

  WebP holds no grey, and no alpha that is opaque; BMP no grey with alpha, and
  OpenCV's PNG none of 16 bits.
  """
  full = np.iinfo(pixels.dtype).max
  if pixels.shape[2:] == (3,) and expected.shape[2:] in ((2,), (4,)) and (
      expected[..., -1] == full).all():
    pixels = np.dstack([pixels, expected[..., -1]])
  if pixels.shape[2:] in ((3,), (4,)) and expected.shape[2:] in ((), (2,)) and (
      pixels[..., 0] == pixels[..., 1]).all():
    alpha = pixels[..., 3:] if expected.ndim == 3 else pixels[..., :0]
    grey = np.concatenate([pixels[..., :1], alpha], axis=2)
    return grey[..., 0] if expected.ndim == 2 else grey
  return pixels


def check(number: int, seed: int, place: Path, real: bool) -> tuple[str, str]:
  """Runs one case; returns its outcome, and what it was."""
  rng = np.random.default_rng([seed, number])
  made = _PICTURES[rng.integers(len(_PICTURES))](rng, *_size(rng))
  height, width = (made.pixels.shape[:2] if made.pixels is not None
                   else _size(rng))
  mask = _mask(rng, height, width)
  image, drawn = place / f'photo{made.suffix}', place / f'mask{mask.suffix}'
  output = place / f'out{rng.choice(_LOSSLESS)}'
  image.write_bytes(made.encoded)
  drawn.write_bytes(mask.encoded)
  output.unlink(missing_ok=True)
  status, err, trace = _run([
      'inpaint', f'--image={image}', f'--mask={drawn}', f'--output={output}',
      *mask.flags])
  what = f'{number}: {made.what} of {width} x {height}; mask {mask.what}; ' \
      f'to {output.suffix}; {err.strip()}'
  image.unlink()
  drawn.unlink()
  if trace:
    return 'traceback', f'{what}\n{trace}'
  lines = [line for line in err.splitlines() if not line.startswith('note: ')]
  if status == 0:
    if lines:
      return 'more than a line', what
    if made.readable is False or mask.hole is None:
      return 'read though it should be refused', what
    if made.pixels is None:
      return 'broken, and read', what
    return _compare(_read(output), made.pixels, mask.hole, real), what
  if len(lines) != 1 or status != 2 or output.exists():
    return 'more than a line', what
  deep = made.pixels is not None and made.pixels.dtype == np.uint16
  if made.readable and mask.hole is not None and not (
      deep and 'holds no 16 bits' in err):
    return 'refused though it is whole', what
  return 'refused in one line', what


def _compare(result: np.ndarray, pixels: np.ndarray, hole: np.ndarray,
             real: bool) -> str:
  """Returns the outcome of a case that was filled."""
  result = _like(result, pixels)
  if result.shape != pixels.shape or result.dtype != pixels.dtype:
    return 'other size, channels or depth'
  if (result != pixels)[~hole].any():
    return 'known pixels changed'
  if not real and (result != inverted(pixels, hole)).any():
    return 'other hole'
  return 'read right'


# What is right.
OUTCOMES = ('read right', 'refused in one line', 'broken, and read')


def run(count: int, seed: int, real: int = 0, first: int = 0
        ) -> dict[str, list[str]]:
  """Runs cases; returns what they were, by outcome."""
  outcomes = collections.defaultdict[str, list[str]](list)
  load = inference.open_inpainter
  model = load() if real else None
  stand_in: Any = _StandIn()
  with tempfile.TemporaryDirectory() as folder:
    try:
      for number in tqdm.tqdm(range(first, first + count), disable=None):
        by_model = number - first < real
        chosen = model if by_model else stand_in
        inference.open_inpainter = lambda *_, chosen=chosen, **__: chosen
        outcome, what = check(number, seed, Path(folder), by_model)
        outcomes[outcome].append(what)
    finally:
      inference.open_inpainter = load
  return outcomes


def main() -> None:
  """Runs all cases, and prints what went wrong and how many went how."""
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--count', type=int, default=2000)
  parser.add_argument('--first', type=int, default=0)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--real', type=int, default=0)
  args = parser.parse_args()
  start = time.monotonic()
  outcomes = run(args.count, args.seed, args.real, args.first)
  for outcome, cases in outcomes.items():
    if outcome not in OUTCOMES:
      print(f'\n{outcome}\n' + '\n'.join(cases))
  print(f'\n| outcome | cases of {args.count} |\n|---|--:|')
  for outcome in sorted({*outcomes, *OUTCOMES, 'traceback',
                         'known pixels changed'}):
    print(f'| {outcome} | {len(outcomes.get(outcome, ()))} |')
  print(f'\n{time.monotonic() - start:.0f} seconds')
  sys.exit(bool(outcomes.keys() - OUTCOMES))


if __name__ == '__main__':
  main()
