"""Partial convolutions for irregular line masks (Shu and Sahinkaya).

"Image Inpainting for Irregular Lines Using Partial Convolutions", sections 3.3
and 3.4: the network of `jinpaint.networks.pconv_lines` learns from a pixel-wise
L2 loss, an adversarial loss and a perceptual loss, on inputs with Gaussian
noise.

The text gives no weights. They come from the papers that it follows:
- L2 1 and adversarial 0.001: Pathak et al., 2016, arXiv:1604.07379 (0.999 and
  0.001 there);
- perceptual 0.05, on VGG-16's pool1 to pool3: Liu et al., 2018,
  arXiv:1804.07723, equation 7.
"""

import dataclasses

from jax import lax
import jax.numpy as jnp

from jinpaint import errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('inpaint',)


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the head of this file says where weights come from.

  Attributes:
    widths: channels of the generator's encoder stages.
    discriminator_widths: channels of the discriminator's layers; as many as
      bring the training size down to 4 x 4.
    l2: weight of the mean squared error of the prediction, over all pixels.
    adversarial: weight of the adversarial loss; 0 takes the discriminator out.
    perceptual: weight of the perceptual loss; 0 takes VGG-16 out.
    judged: what the discriminator is shown: the 'prediction' (the paper's "real
      and inpainted images", as Pathak et al.) or the 'composite'.
  """

  widths: tuple[int, ...] = (32, 64, 128, 256)
  discriminator_widths: tuple[int, ...] = (64, 128, 256, 512)
  l2: float = 1.0
  adversarial: float = 0.001
  perceptual: float = loss_weight(0.05, needs='vgg16')
  judged: str = 'prediction'

  def __post_init__(self) -> None:
    errors.check_option('judged', self.judged, ('prediction', 'composite'))


def stage(name: str, options: Options) -> Stage:
  """Returns the system's only stage, 'inpaint'."""
  del name
  generator = networks.create('pconv_lines', widths=options.widths)
  networks_ = {'generator': generator}
  if options.adversarial:
    networks_['discriminator'] = networks.create(
        'pconv_lines_discriminator', widths=options.discriminator_widths)
  published = {}
  if options.perceptual:
    published['vgg16'] = networks.create('vgg16')
  bce = losses.ADVERSARIAL['bce_logits']

  def terms(nets: Nets, batch: Batch) -> Terms:
    image = batch['image']
    prediction, _ = nets('generator', *_inputs(batch))
    terms = {'l2': options.l2 * losses.l2(prediction, image)}
    if options.adversarial:
      judged = (prediction if options.judged == 'prediction'
                else images.composite(prediction, image, batch['mask']))
      real, _ = nets('discriminator', image)
      fake, _ = nets('discriminator', lax.stop_gradient(judged))
      scores, _ = nets('discriminator', judged, learn=False)
      terms['discriminator'] = (bce.real(real) + bce.fake(fake)) / 2
      terms['adversarial'] = options.adversarial * bce.generator(scores)
    if options.perceptual:
      terms['perceptual'] = options.perceptual * losses.perceptual(
          nets('vgg16', prediction),
          lax.stop_gradient(nets('vgg16', image)))
    return terms

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    prediction, _ = nets('generator', *_inputs(batch))
    return {'image': prediction}

  return Stage(
      networks=networks_, published=published,
      learns_from=('image', 'mask'), predicts_from=('image', 'mask'),
      sizes=Sizes(divisor=generator.divisor),
      updates=(Update(tuple(networks_), terms),), predict=predict)


def _inputs(batch: Batch) -> tuple[Array, Array]:
  """Returns the damaged image, noisy where the batch has noise, and `valid`."""
  image = batch['image']
  if 'noise' in batch:
    image = jnp.clip(image + batch['noise'], 0, 1)
  return images.damage(image, batch['mask']), 1 - batch['mask']
