"""Folders of photographs below the one of `--data`: found, shown, checked."""

from collections.abc import Iterator
import contextlib
import os
from pathlib import Path
import threading
from typing import Any
import warnings

import cv2

from jinpaint.app import places
from jinpaint.data import files, heads, sources
from jinpaint.errors import UsageError

FLAG = '--data'

# How deep below the folder others are looked for, how many are offered, and
# how many files each may have until counting ends.
_DEPTH = 4
_FOLDERS = 200
_FILES = 20_000
# Photographs of a folder whose sizes are looked at.
_SIZES = 200
# How many of them are shown, and the side of a thumbnail in pixels.
_SHOWN = 12
_SIDE = 96
_LOCK = threading.Lock()


def folders(root: Path) -> list[dict[str, Any]]:
  """Returns the folders of photographs below a folder, and itself.

  Links and hidden folders are left out.

  Returns:
    For each its relative `path` and how many `images` are in it and below,
    `more` if there are too many to count.
  """
  found = []
  for path in _walk(root):
    count, more = _count(path)
    if count:
      found.append({'path': path.relative_to(root).as_posix(),
                    'images': count, 'more': more})
    if len(found) >= _FOLDERS:
      break
  return found


def _walk(root: Path) -> Iterator[Path]:
  for folder, names, _ in os.walk(root):
    path = Path(folder)
    depth = len(path.relative_to(root).parts)
    names[:] = sorted(name for name in names if not name.startswith('.')
                      ) if depth < _DEPTH else []
    yield path


def _count(folder: Path) -> tuple[int, bool]:
  """Returns how many images there are, and whether there are more."""
  images = seen = 0
  for _, names, found in os.walk(folder):
    names[:] = [name for name in names if not name.startswith('.')]
    for name in found:
      seen += 1
      images += (not name.startswith('.')
                 and Path(name).suffix.lower() in files.SUFFIXES)
      if seen >= _FILES:
        return images, True
  return images, False


def check(root: Path, name: str) -> Path:
  """Returns the path of a folder of photographs.

  Raises:
    UsageError: it is not below the folder of `--data`, has no images, or one
      of them lies elsewhere, behind a link.
  """
  folder = places.below(root, name, FLAG)
  for image in _names(folder)[0]:
    if not places.is_inside(root, folder / image):
      raise UsageError(f'{name}/{image} is behind a link that leads out of the '
                       f'folder of {FLAG}')
  return folder


def inspected(root: Path, name: str) -> dict[str, Any]:
  """Returns what is in a folder of photographs.

  Returns:
    `images`; `train` and `validation`, how many are on each side; `smallest`
    and `largest`, [height, width] of those that were looked at, `looked_at`;
    `broken`, the names of unreadable ones; `notes`, lines; `shown`, the names
    of some.

  Raises:
    UsageError: as `check`.
  """
  folder = check(root, name)
  names, notes = _names(folder)
  with _quiet():  # the same is in the notes
    sides = {side: len(sources.folder(folder, side))
             for side in ('train', 'validation')}
  beside = len(names) - sum(sides.values())
  if beside > 0:
    notes.append(f'{beside} are in neither train/ nor validation/ and are not '
                 'used')
  if len(names) == 1:
    notes.append('there is one photograph: it is trained on and evaluated on')
  chosen = names[::-(-len(names) // _SIZES)]
  sizes, broken, readable = [], [], []
  for image in chosen:
    try:
      sizes.append(heads.size(folder / image))
      readable.append(image)
    except files.UnreadableImage as error:
      broken.append(str(error).removeprefix(f'{folder}{os.sep}'))
  area = lambda size: size[0] * size[1]
  return {'images': len(names), **sides, 'looked_at': len(chosen),
          'smallest': min(sizes, key=area, default=None),
          'largest': max(sizes, key=area, default=None),
          'broken': broken, 'notes': notes,
          'shown': readable[::max(1, len(readable) // _SHOWN)][:_SHOWN]}


def thumbnail(root: Path, name: str, image: str) -> bytes:
  """Returns a small PNG of a photograph.

  Raises:
    UsageError: it is not below the folder of `--data`, or cannot be read.
  """
  path = places.below(root, f'{name}/{image}', FLAG)
  try:
    pixels = files.read_rgb(path)
  except files.UnreadableImage as error:
    raise UsageError(f'cannot read {image}: {error}') from error
  height, width = pixels.shape[:2]
  scale = _SIDE / min(height, width)
  small = cv2.resize(pixels, (max(1, round(width * scale)),
                              max(1, round(height * scale))),
                     interpolation=cv2.INTER_AREA)
  return bytes(cv2.imencode('.png', cv2.cvtColor(
      small, cv2.COLOR_RGB2BGR))[1])


@contextlib.contextmanager
def _quiet() -> Iterator[list[warnings.WarningMessage]]:
  """Yields the warnings that come within it, which are not printed."""
  # What catches warnings may be in one thread only.
  with _LOCK, warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter('always')
    yield caught


def _names(folder: Path) -> tuple[tuple[str, ...], list[str]]:
  """Returns the images of a folder, and what there is to say of it."""
  with _quiet() as caught:
    names = files.names(folder)
  return names, [str(warning.message).removeprefix(f'{folder}: ')
                 for warning in caught]
