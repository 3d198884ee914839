"""Loss terms of which networks are a part, as EdgeConnect's heirs share them.

EdgeConnect, InpaintGAN, ISNet and the CFS system judge images by one kind of
discriminator and compare them by the features of one VGG-19. The pure functions
of scores and features are in `jinpaint.losses`.
"""

from collections.abc import Sequence
from typing import NamedTuple

from flax import linen as nn
from jax import lax

from jinpaint import errors, losses, networks
from jinpaint.stage import Bound
from jinpaint.types import Array, Logs, Variables

GANS = ('nsgan', 'lsgan', 'hinge')
PERCEPTUAL = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1')
STYLE = ('relu2_2', 'relu3_4', 'relu4_4', 'relu5_2')


class Verdict(NamedTuple):
  """What a discriminator makes of real and of generated images.

  Attributes:
    own: its own loss, half the sum for real and for generated images.
    fooled: the generator's loss.
    real: its features of real images, one array a layer.
    fake: those of generated images.
  """

  own: Array
  fooled: Array
  real: Sequence[Array]
  fake: Sequence[Array]


def discriminator(gan: str, **options) -> nn.Module:
  """Returns EdgeConnect's discriminator for an adversarial loss.

  Args:
    gan: one of `GANS`; but for 'hinge', scores are probabilities.
    **options: of the network.

  Raises:
    ValueError: no such loss.
  """
  errors.check_option('gan', gan, GANS)
  return networks.create('edgeconnect_discriminator', sigmoid=gan != 'hinge',
                         **options)


def judge(net: Bound, name: str, real: Array, fake: Array, *, gan: str,
          learn: bool = False) -> Verdict:
  """Shows a discriminator real images, generated ones, and these once more.

  The last time for the generator's loss: three calls, as published, each of
  which moves the spectral vectors.

  Args:
    net: the bound networks.
    name: the discriminator's.
    real: (B, H, W, C).
    fake: likewise.
    gan: the adversarial loss.
    learn: whether the discriminator learns from the generator's loss, too.
  """
  real_scores, real_features = net(name, real)
  fake_scores, _ = net(name, lax.stop_gradient(fake))
  scores, features = net(name, fake, learn=learn)
  loss = losses.ADVERSARIAL[gan]
  return Verdict((loss.real(real_scores) + loss.fake(fake_scores)) / 2,
                 loss.generator(scores), real_features, features)


def vgg19(layers: tuple[str, ...] = (*PERCEPTUAL, *STYLE)) -> nn.Module:
  """Returns VGG-19 for `perceptual_and_style`.

  As published, it is fed RGB in [0, 1], without ImageNet's mean and deviation.
  """
  return networks.create('vgg19', layers=layers, normalize=False)


def perceptual_and_style(variables: Variables, prediction: Array, image: Array,
                         *, perceptual: float, style: float,
                         style_mask: Array | None = None) -> Logs:
  """Returns the terms 'perceptual' and 'style', times their weights.

  Args:
    variables: of `vgg19`; not read if both weights are 0.
    prediction: RGB (B, H, W, 3) in [0, 1].
    image: the truth.
    perceptual: weight of the perceptual loss; 0 leaves it out.
    style: weight of the style loss; 0 leaves it out.
    style_mask: (B, H, W, 1), by which the style loss multiplies both images;
      None for images as they are.
  """
  def pair(layers, mask=None):
    """Returns the features of prediction and image, layer by layer."""
    see = lambda x: vgg19(layers).apply(
        variables, x if mask is None else x * mask)
    return see(prediction), lax.stop_gradient(see(image))

  pick = lambda features, layers: {name: features[name] for name in layers}
  logs = {}
  together = perceptual and style and style_mask is None
  both = pair((*PERCEPTUAL, *STYLE)) if together else None  # one pass for both
  if perceptual:
    logs['perceptual'] = perceptual * losses.perceptual(*(
        pick(features, PERCEPTUAL) for features in both or pair(PERCEPTUAL)))
  if style:
    logs['style'] = style * losses.style(*(
        pick(features, STYLE) for features in both or pair(STYLE, style_mask)))
  return logs
