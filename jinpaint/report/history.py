"""What a training wrote for TensorBoard: numbers and pictures over steps."""

from collections.abc import Iterator, Mapping
import dataclasses
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from jinpaint.errors import UsageError

# Which names of scalars belong together, by what comes before the slash.
_GROUPS = {
    '': 'Losses', 'validation': 'Scores on held-out images',
    'learning_rate': 'Learning rates', 'gradient_norm': 'Norms of gradients'}
_SPEED = 'Speed'
_SPEEDS = ('seconds_per_step', 'images_per_second')
_FORECAST = 'seconds_left'  # says nothing once the training has gone on


@dataclasses.dataclass(frozen=True)
class Curve:
  """A number over the steps of a training.

  Attributes:
    steps: (N,), ascending.
    values: (N,); not finite where the training had no such number.
  """

  steps: np.ndarray
  values: np.ndarray


@dataclasses.dataclass(frozen=True)
class History:
  """What the event files of a run hold.

  Attributes:
    curves: title of a group -> name of a number -> its curve.
    pictures: step -> RGB (H, W, 3) uint8, in ascending order.
    left_out: how many pictures there are besides.
  """

  curves: Mapping[str, Mapping[str, Curve]]
  pictures: Mapping[int, np.ndarray]
  left_out: int


def read(workdir: Path, *, pictures: int, tag: str = 'examples') -> History:
  """Reads the event files of a run.

  A training that was stopped and went on has written some steps twice: the
  later number counts.

  Args:
    workdir: the run's directory. Without event files the history is empty.
    pictures: how many pictures are read at most, spread evenly over those that
      there are, the first and the last among them.
    tag: the name of the pictures.
  """
  scalars: dict[str, dict[int, float]] = {}
  steps = set()
  for step, value in Events(workdir).new():
    if is_number(value):
      scalars.setdefault(value.tag, {})[step] = number(value)
    elif value.tag == tag:
      steps.add(step)
  # Pictures are large. The second reading keeps those that are shown.
  chosen = set(_spread(sorted(steps), pictures))
  shown = {}
  if chosen:
    shown = {step: _decoded(value) for step, value in Events(workdir).new()
             if value.tag == tag and step in chosen}
  scalars.pop(_FORECAST, None)
  groups: dict[str, dict[str, Curve]] = {
      title: {} for title in (*_GROUPS.values(), _SPEED)}
  for name, numbers in scalars.items():
    ordered = sorted(numbers)
    groups.setdefault(group_of(name), {})[name] = Curve(
        np.array(ordered), np.array([numbers[step] for step in ordered]))
  curves = {title: group for title, group in groups.items() if group}
  return History(curves, dict(sorted(shown.items())), len(steps) - len(shown))


class Events:
  """The event files of a run, which a training may still be writing.

  What follows a record that was cut off, as a killed training leaves it, is not
  there.
  """

  def __init__(self, workdir: Path):
    """Takes the directory of a run; there need not be any event file yet."""
    self._workdir = workdir
    self._loaders: dict[Path, Any] = {}

  def new(self) -> Iterator[tuple[int, Any]]:
    """Yields each (step, summary value) once, those of the oldest file first.

    What has been written since it was last asked comes the next time.
    """
    # Imported here: it takes seconds. TensorBoard reads with TensorFlow where
    # that is installed, and by itself where it is not. TensorFlow greets with a
    # page of text.
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
    from tensorboard.backend.event_processing import event_file_loader
    for path in event_files(self._workdir):
      if path not in self._loaders:
        self._loaders[path] = event_file_loader.EventFileLoader(str(path))
      for event in self._loaders[path].Load():
        for value in event.summary.value:
          yield event.step, value


def event_files(workdir: Path) -> list[Path]:
  """Returns the event files of a run, oldest first."""
  # Their names continue with the time at which they were begun.
  return sorted(workdir.glob('events.out.tfevents.*'))


def is_number(value: Any) -> bool:
  """Returns whether a summary value is a number, not a picture."""
  return bool(value.metadata.plugin_data.plugin_name == 'scalars')


def number(value: Any) -> float:
  """Returns the number of a summary value."""
  return float(_array(value).item())


def picture_file(value: Any) -> bytes:
  """Returns the PNG file of a summary value that is a picture."""
  # Width, height, then the files of the pictures, of which there is one.
  return bytes(_array(value).ravel()[2])


def _array(value: Any) -> np.ndarray:
  from tensorboard.util import tensor_util
  return tensor_util.make_ndarray(value.tensor)


def _decoded(value: Any) -> np.ndarray:
  """Returns the picture of a summary value, RGB (H, W, 3) uint8."""
  file = np.frombuffer(picture_file(value), np.uint8)
  pixels = cv2.imdecode(file, cv2.IMREAD_COLOR)
  if pixels is None:
    raise UsageError(f'the picture {value.tag} in an event file cannot be read')
  return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _spread(items: list[int], limit: int) -> list[int]:
  """Returns some of the items, evenly spread, with the first and the last."""
  if len(items) <= limit:
    return items
  places = np.linspace(0, len(items) - 1, limit).round().astype(int)
  return [items[place] for place in places]


def group_of(name: str) -> str:
  """Returns the title of the group to which a number belongs."""
  if name in _SPEEDS:
    return _SPEED
  head, _, _ = name.rpartition('/')
  return _GROUPS.get(head, head)
