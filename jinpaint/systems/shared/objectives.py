"""Loss terms of which networks are a part, as several papers share them.

EdgeConnect, InpaintGAN, ISNet and the CFS system judge images by one kind of
discriminator and compare them by the features of one VGG-19; LaMa and
SketchRefiner have another discriminator, which is penalised. The pure functions
of scores and features are in `jinpaint.losses`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from jinpaint import losses, networks
from jinpaint.nets import Nets
from jinpaint.types import Array, Stats, Terms

GANS = ('nsgan', 'lsgan', 'hinge')
PERCEPTUAL = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1')
STYLE = ('relu2_2', 'relu3_4', 'relu4_4', 'relu5_2')


class Verdict(NamedTuple):
  """What a discriminator says of real and of generated images.

  Attributes:
    own: its own loss, half the sum for real and for generated images.
    fooled: the generator's loss.
    real: its features of real images, one array a layer.
    fake: its features of generated images, one array a layer.
  """

  own: Array
  fooled: Array
  real: Sequence[Array]
  fake: Sequence[Array]


def discriminator(gan: str, **options: Any) -> nn.Module:
  """Returns EdgeConnect's discriminator for an adversarial loss.

  Args:
    gan: one of `GANS`; but for 'hinge', scores are probabilities.
    **options: of the network.
  """
  return networks.create('edgeconnect_discriminator', sigmoid=gan != 'hinge',
                         **options)


def judge(nets: Nets, name: str, real: Array, fake: Array, *, gan: str,
          learn: bool = False) -> Verdict:
  """Shows a discriminator real images, generated ones, and these once more.

  The last time for the generator's loss: three calls, as published, each of
  which moves the spectral vectors.

  Args:
    nets: the stage's networks.
    name: the discriminator's.
    real: true images (B, H, W, C).
    fake: generated images (B, H, W, C).
    gan: the adversarial loss, one of `GANS`.
    learn: whether the discriminator learns from the generator's loss, too.
  """
  real_scores, real_features = nets(name, real)
  fake_scores, _ = nets(name, lax.stop_gradient(fake))
  scores, features = nets(name, fake, learn=learn)
  loss = losses.ADVERSARIAL[gan]
  return Verdict((loss.real(real_scores) + loss.fake(fake_scores)) / 2,
                 loss.generator(scores), real_features, features)


def penalised_discriminator(nets: Nets, name: str, real: Array, fake: Array, *,
                            gan: str, r1: float, mask: Array | None = None
                            ) -> Terms:
  """Returns a discriminator's terms, as LaMa and SketchRefiner have them.

  Two calls, of real and then of generated images, each of which moves the batch
  statistics once: the penalty is that of the first call.

  Args:
    nets: the stage's networks.
    name: the discriminator's.
    real: true images (B, H, W, C).
    fake: generated images (B, H, W, C); no gradient flows into them.
    gan: the adversarial loss, one of `jinpaint.losses.ADVERSARIAL`.
    r1: weight of the penalty on the scores' gradient for real images; 0 leaves
      it out.
    mask: (B, H, W, 1), 1 = hole, where known pixels of generated images count
      as real, see `jinpaint.losses.fake_in_hole`; None where they do not.

  Returns:
    'discriminator_real', 'discriminator_fake' and, if it has a weight, 'r1'.
  """
  def score(image: Array) -> tuple[Array, tuple[Array, Stats]]:
    judge = nets.fork()
    scores, _ = judge(name, image)
    return jnp.sum(scores), (scores, judge.stats)

  slope, (real_scores, nets.stats) = jax.grad(score, has_aux=True)(real)
  fake_scores, _ = nets(name, lax.stop_gradient(fake))
  loss = losses.ADVERSARIAL[gan]
  terms = {'discriminator_real': loss.real(real_scores),
           'discriminator_fake': (
               loss.fake(fake_scores) if mask is None else
               losses.fake_in_hole(fake_scores, mask))}
  if r1:
    terms['r1'] = r1 * losses.gradient_penalty(slope)
  return terms


def vgg19(*weights: float) -> dict[str, nn.Module]:
  """Returns VGG-19 for `perceptual_and_style`, under its name.

  As published, it is fed RGB in [0, 1], without ImageNet's mean and deviation.

  Args:
    *weights: of the losses that read it; if all are 0, there is no network.
  """
  if not any(weights):
    return {}
  return {'vgg19': networks.create(
      'vgg19', layers=(*PERCEPTUAL, *STYLE), normalize=False)}


def perceptual_and_style(nets: Nets, prediction: Array, image: Array, *,
                         perceptual: float, style: float,
                         style_mask: Array | None = None) -> Terms:
  """Returns the terms 'perceptual' and 'style', times their weights.

  Args:
    nets: with `vgg19`, which is not applied if both weights are 0.
    prediction: RGB (B, H, W, 3) in [0, 1].
    image: the truth.
    perceptual: weight of the perceptual loss; 0 leaves it out.
    style: weight of the style loss; 0 leaves it out.
    style_mask: (B, H, W, 1), by which the style loss multiplies both images;
      None for images as they are.
  """
  def features(mask: Array | None = None) -> tuple[Mapping[str, Array], ...]:
    predicted, true = (x if mask is None else x * mask
                       for x in (prediction, image))
    return nets('vgg19', predicted), lax.stop_gradient(nets('vgg19', true))

  terms: dict[str, Array] = {}
  # XLA leaves out the layers that nothing reads.
  pair = features() if perceptual or (style_mask is None and style) else ()
  if perceptual:
    terms['perceptual'] = perceptual * losses.perceptual(
        *(chosen(x, PERCEPTUAL) for x in pair))
  if style:
    masked = pair if style_mask is None else features(style_mask)
    terms['style'] = style * losses.style(*(chosen(x, STYLE) for x in masked))
  return terms


def chosen(features: Mapping[str, Array], layers: Sequence[str]
           ) -> dict[str, Array]:
  """Returns the features of some layers."""
  return {name: features[name] for name in layers}
