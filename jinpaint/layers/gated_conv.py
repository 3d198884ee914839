"""Gated convolutions, whose features are multiplied by a learned soft mask.

Jiahui Yu et al., 2019, arXiv:1806.03589, "Free-Form Image Inpainting with Gated
Convolution", equation 3: activation(features) * sigmoid(gate). The forms differ
in where the gate comes from:

- `gated`: from half the channels of one convolution, transposed or not;
- `DepthwiseGatedConv`: from a depthwise convolution and a 1x1 one, the
  depth-separable light-weight form of Zili Yi et al., 2020, arXiv:2005.09704;
- `EnhancedGatedConv`: from the layer's features, the gate of the layer before
  and a mask that is itself convolved.
"""

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.activations import Activation, identity, leaky_relu
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import instance_norm
from jinpaint.types import Array


def gated(x: Array, activation: Activation = identity) -> Array:
  """Multiplies the first half of the channels by a gate from the second.

  Args:
    x: (B, H, W, 2 C), the output of a convolution, transposed or not.
    activation: is applied to the first half.

  Returns:
    activation(first) * sigmoid(second), (B, H, W, C).
  """
  features, gate = jnp.split(x, 2, axis=-1)
  return activation(features) * nn.sigmoid(gate)


class DepthwiseGatedConv(nn.Module):
  """An instance-normalised convolution, gated by a depthwise-separable one.

  Attributes:
    features: output channels.
    kernel_size: height and width of both windows.
    strides: steps in height and width.
    padding: pixels on each side of height and of width.
    padding_mode: what both convolutions pad with, see
      `jinpaint.layers.conv.Conv`.
    kernel_init: initialiser of the kernels.
  """

  features: int
  kernel_size: tuple[int, int] = (3, 3)
  strides: tuple[int, int] = (1, 1)
  padding: tuple[int, int] = (1, 1)
  padding_mode: str = 'zeros'
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns (B, H', W', features) for x (B, H, W, Cin)."""
    conv = lambda features, groups, name: Conv(
        features, self.kernel_size, self.strides, self.padding,
        self.padding_mode, groups=groups, kernel_init=self.kernel_init,
        name=name)(x)
    channels = x.shape[-1]
    gate = Conv(self.features, (1, 1), padding=(0, 0),
                kernel_init=self.kernel_init,
                name='pointwise')(conv(channels, channels, 'depthwise'))
    features = leaky_relu(instance_norm(conv(self.features, 1, 'conv')))
    return features * nn.sigmoid(gate)


class EnhancedGatedConv(nn.Module):
  """A 3x3 convolution whose gate sees features, the last gate and a mask.

  InpaintGAN (github.com/MoshPe/InpaintGAN), "EGC": the gate is a convolution of
  [sigmoid(a convolution of x), the last gate, the last mask], the mask a
  convolution of the last mask, without activation. Zero padding 1 throughout.

  Attributes:
    features: output channels.
    strides: steps in height and width.
    kernel_init: initialiser of the kernels.
  """

  features: int
  strides: tuple[int, int] = (1, 1)
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, gate: Array, mask: Array
               ) -> tuple[Array, Array, Array]:
    """Returns features, gate and mask for the next layer.

    Args:
      x: (B, H, W, C).
      gate: (B, H, W, C), before its sigmoid.
      mask: (B, H, W, 1).

    Returns:
      (B, H', W', features), its gate of the same shape, before the sigmoid,
      and the mask (B, H', W', 1).
    """
    conv = lambda features, strides, name: Conv(
        features, strides=strides, kernel_init=self.kernel_init, name=name)
    attention = nn.sigmoid(conv(self.features, (1, 1), 'attention')(x))
    gate = conv(self.features, self.strides, 'gate')(
        jnp.concatenate([attention, gate, mask], axis=-1))
    mask = conv(1, self.strides, 'mask')(mask)
    features = nn.relu(conv(self.features, self.strides, 'conv')(x))
    return features * nn.sigmoid(gate), gate, mask
