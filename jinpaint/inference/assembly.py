"""Pictures are put together, each when the last of its parts is predicted."""

import collections
from collections.abc import Sequence

import numpy as np

from jinpaint import images
from jinpaint.errors import UsageError
from jinpaint.inference import pictures
from jinpaint.inference.pictures import Task
from jinpaint.inference.plans import Layout, Part
from jinpaint.inference.windows import Blend


class Assembly:
  """Pictures that are being filled; their parts may come in any order.

  Attributes:
    results: the filled images; of those that are not complete, nothing that
      may be used.
  """

  def __init__(self, tasks: Sequence[Task], layouts: Sequence[Layout]):
    """Begins with the pictures that need no part.

    Args:
      tasks: what `pictures.checked` returned.
      layouts: the parts of each.
    """
    self._tasks, self._layouts = tasks, layouts
    self._blends: dict[int, Blend] = {}
    self._left = collections.Counter({
        number: len(layout.parts) for number, layout in enumerate(layouts)})
    self.results = [task.image if layout.parts else task.image.copy()
                    for task, layout in zip(tasks, layouts, strict=True)]

  def add(self, number: int, part: Part, rgb: np.ndarray) -> None:
    """Adds what was predicted for a part.

    Args:
      number: the picture's.
      part: one of its layout's.
      rgb: (h, w, 3), of the part or, at its bottom and right, of more.

    Raises:
      UsageError: the picture is complete, and its colours are not finite.
    """
    task = self._tasks[number]
    if number not in self._blends:
      self._blends[number] = Blend(task.hole, self._layouts[number].margin)
    self._blends[number].add(part.window, part.fills,
                             images.crop(rgb, part.height, part.width))
    self._left[number] -= 1
    if self._left[number]:
      return
    colours = self._blends.pop(number).colours()
    if not np.isfinite(colours).all():
      raise UsageError('what the model predicts in the hole is not finite: its '
                       'weights are broken')
    self.results[number] = pictures.with_colours(task, colours)
