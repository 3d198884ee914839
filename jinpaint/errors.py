"""Errors of use, and how programs end by them."""

from collections.abc import Collection, Iterable
import contextlib
import difflib
import os
import signal
import sys
import warnings


class UsageError(Exception):
  """Something that the user gave is wrong; the message is one line."""


@contextlib.contextmanager
def exit_in_one_line():
  """Ends a program as its user expects, without a traceback.

  A `UsageError` is one line on stderr and exit status 2. Ctrl-C is a line, too,
  and status 130; a reader of stdout that has seen enough, such as `head`, is
  status 141. Warnings lose the place in the code.
  """
  with warnings.catch_warnings():
    warnings.showwarning = lambda message, *_, **__: print(
        f'warning: {message}', file=sys.stderr)
    try:
      yield
      sys.stdout.flush()
    except UsageError as error:
      print(f'error: {error}', file=sys.stderr)
      sys.exit(2)
    except KeyboardInterrupt:
      print('stopped', file=sys.stderr)
      sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:
      # Python flushes once more at its end.
      os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
      sys.exit(128 + signal.SIGPIPE)


def check_option(option: str, value: object, known: Collection) -> None:
  """Raises `ValueError` unless an option of a module is one of those known."""
  if value not in known:
    raise ValueError(f'{option} is one of {", ".join(map(str, known))}, not '
                     f'{value!r}')


def unknown(kind: str, given: str, known: Iterable[str]) -> UsageError:
  """Returns the error for a name that does not exist; it names the nearest."""
  known = sorted(known)
  nearest = difflib.get_close_matches(given, known, n=1, cutoff=0.5)
  hint = (f'did you mean "{nearest[0]}"?' if nearest
          else f'there are: {", ".join(known)}')
  return UsageError(f'unknown {kind} "{given}"; {hint}')


class RunError(Exception):
  """A run that cannot go on; the message is one line."""
