"""Losses of discriminators and generators, as functions of scores."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jinpaint.losses import checks
from jinpaint.types import Array


class Adversarial(NamedTuple):
  """An adversarial loss: three functions of a discriminator's scores.

  Scores are floats of any shape, such as (B, h, w, 1); each function returns a
  scalar, the mean over all scores. Training minimises all three. The loss of a
  discriminator is `real` plus `fake`; EdgeConnect, ISNet, CFS, InpaintGAN and
  the gated system halve that sum, SketchRefiner does not.

  Attributes:
    real: of the discriminator, for the scores of real images.
    fake: of the discriminator, for the scores of generated images.
    generator: of the generator, for the scores of generated images.
  """

  real: Callable[[Array], Array]
  fake: Callable[[Array], Array]
  generator: Callable[[Array], Array]


@jax.custom_jvp
def _binary_cross_entropy(probability: Array, label: Array) -> Array:
  """Returns -log of the probability of the label, bounded as in PyTorch.

  A logarithm is at least -100. In the gradient, p (1 - p) is at least 1e-12.
  EdgeConnect and its descendants train with these bounds of PyTorch's BCELoss,
  which keep loss and gradient finite where sigmoids saturate.
  """
  bounded = lambda log: jnp.maximum(log, -100)
  return -(label * bounded(jnp.log(probability))
           + (1 - label) * bounded(jnp.log1p(-probability)))


@_binary_cross_entropy.defjvp
def _binary_cross_entropy_jvp(
    primals: tuple[Array, Array], tangents: tuple[Array, Array]
    ) -> tuple[Array, Array]:
  p, label = primals
  slope = (p - label) / jnp.maximum(p * (1 - p), 1e-12)
  return _binary_cross_entropy(p, label), slope * tangents[0]


def _labelled(error: Callable[[Array, Array], Array]) -> Adversarial:
  """Returns the loss mean error(scores, label): 1 is real, 0 is fake."""
  def toward(label: int) -> Callable[[Array], Array]:
    return lambda scores: jnp.mean(
        error(scores, jnp.full_like(scores, label)))
  return Adversarial(real=toward(1), fake=toward(0), generator=toward(1))


_logistic = _labelled(optax.sigmoid_binary_cross_entropy)

# Each loss with the kind of scores D that it needs, and with the terms whose
# means are `real`, `fake` and `generator`.
ADVERSARIAL: Mapping[str, Adversarial] = {
    # Probabilities. -log D, -log(1 - D), -log D. This is the code of
    # EdgeConnect, ISNet, CFS and InpaintGAN, whose discriminators end in a
    # sigmoid.
    'nsgan': _labelled(_binary_cross_entropy),
    # Raw scores or probabilities. (D - 1)^2, D^2, (D - 1)^2. Mao et al., 2017,
    # arXiv:1611.04076, and the gated system take raw scores; EdgeConnect and
    # ISNet take probabilities.
    'lsgan': _labelled(optax.squared_error),
    # Raw scores. max(0, 1 - D), max(0, 1 + D), -D. Lim and Ye, 2017,
    # arXiv:1705.02894; the gated system's SN-PatchGAN, arXiv:1806.03589; ISNet,
    # equation 3. ISNet's code adds 1 to `real`: its logs differ from these, its
    # gradients do not.
    'hinge': Adversarial(
        real=lambda scores: jnp.mean(jax.nn.relu(1 - scores)),
        fake=lambda scores: jnp.mean(jax.nn.relu(1 + scores)),
        generator=lambda scores: -jnp.mean(scores)),
    # Logits. softplus(-D), softplus(D), softplus(-D): the binary cross-entropy
    # of sigmoid(D), which SketchRefiner's code calls non-saturating.
    'bce_logits': _logistic,
    'softplus': _logistic,
}


def fake_in_hole(scores: Array, mask: Array) -> Array:
  """Returns the loss of a discriminator that shall find the hole.

  It is `ADVERSARIAL['softplus'].fake`, but known pixels count as real:
  mean M softplus(D) + (1 - M) softplus(-D). SketchRefiner's published code
  calls it "mask as fake target".

  Args:
    scores: logits D (B, h, w, 1) of a generated image.
    mask: (B, H, W, 1), 1 = hole. M is the mask at the size of the scores: its
      pixel in row i and column j is the mask's in row floor(i H / h) and column
      floor(j W / w).

  Raises:
    ValueError: scores or mask have another number of channels, or the batches
      differ.
  """
  checks.images(scores=scores, mask=mask)
  if not scores.shape[::3] == mask.shape[::3] == (scores.shape[0], 1):
    raise ValueError('scores and mask must be (B, h, w, 1) and (B, H, W, 1), '
                     f'not {scores.shape} and {mask.shape}')
  rows, columns = (np.arange(small) * large // small for small, large in zip(
      scores.shape[1:3], mask.shape[1:3], strict=True))
  nearest = mask[:, rows][:, :, columns]
  return jnp.mean(optax.sigmoid_binary_cross_entropy(scores, 1 - nearest))


def gradient_penalty(gradient: Array) -> Array:
  """Returns the mean over the batch of the squared L2 norm of a gradient.

  Of the gradient of the sum of a discriminator's scores of real images for
  these images, it is R1: Lars Mescheder et al., 2018, arXiv:1801.04406, without
  their factor 1/2, as in SketchRefiner's published code (weight 0.001).

  Args:
    gradient: (B, ...).
  """
  checks.floats(gradient=gradient)
  return jnp.sum(jnp.square(gradient)) / gradient.shape[0]
