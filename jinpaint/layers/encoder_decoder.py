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
  """Raises an error unless height and width are multiples of a number.

  Args:
    x: (B, H, W, C).
    divisor: the number.

  Raises:
    ValueError: H or W is not a multiple of it.
  """
  _, height, width, _ = x.shape
  if height % divisor or width % divisor:
    raise ValueError(f'height and width must be multiples of {divisor}, not '
                     f'{height} and {width}')


class Encoder(nn.Module):
  """A 7x7 convolution, then 4x4 ones that halve height and width.

  An instance norm and a rectifier follow each of them.

  Attributes:
    widths: output channels of each convolution.
    spectral_norm: whether kernels are divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, ...]
  spectral_norm: bool
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H', W', widths[-1]) for x (B, H, W, C).

    H' and W' are H and W, halved once for each width after the first.
    """
    first, *others = self.widths
    conv = lambda i, features, **geometry: Conv(
        features, spectral_norm=self.spectral_norm,
        kernel_init=self.kernel_init, name=f'conv_{i}', **geometry)
    x = conv(1, first, kernel_size=(7, 7), padding=(3, 3),
             padding_mode='reflect')(x, train)
    x = nn.relu(instance_norm(x))
    for i, width in enumerate(others, start=2):
      x = conv(i, width, kernel_size=(4, 4), strides=(2, 2))(x, train)
      x = nn.relu(instance_norm(x))
    return x


class ResidualBlocks(nn.Module):
  """Dilated residual blocks, one after another.

  Attributes:
    blocks: number of the blocks.
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
  """Transposed convolutions, then a 7x7 convolution without activation.

  An instance norm and a rectifier follow each transposed convolution.

  Attributes:
    ups: output channels and stride of each transposed convolution. Stride 2
      doubles the size with a 4x4 window, stride 1 keeps it with a 3x3 one.
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
    """Returns (B, H', W', features) for x (B, H, W, C).

    H' and W' are H and W, multiplied by all strides.
    """
    for i, (width, stride) in enumerate(self.ups, start=1):
      x = nn.relu(instance_norm(ConvTranspose(
          width, (stride + 2, stride + 2), (stride, stride),
          spectral_norm=self.spectral_norm, kernel_init=self.kernel_init,
          name=f'up_{i}')(x, train)))
    return Conv(self.features, (7, 7), padding=(3, 3), padding_mode='reflect',
                kernel_init=self.kernel_init, name='output')(x)
