"""Which files a user means: a file, a folder, a pattern or a list.

| text             | files                                                   |
|------------------|---------------------------------------------------------|
| `photo.png`      | this one                                                |
| `photos/`        | all images in it and in its sub-folders                 |
| `photos/**/*.jpg`| all images that match, `**` being any folders           |
| `list:FILE`      | those whose paths FILE has, one a line; paths are       |
|                  | relative to FILE's folder, lines that begin with # are  |
|                  | none                                                    |

What exists under its name is this file or folder, even if the name has an
asterisk in it.
"""

from collections.abc import Iterable, Iterator, Sequence
import glob
import os
from pathlib import Path
from typing import NamedTuple

from jinpaint.data import files
from jinpaint.errors import UsageError

_LIST = 'list:'


class Input(NamedTuple):
  """A file that is meant.

  Attributes:
    path: the file.
    name: its path relative to the folder that was named, with slashes; by it
      files are paired, and results named.
  """

  path: Path
  name: str


class Inputs(NamedTuple):
  """The files that are meant.

  Attributes:
    given: the texts that name them, for errors.
    files: those files, each once, folder by folder and sorted; lists keep their
      order.
    alone: whether a single file was named by itself.
    left_out: lines that say what was left out for its suffix.
  """

  given: str
  files: tuple[Input, ...]
  alone: bool = False
  left_out: tuple[str, ...] = ()


def find(what: str, texts: Sequence[str], *,
         without: Iterable[Path | None] = ()) -> Inputs:
  """Returns the files that some texts name; see the table of this module.

  Args:
    what: what errors call one of them: 'image'.
    texts: what the user has written.
    without: folders that are left out where they lie below one that is named.

  Raises:
    UsageError: there is no such file or folder, or no image in it; a list
      cannot be read; or two files would have the same name.
  """
  given, without = ' '.join(texts), tuple(without)
  found = list[Input]()
  left_out = list[str]()
  named = list[Path]()
  for text in texts:
    path = Path(os.path.expanduser(text))
    if path.is_file():
      named.append(path)
      continue
    if path.is_dir():
      root, (images, others) = path, files.listing(path, without)
    elif text.startswith(_LIST):
      named += _listed(what, Path(os.path.expanduser(text[len(_LIST):])))
      continue
    elif glob.has_magic(text):
      root, images, others = _matching(what, path, without)
    else:
      raise UsageError(f'there is no {what} {path}')
    found += [Input(root / name, name) for name in images]
    if others:
      left_out.append(files.left_out(text, others))
  if len(texts) == len(named) == 1 and not texts[0].startswith(_LIST):
    return Inputs(given, (Input(named[0], named[0].name),), alone=True)
  return Inputs(given, _each_once(what, [*_below_common_folder(named), *found]),
                left_out=tuple(left_out))


def _listed(what: str, path: Path) -> list[Path]:
  """Returns the paths in a list."""
  try:
    lines = path.read_text(encoding='utf-8').splitlines()
  except OSError as error:
    raise UsageError(f'cannot read the list {path}: {error.strerror}'
                     ) from error
  except UnicodeDecodeError as error:
    raise UsageError(f'cannot read the list {path}: it is no text in UTF-8'
                     ) from error
  paths = [path.parent / os.path.expanduser(line.strip()) for line in lines
           if line.strip() and not line.lstrip().startswith('#')]
  if not paths:
    raise UsageError(f'the list {path} names no {what}')
  for entry in paths:
    if not entry.is_file():
      raise UsageError(f'there is no {what} {entry}, which {path} lists')
  return paths


def _matching(what: str, pattern: Path, without: Sequence[Path | None]
              ) -> tuple[Path, tuple[str, ...], tuple[str, ...]]:
  """Returns the fixed part of a pattern, and what matches, by its suffix."""
  root = Path(pattern.anchor)
  for part in pattern.relative_to(root).parts[:-1]:
    if glob.has_magic(part):
      break
    root /= part
  results = {folder.resolve() for folder in without if folder}

  def names() -> Iterator[str]:
    seen = set[Path]()
    for match in sorted(glob.glob(str(pattern), recursive=True)):
      path = Path(match)
      real = path.resolve()
      # Links to folders may go round in circles.
      if path.is_file() and real not in seen and not any(
          folder.resolve() in results for folder in _between(path, root)):
        seen.add(real)
        yield path.relative_to(root).as_posix()

  images, others = files.by_suffix(names())
  if not images:
    raise UsageError(f'no {what} matches {pattern}')
  return root, images, others


def _between(path: Path, root: Path) -> Iterator[Path]:
  """Yields the folders of a file that lie below `root`."""
  for folder in path.parents:
    if folder == root:
      return
    yield folder


def _below_common_folder(paths: Sequence[Path]) -> list[Input]:
  """Returns files, named by their paths below the folder that holds all."""
  if not paths:
    return []
  absolute = [os.path.abspath(path) for path in paths]
  common = os.path.commonpath([os.path.dirname(path) for path in absolute])
  return [Input(path, Path(os.path.relpath(place, common)).as_posix())
          for path, place in zip(paths, absolute, strict=True)]


def _each_once(what: str, found: Sequence[Input]) -> tuple[Input, ...]:
  """Returns the files, each once; their names must differ."""
  by_name = dict[str, Input]()
  seen = set[str]()
  for each in found:
    real = os.path.abspath(each.path)
    if real in seen:
      continue
    seen.add(real)
    other = by_name.setdefault(each.name, each)
    if other is not each:
      raise UsageError(f'two {what}s have the name {each.name}: {other.path} '
                       f'and {each.path}; name one folder that holds both')
  return tuple(by_name.values())
