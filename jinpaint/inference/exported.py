"""Opens what `jinpaint export` has written, with nothing but jax and NumPy.

The file is a zip, which `numpy.load` reads as it reads `.npz`:

| entry                             | what it holds                            |
|-----------------------------------|------------------------------------------|
| `about.json`                      | the fields of `About`, and the format    |
| `weights/NETWORK/.../kernel.npy`  | one array of the weights, float32        |
| `programs/PLATFORM/any.stablehlo` | a program for any size, or, as           |
| `programs/PLATFORM/512.stablehlo` | `.../256`, `.../1024`, one for each size |

A program is StableHLO as `jax.export` makes it (a portable artifact, in JAX's
calling convention): it takes the weights, sorted by name, then `About.inputs`,
and returns the filled image (H, W, 3) uint8 and whether all that was predicted
in the hole is finite. JAX's own file format around it is not used, because
reading it takes another package, flatbuffers. In its place a stand-in of the
same signature is traced, and the program takes its place.

Nothing in the file is unpickled. But it is a program: open files only of those
whom you would let compute on your machine.
"""

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any
import warnings
import zipfile
import zlib

import jax
from jax import export
import jax.numpy as jnp
import numpy as np

import jinpaint
from jinpaint import errors, images
from jinpaint.errors import UsageError
from jinpaint.inference import pictures, windows
from jinpaint.inference.pictures import Task
from jinpaint.types import Array

SUFFIX = '.jinpaint'
FORMAT = 1
ABOUT, WEIGHTS = 'about.json', 'weights/'
STRATEGIES = ('auto', 'original', 'tile')
# A picture of more pixels is filled in windows, unless the whole is asked for.
_MOST_PIXELS = 2048 * 2048
_WINDOW = 1024
_MARGIN = 1 / 8  # a window's share, on each side, that is context alone


@dataclasses.dataclass(frozen=True)
class About:
  """What is known of an exported system without running it.

  Attributes:
    system: its name.
    stage: of the system.
    step: of the training at which the weights are; None if nobody knows.
    jinpaint_version: what wrote the file.
    jax_version: what wrote the file.
    exported: the date, as 2026-11-27.
    guaranteed_until: the date until which JAX promises to read the programs.
    calling_convention: the version of `jax.export`'s by which they are called.
    platforms: JAX's names of those that there are programs for.
    sizes: heights and widths, of squares, that there are programs for; empty
      if one program takes all sizes.
    divisor: heights and widths must be multiples of it.
    smallest: heights and widths must be at least that.
    inputs: what the programs take, in this order, all uint8: `image` (H, W, 3),
      `mask` (H, W), not 0 = hole; where the system reads them, `sketch` (H, W),
      not 0 = stroke, and `edge_map` (H, W), 255 = edge; and where a network
      finds edges, `find_edges` (): if it is not 0, `edge_map` is not read.
    sketch_cut: see `jinpaint.inference.Inpainter`.
    finds_edges: see there.
    needs_edge_map: see there.
  """

  system: str
  stage: str
  step: int | None
  jinpaint_version: str
  jax_version: str
  exported: str
  guaranteed_until: str
  calling_convention: int
  platforms: tuple[str, ...]
  sizes: tuple[int, ...]
  divisor: int
  smallest: int
  inputs: tuple[str, ...]
  sketch_cut: float
  finds_edges: str
  needs_edge_map: str

  def entry(self, platform: str, size: int | None) -> str:
    """Returns where the file holds a program; None is the size of any."""
    return f'programs/{platform}/{size or "any"}.stablehlo'

  def shapes(self, size: int | None) -> list[jax.ShapeDtypeStruct]:
    """Returns the shapes of the inputs.

    Args:
      size: height and width; None for symbols, which stand for any.
    """
    if size is None:
      least = -(-self.smallest // self.divisor)
      rows, columns = export.symbolic_shape(
          'h, w', constraints=[f'h >= {least}', f'w >= {least}'])
      height, width = self.divisor * rows, self.divisor * columns
    else:
      height = width = size
    forms = {'image': (height, width, 3), 'find_edges': ()}
    return [jax.ShapeDtypeStruct(forms.get(key, (height, width)), jnp.uint8)
            for key in self.inputs]

  def holding(self, height: int, width: int) -> tuple[int, int]:
    """Returns the least size that a program takes and an image fits into."""
    if self.sizes:
      size = min(size for size in self.sizes if size >= max(height, width))
      return size, size
    least, divisor = self.smallest, self.divisor
    return (-(-max(height, least) // divisor) * divisor,
            -(-max(width, least) // divisor) * divisor)


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
    errors.check_option('strategy', strategy, STRATEGIES)
    self._path, self._strategy = path, strategy
    self.about, weights, programs = _read(path)
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
    parts, margin = self._parts(task.hole, strategy or self._strategy)
    blend = windows.Blend(task.hole, margin)
    for part in parts:
      blend.add(part, task.hole, self._predicted(
          pictures.cut(task, part, part.height, part.width)))
    return pictures.with_colours(task, blend.colours())

  def _checked(self, task: Task) -> Task:
    """Returns what `pictures.checked` returns; raises as `__call__`."""
    if task.image.dtype == np.uint16:
      raise UsageError(f'{self._path} fills pictures of 8 bits a channel; the '
                       'run, or the packed model, fills those of 16')
    task = pictures.checked(task)
    if task.sketch is not None and not self.follows_sketches:
      raise ValueError('this system follows no sketches')
    if task.edge_map is not None and not self.reads_edges:
      raise ValueError('this system reads no edges')
    if task.edge_map is None and self.needs_edge_map:
      raise UsageError(self.needs_edge_map)
    return task

  def _parts(self, hole: np.ndarray, strategy: str
             ) -> tuple[list[windows.Window], int]:
    """Returns the windows that a picture is filled in, and their margin."""
    errors.check_option('strategy', strategy, STRATEGIES)
    height, width = hole.shape
    whole = [windows.Window(0, 0, height, width)], 0
    sizes = self.about.sizes or (_WINDOW,)
    if not self.about.sizes:
      few = height * width <= _MOST_PIXELS and strategy == 'auto'
      if few or strategy == 'original' or max(height, width) <= _WINDOW:
        return whole
    elif max(height, width) <= sizes[0] or (
        height == width and height in sizes):
      return whole
    elif strategy == 'original':
      raise UsageError(f'{self._path} fills as a whole what is '
                       f'{" or ".join(map(str, sizes))} pixels high and wide')
    # The largest that need nothing mirrored, or larger ones for wider holes.
    fitting = [size for size in sizes if size <= min(height, width)][-1:]
    for size in [*fitting, *(size for size in sizes if size > min(
        height, width))] or sizes:
      margin = int(size * _MARGIN)
      parts = windows.cover(hole, size, margin)
      if hole.all() or not any(part.of(hole).all() for part in parts):
        return parts, margin
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
    arrays = [images.pad_to(given[key], *size) if given[key].ndim
              else given[key] for key in self.about.inputs]
    filled, is_finite = self._calls[size[0] if self.about.sizes else None](
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


def is_exported(path: Path) -> bool:
  """Returns whether a path names a file that `jinpaint export` has written."""
  if not path.is_file():
    return False
  if path.suffix == SUFFIX:
    return True
  if not zipfile.is_zipfile(path):
    return False
  with zipfile.ZipFile(path) as archive:
    return ABOUT in archive.namelist()


def _read(path: Path) -> tuple[About, dict[str, np.ndarray],
                               dict[int | None, export.Exported]]:
  """Returns what a file holds for this platform.

  Returns:
    What it says of itself, its weights by name, and its programs by size.

  Raises:
    UsageError: as `Exported`.
  """
  platform = export.default_export_platform()
  try:
    with np.load(path, allow_pickle=False) as archive:
      about = _about(path, json.loads(archive[ABOUT]))
      if platform not in about.platforms:
        raise UsageError(
            f'{path} has programs for {", ".join(about.platforms)}, none for '
            f'{platform}; export it anew with --platforms={platform}')
      weights = {name: archive[name] for name in archive.files
                 if name.startswith(WEIGHTS)}
      encoded = {size: bytes(archive[about.entry(platform, size)])
                 for size in about.sizes or (None,)}
  except UsageError:
    raise
  # ValueError: what NumPy and JSON cannot read; it is no pickle that is.
  except (EOFError, KeyError, NotImplementedError, OSError, TypeError,
          ValueError, zipfile.BadZipFile, zlib.error) as error:
    raise UsageError(f'{path} is broken, or was not written by jinpaint '
                     'export') from error
  programs = {size: _program(path, about, platform, size, code, weights)
              for size, code in encoded.items()}
  return about, weights, programs


def _about(path: Path, fields: dict[str, Any]) -> About:
  """Returns what a file says of itself; warns if its time is over.

  Raises:
    UsageError: it is of another format, or its programs are called otherwise.
    ValueError: it is none of jinpaint's, and so does `TypeError` say.
  """
  if fields.pop('format') != FORMAT:
    raise UsageError(f'{path} was exported in a form that jinpaint '
                     f'{jinpaint.__version__} does not read; export it anew')
  read: dict[str, Any] = {
      key: tuple(value) if isinstance(value, list) else value
      for key, value in fields.items()}
  about = About(**read)
  lowest = export.minimum_supported_calling_convention_version
  highest = export.maximum_supported_calling_convention_version
  if not lowest <= about.calling_convention <= highest:
    raise UsageError(
        f'{path} was exported by jax {about.jax_version}, and jax '
        f'{jax.__version__} cannot call it; export it anew')
  if datetime.date.today() > datetime.date.fromisoformat(
      about.guaranteed_until):
    warnings.warn(
        f'{path} was exported on {about.exported}, and jax promises to read '
        f'such files for six months, until {about.guaranteed_until}; export '
        'it anew: jinpaint export', stacklevel=5)
  return about


def _program(path: Path, about: About, platform: str, size: int | None,
             code: bytes, weights: dict[str, np.ndarray]) -> export.Exported:
  """Returns a program that can be called.

  Raises:
    UsageError: this JAX cannot read it.
  """
  def stand_in(weights: dict[str, Array], image: Array, *others: Array
               ) -> tuple[Array, Array]:
    del weights, others
    return image, jnp.ones((), jnp.bool_)

  # All that JAX knows of a program but its code, in the words of this version.
  known = export.export(
      jax.jit(stand_in, keep_unused=True), platforms=[platform])(
          weights, *about.shapes(size))
  program = dataclasses.replace(
      known, mlir_module_serialized=code,
      calling_convention_version=about.calling_convention)
  try:
    program.mlir_module()
  except Exception as error:  # of a kind that has no public name
    raise UsageError(
        f'{path} was exported by jax {about.jax_version}, and jax '
        f'{jax.__version__} cannot read its programs; export it anew'
        ) from error
  return program
