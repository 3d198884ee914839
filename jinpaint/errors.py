"""Errors of use: one clear line on stderr and exit status 2."""

from collections.abc import Collection, Iterable
import contextlib
import difflib
import sys
import warnings


class UsageError(Exception):
  """Something that the user gave is wrong; the message is one line."""


@contextlib.contextmanager
def exit_on_usage_error():
  """Turns a `UsageError` into one line on stderr and exit status 2.

  Warnings become one line as well, without the place in the code.
  """
  with warnings.catch_warnings():
    warnings.showwarning = lambda message, *_, **__: print(
        f'warning: {message}', file=sys.stderr)
    try:
      yield
    except UsageError as error:
      sys.exit(_exit_with(str(error)))


def _exit_with(message: str) -> int:
  print(f'error: {message}', file=sys.stderr)
  return 2


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
