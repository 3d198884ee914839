"""Where sketches come from: simulated by bending edges, or read from files.

A sketch is (H, W) float32 in [0, 1], and **1 = stroke**, white on black. Every
random choice comes from the generator that is passed in.

A config's `data.sketch`, which `parse` reads, is one of these:

| spec                        | sketches                                      |
|-----------------------------|-----------------------------------------------|
| `simulated`                 | the image's edges, bent as by an unsure hand  |
| `files:PATH`                | those in files, white strokes, cut at half as |
|                             | in SketchRefiner's published training         |
| `none`                      | empty ones                                    |

`PATH`, all that follows, is a folder, of which everything below counts; a
photograph's sketch has its size and its name but for the suffix, and is
cropped, resized and flipped with it. `simulated` has options,
`simulated:move=30-100:thin=yes`:

| option        | meaning                                                      |
|---------------|--------------------------------------------------------------|
| `move=30-100` | largest displacement in pixels at a size of 256, scaled with |
|               | it; drawn uniformly for each example, or one number          |
| `thin=yes`    | strokes are one pixel wide before they are bent, as the      |
|               | paper's summary has it; the published code does not thin     |

Simulation is that of Chang Liu et al., 2023, arXiv:2306.00407, "Towards
Interactive Image Inpainting via Sketch Refinement", in the form of its code:
smooth random displacements on a coarse grid, interpolated; strokes become soft,
zeros come in at the border, and displacements of 0 still scale the map by
N / (N - 1). There, a run draws the largest displacement once, from 30 to 100:
`move=65` is such a run.
"""

from collections.abc import Iterator
import dataclasses
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np

from jinpaint.data import files, mask_files, specs

GRID = 10  # nodes on a side of the coarse grid
_RADIUS = 5  # of the filter that smooths it, as wide as that at half height


def displacements(normal: np.ndarray, move: float, size: tuple[int, int]
                  ) -> np.ndarray:
  """Returns the smooth displacements by which `deform` bends a map.

  Args:
    normal: (h, w, 2), standard normal numbers, for x and for y.
    move: largest displacement in pixels. Typical ones are a fifth of it.
    size: height and width of the map.

  Returns:
    (h, w, 2) float32, in units of half of the map's width and height.
  """
  place = np.arange(-_RADIUS, _RADIUS + 1)
  bell = np.exp(-4 * np.log(2) * (place / _RADIUS) ** 2)
  bell /= bell.sum()
  smooth = cv2.sepFilter2D(normal.astype(np.float64), -1, bell, bell,
                           borderType=cv2.BORDER_REPLICATE)
  largest = 2 * move / np.asarray(size[::-1])
  return np.clip(smooth * largest, -largest, largest).astype(np.float32)


def deform(maps: Any, field: Any, xp: ModuleType = np) -> Any:
  """Bends maps: each pixel takes the value at the place it is displaced to.

  Args:
    maps: (B, H, W, C) float32, edges or others; H and W at least 2.
    field: (B, h, w, 2) float32, what `displacements` returns.
    xp: the module whose arrays these are: `numpy`, or `jax.numpy` on a device.

  Returns:
    (B, H, W, C) float32, soft: sampled bilinearly, 0 outside of the map.
  """
  batch, height, width, _ = maps.shape
  for axis, size in ((1, height), (2, width)):
    field = _interpolated(field, axis, size, xp)
  y, x = (_coordinates(field[..., i], size, axis, xp)
          for i, size, axis in ((1, height, 1), (0, width, 2)))
  image = np.arange(batch, dtype=np.int32)[:, None, None]
  bent = xp.zeros_like(maps)
  for row, row_share in _neighbours(y, height, xp):
    for column, column_share in _neighbours(x, width, xp):
      bent += maps[image, row, column] * (row_share * column_share)[..., None]
  return bent


def _interpolated(field: Any, axis: int, size: int, xp: ModuleType) -> Any:
  """Enlarges an axis bilinearly: half-pixel centres, the edge repeated."""
  nodes = field.shape[axis]
  place = np.clip((np.arange(size) + 0.5) * nodes / size - 0.5, 0, nodes - 1)
  low = np.floor(place).astype(np.int32)
  high = np.minimum(low + 1, nodes - 1)
  share = np.expand_dims((place - low).astype(np.float32), tuple(
      i for i in range(4) if i != axis))
  return (xp.take(field, low, axis) * (1 - share)
          + xp.take(field, high, axis) * share)


def _coordinates(moved: Any, size: int, axis: int, xp: ModuleType) -> Any:
  """Returns the coordinates (B, H, W), in pixels, that pixels take values from.

  The published code has two systems of coordinates, and so has this. Pixels are
  displaced where the first one is at -1 and the last one at 1; values are
  looked up where -1 and 1 are the outer borders of these pixels.
  """
  base = np.linspace(-1, 1, size, dtype=np.float32).reshape(
      (1, -1, 1) if axis == 1 else (1, 1, -1))
  return ((xp.clip(moved + base, -1, 1) + 1) * size - 1) / 2


def _neighbours(place: Any, size: int, xp: ModuleType
                ) -> Iterator[tuple[Any, Any]]:
  """Yields both pixels beside each place, and their shares; 0 if outside."""
  low = xp.floor(place)
  for pixel, share in ((low, 1 - (place - low)), (low + 1, place - low)):
    inside = (pixel >= 0) & (pixel <= size - 1)
    yield (xp.clip(pixel, 0, size - 1).astype(np.int32),
           xp.where(inside, share, xp.zeros_like(share)))


def thinned(edge: np.ndarray) -> np.ndarray:
  """Returns an edge map (H, W), cut at half, with lines a pixel wide."""
  from skimage import morphology  # imported here: it is slow
  return morphology.skeletonize(edge > 0.5).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Sketches:
  """Which sketches are wanted, and how they are made. See `parse`.

  Attributes:
    moves: smallest and largest `move`; empty if sketches are not simulated.
    thin: whether edges are thinned before they are bent.
    maps: the files that sketches come from; None without files.
  """

  moves: tuple[float, ...] = ()
  thin: bool = False
  maps: files.Namesakes | None = None

  def __post_init__(self) -> None:
    if self.thin:
      # scikit-image is imported now, not by several threads at once.
      thinned(np.zeros((3, 3), np.float32))

  @property
  def bends(self) -> bool:
    """Whether sketches are simulated, from edges."""
    return bool(self.moves)

  def field(self, rng: np.random.Generator, height: int, width: int
            ) -> np.ndarray:
    """Draws the displacements (GRID, GRID, 2) with which `deform` bends a map.

    Args:
      rng: draws the largest displacement, and then all others.
      height: the map's.
      width: the map's.
    """
    smallest, largest = self.moves
    move = rng.uniform(smallest, largest) * min(height, width) / 256
    return displacements(rng.standard_normal((GRID, GRID, 2)), move,
                         (height, width))

  def simulate(self, rng: np.random.Generator, edge: np.ndarray) -> np.ndarray:
    """Returns the simulated sketch of an edge map, both (H, W) float32."""
    field = self.field(rng, *edge.shape)
    edge = thinned(edge) if self.thin else edge
    return deform(edge[None, ..., None], field[None])[0, ..., 0]


def read_map(path: Path) -> np.ndarray:
  """Returns the sketch in a file, (H, W) uint8, 0 or 1.

  Raises:
    UsageError: the file cannot be read.
  """
  return mask_files.read(path, what='sketch')


KINDS = {
    'simulated': specs.Kind(
        {'move': specs.NUMBER_RANGE, 'thin': specs.YES_OR_NO}),
    'files': specs.Kind(rest='PATH'),
    'none': specs.Kind(),
}


def parse(spec: str) -> Sketches:
  """Reads which sketches are wanted.

  Args:
    spec: as in the tables at the head of this file.

  Raises:
    UsageError: no such kind, option, value or folder.
  """
  parsed = specs.parse('sketches', spec, KINDS)
  if parsed.kind == 'files':
    return Sketches(maps=files.Namesakes('sketches', parsed.path))
  if parsed.kind == 'none':
    return Sketches()
  return Sketches(parsed.options.get('move', (30.0, 100.0)),
                  parsed.options.get('thin', False))
