"""The ADE20k encoder, for the perceptual loss of LaMa and SketchRefiner.

Bolei Zhou et al., 2016, arXiv:1608.05442, "Semantic Understanding of Scenes
through the ADE20K Dataset": the ResNet-50 of the authors' segmentation network,
with three convolutions as its stem, and dilated so that the features of its
last three stages are an eighth of the image's size. Its use in a perceptual
loss is from Roman Suvorov et al., 2021, arXiv:2109.07161 (LaMa).
"""

from flax import linen as nn

from jinpaint.layers.imagenet import standardize
from jinpaint.layers.norm import BatchNorm
from jinpaint.types import Array

# For each stage: number of blocks, width, stride of the first block, dilation
# of the first block and of the others. The last two stages have stride 1 where
# an ordinary ResNet-50 has 2, and a dilation that makes up for it. The first
# block of a stage still has the dilation of the stage before.
_STAGES = (
    (3, 64, 1, 1, 1),
    (4, 128, 2, 1, 1),
    (6, 256, 1, 1, 2),
    (3, 512, 1, 2, 4),
)


class ResNet50Dilated(nn.Module):
  """The features of a dilated ResNet-50.

  Attributes:
    batch_statistics: whether batch norms normalise by each call's batch, as
      they do in LaMa's and SketchRefiner's published trainings, whose trainers
      switch this network to training mode as well; if not, by the stored
      statistics. Those never move.
  """

  batch_statistics: bool = False

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> dict[str, Array]:
    """Returns the features `layer1` to `layer4`.

    Args:
      x: RGB (B, H, W, 3) in [0, 1]; SketchRefiner gives it BGR. Mean and
        standard deviation of ImageNet are taken off here.
      train: changes nothing; see `batch_statistics`.

    Returns:
      `layer1` (B, H/4, W/4, 256), and at an eighth of height and width
      `layer2`, `layer3` and `layer4`, of 512, 1024 and 2048 channels.
    """
    del train
    x, by_batch = standardize(x), self.batch_statistics
    for i, (width, stride) in enumerate([(64, 2), (64, 1), (128, 1)], 1):
      x = nn.relu(_conv_norm(x, by_batch, width, f'stem_{{}}{i}', 3, stride))
    x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
    features = {}
    for stage, (blocks, width, stride, first, rest) in enumerate(_STAGES, 1):
      for block in range(blocks):
        x = Bottleneck(width, stride if block == 0 else 1,
                       first if block == 0 else rest,
                       name=f'layer{stage}_{block}')(x, by_batch)
      features[f'layer{stage}'] = x
    return features


class Bottleneck(nn.Module):
  """A 1x1, a 3x3 and a 1x1 convolution, whose result is added to the input.

  Attributes:
    width: channels of the first two convolutions; the last one has 4 times as
      many.
    stride: of the 3x3 convolution, and of the shortcut if it is a convolution.
    dilation: of the 3x3 convolution.
  """

  width: int
  stride: int = 1
  dilation: int = 1

  @nn.compact
  def __call__(self, x: Array, train: bool) -> Array:
    """Returns (B, H / stride, W / stride, 4 width) for x (B, H, W, C).

    Args:
      x: features.
      train: normalise by the batch; the stored statistics stay as they are.
    """
    out = 4 * self.width
    y = nn.relu(_conv_norm(x, train, self.width, '{}1'))
    y = nn.relu(_conv_norm(y, train, self.width, '{}2', 3, self.stride,
                           self.dilation))
    y = _conv_norm(y, train, out, '{}3')
    if x.shape[-1] != out:  # only in the first block of a stage
      x = _conv_norm(x, train, out, 'shortcut_{}', stride=self.stride)
    return nn.relu(x + y)


def _conv_norm(x: Array, train: bool, features: int, name: str, kernel: int = 1,
               stride: int = 1, dilation: int = 1) -> Array:
  """Convolves and normalises.

  Args:
    x: (B, H, W, C).
    train: normalise by the batch.
    features: output channels.
    name: of both layers, with `{}` where one has 'conv', the other 'norm'.
    kernel: height and width of the window.
    stride: steps in height and width.
    dilation: distance of the window's taps.
  """
  x = nn.Conv(features, (kernel, kernel), strides=stride,
              padding=dilation * (kernel // 2), kernel_dilation=dilation,
              use_bias=False, dtype=x.dtype, name=name.format('conv'))(x)
  return BatchNorm(moves_statistics=False, name=name.format('norm'))(x, train)
