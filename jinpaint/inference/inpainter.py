"""Inpaints pictures of any size with a trained system: arrays in, arrays out.

Never imports TensorFlow.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices, errors, images, runs
from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.inference import windows
from jinpaint.nets import Nets
from jinpaint.runs import packed
from jinpaint.stage import complete, Stage
from jinpaint.types import Array, Batch, KEYS, Variables

_NEEDS_TRUE_EDGES = (
    'this stage follows the true edges, which a damaged picture does not show; '
    'train the next stage, or give edge maps: --edge=files:PATH, in Python '
    'edge_map')

STRATEGIES = ('auto', 'original', 'tile')
# Heights and widths of windows, the first that fits the memory is taken. They
# are multiples of what any network needs.
_WINDOWS = (2048, 1024, 768, 512, 256)
_TILE = 1024  # of the strategy 'tile'
# A window's share, on each side, that is context alone.
_MARGIN = 1 / 8
# The share of the free memory that filling may take: of what XLA counts, the
# allocator needs somewhat more.
_SHARE = 0.75


class Plan(NamedTuple):
  """How a picture is filled.

  Attributes:
    window: height and width of the windows; 0 for the whole picture at once.
    needed: bytes that the whole picture would take, or 0 if nobody asked.
    free: bytes that there are.
  """

  window: int
  needed: int = 0
  free: int = 0

  def __str__(self) -> str:
    if not self.window:
      return 'as a whole'
    reason = (f': as a whole it would take {self.needed / 1e9:.1f} GB, and '
              f'{self.free / 1e9:.1f} GB are free' if self.needed else '')
    return f'in windows of {self.window} pixels{reason}'


class Inpainter:
  """Fills the holes of one image at a time.

  An image is padded to the next size that the system's networks take (see
  `jinpaint.stage.Sizes`), never beyond it, because what is added changes what
  is predicted. The price: the first image of each size is compiled for, which
  takes seconds to minutes; every program is kept for later images of its size.
  An image that is too large for the memory is filled window by window, around
  its holes (`jinpaint.inference.windows`); `plan` says so beforehand.

  >>> inpaint = jinpaint.load('runs/quickstart')  # doctest: +SKIP
  >>> result = inpaint(image, mask)  # doctest: +SKIP

  Attributes:
    follows_sketches: whether the system can be led by a sketch.
    sketch_cut: the share of white from which on a pixel of a soft sketch is a
      stroke. Whoever reads sketches from files cuts them there.
    reads_edges: whether the system reads edges, found or given.
    finds_edges: how edges are found where no map is given, as
      `jinpaint.data.edges` names it, such as 'canny:sigma=2'.
    needs_edge_map: why it cannot do without edge maps; empty if it can.
  """

  def __init__(self, stage: Stage, variables: Variables, *,
               guidance: Guidance | None = None,
               published: Variables | None = None, compute: str = 'float32',
               strategy: str = 'auto', memory: int | None = None):
    """Takes a system; it is compiled when it meets the first image of a size.

    Args:
      stage: a stage that makes an image.
      variables: the weights and statistics of its networks.
      guidance: where its edges come from; needed if it reads any.
      published: the variables of the networks that the guidance runs.
      compute: the type in which networks compute, see `jinpaint.nets`.
      strategy: 'original': images are filled as a whole, as the published
        programs do; 'tile': in windows of 1,024 pixels; 'auto': as a whole
        where that fits the memory, else in the largest windows that fit.
      memory: bytes that filling an image may take; None for what is free.

    Raises:
      ValueError: the stage reads edges, and there is no guidance; or there is
        no such strategy.
    """
    errors.check_option('strategy', strategy, STRATEGIES)
    if _reads_edges(stage) and guidance is None:
      raise ValueError('this stage reads edges; give the guidance that says '
                       'where they come from')

    def predict(variables: Variables, batch: Batch) -> Mapping[str, Array]:
      nets = Nets(stage.networks, variables, compute=compute)
      return complete(stage.predict(nets, batch), batch)

    self._stage, self._guidance = stage, guidance
    self.follows_sketches = 'sketch' in stage.predicts_from
    # SketchRefiner's program cuts sketches where it cuts edges.
    self.sketch_cut = (guidance.cut if guidance else None) or 0.5
    self.reads_edges = _reads_edges(stage)
    self.finds_edges, self.needs_edge_map = '', ''
    if self.reads_edges and guidance is not None:
      self.finds_edges = guidance.edges.spec if guidance.edges else ''
      self.needs_edge_map = (_NEEDS_TRUE_EDGES if stage.needs_true_edges
                             else guidance.needs_map)
    self._strategy, self._memory = strategy, memory
    self._predict = jax.jit(predict)
    self._programs: dict[tuple[int, int], Any] = {}
    self._reads = tuple(dict.fromkeys(
        ('image', 'mask', *stage.predicts_from)))
    self._variables = jax.device_put(variables)
    self._published = published or {}

  def __call__(self, image: np.ndarray, mask: np.ndarray,
               sketch: np.ndarray | None = None, *,
               edge_map: np.ndarray | None = None) -> np.ndarray:
    """Returns the image with its holes filled.

    Args:
      image: (H, W), (H, W, 1) grey, (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or
        uint16; any size.
      mask: (H, W) or (H, W, 1), of two values: 0 = known, anything else =
        hole.
      sketch: strokes drawn into the hole, for systems that follow sketches:
        like `mask`, 0 = none, anything else = stroke. What it has outside the
        hole is not read. None is the same as a sketch without strokes.
      edge_map: the edges of the whole image, for systems that read edges: (H,
        W) uint8, 255 = edge, soft edges in between. If it is None, edges are
        found in what is known, as `finds_edges` says. The programs of CFS and
        SketchRefiner find none, but read maps of undamaged pictures, HED's and
        BDCN's: their results come with such a map alone.

    Returns:
      An array like `image`. Known pixels are the same, bit for bit; alpha is
      the same everywhere.

    Raises:
      ValueError: shapes or types do not fit, the mask or the sketch has grey
        values, or the system follows no sketches or reads no edges.
      UsageError: there is no edge map, and the system needs one; or what it
        predicts in the hole is not finite, because its weights are broken.
    """
    hole = _checked_hole(image, mask)
    self._check_drawings(hole, sketch, edge_map)
    result = image.copy()
    if not hole.any():
      return result
    full = np.iinfo(image.dtype).max
    window = self.plan(*hole.shape).window or max(hole.shape)
    margin = int(window * _MARGIN)
    parts = windows.cover(hole, window, margin) if window < max(
        hole.shape) else [windows.Window(0, 0, *hole.shape)]

    def fill(part: windows.Window) -> np.ndarray:
      if part.of(hole).all() and not hole.all():
        raise UsageError(f'a hole is wider than the windows of {window} pixels '
                         'that fit the memory; shrink the picture')
      given = [None if array is None else part.of(array)
               for array in (sketch, edge_map)]
      return self._run(part.of(image), part.of(hole), *given)['image']

    rgb = windows.blend(hole, parts, margin, fill)
    if not np.isfinite(rgb).all():
      raise UsageError('what the model predicts in the hole is not finite: its '
                       'weights are broken')
    result[hole] = np.rint(_with_channels_of(
        image[hole], np.clip(rgb, 0, 1) * full)).astype(image.dtype)
    return result

  def plan(self, height: int, width: int) -> Plan:
    """Returns how an image of some size would be filled.

    The bytes that a program takes are those that XLA counts when it has
    compiled it.
    """
    if self._strategy == 'original':
      return Plan(0)
    if self._strategy == 'tile':
      return Plan(_TILE if max(height, width) > _TILE else 0)
    free = (devices.free_memory() if self._memory is None else self._memory)
    free = int(_SHARE * free)
    needed = self._bytes_of(height, width)
    if needed <= free or max(height, width) <= _WINDOWS[-1]:
      return Plan(0, needed, free)
    sizes = [size for size in _WINDOWS if size < max(height, width)]
    for size in sizes:
      if self._bytes_of(min(size, height), min(size, width)) <= free:
        return Plan(size, needed, free)
    return Plan(sizes[-1], needed, free)

  def _bytes_of(self, height: int, width: int) -> int:
    """Returns the bytes that an image takes while it is filled."""
    usage = self._program(*self._stage.sizes.holding(height, width)
                          ).memory_analysis()
    return int(usage.temp_size_in_bytes + usage.argument_size_in_bytes
               + usage.output_size_in_bytes)

  def _program(self, height: int, width: int) -> Any:
    """Returns the program for images of a size that the networks take."""
    size = height, width
    if size not in self._programs:
      batch = {key: jax.ShapeDtypeStruct((1, *size, KEYS[key].channels),
                                         jnp.float32)
               for key in self._reads}
      self._programs[size] = self._predict.lower(
          self._variables, batch).compile()
    return self._programs[size]

  def intermediates(self, image: np.ndarray, mask: np.ndarray,
                    sketch: np.ndarray | None = None, *,
                    edge_map: np.ndarray | None = None
                    ) -> dict[str, np.ndarray]:
    """Returns all that the system predicts for an image.

    Arguments and errors are those of `__call__`. Images are filled as a whole,
    whatever the strategy.

    Returns:
      What `jinpaint.stage.complete` returns, of one image, (H, W, C) float32:
      `image` and `raw_image`, RGB in [0, 1], not rounded; where there are
      edges, the completed `edge`; where there are sketches, the refined
      `sketch`.
    """
    hole = _checked_hole(image, mask)
    self._check_drawings(hole, sketch, edge_map)
    return self._run(image, hole, sketch, edge_map)

  def _check_drawings(self, hole: np.ndarray, sketch: np.ndarray | None,
                      edge_map: np.ndarray | None) -> None:
    """Raises what `__call__` says of a sketch or an edge map."""
    if sketch is not None and not self.follows_sketches:
      raise ValueError('this system follows no sketches')
    if edge_map is not None and not self.reads_edges:
      raise ValueError('this system reads no edges')
    if edge_map is None and self.needs_edge_map:
      raise UsageError(self.needs_edge_map)
    if edge_map is not None and (
        edge_map.dtype != np.uint8 or edge_map.shape != hole.shape):
      raise ValueError(f'an image {hole.shape} needs an edge map of its size, '
                       f'uint8, not {edge_map.shape} {edge_map.dtype}')
    if sketch is not None:
      _two_valued('sketch', sketch, hole.shape)

  def _strokes(self, sketch: np.ndarray | None, hole: np.ndarray
               ) -> dict[str, np.ndarray]:
    """Returns the sketch as a batch holds it, if the system reads one."""
    if not self.follows_sketches:
      return {}
    strokes = (np.zeros_like(hole) if sketch is None else
               _two_valued('sketch', sketch, hole.shape))
    return {'sketch': strokes[..., None].astype(np.float32)}

  def _edges(self, rgb: np.ndarray, hole: np.ndarray,
             edge_map: np.ndarray | None) -> dict[str, np.ndarray]:
    """Returns the edges as a batch holds them, if the system reads any."""
    if self._guidance is None or not self.reads_edges:
      return {}
    if edge_map is not None:
      edge_map = edge_map.astype(np.float32) / np.float32(255)
    return self._guidance.of_picture(self._published, rgb, hole, edge_map)

  def _run(self, image: np.ndarray, hole: np.ndarray,
           sketch: np.ndarray | None, edge_map: np.ndarray | None
           ) -> dict[str, np.ndarray]:
    """Returns predictions for an image at once, cropped to its size."""
    strokes = self._strokes(sketch, hole)
    height, width = hole.shape
    full = np.iinfo(image.dtype).max
    rgb = _as_rgb(image).astype(np.float32) / np.float32(full)
    padded = self._stage.sizes.holding(height, width)
    arrays = {'image': rgb, 'mask': hole[..., None].astype(np.float32),
              **strokes, **self._edges(rgb, hole, edge_map)}
    batch = {key: images.pad_to(arrays[key].astype(np.float32), *padded)[None]
             for key in self._reads}
    predicted = self._program(*padded)(self._variables, batch)
    return {key: images.crop(np.asarray(array)[0], height, width)
            for key, array in predicted.items()}


def load(path: str | Path | None = None, checkpoint: str = 'last', *,
         edge: str = '', strategy: str = 'auto', memory: int | None = None
         ) -> Inpainter:
  """Returns a trained system.

  Args:
    path: the work directory of a run, or a file that `jinpaint pack` wrote;
      None for the model that comes with jinpaint, which mends thin damage:
      scratches, wires, text (docs/models/scratches.md).
    checkpoint: 'last', 'best' or a step, of a run.
    edge: where edges come from, such as 'canny:sigma=2', 'hed' or 'files:PATH';
      empty for the run's own `data.edge`. With files, each call must be given
      the image's `edge_map`; without, each may be.
    strategy: how large images are filled, see `Inpainter`.
    memory: bytes that filling an image may take; None for what is free.

  Raises:
    jinpaint.errors.UsageError: there is no run, no file or no such checkpoint;
      the run's stage makes no image; or it reads no edges, and `edge` is given.
  """
  path = packed.OWN if path is None else Path(path)
  config, variables, _ = packed.open_model(path, checkpoint)
  stage = runs.stage_of(config)
  reads_edges = _reads_edges(stage)
  if not stage.fills:
    raise UsageError(f'{path} was trained for the stage {config.stage} of '
                     f'{config.system}, which makes no image')
  if edge:
    if not reads_edges:
      raise UsageError(f'{path} holds a system that reads no edges')
    config.data.edge = edge
  config.data.sketch = ''  # each call brings its own
  guidance = runs.guidance_of(config, training=False) if reads_edges else None
  return Inpainter(
      stage, variables, guidance=guidance, compute=config.compute,
      strategy=strategy, memory=memory, published={name: pretrained.load(name)
                 for name in (guidance.published if guidance else ())})


def _reads_edges(stage: Stage) -> bool:
  """Returns whether a stage reads edges, known or true ones."""
  return bool({'known_edge', 'true_edge'} & set(stage.predicts_from))


def _checked_hole(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
  """Returns the hole (H, W) bool, if image and mask have a form that fits."""
  if image.dtype not in (np.uint8, np.uint16):
    raise ValueError(f'an image is uint8 or uint16, not {image.dtype}')
  if not image.size or not (
      image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3, 4))):
    raise ValueError('an image is (H, W) or (H, W, 1, 3 or 4), not '
                     f'{image.shape}')
  return _two_valued('mask', mask, image.shape[:2])


def _two_valued(what: str, array: np.ndarray, size: tuple[int, ...]
                ) -> np.ndarray:
  """Returns a mask or a sketch as (H, W) bool, if it has a form that fits."""
  flat = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
  if flat.shape != size:
    raise ValueError(f'an image {size} needs a {what} of its size, not '
                     f'{array.shape}')
  if len(np.unique(flat)) > 2:
    raise ValueError(f'the {what} has grey values; cut it first, see '
                     'jinpaint.data.mask_files.binarise')
  return flat.astype(bool)


def _as_rgb(image: np.ndarray) -> np.ndarray:
  """Returns RGB (H, W, 3): grey is repeated, alpha is dropped."""
  grey = image[..., None] if image.ndim == 2 else image
  return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey[..., :3]


def _with_channels_of(pixels: np.ndarray, rgb: np.ndarray) -> np.ndarray:
  """Returns RGB (N, 3) in the form of an image's pixels, (N,) or (N, C)."""
  if pixels.ndim == 2 and pixels.shape[1] == 4:
    return np.concatenate([rgb, pixels[:, 3:]], axis=1)
  if pixels.ndim == 2 and pixels.shape[1] == 3:
    return rgb
  grey = rgb @ np.asarray(images.LUMA, rgb.dtype)
  return grey if pixels.ndim == 1 else grey[:, None]
