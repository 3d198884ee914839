"""SketchRefiner: a drawn sketch is refined, then leads the inpainting.

Chang Liu, Shunxin Xu, Jialun Peng, Kaidong Zhang and Dong Liu, 2023,
arXiv:2306.00407, "Towards Interactive Image Inpainting via Sketch Refinement",
published as github.com/AlonzoLeeeooo/SketchRefiner. Its names differ between
paper and code:

| here                   | paper (TMM 2024)                | code             |
|------------------------|---------------------------------|------------------|
| `Registration`         | registration module             | `registrator`    |
| `Enhancement`          | enhancement module              | `connector`      |
| `PartialSketchEncoder` | latent sketch aligner           | `str_encoder`    |
| `TextureRestoration`   | sketch conditional inpaintor    | `generator`      |

The discriminator is in `jinpaint.networks.patchgan`. All networks follow the
code, whose weights they load; those read BGR, see
`jinpaint.systems.sketchrefiner`. Heights and widths are multiples of 8.
"""

from collections.abc import Sequence
from typing import Any

from flax import linen as nn
import jax.numpy as jnp

from jinpaint import errors
from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv, ConvTranspose, pad
from jinpaint.layers.feature_selection import scale_channels
from jinpaint.layers.fourier_conv import FourierBlock
from jinpaint.layers.gated_conv import DepthwiseGatedConv, gated
from jinpaint.layers.norm import BatchNorm
from jinpaint.layers.residual import DilatedResidualBlock
from jinpaint.layers.spade import AdaIN, SPADE
from jinpaint.layers.upsampling import upsample_nearest
from jinpaint.types import Array

MODULATIONS = ('spade', 'adain')

_THREE = ((3, 3), (3, 3))


class Registration(nn.Module):
  """Moves strokes to where edges are: a U-Net of gated convolutions.

  Attributes:
    width: share of the published channels (32 to 192), for small runs.
    kernel_init: initialiser of every kernel.
  """

  width: float = 1.0
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the sketch of the whole image.

    Args:
      x: (B, H, W, 5): the damaged image, its holes 1, the mask, 1 = hole, and
        the sketch, with true edges outside the hole.
      train: changes nothing: the instance norms use each image's statistics.

    Returns:
      The sketch (B, H, W, 1), without bounds.
    """
    del train
    def conv(i: int, x: Array, features: int, stride: int = 1,
             padding_mode: str = 'replicate') -> Array:
      return DepthwiseGatedConv(
          features, strides=(stride, stride), padding_mode=padding_mode,
          kernel_init=self.kernel_init, name=f'conv_{i}')(x)

    widths = _scaled((32, 64, 128, 192), self.width)
    skips = []
    for i, features in enumerate(widths, start=1):
      x = conv(i, x, features, stride=1 if i == 1 else 2)
      skips.append(x)
    for i in (5, 6, 7):
      x = conv(i, x, widths[-1])
    x += skips.pop()
    for i, features in zip((8, 9, 10), widths[-2::-1], strict=True):
      x = conv(i, upsample_nearest(x), features, padding_mode='zeros')
      x += skips.pop()
    return conv(11, x, 1)


class Enhancement(nn.Module):
  """Connects and thins registered strokes: a residual U-Net.

  Attributes:
    width: share of the published channels (32 to 256), for small runs.
    kernel_init: initialiser of every kernel.
  """

  width: float = 1.0
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the sketch of the whole image.

    Args:
      x: the registered sketch (B, H, W, 1), 0 or 1.
      train: changes nothing.

    Returns:
      The sketch (B, H, W, 1), at least 0, without an upper bound.
    """
    del train
    def conv(name: str, x: Array, features: int, **geometry: Any) -> Array:
      return nn.relu(Conv(features, kernel_init=self.kernel_init, name=name,
                          **geometry)(x))

    half: dict[str, Any] = {'strides': (2, 2)}
    narrow, small, large, widest = _scaled((32, 64, 128, 256), self.width)
    skips = [conv('conv_1', pad(x, _THREE, 'reflect'), narrow,
                  kernel_size=(7, 7), padding=(0, 0))]
    for i, features, geometry in (
        (2, small, half), (3, large, half), (4, large, half), (5, large, {})):
      skips.append(conv(f'conv_{i}', skips[-1], features, **geometry))
    x = conv('conv_6', skips[-1], widest)
    for i in (7, 8, 9, 10):
      x += conv(f'conv_{i}_2', conv(f'conv_{i}_1', x, widest), widest)
    for i, features in (
        (11, large), (12, large), (13, large), (14, small), (15, narrow)):
      if i > 12:
        x = upsample_nearest(x)
      x = conv(f'conv_{i}', x, features) + skips.pop()
    return conv('conv_16', x, 1)


class PartialSketchEncoder(nn.Module):
  """Computes features of a sketch for `TextureRestoration`.

  In spite of its name, it has no partial convolution. The features are
  multiplied by learned numbers that start at 0, so that at first the sketch has
  no influence (as in ReZero, Bachlechner et al., 2020, arXiv:2003.04887).

  Attributes:
    width: share of the published channels (64 to 512), for small runs.
    kernel_init: initialiser of every kernel.
  """

  width: float = 1.0
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> tuple[Array, ...]:
    """Returns features, finest first.

    Args:
      x: the sketch (B, H, W, 3), 0 or 1, three times the same.
      train: normalise by the batch instead of the running statistics.

    Returns:
      (B, H, W, 64), (B, H/2, W/2, 128), (B, H/4, W/4, 256) and
      (B, H/8, W/8, 512).
    """
    def normalized(name: str, x: Array) -> Array:
      return nn.relu(BatchNorm(name=f'norm_{name}')(x, train))

    def conv(name: str, x: Array, features: int, **geometry: Any) -> Array:
      return Conv(features, kernel_init=self.kernel_init, name=name,
                  **geometry)(x)

    widths = _scaled((64, 128, 256, 512), self.width)
    half: dict[str, Any] = {'kernel_size': (4, 4), 'strides': (2, 2)}
    x = pad(x, _THREE, 'reflect')
    x = normalized('1', gated(conv('conv_1', x, 2 * widths[0],
                                   kernel_size=(7, 7), padding=(0, 0))))
    x = normalized('2', gated(conv('conv_2', x, 2 * widths[1], **half)))
    for i in (3, 4):
      x = normalized(str(i), conv(f'conv_{i}', x, widths[i - 1], **half))
    for i in range(3):
      x = DilatedResidualBlock(normalize='batch', kernel_init=self.kernel_init,
                               name=f'middle_{i}')(x, train)
    features = [x]
    for i in (1, 2, 3):
      x = ConvTranspose(2 * widths[3 - i], name=f'up_{i}')(x)
      x = normalized(f'up_{i}', gated(x))
      features.append(x)
    return tuple(
        scale_channels(array,
                       self.param(f'alpha_{i}', nn.initializers.zeros, ()))
        for i, array in enumerate(features, start=1))[::-1]


class TextureRestoration(nn.Module):
  """Fills holes along the features of a sketch, by fast Fourier convolutions.

  Attributes:
    blocks: residual blocks in the middle.
    width: share of the published channels (64 to 512), for small runs.
    modulation: how the sketch's features steer the encoder's: `'spade'`, as
      published, or `'adain'`.
    kernel_init: initialiser of every kernel.
  """

  blocks: int = 9
  width: float = 1.0
  modulation: str = 'spade'
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, sketch: Sequence[Array], train: bool = False
               ) -> Array:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 4): the damaged image in [0, 1], its holes 0, and the mask,
        1 = hole.
      sketch: the features that `PartialSketchEncoder` returns.
      train: normalise by the batch instead of the running statistics.

    Returns:
      The image (B, H, W, 3) in (0, 1).
    """
    errors.check_option('modulation', self.modulation, MODULATIONS)

    def modulated(name: str, x: Array, features: Array) -> Array:
      if self.modulation == 'adain':
        return AdaIN(self.kernel_init, name=name)(x, features)
      return SPADE(round(128 * self.width), self.kernel_init, name=name)(
          x, features, train)

    def conv(name: str, x: Array, features: int, **geometry: Any) -> Array:
      return Conv(features, kernel_init=self.kernel_init, name=name,
                  **geometry)(x)

    wide: dict[str, Any] = {'kernel_size': (7, 7), 'padding': (0, 0)}
    widths = _scaled((64, 128, 256, 512), self.width)
    x = conv('conv_1', pad(x, _THREE, 'reflect'), widths[0], **wide)
    x = nn.relu(BatchNorm(name='norm_1')(x, train))
    for i in (2, 3, 4):
      x = conv(f'conv_{i}', x + sketch[i - 2], widths[i - 1], strides=(2, 2))
      y = nn.relu(modulated(f'norm_{i}', x, sketch[i - 1]))
      x += nn.relu(conv(f'conv_{i}_1', y, widths[i - 1]))
    x += sketch[3]
    for i in range(self.blocks):
      x = FourierBlock(3 * widths[3] // 4, kernel_init=self.kernel_init,
                       name=f'middle_{i}')(x, train)
    for i in (1, 2, 3):
      x = ConvTranspose(widths[3 - i], (3, 3), output_padding=(1, 1),
                        name=f'up_{i}')(x)
      x = nn.relu(BatchNorm(name=f'norm_up_{i}')(x, train))
    x = conv('output', pad(x, _THREE, 'reflect'), 3, **wide)
    return (jnp.tanh(x) + 1) / 2


def _scaled(widths: Sequence[int], share: float) -> tuple[int, ...]:
  """Returns a share of the published widths."""
  return tuple(round(width * share) for width in widths)
