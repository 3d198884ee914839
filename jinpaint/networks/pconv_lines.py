"""The encoder-decoder of partial convolutions for irregular line masks.

Chang Shu and Burak Sahinkaya, UC San Diego, "Image Inpainting for Irregular
Lines Using Partial Convolutions", section 3.2. The text fixes the pattern of
the stages; widths and output layer are those of the CIFAR-10 notebook by
Shivkumar25 that the paper thanks for its data loader.

Where this follows the text instead of that notebook:
- each decoder stage reads the one before it (in the notebook every stage reads
  the encoder, so that most of its weights never learn);
- every partial convolution is followed by a batch norm;
- the partial convolution is that of Liu et al., 2018, with their bias and their
  factor for the size of the window.

The paper cites Pathak et al., 2016 (arXiv:1604.07379, "Context Encoders") for
its adversarial loss, and describes no discriminator: this is the one of Pathak
et al.
"""

from flax import linen as nn

from jinpaint.layers import initializers
from jinpaint.layers.activations import Activation
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import BatchNorm
from jinpaint.layers.partial_conv import Features, PartialConv
from jinpaint.layers.upsampling import upsample_nearest
from jinpaint.types import Array

_dcgan_init = initializers.normal(0.02)


class LinePConvNet(nn.Module):
  """Fills line-shaped holes; height and width are multiples of 2**stages.

  Attributes:
    widths: output channels of each encoder stage; a stage halves the size.
  """

  widths: tuple[int, ...] = (32, 64, 128, 256)

  @property
  def divisor(self) -> int:
    """The number that height and width must be multiples of."""
    return 2 ** len(self.widths)

  @nn.compact
  def __call__(self, x: Array, valid: Array, train: bool = False
               ) -> tuple[Array, Array]:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 3) in [0, 1]; what it holds inside holes does not matter.
      valid: (B, H, W, 1), 1 = known, 0 = hole.
      train: normalise by the batch instead of the running statistics.

    Returns:
      The image (B, H, W, 3) in (0, 1), and the last updated mask
      (B, H, W, 1), 0 where the network knows nothing.
    """
    def block(name: str, x: Features, valid: Features, features: int,
              activation: Activation, stride: int = 1) -> tuple[Array, Array]:
      y, updated = PartialConv(features, strides=(stride, stride), name=name)(
          x, valid)
      y = BatchNorm(name=f'{name}_norm')(y, train)
      return activation(y), updated

    leaky_relu = lambda x: nn.leaky_relu(x, 0.2)
    skips = []
    for i, width in enumerate(self.widths, start=1):
      x, valid = block(f'encoder_{i}_p_conv_1', x, valid, width, nn.relu)
      skips.append((x, valid))
      x, valid = block(f'encoder_{i}_p_conv_2', x, valid, width, nn.relu, 2)

    for i, (width, (skip, skip_valid)) in enumerate(
        zip((*self.widths[-2::-1], 3), reversed(skips), strict=True), start=1):
      x, valid = block(
          f'decoder_{i}_p_conv_1', (skip, upsample_nearest(x)),
          (skip_valid, upsample_nearest(valid)), skip.shape[-1], leaky_relu)
      x, valid = block(f'decoder_{i}_p_conv_2', x, valid, width, leaky_relu)

    return nn.sigmoid(Conv(3, name='output')(x)), valid


class LineDiscriminator(nn.Module):
  """Tells whole images from inpainted ones (Pathak et al., 2016, figure 9a).

  Attributes:
    widths: output channels of the stride-2 convolutions. Four of them bring
      64 px down to the 4 x 4 that the last convolution turns into one score;
      128 px needs a fifth. A larger image gives a map of scores.
  """

  widths: tuple[int, ...] = (64, 128, 256, 512)

  @nn.compact
  def __call__(self, x: Array, train: bool = False
               ) -> tuple[Array, tuple[Array, ...]]:
    """Judges images.

    Args:
      x: (B, H, W, 3) in [0, 1].
      train: normalise by the batch instead of the running statistics.

    Returns:
      Logits (B, H', W', 1), positive for real, and the features of every
      layer before them.
    """
    features = []
    for i, width in enumerate(self.widths, start=1):
      first = i == 1
      x = Conv(width, (4, 4), strides=(2, 2), use_bias=first,
               kernel_init=_dcgan_init, name=f'conv_{i}')(x)
      if not first:
        x = BatchNorm(name=f'norm_{i}')(x, train)
      x = nn.leaky_relu(x, 0.2)
      features.append(x)
    scores = Conv(1, (4, 4), padding=(0, 0), kernel_init=_dcgan_init,
                  name='scores')(x)
    return scores, tuple(features)
