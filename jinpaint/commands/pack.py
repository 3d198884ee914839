"""`jinpaint pack`: writes a run to one file that can be passed on."""

import argparse

from jinpaint.commands import parsers


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'pack', help='write a run to one file that can be passed on',
      description='Writes the networks that fill pictures to one file, which '
      'jinpaint inpaint --model=FILE and jinpaint.load(FILE) take in place of '
      "the run's work directory. Training goes on from the directory alone.")
  parser.add_argument('--model', type=parsers.path, required=True,
                      help="a run's work directory")
  parsers.add_checkpoint(parser)
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a file that ends in .npz')
  parser.add_argument('--dtype', choices=('float32', 'float16'),
                      default='float32', help='the type of its numbers; '
                      'float16 halves the file (default: float32)')
  parsers.add_overwrite(parser)
  return parser


def run(args: argparse.Namespace) -> None:
  """Packs a run.

  Raises:
    UsageError: there is no such run, it cannot be packed, or the output exists
      or cannot be written.
  """
  from jinpaint.runs import packed  # imported here: it is slow
  step = packed.pack(args.model, args.output, checkpoint=args.checkpoint,
                     dtype=args.dtype, overwrite=args.overwrite)
  size = args.output.stat().st_size / 1e6
  print(f'wrote step {step} of {args.model} to {args.output}, {size:.1f} MB')
