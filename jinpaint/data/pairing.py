"""Which mask, sketch and edge map belong to which photograph.

| pairing    | the mask of `sub/x.jpg` is                                     |
|------------|----------------------------------------------------------------|
| `stem`     | the one named so but for its suffix: `sub/x.png`, or else the  |
|            | only `x.png` in any folder, see `jinpaint.data.files.Namesakes`|
| `numbered` | `sub/x_mask.png`; or several, `sub/x_mask001.png` and so on,   |
|            | as LaMa's programs keep them: each makes one result            |
| `order`    | the one at the same place of the sorted files, or of the list; |
|            | there must be as many                                          |
| `single`   | the only one, which all photographs share                      |
| `auto`     | `single` if one file was named; `numbered` if there are masks  |
|            | of such names, and none of a photograph's own; else `stem`     |

Sketches and edge maps are paired by stem, or are a single file. What was drawn
for photographs is none itself, so that all may lie in one folder.
"""

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
import re
from typing import NamedTuple

from jinpaint import errors
from jinpaint.data import files
from jinpaint.data.inputs import Input, Inputs
from jinpaint.errors import UsageError

PAIRINGS = ('auto', 'stem', 'order', 'single', 'numbered')
_NUMBERED = re.compile(r'(?P<photograph>.+)_mask\d*')


class Case(NamedTuple):
  """A photograph, and the files that belong to it.

  Attributes:
    image: the photograph.
    name: what its result is called: its own name, or that of its mask where
      several masks make several results; relative, with slashes.
    mask: if there is one.
    sketch: if there is one.
    edge_map: if there is one.
    fault: why something that belongs to it was not found; empty if it was.
  """

  image: Path
  name: str
  mask: Path | None = None
  sketch: Path | None = None
  edge_map: Path | None = None
  fault: str = ''


class Pairs(NamedTuple):
  """Photographs with what belongs to them.

  Attributes:
    cases: in the order of the photographs.
    note: by which rule masks were paired, if it is none that is expected.
    unused: masks that belong to none.
  """

  cases: tuple[Case, ...]
  note: str = ''
  unused: tuple[Path, ...] = ()


def pair(images: Inputs, masks: Inputs | None = None,
         sketches: Inputs | None = None, edge_maps: Inputs | None = None, *,
         pairing: str = 'auto') -> Pairs:
  """Finds what belongs to each photograph; see the table of this module.

  Args:
    images: the photographs, among which drawn files may be.
    masks: theirs, if there are any.
    sketches: theirs, if there are any.
    edge_maps: theirs, if there are any.
    pairing: one of `PAIRINGS`.

  Raises:
    UsageError: there is no such pairing; a folder is given for a single file;
      counts differ; or no photograph is left.
  """
  if pairing not in PAIRINGS:
    raise errors.unknown('pairing', pairing, PAIRINGS)
  drawn = {what: given for what, given in (
      ('mask', masks), ('sketch', sketches), ('edge map', edge_maps)) if given}
  if images.alone:
    for what, given in drawn.items():
      if not given.alone:
        raise UsageError(f'{images.given} is a file and the {what} '
                         f'{given.given} a folder or several files')
  rule, note = '', ''
  if masks:
    rule = _chosen(images, masks) if pairing == 'auto' else pairing
    if rule == 'numbered':
      note = (f'masks in {masks.given} are paired by number: NAME_mask001.png '
              'belongs to NAME, and each makes one result')
  photographs = _without_drawn(images, drawn, rule)
  holes = (_masks_of(photographs, masks, rule) if masks
           else [[(each.name, None, '')] for each in photographs])
  if rule == 'order' and holes:
    [(_, first, _)] = holes[0]
    note = (f'masks in {masks.given if masks else ""} are paired in order: '
            f'{first} belongs to {photographs[0].path}, and so on')
  strokes = _drawn_for(photographs, 'sketches', sketches)
  maps = _drawn_for(photographs, 'edge maps', edge_maps)
  cases = tuple(
      Case(photograph.path, name, mask, sketch, edge_map,
           fault or no_sketch or no_map)
      for photograph, own, (sketch, no_sketch), (edge_map, no_map) in zip(
          photographs, holes, strokes, maps, strict=True)
      for name, mask, fault in own)
  used = {case.mask for case in cases}
  unused = tuple(each.path for each in (masks.files if masks else ())
                 if each.path not in used | {case.image for case in cases})
  return Pairs(cases, note, unused)


def _chosen(images: Inputs, masks: Inputs) -> str:
  """Returns the pairing that 'auto' stands for."""
  if masks.alone:
    return 'single'
  stems, numbered = _Namesakes('masks', masks), _numbered(masks)
  if any(_find(numbered, each.name) for each in images.files) and not any(
      stems.of(each) for each in images.files):
    return 'numbered'
  return 'stem'


def _without_drawn(images: Inputs, drawn: Mapping[str, Inputs], rule: str
                   ) -> Sequence[Input]:
  """Returns the images that were not drawn for others.

  Raises:
    UsageError: none is left.
  """
  if images.alone:
    return images.files
  left = list(images.files)
  for what, given in drawn.items():
    paths = {each.path.resolve() for each in given.files}
    if what == 'mask' and rule == 'numbered':
      own = {files.without_suffix(each.name)[0] for each in images.files}
      paths = {each.path.resolve() for each in given.files
               if _photograph_of(each.name) in own}
    left = [each for each in left if each.path.resolve() not in paths]
    if not left:
      raise UsageError(f'the images {images.given} are the same files as the '
                       f'{what}s {given.given}')
  return left


def _masks_of(photographs: Sequence[Input], masks: Inputs, rule: str
              ) -> Sequence[Sequence[tuple[str, Path | None, str]]]:
  """Returns, for each photograph, its results' names, masks, and faults."""
  if rule == 'numbered':
    return _numbered_masks_of(photographs, masks)
  paths: Sequence[Path | None]
  faults: Sequence[str] = [''] * len(photographs)
  if rule == 'single':
    if len(masks.files) != 1:
      raise UsageError(f'{masks.given} holds {len(masks.files)} masks, not one')
    paths = [masks.files[0].path] * len(photographs)
  elif rule == 'order':
    if len(masks.files) != len(photographs):
      raise UsageError(
          f'{len(photographs)} images, but {len(masks.files)} masks in '
          f'{masks.given}: the pairing order needs equal counts')
    paths = [each.path for each in masks.files]
  else:
    found = _drawn_for(photographs, 'masks', masks)
    paths, faults = [path for path, _ in found], [fault for _, fault in found]
  return [[(photograph.name, path, fault)] for photograph, path, fault in zip(
      photographs, paths, faults, strict=True)]


def _numbered_masks_of(photographs: Sequence[Input], masks: Inputs
                       ) -> Sequence[Sequence[tuple[str, Path | None, str]]]:
  """Returns the same for masks that are named after their photographs."""
  numbered, result = _numbered(masks), []
  for photograph in photographs:
    own = list[tuple[str, Path | None, str]]()
    path = PurePosixPath(photograph.name)
    for mask in _find(numbered, photograph.name):
      stem = files.without_suffix(mask.name)[1]
      own.append((path.with_name(stem + path.suffix).as_posix(), mask.path, ''))
    names = [name for name, _, _ in own]
    if not own:
      own = [(photograph.name, None, f'no masks named {path.stem}_mask, '
              f'{path.stem}_mask001 and so on for the image {photograph.name} '
              f'in {masks.given}')]
    elif len(set(names)) < len(names):
      own = [(photograph.name, None, 'two masks of one name for the image '
              f'{photograph.name} in {masks.given}')]
    result.append(own)
  return result


def _photograph_of(name: str) -> str | None:
  """Returns the path, without suffix, of the photograph of a numbered mask."""
  match = _NUMBERED.fullmatch(files.without_suffix(name)[0])
  return match['photograph'] if match else None


def _numbered(masks: Inputs) -> Mapping[str, Sequence[Input]]:
  """Returns masks by the paths, and by the stems, of their photographs."""
  found = collections.defaultdict[str, list[Input]](list)
  for mask in masks.files:
    if photograph := _photograph_of(mask.name):
      found[photograph].append(mask)
      if (stem := PurePosixPath(photograph).name) != photograph:
        found[f'**/{stem}'].append(mask)
  return found


def _find(numbered: Mapping[str, Sequence[Input]], photograph: str
          ) -> Sequence[Input]:
  """Returns the numbered masks of a photograph."""
  path, stem = files.without_suffix(photograph)
  return (numbered.get(path) or numbered.get(stem)
          or numbered.get(f'**/{stem}', ()))


class _Namesakes:
  """Drawn files by the names of photographs."""

  def __init__(self, plural: str, drawn: Inputs):
    self._paths = {each.name: each.path for each in drawn.files}
    self._namesakes = files.Namesakes(plural, Path(drawn.given), self._paths)

  def of(self, photograph: Input) -> Path | None:
    """Returns the only file that bears the name, but for itself."""
    paths = {self._paths[name]
             for name in self._namesakes.candidates(photograph.name)}
    others = [path for path in paths if path != photograph.path]
    return others[0] if len(others) == len(paths) == 1 else None

  def fault(self, photograph: Input) -> str:
    """Returns what is wrong if there is no such file."""
    try:
      self._namesakes.of(photograph.name)
    except UsageError as error:
      return str(error)
    return f'the image {photograph.path} is not its own mask'


def _drawn_for(photographs: Sequence[Input], plural: str, drawn: Inputs | None
               ) -> Sequence[tuple[Path | None, str]]:
  """Returns what was drawn for each photograph, and what is wrong if not."""
  if drawn is None:
    return [(None, '')] * len(photographs)
  if drawn.alone:
    return [(drawn.files[0].path, '')] * len(photographs)
  namesakes = _Namesakes(plural, drawn)
  return [(path, '' if path else namesakes.fault(photograph))
          for photograph in photographs for path in [namesakes.of(photograph)]]
