"""Discriminators that score patches, not whole images.

Phillip Isola et al., 2016, arXiv:1611.07004, "Image-to-Image Translation with
Conditional Adversarial Networks", section 3.2.2, in three published forms. All
return the scores and, for feature matching, the features of every layer.
"""

from flax import linen as nn

from jinpaint.layers import initializers
from jinpaint.layers.activations import leaky_relu
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import BatchNorm
from jinpaint.types import Array


class EdgeConnectDiscriminator(nn.Module):
  """The spectrally normalised 70 x 70 PatchGAN of EdgeConnect.

  Kamyar Nazeri et al., 2019, arXiv:1901.00212, section 3.1; InpaintGAN, ISNet
  and the CFS networks use it as well. No biases.

  Attributes:
    sigmoid: whether scores are probabilities; if not, as a hinge loss needs
      it, they are logits.
    kernel_init: initialiser of every kernel.
  """

  sigmoid: bool = True
  kernel_init: nn.initializers.Initializer = initializers.normal(0.02)

  @nn.compact
  def __call__(self, x: Array, train: bool = False
               ) -> tuple[Array, tuple[Array, ...]]:
    """Judges images, alone or with an edge map as another channel.

    Args:
      x: (B, H, W, C), 256 x 256 px give 30 x 30 scores.
      train: whether the spectral vectors move.

    Returns:
      Scores (B, H', W', 1), high for real, and the features of the five
      layers; those of the last are the logits.
    """
    features = []
    for i, (width, stride) in enumerate(
        ((64, 2), (128, 2), (256, 2), (512, 1), (1, 1)), start=1):
      x = Conv(width, (4, 4), (stride, stride), use_bias=False,
               spectral_norm=True, kernel_init=self.kernel_init,
               name=f'conv_{i}')(x, train)
      if i < 5:
        x = leaky_relu(x)
      features.append(x)
    return nn.sigmoid(x) if self.sigmoid else x, tuple(features)


class SketchRefinerDiscriminator(nn.Module):
  """The batch-normalised PatchGAN of SketchRefiner, by Chang Liu et al., 2024.

  It is pix2pixHD's (Ting-Chun Wang et al., 2017, arXiv:1711.11585), by way of
  LaMa. As in the published codes, two zeros on every side make the map of each
  layer one pixel larger than half of the map before, and every layer has a
  bias.

  Attributes:
    ndf: channels of the first layer; each layer has twice as many as the one
      before, at most 512.
    kernel_init: initialiser of every kernel.
  """

  ndf: int = 64
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False
               ) -> tuple[Array, tuple[Array, ...]]:
    """Judges images.

    Args:
      x: (B, H, W, 3), 256 x 256 px give 19 x 19 scores.
      train: normalise by the batch instead of the running statistics.

    Returns:
      Logits (B, H', W', 1), positive for real, and the features of the five
      layers before them.
    """
    conv = lambda width, stride, i: Conv(
        width, (4, 4), (stride, stride), (2, 2),
        kernel_init=self.kernel_init, name=f'conv_{i}')
    features = []
    for i, stride in enumerate((2, 2, 2, 2, 1), start=1):
      x = conv(min(self.ndf * 2**(i - 1), 512), stride, i)(x)
      if i > 1:
        x = BatchNorm(name=f'norm_{i}')(x, train)
      x = leaky_relu(x)
      features.append(x)
    return conv(1, 1, 6)(x), tuple(features)


class GatedDiscriminator(nn.Module):
  """The SN-PatchGAN of free-form inpainting: each number of a map is a score.

  Jiahui Yu et al., 2019, arXiv:1806.03589, section 3.3. In one point this
  follows neither of the published codes: the gradient takes the spectral
  vectors as constants, but not sigma. In the TensorFlow code, gradients flow
  through both. Its PyTorch port divides the stored weights by sigma at every
  call, which gives the same scores from the same state.

  Attributes:
    padding: `'same'`, as in TensorFlow, or `(2, 2)`, as in the port's own
      weights.
    spectral_norm: whether kernels are divided by their spectral norms.
    kernel_init: initialiser of every kernel.
  """

  padding: tuple[int, int] | str = 'same'
  spectral_norm: bool = True
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False
               ) -> tuple[Array, tuple[Array, ...]]:
    """Judges images together with their masks.

    Args:
      x: (B, H, W, 4), RGB in [-1, 1] and the mask, 1 = hole.
      train: whether the spectral vectors move.

    Returns:
      Scores (B, H / 64, W / 64, 256), high for real, and the features of the
      five layers before them.
    """
    features = []
    for i, width in enumerate((64, 128, 256, 256, 256, 256), start=1):
      x = leaky_relu(Conv(
          width, (5, 5), (2, 2), self.padding,
          spectral_norm=self.spectral_norm, kernel_init=self.kernel_init,
          name=f'conv_{i}')(x, train))
      features.append(x)
    return x, tuple(features[:-1])
