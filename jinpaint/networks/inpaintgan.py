"""InpaintGAN: three more networks that complete the edges of an image.

Tal Yehoshua and Moshe Peretz, Braude College, 2023, "InpaintGAN - Generate
image inpainting with adversarial edge learning", github.com/MoshPe/InpaintGAN.
The rest of the system is EdgeConnect. The networks, by section of the report:

- 4.1, EffU-Net: `EfficientUNet`.
- 4.2, enhanced gated convolution, EGC: `EnhancedGatedEdgeGenerator`. Section
  4.3 trains the same network with another loss.
- 5.1, multi-scale edge completion, MEC, the final network:
  `MultiScaleEdgeGenerator`.

Where EGC and MEC follow the code instead of the report:
- MEC halves the size in its second and third convolution (table 9: in its
  first and second).
- The branches of MEC share their residual blocks, and there is a fourth branch,
  at the resolution of the encoder's features, which joins them before the
  decoder.
- The pooling of MEC takes the average (section 1: the maximum).
- The first features of EGC are the sigmoid of its first gate; equation 1 has a
  convolution of their own.
- Both return one channel (figures: three).
"""

import math
from typing import Any

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv, ConvTranspose, Dense
from jinpaint.layers.encoder_decoder import (
    check_size,
    Decoder,
    Encoder,
    ResidualBlocks,
)
from jinpaint.layers.feature_selection import scale_channels
from jinpaint.layers.gated_conv import EnhancedGatedConv
from jinpaint.layers.norm import BatchNorm, instance_norm
from jinpaint.types import Array

inpaintgan_init = initializers.normal(0.02)  # as EdgeConnect's


class MultiScaleEdgeGenerator(nn.Module):
  """EdgeConnect's edge generator with residual blocks at four scales.

  The published network pools to 8, 16 and 32 px, and so takes 256 px only.
  Here the scales are parts of the image's size, the same ones at 256 px.

  Attributes:
    widths: channels of the encoder; the decoder has them in reverse.
    blocks: number of the residual blocks, which all scales share.
    spectral_norm: whether the kernels of encoder, residual blocks and decoder,
      but the last, are divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, int, int] = (64, 128, 256)
  blocks: int = 8
  spectral_norm: bool = True
  kernel_init: nn.initializers.Initializer = inpaintgan_init

  divisor = 32  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the edges of the whole image.

    Args:
      x: (B, H, W, 3), as `edgeconnect.EdgeGenerator` takes it.
      train: whether the spectral vectors move; those of the residual blocks
        move four times.

    Returns:
      Edges (B, H, W, 1) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 32.
    """
    check_size(x, self.divisor)
    options: dict[str, Any] = {'spectral_norm': self.spectral_norm,
                               'kernel_init': self.kernel_init}
    first, second, third = self.widths
    x = Encoder(self.widths, **options, name='encoder')(x, train)
    middle = ResidualBlocks(self.blocks, **options, name='middle')
    # The spectral vectors move in this order, as in the published code.
    full, eighth, quarter, half = (
        middle(_average(x, factor), train) for factor in (1, 8, 4, 2))

    up = lambda i, *xs: nn.relu(instance_norm(ConvTranspose(
        third, kernel_init=self.kernel_init, name=f'up_{i}')(_joined(*xs))))
    x = up(3, half, up(2, quarter, up(1, eighth)))
    return nn.sigmoid(Decoder(((second, 2), (first, 2)), 1, **options,
                              name='decoder')(_joined(full, x), train))


class EnhancedGatedEdgeGenerator(nn.Module):
  """An edge generator that begins with enhanced gated convolutions.

  Attributes:
    widths: channels of encoder and decoder, which has them in reverse; the
      first convolution has half of the first.
    blocks: residual blocks between the two.
    spectral_norm: whether the kernels of residual blocks and decoder, but the
      last, are divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, int, int] = (64, 128, 256)
  blocks: int = 8
  spectral_norm: bool = True
  kernel_init: nn.initializers.Initializer = inpaintgan_init

  divisor = 8  # of height and width

  @nn.compact
  def __call__(self, x: Array, mask: Array, train: bool = False) -> Array:
    """Predicts the edges of the whole image.

    Args:
      x: (B, H, W, 2), the gray image in [0, 1], 1 in holes, and its edges, 0
        in holes.
      mask: (B, H, W, 1), 1 = hole.
      train: whether the spectral vectors move.

    Returns:
      Edges (B, H, W, 1) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 8.
    """
    check_size(x, self.divisor)
    options: dict[str, Any] = {'spectral_norm': self.spectral_norm,
                               'kernel_init': self.kernel_init}
    first, second, third = self.widths
    x = EnhancedGatedEncoder(self.widths, self.kernel_init,
                             name='encoder')(x, mask)
    y = ResidualBlocks(self.blocks, **options, name='middle')(x, train)
    ups = (third, 2), (third, 1), (second, 2), (second, 1), (first, 2)
    return nn.sigmoid(Decoder(ups, 1, **options,
                              name='decoder')(_joined(x, y), train))


class EnhancedGatedEncoder(nn.Module):
  """A gate of image and mask, then five enhanced gated convolutions.

  Attributes:
    widths: of `EnhancedGatedEdgeGenerator`.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, int, int] = (64, 128, 256)
  kernel_init: nn.initializers.Initializer = inpaintgan_init

  @nn.compact
  def __call__(self, x: Array, mask: Array) -> Array:
    """Returns (B, H / 8, W / 8, widths[-1]).

    Args:
      x: (B, H, W, C).
      mask: (B, H, W, 1), 1 = hole.
    """
    conv = lambda features, name: Conv(
        features, strides=(2, 2), kernel_init=self.kernel_init, name=name)
    first, second, third = self.widths
    gate = conv(first // 2, 'gate_1')(_joined(x, mask))
    x, mask = nn.sigmoid(gate), conv(1, 'mask_1')(mask)
    for i, (width, stride) in enumerate(
        ((first, 1), (second, 2), (second, 1), (second, 1), (third, 2)),
        start=2):
      x, gate, mask = EnhancedGatedConv(
          width, (stride, stride), kernel_init=self.kernel_init,
          name=f'gated_{i}')(x, gate, mask)
    return x


# The stages of EfficientNet-B0: expansion, kernel size, stride, output
# channels, number of blocks.
_STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
)


class EfficientUNet(nn.Module):
  """EffU-Net: EfficientNet-B0 as the encoder of a U-Net.

  No code was published. Where tables 1 and 2 and figure 1 of the report leave
  something open, this network chooses:
  - The resolutions of the tables are those of the inputs of the stages, as in
    table 1 of Mingxing Tan and Quoc V. Le, 2019, arXiv:1905.11946,
    "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks".
    Only then do all labels of the figure agree.
  - The features of the encoder, before it halves the size, are concatenated
    with the decoder's features of that size.
  - "Up-conv2D" is a transposed 4x4 convolution with stride 2 that keeps the
    number of channels.
  - The input is that of EdgeConnect; the output is one channel (table 2:
    three).
  - Weights start as those of EdgeConnect do.

  Attributes:
    width: share of the published channels, at least 1/8, for small runs.
    depth: share of the published blocks, rounded up in each stage.
    kernel_init: initialiser of every kernel.
  """

  width: float = 1
  depth: float = 1
  kernel_init: nn.initializers.Initializer = inpaintgan_init

  divisor = 32  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the edges of the whole image.

    Args:
      x: (B, H, W, 3), as `edgeconnect.EdgeGenerator` takes it.
      train: normalise by the batch instead of the running statistics.

    Returns:
      Edges (B, H, W, 1) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 32.
    """
    check_size(x, self.divisor)
    scaled = lambda features: round(features * self.width)
    conv = lambda features, name, **options: Conv(
        features, kernel_init=self.kernel_init, name=name, **options)

    x = conv(scaled(32), 'stem', strides=(2, 2), use_bias=False)(x)
    x = nn.silu(_batch_norm('stem_norm')(x, train))
    skips = []
    for stage, (expansion, window, stride, features, blocks) in enumerate(
        _STAGES, start=2):
      if stride == 2:
        skips.append(x)
      for i in range(math.ceil(blocks * self.depth)):
        x = MBConv(scaled(features), expansion, window, stride if i == 0 else 1,
                   self.kernel_init, name=f'stage_{stage}_{i}')(x, train)
    x = conv(scaled(320), 'stage_8')(x)

    for i, features in enumerate((256, 128, 64, 32, 16), start=1):
      x = conv(scaled(features), f'decoder_{i}')(x)
      x = nn.relu(ConvTranspose(scaled(features), kernel_init=self.kernel_init,
                                name=f'up_{i}')(x))
      if skips:
        x = _joined(x, skips.pop())
    return nn.sigmoid(conv(1, 'output')(x))


class MBConv(nn.Module):
  """EfficientNet's inverted bottleneck: expand, depthwise, squeeze, project.

  Attributes:
    features: output channels.
    expansion: channels of the depthwise convolution for each input channel.
    window: height and width of the kernel of the depthwise convolution.
    stride: steps of the depthwise convolution. Where it is 1 and the number of
      channels stays the same, the input is added to the output.
    kernel_init: initialiser of every kernel.
  """

  features: int
  expansion: int
  window: int
  stride: int
  kernel_init: nn.initializers.Initializer

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H / stride, W / stride, features) for x (B, H, W, C)."""
    def conv(name: str, x: Array, features: int, window: int = 1,
             stride: int = 1, groups: int = 1) -> Array:
      x = Conv(features, (window, window), (stride, stride),
               (window // 2, window // 2), groups=groups, use_bias=False,
               kernel_init=self.kernel_init, name=name)(x)
      return _batch_norm(f'{name}_norm')(x, train)

    dense = lambda features, name: Dense(
        features, kernel_init=self.kernel_init, name=name)
    channels = x.shape[-1]
    wide = channels * self.expansion
    y = x
    if self.expansion > 1:
      y = nn.silu(conv('expand', y, wide))
    y = nn.silu(conv('depthwise', y, wide, self.window, self.stride, wide))
    weight = jnp.mean(y, axis=(1, 2), keepdims=True)
    weight = nn.silu(dense(max(channels // 4, 1), 'squeeze')(weight))
    weight = nn.sigmoid(dense(wide, 'excite')(weight))
    y = conv('project', scale_channels(y, weight), self.features)
    return x + y if x.shape == y.shape else y


def _batch_norm(name: str) -> BatchNorm:
  """Returns a batch norm with the epsilon of EfficientNet."""
  return BatchNorm(epsilon=1e-3, name=name)


def _joined(*xs: Array) -> Array:
  """Returns arrays (B, H, W, C) as one, their channels one after another."""
  return jnp.concatenate(xs, axis=-1)


def _average(x: Array, factor: int) -> Array:
  """Returns the mean of every factor x factor pixels of (B, H, W, C)."""
  b, h, w, c = x.shape
  return x.reshape(b, h // factor, factor, w // factor, factor, c).mean((2, 4))
