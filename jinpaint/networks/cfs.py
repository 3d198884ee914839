"""Two stages led by HED sketches: the sketch first, then the image.

"Comprehensive Feature Selection" blocks (`jinpaint.layers.feature_selection`),
published as github.com/GuardSkill/Feature-Selection-Inpainting: one network
completes the sketch by partial convolutions, a second one the image along it.
The discriminators are EdgeConnect's, in `jinpaint.networks.patchgan`.

Where this follows the code instead of the paper:
- The first convolution keeps the size but for a border of three pixels; the
  last upsampling enlarges its map to the size of the image again. Only the
  three other convolutions halve the size.
- The completion network reads the mask as well (equation 10 has no such input).
- The last convolution of the sketch network updates and applies its mask like
  every other. A pixel becomes sigmoid(0) = 0.5 where nothing in its window is
  known.

Where this follows neither: features are enlarged to the size of those that they
are concatenated with. The code multiplies sizes by a fraction, which fails for
half of all sizes. At 256 px both give the same.
"""

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.activations import leaky_relu
from jinpaint.layers.feature_selection import CFSBlock, ResidualCFSBlock
from jinpaint.layers.partial_conv import Features, PartialConv
from jinpaint.layers.upsampling import resize_nearest
from jinpaint.types import Array

cfs_init = initializers.he_normal

# Window, stride and padding of the four layers of each encoder.
_PARTIAL = ((7, 1, 0), (6, 2, 2), (4, 2, 1), (4, 2, 1))
_SELECTING = ((7, 1, 0), (5, 2, 2), (3, 2, 1), (3, 2, 1))
_WIDTHS = (64, 128, 256, 512)


class SketchGenerator(nn.Module):
  """Completes the HED sketch of a damaged image: section 3.1.

  Attributes:
    blocks: dilated residual blocks in the middle.
    width: share of the published channels (64 to 512), for small runs.
    kernel_init: initialiser of every kernel.
  """

  blocks: int = 4
  width: float = 1.0
  kernel_init: nn.initializers.Initializer = cfs_init

  @nn.compact
  def __call__(self, x: Array, valid: Array, train: bool = False) -> Array:
    """Predicts the sketch of the whole image.

    Args:
      x: (B, H, W, 2), the gray image and its sketch, in [0, 1]; what they hold
        inside holes does not matter.
      valid: (B, H, W, 1), 1 = known, 0 = hole.
      train: whether the spectral vectors move.

    Returns:
      The sketch (B, H, W, 1) in (0, 1), of any H and W from 14 on.
    """
    def conv(name: str, x: Features, valid: Features, features: int,
             window: int, stride: int = 1, padding: int = 0
             ) -> tuple[Array, Array]:
      return PartialConv(
          features, (window, window), (stride, stride), (padding, padding),
          spectral_norm=True, kernel_init=self.kernel_init, name=name)(
              x, valid, train)

    widths = _scaled(self.width)
    known = x, valid  # features and what is known of them
    skips = []
    for i, (width, geometry) in enumerate(
        zip(widths, _PARTIAL, strict=True), start=1):
      skips.append(known)
      features, valid = conv(f'encoder_{i}', *known, width, *geometry)
      known = leaky_relu(features), valid
    for i in range(self.blocks):
      known = PartialResidualBlock(
          kernel_init=self.kernel_init, name=f'middle_{i}')(*known, train)
    for i in (4, 3, 2, 1):
      skip = skips.pop()
      larger, larger_valid = (
          resize_nearest(array, skip[0].shape[1:3]) for array in known)
      features, valid = conv(
          f'decoder_{i}', (larger, skip[0]), (larger_valid, skip[1]),
          widths[i - 2] if i > 1 else 1, 3, padding=1)
      known = leaky_relu(features), valid
    return nn.sigmoid(features)


class PartialResidualBlock(nn.Module):
  """The known part of x, plus two dilated 3x3 partial convolutions of it.

  Attributes:
    dilation: of both convolutions.
    kernel_init: initialiser of both kernels.
  """

  dilation: int = 2
  kernel_init: nn.initializers.Initializer = cfs_init

  @nn.compact
  def __call__(self, x: Array, valid: Array, train: bool = False
               ) -> tuple[Array, Array]:
    """Returns (B, H, W, C) and the updated mask, for x (B, H, W, C)."""
    both = (self.dilation, self.dilation)
    y, updated = x, valid
    for i in (1, 2):
      y, updated = PartialConv(
          x.shape[-1], padding=both, dilation=both, use_bias=False,
          spectral_norm=True, kernel_init=self.kernel_init, name=f'conv_{i}')(
              y, updated, train)
      y = leaky_relu(y)
    return x * valid + y, updated


class CompletionGenerator(nn.Module):
  """Completes an image whose sketch is known, by CFS blocks: section 3.2.

  Attributes:
    blocks: residual CFS blocks in the middle: 8 in the paper, 4 in the
      published code.
    width: share of the published channels (64 to 512), for small runs.
    kernel_init: initialiser of every kernel.
  """

  blocks: int = 8
  width: float = 1.0
  kernel_init: nn.initializers.Initializer = cfs_init

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 5): RGB in [0, 1], 0 in holes; the completed sketch; and the
        map of known pixels, 1 = known, 0 = hole.
      train: whether the spectral vectors move.

    Returns:
      RGB (B, H, W, 3) in (0, 1), of any H and W from 7 on.
    """
    widths, skips = _scaled(self.width), []
    for i, (width, (window, stride, padding)) in enumerate(
        zip(widths, _SELECTING, strict=True), start=1):
      skips.append(x)
      x = CFSBlock(width, (window, window), (stride, stride),
                   (padding, padding), kernel_init=self.kernel_init,
                   name=f'encoder_{i}')(x, train)
    for i in range(self.blocks):
      x = ResidualCFSBlock(kernel_init=self.kernel_init, name=f'middle_{i}')(
          x, train)
    for i in (4, 3, 2, 1):
      skip = skips.pop()
      x = jnp.concatenate([resize_nearest(x, skip.shape[1:3]), skip], axis=-1)
      x = CFSBlock(widths[i - 2] if i > 1 else 3, last=i == 1,
                   kernel_init=self.kernel_init, name=f'decoder_{i}')(x, train)
    return (jnp.tanh(x) + 1) / 2


def _scaled(share: float) -> tuple[int, ...]:
  """Returns a share of the published widths."""
  return tuple(round(width * share) for width in _WIDTHS)
