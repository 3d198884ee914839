"""Layers that enlarge features: repeated pixels, convolutions, shuffles."""

from collections.abc import Sequence

from flax import linen as nn
import jax.numpy as jnp
import numpy as np

from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv
from jinpaint.types import Array


class SubPixelConv(nn.Module):
  """A convolution to factor^2 times the features, then a pixel shuffle.

  Wenzhe Shi et al., 2016, arXiv:1609.05158, "Real-Time Single Image and Video
  Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network",
  equations 3 and 4. There is no activation.

  Attributes:
    features: output channels.
    factor: by which height and width grow.
    kernel_size: height and width of the window, both odd.
    use_bias: whether a bias is learned.
    spectral_norm: whether the kernel is divided by its spectral norm.
    kernel_init: initialiser of the kernel.
  """

  features: int
  factor: int = 2
  kernel_size: tuple[int, int] = (3, 3)
  use_bias: bool = True
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H * factor, W * factor, features) for x (B, H, W, C)."""
    height, width = self.kernel_size
    x = Conv(self.features * self.factor**2, self.kernel_size,
             padding=(height // 2, width // 2), use_bias=self.use_bias,
             spectral_norm=self.spectral_norm, kernel_init=self.kernel_init,
             name='conv')(x, train)
    return pixel_shuffle(x, self.factor)


def pixel_shuffle(x: Array, factor: int) -> Array:
  """Returns (B, H * factor, W * factor, C) for (B, H, W, C * factor^2).

  Channel `(c * factor + i) * factor + j` becomes channel c of the pixels whose
  row is i and whose column is j modulo `factor`: the order of PyTorch.
  """
  b, h, w, c = x.shape
  x = x.reshape(b, h, w, c // factor**2, factor, factor)
  x = x.transpose(0, 1, 4, 2, 5, 3)
  return x.reshape(b, h * factor, w * factor, -1)


def pixel_unshuffle(x: Array, factor: int) -> Array:
  """Returns what `pixel_shuffle` makes `x` (B, H, W, C) of.

  (B, H / factor, W / factor, C * factor^2); height and width are multiples of
  the factor.
  """
  b, h, w, c = x.shape
  x = x.reshape(b, h // factor, factor, w // factor, factor, c)
  x = x.transpose(0, 1, 3, 5, 2, 4)
  return x.reshape(b, h // factor, w // factor, -1)


def upsample_nearest(x: Array, factor: int = 2) -> Array:
  """Returns `x` (B, H, W, C) with each pixel repeated in both directions."""
  b, h, w, c = x.shape
  x = jnp.broadcast_to(x[:, :, None, :, None], (b, h, factor, w, factor, c))
  return x.reshape(b, h * factor, w * factor, c)


def resize_nearest(x: Array, size: Sequence[int]) -> Array:
  """Resizes `x` (B, H, W, C) as PyTorch's mode 'nearest' does.

  Row i of the result is row floor(i * given / wanted) of `x`, where given and
  wanted are the heights. The quotient is computed in float32.

  Args:
    x: (B, H, W, C).
    size: height and width of the result.
  """
  for axis, wanted in enumerate(size, start=1):
    given = x.shape[axis]
    if given != wanted:
      scale = np.float32(given) / np.float32(wanted)
      index = np.floor(np.arange(wanted, dtype=np.float32) * scale)
      index = np.minimum(index.astype(np.int32), given - 1)
      x = jnp.take(x, index, axis=axis, mode='clip')
  return x
