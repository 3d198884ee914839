"""What was understood of pictures and of what belongs to them.

`jinpaint doctor` prints it, and every command that fills pictures looks at all
of them first, so that a fault is said before anything is written.
"""

import collections
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent import futures
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from jinpaint.data import edges, files, heads, mask_files, rims
from jinpaint.data.pairing import Case
from jinpaint.errors import UsageError

# Pictures that are opened at the same time, which bounds the memory.
_AT_ONCE = 4
# Of so many pictures, one that has so many times as many pixels as the middle
# one, or as few, is no member of the set.
_SET, _FAR = 4, 16
# From this share on of the pixels beside a hole it is said that its colour has
# spread into them. By chance a large mask never has so many in an undamaged
# photograph, and a small hole in 2 to 5 of 100; of JPEGs, it is said of 4 in 5.
_SPREAD = 0.3
# Rows of a hole that are measured at once, and the distance that is exact.
_STRIP, _OVERLAP = 2048, 256

_COLOURS = {(): 'grey', (1,): 'grey', (2,): 'grey with alpha', (3,): 'RGB',
            (4,): 'RGB with alpha'}
# The suffixes that promise a format, as Pillow calls it.
_SUFFIXES: Mapping[str, Sequence[str]] = {
    'JPEG': ('.jpg', '.jpeg', '.jfif'), 'MPO': ('.jpg', '.jpeg', '.jfif'),
    'PNG': ('.png',), 'TIFF': ('.tif', '.tiff'), 'WEBP': ('.webp',),
    'BMP': ('.bmp',), 'DIB': ('.bmp',), 'AVIF': ('.avif',)}


class Note(NamedTuple):
  """Something about a file that is not as one would expect.

  Attributes:
    path: the file.
    text: the end of a sentence that begins with the file; the same words for
      the same matter, so that notes of many files can be said together.
    detail: what is so of this file alone, such as a number; may be empty.
  """

  path: Path
  text: str
  detail: str = ''


class Opened(NamedTuple):
  """What is in the files of a case.

  Attributes:
    picture: as its file holds it.
    hole: (H, W) uint8, 1 = hole; None without a mask.
    sketch: (H, W) uint8, 1 = stroke, if there is one.
    edge_map: (H, W) uint8, 255 = edge, if there is one.
    meaning: which part of the mask is the hole, as a sentence.
    notes: what was lost or guessed.
  """

  picture: files.Picture
  hole: np.ndarray | None = None
  sketch: np.ndarray | None = None
  edge_map: np.ndarray | None = None
  meaning: str = ''
  notes: tuple[Note, ...] = ()


class Hole(NamedTuple):
  """What is known of a mask.

  Attributes:
    meaning: which part of the file is the hole, as a sentence.
    share: of hole pixels.
    number: of holes that do not touch.
    widest: the width of the widest place, in pixels.
  """

  meaning: str
  share: float
  number: int
  widest: float


class Look(NamedTuple):
  """What is known of a case.

  Attributes:
    case: the files.
    shape: of the picture's pixels, upright; empty if it is broken.
    dtype: of its pixels.
    format: of the file, as Pillow calls it, whatever its name says.
    turned: whether the pixels lie otherwise than the picture, by its EXIF.
    hole: what is known of the mask, if there is one.
    notes: what is not as one would expect.
    broken: why the picture cannot be read; empty if it can.
    fault: why what belongs to it cannot be used; empty if it can.
    opened: what is in the files; None where several cases were looked at, which
      might not fit the memory together.
  """

  case: Case
  shape: tuple[int, ...] = ()
  dtype: str = ''
  format: str = ''
  turned: bool = False
  hole: Hole | None = None
  notes: tuple[Note, ...] = ()
  broken: str = ''
  fault: str = ''
  opened: Opened | None = None

  @property
  def size(self) -> str:
    """The size as people say it, width first."""
    return f'{self.shape[1]} x {self.shape[0]}'

  @property
  def colour(self) -> str:
    """The channels as people say them, such as 'RGB with alpha'."""
    return _COLOURS[self.shape[2:]]

  @property
  def bits(self) -> int:
    """The bits of a channel."""
    return np.dtype(self.dtype).itemsize * 8


def open_case(case: Case, *, hole: str = 'auto', grow: int = 0,
              sketch_cut: float = 0.5, strict: bool = False) -> Opened:
  """Opens the files of a case.

  Args:
    case: the files.
    hole: what of a mask is the hole, one of `mask_recognition.HOLES`.
    grow: by how many pixels the hole is made larger on all sides.
    sketch_cut: the share of white from which on a pixel of a soft sketch is a
      stroke.
    strict: whether to refuse masks and sketches with grey pixels, and masks of
      which must be guessed what is the hole.

  Raises:
    jinpaint.data.files.UnreadableImage: the picture is broken.
    UsageError: one of the others is missing, broken or of another size.
  """
  picture = files.read(case.image)
  if case.fault:
    raise UsageError(case.fault)
  opened, notes = Opened(picture), list[Note]()
  if picture.note:
    notes.append(Note(case.image, picture.note))
  if case.mask:
    mask = mask_files.understand(case.mask, hole=hole, strict=strict)
    opened = opened._replace(
        hole=rims.grow(mask.mask, grow) if grow else mask.mask,
        meaning=mask.meaning + (f', grown by {grow} px' if grow else ''))
    if mask.note:
      notes.append(Note(case.mask, mask.note, f'{mask.mask.mean():.1%} holes'))
    notes += _of_grey(case.mask, mask.grey, mask.mask, 0.5)
  if case.sketch:
    sketch, grey = mask_files.read_and_count(
        case.sketch, strict, what='sketch', cut=sketch_cut)
    opened = opened._replace(sketch=sketch)
    notes += _of_grey(case.sketch, grey, sketch, sketch_cut)
  if case.edge_map:
    opened = opened._replace(edge_map=edges.read_map(case.edge_map))
  for what, path, drawn in (('mask', case.mask, opened.hole),
                            ('sketch', case.sketch, opened.sketch),
                            ('edge map', case.edge_map, opened.edge_map)):
    if drawn is not None and drawn.shape != picture.pixels.shape[:2]:
      raise UsageError(
          f'{case.image} is {_size(picture.pixels)} and its {what} {path} is '
          f'{_size(drawn)}; they must have one size')
  return opened._replace(notes=tuple(notes))


def _of_grey(path: Path, grey: int, drawn: np.ndarray, cut: float
             ) -> Sequence[Note]:
  """Returns the note that a drawn file has grey pixels, if it has any."""
  where = 'half' if cut == 0.5 else f'{cut:g} of the range'
  return [Note(path, f'has grey pixels, which are cut at {where}',
               f'{grey} of {drawn.size}')] if grey else []


def _size(pixels: np.ndarray) -> str:
  """Returns the size of an image as people say it."""
  height, width = pixels.shape[:2]
  return f'{width} x {height}'


def look(case: Case, *, hole: str = 'auto', grow: int = 0,
         sketch_cut: float = 0.5, strict: bool = False) -> Look:
  """Returns what is known of a case; arguments are those of `open_case`."""
  try:
    opened = open_case(case, hole=hole, grow=grow, sketch_cut=sketch_cut,
                       strict=strict)
  except files.UnreadableImage as error:
    return Look(case, broken=str(error))
  except UsageError as error:
    return Look(case, fault=str(error))
  pixels, head = opened.picture.pixels, heads.read(case.image)
  known = None if opened.hole is None else Hole(
      opened.meaning, float(opened.hole.mean()), count_holes(opened.hole),
      widest(opened.hole))
  notes = [*opened.notes]
  if opened.hole is not None and not grow:
    share = rims.spread(pixels, opened.hole)
    if share > _SPREAD:
      notes.append(Note(
          case.image, 'has known pixels beside the hole that look like it, as '
          'JPEG and soft brushes leave them; --grow=2 may help',
          f'{share:.0%} of the rim of its hole'))
  return Look(
      case, pixels.shape, pixels.dtype.name, head.format if head else 'TIFF',
      head is not None and head.orientation != 1, known, tuple(notes),
      opened=opened)


def look_at(cases: Sequence[Case], *, hole: str = 'auto', grow: int = 0,
            sketch_cut: float = 0.5, strict: bool = False) -> Iterator[Look]:
  """Yields what is known of each case, in order; several are read at once."""
  def look_once(case: Case) -> Look:
    seen = look(case, hole=hole, grow=grow, sketch_cut=sketch_cut,
                strict=strict)
    return seen if len(cases) == 1 else seen._replace(opened=None)

  workers = min(_AT_ONCE, os.cpu_count() or 1)
  with futures.ThreadPoolExecutor(workers) as threads:
    yield from threads.map(look_once, cases)


def lines(notes: Iterable[Note]) -> list[str]:
  """Returns notes as lines, in one those of several files on one matter."""
  of_text = collections.defaultdict[str, dict[Path, str]](dict)
  for note in notes:
    of_text[note.text][note.path] = note.detail
  said = []
  for text, details in of_text.items():
    (first, detail), *more = details.items()
    others = (f' and {len(more)} more' if more else
              f' ({detail})' if detail else '')
    said.append(f'{first}{others}: {text}')
  return said


def unusual(looks: Sequence[Look]) -> dict[Path, list[Note]]:
  """Returns what is unusual of files, though they can be filled as they are.

  That is: a format that the name does not promise, masks that were compressed
  by JPEG, pictures far larger or smaller than the others, and the same bytes
  under two names.

  Returns:
    Notes by the picture that they belong to.
  """
  notes = collections.defaultdict[Path, list[Note]](list)
  readable = [look for look in looks if look.shape]
  areas = {look.case.image: look.shape[0] * look.shape[1] for look in readable}
  middle = float(np.median([*areas.values()] or [0]))
  for look in readable:
    image = look.case.image
    of_image = notes[image]
    suffixes = _SUFFIXES.get(look.format, ())
    if suffixes and image.suffix.lower() not in suffixes:
      of_image.append(Note(image, f'is a {look.format} by its bytes, whatever '
                           'its name says'))
    if len(areas) >= _SET and not (
        middle / _FAR <= areas[image] <= middle * _FAR):
      kind = 'larger' if areas[image] > middle else 'smaller'
      of_image.append(Note(image, f'is far {kind} than the others', look.size))
    mask = look.case.mask
    head = heads.read(mask) if mask else None
    if mask and head and head.format in ('JPEG', 'MPO'):
      of_image.append(Note(mask, 'was compressed by JPEG, which blurs the rims '
                           'of holes; PNG keeps them'))
  for first, *others in same_bytes([*areas]):
    for other in others:
      notes[other].append(Note(other, f'has the same bytes as {first}'))
  return {image: own for image, own in notes.items() if own}


def same_bytes(paths: Sequence[Path]) -> list[list[Path]]:
  """Returns those files that are the same, byte for byte, in groups."""
  of_size = collections.defaultdict[int, list[Path]](list)
  for path in dict.fromkeys(paths):
    of_size[path.stat().st_size].append(path)
  groups = collections.defaultdict[bytes, list[Path]](list)
  for same in of_size.values():
    for path in same if same[1:] else ():
      with path.open('rb') as file:
        groups[hashlib.file_digest(file, 'sha256').digest()].append(path)
  return [group for group in groups.values() if group[1:]]


def count_holes(hole: np.ndarray) -> int:
  """Returns how many holes a mask (H, W) uint8 has that do not touch."""
  _, hierarchy = cv2.findContours(hole, cv2.RETR_CCOMP,
                                  cv2.CHAIN_APPROX_SIMPLE)
  # Of a contour that lies in no other one, the parent is -1.
  return 0 if hierarchy is None else int(np.sum(hierarchy[0, :, 3] < 0))


def widest(hole: np.ndarray) -> float:
  """Returns the width of a hole's widest place, in pixels.

  Args:
    hole: (H, W) uint8, 1 = hole.
  """
  height, width = hole.shape
  distance = 0.0
  for top in range(0, height, _STRIP):
    strip = hole[max(0, top - _OVERLAP):top + _STRIP + _OVERLAP]
    if strip.any():
      distance = max(distance, float(cv2.distanceTransform(
          strip, cv2.DIST_L2, cv2.DIST_MASK_5).max()))
  return min(2 * distance, float(max(height, width)))
