"""From a photograph to a training or evaluation example: plain NumPy.

Crop, flip, mask, noise and the edges' sigma are drawn from generators keyed by
(seed, epoch, index): an example is a pure function of that key, whoever
computes it, in whatever order. A loader other than `jinpaint.data.pipeline` can
use this file as it is.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import enum
from typing import Protocol

import cv2
import numpy as np

from jinpaint import errors
from jinpaint.data import edges, masks
from jinpaint.errors import UsageError

CROPS = ('random', 'center', 'squash')


class Choice(enum.IntEnum):
  """What a random generator is for.

  It is the first word of the generator's key: each choice has a generator of
  its own, so that a change of one choice leaves all others as they were.
  """

  ORDER = 1
  CROP = 2
  MASK = 3
  NOISE = 4
  EDGE = 5
  TURN = 6
  CUT = 7
  SKETCH = 8


@dataclasses.dataclass(frozen=True)
class View:
  """The part of a photograph that an example shows, resized.

  Attributes:
    top: first row of the part.
    left: first column of it.
    height: number of its rows.
    width: number of its columns.
    size: height and width of the example, a square but for whole photographs.
    flipped: whether the example is mirrored.
  """

  top: int
  left: int
  height: int
  width: int
  size: tuple[int, int]
  flipped: bool

  def __call__(self, array: np.ndarray, *, nearest: bool = False
               ) -> np.ndarray:
    """Returns the view (*size, ...) of a photograph, or of a map of it.

    Args:
      array: (H, W, ...), of the photograph's size.
      nearest: whether each pixel takes one value of the array, so that no
        values between two of them arise.
    """
    part = array[self.top:self.top + self.height,
                 self.left:self.left + self.width]
    if self.size == part.shape[:2]:
      return part[:, ::-1] if self.flipped else part
    shrinks = min(self.height, self.width) >= min(self.size)
    resized = cv2.resize(part, self.size[::-1], interpolation=(
        cv2.INTER_NEAREST_EXACT if nearest else
        cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
    return resized[:, ::-1] if self.flipped else resized


@dataclasses.dataclass(frozen=True)
class Draft:
  """What is known of an example while its edges and sketches are made.

  Attributes:
    name: the photograph's relative path, or its number if it has none.
    photograph_size: height and width of the photograph.
    image: the view of it, RGB (H, W, 3) uint8.
    hole: (H, W), 1 = hole.
    view: which part of the photograph this is; edge maps and sketches in files
      are viewed in the same way.
    generator: returns a new random generator for a choice.
  """

  name: str
  photograph_size: tuple[int, int]
  image: np.ndarray
  hole: np.ndarray
  view: View
  generator: Callable[[Choice], np.random.Generator]


class HostGuidance(Protocol):
  """What `jinpaint.guidance.Guidance` does while examples are made."""

  def shapes(self, size: int) -> Mapping[str, tuple[int, ...]]:
    """Returns the keys that it adds to an example, and their shapes."""
    ...

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each photograph, named, has its files."""
    ...

  def on_host(self, draft: Draft) -> Mapping[str, np.ndarray]:
    """Returns the arrays that it adds to an example, float32."""
    ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
  """What examples are made of; the `data` section of every config.

  Attributes:
    source: the photographs: `photos` (scikit-image's), `folder:PATH` or
      `tfds:NAME[:SPLIT]`.
    eval_source: the photographs that training is watched on and its best
      checkpoint is chosen on, as `source`; empty for the held-out part of
      `source`.
    test_source: photographs, as `source`, that nothing is chosen on: what a
      paper reports; empty where the data set has no such part.
    size: height and width of an example, in pixels.
    crop: `random` (a square at a random place, its side a random share of the
      image's shorter one), `center` (the middle square), `squash` (all of the
      image, distorted).
    scales: smallest and largest of those shares.
    precrop: side of a square cut from the middle before anything else, as is
      custom for aligned CelebA faces (178); 0 for none.
    flip: whether training mirrors half of the images.
    noise: standard deviation of the Gaussian noise on training inputs.
    mask: what `jinpaint.data.masks.parse` reads, e.g. `lines`.
    mask_ratio: smallest and largest share of hole pixels; empty for any.
    mask_pairing: how mask files meet images: random, stem, order or single.
      Masks paired by stem or order are cropped and flipped with their image.
    mask_hole: colour of a hole in mask files, white or black.
    mask_turn: whether training turns masks by quarter turns and mirrors them
      with their images, as ISNet's and CFS's code does.
    mask_reading: how mask files are read, `clean`, `soft` or
      `isnet[:jpeg=QUALITY]`, see `jinpaint.data.masks.parse`.
    edge: what `jinpaint.data.edges.parse` reads, e.g. `canny:sigma=2`; empty
      where the system reads no edges.
    eval_edge: the edges that evaluation knows, `masked` or `cut`, see
      `jinpaint.data.edges`.
    edge_cut: edges above it become 1, all others 0; drawn uniformly between two
      numbers for each example, and in the middle of them for a single picture.
      Empty for edges as soft as they are found.
    sketch: what `jinpaint.data.sketches.parse` reads, e.g. `simulated`; empty
      where the system reads no sketches.
    workers: threads that make examples; 0 lets tf.data choose.
    max_bad_images: more broken images than that stop the run.
  """

  source: str = 'photos'
  eval_source: str = ''
  test_source: str = ''
  size: int = 64
  crop: str = 'random'
  scales: tuple[float, float] = (0.25, 1.0)
  precrop: int = 0
  flip: bool = True
  noise: float = 0.0
  mask: str = 'lines'
  mask_ratio: tuple[float, ...] = ()
  mask_pairing: str = 'random'
  mask_hole: str = 'white'
  mask_turn: bool = False
  mask_reading: str = 'clean'
  edge: str = ''
  eval_edge: str = 'masked'
  edge_cut: tuple[float, ...] = ()
  sketch: str = ''
  workers: int = 0
  max_bad_images: int = 10

  def __post_init__(self) -> None:
    for key, known in (('crop', CROPS), ('eval_edge', edges.KNOWN)):
      if getattr(self, key) not in known:
        raise errors.unknown(f'data.{key}', getattr(self, key), known)
    for key, least in {'size': 1, 'precrop': 0, 'noise': 0, 'workers': 0,
                       'max_bad_images': 0}.items():
      if not getattr(self, key) >= least:  # True of NaN as well.
        raise UsageError(f'data.{key} is {getattr(self, key)}; it must be '
                         f'{least} or more')
    if not _is_interval(self.scales) or not self.scales[0]:
      raise UsageError(f'data.scales is {self.scales}; it must be two numbers '
                       'within 0 (exclusive) and 1, the smaller one first')
    for key in ('mask_ratio', 'edge_cut'):
      if getattr(self, key) and not _is_interval(getattr(self, key)):
        raise UsageError(f'data.{key} is {getattr(self, key)}; it must be two '
                         'numbers within 0 and 1, the smaller one first, or ()')
    if self.mask_turn and self.mask_is_paired:
      raise UsageError('data.mask_turn would turn masks that belong to their '
                       f'photographs: data.mask_pairing is {self.mask_pairing}')

  @property
  def mask_is_paired(self) -> bool:
    """Whether every photograph has a mask of its own."""
    return self.mask_pairing in ('stem', 'order')


def _is_interval(pair: tuple[float, ...]) -> bool:
  """Returns whether these are two numbers with 0 <= low <= high <= 1."""
  try:
    low, high = pair
    return bool(0 <= low <= high <= 1)
  except (TypeError, ValueError):  # They are not two, or no numbers.
    return False


class Examples:
  """Makes examples out of photographs.

  Attributes:
    shapes: the keys of an example and the shapes of their float32 arrays.
    seed: decides every random choice.
  """

  def __init__(self, data: Data, *, seed: int, training: bool,
               names: tuple[str, ...] = (), whole: bool = False,
               guidance: HostGuidance | None = None):
    """Checks that examples can be made.

    Args:
      data: what examples are made of.
      seed: decides every random choice; not negative.
      training: whether to flip and to add noise.
      names: the photographs' relative paths by index, for files that belong to
        photographs by name; empty if the photographs have no names.
      whole: whether an example shows all of a photograph at its own size; then
        `shapes` is empty.
      guidance: adds edges and sketches; None for data that have none.

    Raises:
      UsageError: `data.mask` or `seed` cannot be used, or a photograph has no
        mask, edge map or sketch.
      ValueError: the data have edges or sketches, and there is no guidance.
    """
    if seed < 0:
      raise UsageError(f'seed is {seed}; it must not be negative')
    if guidance is None and (data.edge or data.sketch):
      raise ValueError('these data have edges or sketches; give the guidance '
                       'that makes them, a jinpaint.guidance.Guidance')
    self.seed = seed
    self._data, self._names, self._guidance = data, names, guidance
    self._mask = masks.parse(
        data.mask, ratio=data.mask_ratio, pairing=data.mask_pairing,
        hole=data.mask_hole, reading=data.mask_reading)
    if names or data.mask_pairing == 'stem':
      self._mask.check(names)
    self._flips = training and data.flip
    self._turns = training and data.mask_turn
    self._noise = data.noise if training else 0.0
    self._whole = whole
    size = data.size
    self.shapes: dict[str, tuple[int, ...]] = {}
    if guidance is not None:
      guidance.check(names)
    if whole:
      return
    self.shapes = {'image': (size, size, 3), 'mask': (size, size, 1)}
    if guidance is not None:
      self.shapes |= guidance.shapes(size)
    if self._noise:
      self.shapes['noise'] = (size, size, 3)

  def order(self, epoch: int, count: int) -> np.ndarray:
    """Returns in which order an epoch visits `count` photographs."""
    return self._generator(Choice.ORDER, epoch).permutation(count)

  def make(self, photograph: np.ndarray, epoch: int, index: int
           ) -> dict[str, np.ndarray]:
    """Returns the example of a photograph in an epoch.

    Args:
      photograph: RGB (H, W, 3) uint8.
      epoch: which pass over all photographs this is, counted from 0.
      index: the photograph's number, counted from 0.

    Returns:
      The keys of `shapes`, float32: `image` in [0, 1], `mask` (1 = hole), what
      the guidance adds, and `noise` if there is any.
    """
    name = self._names[index] if self._names else str(index)
    generator = lambda choice: self._generator(choice, epoch, index)
    photograph_size = photograph.shape[:2]
    view = self._view(photograph_size, generator(Choice.CROP))
    image = view(photograph)
    hole = self._hole(photograph_size, name, index, view, generator)
    example = {'image': image.astype(np.float32) / np.float32(255),
               'mask': hole[..., None].astype(np.float32)}
    if self._guidance is not None:
      example |= self._guidance.on_host(
          Draft(name, photograph_size, image, hole, view, generator))
    if self._noise:
      normal = generator(Choice.NOISE).standard_normal(image.shape, np.float32)
      example['noise'] = normal * np.float32(self._noise)
    return example

  def _hole(self, photograph_size: tuple[int, int], name: str, index: int,
            view: View, generator: Callable[[Choice], np.random.Generator]
            ) -> np.ndarray:
    """Returns the mask (size, size) of an example.

    A mask that belongs to its photograph is viewed as the photograph is.
    """
    paired = self._data.mask_is_paired
    size = photograph_size if paired else view.size
    hole = self._mask(generator(Choice.MASK), *size, index=index, name=name)
    if paired:
      return view(hole, nearest=True)
    if self._turns:
      quarters = int(generator(Choice.TURN).integers(4))
      return np.rot90(hole[:, ::-1] if view.flipped else hole, quarters)
    return hole

  def _generator(self, choice: Choice, *key: int) -> np.random.Generator:
    return np.random.default_rng([choice, self.seed, *map(int, key)])

  def _view(self, photograph_size: tuple[int, int], rng: np.random.Generator
            ) -> View:
    """Draws which part of a photograph an example shows."""
    data = self._data
    height, width = photograph_size
    top, left = 0, 0
    if self._whole:
      return View(top, left, height, width, photograph_size, False)
    if data.precrop:
      side = min(data.precrop, height, width)
      top, left = (height - side) // 2, (width - side) // 2
      height, width = side, side
    if data.crop != 'squash':
      side = min(height, width)
      if data.crop == 'random':
        low, high = data.scales
        side = max(1, round(side * rng.uniform(low, high)))
        top += int(rng.integers(height - side, endpoint=True))
        left += int(rng.integers(width - side, endpoint=True))
      else:
        top, left = top + (height - side) // 2, left + (width - side) // 2
      height, width = side, side
    # This is drawn last, so that `data.flip` does not change the crop.
    flipped = self._flips and rng.random() < 0.5
    return View(top, left, height, width, (data.size, data.size), flipped)
