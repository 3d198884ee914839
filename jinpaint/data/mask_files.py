"""Masks and sketches in files: how black, white and grey are read.

Whatever somebody has painted, exported or saved as JPEG becomes an array
(H, W), 1 where it is painted. `jinpaint.data.masks` decides which files are
wanted.
"""

from collections.abc import Callable, Iterable, Sequence
import functools
import io
from pathlib import Path
from typing import NamedTuple
import warnings

import cv2
import numpy as np
from PIL import Image

from jinpaint import errors
from jinpaint.data import files, mask_recognition, specs
from jinpaint.errors import UsageError

PAIRINGS = ('random', 'stem', 'order', 'single')
HOLES = ('white', 'black')

# From path, height, width and colour of holes to the mask and its hole ratio.
Reading = Callable[[Path, int, int, str], tuple[np.ndarray, float]]


def binarise(mask: np.ndarray, *, hole: str = 'white', cut: float = 0.5
             ) -> tuple[np.ndarray, int]:
  """Cuts a mask at half of its range, or elsewhere.

  Args:
    mask: (H, W) or (H, W, 1) grey, (H, W, 2) grey with alpha, (H, W, 3) RGB or
      (H, W, 4) RGBA; uint8, uint16, bool, or floats in [0, 1]. Whole numbers
      of which none exceeds 1 mean 0 and 1, as in arrays and label files, not
      shades of black. A colour counts by the mean of its channels. Where alpha
      is 0, nobody has painted, and there is no hole.
    hole: 'white' or 'black'.
    cut: the share of the range from which on a pixel is a hole.

  Returns:
    The mask (H, W) uint8, 1 = hole; and the number of grey pixels, which are
    neither 0 nor at the end of the range.

  Raises:
    UsageError: the mask has another shape, type or range.
  """
  painted, full = _painted(mask, hole)
  grey = int(np.count_nonzero((painted != 0) & (painted != full)))
  return (painted >= cut * full).astype(np.uint8), grey


def _painted(mask: np.ndarray, hole: str) -> tuple[np.ndarray, int]:
  """Returns how much each pixel is a hole, and what a full hole's value is."""
  if hole not in HOLES:
    raise errors.unknown('colour of holes', hole, HOLES)
  full = {'uint8': 255, 'uint16': 65535}.get(mask.dtype.name, 1)
  layers = mask[..., None] if mask.ndim == 2 else mask
  if (layers.ndim != 3 or layers.shape[2] not in (1, 2, 3, 4) or not layers.size
      or (full == 1 and mask.dtype.kind not in 'bf')):
    raise UsageError(f'a mask of {mask.dtype} {mask.shape}; it must be uint8, '
                     'uint16, bool or float of (H, W) or 1 to 4 channels')
  # The condition is written so that NaN does not meet it.
  if full == 1 and not 0 <= layers.min() <= layers.max() <= 1:
    raise UsageError('a mask of floats must lie in [0, 1]; this one is from '
                     f'{layers.min():g} to {layers.max():g}')
  # The type float32 holds sums of three numbers of 16 bits exactly.
  planes = np.moveaxis(layers, 2, 0).astype(np.float32, order='C')
  has_alpha = len(planes) in (2, 4)
  colours = planes[:-1] if has_alpha else planes
  gray = colours.sum(axis=0) / len(colours)
  alpha = planes[-1] / full if has_alpha else 1
  full = 1 if colours.max() <= 1 else full
  return alpha * (gray if hole == 'white' else full - gray), full


class Understood(NamedTuple):
  """A mask that has been read, and what was understood of it.

  Attributes:
    mask: (H, W) uint8, 1 = hole.
    meaning: which part of the file is the hole, as a sentence.
    note: what was guessed or is doubtful, see `mask_recognition.recognise` and
      `mask_recognition.doubt`; empty if nothing is.
    grey: number of pixels that were neither black nor white, and were cut.
  """

  mask: np.ndarray
  meaning: str
  note: str
  grey: int


def read(path: str | Path, strict: bool = False, *, hole: str = 'white',
         what: str = 'mask', cut: float = 0.5) -> np.ndarray:
  """Returns the mask in a file, (H, W) uint8, 1 = hole, at its own size.

  Grey pixels are cut, see `binarise`, with a warning that counts them.

  Args:
    path: the file.
    strict: whether to refuse grey pixels.
    hole: 'white' or 'black'.
    what: what errors call it: 'mask', or 'sketch', which is read as a mask is.
    cut: the share of the range from which on a pixel is a hole.

  Raises:
    UsageError: the file cannot be read, or is grey and this is `strict`.
  """
  mask, grey = read_and_count(path, strict, hole=hole, what=what, cut=cut)
  _warn_of_grey(grey, mask, f'{what} {path}', cut)
  return mask


def read_and_count(path: str | Path, strict: bool = False, *,
                   hole: str = 'white', what: str = 'mask', cut: float = 0.5
                   ) -> tuple[np.ndarray, int]:
  """Returns what `read` does, and in place of a warning the grey pixels."""
  mask, grey = binarise(_pixels(path, what), hole=hole, cut=cut)
  if grey and strict:
    raise UsageError(_count_grey(grey, mask, f'{what} {path}')
                     + ', not black or white')
  return mask, grey


def read_as_meant(path: str | Path, *, hole: str = 'auto', strict: bool = False
                  ) -> tuple[np.ndarray, str]:
  """Returns the mask in a file, and what was understood of it.

  Grey pixels are cut, with a warning that counts them.

  Args:
    path: the file.
    hole: one of `mask_recognition.HOLES`.
    strict: whether to refuse grey pixels, and all that must be guessed.

  Returns:
    The mask (H, W) uint8, 1 = hole; and a note, see `Understood`.

  Raises:
    UsageError: as `understand`.
  """
  understood = understand(path, hole=hole, strict=strict)
  _warn_of_grey(understood.grey, understood.mask, f'mask {path}')
  return understood.mask, understood.note


def understand(path: str | Path, *, hole: str = 'auto', strict: bool = False
               ) -> Understood:
  """Reads a mask, and says what was understood of it.

  Args:
    path: the file.
    hole: one of `mask_recognition.HOLES`.
    strict: whether to refuse grey pixels, and all that must be guessed.

  Raises:
    UsageError: the file cannot be read, its hole cannot be recognised, or this
      is `strict` and something is doubtful.
  """
  pixels = _pixels(path)
  try:
    painted, colour, guessed = mask_recognition.recognise(pixels, hole)
  except UsageError as error:
    raise UsageError(f'the mask {path}: {error}') from error
  mask, grey = binarise(painted, hole=colour)
  note = mask_recognition.doubt(float(mask.mean()), hole) or guessed
  if note and strict:
    raise UsageError(f'the mask {path}: {note}; --strict takes only what is '
                     'beyond doubt')
  if grey and strict:
    raise UsageError(_count_grey(grey, mask, f'mask {path}')
                     + ', not black or white')
  meaning = guessed or (
      f'what is {colour if hole == "auto" else hole} is the hole')
  return Understood(mask, meaning, note, grey)


def _count_grey(grey: int, mask: np.ndarray, name: str) -> str:
  return f'{grey} of {mask.size} pixels of the {name} are grey'


def _warn_of_grey(grey: int, mask: np.ndarray, name: str, cut: float = 0.5
                  ) -> None:
  if grey:
    where = 'half' if cut == 0.5 else f'{cut:g} of the range'
    warnings.warn(f'{_count_grey(grey, mask, name)}; they are cut at {where}',
                  stacklevel=3)


def _pixels(path: str | Path, what: str = 'mask') -> np.ndarray:
  """Returns the pixels in a file; raises `UsageError` if it cannot be read."""
  try:
    return files.read(Path(path)).pixels
  except files.UnreadableImage as error:
    raise UsageError(f'cannot read the {what} {error}') from error


def as_isnet_reads(mask: np.ndarray, height: int, width: int, *,
                   hole: str = 'white', jpeg: int = 0
                   ) -> tuple[np.ndarray, float]:
  """Returns a mask as the authors of ISNet and CFS came to train and test on.

  They kept masks as JPEG files, black holes in white, and took every pixel
  above 0 for known, after a centre crop and Pillow's bilinear resize. JPEG's
  noise inside holes and the grey rim that resizing makes thus became known
  pixels, which show the true image. They sorted masks by the share of pixels
  that are exactly 0 in the file.

  Args:
    mask: as `binarise` takes it.
    height: height of the result; a file of other proportions is cropped.
    width: width of the result.
    hole: colour of a hole in `mask`, 'white' or 'black'.
    jpeg: the quality, 1 to 100, of the JPEG that a clean mask is first made
      into; 0 for a mask that has been a JPEG already.

  Returns:
    The mask (height, width) uint8, 1 = hole; and the share by which the authors
    sorted it.

  Raises:
    UsageError: the mask is of another type or shape than `binarise` takes.
  """
  painted, full = _painted(mask, hole)
  known = Image.fromarray(
      np.rint(255 - painted * (255 / full)).astype(np.uint8))
  if jpeg:
    encoded = io.BytesIO()
    known.save(encoded, 'JPEG', quality=jpeg)
    known = Image.open(encoded)
  hole_share = float(np.mean(np.asarray(known) == 0))
  # The largest centred part that has the proportions of the result.
  scale = min(known.width / width, known.height / height)
  columns, rows = round(width * scale), round(height * scale)
  left, top = (known.width - columns) // 2, (known.height - rows) // 2
  known = known.crop((left, top, left + columns, top + rows)).resize(
      (width, height), Image.Resampling.BILINEAR)
  return (np.asarray(known) == 0).astype(np.uint8), hole_share


class MaskFiles:
  """The mask files below a folder, or a single one."""

  def __init__(self, root: Path, pairing: str, hole: str, read: Reading):
    """Looks for the files.

    Args:
      root: a folder, of which all below counts, or a single file.
      pairing: one of `PAIRINGS`, see `jinpaint.data.masks.parse`.
      hole: one of `HOLES`.
      read: reads a file, see `parse_reading`.

    Raises:
      UsageError: there is no such folder, or it holds too many masks.
    """
    self._root, self._pairing, self._hole = root, pairing, hole
    self._read = read
    self._namesakes = files.Namesakes('masks', root)
    self._names = self._namesakes.names
    if pairing == 'single' and len(self._names) > 1:
      raise UsageError(f'{root} holds {len(self._names)} masks, not one')
    # The hole ratios of files that have been read, by name, height and width.
    self._ratios: dict[tuple[str, int, int], float] = {}

  def mask(self, rng: np.random.Generator, height: int, width: int, name: str,
           index: int, low: float, high: float) -> np.ndarray:
    """Returns the mask (height, width) of an image.

    Args:
      rng: chooses the file where the pairing is random.
      height: number of rows.
      width: number of columns.
      name: the image's relative path, for the pairing stem.
      index: the image's number, for the pairing order.
      low: lowest share of hole pixels.
      high: highest share of hole pixels.

    Raises:
      UsageError: it is missing or broken, or none has a ratio of low to high.
    """
    for candidate in self._candidates(rng, name, index):
      key = candidate, height, width
      if low <= self._ratios.get(key, low) <= high:
        mask, self._ratios[key] = self._read(
            self._root / candidate, height, width, self._hole)
        if low <= self._ratios[key] <= high:
          return mask
    wanted = (f'number {index}, counted from 0' if self._pairing == 'order' else
              f'a hole ratio of {low:g} to {high:g} at {height} x {width}')
    raise UsageError(f'no mask in {self._root} has {wanted}')

  def _candidates(self, rng: np.random.Generator, name: str, index: int
                  ) -> Iterable[str]:
    """Returns the files that may be an image's mask, in the order to try."""
    if self._pairing == 'stem':
      return [self._namesakes.of(name)]
    if self._pairing == 'order':
      return self._names[index:index + 1]
    # All files are permuted, also those whose ratio is known not to fit: what
    # was read earlier must not change which file is chosen.
    return (self._names[i] for i in rng.permutation(len(self._names)))

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each image, named in order, has its mask."""
    if self._pairing == 'order' and len(names) != len(self._names):
      raise UsageError(f'{len(names)} images, but {len(self._names)} masks in '
                       f'{self._root}: the pairing order needs equal counts')
    if self._pairing == 'stem':
      self._namesakes.check(names)


def parse_reading(reading: str) -> Reading:
  """Returns the function that reads one mask file.

  Args:
    reading: how files are read, see `jinpaint.data.masks.parse`.

  Raises:
    UsageError: there is no such reading.
  """
  kind, options, _ = specs.parse('reading of mask files', reading, _READINGS)
  read = {'clean': _read_clean, 'soft': _read_soft, 'isnet': _read_as_isnet}
  return functools.partial(read[kind], **options)


def _read_clean(path: Path, height: int, width: int, hole: str
                ) -> tuple[np.ndarray, float]:
  """Returns the mask in a file, resized, and its share of hole pixels."""
  mask, grey = binarise(_pixels(path), hole=hole)
  if grey:
    # The words are the same for every file of a folder, because Python shows
    # each warning once.
    warnings.warn(f'masks in {path.parent} have grey pixels, which are cut at '
                  'half', stacklevel=1)
  mask = cv2.resize(mask, (width, height),
                    interpolation=cv2.INTER_NEAREST_EXACT)
  return mask, float(mask.mean())


def _read_soft(path: Path, height: int, width: int, hole: str
               ) -> tuple[np.ndarray, float]:
  """Returns the mask in a file, resized and left grey, and its mean."""
  painted, full = _painted(_pixels(path), hole)
  mask = cv2.resize(painted / np.float32(full), (width, height),
                    interpolation=cv2.INTER_LINEAR)
  return mask, float(mask.mean())


def _read_as_isnet(path: Path, height: int, width: int, hole: str, *,
                   jpeg: int = 0) -> tuple[np.ndarray, float]:
  """Returns what `as_isnet_reads` returns for the mask in a file."""
  return as_isnet_reads(_pixels(path), height, width, hole=hole, jpeg=jpeg)


def _jpeg_quality(text: str) -> int:
  quality = specs.WHOLE.read(text)
  if not 1 <= quality <= 100:
    raise ValueError(f'{quality} is not within 1 and 100')
  return quality


_READINGS = {
    'clean': specs.Kind(),
    'soft': specs.Kind(),
    'isnet': specs.Kind(
        {'jpeg': specs.Value(_jpeg_quality, '{0}=75 (1 to 100)')})}
