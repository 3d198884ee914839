"""`jinpaint masks`: writes random masks."""

import argparse

import numpy as np

from jinpaint.commands import parsers, writing
from jinpaint.data import files, mask_drawings, masks
from jinpaint.errors import UsageError


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'masks', help='write random masks',
      formatter_class=argparse.RawDescriptionHelpFormatter,
      description='Writes random masks as PNG files, white = hole.',
      epilog='kinds: ' + ', '.join(mask_drawings.KINDS) + '\n'
      'options and unions: lines:thickness=2-3+block:fraction=0.25')
  parser.add_argument('--kind', required=True,
                      help='what is drawn, one of the kinds below')
  parser.add_argument('--size', required=True,
                      help='HEIGHTxWIDTH, or one number for both')
  parser.add_argument('--count', type=int, default=1,
                      help='how many masks are written (default: 1)')
  parser.add_argument('--seed', type=int, default=0,
                      help='another number draws other masks (default: 0)')
  parser.add_argument('--ratio', metavar='LOW-HIGH',
                      help='share of hole pixels, e.g. 0.1-0.2')
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a folder')
  parsers.add_overwrite(parser)
  return parser


def run(args: argparse.Namespace) -> None:
  """Writes masks; the seed and its number decide each.

  Raises:
    UsageError: a flag cannot be read, or a mask exists or cannot be written.
  """
  height, width = _parse_size(args.size)
  if args.count < 1 or args.seed < 0:
    raise UsageError('--count must be positive and --seed not negative')
  make = masks.parse(args.kind, ratio=_parse_ratio(args.ratio))
  outputs = [args.output / f'{i:05}.png' for i in range(args.count)]
  if not args.overwrite:
    writing.refuse_to_overwrite(outputs)
  for i, output in enumerate(writing.progress(outputs, 'mask')):
    mask = make(np.random.default_rng([args.seed, i]), height, width,
                name=output.name, index=i)
    files.write(output, files.Picture(mask * np.uint8(255)))
  print(f'wrote {len(outputs)} masks to {args.output}')


def _parse_size(text: str) -> tuple[int, int]:
  """Returns height and width in pixels."""
  try:
    numbers = [int(number) for number in text.lower().split('x')]
  except ValueError:
    numbers = []
  if len(numbers) not in (1, 2) or min(numbers) < 1:
    raise UsageError(f'cannot read --size={text}; write 64 or 48x64 (height x '
                     'width)')
  return numbers[0], numbers[-1]


def _parse_ratio(text: str | None) -> tuple[float, float] | None:
  """Returns the least and the largest share of hole pixels."""
  if text is None:
    return None
  try:
    low, high = map(float, text.split('-'))
  except ValueError as error:
    raise UsageError(f'cannot read --ratio={text}; write 0.1-0.2') from error
  return low, high
