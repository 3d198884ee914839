"""`jinpaint app`: the page in which pictures are filled."""

import argparse
import getpass
import os
import sys

from jinpaint.commands import parsers
from jinpaint.errors import UsageError

_PASSWORD = 'JINPAINT_PASSWORD'


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'app', help='open the page in which pictures are filled',
      description='Serves a page on this machine: open a picture, draw a mask '
      'and perhaps a sketch, fill, save. Ends with Ctrl-C; what was uploaded '
      'is deleted then, and two hours after it was last used.')
  parser.add_argument('--model', type=parsers.path, action='append', default=[],
                      metavar='RUN_OR_FILE',
                      help="a run's work directory, or a file that jinpaint "
                      'pack wrote; may be given several times (the model that '
                      'comes with jinpaint can always be chosen)')
  parser.add_argument('--runs', type=parsers.path, metavar='DIR',
                      help='a folder of runs, which can be chosen as soon as '
                      'they can fill, and where trainings write theirs')
  parser.add_argument('--data', type=parsers.path, metavar='DIR',
                      help='the folder of photographs for trainings')
  parser.add_argument('--host', default='127.0.0.1',
                      help='the address at which the page is served (default: '
                      '127.0.0.1, which only this machine reaches)')
  parser.add_argument('--port', type=int, default=7860,
                      help='its port; 0 for a free one (default: 7860)')
  parser.add_argument('--name', action='append', default=[],
                      help='a name by which it is reached beside its own, such '
                      "as a proxy's; may be given several times")
  parser.add_argument('--user', default='', metavar='NAME',
                      help='who must sign in, with the password in the '
                      f'environment variable {_PASSWORD}, or else asked for')
  return parser


def run(args: argparse.Namespace) -> None:
  """Serves until Ctrl-C.

  Raises:
    UsageError: the extra `[app]` is missing, a folder or a model is not there,
      or the address cannot be taken.
  """
  try:
    import python_multipart  # noqa: F401
    import starlette  # noqa: F401
    import uvicorn  # noqa: F401
  except ImportError as error:
    raise UsageError(f'the page needs the package {error.name}; install it by '
                     "pip install 'jinpaint[app]'") from error
  # Imported here: it is slow.
  from jinpaint.app import serving, settings
  chosen = settings.Settings(
      models=tuple(args.model), runs=args.runs, data=args.data, host=args.host,
      port=args.port, names=tuple(args.name), user=args.user,
      password=_password(args.user) if args.user else '')
  if args.host not in settings.LOOPBACK and not args.user:
    print(f'warning: everybody who can reach {args.host} can use this page; '
          '--user=NAME asks for a password', file=sys.stderr)
  serving.serve(chosen)


def _password(user: str) -> str:
  """Returns the password of the user."""
  given = os.environ.get(_PASSWORD)
  if given is None:
    if not sys.stdin.isatty():
      raise UsageError(f'--user={user} needs a password: set {_PASSWORD}')
    given = getpass.getpass(f'password for {user}: ')
  return given
