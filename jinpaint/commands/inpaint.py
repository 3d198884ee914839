"""`jinpaint inpaint`: fills the holes of pictures."""

import argparse
import collections
from collections.abc import Sequence
from pathlib import Path
import sys
from typing import NamedTuple, TYPE_CHECKING
import warnings

import cv2
import numpy as np

from jinpaint.commands import parsers, writing
from jinpaint.data import edges, files, mask_files, mask_recognition
from jinpaint.errors import UsageError

if TYPE_CHECKING:
  from jinpaint.inference import Inpainter

# Holes that are wider, in pixels, are not what the model that comes with
# jinpaint was trained for.
_THIN = 32
_IS_WIDE = (f'has holes wider than {_THIN} pixels, which the model that comes '
            'with jinpaint only fills smoothly: it is for thin damage; '
            '--model=RUN names another')


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'inpaint', help='fill the holes of pictures',
      description='Fills the holes of one picture, or of a folder of them. '
      'Known pixels come back bit for bit (JPEG cannot hold them so; name the '
      'output .png), size, channels and depth stay.')
  parser.add_argument('--model', type=parsers.path,
                      help="a run's work directory, or a file that jinpaint "
                      'pack wrote (default: the model that comes with '
                      'jinpaint, for thin damage: scratches, wires, text)')
  parser.add_argument('--checkpoint', default='last',
                      help='last, best or a step (default: last)')
  parser.add_argument('--image', '--input', type=parsers.path,
                      help='a file, or a folder')
  parser.add_argument('--mask', type=parsers.path,
                      help='a file (for all images), or a folder with a mask '
                      'of the same stem for each')
  parser.add_argument('--sketch', type=_path_of_sketches,
                      help='for systems that follow one: white strokes on '
                      'black; a file, or a folder with a sketch of the same '
                      'stem for each; files:PATH is the same (default: none)')
  parser.add_argument('--edge', default='',
                      help='for systems that read edges: how they are found, '
                      'canny:sigma=2 or hed, or drawings of them, white = '
                      'edge: files:PATH, a file or a folder with one of the '
                      'same stem for each image (default: those that the '
                      'detector of training finds in the known pixels)')
  parser.add_argument('--cases', type=parsers.path,
                      help='in place of the three: a folder of protocols, '
                      'such as object_removal/ or editing/, with images/, '
                      'masks/ and maybe sketches/ in each')
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a file for a file, a folder for a folder')
  parser.add_argument('--mask-hole', choices=mask_recognition.HOLES,
                      default='auto',
                      help='what of a mask is the hole (default: auto, which '
                      'is white; what is transparent or coloured, in masks '
                      'that have such parts, is recognised and said)')
  parser.add_argument('--strict', action='store_true',
                      help='refuse masks and sketches with grey values, and '
                      'masks of which must be guessed what is the hole')
  parser.add_argument('--strategy', choices=('auto', 'original', 'tile'),
                      default='auto', help='original: pictures are filled as a '
                      'whole; tile: in windows of 1024 pixels around the '
                      'holes; auto: as a whole where that fits the memory, '
                      'else in windows, which is said (default: auto)')
  parser.add_argument('--overwrite', action='store_true')
  return parser


def run(args: argparse.Namespace) -> None:
  """Fills every picture that can be read.

  Raises:
    UsageError: something that the flags name does not exist, does not fit or
      cannot be read, of which nothing is written; or some of several pictures
      were broken, and the others are written.
  """
  cases = _cases(args)
  if not args.overwrite:
    writing.refuse_to_overwrite(case.output for case in cases)
  from jinpaint import inference  # imported here: it is slow
  inpaint = inference.load(args.model, args.checkpoint, edge=args.edge,
                           strategy=args.strategy)
  instead = _instead_of_drawings(inpaint, cases, args)
  readable = _check(cases, args, sketch_cut=inpaint.sketch_cut)
  if instead:
    print(f'note: {"; ".join(instead)}', file=sys.stderr)
  _warn_of_jpeg([case.output for case in readable])
  for case in writing.progress(readable, 'image'):
    opened = _open(case, args, inpaint.sketch_cut)
    hole = opened.hole
    if hole.any() and (plan := inpaint.plan(*hole.shape)).window:
      print(f'note: {case.image} is filled {plan}', file=sys.stderr)
    colours, alpha = files.split_alpha(opened.picture.pixels)
    filled = inpaint(colours, hole, opened.sketch, edge_map=opened.edge_map)
    files.write(case.output, opened.picture._replace(
        pixels=filled if alpha is None else np.dstack([filled, alpha])))
  print(f'wrote {len(readable)} of {len(cases)} to {args.output}')
  if broken := len(cases) - len(readable):
    raise UsageError(f'{broken} of {len(cases)} images were broken and skipped')


class _Opened(NamedTuple):
  """What is in the files of a picture that is to be filled.

  Attributes:
    picture: as its file holds it.
    hole: (H, W) uint8, 1 = hole.
    sketch: (H, W) uint8, 1 = stroke, if there is one.
    edge_map: (H, W) uint8, 255 = edge, if there is one.
    mask_note: what was understood of the mask; empty if it is clear.
  """

  picture: files.Picture
  hole: np.ndarray
  sketch: np.ndarray | None
  edge_map: np.ndarray | None
  mask_note: str


class _Case(NamedTuple):
  """A picture to be filled, and the files that belong to it."""

  image: Path
  mask: Path
  sketch: Path | None
  edge_map: Path | None
  output: Path


def _cases(args: argparse.Namespace) -> list[_Case]:
  """Returns the pictures that the flags name."""
  maps = edges.parse(args.edge).maps if args.edge else None
  edge_maps = maps.root if maps else None
  if args.cases:
    if args.image or args.mask or args.sketch:
      raise UsageError('--cases takes the place of --image, --mask and '
                       '--sketch')
    return _cases_of_protocols(args.cases, edge_maps, args.output)
  if not (args.image and args.mask):
    raise UsageError('name --image and --mask, or --cases')
  if args.image.is_file():
    return [_case_of_file(args.image, args.mask, args.sketch, edge_maps,
                          args.output)]
  return _cases_of_folder(args.image, args.mask, args.sketch, edge_maps,
                          args.output)


def _case_of_file(image: Path, mask: Path, sketch: Path | None,
                  edge_map: Path | None, output: Path) -> _Case:
  """Returns one picture."""
  drawn = {what: path for what, path in (
      ('mask', mask), ('sketch', sketch), ('edge map', edge_map)) if path}
  for what, path in drawn.items():
    if path.is_dir():
      raise UsageError(f'{image} is a file and the {what} {path} a folder')
  if output.is_dir():
    raise UsageError(f'{output} is a folder; name a file')
  for what, path in drawn.items():
    if not path.is_file():
      raise UsageError(f'there is no {what} {path}')
  files.check_suffix(output)
  return _Case(image, mask, sketch, edge_map, output)


def _cases_of_folder(image: Path, mask: Path, sketch: Path | None,
                     edge_map: Path | None, output: Path) -> list[_Case]:
  """Returns the pictures of a folder."""
  if not image.is_dir():
    raise UsageError(f'there is no image {image}')
  # What belongs to the photographs, or was made of them, is none of them.
  names = files.names(image, without=(mask, sketch, edge_map, output))
  if output.is_file():
    raise UsageError(f'{output} is a file; {image} needs a folder')
  holes, strokes, maps = (
      _drawn_for(what, plural, path, names, without=(image, output))
      for what, plural, path in (
          ('mask', 'masks', mask), ('sketch', 'sketches', sketch),
          ('edge map', 'edge maps', edge_map)))
  return [_Case(image / name, hole or mask, stroke, map_, output / name)
          for name, hole, stroke, map_ in zip(
              names, holes, strokes, maps, strict=True)]


def _cases_of_protocols(root: Path, edge_map: Path | None, output: Path
                        ) -> list[_Case]:
  """Returns the pictures of every protocol below a folder."""
  folders = sorted(path.parent for path in root.glob('*/images')
                   if path.is_dir())
  if not folders:
    raise UsageError(f'{root} holds no protocol: no PROTOCOL/images/')
  if output.is_file():
    raise UsageError(f'{output} is a file; {root} needs a folder')
  return [case for folder in folders for case in _cases_of_folder(
      folder / 'images', folder / 'masks',
      folder / 'sketches' if (folder / 'sketches').exists() else None,
      edge_map, output / folder.name)]


def _drawn_for(what: str, plural: str, path: Path | None, names: Sequence[str],
               without: Sequence[Path]) -> Sequence[Path | None]:
  """Returns what was drawn for each photograph, in order.

  Args:
    what: 'mask', 'sketch' or 'edge map'.
    plural: of it.
    path: a file for all photographs, or a folder with one for each, see
      `jinpaint.data.files.Namesakes`; None if nothing was drawn.
    names: the photographs', relative to their own folder.
    without: folders in which nothing is drawn, where they lie below `path`.
  """
  if path is None or path.is_file():
    return [path] * len(names)
  if not path.is_dir():
    raise UsageError(f'there is no {what} {path}')
  namesakes = files.Namesakes(plural, path, without)
  return [path / namesakes.of(name) for name in names]


def _path_of_sketches(text: str) -> Path:
  """Returns the path that --sketch names, alone or behind `files:`."""
  return parsers.path(text.removeprefix('files:'))


def _instead_of_drawings(inpaint: 'Inpainter', cases: Sequence[_Case],
                         args: argparse.Namespace) -> list[str]:
  """Returns what a system does where it has no edge maps and no sketches.

  Raises:
    UsageError: it cannot do without, or takes none of those that are given.
  """
  model = args.model or 'the model that comes with jinpaint'
  edge_maps = any(case.edge_map for case in cases)
  sketches = any(case.sketch for case in cases)
  if sketches and not inpaint.follows_sketches:
    raise UsageError(f'{model} holds a system that follows no sketches')
  if inpaint.needs_edge_map and not edge_maps:
    raise UsageError(f'{model}: {inpaint.needs_edge_map}')
  instead = []
  if inpaint.reads_edges and not args.edge:
    instead.append('edges are found in the known pixels '
                   f'({inpaint.finds_edges}), --edge=files:PATH gives maps')
  if inpaint.follows_sketches and not sketches:
    instead.append('there is no sketch to follow, --sketch=PATH gives one')
  return instead


def _check(cases: Sequence[_Case], args: argparse.Namespace, *,
           sketch_cut: float) -> list[_Case]:
  """Opens everything once, so that a fault is said before anything is written.

  Returns:
    The cases without those whose picture is broken, each of which is said.

  Raises:
    UsageError: the only picture is broken, or anything else does not fit.
  """
  readable = []
  # What is to be said -> of which files, and of what share of their pixels.
  notes = collections.defaultdict[str, dict[Path, str]](dict)
  for case in writing.progress(cases, 'checked'):
    try:
      opened = _open(case, args, sketch_cut)
    except files.UnreadableImage as error:
      if len(cases) == 1:
        raise UsageError(f'cannot read the image {error}') from error
      print(f'skipped a broken image: {error}', file=sys.stderr)
      continue
    files.check_holds(case.output, opened.picture)
    readable.append(case)
    if opened.picture.note:
      notes[opened.picture.note][case.image] = ''
    if opened.mask_note:
      notes[opened.mask_note][case.mask] = f' ({opened.hole.mean():.1%} holes)'
    if args.model is None and _widest(opened.hole) > _THIN:
      notes[_IS_WIDE][case.mask] = ''
  for note, paths in notes.items():
    (first, share), *more = paths.items()
    others = f' and {len(more)} more' if more else share
    print(f'note: {first}{others}: {note}', file=sys.stderr)
  return readable


def _widest(hole: np.ndarray) -> float:
  """Returns the width of a hole's widest place, in pixels."""
  return 2 * float(cv2.distanceTransform(
      hole, cv2.DIST_L2, cv2.DIST_MASK_5).max())


def _open(case: _Case, args: argparse.Namespace, sketch_cut: float
          ) -> _Opened:
  """Opens the files of a picture.

  Raises:
    UnreadableImage: the picture is broken.
    UsageError: one of the others is, or is of another size.
  """
  picture = files.read(case.image)
  hole, note = mask_files.read_as_meant(
      case.mask, strict=args.strict, hole=args.mask_hole)
  sketch = None if case.sketch is None else mask_files.read(
      case.sketch, strict=args.strict, what='sketch', cut=sketch_cut)
  edge_map = None if case.edge_map is None else edges.read_map(case.edge_map)
  for what, path, drawn in (('mask', case.mask, hole),
                            ('sketch', case.sketch, sketch),
                            ('edge map', case.edge_map, edge_map)):
    if drawn is not None and drawn.shape != picture.pixels.shape[:2]:
      raise UsageError(
          f'{case.image} is {_size(picture.pixels)} and its {what} {path} is '
          f'{_size(drawn)}; they must have one size')
  return _Opened(picture, hole, sketch, edge_map, note)


def _size(pixels: np.ndarray) -> str:
  """Returns the size of an image as people say it."""
  height, width = pixels.shape[:2]
  return f'{width} x {height}'


def _warn_of_jpeg(outputs: Sequence[Path]) -> None:
  """Warns, once, that JPEG or AVIF will change pixels outside the hole."""
  lossy = [path for path in outputs if path.suffix.lower() in files.LOSSY]
  if lossy:
    others = f' and {len(lossy) - 1} more' if lossy[1:] else ''
    kind = 'AVIF' if lossy[0].suffix.lower() == '.avif' else 'JPEG'
    warnings.warn(f'{lossy[0]}{others}: {kind} changes known pixels; PNG keeps '
                  'them', stacklevel=1)
