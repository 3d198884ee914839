"""Inpaints pictures of any size with a trained system.

Never imports TensorFlow.
"""

import collections
from collections.abc import Callable, Sequence
import math
from pathlib import Path
from typing import Any, overload, TypeVar

import jax
import numpy as np
from PIL import Image

from jinpaint import devices, errors, images
from jinpaint.guidance import Guidance
from jinpaint.inference import opening, pictures, plans
from jinpaint.inference.assembly import Assembly
from jinpaint.inference.names import STRATEGIES
from jinpaint.inference.opening import Given
from jinpaint.inference.pictures import Task
from jinpaint.inference.plans import Layout, Part, Plan
from jinpaint.inference.programs import Size
from jinpaint.inference.system import System
from jinpaint.stage import Stage
from jinpaint.types import Variables

_Read = TypeVar('_Read', np.ndarray, str, Path)
Several = Sequence[Any]  # of what is given for each of several images

# The share of the free memory that filling may take: of what XLA counts, the
# allocator needs somewhat more.
_SHARE = 0.75


class Stopped(Exception):
  """Whoever asked for pictures to be filled has stopped it."""


class Inpainter:
  """Fills the holes of pictures.

  An image is padded to the next size that the system's networks take (see
  `jinpaint.stage.Sizes`), never beyond it, because what is added changes what
  is predicted. The price: the first image of each size is compiled for, which
  takes seconds to minutes; every program is kept for later images of its size.
  An image that is too large for the memory is filled window by window, around
  its holes (`jinpaint.inference.windows`); `plan` says so beforehand. Many
  images are filled in batches of one size, on all devices, by `fill`.

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
               strategy: str = 'auto', memory: int | None = None,
               among: Sequence[jax.Device] | None = None):
    """Takes a system; it is compiled when it meets the first image of a size.

    Args:
      stage: a stage that makes an image.
      variables: the weights and statistics of its networks.
      guidance: where its edges come from; needed if it reads any.
      published: the variables of the networks that the guidance runs.
      compute: the type in which networks compute, see `jinpaint.nets`.
      strategy: 'original': images are filled as a whole, as the published
        programs do; 'tile': in windows of 1,024 pixels; 'crop': in windows of
        few sizes, that fit each group of holes; 'resize': from a picture whose
        longer side is 1,024 pixels at most; 'auto': as a whole where that fits
        the memory, else in the largest windows that fit. Where windows are
        too small for a hole, it is filled from a smaller picture.
      memory: bytes that filling an image may take; None for what is free.
      among: the devices; None for all local ones.

    Raises:
      ValueError: the stage reads edges, and there is no guidance; or there is
        no such strategy.
    """
    errors.check_option('strategy', strategy, STRATEGIES)
    self._system = System(stage, variables, guidance, published or {}, compute,
                          tuple(among or jax.local_devices()))
    self._strategy, self._memory = strategy, memory
    self.follows_sketches = self._system.follows_sketches
    self.sketch_cut = self._system.sketch_cut
    self.reads_edges = self._system.reads_edges
    self.finds_edges = self._system.finds_edges
    self.needs_edge_map = self._system.needs_edge_map

  @overload
  def __call__(self, image: Image.Image, mask: Given,
               sketch: Given | None = None, *, edge_map: Given | None = None,
               strategy: str | None = None) -> Image.Image: ...

  @overload
  def __call__(self, image: np.ndarray | str | Path, mask: Given,
               sketch: Given | None = None, *, edge_map: Given | None = None,
               strategy: str | None = None) -> np.ndarray: ...

  @overload
  def __call__(self, image: list[Image.Image] | tuple[Image.Image, ...],
               mask: Given | Several, sketch: Given | Several | None = None, *,
               edge_map: Given | Several | None = None,
               strategy: str | None = None) -> list[Image.Image]: ...

  @overload
  def __call__(self, image: list[_Read] | tuple[_Read, ...],
               mask: Given | Several, sketch: Given | Several | None = None, *,
               edge_map: Given | Several | None = None,
               strategy: str | None = None) -> list[np.ndarray]: ...

  def __call__(self, image: Any, mask: Any, sketch: Any = None, *,
               edge_map: Any = None, strategy: str | None = None) -> Any:
    """Returns the image with its holes filled; or all of several.

    >>> import numpy as np
    >>> image = np.full((24, 32, 3), 200, np.uint8)
    >>> hole = np.zeros((24, 32), bool)
    >>> hole[10:13] = True
    >>> inpaint = jinpaint.load()
    >>> filled = inpaint(image, hole)
    >>> filled.shape, filled.dtype
    ((24, 32, 3), dtype('uint8'))
    >>> (filled == image)[~hole].all()
    np.True_

    Images that were opened by Pillow stay such, and lists give lists:

    >>> from PIL import Image
    >>> inpaint(Image.fromarray(image), Image.fromarray(hole)).size
    (32, 24)
    >>> first, second = inpaint([image, image], hole)
    >>> (first == filled).all()
    np.True_

    Args:
      image: an array as `Task.image`, Pillow's image, the path of a file, or a
        list or tuple of these. Files are upright by their EXIF orientation;
        what Pillow has opened is taken as it is.
      mask: an array as `Task.hole`; or Pillow's image or a path, white = hole,
        see `jinpaint.data.mask_recognition`. One for all images, or a list of
        as many; so are the following.
      sketch: as `Task.sketch`, or Pillow's or a path, white on black.
      edge_map: as `Task.edge_map`, or Pillow's or a path. If it is None, edges
        are found in what is known, as `finds_edges` says. The programs of CFS
        and SketchRefiner find none, but read maps of undamaged pictures, HED's
        and BDCN's: their results come with such a map alone.
      strategy: in place of the inpainter's own.

    Returns:
      Pillow's image for such a one, an array for an array or a path, a list for
      a list or tuple. Size, channels and depth are the image's. Known pixels
      are the same, bit for bit; alpha is the same everywhere.

    Raises:
      ValueError: shapes or types do not fit, an array that is a mask or a
        sketch has grey values, or the system follows no sketches or reads no
        edges.
      UsageError: a file cannot be read; there is no edge map, and the system
        needs one; or what it predicts in the hole is not finite, because its
        weights are broken.
    """
    given = image if opening.is_list(image) else [image]
    tasks = [
        Task(opening.image(one), opening.mask(hole),
             opening.sketch(strokes, self.sketch_cut), opening.edge_map(drawn))
        for one, hole, strokes, drawn in zip(
            given, *(opening.for_each(what, belonging, len(given))
                     for what, belonging in (('masks', mask),
                                             ('sketches', sketch),
                                             ('edge maps', edge_map))),
            strict=True)]
    filled = [opening.as_given(result, one) for result, one in zip(
        self.fill(tasks, strategy=strategy), given, strict=True)]
    return filled if opening.is_list(image) else filled[0]

  def fill(self, tasks: Sequence[Task], *, strategy: str | None = None,
           stop: Callable[[], bool] = lambda: False,
           progress: Callable[[float], None] = lambda share: None
           ) -> list[np.ndarray]:
    """Returns many images, each with its holes filled.

    Images of one padded size, and windows of one size, are filled together by
    one program, in batches that are spread over the devices. What an image
    becomes does not depend on the others.

    Args:
      tasks: of any sizes. All of them, their results, and nothing more than
        that of the filled pixels is held in memory.
      strategy: in place of the inpainter's own.
      stop: asked before every batch whether to go on.
      progress: told, after every batch, the share of the pixels that are done.

    Returns:
      For each task an array like its image. Known pixels are the same, bit for
      bit; alpha is the same everywhere.

    Raises:
      Stopped: `stop` returned True.
      ValueError: as `__call__`, before anything is computed.
      UsageError: as `__call__`.
    """
    system, free = self._system, self._free()
    checked = [system.checked(task) for task in tasks]
    layouts = self._layouts(checked, strategy, free)
    groups = collections.defaultdict[Size, list[tuple[int, Part]]](list)
    for number, layout in enumerate(layouts):
      for part in layout.parts:
        size = system.sizes.holding(part.height, part.width)
        groups[size].append((number, part))
    assembly = Assembly(checked, layouts)
    total = sum(math.prod(size) * len(group) for size, group in groups.items())
    done = 0
    for size, group in groups.items():
      program = system.programs.ready(size, len(group), free)
      for start in range(0, len(group), program.batch):
        if stop():
          raise Stopped
        some = group[start:start + program.batch]
        predicted = np.asarray(program([
            system.inputs(pictures.cut(checked[number], part.window,
                                       part.height, part.width), size)
            for number, part in some])['image'])
        for (number, part), rgb in zip(some, predicted, strict=False):
          assembly.add(number, part, rgb)
        done += math.prod(size) * len(some)
        progress(done / total)
    return assembly.results

  def plan(self, height: int, width: int, hole: np.ndarray | None = None, *,
           strategy: str | None = None) -> Plan:
    """Returns how an image of some size would be filled.

    The bytes that a program takes are those that XLA counts when it has
    compiled it.

    Args:
      height: the image's.
      width: the image's.
      hole: its hole, as `Task.hole`, on which the windows depend; None if it is
        not known yet.
      strategy: in place of the inpainter's own.
    """
    if hole is None:
      hole = np.zeros((height, width), bool)
    plan, _ = self._planned(hole.reshape(height, width) != 0, 1, strategy,
                            self._free())
    return plan

  def batch_size(self, height: int, width: int) -> int:
    """Returns how many images of some size are filled at once.

    It is a multiple of the number of devices, or 1 where no more fits the
    memory. A CPU is busy with one image, unless it is tiny.
    """
    size = self._system.sizes.holding(height, width)
    return self._system.programs.prepared(size, 2, self._free()).batch

  @property
  def programs(self) -> int:
    """The number of programs that were compiled.

    `fill` compiles one for each padded size that it meets, at most; another is
    compiled if a size is met alone at first, and later in batches.
    """
    return len(self._system.programs)

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
    task = self._system.checked(Task(image, mask, sketch, edge_map))
    height, width = task.hole.shape
    size = self._system.sizes.holding(height, width)
    program = self._system.programs.prepared(size, 1, self._free())
    predicted = program([self._system.inputs(task, size)])
    return {key: images.crop(np.asarray(array)[0], height, width)
            for key, array in predicted.items()}

  def find_edges(self, image: np.ndarray, mask: np.ndarray
                 ) -> np.ndarray | None:
    """Returns the edges that the system would be given without an edge map.

    Args:
      image: as `Task.image`.
      mask: as `Task.hole`.

    Returns:
      (H, W) uint8, 255 = edge, 0 in the hole; None if the system reads none.

    Raises:
      ValueError: shapes or types do not fit.
      UsageError: edges are not found, but come from files.
    """
    task = pictures.checked(Task(image, mask))
    if not self.reads_edges:
      return None
    edge = self._system.edges(task)['known_edge']
    return np.rint(255 * edge[..., 0]).astype(np.uint8)

  def _free(self) -> int:
    """Returns how many bytes filling may take."""
    free = (devices.free_memory(self._system.among[0]) if self._memory is None
            else self._memory)
    return int(_SHARE * free)

  def _layouts(self, tasks: Sequence[Task], strategy: str | None, free: int
               ) -> list[Layout]:
    """Returns the parts of each task; none of one without a hole."""
    sizes = [self._system.sizes.holding(*task.hole.shape)
             if task.hole.any() else None for task in tasks]
    counts = collections.Counter(sizes)
    return [self._planned(task.hole, counts[size], strategy, free)[1]
            if size else Layout([])
            for task, size in zip(tasks, sizes, strict=True)]

  def _planned(self, hole: np.ndarray, number: int, strategy: str | None,
               free: int) -> tuple[Plan, Layout]:
    """Returns how a picture is filled, see `plans.planned`.

    Args:
      hole: (H, W) bool.
      number: how many pictures of its size there are.
      strategy: None for the inpainter's own.
      free: bytes that may be taken.
    """
    # Where there is one window, there are mostly others.
    needs = lambda height, width, is_window: self._system.needs(
        height, width, 2 if is_window else number, free)
    return plans.planned(hole, self._strategy if strategy is None else strategy,
                         free, needs)
