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
  parser.add_argument('--checkpoint', default='last',
                      help='last, best or a step (default: last)')
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a file that ends in .jinpaint')
  parser.add_argument('--edge', default='',
                      help='for systems that read edges: how they are found, '
                      'as jinpaint inpaint takes it (default: as in training)')
  parser.add_argument('--sizes', type=_sizes, default=(),
                      help='heights and widths of programs, such as 256,512 '
                      '(default: one program for any size; of systems that '
                      'cannot be traced so, 256,512,1024)')
  parser.add_argument('--platforms', type=_platforms,
                      default=DEFAULT_PLATFORMS,
                      help='those that programs are made for (default: '
                      'cpu,cuda,tpu)')
  parser.add_argument('--overwrite', action='store_true')
  return parser


def run(args: argparse.Namespace) -> None:
  """Exports a run.

  Raises:
    UsageError: there is no such run, it cannot be exported, or the output
      exists or cannot be written.
  """
  from jinpaint.inference import export  # imported here: it is slow
  start = time.perf_counter()
  about = export.write(
      args.model, args.output, checkpoint=args.checkpoint, edge=args.edge,
      sizes=args.sizes, platforms=args.platforms, overwrite=args.overwrite)
  size = args.output.stat().st_size / 1e6
  print(f'wrote {about.system} to {args.output}, {size:.1f} MB, for '
        f'{", ".join(about.platforms)}, in {time.perf_counter() - start:.0f} s')
  if about.sizes:
    print('it fills pictures of '
          f'{" or ".join(map(str, about.sizes))} pixels high and wide as a '
          'whole, and all others in windows of these sizes')
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


def _sizes(text: str) -> tuple[int, ...]:
  """Reads sizes, `256,512`."""
  try:
    sizes = tuple(int(word) for word in text.split(','))
  except ValueError:
    sizes = ()
  if not sizes or min(sizes) < 1:
    raise argparse.ArgumentTypeError(
        f'"{text}" is not like 256,512, heights and widths in pixels')
  return sizes


def _platforms(text: str) -> tuple[str, ...]:
  """Reads platforms, `cpu,cuda`."""
  names = tuple(dict.fromkeys(text.split(',')))
  for name in names:
    if name not in PLATFORMS:
      raise argparse.ArgumentTypeError(
          f'no platform "{name}"; there are: {", ".join(PLATFORMS)}')
  return names
