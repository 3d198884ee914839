"""Folders and files that a request may name: those below one folder."""

from pathlib import Path, PurePosixPath
import re

from jinpaint.errors import UsageError

# What a new folder may be called: a name that any shell and system takes.
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]{0,79}')


def below(root: Path, name: str, flag: str) -> Path:
  """Returns the path of what a request names below a folder.

  Args:
    root: the folder; `.` is the folder itself.
    name: a relative path, with slashes.
    flag: of the folder, for errors: '--data'.

  Raises:
    UsageError: there is no such place, or it lies elsewhere: by `..`, as an
      absolute path, or behind a link that leads out of the folder.
  """
  parts = PurePosixPath(name).parts
  path = root / name
  if (not name or '\0' in name or name.startswith('/') or '..' in parts
      or any(part.startswith('.') for part in parts if part != '.')
      or not is_inside(root, path)):
    raise UsageError(f'"{name}" is not in the folder of {flag}')
  if not path.exists():
    raise UsageError(f'there is no "{name}" in the folder of {flag}')
  return path


def given(folder: Path | None, flag: str, what: str) -> Path:
  """Returns a folder that the server was started with.

  Args:
    folder: it; None if there is none.
    flag: that names it: '--data'.
    what: is kept there: 'photographs are'.

  Raises:
    UsageError: there is none.
  """
  if folder is None:
    raise UsageError(f'start jinpaint app with {flag}=DIR, the folder where '
                     f'{what}')
  return folder


def is_inside(root: Path, path: Path) -> bool:
  """Returns whether a path, links followed, lies in a folder."""
  return path.resolve().is_relative_to(root.resolve())


def free(root: Path, name: str) -> Path:
  """Returns the path of a folder that is not there yet.

  Args:
    root: where it is going to be.
    name: what it should be called; a number is added if that is taken.

  Raises:
    UsageError: a folder cannot be called so.
  """
  if not _NAME.fullmatch(name):
    raise UsageError(f'"{name}" is no name for a run: letters, digits, points, '
                     'hyphens and underscores, 80 at most, a letter or a digit '
                     'first')
  path, number = root / name, 2
  while path.exists() or path.is_symlink():
    path, number = root / f'{name}-{number}', number + 1
  return path
