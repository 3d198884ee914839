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

from jax import lax
import jax.numpy as jnp

from jinpaint import images, losses, networks
from jinpaint.stage import Bound, InputSpec, Stage, Update

STAGES = ('inpaint',)


def stage(
    name: str,
    *,
    widths: tuple[int, ...] = (32, 64, 128, 256),
    discriminator_widths: tuple[int, ...] = (64, 128, 256, 512),
    l2: float = 1.0,
    adversarial: float = 0.001,
    perceptual: float = 0.05,
    judged: str = 'prediction',
    pretrained: bool = True,
) -> Stage:
  """Returns the system's only stage, `inpaint`.

  Args:
    name: 'inpaint'.
    widths: channels of the generator's encoder stages.
    discriminator_widths: channels of the discriminator's layers; as many as
      bring the training size down to 4 x 4.
    l2: weight of the mean squared error of the prediction, over all pixels.
    adversarial: weight of the adversarial loss; 0 takes the discriminator out.
    perceptual: weight of the perceptual loss; 0 takes VGG-16 out.
    judged: what the discriminator sees: the 'prediction' (the paper's "real
      and inpainted images", as Pathak et al.) or the 'composite'.
    pretrained: whether there are weights for VGG-16; if not, the perceptual
      loss is left out.
  """
  if judged not in ('prediction', 'composite'):
    raise ValueError(f"judged is 'prediction' or 'composite', not {judged!r}")
  perceptual = perceptual if pretrained else 0.0
  nets = {'generator': networks.create('pconv_lines', widths=widths)}
  if adversarial:
    nets['discriminator'] = networks.create(
        'pconv_lines_discriminator', widths=discriminator_widths)
  frozen = {'vgg16': networks.create('vgg16')} if perceptual else {}
  bce = losses.ADVERSARIAL['bce_logits']

  def loss(params, stats, frozen_variables, batch):
    net = Bound(nets, params, stats)
    image = batch['image']
    prediction, _ = net('generator', *_generator_feed(batch))
    total = l2 * losses.l2(prediction, image)
    logs = {'l2': total}

    if adversarial:
      shown = (prediction if judged == 'prediction'
               else images.composite(prediction, image, batch['mask']))
      real, _ = net('discriminator', image)
      fake, _ = net('discriminator', lax.stop_gradient(shown))
      verdict, _ = net('discriminator', shown, learn=False)
      logs['discriminator'] = (bce.real(real) + bce.fake(fake)) / 2
      logs['adversarial'] = adversarial * bce.generator(verdict)
      total += logs['discriminator'] + logs['adversarial']

    if perceptual:
      features = lambda x: frozen['vgg16'].apply(frozen_variables['vgg16'], x)
      logs['perceptual'] = perceptual * losses.perceptual(
          features(prediction), lax.stop_gradient(features(image)))
      total += logs['perceptual']
    return total, (net.stats, logs)

  def predict(variables, batch):
    prediction, _ = nets['generator'].apply(
        variables['generator'], *_generator_feed(batch))
    return {'prediction': prediction, 'image': images.composite(
        prediction, batch['image'], batch['mask'])}

  def feeds(batch):
    feed = {'generator': _generator_feed(batch)}
    if adversarial:
      feed['discriminator'] = (batch['image'],)
    return feed

  return Stage(
      networks=nets, frozen=frozen,
      spec=InputSpec(('image', 'mask'), divisor=nets['generator'].divisor),
      feeds=feeds, updates=(Update(tuple(nets), loss),), predict=predict)


def _generator_feed(batch):
  """Returns the damaged image, noisy where the batch has noise, and `valid`."""
  image = batch['image']
  if 'noise' in batch:
    image = jnp.clip(image + batch['noise'], 0, 1)
  return images.damage(image, batch['mask']), 1 - batch['mask']
