"""The errors that a user is told of in one line, and how programs end by them.

| what ends the program                        | line          | status |
|----------------------------------------------|---------------|--------|
| `UsageError`: something given is wrong       | the message   | 2      |
| a name is too long for the file system       | file, reason  | 2      |
| `RunError`: nothing given is wrong           | the message   | 1      |
| the disk is full, or access is not permitted | file, reason  | 1      |
| Ctrl-C                                       | "stopped"     | 130    |
| SIGTERM while training, when it is saved     | none          | 143    |
| the reader of stdout, such as `head`, ended  | none          | 141    |

Any other exception is a fault of the program and keeps its traceback.
"""

from collections.abc import Collection, Iterable, Iterator
import contextlib
import difflib
import errno
import io
import os
import signal
import sys
from typing import NoReturn
import warnings

# Why an operating system refuses to write, though the program is right.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NOT_PERMITTED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class UsageError(ValueError):
  """Something that the user gave is wrong; the message is one line.

  It is the same error whether it was given as an argument in Python or as a
  flag.
  """


class RunError(RuntimeError):
  """A run cannot go on, though nothing that the user gave is known to be wrong.

  A loss that is no longer finite, or a full disk. The message is one line.
  """


@contextlib.contextmanager
def exit_in_one_line() -> Iterator[None]:
  """Ends a program as its user expects; see the table of this module.

  Within it, warnings are one line on stderr and do not name a place in the
  code. From then on, what stdout cannot encode is printed as an escape: the
  name of a file may hold any character, and bytes that are no text.

  Raises:
    SystemExit: one of the errors in the table happened.
  """
  if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(errors='backslashreplace')
  with warnings.catch_warnings():
    warnings.showwarning = lambda message, *_, **__: print(
        f'warning: {message}', file=sys.stderr)
    try:
      yield
      sys.stdout.flush()
    except UsageError as error:
      _exit(2, f'error: {error}')
    except RunError as error:
      _exit(1, f'error: {error}')
    except KeyboardInterrupt:
      _exit(128 + signal.SIGINT, 'stopped')
    except BrokenPipeError:
      _exit(128 + signal.SIGPIPE)
    except OSError as error:
      too_long = error.errno == errno.ENAMETOOLONG
      if error.errno not in FULL | _NOT_PERMITTED and not too_long:
        raise
      place = '' if error.filename is None else f'{error.filename}: '
      _exit(2 if too_long else 1, f'error: {place}{error.strerror}')


def _exit(status: int, line: str | None = None) -> NoReturn:
  """Ends the program, with a line on stderr."""
  try:
    sys.stdout.flush()
  except OSError:
    # Python tries once more at its end, and would print a second error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
  if line is not None:
    print(line, file=sys.stderr)
  sys.exit(status)


def check_option(option: str, value: object, known: Collection[object]) -> None:
  """Checks an option that takes one of several values.

  Raises:
    UsageError: the value is none of those known.
  """
  if value not in known:
    raise UsageError(f'{option} is one of {", ".join(map(str, known))}, not '
                     f'{value!r}')


def check_smallest(network: str, size: tuple[int, ...], smallest: int) -> None:
  """Checks that images are not too small for a network.

  Args:
    network: what it is called in the message.
    size: height and width of the images.
    smallest: the least of either.

  Raises:
    UsageError: they are too small.
  """
  height, width = size
  if min(height, width) < smallest:
    raise UsageError(f'{network} needs images of at least {smallest} x '
                     f'{smallest} pixels, not {height} x {width}')


def unknown(kind: str, given: str, known: Iterable[str]) -> UsageError:
  """Returns the error for a name that does not exist; it names the nearest."""
  names = sorted(known)
  nearest = difflib.get_close_matches(given, names, n=1, cutoff=0.5)
  hint = (f'did you mean "{nearest[0]}"?' if nearest
          else f'there are: {", ".join(names)}')
  return UsageError(f'unknown {kind} "{given}"; {hint}')
