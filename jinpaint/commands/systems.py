"""`jinpaint systems`: lists systems and stages, or the sizes of networks."""

import argparse
import importlib
import inspect

from jinpaint import networks, systems
from jinpaint.commands import parsers


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'systems', help='list systems and stages, or the sizes of networks')
  parser.add_argument(
      '--parameters', action='store_true', help='list every registered network '
      'with its number of parameters: in millions, and in units of 2^20 = '
      '1,048,576, as the paper on ISNet counts')
  return parser


def run(args: argparse.Namespace) -> None:
  """Prints one of the two lists."""
  if args.parameters:
    _print_networks()
  else:
    _print_systems()


def _print_systems() -> None:
  for name in systems.NAMES:
    module = importlib.import_module(f'jinpaint.systems.{name}')
    summary = (inspect.getdoc(module) or '').partition('\n')[0]
    print(f'{name}: {summary}')
    print(f'  stages: {", ".join(systems.stages(name))}')


def _print_networks() -> None:
  width = max(map(len, networks.REGISTRY))
  print(f'{"network":{width}}  parameters  10^6     2^20')
  for name in networks.REGISTRY:
    number = networks.parameters(name)
    print(f'{name:{width}}  {number:>10,}  {number / 1e6:7.3f}  '
          f'{number / 2**20:7.3f}')
