"""Where photographs come from: scikit-image's own, or a folder of files.

A source is indexed: `len(source)`, `source.names[i]`, `source.read(i)`. TFDS
data sets are streams and live in `jinpaint.data.pipeline`, the only file that
imports TensorFlow; which of their splits is for which side is said here.
"""

from collections.abc import Collection
import functools
import hashlib
import os
from pathlib import Path
import sys
import threading
from typing import Protocol
import warnings

import numpy as np

from jinpaint import errors
from jinpaint.data import files, heads
from jinpaint.errors import UsageError

# The colour photographs that scikit-image ships. The motorcycles are a stereo
# pair, which shows one scene, so that both are on the same side.
PHOTOS = {
    'train': ('astronaut', 'hubble_deep_field', 'immunohistochemistry',
              'motorcycle_left', 'motorcycle_right', 'retina', 'rocket'),
    'validation': ('chelsea', 'coffee'),
}
# The number of views that evaluation takes of each held-out photograph.
PHOTO_VIEWS = 32

# The share of a folder that is held out where it has no folder validation/.
HELD_OUT = 0.1


class Source(Protocol):
  """Photographs by index.

  Attributes:
    names: the photographs' relative paths.
  """

  names: tuple[str, ...]

  def __len__(self) -> int: ...

  def read(self, index: int) -> np.ndarray:
    """Returns RGB (H, W, 3) uint8.

    Raises:
      jinpaint.data.files.UnreadableImage: the file is broken.
    """
    ...

  def size(self, index: int) -> tuple[int, int]:
    """Returns height and width of what `read` returns.

    Raises:
      jinpaint.data.files.UnreadableImage: the file is broken.
    """
    ...


class Photos:
  """The colour photographs that scikit-image ships: no download."""

  def __init__(self, split: str):
    photos = PHOTOS[split]
    views = PHOTO_VIEWS if split == 'validation' else 1
    self.names = tuple(f'{photo}/{view}' if views > 1 else photo
                       for photo in photos for view in range(views))
    # scikit-image is imported now, not by several threads at once.
    photograph(photos[0])

  def __len__(self) -> int:
    return len(self.names)

  def read(self, index: int) -> np.ndarray:
    """Returns RGB (H, W, 3) uint8."""
    return photograph(self.names[index].partition('/')[0])

  def size(self, index: int) -> tuple[int, int]:
    """Returns height and width."""
    height, width, _ = self.read(index).shape
    return height, width


@functools.cache
def photograph(name: str) -> np.ndarray:
  """Returns a photograph of scikit-image, RGB (H, W, 3) uint8.

  Args:
    name: as in `PHOTOS`.
  """
  # Imported here: it is slow, and only this source needs it.
  from skimage import data
  if name.startswith('motorcycle_'):
    left, right, _ = data.stereo_motorcycle()
    return left if name == 'motorcycle_left' else right
  return getattr(data, name)()


class Folder:
  """The image files below a folder."""

  def __init__(self, root: Path, names: tuple[str, ...]):
    self.root, self.names = root, names

  def __len__(self) -> int:
    return len(self.names)

  def read(self, index: int) -> np.ndarray:
    """Returns RGB (H, W, 3) uint8, upright by its EXIF orientation.

    Raises:
      jinpaint.data.files.UnreadableImage: the file is broken.
    """
    return files.read_rgb(self.root / self.names[index])

  def size(self, index: int) -> tuple[int, int]:
    """Returns height and width, of which only the file's head is read.

    Raises:
      jinpaint.data.files.UnreadableImage: the file is broken.
    """
    return heads.size(self.root / self.names[index])


def folder(root: Path, split: str | None) -> Folder:
  """Opens one side of a folder of photographs.

  Args:
    root: the folder. Where it holds both `train/` and `validation/`, these are
      the sides. Elsewhere the hash of a file's relative path decides, so that a
      file stays on its side when other files come or go.
    split: 'train', 'validation', or None for the whole folder.

  Raises:
    UsageError: there is no such folder, or no image in it.
  """
  if split is None:
    return Folder(root, files.names(root))
  if (root / 'train').is_dir() and (root / 'validation').is_dir():
    return Folder(root / split, files.names(root / split))
  names = sorted(files.names(root), key=_hash)
  if len(names) == 1:
    warnings.warn(f'{root} holds one image: it is trained on and evaluated on',
                  stacklevel=2)
    return Folder(root, tuple(names))
  # Sorted by hash, the held-out names come first; neither side is empty.
  held_out = sum(_hash(name) < HELD_OUT for name in names)
  held_out = min(max(held_out, 1), len(names) - 1)
  side = names[:held_out] if split == 'validation' else names[held_out:]
  return Folder(root, tuple(sorted(side)))


def _hash(name: str) -> float:
  """Returns a number in [0, 1) that depends on the name alone."""
  digest = hashlib.sha256(os.fsencode(name)).digest()
  return int.from_bytes(digest[:8], 'big') / 2**64


def tfds_split(name: str, split: str | None, side: str | None,
               known: Collection[str]) -> str:
  """Returns the split of a TFDS data set, in TFDS's words, that one side reads.

  Training reads the named split, or `train`. Evaluation reads `validation` or
  `test`, whichever training does not read; or else the last tenth of `train`,
  which training then leaves out. A split that is named for one side alone, as
  in `data.eval_source`, is read whole.

  Args:
    name: of the data set, for errors.
    split: the split that the user named, perhaps a slice or a union; None for
      none.
    side: 'train' or 'validation'; None for all of the named split.
    known: the names of the splits that the data set has.

  Raises:
    UsageError: there is no such split, or nothing is left to evaluate on.
  """
  if split is None and 'train' not in known:
    raise UsageError(f'TFDS data set {name} has no split train, only '
                     f'{", ".join(known)}; name one: tfds:{name}:SPLIT')
  named = {part.partition('[')[0] for part in (split or 'train').split('+')}
  for part in named - {*known, 'all'}:
    raise errors.unknown(f'split of {name}', part, known)
  held_out = [other for other in ('validation', 'test')
              if other in known and not named & {other, 'all'}]
  if split and side is None:
    return split
  if split in (None, 'train') and not held_out:
    return 'train[:90%]' if side == 'train' else 'train[90%:]'
  if side == 'train':
    return split or 'train'
  if held_out:
    return held_out[0]
  raise UsageError(f'training on {split} of {name} leaves nothing to evaluate '
                   'on; name a data.eval_source')


class BrokenImages:
  """Notes the images that cannot be read; several threads may use it.

  Attributes:
    names: the broken images met so far.
  """

  def __init__(self, allowed: int, count: int):
    """Takes what is still no error.

    Args:
      allowed: more broken images than that are an error.
      count: how many images there are; it is an error if all are broken.
    """
    self.names: set[str] = set()
    self._allowed, self._count = allowed, count
    self._lock = threading.Lock()

  def add(self, name: str) -> None:
    """Notes a broken image, and prints it the first time.

    Raises:
      UsageError: it is one too many.
    """
    with self._lock:
      if name not in self.names:
        self.names.add(name)
        print(f'skipped a broken image: {name}', file=sys.stderr)
      if len(self.names) == self._count:
        raise UsageError(f'not one image can be read; the last is {name}')
      if len(self.names) > self._allowed:
        raise UsageError(
            f'{len(self.names)} broken images, and data.max_bad_images is '
            f'{self._allowed}; the last is {name}')
