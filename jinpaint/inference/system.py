"""A trained system: what its networks are given of a picture, and predict."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from jinpaint import images
from jinpaint.guidance import Guidance
from jinpaint.inference import pictures
from jinpaint.inference.pictures import Task
from jinpaint.inference.programs import Programs, Size
from jinpaint.nets import Nets
from jinpaint.stage import complete, Stage
from jinpaint.types import Array, Batch, Variables

_NEEDS_TRUE_EDGES = (
    'this stage follows the true edges, which a damaged picture does not show; '
    'train the next stage, or give edge maps: --edge=files:PATH, in Python '
    'edge_map')


class System:
  """A stage with its weights and the edges that it reads.

  Attributes:
    sizes: the sizes of images that it accepts.
    programs: it, compiled.
    among: the devices on which they run.
    follows_sketches: see `jinpaint.inference.Inpainter`, as the rest.
    sketch_cut: see there.
    reads_edges: see there.
    finds_edges: see there.
    needs_edge_map: see there.
  """

  def __init__(self, stage: Stage, variables: Variables,
               guidance: Guidance | None, published: Variables, compute: str,
               among: Sequence[jax.Device]):
    """Takes what `Inpainter` takes, and the devices.

    Raises:
      ValueError: the stage reads edges, and there is no guidance.
    """
    self.reads_edges = reads_edges(stage)
    if self.reads_edges and guidance is None:
      raise ValueError('this stage reads edges; give the guidance that says '
                       'where they come from')

    def predict(variables: Variables, batch: Batch) -> Mapping[str, Array]:
      nets = Nets(stage.networks, variables, compute=compute)
      return complete(stage.predict(nets, batch), batch)

    self.sizes, self.among = stage.sizes, among
    self.follows_sketches = 'sketch' in stage.predicts_from
    # SketchRefiner's program cuts sketches where it cuts edges.
    self.sketch_cut = (guidance.cut if guidance else None) or 0.5
    self.finds_edges, self.needs_edge_map = '', ''
    if self.reads_edges and guidance is not None:
      self.finds_edges = guidance.edges.spec if guidance.edges else ''
      self.needs_edge_map = (_NEEDS_TRUE_EDGES if stage.needs_true_edges
                             else guidance.needs_map)
    self._guidance = guidance if self.reads_edges else None
    self._published = published
    self._edge_bytes: dict[Size, int] = {}
    self._reads = tuple(dict.fromkeys(
        ('image', 'mask', *stage.predicts_from)))
    self.programs = Programs(predict, variables, self._reads, among)

  def checked(self, task: Task) -> Task:
    """Returns what `pictures.checked` returns.

    Raises:
      ValueError: as there; or the system follows no sketches or reads no edges.
      UsageError: there is no edge map, and the system needs one.
    """
    task = pictures.checked(task)
    pictures.check_read(task, follows_sketches=self.follows_sketches,
                        reads_edges=self.reads_edges,
                        needs_edge_map=self.needs_edge_map)
    return task

  def edges(self, task: Task) -> dict[str, np.ndarray]:
    """Returns the edges as a batch holds them, if the system reads any.

    Args:
      task: what `checked` returned.
    """
    if self._guidance is None:
      return {}
    edge_map = task.edge_map
    if edge_map is not None:
      edge_map = edge_map.astype(np.float32) / np.float32(255)
    return self._guidance.of_picture(
        self._published, pictures.as_rgb(task.image), task.hole, edge_map)

  def inputs(self, task: Task, size: Size) -> dict[str, np.ndarray]:
    """Returns what the networks are given of an image: arrays (H, W, C) by key.

    Args:
      task: what `checked` returned.
      size: to which they are padded.
    """
    arrays = {'image': pictures.as_rgb(task.image),
              'mask': task.hole[..., None], **self.edges(task)}
    if self.follows_sketches:
      strokes = np.zeros_like(task.hole) if task.sketch is None else task.sketch
      arrays['sketch'] = strokes[..., None]
    return {key: images.pad_to(arrays[key].astype(np.float32), *size)
            for key in self._reads}

  def needs(self, height: int, width: int, number: int, free: int) -> int:
    """Returns the bytes that each of some images takes while it is filled.

    Args:
      height: of each image.
      width: of each image.
      number: how many images there are.
      free: bytes that batches of them may take.
    """
    needed = self.programs.prepared(
        self.sizes.holding(height, width), number, free).needs
    if self._guidance is None:
      return needed
    if (height, width) not in self._edge_bytes:
      self._edge_bytes[height, width] = self._guidance.bytes_for(
          self._published, height, width)
    # Edges are found before; then the program takes nothing.
    return max(needed, self._edge_bytes[height, width])


def reads_edges(stage: Stage) -> bool:
  """Returns whether a stage reads edges, known or true ones."""
  return bool({'known_edge', 'true_edge'} & set(stage.predicts_from))
