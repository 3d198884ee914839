"""From a photograph to a training or evaluation example: plain NumPy.

Crop, flip, mask, noise and the edges' sigma are drawn from generators keyed by
(seed, epoch, index): an example is a pure function of that key, whoever
computes it, in whatever order. A loader other than `jinpaint.data.pipeline` can
use this file as it is.
"""

import dataclasses

import cv2
import numpy as np

from jinpaint import errors
from jinpaint.data import edges, masks, sketches
from jinpaint.errors import UsageError

CROPS = ('random', 'center', 'squash')

# First word of every key, so that one choice does not move another.
_ORDER, _CROP, _MASK, _NOISE, _EDGE, _TURN, _CUT, _SKETCH = range(1, 9)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Data:
  """What examples are made of; the `data` section of every config.

  Attributes:
    source: `photos` (scikit-image's), `folder:PATH`, `tfds:NAME[:SPLIT]`.
    eval_source: likewise, the photographs that training is watched on and its
      best checkpoint is chosen on; empty for the held-out part of `source`.
    size: height and width of an example.
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
    edge: what `jinpaint.data.edges.parse` reads, e.g. `canny:sigma=2`; empty
      where the system reads no edges.
    workers: threads that make examples; 0 lets tf.data choose.
    max_bad_images: more broken images than that stop the run.
    mask_turn: whether training turns masks by quarter turns and mirrors them
      with their images, as ISNet's and CFS's code does.
    mask_reading: how mask files are read, `clean`, `soft` or
      `isnet[:jpeg=QUALITY]`, see `jinpaint.data.masks.parse`.
    eval_edge: the edges that evaluation knows, `masked` or `cut`, see
      `jinpaint.data.edges`.
    edge_cut: edges above it become 1, all others 0; drawn uniformly between two
      numbers for each example, and in the middle of them for a single picture.
      Empty for edges as soft as they are found.
    sketch: what `jinpaint.data.sketches.parse` reads, e.g. `simulated`; empty
      where the system reads no sketches.
    test_source: photographs, as `source`, that nothing is chosen on: what a
      paper reports; empty where the data set has no such part.
  """

  source: str
  eval_source: str
  size: int
  crop: str
  scales: tuple[float, float]
  precrop: int
  flip: bool
  noise: float
  mask: str
  mask_ratio: tuple[float, ...]
  mask_pairing: str
  mask_hole: str
  edge: str
  workers: int
  max_bad_images: int
  # Newer than some runs, which go on with these values.
  mask_turn: bool = False
  mask_reading: str = 'clean'
  eval_edge: str = 'masked'
  edge_cut: tuple[float, ...] = ()
  sketch: str = ''
  test_source: str = ''

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
               names: tuple[str, ...] = ()):
    """Prepares.

    Args:
      data: what examples are made of.
      seed: decides every random choice; not negative.
      training: whether to flip and to add noise.
      names: the photographs' relative paths by index, for masks paired by
        stem and edges from files.

    Raises:
      UsageError: `data.mask`, `data.edge` or `seed` cannot be used, or a
        photograph has no mask or no edge map.
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
    # Edges that a network finds are added where batches are read, and so are
    # sketches that are simulated from them.
    by_network = edges.by_network(data.edge)
    self._edge = (edges.parse(data.edge)
                  if data.edge and not by_network else None)
    self._sketch = sketches.parse(data.sketch) if data.sketch else None
    self._flip = training and data.flip
    self._turn = training and data.mask_turn
    size = data.size
    self.shapes = {'image': (size, size, 3), 'mask': (size, size, 1)}
    if self._edge:
      self._edge.check(names)
      self.shapes['edge'] = (size, size, 1)
      if self._edge.masked if training else data.eval_edge == 'masked':
        self.shapes['known_edge'] = (size, size, 1)
    if by_network and data.edge_cut:
      self.shapes['edge_cut'] = (1, 1, 1)
    if self._sketch:
      self._sketch.check(names)
      if self._sketch.bends and not data.edge:
        raise UsageError('data.sketch simulates sketches from edges; data.edge '
                         'says which, e.g. canny')
      if self._sketch.thin and by_network:
        raise UsageError('data.sketch thins edges that are found where '
                         f'examples are made, not those of {data.edge}')
      if self._sketch.bends and by_network:
        self.shapes['bend'] = (sketches.GRID, sketches.GRID, 2)
      else:
        self.shapes['sketch'] = (size, size, 1)
    if training and data.noise:
      self.shapes['noise'] = (size, size, 3)

  def order(self, epoch: int, count: int) -> np.ndarray:
    """Returns in which order an epoch visits `count` photographs."""
    return self._rng(_ORDER, epoch).permutation(count)

  def make(self, photograph: np.ndarray, epoch: int, index: int
           ) -> dict[str, np.ndarray]:
    """Returns the example of a photograph, RGB (H, W, 3) uint8, in an epoch."""
    # A mask that belongs to its photograph is cropped and flipped with it.
    size = self._data.size
    paired = self._data.mask_is_paired
    name = self._names[index] if self._names else str(index)
    height, width = photograph.shape[:2] if paired else (size, size)
    hole = self._mask(self._rng(_MASK, epoch, index), height, width,
                      index=index, name=name)
    view, flipped = self._view(photograph.shape,
                               self._rng(_CROP, epoch, index))
    image = view(photograph)
    if paired:
      hole = view(hole, nearest=True)
    elif self._turn:
      turns = self._rng(_TURN, epoch, index).integers(4)
      hole = np.rot90(hole[:, ::-1] if flipped else hole, turns)
    example = {'image': image.astype(np.float32) / np.float32(255),
               'mask': hole[..., None].astype(np.float32)}
    if self._data.edge_cut:
      cut = self._rng(_CUT, epoch, index).uniform(*self._data.edge_cut)
    if 'edge_cut' in self.shapes:
      example['edge_cut'] = np.full((1, 1, 1), cut, np.float32)
    if self._edge:
      soft = (view(self._edge.read(name, *photograph.shape[:2]))
              if self._edge.maps else None)
      for key, unknown in (('edge', None), ('known_edge', hole)):
        if key in self.shapes:
          rng = self._rng(_EDGE, epoch, index)  # so that both have one sigma
          found = self._edge(rng, image, soft=soft, hole=unknown)
          if self._data.edge_cut:
            found = edges.above(found, cut)
          example[key] = found[..., None]
    if self._sketch:
      rng = self._rng(_SKETCH, epoch, index)
      if 'bend' in self.shapes:
        example['bend'] = self._sketch.field(rng, size, size)
      elif self._sketch.bends:
        example['sketch'] = self._sketch(
            rng, example['edge'][..., 0])[..., None]
      elif self._sketch.maps:
        drawn = self._sketch.read(name, *photograph.shape[:2])
        example['sketch'] = edges.above(
            view(drawn.astype(np.float32)), 0.5)[..., None]
      else:
        example['sketch'] = np.zeros((size, size, 1), np.float32)
    if 'noise' in self.shapes:
      normal = self._rng(_NOISE, epoch, index).standard_normal(
          example['image'].shape, np.float32)
      example['noise'] = normal * np.float32(self._data.noise)
    return example

  def _rng(self, *key):
    choice, *rest = key
    return np.random.default_rng([choice, self.seed, *map(int, rest)])

  def _view(self, shape, rng):
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

    def view(image, nearest=False):
      cut = image[top:top + height, left:left + width]
      resized = cv2.resize(cut, (data.size, data.size), interpolation=(
          cv2.INTER_NEAREST_EXACT if nearest else
          cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR))
      return resized[:, ::-1] if flipped else resized
    return view, flipped
