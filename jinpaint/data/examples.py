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
  """First word of a generator's key, so that one choice moves no other."""

  ORDER = 1
  CROP = 2
  MASK = 3
  NOISE = 4
  EDGE = 5
  TURN = 6
  CUT = 7
  SKETCH = 8


# From an array (H, W, ...) that lies over a photograph to its view (size, size,
# ...); `nearest=True` makes no values that the array does not have.
View = Callable[..., np.ndarray]


@dataclasses.dataclass(frozen=True)
class Draft:
  """What is known of an example while its edges and sketches are made.

  Attributes:
    name: the photograph's relative path.
    size: height and width of the photograph.
    image: the view of it, RGB (size, size, 3) uint8.
    hole: (size, size), 1 = hole.
    view: takes the same view of other maps of the photograph.
    generator: a new random generator for a choice.
  """

  name: str
  size: tuple[int, int]
  image: np.ndarray
  hole: np.ndarray
  view: View
  generator: Callable[[Choice], np.random.Generator]


class HostGuidance(Protocol):
  """What `jinpaint.guidance.Guidance` does while examples are made."""

  def shapes(self, size: int) -> Mapping[str, tuple[int, ...]]:
    """Returns the keys that it adds to examples, and their shapes."""

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each photograph has its files."""

  def on_host(self, draft: Draft) -> dict[str, np.ndarray]:
    """Returns what it adds to an example."""


class NoGuidance:
  """Adds nothing: for systems that read neither edges nor sketches."""

  def shapes(self, size: int) -> Mapping[str, tuple[int, ...]]:
    """Returns that it adds nothing."""
    del size
    return {}

  def check(self, names: Sequence[str]) -> None:
    """Accepts all photographs."""

  def on_host(self, draft: Draft) -> dict[str, np.ndarray]:
    """Returns nothing."""
    del draft
    return {}


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

  def __post_init__(self):
    for key, known in (('crop', CROPS), ('eval_edge', edges.KNOWN)):
      if getattr(self, key) not in known:
        raise errors.unknown(f'data.{key}', getattr(self, key), known)
    for key, least in {'size': 1, 'precrop': 0, 'noise': 0, 'workers': 0,
                       'max_bad_images': 0}.items():
      if not getattr(self, key) >= least:  # not a number, too
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


def _is_interval(pair):
  """Whether these are two numbers 0 <= low <= high <= 1."""
  try:
    low, high = pair
    return bool(0 <= low <= high <= 1)
  except (TypeError, ValueError):  # not two, not numbers
    return False


class Examples:
  """Makes examples out of photographs.

  Attributes:
    shapes: the keys of an example and the shapes of their float32 arrays.
    seed: decides every random choice.
  """

  def __init__(self, data: Data, *, seed: int, training: bool,
               names: tuple[str, ...] = (),
               guidance: HostGuidance | None = None):
    """Checks that examples can be made.

    Args:
      data: what examples are made of.
      seed: decides every random choice; not negative.
      training: whether to flip and to add noise.
      names: the photographs' relative paths by index, for files that belong to
        photographs by name.
      guidance: adds edges and sketches; None for systems that read none.

    Raises:
      UsageError: `data.mask` or `seed` cannot be used, or a photograph has no
        mask, edge map or sketch.
    """
    if seed < 0:
      raise UsageError(f'seed is {seed}; it must not be negative')
    self.seed = seed
    self._data, self._names = data, names
    self._mask = masks.parse(
        data.mask, ratio=tuple(data.mask_ratio) or None,
        pairing=data.mask_pairing, hole=data.mask_hole,
        reading=data.mask_reading)
    if names or data.mask_pairing == 'stem':
      self._mask.check(names)
    self._guidance = guidance or NoGuidance()
    self._guidance.check(names)
    self._flip = training and data.flip
    self._turn = training and data.mask_turn
    self._noise = data.noise if training else 0.0
    size = data.size
    self.shapes = {'image': (size, size, 3), 'mask': (size, size, 1),
                   **self._guidance.shapes(size)}
    if self._noise:
      self.shapes['noise'] = (size, size, 3)

  def order(self, epoch: int, count: int) -> np.ndarray:
    """Returns in which order an epoch visits `count` photographs."""
    return self._generator(Choice.ORDER, epoch).permutation(count)

  def make(self, photograph: np.ndarray, epoch: int, index: int
           ) -> dict[str, np.ndarray]:
    """Returns the example of a photograph, RGB (H, W, 3) uint8, in an epoch."""
    name = self._names[index] if self._names else str(index)
    generator = lambda choice: self._generator(choice, epoch, index)
    view, flipped = self._view(photograph.shape, generator(Choice.CROP))
    image = view(photograph)
    hole = self._hole(photograph, name, index, view, flipped, generator)
    example = {'image': image.astype(np.float32) / np.float32(255),
               'mask': hole[..., None].astype(np.float32)}
    example |= self._guidance.on_host(Draft(
        name, photograph.shape[:2], image, hole, view, generator))
    if self._noise:
      normal = generator(Choice.NOISE).standard_normal(image.shape, np.float32)
      example['noise'] = normal * np.float32(self._noise)
    return example

  def _hole(self, photograph: np.ndarray, name: str, index: int, view: View,
            flipped: bool,
            generator: Callable[[Choice], np.random.Generator]) -> np.ndarray:
    """Returns the mask (size, size) of an example.

    One that belongs to its photograph is cropped and flipped with it.
    """
    size, paired = self._data.size, self._data.mask_is_paired
    height, width = photograph.shape[:2] if paired else (size, size)
    hole = self._mask(generator(Choice.MASK), height, width, index=index,
                      name=name)
    if paired:
      return view(hole, nearest=True)
    if self._turn:
      turns = generator(Choice.TURN).integers(4)
      return np.rot90(hole[:, ::-1] if flipped else hole, turns)
    return hole

  def _generator(self, choice: Choice, *key: int) -> np.random.Generator:
    return np.random.default_rng([choice, self.seed, *map(int, key)])

  def _view(self, shape: tuple[int, ...], rng: np.random.Generator
            ) -> tuple[View, bool]:
    """Returns the function that takes a (size, size) view of a photograph.

    And whether that mirrors it.
    """
    data = self._data
    height, width = shape[:2]
    top, left = 0, 0
    if data.precrop:
      side = min(data.precrop, height, width)
      top, left = (height - side) // 2, (width - side) // 2
      height, width = side, side
    if data.crop != 'squash':
      side = min(height, width)
      if data.crop == 'random':
        side = max(1, round(side * rng.uniform(*data.scales)))
        top += rng.integers(height - side, endpoint=True)
        left += rng.integers(width - side, endpoint=True)
      else:
        top, left = top + (height - side) // 2, left + (width - side) // 2
      height, width = side, side
    # Drawn last, so that flipping does not move the crop.
    flipped = self._flip and rng.random() < 0.5
    shrinks = min(height, width) >= data.size

    def view(image: np.ndarray, nearest: bool = False) -> np.ndarray:
      cut = image[top:top + height, left:left + width]
      resized = cv2.resize(cut, (data.size, data.size), interpolation=(
          cv2.INTER_NEAREST_EXACT if nearest else
          cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
      return resized[:, ::-1] if flipped else resized
    return view, flipped
