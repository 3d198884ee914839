"""What an inpainter is given: pictures with holes, and the forms they have."""

from typing import NamedTuple

import numpy as np

from jinpaint import images
from jinpaint.errors import UsageError
from jinpaint.inference import scaling
from jinpaint.inference.windows import Window


class Task(NamedTuple):
  """A picture that is to be filled.

  Attributes:
    image: (H, W), or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or
      (H, W, 4) RGBA; uint8 or uint16; any size.
    hole: (H, W) or (H, W, 1), of two values: 0 = known, anything else = hole.
    sketch: strokes drawn into the hole, for systems that follow sketches: like
      `hole`, 0 = none, anything else = stroke. What it has outside the hole is
      not read. None is the same as a sketch without strokes.
    edge_map: the edges of the whole image, for systems that read edges: (H, W)
      uint8, 255 = edge, soft edges in between. If it is None, edges are found
      in what is known.
  """

  image: np.ndarray
  hole: np.ndarray
  sketch: np.ndarray | None = None
  edge_map: np.ndarray | None = None


def checked(task: Task) -> Task:
  """Returns a task whose hole and sketch are (H, W) bool.

  Raises:
    ValueError: shapes or types do not fit, or the hole or the sketch has grey
      values.
  """
  image, mask, sketch, edge_map = task
  if image.dtype not in (np.uint8, np.uint16):
    raise ValueError(f'an image is uint8 or uint16, not {image.dtype}')
  if not image.size or not (
      image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 2, 3, 4))):
    raise ValueError('an image is (H, W) or (H, W, 1, 2, 3 or 4), not '
                     f'{image.shape}')
  hole = _two_valued('mask', mask, image.shape[:2])
  if edge_map is not None and (
      edge_map.dtype != np.uint8 or edge_map.shape != hole.shape):
    raise ValueError(f'an image {hole.shape} needs an edge map of its size, '
                     f'uint8, not {edge_map.shape} {edge_map.dtype}')
  if sketch is not None:
    sketch = _two_valued('sketch', sketch, hole.shape)
  return Task(image, hole, sketch, edge_map)


def check_read(task: Task, *, follows_sketches: bool, reads_edges: bool,
               needs_edge_map: str) -> None:
  """Checks that a system reads what was drawn, and has what it needs.

  Args:
    task: a picture.
    follows_sketches: whether the system can be led by a sketch.
    reads_edges: whether it reads edges.
    needs_edge_map: why it cannot do without edge maps; empty if it can.

  Raises:
    ValueError: it does not read the sketch or the edge map.
    UsageError: there is no edge map, and it needs one.
  """
  if task.sketch is not None and not follows_sketches:
    raise ValueError('this system follows no sketches')
  if task.edge_map is not None and not reads_edges:
    raise ValueError('this system reads no edges')
  if task.edge_map is None and needs_edge_map:
    raise UsageError(needs_edge_map)


def _two_valued(what: str, array: np.ndarray, size: tuple[int, ...]
                ) -> np.ndarray:
  """Returns a mask or a sketch as (H, W) bool, if it has a form that fits."""
  flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
  if flat.shape != size:
    raise ValueError(f'an image {size} needs a {what} of its size, not '
                     f'{array.shape}')
  if flat.dtype != bool and not (
      (flat == flat.min()) | (flat == flat.max())).all():
    raise ValueError(f'the {what} has grey values; cut it first, see '
                     'jinpaint.data.mask_files.binarise')
  return flat.astype(bool)


def cut(task: Task, window: Window, height: int, width: int) -> Task:
  """Returns a window of a task, made smaller to a size if it is larger.

  Args:
    task: what `checked` returned.
    window: a part of its picture.
    height: of the result.
    width: of the result.
  """
  image, hole = window.of(task.image), window.of(task.hole)
  sketch, edge_map = (None if array is None else window.of(array)
                      for array in (task.sketch, task.edge_map))
  if (height, width) != hole.shape:
    image = scaling.smaller(image, height, width)
    hole = scaling.touched(hole, height, width)
    if sketch is not None:
      sketch = scaling.touched(sketch, height, width)
    if edge_map is not None:
      edge_map = scaling.strongest(edge_map, height, width)
  return Task(image, hole, sketch, edge_map)


def as_rgb(image: np.ndarray) -> np.ndarray:
  """Returns RGB (H, W, 3) float32 in [0, 1]: grey is repeated, alpha dropped.

  Args:
    image: as `Task.image`.
  """
  layers = image[..., None] if image.ndim == 2 else image
  rgb = (np.repeat(layers[..., :1], 3, axis=2) if layers.shape[2] < 3
         else layers[..., :3])
  return rgb.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)


def with_colours(task: Task, rgb: np.ndarray) -> np.ndarray:
  """Returns a task's image, whose hole has new colours and the old alpha.

  Args:
    task: what `checked` returned.
    rgb: (N, 3) of the pixels of the hole; what is outside of [0, 1] is cut.
  """
  result = task.image.copy()
  full = np.iinfo(result.dtype).max
  levels = np.clip(rgb, 0, 1) * full
  if result.ndim == 2 or result.shape[2] < 3:
    levels = (levels @ np.asarray(images.LUMA, levels.dtype))[:, None]
  colours = result[..., None] if result.ndim == 2 else result  # not copied
  colours[task.hole, :levels.shape[1]] = np.rint(levels).astype(result.dtype)
  return result
