"""`jinpaint sketches`: simulates sketches of photographs."""

import argparse
from collections.abc import Callable

import numpy as np

from jinpaint.commands import case_flags, checking, parsers, writing
from jinpaint.data import edges, files, inspection, sketches
from jinpaint.data.examples import Data
from jinpaint.data.inspection import Opened
from jinpaint.errors import UsageError


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'sketches', help='simulate sketches of photographs',
      description='Finds the edges of photographs and bends them, as an unsure '
      'hand would have drawn them; writes PNG files of the same names, white = '
      'stroke.')
  case_flags.add_image(parser, required=True)
  parser.add_argument('--edge', default='canny',
                      help='canny, canny:sigma=1-4, hed or files:PATH, a file '
                      'or a folder with one of the same stem for each image '
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
  parser.add_argument('--seed', type=int, default=0,
                      help='another number bends lines otherwise (default: 0)')
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a folder')
  parsers.add_overwrite(parser)
  return parser


def run(args: argparse.Namespace) -> None:
  """Writes a sketch for each photograph; the seed decides how it is bent.

  Raises:
    UsageError: a flag cannot be read, an edge map does not fit, or a sketch
      exists, of which nothing is written; or some of several photographs were
      broken, and the others' sketches are written.
  """
  if args.seed < 0 or not 0 <= args.cut < 1:
    raise UsageError('--seed must not be negative, --cut within 0 and 1')
  bend = sketches.parse(
      f'simulated:move={args.move}:thin={"yes" if args.thin else "no"}')
  pairs, left_out = case_flags.images(args, without=args.output)
  checking.say_pairing(pairs, left_out)
  outputs = case_flags.outputs(pairs.cases, args.output, '.png')
  if not args.overwrite:
    writing.refuse_to_overwrite(outputs)
  find_edges = _edge_finder(args.edge)
  looks = {look.case: look for look in checking.readable(pairs.cases)}
  checking.say(inspection.lines(
      note for look in looks.values() for note in look.notes))
  broken = len(outputs) - len(looks)
  for number, (output, case) in enumerate(
      writing.progress([*outputs.items()], 'sketch')):
    if case not in looks:
      continue
    try:
      opened = looks[case].opened or inspection.open_case(case)
    except files.UnreadableImage as error:  # since it was checked
      checking.skip(error)
      broken += 1
      continue
    strokes = bend.simulate(np.random.default_rng([args.seed, number]),
                            edges.above(find_edges(opened), args.cut))
    if not args.soft:
      strokes = edges.above(strokes, 0.5)
    files.write(output, files.Picture(np.rint(strokes * 255).astype(np.uint8)))
  print(f'wrote {len(outputs) - broken} sketches to {args.output}')
  checking.refuse_broken(broken, len(outputs))


def _edge_finder(spec: str) -> Callable[[Opened], np.ndarray]:
  """Returns the function that finds soft edges (H, W) float32 of a picture.

  Args:
    spec: as `jinpaint.data.edges.parse` takes it.

  Raises:
    UsageError: the edges cannot be found in that way.
  """
  from jinpaint.converters import pretrained  # imported here: these are slow
  from jinpaint.guidance import Guidance
  guidance = Guidance(Data(edge=spec), training=False)
  published = {name: pretrained.load(name) for name in guidance.published}

  def find(opened: Opened) -> np.ndarray:
    full = np.float32(255)
    image = files.as_rgb8(opened.picture.pixels) / full
    edge_map = None if opened.edge_map is None else opened.edge_map / full
    return guidance.of_picture(published, image, None, edge_map)[
        'known_edge'][..., 0]
  return find
