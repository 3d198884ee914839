"""Encoder, residual blocks and decoder that several generators are built of.

Kamyar Nazeri et al., 2019, arXiv:1901.00212, "EdgeConnect", section 3, with the
sizes of the published code. The networks of InpaintGAN have the same parts, and
so has the "UNet-like" network of ISNet.
"""

from flax import linen as nn

from jinpaint.layers.conv import Conv, ConvTranspose
from jinpaint.layers.norm import instance_norm
from jinpaint.layers.residual import DilatedResidualBlock
from jinpaint.types import Array


def check_size(x: Array, divisor: int) -> None:
  """Demands a height and a width (B, H, W, C) that are multiples of a number.

  Raises:
    ValueError: one of them is not.
  """
  _, height, width, _ = x.shape
  if height % divisor or width % divisor:
    raise ValueError(f'height and width must be multiples of {divisor}, not '
                     f'{height} and {width}')


class Encoder(nn.Module):
  """A 7x7 convolution and some that halve the size, instance-normalised.

  Attributes:
    widths: output channels of each.
    spectral_norm: whether kernels are divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, ...]
  spectral_norm: bool
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H', W', widths[-1]) for x (B, H, W, C).

    H' is H, halved once for each width after the first; W' likewise.
    """
    first, *others = self.widths
    conv = lambda i, x, features, *geometry: nn.relu(instance_norm(Conv(
        features, *geometry, spectral_norm=self.spectral_norm,
        kernel_init=self.kernel_init, name=f'conv_{i}')(x, train)))
    x = conv(1, x, first, (7, 7), (1, 1), (3, 3), 'reflect')
    for i, width in enumerate(others, start=2):
      x = conv(i, x, width, (4, 4), (2, 2))
    return x


class ResidualBlocks(nn.Module):
  """Dilated residual blocks, one after the other.

  Attributes:
    blocks: how many.
    spectral_norm: whether kernels are divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  blocks: int
  spectral_norm: bool
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C)."""
    for i in range(self.blocks):
      x = DilatedResidualBlock(
          spectral_norm=self.spectral_norm, kernel_init=self.kernel_init,
          name=f'block_{i}')(x, train)
    return x


class Decoder(nn.Module):
  """Instance-normalised transposed convolutions, then a plain 7x7 one.

  Attributes:
    ups: output channels and stride of each transposed convolution: 2 doubles
      the size with a 4x4 window, 1 keeps it with 3x3.
    features: output channels of the last convolution.
    spectral_norm: whether the kernels of the transposed convolutions are
      divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  ups: tuple[tuple[int, int], ...]
  features: int
  spectral_norm: bool
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H', W', features), without activation, for (B, H, W, C)."""
    for i, (width, stride) in enumerate(self.ups, start=1):
      x = nn.relu(instance_norm(ConvTranspose(
          width, (stride + 2, stride + 2), (stride, stride),
          spectral_norm=self.spectral_norm, kernel_init=self.kernel_init,
          name=f'up_{i}')(x, train)))
    return Conv(self.features, (7, 7), padding=(3, 3), padding_mode='reflect',
                kernel_init=self.kernel_init, name='output')(x)
