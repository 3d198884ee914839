"""Where masks come from: drawn at random, or read from files.

A mask is (H, W) uint8, 0 or 1, and **1 = hole**, a pixel to be filled. Every
random choice comes from the generator that is passed in: a mask is a function
of that generator's state, whichever thread draws it.

`parse` reads what configs and the command line say: `lines`, `files:PATH`,
`lines:thickness=2-3:count=1-9+block:fraction=0.125`. The kinds that are drawn
are in `jinpaint.data.mask_drawings`, files in `jinpaint.data.mask_files`.
"""

from collections.abc import Callable, Sequence
import functools
import inspect
import re

import numpy as np

from jinpaint import errors
from jinpaint.data import mask_files, specs
from jinpaint.data.mask_drawings import FORMS, KINDS
from jinpaint.errors import UsageError

# After so many draws a hole ratio counts as out of reach.
TRIES = 1000

Draw = Callable[[np.random.Generator, int, int], np.ndarray]

_FILES = 'files'


def kinds() -> dict[str, specs.Kind]:
  """Returns the kinds of masks, drawn ones and files, and their options."""
  drawn = {}
  for name, draw in KINDS.items():
    types = inspect.get_annotations(draw)
    drawn[name] = specs.Kind({
        option: FORMS[types[option]]
        for option in inspect.getfullargspec(draw).kwonlyargs})
  return drawn | {_FILES: specs.Kind(rest='PATH')}


class MaskMaker:
  """Makes masks: draws them, reads them, or unites several. See `parse`."""

  def __init__(self, spec: str, drawings: Sequence[Draw],
               sources: Sequence[mask_files.MaskFiles],
               ratio: tuple[float, float]):
    """Takes what a mask is the union of.

    Args:
      spec: what `parse` was given, for errors.
      drawings: functions that draw masks.
      sources: the files of other masks.
      ratio: lowest and highest share of hole pixels, both included.
    """
    self._spec, self._ratio = spec, ratio
    self._drawings, self._sources = drawings, sources

  def __call__(self, rng: np.random.Generator, height: int, width: int, *,
               name: str = '', index: int = 0) -> np.ndarray:
    """Returns a mask (height, width) uint8, 1 = hole.

    Args:
      rng: makes every random choice.
      height: number of rows.
      width: number of columns.
      name: the image's relative path, which the pairing stem reads: the mask of
        an image has the same path but for the suffix, or else the same stem in
        any folder.
      index: the image's number, which the pairing order reads.

    Raises:
      UsageError: a mask file is missing or broken, or no mask has the ratio.
    """
    low, high = self._ratio
    read = lambda source, low, high: source.mask(
        rng, height, width, name, index, low, high)
    if not self._drawings and len(self._sources) == 1:
      # Files know their ratios, so that no unsuitable one need be drawn.
      return read(self._sources[0], low, high)
    for _ in range(TRIES):
      mask = np.maximum.reduce(
          [draw(rng, height, width) for draw in self._drawings]
          + [read(source, 0, 1) for source in self._sources])
      if low <= mask.mean() <= high:
        return mask
    raise UsageError(f'no {self._spec} mask of {height} x {width} has a hole '
                     f'ratio of {low:g} to {high:g}, in {TRIES} tries')

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each image, named in order, has its mask."""
    for source in self._sources:
      source.check(names)


def parse(spec: str, *, ratio: tuple[float, ...] | None = None,
          pairing: str = 'random', hole: str = 'white',
          reading: str = 'clean') -> MaskMaker:
  """Reads which masks are wanted.

  Args:
    spec: `KIND[:OPTION=VALUE]...` or `files:PATH` (a file, or a folder and all
      below it). Several of them, joined by `+`, are united to one mask. A `+`
      in a path belongs to the path, unless a kind's name follows. Values are
      numbers, ranges `1-9`, and sides `0.5` or `0.5x0.25` (height x width).
    ratio: lowest and highest share of hole pixels, both included; None or empty
      for any. Masks are drawn until one has it; random files are chosen among
      those that have it.
    pairing: which file belongs to which image: 'random', any to any; 'stem',
      the one with the same name but for the suffix; 'order', the sorted files
      one by one; 'single', one file to all images.
    hole: the colour of a hole in files, 'white' or 'black'.
    reading: how files are read: 'clean', cut at half and resized without grey;
      'isnet' or 'isnet:jpeg=QUALITY', see `mask_files.as_isnet_reads`, whose
      ratio is that by which the authors sorted; 'soft', resized bilinearly and
      left grey, as the masks were with which naoto0804's weights were trained.

  Raises:
    UsageError: no such kind, option, value, pairing, colour, reading, file or
      folder.
  """
  for what, given, known in (('pairing', pairing, mask_files.PAIRINGS),
                             ('colour of holes', hole, mask_files.HOLES)):
    if given not in known:
      raise errors.unknown(what, given, known)
  read = mask_files.parse_reading(reading)
  grammar = kinds()
  drawings: list[Draw] = []
  sources: list[mask_files.MaskFiles] = []
  for part in parts(spec):
    parsed = specs.parse('mask', part, grammar)
    if parsed.kind == _FILES:
      sources.append(mask_files.MaskFiles(parsed.path, pairing, hole, read))
    else:
      drawings.append(_drawing(parsed))
  if ratio:
    if len(ratio) != 2 or not 0 <= ratio[0] <= ratio[1] <= 1:
      raise UsageError(f'the mask ratio is {ratio}; it must be a lowest and a '
                       'highest share within 0 and 1')
    if pairing != 'random' and not drawings:
      raise UsageError(f'a mask ratio needs the pairing random, not {pairing}')
  low, high = ratio or (0, 1)
  return MaskMaker(spec, drawings, sources, (low, high))


def parts(spec: str) -> list[str]:
  """Returns the members of a union, in their order.

  A plus belongs to a path unless the name of a kind follows.
  """
  names = '|'.join(map(re.escape, (*KINDS, _FILES)))
  parts: list[str] = []
  for part in re.split(rf'\+(?=(?:{names})(?:[:+]|$))', spec):
    # A drawn mask has no path: what follows a plus there is an unknown kind.
    parts += [part] if part.startswith(f'{_FILES}:') else part.split('+')
  return parts


def _drawing(spec: specs.Spec) -> Draw:
  """Returns the function that draws masks of a kind with its options."""
  draw = functools.partial(KINDS[spec.kind], **spec.options)
  # A value that cannot be used is an error now, not later in a thread.
  draw(np.random.default_rng(0), 8, 8)
  return draw
