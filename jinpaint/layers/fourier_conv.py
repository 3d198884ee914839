"""Fast Fourier convolution: some of the features see the whole image at once.

Lu Chi et al., 2020, "Fast Fourier Convolution" (NeurIPS 2020), in the form of
LaMa (Roman Suvorov et al., 2021, arXiv:2109.07161, figure 2): local and global
channels, no gating, no stride. Chi et al.'s local Fourier unit is an option
that no published weights of LaMa or SketchRefiner have.
"""

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import BatchNorm
from jinpaint.types import Array


class FourierBlock(nn.Module):
  """x plus two fast Fourier convolutions of it.

  Attributes:
    global_features: how many of the channels are global.
    lfu: whether there are local Fourier units, see `SpectralTransform`.
    kernel_init: initialiser of every kernel.
  """

  global_features: int
  lfu: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C), H and W at least 2."""
    y = x
    for i in (1, 2):
      y = FourierConv(self.global_features, self.lfu, self.kernel_init,
                      name=f'conv_{i}')(y, train)
    return x + y


class FourierConv(nn.Module):
  """A fast Fourier convolution with batch norm and ReLU.

  The first channels are local: they come from ordinary convolutions of all
  channels. The other channels are global: they come from an ordinary
  convolution of the local channels and a `SpectralTransform` of the global
  ones.

  Attributes:
    global_features: how many of the channels, in and out, are global.
    lfu: whether there is a local Fourier unit, see `SpectralTransform`.
    kernel_init: initialiser of every kernel.
  """

  global_features: int
  lfu: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C)."""
    local_features = x.shape[-1] - self.global_features
    near, far = jnp.split(x, [local_features], axis=-1)
    conv = lambda features, name: Conv(
        features, padding_mode='reflect', use_bias=False,
        kernel_init=self.kernel_init, name=name)
    out_near = (conv(local_features, 'local_to_local')(near)
                + conv(local_features, 'global_to_local')(far))
    out_far = (conv(self.global_features, 'local_to_global')(near)
               + SpectralTransform(self.lfu, self.kernel_init,
                                   name='global_to_global')(far, train))
    return nn.relu(jnp.concatenate([
        BatchNorm(name='local_norm')(out_near, train),
        BatchNorm(name='global_norm')(out_far, train)], axis=-1))


class SpectralTransform(nn.Module):
  """A residual `FourierUnit` on half as many channels.

  Attributes:
    lfu: whether a local Fourier unit is added: a second `FourierUnit`, which
      sees the four quarters of the image, of a quarter of the channels, as
      channels, and whose result is repeated for each quarter.
    kernel_init: initialiser of every kernel.
  """

  lfu: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C).

    Raises:
      ValueError: with `lfu`, height or width is odd, or half of the channels
        are no multiple of 4. (The published code takes square images only.)
    """
    conv = lambda features, name: Conv(
        features, (1, 1), padding=(0, 0), use_bias=False,
        kernel_init=self.kernel_init, name=name)
    channels = x.shape[-1]
    x = conv(channels // 2, 'reduce')(x)
    x = nn.relu(BatchNorm(name='reduce_norm')(x, train))
    unit = lambda name: FourierUnit(self.kernel_init, name=name)
    y = x + unit('fourier_unit')(x, train)
    if self.lfu:
      y += jnp.tile(unit('local_fourier_unit')(_quarters(x), train),
                    (1, 2, 2, 1))
    return conv(channels, 'expand')(y)


def _quarters(x: Array) -> Array:
  """Returns the quarters (B, H/2, W/2, C) of the first C/4 channels of x.

  They are stacked as channels: of all of them first the top left, then the
  bottom left, the top right and the bottom right quarter.

  Args:
    x: (B, H, W, C).
  """
  _, height, width, channels = x.shape
  if height % 2 or width % 2 or channels % 4:
    raise ValueError('a local Fourier unit needs an even height and width and '
                     f'a multiple of 4 channels, not {x.shape[1:]}')
  x = x[..., :channels // 4]
  for axis in (1, 2):
    x = jnp.concatenate(jnp.split(x, 2, axis), axis=-1)
  return x


class FourierUnit(nn.Module):
  """A 1x1 convolution of an image's spectrum, with batch norm and ReLU.

  The Fourier transforms are computed in float32; the result has the type of x.

  Attributes:
    kernel_init: initialiser of the kernel.
  """

  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C), any height and width."""
    *_, height, width, channels = x.shape
    spectrum = jnp.fft.rfft2(x.astype(jnp.float32), axes=(1, 2),
                              norm='ortho')
    # The real and the imaginary part of a channel are neighbours.
    parts = jnp.stack([spectrum.real, spectrum.imag], axis=-1)
    parts = parts.reshape(*spectrum.shape[:3], 2 * channels).astype(x.dtype)
    parts = Conv(2 * channels, (1, 1), padding=(0, 0), use_bias=False,
                 kernel_init=self.kernel_init, name='conv')(parts)
    parts = nn.relu(BatchNorm(name='norm')(parts, train))
    real, imaginary = jnp.moveaxis(
        parts.astype(jnp.float32).reshape(*spectrum.shape, 2), -1, 0)
    image = jnp.fft.irfft2(lax.complex(real, imaginary), s=(height, width),
                           axes=(1, 2), norm='ortho')
    return image.astype(x.dtype)
