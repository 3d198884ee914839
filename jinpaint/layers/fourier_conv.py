"""Fast Fourier convolution: some of the features see the whole image at once.

Lu Chi et al., 2020, "Fast Fourier Convolution" (NeurIPS 2020), in the form of
LaMa (Roman Suvorov et al., 2021, arXiv:2109.07161, figure 2): local and global
channels, no local Fourier unit, no gating, no stride.
"""

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import BatchNorm
from jinpaint.types import Array


class FourierConv(nn.Module):
  """A fast Fourier convolution with batch norm and ReLU.

  The first channels are local: they come from ordinary convolutions of all
  channels. The other channels are global: they come from an ordinary
  convolution of the local channels and a `SpectralTransform` of the global
  ones.

  Attributes:
    global_features: how many of the channels, in and out, are global.
    kernel_init: initialiser of every kernel.
  """

  global_features: int
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
               + SpectralTransform(self.kernel_init,
                                   name='global_to_global')(far, train))
    return nn.relu(jnp.concatenate([
        BatchNorm(name='local_norm')(out_near, train),
        BatchNorm(name='global_norm')(out_far, train)], axis=-1))


class SpectralTransform(nn.Module):
  """A residual `FourierUnit` on half as many channels.

  Attributes:
    kernel_init: initialiser of every kernel.
  """

  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C)."""
    conv = lambda features, name: Conv(
        features, (1, 1), padding=(0, 0), use_bias=False,
        kernel_init=self.kernel_init, name=name)
    channels = x.shape[-1]
    x = conv(channels // 2, 'reduce')(x)
    x = nn.relu(BatchNorm(name='reduce_norm')(x, train))
    x += FourierUnit(self.kernel_init, name='fourier_unit')(x, train)
    return conv(channels, 'expand')(x)


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
