"""The Inception network of FID, KID, P-IDS and U-IDS.

Christian Szegedy et al., 2015, arXiv:1512.00567, "Rethinking the Inception
Architecture for Computer Vision", in the form and with the weights that Martin
Heusel et al., 2017, arXiv:1706.08500, define FID by: TensorFlow's file of
2015-12-05. Layers are named as in torchvision's Inception v3, which is another
network:
- It has other weights, of 1000 classes and not 1008.
- Its mean pooling always divides by 9, this one by the number of pixels of the
  window that lie inside the image.
- Its last block pools by the mean, this one by the maximum.
"""

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint import errors
from jinpaint.layers.norm import BatchNorm
from jinpaint.types import Array

_1, _3, _5 = (1, 1), (3, 3), (5, 5)
_ROW, _COLUMN = (1, 7), (7, 1)  # windows along a row and along a column

Layer = tuple[int, tuple[int, int]]  # output channels, window


class FIDInception(nn.Module):
  """The features after four layers, without the classifier."""

  smallest = 75  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> dict[str, Array]:
    """Returns features by their number, each the mean over all pixels.

    Args:
      x: RGB (B, H, W, 3) in [-1, 1]. The published weights expect 299 x 299;
        how images are brought to that is in `jinpaint.evaluation.inception`.
      train: changes nothing: the statistics never move.

    Returns:
      '64', '192', '768' and '2048', each (B, that many); FID's are the last.

    Raises:
      UsageError: the images are too small.
    """
    del train
    errors.check_smallest('the Inception network of FID', x.shape[1:3],
                          self.smallest)
    features = {}
    x = Unit(32, _3, 2, 'VALID', name='Conv2d_1a_3x3')(x)
    x = Unit(32, _3, padding='VALID', name='Conv2d_2a_3x3')(x)
    x = _halved(Unit(64, _3, name='Conv2d_2b_3x3')(x))
    features['64'] = x
    x = Unit(80, _1, name='Conv2d_3b_1x1')(x)
    x = _halved(Unit(192, _3, padding='VALID', name='Conv2d_4a_3x3')(x))
    features['192'] = x
    for name, pooled in (('5b', 32), ('5c', 64), ('5d', 64)):
      x = Block35(pooled, name=f'Mixed_{name}')(x)
    x = Reduction35(name='Mixed_6a')(x)
    for name, width in (('6b', 128), ('6c', 160), ('6d', 160), ('6e', 192)):
      x = Block17(width, name=f'Mixed_{name}')(x)
    features['768'] = x
    x = Reduction17(name='Mixed_7a')(x)
    x = Block8(name='Mixed_7b')(x)
    features['2048'] = Block8(pools_maximum=True, name='Mixed_7c')(x)
    return {name: jnp.mean(x, axis=(1, 2)) for name, x in features.items()}


class Unit(nn.Module):
  """A convolution without a bias, a batch norm and a rectifier.

  Attributes:
    features: output channels.
    window: height and width of the kernel.
    stride: steps in height and width.
    padding: 'SAME' or 'VALID'.
  """

  features: int
  window: tuple[int, int]
  stride: int = 1
  padding: str = 'SAME'

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, H', W', features) for x (B, H, W, C)."""
    x = nn.Conv(self.features, self.window, self.stride, self.padding,
                use_bias=False, dtype=x.dtype, name='conv')(x)
    return nn.relu(BatchNorm(epsilon=1e-3, name='norm')(x, train=False))


class Block35(nn.Module):
  """The block for features of 35 x 35.

  Attributes:
    pooled: channels of the branch that pools.
  """

  pooled: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, H, W, 224 + pooled) for x (B, H, W, C)."""
    return _joined(
        Unit(64, _1, name='branch1x1')(x),
        _chain(x, 'branch5x5', (48, _1), (64, _5)),
        _chain(x, 'branch3x3dbl', (64, _1), (96, _3), (96, _3)),
        Unit(self.pooled, _1, name='branch_pool')(_mean_pooled(x)))


class Reduction35(nn.Module):
  """The block that takes features from 35 x 35 to 17 x 17."""

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, (H - 1) // 2, (W - 1) // 2, 480 + C) for x (B, H, W, C)."""
    return _joined(
        Unit(384, _3, 2, 'VALID', name='branch3x3')(x),
        _chain(x, 'branch3x3dbl', (64, _1), (96, _3), (96, _3), halve=True),
        _halved(x))


class Block17(nn.Module):
  """The block for features of 17 x 17.

  Attributes:
    width: channels between the convolutions of the two long branches.
  """

  width: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, H, W, 768) for x (B, H, W, C)."""
    row, column = (self.width, _ROW), (self.width, _COLUMN)
    first = (self.width, _1)
    return _joined(
        Unit(192, _1, name='branch1x1')(x),
        _chain(x, 'branch7x7', first, row, (192, _COLUMN)),
        _chain(x, 'branch7x7dbl', first, column, row, column, (192, _ROW)),
        Unit(192, _1, name='branch_pool')(_mean_pooled(x)))


class Reduction17(nn.Module):
  """The block that takes features from 17 x 17 to 8 x 8."""

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, (H - 1) // 2, (W - 1) // 2, 512 + C) for x (B, H, W, C)."""
    return _joined(
        _chain(x, 'branch3x3', (192, _1), (320, _3), halve=True),
        _chain(x, 'branch7x7x3', (192, _1), (192, _ROW), (192, _COLUMN),
               (192, _3), halve=True),
        _halved(x))


class Block8(nn.Module):
  """The block for features of 8 x 8.

  Attributes:
    pools_maximum: whether the branch that pools takes the maximum of 3 x 3
      pixels, as in the last block, and not their mean.
  """

  pools_maximum: bool = False

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, H, W, 2048) for x (B, H, W, C)."""
    three = _chain(x, 'branch3x3', (384, _1))
    double = _chain(x, 'branch3x3dbl', (448, _1), (384, _3))
    pooled = _maximum_pooled(x) if self.pools_maximum else _mean_pooled(x)
    return _joined(
        Unit(320, _1, name='branch1x1')(x),
        Unit(384, (1, 3), name='branch3x3_2a')(three),
        Unit(384, (3, 1), name='branch3x3_2b')(three),
        Unit(384, (1, 3), name='branch3x3dbl_3a')(double),
        Unit(384, (3, 1), name='branch3x3dbl_3b')(double),
        Unit(192, _1, name='branch_pool')(pooled))


def _chain(x: Array, name: str, *layers: Layer, halve: bool = False) -> Array:
  """Applies units `name_1`, `name_2`, ... one after the other.

  Args:
    x: (B, H, W, C).
    name: of the branch.
    *layers: of each unit.
    halve: whether the last unit has stride 2, without padding.
  """
  for i, (features, window) in enumerate(layers, start=1):
    last = halve and i == len(layers)
    x = Unit(features, window, 2 if last else 1, 'VALID' if last else 'SAME',
             name=f'{name}_{i}')(x)
  return x


def _joined(*branches: Array) -> Array:
  return jnp.concatenate(branches, axis=-1)


def _halved(x: Array) -> Array:
  return nn.max_pool(x, _3, strides=(2, 2))


def _maximum_pooled(x: Array) -> Array:
  return nn.max_pool(x, _3, padding='SAME')


def _mean_pooled(x: Array) -> Array:
  """Returns the mean of those pixels of 3 x 3 that lie inside the image."""
  total = lambda x: nn.pool(x, 0.0, lax.add, _3, (1, 1), 'SAME')
  return total(x) / total(jnp.ones((1, *x.shape[1:3], 1), x.dtype))
