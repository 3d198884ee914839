"""Normalisations whose scale and shift are predicted from other features."""

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import BatchNorm, image_moments, instance_norm
from jinpaint.layers.upsampling import resize_nearest
from jinpaint.types import Array


class SPADE(nn.Module):
  """Spatially adaptive normalisation: n (1 + gamma) + beta at each pixel.

  Taesung Park et al., 2019, arXiv:1903.07291, "Semantic Image Synthesis with
  Spatially-Adaptive Normalization", equation 1. n is a batch norm without
  learned scale and shift; gamma and beta are convolutions of the condition. The
  result is computed in float32 and has the type of x.

  Attributes:
    hidden: channels of the convolution that gamma and beta are computed from.
    kernel_init: initialiser of every kernel.
  """

  hidden: int = 128
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, condition: Array,
               train: bool = False) -> Array:
    """Normalises x, then scales and shifts it as the condition says.

    Args:
      x: (B, H, W, C).
      condition: (B, H', W', C'), resized to (H, W) by repeating pixels.
      train: normalise by the batch instead of the running statistics.

    Returns:
      (B, H, W, C).
    """
    conv = lambda features, name: Conv(
        features, kernel_init=self.kernel_init, name=name)
    shared = nn.relu(conv(self.hidden, 'shared')(
        resize_nearest(condition, x.shape[1:3])))
    gamma = conv(x.shape[-1], 'gamma')(shared)
    beta = conv(x.shape[-1], 'beta')(shared)
    normalized = BatchNorm(affine=False, name='norm')(
        x.astype(jnp.float32), train)
    modulated = (normalized * (1 + gamma.astype(jnp.float32))
                 + beta.astype(jnp.float32))
    return modulated.astype(x.dtype)


class AdaIN(nn.Module):
  """Gives each channel the mean and the deviation of a projected style.

  Xun Huang and Serge Belongie, 2017, arXiv:1703.06868, "Arbitrary Style
  Transfer in Real-time with Adaptive Instance Normalization", equation 8. A 1x1
  convolution first brings the style to as many channels as x has.

  Attributes:
    kernel_init: initialiser of the projection.
  """

  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, style: Array) -> Array:
    """Returns (B, H, W, C) for x of that shape and style (B, H', W', C')."""
    style = Conv(x.shape[-1], (1, 1), padding=(0, 0),
                 kernel_init=self.kernel_init, name='projection')(style)
    return adaptive_instance_norm(x, style)


def adaptive_instance_norm(x: Array, style: Array,
                           epsilon: float = 1e-5) -> Array:
  """Returns deviation(style) * (x - mean(x)) / deviation(x) + mean(style).

  Args:
    x: (B, H, W, C).
    style: (B, H', W', C).
    epsilon: added to both variances, which keeps gradients finite.

  Returns:
    (B, H, W, C), of the type of x, computed in float32.
  """
  mean, var = image_moments(style)
  normalized = instance_norm(x.astype(jnp.float32), epsilon)
  return (lax.sqrt(var + epsilon) * normalized + mean).astype(x.dtype)
