"""The parser of the command line, and what each command adds its own to."""

import argparse
import os
from pathlib import Path
from typing import NoReturn, TypeAlias

from jinpaint.errors import UsageError

Commands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


class Parser(argparse.ArgumentParser):
  """A parser that says in one line what is wrong."""

  def error(self, message: str) -> NoReturn:
    """Raises `UsageError`."""
    raise UsageError(f'{message}; see {self.prog} --help')


def add_overwrite(parser: argparse.ArgumentParser) -> None:
  """Adds the flag without which nothing that exists is replaced."""
  parser.add_argument('--overwrite', action='store_true',
                      help='replace files that exist')


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
  """Adds the flag that says how far a run was trained."""
  parser.add_argument('--checkpoint', default='last',
                      help='last, best or a step (default: last)')


def path(text: str) -> Path:
  """Returns the path that a flag names; `~` is the user's home.

  Shells leave `--output=~/photo.png` as it is.
  """
  # Unlike Path.expanduser, this leaves the name of an unknown user alone.
  return Path(os.path.expanduser(text))
