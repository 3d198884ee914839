"""`jinpaint export`: writes a run to a file that needs only jax and NumPy."""

import argparse
import time

from jinpaint.commands import parsers
from jinpaint.inference.names import DEFAULT_PLATFORMS, PLATFORMS


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'export', help='write a run to a file that needs only jax and NumPy',
      description='Writes what fills pictures to one file: StableHLO, made by '
      'jax.export, from uint8 image and mask to uint8 image, and the weights '
      'beside it. jinpaint.load(FILE) runs it, with no package but jax and '
      'NumPy. JAX promises to read it for six months.')
  parser.add_argument('model', type=parsers.path, nargs='?',
                      help="a run's work directory, or a file that jinpaint "
                      'pack wrote (default: the model that comes with '
                      'jinpaint, for thin damage)')
  parsers.add_checkpoint(parser)
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a file that ends in .jinpaint')
  parser.add_argument('--edge', default='',
                      help='for systems that read edges: how they are found, '
                      'as jinpaint inpaint takes it (default: as in training)')
  parser.add_argument('--sizes', type=_sizes, default=(),
                      help='of the pictures that there are to be programs '
                      'for, HEIGHTxWIDTH, or one number for both, which fills '
                      'windows of all others, too: 512,400x600 (default: one '
                      'program for any size; of systems that cannot be traced '
                      'so, 256,512,1024)')
  parser.add_argument('--platforms', type=_platforms,
                      default=DEFAULT_PLATFORMS,
                      help='those that programs are made for (default: '
                      'cpu,cuda,tpu)')
  parsers.add_overwrite(parser)
  return parser


def run(args: argparse.Namespace) -> None:
  """Exports a run.

  Raises:
    UsageError: there is no such run, it cannot be exported, or the output
      exists or cannot be written.
  """
  from jinpaint.inference import export, exported_file  # they are slow
  start = time.perf_counter()
  about = export.write(
      args.model, args.output, checkpoint=args.checkpoint, edge=args.edge,
      sizes=args.sizes, platforms=args.platforms, overwrite=args.overwrite)
  size = args.output.stat().st_size / 1e6
  print(f'wrote {about.system} to {args.output}, {size:.1f} MB, for '
        f'{", ".join(about.platforms)}, in {time.perf_counter() - start:.0f} s')
  if about.sizes:
    extended = ('' if about.divisor == 1 else
                ', and those that become so when they are extended to '
                f'multiples of {about.divisor},')
    print('it fills pictures of '
          f'{" or ".join(map(exported_file.as_text, about.sizes))} pixels '
          f'(height x width){extended} as a whole')
    squares = any(height == width for height, width in about.sizes)
    print('it fills all others in windows of its square sizes' if squares else
          'it fills no others: no size is a square, which windows take')
  else:
    print('it fills pictures of any size as a whole, those of more than 4 '
          'megapixels in windows')
  if about.needs_edge_map:
    print('each picture needs an edge map')
  elif about.finds_edges and 'find_edges' not in about.inputs:
    print(f'edges ({about.finds_edges}) are not found by the file: give edge '
          'maps, or have jinpaint with all its packages where it is opened')
  print(f'jax promises to read it until {about.guaranteed_until}; export it '
        'anew before')


def _sizes(text: str) -> tuple[tuple[int, int], ...]:
  """Reads sizes, `512,400x600`."""
  read = []
  for word in text.split(','):
    height, _, width = word.partition('x')
    try:
      size = int(height), int(width or height)
    except ValueError:
      size = 0, 0
    if min(size) < 1:
      raise argparse.ArgumentTypeError(
          f'"{text}" is not like 512,400x600, heights and widths in pixels')
    read.append(size)
  return tuple(read)


def _platforms(text: str) -> tuple[str, ...]:
  """Reads platforms, `cpu,cuda`."""
  names = tuple(dict.fromkeys(text.split(',')))
  for name in names:
    if name not in PLATFORMS:
      raise argparse.ArgumentTypeError(
          f'no platform "{name}"; there are: {", ".join(PLATFORMS)}')
  return names
