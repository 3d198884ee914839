"""What a training has written so far: numbers, sample pictures, its log.

All of it is read on from where reading stopped, so that a page may ask every
second.
"""

from collections.abc import Mapping
import math
from pathlib import Path
import re
import threading
from typing import Any, NamedTuple

from jinpaint.report import history

LOG, EVALUATION_LOG = 'log.txt', 'evaluation-log.txt'

# Numbers that are kept; beyond, every second step of each curve is left out.
_NUMBERS = 60_000
_PICTURES = 8  # the latest sample pictures that are kept
_TAIL = 2**16  # bytes of the log that a page gets at once
_PICTURE_TAG = 'examples'
_STEP = re.compile(r'^step (\d+)/(\d+)  ', re.M)


class News(NamedTuple):
  """Numbers that have come since a page last asked.

  Attributes:
    cursor: what the page asks with the next time.
    anew: whether these are all numbers, and the page forgets those that it has.
    numbers: name of a number -> its steps, its values.
    groups: name of a number -> the title of its group.
    latest: name of a number -> its last value.
    pictures: steps of the sample pictures that there are.
  """

  cursor: str
  anew: bool
  numbers: Mapping[str, tuple[list[int], list[float | None]]]
  groups: Mapping[str, str]
  latest: Mapping[str, float | None]
  pictures: list[int]


class Live:
  """The events of one run."""

  def __init__(self, workdir: Path):
    self._events = history.Events(workdir)
    self._lock = threading.Lock()
    # None stands for what is not finite, which JSON does not have.
    self._come: list[tuple[str, int, float | None]] = []
    self._thinned = 0
    self._latest: dict[str, float | None] = {}
    self._pictures: dict[int, bytes] = {}

  def news(self, cursor: str = '') -> News:
    """Returns the numbers since a cursor; all of them without one."""
    with self._lock:
      self._read()
      thinned, _, place = cursor.partition(':')
      anew = thinned != str(self._thinned) or not place.isdigit()
      numbers: dict[str, tuple[list[int], list[float | None]]] = {}
      for name, step, value in self._come[0 if anew else int(place):]:
        steps, values = numbers.setdefault(name, ([], []))
        steps.append(step)
        values.append(value)
      return News(f'{self._thinned}:{len(self._come)}', anew, numbers,
                  {name: history.group_of(name) for name in numbers},
                  dict(self._latest), sorted(self._pictures))

  def picture(self, step: int) -> bytes | None:
    """Returns the PNG file of the sample pictures of a step, if it is there."""
    with self._lock:
      self._read()
      return self._pictures.get(step)

  def _read(self) -> None:
    for step, value in self._events.new():
      if history.is_number(value):
        read = history.number(value)
        number = read if math.isfinite(read) else None
        self._come.append((value.tag, step, number))
        self._latest[value.tag] = number
      elif value.tag == _PICTURE_TAG:
        self._pictures[step] = history.picture_file(value)
        while len(self._pictures) > _PICTURES:
          del self._pictures[min(self._pictures)]
    if len(self._come) > _NUMBERS:
      self._thin()

  def _thin(self) -> None:
    """Leaves out every second step; of steps made twice the later counts."""
    curves: dict[str, dict[int, float | None]] = {}
    for name, step, value in self._come:
      curves.setdefault(name, {})[step] = value
    self._come = [(name, step, curve[step]) for name, curve in curves.items()
                  for step in sorted(curve)[::2]]
    self._thinned += 1


def log(workdir: Path, start: int, name: str = LOG) -> dict[str, Any]:
  """Returns the part of a run's log that begins at a byte, and where it ends.

  Of a long part only the end is returned.
  """
  try:
    with (workdir / name).open('rb') as file:
      size = file.seek(0, 2)
      start = start if 0 <= start <= size else 0
      file.seek(max(start, size - _TAIL))
      text = file.read()
  except FileNotFoundError:
    return {'text': '', 'next': 0}
  return {'text': text.decode(errors='replace'), 'next': size}


def progress(workdir: Path) -> tuple[int, int] | None:
  """Returns the last step in a run's log and how many there are, if any."""
  found = _STEP.findall(log(workdir, 0)['text'])
  return (int(found[-1][0]), int(found[-1][1])) if found else None


def scored(workdir: Path, began: float) -> int:
  """Returns how many photographs an evaluation has scored that has not ended.

  Args:
    workdir: of the run.
    began: when it began; what is older is left of another one.
  """
  path = workdir / 'evaluation' / 'unfinished' / 'images.csv'
  try:
    if path.stat().st_mtime < began:
      return 0
    return max(0, path.read_bytes().count(b'\n') - 1)
  except FileNotFoundError:
    return 0
