"""Distances between features of a fixed network or of a discriminator."""

from collections.abc import Callable, Mapping, Sequence
import functools
import operator
from typing import Any

import jax
from jax import lax
import jax.numpy as jnp

from jinpaint.losses import checks
from jinpaint.losses.reconstruction import l1
from jinpaint.types import Array

Features = Array | Sequence[Array] | Mapping[str, Array]
Distance = Callable[[Array, Array], Array]


def perceptual(prediction: Features, target: Features, *,
               distance: Distance = l1) -> Array:
  """Returns the sum over layers of distance(prediction, target).

  Justin Johnson et al., 2016, arXiv:1603.08155. EdgeConnect, ISNet and CFS take
  `l1` of VGG-19's relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1; Liu et al.
  `l1` of VGG-16's pool1 to pool3, for prediction and composite, added;
  SketchRefiner `l2` of the four stages of a ResNet-50.

  Args:
    prediction: features of the prediction, one array for each layer.
    target: features of the target, arranged as those of the prediction.
    distance: of the features of one layer, `l1` or `l2`.

  Raises:
    ValueError: the layers or their shapes are not the same.
  """
  predicted: Any = jax.tree.structure(prediction)
  expected: Any = jax.tree.structure(target)
  if predicted != expected:
    raise ValueError('target must have the layers of the prediction, '
                     f'{predicted}, not {expected}')
  distances = jax.tree.map(distance, prediction, target)
  return functools.reduce(operator.add, jax.tree.leaves(distances))


def gram(features: Array) -> Array:
  """Returns F^T F / (C H W), (B, C, C), of the features F (B, H W, C)."""
  checks.images(features=features)
  _, height, width, channels = features.shape
  products = jnp.einsum('bhwc,bhwd->bcd', features, features,
                        precision=lax.Precision.HIGHEST)
  return products / (channels * height * width)


def squared_frobenius(prediction: Array, target: Array) -> Array:
  """Returns the batch's mean of sum (prediction - target)^2, for (B, ...)."""
  checks.same_shape(prediction=prediction, target=target)
  return jnp.sum(jnp.square(prediction - target)) / prediction.shape[0]


def style(prediction: Features, target: Features, *,
          distance: Distance = l1) -> Array:
  """Returns the sum over layers of the distance of `gram` matrices.

  Leon Gatys et al., 2015, arXiv:1508.06576. EdgeConnect, ISNet and CFS take
  `l1` of VGG-19's relu2_2, relu3_4, relu4_4 and relu5_2, EdgeConnect of images
  whose known pixels are set to 0; Liu et al. `l1` of VGG-16's pool1 to pool3,
  for prediction and composite, added. Johnson et al., 2016, arXiv:1603.08155,
  take `squared_frobenius`.

  Args:
    prediction: features of the prediction, one array (B, H, W, C) for each
      layer.
    target: features of the target, arranged as those of the prediction.
    distance: of the Gram matrices (B, C, C), `l1` or `squared_frobenius`.

  Raises:
    ValueError: the layers or their shapes are not the same.
  """
  def of_grams(a: Array, b: Array) -> Array:
    checks.same_shape(prediction=a, target=b)
    return distance(gram(a), gram(b))
  return perceptual(prediction, target, distance=of_grams)


def feature_matching(fake: Features, real: Features, *, distance: Distance = l1,
                     average: bool = False) -> Array:
  """Returns the distance between a discriminator's features.

  EdgeConnect, ISNet, CFS and InpaintGAN take the *sum* over layers of `l1`, the
  raw scores being the last layer. SketchRefiner takes the *average* over layers
  of `l2`, without the scores.

  Args:
    fake: features of generated images, one array for each layer.
    real: features of real images, arranged as those of the generated ones. No
      gradient flows into them.
    distance: of the features of one layer, `l1` or `l2`.
    average: whether to divide the sum by the number of layers.

  Raises:
    ValueError: the layers or their shapes are not the same.
  """
  total = perceptual(fake, lax.stop_gradient(real), distance=distance)
  return total / len(jax.tree.leaves(fake)) if average else total
