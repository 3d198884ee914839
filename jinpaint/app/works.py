"""What is done for a picture: it is filled, its maps are made, or its edges."""

from collections.abc import Hashable, Sequence
import dataclasses
from pathlib import Path
import shutil
from typing import cast

import numpy as np

from jinpaint.app import pictures
from jinpaint.app.jobs import Progress, Stop, Work
from jinpaint.app.models import Model, Models
from jinpaint.app.pictures import Upload
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.inference import Task


@dataclasses.dataclass
class Fill:
  """A picture that is to be filled; its files lie in a folder of its own.

  Attributes:
    folder: has `before` and `after`, each of which keeps a picture, and what is
      drawn for it.
    upload: the picture.
    model: fills it.
    strategy: how a large picture is filled.
    models: opens the model.
    plan: how it was filled, as a sentence.
  """

  folder: Path
  upload: Upload
  model: Model
  strategy: str
  models: Models
  plan: str = ''

  @property
  def key(self) -> Hashable:
    """Pictures of one key are filled by one program."""
    return (type(self), self.model.path, self.strategy,
            self.model.stage.sizes.holding(
                self.upload.height, self.upload.width))

  @property
  def pixels(self) -> int:
    """The number of its pixels."""
    return self.upload.height * self.upload.width

  @property
  def maps(self) -> list[str]:
    """The intermediate maps that can be shown when it is filled."""
    return self.model.maps if self.plan.startswith('as a whole') else []

  @property
  def before(self) -> Path:
    """The folder of the picture that is filled."""
    return self.folder / 'before'

  @property
  def after(self) -> Path:
    """The folder of the filled picture."""
    return self.folder / 'after'

  def room(self) -> int:
    """Returns how many pictures of its size fit a batch."""
    if self.strategy not in ('auto', 'original'):
      return 1  # windows have other sizes than their pictures
    return self.models.open(self.model).batch_size(
        self.upload.height, self.upload.width)

  def task(self) -> Task:
    """Returns the arrays of which it is filled."""
    return Task(pictures.picture_in(self.before).pixels,
                np.load(self.folder / 'mask.npy'), self._drawn('sketch'),
                self._drawn('edges'))

  def _drawn(self, what: str) -> np.ndarray | None:
    path = self.folder / f'{what}.npy'
    return np.load(path) if path.exists() else None

  def do(self, works: Sequence[Work], stop: Stop, progress: Progress) -> None:
    """Fills this picture and others of its key."""
    inpaint = self.models.open(self.model)
    fills = cast('Sequence[Fill]', works)
    tasks = [fill.task() for fill in fills]
    for fill, task in zip(fills, tasks, strict=True):
      height, width = task.hole.shape
      fill.plan = str(inpaint.plan(height, width, task.hole,
                                   strategy=self.strategy))
    filled = inpaint.fill(tasks, strategy=self.strategy, stop=stop,
                          progress=progress)
    for fill, pixels in zip(fills, filled, strict=True):
      pictures.keep_changed(fill.before, fill.after, pixels)

  def discard(self) -> None:
    """Deletes its files."""
    shutil.rmtree(self.folder, ignore_errors=True)


@dataclasses.dataclass
class Maps:
  """The intermediate maps of a picture that has been filled."""

  fill: Fill

  @property
  def key(self) -> Hashable:
    """Nothing else can be done with it."""
    return type(self), self.fill.folder

  @property
  def pixels(self) -> int:
    """The number of pixels of the picture."""
    return self.fill.pixels

  def room(self) -> int:
    """Returns 1."""
    return 1

  def do(self, works: Sequence[Work], stop: Stop, progress: Progress) -> None:
    """Writes the maps."""
    fill = self.fill
    image, hole, sketch, edge_map = fill.task()
    made = fill.models.open(fill.model).intermediates(
        image, hole, sketch, edge_map=edge_map)
    for name in fill.model.maps:
      pixels = np.rint(255 * np.clip(made[name], 0, 1)).astype(np.uint8)
      files.write_atomically(
          fill.folder / f'{name}.png',
          pictures.png(pixels[..., 0] if pixels.shape[2] == 1 else pixels))

  def discard(self) -> None:
    """Deletes nothing: they go with the filled picture."""


@dataclasses.dataclass
class Edges:
  """The edges of a picture that a model would be given."""

  upload: Upload
  model: Model
  models: Models
  mask: np.ndarray
  found: bytes = b''

  @property
  def key(self) -> Hashable:
    """Nothing else can be done with it."""
    return type(self), id(self)

  @property
  def pixels(self) -> int:
    """The number of pixels of the picture."""
    return self.mask.size

  def room(self) -> int:
    """Returns 1."""
    return 1

  def do(self, works: Sequence[Work], stop: Stop, progress: Progress) -> None:
    """Finds them."""
    edges = self.models.open(self.model).find_edges(
        self.upload.picture().pixels, self.mask)
    if edges is None:
      raise UsageError(f'{self.model.title} reads no edges')
    self.found = pictures.png(edges)

  def discard(self) -> None:
    """Deletes nothing: there are no files."""
