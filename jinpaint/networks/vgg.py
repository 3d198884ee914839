"""VGG feature networks, for perceptual and style losses.

Karen Simonyan and Andrew Zisserman, 2014, arXiv:1409.1556, "Very Deep
Convolutional Networks for Large-Scale Image Recognition", configurations D and
E, without the classifier. Weights: torchvision's ImageNet files.
"""

from flax import linen as nn

from jinpaint.layers.imagenet import standardize
from jinpaint.types import Array


def _halved(x: Array) -> Array:
  """Returns the maxima of 2 x 2 pixels, (B, H // 2, W // 2, C).

  On CPUs its gradient takes half the time of that of `nn.max_pool`. Where two
  pixels are the maximum, they share the gradient. After a rectifier that
  happens at zeros, through which no gradient flows.
  """
  b, h, w, c = x.shape
  even = x[:, :h // 2 * 2, :w // 2 * 2]
  return even.reshape(b, h // 2, 2, w // 2, 2, c).max((2, 4))


class VGG(nn.Module):
  """The convolutional part of a VGG network, up to the last layer asked for.

  Attributes:
    convs: convolutions in each of the five blocks.
    layers: names of the layers to return: `relu1_1`, `relu1_2`, `pool1`, ...
    normalize: whether images in [0, 1] are first normalised with ImageNet's
      mean and standard deviation. Some published losses do not.
  """

  convs: tuple[int, ...]
  layers: tuple[str, ...] = ('pool1', 'pool2', 'pool3')
  normalize: bool = True

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> dict[str, Array]:
    """Returns the features of `layers`, by name.

    Args:
      x: RGB (B, H, W, 3) in [0, 1].
      train: changes nothing: the networks have no batch statistics.

    Returns:
      (B, H', W', C) for each layer.

    Raises:
      ValueError: `layers` has a name that this network does not have.
    """
    del train
    wanted = set(self.layers)
    features: dict[str, Array] = {}
    if self.normalize:
      x = standardize(x)
    for block, (depth, width) in enumerate(
        zip(self.convs, (64, 128, 256, 512, 512), strict=True), start=1):
      for i in range(1, depth + 1):
        if wanted <= features.keys():
          return features
        x = nn.relu(nn.Conv(width, (3, 3), padding=1, dtype=x.dtype,
                            name=f'conv{block}_{i}')(x))
        features |= {name: x for name in wanted & {f'relu{block}_{i}'}}
      x = _halved(x)
      features |= {name: x for name in wanted & {f'pool{block}'}}
    if missing := wanted - features.keys():
      raise ValueError(f'VGG has no layer {", ".join(sorted(missing))}')
    return features


class VGG16(VGG):
  """VGG with 16 weight layers (configuration D)."""

  convs: tuple[int, ...] = (2, 2, 3, 3, 3)


class VGG19(VGG):
  """VGG with 19 weight layers (configuration E)."""

  convs: tuple[int, ...] = (2, 2, 4, 4, 4)
