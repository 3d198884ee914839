"""Image files: found in folders, read upright and whole, written atomically.

How their bytes become pixels and pixels bytes is in `jinpaint.data.decoding`
and `jinpaint.data.encoding`.
"""

import collections
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
import contextlib
import hashlib
import os
from pathlib import Path, PurePosixPath
import warnings

import numpy as np

from jinpaint.data import decoding, encoding
from jinpaint.data.decoding import hush, Picture
from jinpaint.data.encoding import LOSSY, SUFFIXES
from jinpaint.errors import FULL, RunError, UsageError

__all__ = ['LOSSY', 'SUFFIXES', 'Namesakes', 'Picture', 'UnreadableImage',
           'as_rgb8', 'by_suffix', 'check_holds', 'check_suffix', 'hush',
           'left_out', 'listing', 'names', 'read', 'read_rgb', 'split_alpha',
           'without_suffix', 'write', 'write_atomically']


class UnreadableImage(Exception):
  """An image file that cannot be decoded; the message names it."""


def names(root: Path, without: Iterable[Path | None] = ()) -> tuple[str, ...]:
  """Returns the image files below `root`, as sorted relative paths.

  A warning names what is left out because of its suffix, see `listing`.

  Args:
    root: a folder, which is searched with its sub-folders.
    without: folders that are left out where they lie below `root`, such as that
      of the results.

  Raises:
    UsageError: there is no such folder, or no image in it.
  """
  images, others = listing(root, without)
  if others:
    warnings.warn(left_out(root, others), stacklevel=2)
  return images


def listing(root: Path, without: Iterable[Path | None] = ()
            ) -> tuple[tuple[str, ...], tuple[str, ...]]:
  """Returns the image files below `root`, and all others, by their suffix.

  Hidden files and folders, whose names begin with a dot, are left out: systems
  and editors keep copies there. Links to folders are followed, but no folder
  counts twice.

  Args:
    root: a folder, which is searched with its sub-folders.
    without: folders that are left out where they lie below `root`.

  Returns:
    Sorted paths relative to `root` of both.

  Raises:
    UsageError: there is no such folder, or no image in it.
  """
  if not root.is_dir():
    raise UsageError(f'there is no folder {root}')
  images, others = by_suffix(
      path.relative_to(root).as_posix() for path in _walk(
          root, {folder.resolve() for folder in without if folder}))
  if not images:
    raise UsageError(f'no image in {root}: looked for '
                     f'{" ".join(sorted(SUFFIXES))}, sub-folders included')
  return images, others


def by_suffix(found: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
  """Returns those names that have the suffix of an image, and the others."""
  found = sorted(set(found))
  images = tuple(name for name in found
                 if PurePosixPath(name).suffix.lower() in SUFFIXES)
  return images, tuple(sorted(set(found).difference(images)))


def left_out(place: object, others: Sequence[str]) -> str:
  """Returns the line that says which files are no images by their suffix."""
  more = f' and {len(others) - 3} more' if others[3:] else ''
  return (f'{place}: not images by their suffix, and left out: '
          f'{", ".join(others[:3])}{more}')


def _walk(root: Path, without: Set[Path]) -> Iterator[Path]:
  """Yields the files below a folder that are not hidden.

  Args:
    root: the folder.
    without: the real paths of folders that are left out, but for `root`.
  """
  seen = set[Path]()
  folders, links = [root], list[Path]()
  while folders or links:
    # Links last: a folder is known by its own name where it has one below
    # `root`. And each only once, because links may go round in circles.
    folder = folders.pop() if folders else links.pop(0)
    real = folder.resolve()
    if real in seen or (real in without and folder != root):
      continue
    seen.add(real)
    for path in sorted(folder.iterdir()):
      if path.name.startswith('.'):
        continue
      if path.is_dir():
        (links if path.is_symlink() else folders).append(path)
      elif path.is_file():
        yield path


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

  def __init__(self, what: str, root: Path,
               listed: Iterable[str] | None = None):
    """Lists the files.

    Args:
      what: what errors call them, in the plural: 'masks'.
      root: a folder, which is searched with its sub-folders, or a single file.
      listed: the files' paths relative to `root`, if they are known already.

    Raises:
      UsageError: as `names`.
    """
    self.root = root
    if listed is not None:
      self.names = tuple(listed)
    else:
      self.names = ('',) if root.is_file() else names(root)
    self._what = what
    self._by_path = collections.defaultdict[str, list[str]](list)
    self._by_stem = collections.defaultdict[str, list[str]](list)
    for name in self.names:
      path, stem = without_suffix(name or root.name)
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
    candidates = self.candidates(photograph)
    if len(candidates) != 1:
      _, stem = without_suffix(photograph)
      listed = f': {", ".join(candidates)}' if candidates else ''
      raise UsageError(
          f'{len(candidates) or "no"} {self._what} named {stem} for the image '
          f'{photograph} in {self.root}{listed}')
    return candidates[0]

  def candidates(self, photograph: str) -> Sequence[str]:
    """Returns the names of all files that may be meant by a photograph's."""
    path, stem = without_suffix(photograph)
    return self._by_path.get(path) or self._by_stem.get(stem, [])

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


def without_suffix(name: str) -> tuple[str, str]:
  """Returns a relative path without its suffix, and the stem alone."""
  path = PurePosixPath(name)
  # Other suffixes are part of the name: 'photo1.5' is not called 'photo1'.
  path = path.with_suffix('') if path.suffix.lower() in SUFFIXES else path
  return str(path), path.name


def read_rgb(path: Path) -> np.ndarray:
  """Returns RGB (H, W, 3) uint8, upright by the EXIF orientation.

  Grey is repeated, alpha is dropped, 16 bits become 8.

  Raises:
    UnreadableImage: as `read`.
  """
  return as_rgb8(read(path).pixels)


def as_rgb8(pixels: np.ndarray) -> np.ndarray:
  """Returns RGB (H, W, 3) uint8.

  Args:
    pixels: as `Picture.pixels`, or grey (H, W, 1).
  """
  if pixels.dtype == np.uint16:
    pixels = (pixels >> 8).astype(np.uint8)
  pixels = np.atleast_3d(pixels)
  return (np.repeat(pixels[..., :1], 3, axis=2) if pixels.shape[2] < 3
          else pixels[..., :3])


def split_alpha(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
  """Returns colours, (H, W), (H, W, 1) or (H, W, 3), and alpha (H, W) if any.

  Args:
    pixels: as `Picture.pixels`.
  """
  if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
    return pixels[..., :-1], pixels[..., -1]
  return pixels, None


def read(path: Path) -> Picture:
  """Returns an image with the channels and the depth that its file has.

  Colours of a palette become RGB, and so do inks and Lab, which a note says.
  Bits and shades of 2 or 4 bits become grey of 8. AVIF is read as 8 bits.

  Raises:
    UnreadableImage: the file is missing, empty, cut off, too large or no
      image; it holds several frames or pages; or pixels in a way that is not
      read, such as floats.
  """
  try:
    encoded = path.read_bytes()
  except OSError as error:
    raise UnreadableImage(f'{path} ({error.strerror})') from error
  if not encoded:
    raise UnreadableImage(f'{path} (an empty file)')
  try:
    return decoding.decode(encoded)
  except decoding.Undecodable as error:
    raise UnreadableImage(f'{path} ({error})') from error


def write(path: Path, picture: Picture) -> None:
  """Writes an image, atomically; the suffix decides the format.

  Raises:
    UsageError: as `check_holds`, or the place cannot be written to.
    RunError: the disk is full.
  """
  check_suffix(path)
  try:
    encoded = encoding.encode(path.suffix.lower(), picture)
  except encoding.Unencodable as error:
    raise UsageError(f'cannot write {path}: {error}') from error
  write_atomically(path, encoded)


def check_holds(path: Path, picture: Picture) -> None:
  """Checks that the format that a path names can hold a picture.

  Raises:
    UsageError: the format is unknown, or cannot hold the channels or the depth.
  """
  check_suffix(path)
  try:
    encoding.check(path.suffix.lower(), picture.pixels)
  except encoding.Unencodable as error:
    raise UsageError(f'cannot write {path}: {error}') from error


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
  # The name is hidden, so that no one takes it for an image, and short, because
  # that of the file may be as long as a file system allows.
  short = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
  part = path.with_name(f'.{short}.part')
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
