"""LPIPS: how different two images look, by the features of a network.

Richard Zhang et al., 2018, arXiv:1801.03924, "The Unreasonable Effectiveness of
Deep Features as a Perceptual Metric", version 0.1: AlexNet or VGG-16 with
torchvision's ImageNet weights, and weights of their features that were fitted
to the judgement of people. Papers on inpainting report both.

The published program takes images in [-1, 1] and standardises them by constants
of its own. For images in [0, 1] that is what ImageNet's mean and standard
deviation do.
"""

from typing import ClassVar

from flax import linen as nn
import jax.numpy as jnp

from jinpaint import errors
from jinpaint.layers.imagenet import standardize
from jinpaint.networks.vgg import VGG16
from jinpaint.types import Array


class LPIPS(nn.Module):
  """A distance of images; 0 for equal ones, lower is more alike.

  Attributes:
    title: what it is called in messages.
    smallest: the least height and width of images.
  """

  title: ClassVar[str]
  smallest: ClassVar[int]

  def network(self) -> nn.Module:
    """Returns what computes features, by name, of images in [0, 1]."""
    raise NotImplementedError

  @nn.compact
  def __call__(self, x: Array, y: Array, train: bool = False) -> Array:
    """Returns the distance of each pair, (B,).

    Args:
      x: RGB (B, H, W, 3) in [0, 1].
      y: likewise.
      train: changes nothing: the network has no batch statistics.

    Raises:
      UsageError: the images are too small.
    """
    del train
    errors.check_smallest(self.title, x.shape[1:3], self.smallest)
    network = self.network()
    of_x, of_y = network(x), network(y)
    distance = jnp.zeros(x.shape[0], x.dtype)
    for i, name in enumerate(of_x):
      difference = jnp.square(_unit(of_x[name]) - _unit(of_y[name]))
      weighted = nn.Conv(1, (1, 1), use_bias=False, dtype=x.dtype,
                         name=f'linear{i}')(difference)
      distance += jnp.mean(weighted, axis=(1, 2, 3))
    return distance


class AlexLPIPS(LPIPS):
  """LPIPS by AlexNet."""

  title = 'LPIPS by AlexNet'
  smallest = 31

  def network(self) -> nn.Module:
    """Returns AlexNet."""
    return AlexNet(name='features')


class VGGLPIPS(LPIPS):
  """LPIPS by VGG-16."""

  title = 'LPIPS by VGG-16'
  smallest = 16

  def network(self) -> nn.Module:
    """Returns VGG-16, up to its last convolution."""
    return VGG16(layers=('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3',
                         'relu5_3'), name='features')


class AlexNet(nn.Module):
  """The convolutional part of torchvision's AlexNet, without its last pooling.

  Alex Krizhevsky, 2014, arXiv:1404.5997, "One weird trick for parallelizing
  convolutional neural networks".
  """

  @nn.compact
  def __call__(self, x: Array) -> dict[str, Array]:
    """Returns the features `relu1` to `relu5`, those after each convolution.

    Args:
      x: RGB (B, H, W, 3) in [0, 1].
    """
    x, features = standardize(x), {}
    for i, (width, window, stride, padding) in enumerate((
        (64, 11, 4, 2), (192, 5, 1, 2), (384, 3, 1, 1), (256, 3, 1, 1),
        (256, 3, 1, 1)), start=1):
      if i in (2, 3):
        x = nn.max_pool(x, (3, 3), strides=(2, 2))
      x = nn.relu(nn.Conv(width, (window, window), stride, padding,
                          dtype=x.dtype, name=f'conv{i}')(x))
      features[f'relu{i}'] = x
    return features


def _unit(x: Array) -> Array:
  """Divides the features of each pixel by their length.

  The root has no derivative at 0. So where all features are 0 it is not taken:
  the result is 0 all the same, and its gradient is finite, where that of the
  published program is not.
  """
  squared = jnp.sum(jnp.square(x), axis=-1, keepdims=True)
  return x / (jnp.sqrt(jnp.where(squared > 0, squared, 1)) + 1e-10)
