"""What a data set of photographs holds, before something is trained on it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent import futures
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jinpaint.data import files, inspection, sources, specs
from jinpaint.errors import UsageError

_SIDES = ('train', 'validation')
# Photographs that are decoded at the same time, which bounds the memory.
_AT_ONCE = 8
# So many files are named in a line; the rest is counted.
_NAMED = 8


class _Photograph(NamedTuple):
  """What is known of a photograph: of a broken one, why it is."""

  shape: tuple[int, ...] = ()
  dtype: str = ''
  broken: str = ''


class Survey(NamedTuple):
  """What is known of a data set.

  Attributes:
    source: the text that names it.
    train: number of photographs that are trained on.
    validation: number of those that are held out.
    broken: of each that cannot be read, its file and why.
    smallest: width and height of the one with the fewest pixels.
    median: width and height of the middle one.
    largest: width and height of the one with the most pixels.
    smaller: how many have a side that is shorter than what training cuts out.
    grey: how many are grey.
    deep: how many have 16 bits.
    alpha: how many have an alpha channel, which training drops.
    repeated: files of both sides that are the same, byte for byte.
    notes: what should be thought of, in lines.
  """

  source: str
  train: int
  validation: int
  broken: tuple[str, ...]
  smallest: tuple[int, int]
  median: tuple[int, int]
  largest: tuple[int, int]
  smaller: int
  grey: int
  deep: int
  alpha: int
  repeated: tuple[tuple[str, ...], ...]
  notes: tuple[str, ...]

  @property
  def looked_at(self) -> int:
    """How many photographs there are."""
    return self.train + self.validation

  def lines(self) -> list[str]:
    """Returns what a person reads."""
    size = lambda pair: '{} x {}'.format(*pair)
    return [
        f'{self.source}: {self.train} photographs to train on, '
        f'{self.validation} held out',
        f'sizes: {size(self.smallest)} to {size(self.largest)}, the middle one '
        f'{size(self.median)}',
        f'{self.grey} grey, {self.deep} of 16 bits, {self.alpha} with alpha, '
        f'{len(self.broken)} broken',
        *(f'broken: {line}' for line in self.broken),
        *(f'note: {line}' for line in self.notes)]


def of_source(spec: str, crop: int, progress: Callable[
    [Iterable[_Photograph], int], Iterable[_Photograph]]) -> Survey:
  """Reads all photographs of a source once, and says what is known of them.

  Args:
    spec: as `jinpaint.data.examples.Data.source`, but for `tfds`.
    crop: the side of the squares that training cuts out.
    progress: takes what is worked on and how many of it there are; yields it.

  Raises:
    UsageError: there is no such source, or it is a stream.
  """
  parsed = specs.parse('source', spec, sources.KINDS)
  if parsed.kind == 'tfds':
    raise UsageError(f'{spec} has no files to look at, and TFDS has checked it '
                     'when it prepared it; the sources that can be looked at '
                     'are folder:PATH and photos')
  sides: Mapping[str, sources.Source] = {
      side: sources.folder(parsed.path, side) if parsed.kind == 'folder'
      else sources.Photos(side) for side in _SIDES}
  read = [(source, index) for source in sides.values()
          for index in range(len(source))]
  found = list(progress(_each(read), len(read)))
  shapes = [each.shape for each in found if each.shape]
  if not shapes:
    raise UsageError(f'{spec}: not one photograph can be read; the first is '
                     f'{found[0].broken}')
  by_area = sorted(shapes, key=lambda shape: shape[0] * shape[1])
  size = lambda shape: (shape[1], shape[0])
  broken = tuple(each.broken for each in found if each.broken)
  smaller = sum(min(shape[:2]) < crop for shape in shapes)
  repeated = _repeated(sides)
  notes = []
  if smaller:
    notes.append(f'of {smaller} a side has less than {crop} pixels: what is '
                 'cut out of them is enlarged')
  if repeated:
    notes.append('the same files are on both sides, so that scores are too '
                 f'good: {_named(repeated)}')
  if broken:
    notes.append(f'training stops at the first broken photograph unless '
                 f'data.max_bad_images={len(broken)}')
  return Survey(
      spec, len(sides['train']), len(sides['validation']), broken,
      size(by_area[0]), size(by_area[len(by_area) // 2]), size(by_area[-1]),
      smaller, sum(shape[2:] in ((), (1,), (2,)) for shape in shapes),
      sum(each.dtype == 'uint16' for each in found),
      sum(shape[2:] in ((2,), (4,)) for shape in shapes), repeated,
      tuple(notes))


def _each(read: Sequence[tuple[sources.Source, int]]) -> Iterator[_Photograph]:
  """Yields what is known of each photograph, in order."""
  workers = min(_AT_ONCE, os.cpu_count() or 1)
  with futures.ThreadPoolExecutor(workers) as threads:
    yield from threads.map(lambda each: _look(*each), read)


def _look(source: sources.Source, index: int) -> _Photograph:
  """Returns what is known of a photograph."""
  try:
    pixels: np.ndarray = (
        files.read(source.root / source.names[index]).pixels
        if isinstance(source, sources.Folder) else source.read(index))
  except files.UnreadableImage as error:
    return _Photograph(broken=str(error))
  return _Photograph(pixels.shape, pixels.dtype.name)


def _repeated(sides: Mapping[str, sources.Source]
              ) -> tuple[tuple[str, ...], ...]:
  """Returns files of both sides that are the same."""
  side_of = dict[Path, str]()
  for side, source in sides.items():
    if isinstance(source, sources.Folder):
      side_of |= {source.root / name: side for name in source.names}
  return tuple(tuple(map(str, group))
               for group in inspection.same_bytes([*side_of])
               if len({side_of[path] for path in group}) > 1)


def _named(groups: Sequence[Sequence[str]]) -> str:
  """Returns some groups of files as text."""
  more = f' and {len(groups) - _NAMED} more' if groups[_NAMED:] else ''
  return ', '.join(' = '.join(group) for group in groups[:_NAMED]) + more
