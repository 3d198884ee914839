"""Pictures, masks and drawings as users hold them: arrays, Pillow's, or files.

An array is taken as it is. A path is read as all commands read it, and so is
what Pillow has opened.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeGuard
import warnings

import cv2
import numpy as np
from PIL import Image

from jinpaint.data import edges, files, mask_files, mask_recognition
from jinpaint.errors import UsageError

Given = np.ndarray | Image.Image | str | Path
# Pillow's modes -> those of arrays that are the same picture.
_MODES = {'L': 'L', 'LA': 'LA', 'RGB': 'RGB', 'RGBA': 'RGBA', 'I;16': 'I;16',
          '1': 'L', 'P': 'RGB', 'PA': 'RGBA'}


def is_list(given: object) -> TypeGuard[Sequence[Any]]:
  """Returns whether there is one of something, or a list or tuple of them."""
  return isinstance(given, (list, tuple))


def for_each(what: str, given: object, number: int) -> Sequence[Any]:
  """Returns what belongs to each of some images.

  Args:
    what: what errors call it, in the plural.
    given: one for all images, or a list or tuple of as many.
    number: how many images there are.

  Raises:
    ValueError: there are more or fewer.
  """
  if not is_list(given):
    return [given] * number
  if len(given) != number:
    raise ValueError(f'{number} images and {len(given)} {what}; give one for '
                     'all, or as many')
  return given


def image(given: Given) -> np.ndarray:
  """Returns a picture as `jinpaint.inference.Task.image`.

  Raises:
    UsageError: it cannot be read, or Pillow holds it in a mode that is not.
  """
  if isinstance(given, np.ndarray):
    return given
  if isinstance(given, Image.Image):
    return _pixels_of(given)
  try:
    return files.read(_path(given)).pixels
  except files.UnreadableImage as error:
    raise UsageError(f'cannot read the image {error}') from error


def mask(given: Given) -> np.ndarray:
  """Returns a mask as `jinpaint.inference.Task.hole`.

  White is the hole, see `jinpaint.data.mask_recognition`. What was understood
  of a strange one is a warning, and so are grey pixels, which are cut at half.

  Raises:
    UsageError: it cannot be read, or its hole cannot be recognised.
  """
  if isinstance(given, np.ndarray):
    return given
  if isinstance(given, Image.Image):
    painted, hole, note = mask_recognition.recognise(_pixels_of(given), 'auto')
    found = _cut('mask', painted, 0.5, hole)
  else:
    found, note = mask_files.read_as_meant(_path(given))
    note = f'the mask {given}: {note}' if note else ''
  if note:
    warnings.warn(note, stacklevel=3)
  return found


def sketch(given: Given | None, cut: float) -> np.ndarray | None:
  """Returns a sketch as `jinpaint.inference.Task.sketch`.

  Args:
    given: white on black.
    cut: the share of white from which on a pixel is a stroke.

  Raises:
    UsageError: it cannot be read.
  """
  if given is None or isinstance(given, np.ndarray):
    return given
  if isinstance(given, Image.Image):
    return _cut('sketch', _pixels_of(given), cut, 'white')
  return mask_files.read(_path(given), what='sketch', cut=cut)


def edge_map(given: Given | None) -> np.ndarray | None:
  """Returns an edge map as `jinpaint.inference.Task.edge_map`.

  Raises:
    UsageError: it cannot be read.
  """
  if given is None or isinstance(given, np.ndarray):
    return given
  if isinstance(given, Image.Image):
    return cv2.cvtColor(files.as_rgb8(_pixels_of(given)), cv2.COLOR_RGB2GRAY)
  return edges.read_map(_path(given))


def as_given(filled: np.ndarray, given: Given) -> np.ndarray | Image.Image:
  """Returns a result as Pillow's image, with what it knows, if it was one."""
  if not isinstance(given, Image.Image):
    return filled
  made = Image.fromarray(filled)
  made.info = dict(given.info)
  made.info.pop('transparency', None)  # palettes have become RGBA
  return made


def _path(given: str | Path) -> Path:
  return Path(given).expanduser()


def _pixels_of(given: Image.Image) -> np.ndarray:
  """Returns the pixels of what Pillow has opened."""
  mode = _MODES.get(given.mode)
  if mode is None:
    raise UsageError(f"an image of Pillow's mode {given.mode}; convert it to "
                     'RGB first')
  if given.mode == 'P' and given.has_transparency_data:
    mode = 'RGBA'
  return np.asarray(given if given.mode == mode else given.convert(mode))


def _cut(what: str, painted: np.ndarray, cut: float, hole: str) -> np.ndarray:
  """Returns a mask (H, W), 1 where it is painted, and warns of grey pixels."""
  found, grey = mask_files.binarise(painted, hole=hole, cut=cut)
  if grey:
    warnings.warn(f'{grey} of {found.size} pixels of the {what} are grey; they '
                  f'are cut at {cut:g} of the range', stacklevel=4)
  return found
