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
  for step, value in _values(workdir):
    if value.metadata.plugin_data.plugin_name == 'scalars':
      scalars.setdefault(value.tag, {})[step] = _array(value).item()
    elif value.tag == tag:
      steps.add(step)
  # Pictures are large. The second reading keeps those that are shown.
  chosen = set(_spread(sorted(steps), pictures))
  shown = {}
  if chosen:
    shown = {step: _decoded(value) for step, value in _values(workdir)
             if value.tag == tag and step in chosen}
  scalars.pop(_FORECAST, None)
  groups: dict[str, dict[str, Curve]] = {
      title: {} for title in (*_GROUPS.values(), _SPEED)}
  for name, numbers in scalars.items():
    ordered = sorted(numbers)
    groups.setdefault(_group(name), {})[name] = Curve(
        np.array(ordered), np.array([numbers[step] for step in ordered]))
  curves = {title: group for title, group in groups.items() if group}
  return History(curves, dict(sorted(shown.items())), len(steps) - len(shown))


def _values(workdir: Path) -> Iterator[tuple[int, Any]]:
  """Yields (step, summary value) of all event files, oldest file first.

  What follows a record that was cut off, as a killed training leaves it, is not
  there.
  """
  # Imported here: it takes seconds. TensorBoard reads with TensorFlow where
  # that is installed, and by itself where it is not. TensorFlow greets with a
  # page of text.
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  from tensorboard.backend.event_processing import event_file_loader
  for path in event_files(workdir):
    for event in event_file_loader.EventFileLoader(str(path)).Load():
      for value in event.summary.value:
        yield event.step, value


def event_files(workdir: Path) -> list[Path]:
  """Returns the event files of a run, oldest first."""
  # Their names continue with the time at which they were begun.
  return sorted(workdir.glob('events.out.tfevents.*'))


def _array(value: Any) -> np.ndarray:
  from tensorboard.util import tensor_util
  return tensor_util.make_ndarray(value.tensor)


def _decoded(value: Any) -> np.ndarray:
  """Returns the picture of a summary value, RGB (H, W, 3) uint8."""
  # Width, height, then the files of the pictures, of which there is one.
  file = np.frombuffer(_array(value).ravel()[2], np.uint8)
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


def _group(name: str) -> str:
  """Returns the title of the group of a scalar."""
  if name in _SPEEDS:
    return _SPEED
  head, _, _ = name.rpartition('/')
  return _GROUPS.get(head, head)
