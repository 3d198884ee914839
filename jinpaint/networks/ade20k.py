"""The ADE20k encoder, for SketchRefiner's perceptual loss.

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

# Blocks, width, stride of the first block, dilation of the first block and of
# the others. Dilation makes up for the stride that a stage gave up, and a
# stage's first block still reads the grid of the stage before it.
_STAGES = (
    (3, 64, 1, 1, 1),
    (4, 128, 2, 1, 1),
    (6, 256, 1, 1, 2),
    (3, 512, 1, 2, 4),
)


class ResNet50Dilated(nn.Module):
  """The features of a dilated ResNet-50."""

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> dict[str, Array]:
    """Returns the features `layer1` to `layer4`.

    Args:
      x: (B, H, W, 3) in [0, 1], RGB; SketchRefiner feeds it BGR. It is
        normalised with ImageNet's mean and standard deviation here.
      train: changes nothing: batch norm always uses the stored statistics.

    Returns:
      `layer1` (B, H/4, W/4, 256), and at an eighth of height and width
      `layer2`, `layer3` and `layer4`, of 512, 1024 and 2048 channels.
    """
    del train
    x = standardize(x)
    for i, (features, stride) in enumerate([(64, 2), (64, 1), (128, 1)], 1):
      x = nn.relu(_conv_norm(x, features, f'stem_{{}}{i}', 3, stride))
    x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
    found = {}
    for stage, (blocks, width, stride, first, rest) in enumerate(_STAGES, 1):
      for block in range(blocks):
        options = ((stride, first) if block == 0 else (1, rest))
        x = Bottleneck(width, *options, name=f'layer{stage}_{block}')(x)
      found[f'layer{stage}'] = x
    return found


class Bottleneck(nn.Module):
  """1x1, 3x3 and 1x1 convolution around a shortcut, 4 x width channels out.

  Attributes:
    width: channels inside.
    stride: of the 3x3 convolution and the shortcut.
    dilation: of the 3x3 convolution.
  """

  width: int
  stride: int = 1
  dilation: int = 1

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Maps (B, H, W, C) to (B, H / stride, W / stride, 4 width)."""
    out = 4 * self.width
    y = nn.relu(_conv_norm(x, self.width, '{}1'))
    y = nn.relu(_conv_norm(y, self.width, '{}2', 3, self.stride, self.dilation))
    y = _conv_norm(y, out, '{}3')
    if x.shape[-1] != out:  # a stage's first block
      x = _conv_norm(x, out, 'shortcut_{}', stride=self.stride)
    return nn.relu(x + y)


def _conv_norm(x, features, name, kernel=1, stride=1, dilation=1):
  """Convolves and normalises; `name` has a gap for 'conv' and for 'norm'."""
  x = nn.Conv(features, (kernel, kernel), strides=stride,
              padding=dilation * (kernel // 2), kernel_dilation=dilation,
              use_bias=False, dtype=x.dtype, name=name.format('conv'))(x)
  return BatchNorm(name=name.format('norm'))(x, train=False)
