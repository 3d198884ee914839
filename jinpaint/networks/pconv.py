"""The U-Net of partial convolutions for irregular holes.

Guilin Liu et al., 2018, arXiv:1804.07723, "Image Inpainting for Irregular Holes
Using Partial Convolutions", section 3.3. The authors published the layer, not
the network; the network with weights is naoto0804's,
github.com/naoto0804/pytorch-inpainting-with-partial-conv.

| levels | parameters | sizes are multiples of | used by                   |
|--------|------------|------------------------|---------------------------|
| 5      | 11,619,924 | 32                     |                           |
| 6      | 18,699,860 | 64                     |                           |
| 7      | 25,779,796 | 128                    | naoto0804, at 256 px      |
| 8      | 32,859,732 | 256                    | the paper, at 512 px      |
"""

from flax import linen as nn

from jinpaint.layers.activations import leaky_relu
from jinpaint.layers.norm import BatchNorm
from jinpaint.layers.partial_conv import Features, PartialConv
from jinpaint.layers.upsampling import upsample_nearest
from jinpaint.types import Array

_WINDOWS = (7, 5, 5)  # of the first layers; all others have 3
_WIDTHS = (64, 128, 256)  # of the first layers; all others have 512


class PConvUNet(nn.Module):
  """Fills holes of any shape.

  Attributes:
    levels: how often the encoder halves the size.
    normalize: of the partial convolutions: `'ratio'`, as published by Liu et
      al., or `'sum'`, which naoto0804's weights need.
    encoder_learns_statistics: whether the encoder's batch norms normalise by
      the batch in training; if not, their statistics stay as they are, and only
      scale and bias learn: the second part of training, section 4.2.
    width: share of the published channels (64 to 512), for small runs.
  """

  levels: int = 7
  normalize: str = 'ratio'
  encoder_learns_statistics: bool = True
  width: float = 1.0

  @property
  def divisor(self) -> int:
    """The number that height and width must be multiples of."""
    return 2 ** self.levels

  @nn.compact
  def __call__(self, x: Array, valid: Array, train: bool = False
               ) -> tuple[Array, Array]:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 3), normalised by ImageNet's mean and standard deviation;
        what it holds inside holes does not matter.
      valid: (B, H, W, 1 or 3), 1 = known, 0 = hole; between them where masks
        were resized softly.
      train: normalise by the batch instead of the running statistics.

    Returns:
      The image (B, H, W, 3), normalised as x and without bounds, and the last
      updated mask (B, H, W, 1), 0 where the network knows nothing.
    """
    def conv(name: str, x: Features, valid: Features, features: int,
             window: int = 3, stride: int = 1, use_bias: bool = False
             ) -> tuple[Array, Array]:
      return PartialConv(
          features, (window, window), (stride, stride),
          (window // 2, window // 2), use_bias=use_bias,
          normalize=self.normalize, name=name)(x, valid)

    widths = [round(512 * self.width)] * self.levels
    for i, width in enumerate(_WIDTHS):
      widths[i] = round(width * self.width)
    skips = []
    for i, width in enumerate(widths, start=1):
      skips.append((x, valid))
      x, valid = conv(f'encoder_{i}', x, valid, width,
                      _WINDOWS[i - 1] if i <= len(_WINDOWS) else 3, stride=2)
      if i > 1:
        x = BatchNorm(name=f'encoder_norm_{i}')(
            x, train and self.encoder_learns_statistics)
      x = nn.relu(x)
    for i in range(self.levels, 0, -1):
      skip, skip_valid = skips.pop()
      both = upsample_nearest(x), skip
      both_valid = upsample_nearest(valid), skip_valid
      if i > 1:
        x, valid = conv(f'decoder_{i}', both, both_valid, widths[i - 2])
        x = leaky_relu(BatchNorm(name=f'decoder_norm_{i}')(x, train))
    return conv('decoder_1', both, both_valid, 3, use_bias=True)
