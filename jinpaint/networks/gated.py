"""Free-form inpainting with gated convolution, "DeepFill v2".

Jiahui Yu et al., 2019, arXiv:1806.03589, "Free-Form Image Inpainting with Gated
Convolution": a coarse network, and one that refines its result, partly by
contextual attention. The discriminator is in `jinpaint.networks.patchgan`.

Three published codes differ, and weights need the options of theirs:

|                 | TensorFlow, official | its PyTorch port | port's own |
|-----------------|----------------------|------------------|------------|
| `padding`       | 'same'               | 'same'           | (1, 1)     |
| `align_corners` | True                 | True             | False      |
| `fuse`          | True                 | False            | True       |
| `mask_steps`    | (4, 2)               | (8,)             | (8,)       |
| colours         | BGR                  | RGB              | RGB        |

The PyTorch port of the second column runs the official weights, converted. The
default here is the first column. `padding` matters where strides are 2: 'same'
puts the odd zero below and to the right.
"""

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.activations import Activation
from jinpaint.layers.attention import contextual_attention
from jinpaint.layers.conv import Conv
from jinpaint.layers.gated_conv import gated
from jinpaint.layers.upsampling import upsample_nearest
from jinpaint.types import Array

_RATES = (2, 4, 8, 16)


class GatedGenerator(nn.Module):
  """Fills free-form holes, coarsely, then finely.

  Attributes:
    padding: of the convolutions that halve the size: 'same' or (1, 1).
    align_corners: see `jinpaint.layers.attention.contextual_attention`.
    fuse: see `jinpaint.layers.attention.contextual_attention`.
    mask_steps: see `jinpaint.layers.attention.contextual_attention`.
    width: share of the published channels (24 to 96), for small runs.
    kernel_init: initialiser of every kernel.
  """

  padding: tuple[int, int] | str = 'same'
  align_corners: bool = True
  fuse: bool = True
  mask_steps: tuple[int, ...] = (4, 2)
  width: float = 1.0
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, mask: Array, train: bool = False
               ) -> tuple[Array, Array]:
    """Predicts the whole image, twice.

    Args:
      x: (B, H, W, 5): RGB in [-1, 1], 0 in holes; ones; the mask. Or
        (B, H, W, 6), with a sketch as another channel after RGB. H and W are
        multiples of 8.
      mask: (B, H, W, 1), 1 = hole.
      train: changes nothing.

    Returns:
      The refined and the coarse image, both (B, H, W, 3) in (-1, 1).
    """
    del train
    def conv(name: str, x: Array, features: int, kernel: int = 3,
             stride: int = 1, rate: int = 1,
             activation: Activation = nn.elu) -> Array:
      half = rate * (kernel - 1) // 2
      return gated(Conv(
          2 * round(features * self.width), (kernel, kernel), (stride, stride),
          self.padding if stride == 2 else (half, half),
          dilation=(rate, rate), kernel_init=self.kernel_init, name=name)(x),
                   activation)

    def down(part: str, x: Array, wide: tuple[int, int]) -> Array:
      """Applies five convolutions, to a quarter of the size."""
      x = conv(f'{part}_1', x, 24, kernel=5)
      x = conv(f'{part}_2', x, wide[0], stride=2)
      x = conv(f'{part}_3', x, 48)
      x = conv(f'{part}_4', x, wide[1], stride=2)
      return conv(f'{part}_5', x, 96)

    def dilated(part: str, x: Array) -> Array:
      x = conv(f'{part}_6', x, 96)
      for i, rate in enumerate(_RATES, start=7):
        x = conv(f'{part}_{i}', x, 96, rate=rate)
      return x

    def up(part: str, x: Array) -> Array:
      """Applies convolutions 11 to 17, back to the full size and to RGB."""
      for i in (11, 12):
        x = conv(f'{part}_{i}', x, 96)
      x = conv(f'{part}_13', upsample_nearest(x), 48)
      x = conv(f'{part}_14', x, 48)
      x = conv(f'{part}_15', upsample_nearest(x), 24)
      x = conv(f'{part}_16', x, 12)
      return jnp.tanh(Conv(3, kernel_init=self.kernel_init,
                           name=f'{part}_17')(x))

    coarse = up('coarse', dilated('coarse', down('coarse', x, (48, 96))))
    composite = coarse * mask + x[..., :3] * (1 - mask)
    fine = dilated('fine', down('fine', composite, (24, 48)))
    y = conv('attention_6', down('attention', composite, (24, 96)), 96,
             activation=nn.relu)
    y = contextual_attention(
        y, mask, fuse=self.fuse, align_corners=self.align_corners,
        mask_steps=self.mask_steps)
    for i in (9, 10):
      y = conv(f'attention_{i}', y, 96)
    return up('refined', jnp.concatenate([fine, y], axis=-1)), coarse
