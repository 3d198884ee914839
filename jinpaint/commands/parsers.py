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


def path(text: str) -> Path:
  """Returns the path that a flag names; `~` is the user's home.

  Shells leave `--output=~/photo.png` as it is.
  """
  # Unlike Path.expanduser, this leaves the name of an unknown user alone.
  return Path(os.path.expanduser(text))
