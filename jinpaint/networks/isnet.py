"""ISNet: two branches, at full and at falling resolution, that interact.

Siyuan Li, Lu Lu, Zhiqiang Zhang et al., 2020, "Interactive Separation Network
for Image Inpainting", ICIP, with the sizes of the published code. The rows of
its Table 1 are `BaseModel`, `BaseModelFusion`, `ISNet` and `UNetLike`, those of
Table 2 `ISNet(blocks=...)`. The discriminator is EdgeConnect's, in
`jinpaint.networks.patchgan`.

Where this follows the code instead of the paper:
- the activation, of which the text says nothing, is tanh in ISNet and a leaky
  rectifier in the two base models;
- "spectral normalization to each layer" does not hold for the head's 1x1
  convolution and the last convolution of the base models;
- the base model activates its low branch twice before it is enlarged, and the
  low branch of its last stage is read by nothing;
- the "UNet-like" network has no skip connections.
"""

from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from jinpaint import errors
from jinpaint.layers import initializers
from jinpaint.layers.activations import Activation, leaky_relu
from jinpaint.layers.conv import Conv
from jinpaint.layers.encoder_decoder import check_size, Decoder, Encoder
from jinpaint.layers.upsampling import SubPixelConv
from jinpaint.types import Array

isnet_init = initializers.normal(0.001)

UPSAMPLINGS = ('sub_pixel', 'bilinear')


class ISNet(nn.Module):
  """Fills an image by two branches that exchange their features four times.

  The high branch keeps the image's size and its channels; the low one comes out
  of every stage with half its size and twice its channels.

  Attributes:
    blocks: residual blocks of each branch in each stage; 1 to 4 in Table 2.
    width: share of the published channels (32 of the high branch), for small
      runs.
    activation: follows every convolution but the last.
    upsampling: how the low branch is enlarged: by 'sub_pixel' convolutions or
      'bilinear'.
    activated_twice: whether the stages activate the low branch a second time
      before they enlarge it.
    fusion: whether the output is made of both branches (the paper's "final
      fusion", FF) or of the high one alone.
    last_factor: channels of the low branch after the last stage, in multiples
      of the high branch's.
    normalized_output: whether the last kernel is divided by its spectral norm,
      as all before it are.
    kernel_init: initialiser of every kernel.
  """

  blocks: int = 4
  width: float = 1.0
  activation: Activation = jnp.tanh
  upsampling: str = 'sub_pixel'
  activated_twice: bool = False
  fusion: bool = True
  last_factor: int = 16
  normalized_output: bool = True
  kernel_init: nn.initializers.Initializer = isnet_init

  divisor = 16  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 3), RGB in [0, 1], 0 in holes.
      train: whether the spectral vectors move.

    Returns:
      RGB (B, H, W, 3) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 16, or `upsampling` is unknown.
    """
    check_size(x, self.divisor)
    channels = round(32 * self.width)
    shared: dict[str, Any] = {
        'activation': self.activation, 'kernel_init': self.kernel_init}
    high = Head(channels, **shared, name='head')(x, train)
    low: Array | None = None
    for i, factor in enumerate((2, 4, 8, self.last_factor)):
      high, low = Stage(
          i, self.blocks, factor * channels, self.upsampling,
          self.activated_twice, **shared, name=f'stage_{i}')(high, low, train)
    if self.fusion:
      assert low is not None  # the stages have made it
      low = Enlarge(4, self.upsampling, **shared, name='enlarge')(low, train)
      both = jnp.concatenate([high, low], axis=-1)
      high = self.activation(Conv(
          channels, (7, 7), padding=(3, 3), spectral_norm=True,
          kernel_init=self.kernel_init, name='fuse')(both, train))
    window = 3 if self.fusion else 1
    x = Conv(3, (window, window), padding=(window // 2, window // 2),
             spectral_norm=self.normalized_output,
             kernel_init=self.kernel_init, name='output')(high, train)
    return (jnp.tanh(x) + 1) / 2


class BaseModel(ISNet):
  """Table 1's first row: bilinear upsampling, no final fusion."""

  activation: Activation = leaky_relu
  upsampling: str = 'bilinear'
  activated_twice: bool = True
  fusion: bool = False
  normalized_output: bool = False


class BaseModelFusion(ISNet):
  """Table 1's BaseModel+FF: bilinear upsampling, fewer channels in the end."""

  activation: Activation = leaky_relu
  upsampling: str = 'bilinear'
  last_factor: int = 8
  normalized_output: bool = False


class Head(nn.Module):
  """Embeds the damaged image: a residual block whose shortcut is 1x1.

  Attributes:
    features: output channels.
    activation: after the first convolution and after the sum.
    kernel_init: initialiser of every kernel.
  """

  features: int
  activation: Activation
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, features) for x (B, H, W, C)."""
    y = self.activation(_conv(self, 2 * self.features, 'conv_1')(x, train))
    y = _conv(self, self.features, 'conv_2')(y, train)
    shortcut = Conv(self.features, (1, 1), padding=(0, 0), use_bias=False,
                    kernel_init=self.kernel_init, name='shortcut')
    return self.activation(y + shortcut(x))


class Stage(nn.Module):
  """Inpainting, interaction and aggregation of two branches: section 2.1.

  Attributes:
    index: 0 to 3; the low branch has 1 / 2^index of the high one's size and,
      from stage 1 on, 2^index times its channels.
    blocks: residual blocks of each branch.
    low_features: channels of the low branch that comes out.
    upsampling: as in `ISNet`.
    activated_twice: as in `ISNet`.
    activation: after every convolution.
    kernel_init: initialiser of every kernel.
  """

  index: int
  blocks: int
  low_features: int
  upsampling: str
  activated_twice: bool
  activation: Activation
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, high: Array, low: Array | None, train: bool = False
               ) -> tuple[Array, Array]:
    """Returns both branches, the low one at half its size.

    Args:
      high: (B, H, W, C).
      low: (B, H / 2^index, W / 2^index, C 2^index); None for stage 0.
      train: whether the spectral vectors move.
    """
    act, channels = self.activation, high.shape[-1]
    shared: dict[str, Any] = {
        'activation': act, 'kernel_init': self.kernel_init}
    conv = lambda features, name, x, **options: act(
        _conv(self, features, name, **options)(x, train))

    for i in range(self.blocks):  # inpainting
      high = ResidualBlock(1, **shared, name=f'high_{i}')(high, train)
      if low is not None:
        low = ResidualBlock(2, **shared, name=f'low_{i}')(low, train)

    for_high, for_low = [high], [high]  # interaction
    for k in range(self.index + 1):
      for_low[0] = conv(2**(k + 1) * channels, f'down_{k}', for_low[0],
                        strides=(2, 2))
    if low is not None:
      for_low.append(conv(2 * low.shape[-1], 'low_down', low, strides=(2, 2)))
      for_high.append(Enlarge(
          self.index, self.upsampling, **shared, name='enlarge')(
              act(low) if self.activated_twice else low, train))

    concatenate = lambda parts: jnp.concatenate(parts, axis=-1)  # aggregation
    return (conv(channels, 'to_high', concatenate(for_high)),
            conv(self.low_features, 'to_low', concatenate(for_low)))


class Enlarge(nn.Module):
  """Doubles height and width several times.

  Attributes:
    doublings: how many times.
    upsampling: 'sub_pixel' convolutions, each of which halves the channels, or
      'bilinear'.
    activation: after each sub-pixel convolution.
    kernel_init: initialiser of every kernel.
  """

  doublings: int
  upsampling: str
  activation: Activation
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H 2^doublings, W 2^doublings, C') for x (B, H, W, C)."""
    errors.check_option('upsampling', self.upsampling, UPSAMPLINGS)
    if self.upsampling == 'bilinear':
      b, h, w, c = x.shape
      factor = 2**self.doublings
      return jax.image.resize(x, (b, h * factor, w * factor, c), 'bilinear')
    for i in range(self.doublings):
      x = self.activation(SubPixelConv(
          x.shape[-1] // 2, use_bias=False, spectral_norm=True,
          kernel_init=self.kernel_init, name=f'up_{i}')(x, train))
    return x


class ResidualBlock(nn.Module):
  """The sum act(x + conv(act(dilated conv(x)))).

  Both windows are 3x3, with zero padding.

  Attributes:
    dilation: of the first convolution.
    activation: after the first convolution and after the sum.
    kernel_init: initialiser of both kernels.
    spectral_norm: whether kernels are divided by their spectral norms; then
      the convolutions have no bias.
  """

  dilation: int
  activation: Activation
  kernel_init: nn.initializers.Initializer
  spectral_norm: bool = True

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C)."""
    both, features = (self.dilation, self.dilation), x.shape[-1]
    options: dict[str, Any] = {'spectral_norm': self.spectral_norm,
                               'use_bias': not self.spectral_norm}
    y = self.activation(_conv(self, features, 'conv_1', padding=both,
                              dilation=both, **options)(x, train))
    return self.activation(
        x + _conv(self, features, 'conv_2', **options)(y, train))


class UNetLike(nn.Module):
  """Table 1's "UNet-like Net", after EdgeConnect's completion network.

  Attributes:
    blocks: residual blocks in the middle.
    width: share of the published channels (64 to 512), for small runs.
    kernel_init: initialiser of every kernel.
  """

  blocks: int = 4
  width: float = 1.0
  kernel_init: nn.initializers.Initializer = isnet_init

  divisor = 8  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 3), RGB in [0, 1], 0 in holes.
      train: changes nothing: the network has no spectral norms.

    Returns:
      RGB (B, H, W, 3) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 8.
    """
    check_size(x, self.divisor)
    options: dict[str, Any] = {
        'spectral_norm': False, 'kernel_init': self.kernel_init}
    widths = tuple(round(n * self.width) for n in (64, 128, 256, 512))
    x = Encoder(widths, **options, name='encoder')(x, train)
    for i in range(self.blocks):
      x = ResidualBlock(2, jnp.tanh, **options, name=f'middle_{i}')(x, train)
    ups = tuple((features, 2) for features in widths[-2::-1])
    x = Decoder(ups, 3, **options, name='decoder')(x, train)
    return (jnp.tanh(x) + 1) / 2


def _conv(module: nn.Module, features: int, name: str, **options: Any) -> Conv:
  """Returns a 3x3 convolution with the options that most have here.

  Args:
    module: the network that the convolution is a part of.
    features: output channels.
    name: of the convolution in that network.
    **options: fields of the convolution that are different.
  """
  return Conv(features, name=name, kernel_init=module.kernel_init,
              **{'use_bias': False, 'spectral_norm': True, **options})
