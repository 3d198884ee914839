"""From 8-bit images to the features of FID, KID, P-IDS and U-IDS.

Programs that print "FID" bring images to the network's 299 x 299 pixels in
different ways, by which FIDs of small images differ by more than 10 %. So each
way has a name, which belongs beside the number:

| variant           | resizing                       | pixels v become   |
|-------------------|--------------------------------|-------------------|
| `fid/pytorch-fid` | bilinear, between pixel        | 2 v / 255 - 1     |
|                   | centres, no antialiasing       |                   |
| `fid/clean`       | Pillow's bicubic, antialiased, | (v - 128) / 128   |
|                   | clipped to [0, 255]            |                   |
| `fid/stylegan`    | bilinear from the top left     | (v - 128) / 128   |
|                   | corner, no antialiasing        |                   |

pytorch-fid is what LaMa reports, clean is clean-fid's, stylegan is that of
StyleGAN, CoModGAN, MAT and torch-fidelity. None of them rounds after resizing.
An image that is 299 x 299 already stays as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices, networks
from jinpaint.errors import unknown, UsageError
from jinpaint.nets import Nets
from jinpaint.types import Array, Variables

SIZE = 299  # height and width of what the network reads

_NETWORK = 'fid_inception'
_Matrix = Callable[[int], np.ndarray]


def _bilinear(places: np.ndarray, size: int) -> np.ndarray:
  """Returns the matrix (SIZE, size) that interpolates between two pixels.

  Args:
    places: (SIZE,), in pixels of the input; those outside take the border's.
    size: of the input.
  """
  places = np.clip(places, 0, size - 1)
  left = np.floor(places).astype(int)
  share, rows = places - left, np.arange(SIZE)
  matrix = np.zeros((SIZE, size))
  matrix[rows, left] = 1 - share
  matrix[rows, np.minimum(left + 1, size - 1)] += share
  return matrix


def _between_centres(size: int) -> np.ndarray:
  return _bilinear((np.arange(SIZE) + 0.5) * size / SIZE - 0.5, size)


def _from_corner(size: int) -> np.ndarray:
  """TensorFlow 1 did so; the picture moves by up to half of an input pixel."""
  return _bilinear(np.arange(SIZE) * size / SIZE, size)


def _bicubic(size: int) -> np.ndarray:
  """Returns the matrix (SIZE, size) of Pillow's bicubic resizing.

  Robert G. Keys, 1981, "Cubic Convolution Interpolation for Digital Image
  Processing", with a = -0.5. The window is as wide as a pixel of the larger of
  the two images, and cut off at the border.
  """
  step = size / SIZE
  width = max(step, 1)
  centre = (np.arange(SIZE)[:, None] + 0.5) * step
  pixel = np.arange(size)
  inside = ((pixel >= np.trunc(centre - 2 * width + 0.5))
            & (pixel < np.trunc(centre + 2 * width + 0.5)))
  weights = inside * _keys(np.abs(pixel - centre + 0.5) / width)
  return weights / weights.sum(axis=1, keepdims=True)


def _keys(t: np.ndarray) -> np.ndarray:
  """Returns Keys's cubic at distances of 0 or more."""
  a = -0.5
  near = (a + 2) * t**3 - (a + 3) * t**2 + 1
  far = a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a
  return np.where(t < 1, near, np.where(t < 2, far, 0))


class Variant(NamedTuple):
  """How images are brought to what the network reads.

  Attributes:
    matrix: from a height or width, the matrix (SIZE, that) that resizes.
    shift: what is taken off the values in [0, 255] ...
    scale: ... before they are divided by this.
  """

  matrix: _Matrix
  shift: float
  scale: float


VARIANTS: Mapping[str, Variant] = {
    'fid/pytorch-fid': Variant(_between_centres, 127.5, 127.5),
    'fid/clean': Variant(_bicubic, 128.0, 128.0),
    'fid/stylegan': Variant(_from_corner, 128.0, 128.0),
}

# By how many numbers they have. Papers report the last one; the others are for
# few images.
FEATURES = ('64', '192', '768', '2048')


def resize(image: np.ndarray, variant: str) -> Array:
  """Returns an image as a variant resizes it.

  The matrices are made in float64 and applied in float32, on the device.

  Args:
    image: RGB (H, W, 3) uint8, of any size.
    variant: a key of `VARIANTS`.

  Returns:
    (299, 299, 3) float32 in [0, 255]; not rounded.

  Raises:
    UsageError: no such variant, or the image is another array.
  """
  if variant not in VARIANTS:
    raise unknown('variant of FID', variant, VARIANTS)
  if (image.dtype != np.uint8 or image.ndim != 3 or image.shape[-1] != 3
      or not image.size):
    raise UsageError('FID is of RGB images (H, W, 3) of 8 bits, not of '
                     f'{image.shape} {image.dtype}')
  down, across = (_matrix(variant, extent) for extent in image.shape[:2])
  return _resized(down, across, image)


@functools.lru_cache(maxsize=64)
def _matrix(variant: str, size: int) -> np.ndarray:
  return VARIANTS[variant].matrix(size).astype(np.float32)


@jax.jit
def _resized(down: Array, across: Array, image: Array) -> Array:
  """Returns an image, resized and clipped; only bicubic leaves [0, 255]."""
  with jax.default_matmul_precision('highest'):
    rows = jnp.einsum('ih,hwc->iwc', down, image.astype(jnp.float32))
    return jnp.clip(jnp.einsum('jw,iwc->ijc', across, rows), 0, 255)


class Extractor:
  """Computes features of images in batches, of which each device has a part.

  A small program is compiled for each size of images, and one of the network
  for all.

  Attributes:
    variant: how images are brought to the network.
    feature: which features, one of `FEATURES`.
  """

  def __init__(self, variables: Variables, variant: str = 'fid/pytorch-fid', *,
               feature: str = '2048', batch_size: int = 32):
    """Compiles nothing yet.

    Args:
      variables: of the network `fid_inception`.
      variant: a key of `VARIANTS`.
      feature: one of `FEATURES`.
      batch_size: how many images the network reads at once, or a few more to
        give each device as many.

    Raises:
      UsageError: no such variant or feature.
    """
    if variant not in VARIANTS:
      raise unknown('variant of FID', variant, VARIANTS)
    if feature not in FEATURES:
      raise unknown('feature of FID', feature, FEATURES)
    self.variant, self.feature = variant, feature
    self._batch = -(-batch_size // devices.count()) * devices.count()
    self._variables = devices.everywhere(variables)

  def __call__(self, images: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the features of images, (N, d) float32, in their order.

    Args:
      images: RGB (H, W, 3) uint8 each, of any sizes; or one array (N, H, W, 3).

    Raises:
      UsageError: an image is another array.
    """
    parts = list(self.batches(images))
    return (np.concatenate(parts) if parts
            else np.zeros((0, int(self.feature)), np.float32))

  def batches(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yields the features of as many images as are read at once, (B, d).

    Args:
      images: as above. They are taken one after the other, so they need not be
        in memory together.

    Raises:
      UsageError: an image is another array.
    """
    stream = iter(images)
    while resized := [resize(image, self.variant)
                      for image in itertools.islice(stream, self._batch)]:
      padding = [jnp.zeros_like(resized[0])] * (self._batch - len(resized))
      batch = devices.spread(jnp.stack(resized + padding))
      yield np.asarray(_features(
          self._variables, batch, VARIANTS[self.variant].shift,
          VARIANTS[self.variant].scale, self.feature))[:len(resized)]


@functools.partial(jax.jit, static_argnames='feature')
def _features(variables: Variables, images: Array, shift: float, scale: float,
              feature: str) -> Array:
  """Returns features (B, d) of images (B, 299, 299, 3) in [0, 255]."""
  nets = Nets({_NETWORK: networks.create(_NETWORK)}, {_NETWORK: variables})
  with jax.default_matmul_precision('highest'):
    return nets(_NETWORK, (images - shift) / scale)[feature]
