"""Inpaints pictures of any size with a trained system: arrays in, arrays out.

Never imports TensorFlow.
"""

from collections.abc import Callable, Mapping
import math
from pathlib import Path

import jax
import numpy as np

from jinpaint import guidance, images, runs
from jinpaint.converters import pretrained
from jinpaint.data import edges
from jinpaint.errors import UsageError
from jinpaint.runs import checkpoints
from jinpaint.stage import InputSpec
from jinpaint.types import Array, Batch, Variables

# Sizes are rounded up to multiples of it, so that images of similar size share
# one compiled program.
_BUCKET = 32


class Inpainter:
  """Fills the holes of one image at a time.

  >>> inpaint = jinpaint.load('runs/quickstart')  # doctest: +SKIP
  >>> result = inpaint(image, mask)  # doctest: +SKIP

  Attributes:
    follows_sketches: whether the system can be led by a sketch.
  """

  def __init__(self, predict: Callable[[Variables, Batch],
                                       Mapping[str, Array]],
               variables: Variables, spec: InputSpec, *,
               find_edges: Callable[[np.ndarray, np.ndarray], np.ndarray]
               | None = None):
    """Prepares; the first image of each size compiles.

    Args:
      predict: a stage's.
      variables: the networks that it reads.
      spec: what it reads, and the sizes that it accepts.
      find_edges: where it reads edges: from RGB (H, W, 3) in [0, 1] and the
        hole (H, W) to known edges (H, W), see
        `jinpaint.data.edges.of_pictures` and `jinpaint.guidance.of_pictures`.
    """
    self._find_edges = find_edges
    self.follows_sketches = 'sketch' in spec.keys
    self._predict = jax.jit(predict)
    self._variables = jax.device_put(variables)
    self._multiple = math.lcm(_BUCKET, spec.divisor)

  def __call__(self, image: np.ndarray, mask: np.ndarray,
               sketch: np.ndarray | None = None) -> np.ndarray:
    """Returns the image with its holes filled.

    Args:
      image: (H, W), (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or
        uint16; any size.
      mask: (H, W) or (H, W, 1), of two values: 0 = known, anything else =
        hole.
      sketch: what is drawn into the hole, for systems that follow sketches:
        like `mask`, anything but 0 = stroke. What it has outside the hole is
        not read. None, as an empty one, gives no guidance.

    Returns:
      An array like `image`. Known pixels are the same, bit for bit; alpha is
      the same everywhere.

    Raises:
      ValueError: shapes or types do not fit, the mask or the sketch has grey
        values, or the system follows no sketches.
    """
    hole = _checked(image, mask)
    filled = self._run(image, hole, self._drawn(sketch, hole))['image']
    full = np.iinfo(image.dtype).max
    colours = _like(image, np.clip(filled, 0, 1) * full)
    result = image.copy()
    result[hole] = np.rint(colours[hole]).astype(image.dtype)
    return result

  def intermediates(self, image: np.ndarray, mask: np.ndarray,
                    sketch: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Returns all that the system makes of an image on its way.

    Args and errors are those of a call.

    Returns:
      What the stage's `predict` returns, of one image, (H, W, C) float32:
      `image` and `prediction`, RGB in [0, 1], not rounded; where there are
      edges, the completed `edge`; where there are sketches, the refined
      `sketch`.
    """
    hole = _checked(image, mask)
    return self._run(image, hole, self._drawn(sketch, hole))

  def _drawn(self, sketch, hole):
    """Returns the strokes (H, W) bool, or None."""
    if not self.follows_sketches:
      if sketch is not None:
        raise ValueError('this system follows no sketches')
      return None
    if sketch is None:
      return np.zeros_like(hole)
    return _two_valued('sketch', sketch, hole.shape)

  def _run(self, image, hole, strokes):
    """Returns what the stage predicts, cropped to the image's size."""
    height, width = hole.shape
    full = np.iinfo(image.dtype).max
    rgb = _as_rgb(image).astype(np.float32) / np.float32(full)
    padded = [math.ceil(extent / self._multiple) * self._multiple
              for extent in (height, width)]
    arrays = {'image': rgb, 'mask': hole[..., None].astype(np.float32)}
    if self._find_edges:
      arrays['edge'] = self._find_edges(rgb, hole)[..., None]
    if strokes is not None:
      arrays['sketch'] = strokes[..., None].astype(np.float32)
    batch = {key: images.pad_to(array, *padded)[None]
             for key, array in arrays.items()}
    return {key: images.crop(np.asarray(array)[0], height, width)
            for key, array in self._predict(self._variables, batch).items()}


def load(path: str | Path, checkpoint: str = 'last', *, edge: str = ''
         ) -> Inpainter:
  """Returns the trained system in a run's work directory.

  Args:
    path: the work directory.
    checkpoint: 'last', 'best' or a step.
    edge: where known edges come from, 'canny:sigma=2' or 'hed', if not from
      where the run had them (`data.edge`).

  Raises:
    jinpaint.errors.UsageError: there is no run, or no such checkpoint, or the
      run's stage makes no image, or reads edges from files, or none though
      `edge` is given.
  """
  workdir = Path(path)
  config = runs.read_config(workdir)
  stage = runs.stage_of(config)
  if edge:
    if 'edge' not in stage.spec.keys:
      raise UsageError(f'{workdir} holds a system that reads no edges')
    config.data.edge = edge
  if not stage.fills:
    raise UsageError(f'{workdir} was trained for the stage {config.stage} of '
                     f'{config.system}, which makes no image')
  variables, _ = checkpoints.variables_of(workdir, checkpoint)
  find_edges = None
  if 'edge' in stage.spec.keys:
    find_edges = _detector(config)
  return Inpainter(stage.predict, variables, stage.spec, find_edges=find_edges)


def _detector(config):
  """Returns the function that finds the known edges of a picture."""
  data = runs.data_of(config)
  find = (guidance.of_pictures(pretrained.load('hed'))
          if runs.detector_of(config, training=False).networks
          else edges.of_pictures(data.edge))
  if not data.edge_cut:
    return find
  return lambda image, hole: edges.above(
      find(image, hole), sum(data.edge_cut) / 2)


def _checked(image, mask):
  """Returns the holes (H, W) bool, if everything fits."""
  if image.dtype not in (np.uint8, np.uint16):
    raise ValueError(f'an image is uint8 or uint16, not {image.dtype}')
  if not image.size or not (
      image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))):
    raise ValueError('an image is (H, W) or (H, W, 1, 3 or 4), not '
                     f'{image.shape}')
  return _two_valued('mask', mask, image.shape[:2])


def _two_valued(what, array, size):
  """Returns a mask or a sketch as (H, W) bool, if it fits."""
  flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
  if flat.shape != size:
    raise ValueError(f'an image {size} needs a {what} of its size, not '
                     f'{array.shape}')
  if len(np.unique(flat)) > 2:
    raise ValueError(f'the {what} has grey values; cut it first, see '
                     'jinpaint.data.mask_files.binarise')
  return flat.astype(bool)


def _as_rgb(image):
  grey = image[..., None] if image.ndim == 2 else image
  return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey[..., :3]


def _like(image, rgb):
  """Returns RGB with the channels of `image`; alpha is the image's own."""
  if image.ndim == 3 and image.shape[2] == 4:
    return np.concatenate([rgb, image[..., 3:]], axis=2)
  if image.ndim == 3 and image.shape[2] == 3:
    return rgb
  grey = rgb @ np.asarray(images.LUMA, rgb.dtype)
  return grey if image.ndim == 2 else grey[..., None]
