"""The scores of each image: `images.csv`, one row an image.

The columns are `image`, `hole_fraction`, and `METHOD: KEY` for each method and
measure. Numbers have as many digits as a float32 needs to be read back.

While an evaluation is at work, its rows are appended to
`unfinished/images.csv`, beside the manifest of what it is made of; the files of
an earlier evaluation stay as they are until it has ended. An evaluation that
was killed goes on from there (`--resume`).
"""

from collections.abc import Iterable, Mapping, Sequence
import csv
import io
import json
import os
from pathlib import Path
import shutil
from typing import Any

import numpy as np

from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.evaluation import manifest as manifests
from jinpaint.evaluation.scores import Evaluation, Part, Scores

_FIRST = ('image', 'hole_fraction')


def text(evaluation: Evaluation) -> bytes:
  """Returns the CSV of an evaluation."""
  columns = columns_of(evaluation.methods)
  return lines([[*_FIRST, *map(': '.join, columns)], *rows(
      evaluation.images, evaluation.holes, evaluation.methods)])


def columns_of(methods: Mapping[str, Scores]) -> list[tuple[str, str]]:
  """Returns the methods and measures of the columns, in their order."""
  return [(method, key) for method, scores in methods.items()
          for key in scores]


def rows(images: Sequence[str], holes: np.ndarray,
         methods: Mapping[str, Scores]) -> list[list[str]]:
  """Returns the cells of the rows of images."""
  columns = columns_of(methods)
  return [[image, str(np.float32(holes[i])), *(
      str(np.float32(methods[method][key][i])) for method, key in columns)]
          for i, image in enumerate(images)]


def lines(cells: Iterable[Sequence[str]]) -> bytes:
  """Returns cells as lines of a CSV; names may hold bytes that are no text."""
  contents = io.StringIO()
  csv.writer(contents, lineterminator='\n').writerows(cells)
  return os.fsencode(contents.getvalue())


class Record:
  """Writes the scores of images as they come, and reads those of before.

  Attributes:
    known: the scores that are known already; None if there are none.
  """

  def __init__(self, directory: Path, manifest: Mapping[str, Any],
               columns: Mapping[str, Iterable[str]], names: Sequence[str], *,
               resume: bool):
    """Reads what is known; writes nothing yet.

    Args:
      directory: of the evaluation.
      manifest: what it is made of, see `jinpaint.evaluation.manifest`.
      columns: method -> the measures that it has.
      names: the images' names by index; empty if they have none.
      resume: whether what is there counts.

    Raises:
      UsageError: what is there was made of something else, or cannot be read.
    """
    self._folder = directory / 'unfinished'
    self._manifest, self._names = manifest, names
    self._columns = [(method, key) for method, keys in columns.items()
                     for key in keys]
    self._begun = False
    self.known = self._read(directory) if resume else None

  def note(self, part: Part) -> None:
    """Appends the scores of images. A kill costs no more than the last ones."""
    if not self._begun:
      self._begin()
    with (self._folder / 'images.csv').open('ab') as file:
      file.write(self._lines(part))
      file.flush()
      os.fsync(file.fileno())

  def finish(self) -> None:
    """Removes the unfinished evaluation, after the finished one is written."""
    shutil.rmtree(self._folder, ignore_errors=True)

  def _begin(self) -> None:
    """Writes the manifest, the head of the table and what is known."""
    shutil.rmtree(self._folder, ignore_errors=True)
    head = lines([[*_FIRST, *map(': '.join, self._columns)]])
    if self.known is not None:
      head += self._lines(self.known)
    # The manifest comes last: without it nothing is taken for known.
    files.write_atomically(self._folder / 'images.csv', head)
    files.write_atomically(
        self._folder / 'manifest.json',
        (json.dumps(self._manifest, indent=2) + '\n').encode())
    self._begun = True

  def _lines(self, part: Part) -> bytes:
    images = [self._names[i] if self._names else str(i) for i in part.indices]
    return lines(rows(images, part.holes, part.methods))

  def _read(self, directory: Path) -> Part | None:
    """Returns the scores of an unfinished evaluation, or a finished one."""
    for folder, name in ((self._folder, 'manifest.json'),
                         (directory, 'summary.json')):
      try:
        about = json.loads((folder / name).read_text())
        contents = (folder / 'images.csv').read_bytes()
      except FileNotFoundError:
        continue
      except (OSError, ValueError) as error:
        raise UsageError(f'cannot go on with {folder}: {error}') from error
      before = about.get('manifest', {}) if folder == directory else about
      if differs := manifests.difference(before, self._manifest):
        raise UsageError(
            f'{directory} holds an evaluation of something else ({differs}); '
            'without --resume it is made anew')
      return self._parsed(folder / 'images.csv', contents)
    return None

  def _parsed(self, path: Path, contents: bytes) -> Part | None:
    """Returns the scores of a CSV, without a last line that is not whole."""
    whole = contents[:contents.rfind(b'\n') + 1]
    head, *cells = csv.reader(io.StringIO(os.fsdecode(whole), newline=''))
    expected = [*_FIRST, *map(': '.join, self._columns)]
    if cells and len(cells[-1]) < len(expected):
      cells.pop()  # it was cut off within a name that has line breaks
    if head != expected or any(len(row) != len(expected) for row in cells):
      raise UsageError(f'cannot go on with {path}: it has other columns; '
                       'without --resume the evaluation is made anew')
    if not cells:
      return None
    index_of = ({name: i for i, name in enumerate(self._names)}
                if self._names else None)
    try:
      indices = np.array([int(row[0]) if index_of is None else index_of[row[0]]
                          for row in cells])
      numbers = np.array([row[1:] for row in cells], np.float32)
    except (KeyError, ValueError) as error:
      raise UsageError(f'cannot go on with {path}: {error}') from error
    methods: dict[str, dict[str, np.ndarray]] = {}
    for place, (method, key) in enumerate(self._columns, start=1):
      methods.setdefault(method, {})[key] = numbers[:, place]
    return Part(indices, numbers[:, 0], methods)
