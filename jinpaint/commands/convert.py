"""`jinpaint convert`: converts published PyTorch weights."""

import argparse
from pathlib import Path

from jinpaint import networks
from jinpaint.errors import UsageError


def add_parser(commands: 'argparse._SubParsersAction'
               ) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'convert', help='convert published PyTorch weights',
      formatter_class=argparse.RawDescriptionHelpFormatter,
      description='Converts published PyTorch files (.pth, .pt, .safetensors '
      'or .npz) without\nPyTorch and without running anything from them, and '
      'says licence and origin.\n\n'
      '  jinpaint convert FILE --network=NAME --output=FILE.npz\n'
      '  jinpaint convert FOLDER --system=NAME --output=WORKDIR',
      epilog='networks: ' + ', '.join(networks.REGISTRY))
  parser.add_argument('path', type=Path, metavar='FILE or FOLDER')
  what = parser.add_mutually_exclusive_group(required=True)
  what.add_argument('--network', help='what the file holds')
  what.add_argument('--system', help='whose files, named as published, are in '
                    'the folder')
  parser.add_argument('--output', type=Path, required=True,
                      help='a file that ends in .npz; of a system, the work '
                      'directory of a new run')
  parser.add_argument('--overwrite', action='store_true')
  return parser


def run(args: argparse.Namespace) -> None:
  """Converts one network's file, or a folder of a system's.

  Raises:
    UsageError: the files cannot be read or hold something else, or the output
      exists or cannot be written.
  """
  if args.system:
    _convert_system(args)
  else:
    _convert_network(args)


def _convert_network(args: argparse.Namespace) -> None:
  """Writes a file of weights."""
  from jinpaint.converters import weights  # imported here: it is slow
  written = weights.convert(args.network, args.path, args.output,
                            overwrite=args.overwrite)
  print(f'wrote {args.network} to {args.output}\n'
        f'licence: {written.licence}\norigin: {written.origin}\n'
        f'SHA-256 of the published file: {written.sha256}')


def _convert_system(args: argparse.Namespace) -> None:
  """Writes the work directory of a run."""
  if args.overwrite:
    raise UsageError('--overwrite is for --network; choose another --output '
                     'for a run')
  from jinpaint.runs import adoption  # imported here: it is slow
  stage, files_of_networks, fresh = adoption.adopt(
      args.system, args.path, args.output)
  for adopted in files_of_networks:
    print(f'{adopted.file}: {adopted.network}, {adopted.architecture}\n'
          f'  licence: {adopted.licence}\n  origin: {adopted.origin}\n'
          f'  SHA-256: {adopted.sha256}')
  for name in fresh:
    print(f'no file holds the {name}: it starts afresh')
  print(f'wrote a run of {args.system}, stage {stage}, to {args.output}')
