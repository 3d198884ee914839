"""The parser of the command line, and what each command adds its own to."""

import argparse
from typing import NoReturn, TypeAlias

from jinpaint.errors import UsageError

Commands: TypeAlias = 'argparse._SubParsersAction[argparse.ArgumentParser]'


class Parser(argparse.ArgumentParser):
  """A parser that says in one line what is wrong."""

  def error(self, message: str) -> NoReturn:
    """Raises `UsageError`."""
    raise UsageError(f'{message}; see {self.prog} --help')
