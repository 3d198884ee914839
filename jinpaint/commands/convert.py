"""`jinpaint convert`: converts published PyTorch weights."""

import argparse
from collections.abc import Mapping
from typing import Any

from jinpaint import networks, systems
from jinpaint.commands import parsers
from jinpaint.errors import UsageError
from jinpaint.systems.shared import options


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'convert', help='convert published PyTorch weights',
      formatter_class=argparse.RawDescriptionHelpFormatter,
      description='Converts published PyTorch files (.pth, .pt, .ckpt, '
      '.safetensors or .npz)\nwithout PyTorch and without running anything '
      'from them, and says licence and\norigin, if they are known.\n\n'
      '  jinpaint convert FILE --network=NAME --output=FILE.npz\n'
      '  jinpaint convert FOLDER --system=NAME --output=WORKDIR\n\n'
      'Of several snapshots of a training, the newest is taken.',
      epilog='networks: ' + ', '.join(networks.REGISTRY))
  parser.add_argument('path', type=parsers.path, metavar='FILE or FOLDER')
  what = parser.add_mutually_exclusive_group(required=True)
  what.add_argument('--network', help='what the file holds')
  what.add_argument('--system', help='whose files, named as published, are in '
                    'the folder')
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a file that ends in .npz; of a system, the work '
                      'directory of a new run')
  parser.add_argument('--option', action='append', default=[],
                      metavar='NAME=VALUE', help='an option of the network or '
                      'of the system, such as fuse=True, in place of what the '
                      'file decides; may be given several times')
  parser.add_argument('--key', default='', help='where a file has the weights, '
                      'such as params_ema or model.ema, if not where the '
                      'published program reads them')
  parsers.add_overwrite(parser)
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
  chosen = options.parsed(type(networks.create(args.network)), args.option,
                          f'option of {args.network}')
  written = weights.convert(args.network, args.path, args.output, key=args.key,
                            overwrite=args.overwrite, **chosen)
  print(f'wrote {args.network} to {args.output}')
  _print_options('options', written.options)
  print(f'licence: {written.licence}\norigin: {written.origin}\n'
        f'SHA-256 of the file: {written.sha256}')


def _convert_system(args: argparse.Namespace) -> None:
  """Writes the work directory of a run."""
  if args.overwrite:
    raise UsageError('--overwrite is for --network; choose another --output '
                     'for a run')
  from jinpaint.runs import adoption  # imported here: it is slow
  chosen = systems.parsed_options(args.system, args.option)
  stage, files_of_networks, fresh = adoption.adopt(
      args.system, args.path, args.output, key=args.key, options=chosen)
  for adopted in files_of_networks:
    print(f'{adopted.file}: {adopted.network}, {adopted.architecture}')
    if adopted.older:
      print(f'  newer than {", ".join(adopted.older)}')
    _print_options('  options', adopted.options)
    print(f'  licence: {adopted.licence}\n  origin: {adopted.origin}\n'
          f'  SHA-256: {adopted.sha256}')
  _print_options('chosen options', chosen)
  for name in fresh:
    print(f'no file holds the {name}: it starts afresh')
  print(f'wrote a run of {args.system}, stage {stage}, to {args.output}')


def _print_options(what: str, values: Mapping[str, Any]) -> None:
  """Prints options, if there are some."""
  if values:
    print(f'{what}: ' + ', '.join(
        f'{name}={value}' for name, value in values.items()))
