"""The command line: `jinpaint inpaint`, `masks`, `sketches`, ...

`python -m jinpaint` is the same.

Each command is a module of this package, with `add_parser`, which describes its
flags, and `run`, which does what they say. How a command ends is said in
`jinpaint.errors`. What the user has made is not overwritten without
`--overwrite`.
"""

from collections.abc import Sequence

import jinpaint
from jinpaint import errors
from jinpaint.commands import (
    convert,
    export,
    inpaint,
    masks,
    pack,
    report,
    sketches,
    systems,
    weights,
)
from jinpaint.commands.parsers import Parser
from jinpaint.data import files

_COMMANDS = (inpaint, masks, sketches, pack, export, convert, weights, systems,
             report)


def main(arguments: Sequence[str] | None = None) -> None:
  """Runs one command.

  Args:
    arguments: its name and its flags; None for those of the process.

  Raises:
    SystemExit: the command ended otherwise than well.
  """
  files.hush()
  with errors.exit_in_one_line():
    args = _parser().parse_args(arguments)
    args.run(args)


def _parser() -> Parser:
  """Returns the parser of all commands."""
  parser = Parser(prog='jinpaint', description='Image inpainting in JAX.')
  parser.add_argument('--version', action='version',
                      version=f'jinpaint {jinpaint.__version__}')
  commands = parser.add_subparsers(required=True, metavar='COMMAND')
  for command in _COMMANDS:
    command.add_parser(commands).set_defaults(run=command.run)
  return parser
