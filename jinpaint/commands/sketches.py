"""`jinpaint sketches`: simulates sketches of photographs."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
import sys

import numpy as np

from jinpaint.commands import parsers, writing
from jinpaint.data import edges, files, sketches
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'sketches', help='simulate sketches of photographs',
      description='Finds the edges of photographs and bends them, as an unsure '
      'hand would have drawn them; writes PNG files of the same names, white = '
      'stroke.')
  parser.add_argument('--image', '--input', type=parsers.path, required=True,
                      help='a file, or a folder')
  parser.add_argument('--edge', default='canny',
                      help='canny, canny:sigma=1-4, hed or files:FOLDER '
                      '(default: canny)')
  parser.add_argument('--cut', type=float, default=0.7,
                      help='soft edges above it are drawn (default: 0.7)')
  parser.add_argument('--move', default='30-100',
                      help='largest displacement in pixels at a size of 256, '
                      'a number or a range (default: 30-100)')
  parser.add_argument('--thin', action='store_true',
                      help='make lines a pixel wide first')
  parser.add_argument('--soft', action='store_true',
                      help='keep bent lines soft, as in training; else they '
                      'are cut at half')
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a folder')
  parser.add_argument('--overwrite', action='store_true')
  return parser


def run(args: argparse.Namespace) -> None:
  """Writes a sketch for each photograph; the seed decides how it is bent.

  Raises:
    UsageError: a flag cannot be read, or a sketch exists or cannot be written;
      or a photograph or its edge map was broken, and the others' sketches are
      written.
  """
  if args.seed < 0 or not 0 <= args.cut < 1:
    raise UsageError('--seed must not be negative, --cut within 0 and 1')
  bend = sketches.parse(
      f'simulated:move={args.move}:thin={"yes" if args.thin else "no"}')
  maps = edges.parse(args.edge).maps
  folder, names = _photographs(
      args.image, without=(args.output, maps.root if maps else None))
  outputs = [args.output / Path(name).with_suffix('.png') for name in names]
  if len(set(outputs)) < len(outputs):
    raise UsageError(f'some images in {args.image} differ by their suffix only')
  if not args.overwrite:
    writing.refuse_to_overwrite(outputs)
  find_edges = _edge_finder(args.edge, names)
  broken = 0
  for i, name in enumerate(writing.progress(names, 'sketch')):
    try:
      soft = find_edges(name, files.read_rgb(folder / name))
    except files.UnreadableImage as error:
      if len(names) == 1:
        raise UsageError(f'cannot read the image {error}') from error
      print(f'skipped a broken image: {error}', file=sys.stderr)
      broken += 1
      continue
    strokes = bend.simulate(np.random.default_rng([args.seed, i]),
                            edges.above(soft, args.cut))
    if not args.soft:
      strokes = edges.above(strokes, 0.5)
    files.write(outputs[i], files.Picture(
        np.rint(strokes * 255).astype(np.uint8)))
  print(f'wrote {len(outputs) - broken} sketches to {args.output}')
  if broken:
    raise UsageError(f'{broken} of {len(names)} images were broken and skipped')


def _photographs(path: Path, without: Sequence[Path | None]
                 ) -> tuple[Path, Sequence[str]]:
  """Returns a folder, and the names in it of the photographs that are meant.

  Args:
    path: a file or a folder.
    without: as `jinpaint.data.files.names` takes it.
  """
  if path.is_file():
    return path.parent, (path.name,)
  if path.is_dir():
    return path, files.names(path, without)
  raise UsageError(f'there is no image {path}')


def _edge_finder(spec: str, names: Sequence[str]
                 ) -> Callable[[str, np.ndarray], np.ndarray]:
  """Returns the function that finds the edges of a photograph.

  It takes the photograph's name and its pixels, RGB (H, W, 3) uint8, and
  returns soft edges (H, W) float32. It raises `UnreadableImage` if they come
  from a file that is broken.

  Args:
    spec: as `jinpaint.data.edges.parse` takes it.
    names: those of all photographs.

  Raises:
    UsageError: the edges cannot be found in that way, or a photograph has none.
  """
  from jinpaint.converters import pretrained  # imported here: these are slow
  from jinpaint.guidance import Guidance
  guidance = Guidance(Data(edge=spec), training=False)
  guidance.check(names)
  published = {name: pretrained.load(name) for name in guidance.published}
  maps = edges.parse(spec).maps

  def find(name: str, image: np.ndarray) -> np.ndarray:
    try:
      edge_map = None if maps is None else (
          maps.read(name, edges.read_map, *image.shape[:2]) / np.float32(255))
    except UsageError as error:
      raise files.UnreadableImage(f'{name} ({error})') from error
    return guidance.of_picture(
        published, image.astype(np.float32) / np.float32(255), None,
        edge_map)['known_edge'][..., 0]
  return find
