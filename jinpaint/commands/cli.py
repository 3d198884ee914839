"""The command line: `jinpaint inpaint`, `masks`, `sketches`, ...

`python -m jinpaint` is the same.

Each command is a module of this package, with `add_parser`, which describes its
flags, and `run`, which does what they say. How a command ends is said in
`jinpaint.errors`. What the user has made is not overwritten without
`--overwrite`.
"""

from collections.abc import Sequence
import importlib
import sys

import jinpaint
from jinpaint import errors
from jinpaint.commands.parsers import Parser
from jinpaint.data import files

_COMMANDS = ('inpaint', 'doctor', 'masks', 'sketches', 'pack', 'export',
             'convert', 'weights', 'systems', 'report', 'app')


def main(arguments: Sequence[str] | None = None) -> None:
  """Runs one command.

  Args:
    arguments: its name and its flags; None for those of the process.

  Raises:
    SystemExit: the command ended otherwise than well.
  """
  files.hush()
  with errors.exit_in_one_line():
    words = sys.argv[1:] if arguments is None else arguments
    args = _parser(words[0] if words else '').parse_args(words)
    args.run(args)


def _parser(first: str) -> Parser:
  """Returns the parser of all commands, or of the one that is named.

  Some commands import what is slow to import, and others need nothing of it.

  Args:
    first: the first word of the command line.
  """
  parser = Parser(prog='jinpaint', description='Image inpainting in JAX.')
  parser.add_argument('--version', action='version',
                      version=f'jinpaint {jinpaint.__version__}')
  commands = parser.add_subparsers(required=True, metavar='COMMAND')
  for name in (first,) if first in _COMMANDS else _COMMANDS:
    command = importlib.import_module(f'jinpaint.commands.{name}')
    command.add_parser(commands).set_defaults(run=command.run)
  return parser
