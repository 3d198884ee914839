"""Comprehensive feature selection: a convolution gated twice, then by channel.

The "CFS block" of the two-stage inpainting with HED sketches that is published
as github.com/GuardSkill/Feature-Selection-Inpainting, section 3.2 of its paper.
Where this follows the code instead of the paper:

- every kernel is divided by its spectral norm;
- the linear layers of squeeze and excitation have biases (equation 7 has none);
- the last layer of a network, without activation, does not apply its squeeze
  and excitation either; it has the weights nevertheless, as its files do.
"""

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.activations import leaky_relu
from jinpaint.layers.conv import Conv, Dense
from jinpaint.types import Array

_REDUCTION = 16  # r of equation 7; it is 1 where there are fewer channels


class CFSBlock(nn.Module):
  """A convolution whose input, output and channels are each gated.

  Attributes:
    features: output channels.
    kernel_size: height and width of the windows.
    strides: steps in height and width, but of the input's gate, which keeps the
      size.
    padding: zeros on each side of height and of width, but of the input's gate.
    dilation: distance of the windows' taps.
    use_bias: whether the three convolutions have a bias.
    last: whether the block ends a network: then it has no activation and no
      weights of channels.
    kernel_init: initialiser of every kernel.
  """

  features: int
  kernel_size: tuple[int, int] = (3, 3)
  strides: tuple[int, int] = (1, 1)
  padding: tuple[int, int] = (1, 1)
  dilation: tuple[int, int] = (1, 1)
  use_bias: bool = True
  last: bool = False
  kernel_init: nn.initializers.Initializer = initializers.he_normal

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H', W', features) for x (B, H, W, Cin)."""
    def conv(name: str, x: Array, features: int, strides: tuple[int, int],
             padding: tuple[int, int]) -> Array:
      return Conv(features, self.kernel_size, strides, padding,
                  dilation=self.dilation, use_bias=self.use_bias,
                  spectral_norm=True, kernel_init=self.kernel_init,
                  name=name)(x, train)

    above, left = ((k - 1) * d // 2 for k, d in zip(
        self.kernel_size, self.dilation, strict=True))
    input_gate = nn.sigmoid(
        conv('input_gate', x, x.shape[-1], (1, 1), (above, left)))  # equation 3
    output_gate = nn.sigmoid(conv('output_gate', x, self.features,
                                  self.strides, self.padding))  # equation 4
    selected = conv('conv', input_gate * x, self.features, self.strides,
                    self.padding)
    selected = (selected if self.last else leaky_relu(selected)
                ) * output_gate  # equation 5
    weighed = SqueezeExcite(kernel_init=self.kernel_init,
                            name='squeeze_excite')(selected, train)
    return selected if self.last else weighed


class SqueezeExcite(nn.Module):
  """Weighs each channel by what all channels hold on average.

  Jie Hu et al., 2017, arXiv:1709.01507, "Squeeze-and-Excitation Networks";
  equations 6 to 8 of the paper above, with spectral norms.

  Attributes:
    kernel_init: initialiser of both kernels.
  """

  kernel_init: nn.initializers.Initializer = initializers.he_normal

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns x (B, H, W, C), each channel times a number in (0, 1)."""
    dense = lambda features, name: Dense(
        features, spectral_norm=True, kernel_init=self.kernel_init, name=name)
    channels = x.shape[-1]
    weight = jnp.mean(x, axis=(1, 2), keepdims=True)
    fewer = channels // _REDUCTION or channels
    weight = nn.relu(dense(fewer, 'squeeze')(weight, train))
    weight = nn.sigmoid(dense(channels, 'excite')(weight, train))
    return scale_channels(x, weight)


def scale_channels(x: Array, weight: Array) -> Array:
  """Multiplies each channel of each image by a number.

  The product is made in float32: the gradient of a weight is a sum over all
  pixels, which bfloat16 cannot hold.

  Args:
    x: (B, H, W, C).
    weight: of a shape that can be broadcast to that of x, such as (B, 1, 1, C).

  Returns:
    (B, H, W, C), of the type of x.
  """
  product = x.astype(jnp.float32) * weight.astype(jnp.float32)
  return product.astype(x.dtype)


class ResidualCFSBlock(nn.Module):
  """The sum of x and two dilated 3x3 CFS blocks of it, without biases.

  Attributes:
    dilation: of both blocks.
    kernel_init: initialiser of every kernel.
  """

  dilation: int = 2
  kernel_init: nn.initializers.Initializer = initializers.he_normal

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C)."""
    both = (self.dilation, self.dilation)
    block = lambda name: CFSBlock(
        x.shape[-1], padding=both, dilation=both, use_bias=False,
        kernel_init=self.kernel_init, name=name)
    return x + block('block_2')(block('block_1')(x, train), train)
