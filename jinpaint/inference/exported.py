"""Fills pictures by an exported file, with nothing but jax and NumPy."""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from jinpaint import errors, images
from jinpaint.errors import UsageError
from jinpaint.inference import exported_file, pictures, windows
from jinpaint.inference.names import EXPORTED_STRATEGIES
from jinpaint.inference.pictures import Task

# A picture of more pixels is filled in windows, unless the whole is asked for.
_MOST_PIXELS = 2048 * 2048
_WINDOW = 1024
_MARGIN = 1 / 8  # a window's share, on each side, that is context alone


class _Layout(NamedTuple):
  """How a picture is filled.

  Attributes:
    height: to which it is extended, so that windows of one size fit into it and
      begin where those of the whole picture would be halved alike.
    width: to which it is extended.
    parts: the windows.
    margin: of the windows, see `jinpaint.inference.windows`.
  """

  height: int
  width: int
  parts: list[windows.Window]
  margin: int = 0


class Exported:
  """Fills the holes of pictures by the programs of an exported file.

  It is called as `jinpaint.inference.Inpainter` is, and has its attributes.
  What differs: pictures have 8 bits a channel; those that a program of fixed
  sizes does not take, and those of more than 4 megapixels, are filled in
  windows around their holes; Canny's edges need scikit-image and what else
  jinpaint reads files with.

  Attributes:
    about: what the file says of itself.
    follows_sketches: see `jinpaint.inference.Inpainter`.
    sketch_cut: see there.
    reads_edges: see there.
    finds_edges: see there.
    needs_edge_map: see there.
  """

  def __init__(self, path: Path, strategy: str = 'auto'):
    """Opens a file; nothing is compiled before the first picture.

    Args:
      path: the file.
      strategy: 'auto': a picture is filled as a whole if there is a program for
        its size, and it has no more than 4 megapixels, else in windows;
        'original': as a whole, or not at all; 'tile': in windows.

    Raises:
      UsageError: there is no such strategy; the file is broken or no exported
        one; or it has no program that this JAX reads on this platform.
    """
    errors.check_option('strategy', strategy, EXPORTED_STRATEGIES)
    self._path, self._strategy = path, strategy
    self.about, weights, programs = exported_file.read(path)
    self._weights = jax.device_put(weights)
    self._calls = {size: jax.jit(program.call)
                   for size, program in programs.items()}
    self.follows_sketches = 'sketch' in self.about.inputs
    self.reads_edges = 'edge_map' in self.about.inputs
    self.sketch_cut = self.about.sketch_cut
    self.finds_edges = self.about.finds_edges
    self.needs_edge_map = self.about.needs_edge_map

  def __call__(self, image: np.ndarray, mask: np.ndarray,
               sketch: np.ndarray | None = None, *,
               edge_map: np.ndarray | None = None,
               strategy: str | None = None) -> np.ndarray:
    """Returns the image with its holes filled.

    Args:
      image: as `jinpaint.inference.Task.image`, uint8.
      mask: as `Task.hole`.
      sketch: as `Task.sketch`.
      edge_map: as `Task.edge_map`.
      strategy: in place of the one that the file was opened with.

    Returns:
      An array like `image`. Known pixels are the same, bit for bit; alpha is
      the same everywhere.

    Raises:
      ValueError: shapes or types do not fit, the mask or the sketch has grey
        values, or the system follows no sketches or reads no edges.
      UsageError: the image has 16 bits; an edge map is missing; the picture
        cannot be filled so; or what is predicted is not finite.
    """
    task = self._checked(Task(image, mask, sketch, edge_map))
    if not task.hole.any():
      return image.copy()
    layout = self._layout(task.hole, strategy or self._strategy)
    size = layout.height, layout.width
    sketch, edge_map = (
        None if array is None else images.pad_to(array, *size)
        for array in (task.sketch, task.edge_map))
    extended = Task(images.pad_to(image, *size),
                    images.pad_to(task.hole, *size), sketch, edge_map)
    blend = windows.Blend(extended.hole, layout.margin)
    for part in layout.parts:
      blend.add(part, extended.hole, self._predicted(
          pictures.cut(extended, part, part.height, part.width)))
    filled = pictures.with_colours(extended, blend.colours())
    return images.crop(filled, *task.hole.shape)

  def _checked(self, task: Task) -> Task:
    """Returns what `pictures.checked` returns; raises as `__call__`."""
    if task.image.dtype == np.uint16:
      raise UsageError(f'{self._path} fills pictures of 8 bits a channel; the '
                       'run, or the packed model, fills those of 16')
    task = pictures.checked(task)
    pictures.check_read(task, follows_sketches=self.follows_sketches,
                        reads_edges=self.reads_edges,
                        needs_edge_map=self.needs_edge_map)
    return task

  def _layout(self, hole: np.ndarray, strategy: str) -> '_Layout':
    """Returns how a picture is filled."""
    errors.check_option('strategy', strategy, EXPORTED_STRATEGIES)
    height, width = hole.shape
    whole = _Layout(height, width, [windows.Window(0, 0, height, width)])
    about, sizes = self.about, [_WINDOW]
    if not about.sizes:
      few = height * width <= _MOST_PIXELS and strategy == 'auto'
      if few or strategy == 'original' or max(height, width) <= _WINDOW:
        return whole
    else:
      sizes = [rows for rows, columns in about.sizes if rows == columns]
      if about.holding(height, width) and (
          strategy != 'tile' or max(height, width) <= min(sizes, default=0)):
        return whole
      if strategy == 'original' or not sizes:
        raise UsageError(
            f'{self._path} fills as a whole what is '
            f'{" or ".join(map(exported_file.as_text, about.sizes))} pixels '
            '(height x width)' + ('' if sizes else ', and nothing else; a '
                                  'square size would also fill in windows'))
    # The largest that need nothing mirrored, or larger ones for wider holes.
    fitting = [size for size in sizes if size <= min(height, width)][:-1]
    for size in sizes[len(fitting):]:
      if about.sizes:
        height, width = (size + _multiple(max(0, extent - size))
                         for extent in hole.shape)
      margin = int(size * _MARGIN)
      extended = images.pad_to(hole, height, width)
      parts = windows.cover(extended, size, margin)
      if hole.all() or not any(part.of(extended).all() for part in parts):
        return _Layout(height, width, parts, margin)
    raise UsageError(f'a hole is wider than the windows of {size} pixels that '
                     f'{self._path} fills; shrink the picture')

  def _predicted(self, task: Task) -> np.ndarray:
    """Returns RGB (H, W, 3) float32 in [0, 1], predicted for a whole task."""
    height, width = task.hole.shape
    rgb = np.rint(pictures.as_rgb(task.image) * 255).astype(np.uint8)
    given = {'image': rgb, 'mask': task.hole.astype(np.uint8),
             'find_edges': np.zeros((), np.uint8)}
    if self.follows_sketches:
      strokes = np.zeros_like(task.hole) if task.sketch is None else task.sketch
      given['sketch'] = strokes.astype(np.uint8)
    if self.reads_edges:
      given |= self._edges(task, rgb)
    size = self.about.holding(height, width)
    assert size, 'layouts have no other parts'
    arrays = [images.pad_to(given[key], *size) if given[key].ndim
              else given[key] for key in self.about.inputs]
    filled, is_finite = self._calls[size if self.about.sizes else None](
        self._weights, *arrays)
    if not is_finite:
      raise UsageError('what the model predicts in the hole is not finite: its '
                       'weights are broken')
    return images.crop(np.asarray(filled), height, width) / np.float32(255)

  def _edges(self, task: Task, rgb: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the edges that the programs take, given or found.

    Args:
      task: a picture.
      rgb: its colours, (H, W, 3) uint8.
    """
    if task.edge_map is not None:
      return {'edge_map': task.edge_map}
    if 'find_edges' in self.about.inputs:
      return {'edge_map': np.zeros(task.hole.shape, np.uint8),
              'find_edges': np.ones((), np.uint8)}
    try:
      # Imported here: it needs much that is not needed elsewhere.
      from jinpaint.data import edges
    except ImportError as error:
      raise UsageError(f'to find edges ({self.finds_edges}) takes the package '
                       f'{error.name}, which is not installed; install it, or '
                       'give an edge_map') from error
    found = edges.parse(self.finds_edges).find(rgb, hole=task.hole)
    return {'edge_map': np.rint(255 * found).astype(np.uint8)}


def _multiple(extent: int) -> int:
  """Returns the least multiple of `windows.ALIGNMENT` from a number on."""
  return -(-extent // windows.ALIGNMENT) * windows.ALIGNMENT
