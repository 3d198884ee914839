"""LaMa: large holes are filled by fast Fourier convolutions.

Roman Suvorov et al., 2021, arXiv:2109.07161, "Resolution-robust Large Mask
Inpainting with Fourier Convolutions", published as github.com/advimman/lama.
LaMa-Fourier has 9 blocks, Big LaMa 18. The paper's baselines without Fourier
convolutions are not here. The networks follow the code, whose weights they
load: strided convolutions are padded by reflection.
"""

from typing import Any

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv, ConvTranspose
from jinpaint.layers.fourier_conv import FourierBlock
from jinpaint.layers.norm import BatchNorm
from jinpaint.networks.patchgan import SketchRefinerDiscriminator
from jinpaint.types import Array

# SketchRefiner took it from LaMa; only its layers were given other names.
Discriminator = SketchRefinerDiscriminator


class Generator(nn.Module):
  """An encoder, residual blocks of Fourier convolutions, and a decoder.

  Attributes:
    blocks: residual blocks in the middle.
    ngf: channels of the first layer; the blocks have 8 times as many.
    global_share: share of the blocks' channels that are global, in (0, 1);
      rounded down to whole channels.
    lfu: whether there are local Fourier units, see
      `jinpaint.layers.fourier_conv.SpectralTransform`. No published weights
      have them.
    kernel_init: initialiser of every kernel.
  """

  blocks: int = 9
  ngf: int = 64
  global_share: float = 0.75
  lfu: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  def __post_init__(self) -> None:
    if not 2 <= self._global < 8 * self.ngf:
      raise ValueError(
          f'global_share is {self.global_share}; of {8 * self.ngf} channels at '
          'least two must be global, and one local')
    super().__post_init__()

  @property
  def _global(self) -> int:
    """How many of the blocks' channels are global."""
    # A share that was read off weights may miss a whole number by rounding.
    return int(8 * self.ngf * self.global_share + 1e-6)

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 4): the damaged image, RGB in [0, 1], its holes 0, and the
        mask, 1 = hole. H and W are multiples of 8 and at least 16; with `lfu`,
        of 16.
      train: normalise by the batch instead of the running statistics.

    Returns:
      The image (B, H, W, 3), RGB in (0, 1).
    """
    def conv(name: str, x: Array, features: int, **geometry: Any) -> Array:
      return Conv(features, padding_mode='reflect',
                  kernel_init=self.kernel_init, name=name, **geometry)(x)

    def normalized(name: str, x: Array) -> Array:
      return nn.relu(BatchNorm(name=f'norm_{name}')(x, train))

    wide: dict[str, Any] = {'kernel_size': (7, 7), 'padding': (3, 3)}
    half: dict[str, Any] = {'strides': (2, 2), 'use_bias': False}
    widths = [self.ngf * 2**i for i in range(4)]
    parts = {'local': widths[3] - self._global, 'global': self._global}
    x = normalized('1', conv('conv_1', x, widths[0], use_bias=False, **wide))
    for i in (2, 3):
      x = normalized(str(i), conv(f'conv_{i}', x, widths[i - 1], **half))
    x = jnp.concatenate([
        normalized(part, conv(f'conv_{part}', x, features, **half))
        for part, features in parts.items()], axis=-1)
    for i in range(self.blocks):
      x = FourierBlock(self._global, self.lfu, self.kernel_init,
                       name=f'block_{i}')(x, train)
    for i in (1, 2, 3):
      x = normalized(f'up_{i}', ConvTranspose(
          widths[3 - i], (3, 3), output_padding=(1, 1), name=f'up_{i}')(x))
    return nn.sigmoid(conv('output', x, 3, **wide))
