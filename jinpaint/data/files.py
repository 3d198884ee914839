"""Image files: read upright and whole, written whole or not at all.

OpenCV reads and writes them: unlike Pillow it keeps 16 bits a channel, and it
refuses a file that was cut off in every format listed here.
"""

import collections
from collections.abc import Callable, Mapping, Sequence
import contextlib
import os
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import cv2
import numpy as np

from jinpaint.errors import FULL, RunError, UsageError

SUFFIXES = frozenset(
    {'.jpg', '.jpeg', '.png', '.webp', '.bmp', '.tif', '.tiff'})
LOSSY = frozenset({'.jpg', '.jpeg'})

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 100,
         cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)
_QUALITY = {'.jpg': _JPEG, '.jpeg': _JPEG,
            # Lossless, and what transparency hides is kept.
            '.webp': (cv2.IMWRITE_WEBP_LOSSLESS_MODE,
                      cv2.IMWRITE_WEBP_LOSSLESS_PRESERVE_COLOR)}

# How TIFF data begins, and EXIF data, which has the same form.
_BYTE_ORDERS: Mapping[bytes, Literal['little', 'big']] = {
    b'II*\0': 'little', b'MM\0*': 'big'}
# Tags of both, and two values of the second (TIFF 6.0, section 18): colours
# that are multiplied by alpha, and colours that are not.
_ORIENTATION, _EXTRA_SAMPLES = 0x112, 0x152
_MULTIPLIED, _NOT_MULTIPLIED = 1, 2
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
# The largest colour profile, in bytes, that OpenCV writes into a JPEG: the
# format splits larger ones over several markers, and OpenCV does not.
_JPEG_PROFILE = 65519


class UnreadableImage(Exception):
  """An image file that cannot be decoded; the message names it."""


class Picture(NamedTuple):
  """An image as its file holds it.

  Attributes:
    pixels: (H, W), (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or uint16; upright
      by the EXIF orientation.
    profile: the ICC colour profile, or None.
  """

  pixels: np.ndarray
  profile: np.ndarray | None = None


def hush() -> None:
  """Keeps OpenCV from commenting on broken files on stderr."""
  cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def names(root: Path) -> tuple[str, ...]:
  """Returns the image files below `root`, as sorted relative paths.

  Raises:
    UsageError: there is no such folder, or no image in it.
  """
  if not root.is_dir():
    raise UsageError(f'there is no folder {root}')
  images = sorted(
      path.relative_to(root).as_posix() for path in root.rglob('*')
      if path.suffix.lower() in SUFFIXES and path.is_file())
  if not images:
    raise UsageError(f'no image in {root}: looked for '
                     f'{" ".join(sorted(SUFFIXES))}, sub-folders included')
  return tuple(images)


class Namesakes:
  """The files that belong to photographs by name, such as their masks.

  This is the one rule by which files are paired. To the photograph `sub/x.jpg`
  belongs the file with the same path below its own folder, whatever its suffix
  (`sub/x.png`); if there is none, the file with the same stem in any folder
  (`x.png`, `other/x.png`). Two such files are an error.

  Attributes:
    root: the folder, or the single file.
    names: the files' paths relative to `root`, sorted; '' for a single file.
  """

  def __init__(self, what: str, root: Path):
    """Lists the files.

    Args:
      what: what errors call them, in the plural: 'masks'.
      root: a folder, which is searched with its sub-folders, or a single file.

    Raises:
      UsageError: as `names`.
    """
    self.root = root
    self.names = ('',) if root.is_file() else names(root)
    self._what = what
    self._by_path = collections.defaultdict[str, list[str]](list)
    self._by_stem = collections.defaultdict[str, list[str]](list)
    for name in self.names:
      path, stem = _without_suffix(name or root.name)
      self._by_path[path].append(name)
      self._by_stem[stem].append(name)

  def check(self, photographs: Sequence[str]) -> None:
    """Raises `UsageError` unless each photograph, named, has its file."""
    if not photographs:
      raise UsageError('these photographs have no names by which to find their '
                       f'{self._what} in {self.root}')
    for photograph in photographs:
      self.of(photograph)

  def of(self, photograph: str) -> str:
    """Returns the name of the file of a photograph, named by relative path.

    Raises:
      UsageError: it has none, or more than one.
    """
    path, stem = _without_suffix(photograph)
    candidates = self._by_path.get(path) or self._by_stem.get(stem, [])
    if len(candidates) != 1:
      listed = f': {", ".join(candidates)}' if candidates else ''
      raise UsageError(
          f'{len(candidates) or "no"} {self._what} named {stem} for the image '
          f'{photograph} in {self.root}{listed}')
    return candidates[0]

  def read(self, photograph: str, read_file: Callable[[Path], np.ndarray],
           height: int, width: int) -> np.ndarray:
    """Returns the array (height, width) in the file of a photograph.

    Args:
      photograph: its relative path.
      read_file: returns the array in a file.
      height: the photograph's.
      width: the photograph's.

    Raises:
      UsageError: it has none, or more than one, or one of another size.
    """
    path = self.root / self.of(photograph)
    array = read_file(path)
    if array.shape != (height, width):
      raise UsageError('{} is {} x {}, its photograph {} x {}'.format(
          path, *array.shape, height, width))
    return array


def _without_suffix(name: str) -> tuple[str, str]:
  """Returns a relative path without its suffix, and the stem alone."""
  path = PurePosixPath(name)
  # Other suffixes are part of the name: 'photo1.5' is not called 'photo1'.
  path = path.with_suffix('') if path.suffix.lower() in SUFFIXES else path
  return str(path), path.name


def read_rgb(path: Path) -> np.ndarray:
  """Returns RGB (H, W, 3) uint8, upright by the EXIF orientation.

  Grey is repeated, alpha is dropped, 16 bits become 8.

  Raises:
    UnreadableImage: as `read`, except that the alpha of a grey TIFF may be
      lost, because it is dropped anyway.
  """
  return as_rgb8(_read(path)[0].pixels)


def as_rgb8(pixels: np.ndarray) -> np.ndarray:
  """Returns RGB (H, W, 3) uint8.

  Args:
    pixels: as `Picture.pixels`, or grey (H, W, 1).
  """
  if pixels.dtype == np.uint16:
    pixels = (pixels >> 8).astype(np.uint8)
  pixels = np.atleast_3d(pixels)
  return (np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1
          else pixels[..., :3])


def read(path: Path) -> Picture:
  """Returns an image with the channels and the depth that its file has.

  Raises:
    UnreadableImage: the file is missing, empty, cut off, too large or no
      image, its numbers are neither 8 nor 16 bits, or it is a grey TIFF with
      alpha, which would be lost.
  """
  picture, loses_alpha = _read(path)
  if loses_alpha:
    raise UnreadableImage(f'{path} (grey with alpha as TIFF, of which OpenCV '
                          'loses the alpha; PNG keeps it)')
  return picture


def _read(path: Path) -> tuple[Picture, bool]:
  """Returns a `Picture`, and whether OpenCV has lost an alpha of the file."""
  encoded = _bytes(path)
  alpha = _read_tag(encoded, _EXTRA_SAMPLES)
  if alpha == _NOT_MULTIPLIED:
    # libtiff would multiply these colours by alpha, which loses what it hides.
    # It leaves alone those that it takes for multiplied already.
    _patch_tag(encoded, _EXTRA_SAMPLES, _MULTIPLIED)
  try:
    pixels, kinds, chunks = cv2.imdecodeWithMetadata(
        encoded, flags=cv2.IMREAD_UNCHANGED)
  except cv2.error as error:
    raise UnreadableImage(f'{path} (too large, or no image)') from error
  if pixels is None:
    raise UnreadableImage(f'{path} (broken, cut off, or no image)')
  if pixels.dtype not in (np.uint8, np.uint16):
    raise UnreadableImage(f'{path} ({pixels.dtype} numbers, not 8 or 16 bits)')
  metadata = dict(zip(np.ravel(kinds), map(np.ravel, chunks), strict=True))
  exif = metadata.get(cv2.IMAGE_METADATA_EXIF, np.zeros(0, np.uint8))
  orientation = _read_tag(exif, _ORIENTATION)
  if orientation is not None:
    pixels = _UPRIGHT.get(orientation, np.asarray)(pixels)
  pixels = _swap_red_and_blue(np.ascontiguousarray(pixels))
  picture = Picture(pixels, _fitting(
      metadata.get(cv2.IMAGE_METADATA_ICCP), pixels))
  return picture, alpha is not None and pixels.ndim == 2


def write(path: Path, picture: Picture) -> None:
  """Writes an image, atomically; the suffix decides the format.

  BMP and TIFF are written without the colour profile.

  Raises:
    UsageError: as `check_holds`, or the place cannot be written to.
    RunError: the disk is full.
  """
  check_holds(path, picture)
  suffix, profile = path.suffix.lower(), picture.profile
  pixels, quality = _swap_red_and_blue(picture.pixels), _QUALITY.get(suffix, ())
  if profile is None or suffix in ('.bmp', '.tif', '.tiff'):
    ok, encoded = cv2.imencode(suffix, pixels, quality)
  else:
    ok, encoded = cv2.imencodeWithMetadata(
        suffix, pixels, [cv2.IMAGE_METADATA_ICCP], [profile], quality)
  if not ok:
    raise UsageError(f'cannot write {path}: OpenCV could not encode it')
  write_atomically(path, encoded.tobytes())


def check_holds(path: Path, picture: Picture) -> None:
  """Checks that the format that a path names can hold a picture.

  Raises:
    UsageError: the format is unknown, or cannot hold the channels, the depth
      or the profile.
  """
  check_suffix(path)
  suffix, (pixels, profile) = path.suffix.lower(), picture
  if suffix in LOSSY and (pixels.dtype != np.uint8
                          or pixels.shape[2:] == (4,)):
    raise UsageError(f'cannot write {path}: JPEG holds neither 16 bits nor '
                     'alpha; name the output .png')
  if suffix in ('.webp', '.bmp') and pixels.dtype != np.uint8:
    raise UsageError(f'cannot write {path}: {suffix} holds no 16 bits; name '
                     'the output .png')
  if suffix in LOSSY and profile is not None and profile.size > _JPEG_PROFILE:
    raise UsageError(f'cannot write {path}: a colour profile of {profile.size} '
                     'bytes is too large for JPEG; name the output .png')


def check_suffix(path: Path) -> None:
  """Checks that a path names a format that can be written.

  Raises:
    UsageError: it does not.
  """
  if path.suffix.lower() not in SUFFIXES:
    raise UsageError(f'cannot write {path}: its suffix is none of '
                     f'{" ".join(sorted(SUFFIXES))}')


def write_atomically(path: Path, contents: bytes) -> None:
  """Writes a file that is either whole or not there; makes its folder.

  Raises:
    UsageError: the place cannot be written to.
    RunError: the disk is full.
  """
  part = path.with_name(f'.{path.name}.part')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(contents)
    os.replace(part, path)
  except OSError as error:
    kind = RunError if error.errno in FULL else UsageError
    raise kind(f'cannot write {path}: {error.strerror}') from error
  finally:
    with contextlib.suppress(OSError):
      part.unlink()


def _bytes(path: Path) -> np.ndarray:
  """Returns the contents of a file, (n,) uint8."""
  try:
    encoded = np.fromfile(path, np.uint8)
  except OSError as error:
    raise UnreadableImage(f'{path} ({error.strerror})') from error
  if not encoded.size:
    raise UnreadableImage(f'{path} (an empty file)')
  return encoded


def _read_tag(data: np.ndarray, tag: int) -> int | None:
  """Returns a tag's first 16-bit number; None if there is no such tag.

  Args:
    data: TIFF or EXIF data, (n,) uint8; anything else has no tags.
    tag: its number.
  """
  place = _locate_tag(data, tag)
  if place is None:
    return None
  start, order = place
  return int.from_bytes(data[start:start + 2].tobytes(), order)


def _patch_tag(data: np.ndarray, tag: int, value: int) -> None:
  """Overwrites a tag's first 16-bit number, in `data` itself."""
  place = _locate_tag(data, tag)
  if place is not None:
    start, order = place
    data[start:start + 2] = np.frombuffer(value.to_bytes(2, order), np.uint8)


def _locate_tag(data: np.ndarray, tag: int
                ) -> tuple[int, Literal['little', 'big']] | None:
  """Returns where a tag's first 16-bit number is, and its byte order.

  Only the first directory is searched, which describes the image. Data that
  was cut off has those tags that are whole.
  """
  order = _BYTE_ORDERS.get(data[:4].tobytes())
  if order is None:
    return None

  def number(start: int, size: int) -> int:
    return int.from_bytes(data[start:start + size].tobytes(), order)

  # The directory: a count, then for each tag 12 bytes, of which the first two
  # are its number and the last four its value.
  first = number(4, 4) + 2
  for entry in range(first, data.size - 11, 12)[:number(first - 2, 2)]:
    if number(entry, 2) == tag:
      return entry + 8, order
  return None


def _fitting(profile: np.ndarray | None, pixels: np.ndarray
             ) -> np.ndarray | None:
  """Returns an ICC profile if it describes the colours of the pixels.

  That of a CMYK file does not, because its pixels have become RGB: None.
  """
  space = b'GRAY' if pixels.ndim == 2 else b'RGB '
  return (profile if profile is not None and profile[16:20].tobytes() == space
          else None)


def _swap_red_and_blue(pixels: np.ndarray) -> np.ndarray:
  """Turns OpenCV's BGR(A) into RGB(A), and back; grey stays."""
  if pixels.ndim == 2:
    return pixels
  return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4
                      else cv2.COLOR_BGR2RGB)
