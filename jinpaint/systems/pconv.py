"""Partial convolutions for irregular holes (Liu et al.).

Guilin Liu et al., 2018, arXiv:1804.07723, "Image Inpainting for Irregular Holes
Using Partial Convolutions", with the network of `jinpaint.networks.pconv`. The
first part of the training, `train`, learns everything; the second one,
`finetune`, leaves the statistics of the encoder's batch norms as they are,
which holes bias (section 4.2).

Where this follows naoto0804's code instead of the paper:
- total variation is that of the whole composite, not of the hole's one-pixel
  dilation (`variation_of='hole'` is the paper's).
Where this follows neither: predictions are clipped to [0, 1], as files are.
Images are normalised by ImageNet's mean and deviation, for the network, all
losses and VGG-16.
"""

import jax.numpy as jnp

from jinpaint import errors, images, losses, networks
from jinpaint.networks import vgg
from jinpaint.stage import Bound, InputSpec, Stage, Update
from jinpaint.types import Array, Batch

STAGES = ('train', 'finetune')


def stage(
    name: str,
    *,
    levels: int = 7,
    width: float = 1.0,
    normalize: str = 'ratio',
    hole: float = 6.0,
    valid: float = 1.0,
    perceptual: float = 0.05,
    style: float = 120.0,
    total_variation: float = 0.1,
    variation_of: str = 'composite',
    pretrained: bool = True,
) -> Stage:
  """Returns a stage; the weights are those of equation 7.

  Args:
    name: one of `STAGES`.
    levels: how often the network halves the size: 7 in the code, 8 in the
      paper, for 512 px.
    width: share of the published channels, for small runs.
    normalize: of the partial convolutions, see
      `jinpaint.layers.partial_conv.PartialConv`: published weights need 'sum'.
    hole: weight of the L1 loss in the hole.
    valid: weight of the L1 loss of known pixels.
    perceptual: weight of the perceptual loss, of prediction and composite.
    style: weight of the style loss, of prediction and composite.
    total_variation: weight of the total variation.
    variation_of: 'composite' or 'hole'.
    pretrained: whether there are weights for VGG-16; if not, the perceptual
      and the style loss are left out.
  """
  errors.check_option('variation_of', variation_of, ('composite', 'hole'))
  if not pretrained:
    perceptual = style = 0.0
  network = networks.create(
      'pconv_unet', levels=levels, width=width, normalize=normalize,
      encoder_learns_statistics=name == 'train')
  vgg16 = networks.create('vgg16', normalize=False)

  def loss(params, stats, frozen, batch):
    net = Bound({'generator': network}, params, stats)
    image, mask = vgg.standardize(batch['image']), batch['mask']
    prediction, _ = net('generator', *_feed(batch))
    # Blended, not selected: masks may be soft.
    composite = mask * prediction + (1 - mask) * image
    logs = {'hole': hole * losses.hole_l1(prediction, image, mask),
            'valid': valid * losses.valid_l1(prediction, image, mask)}
    if perceptual or style:
      see = lambda x: vgg16.apply(frozen['vgg16'], x)
      truth = see(image)
      seen = see(prediction), see(composite)
      logs['perceptual'] = perceptual * sum(
          losses.perceptual(x, truth) for x in seen)
      logs['style'] = style * sum(losses.style(x, truth) for x in seen)
    logs['total_variation'] = total_variation * (
        losses.total_variation(composite) if variation_of == 'composite' else
        losses.hole_total_variation(composite, mask))
    return sum(logs.values()), (net.stats, logs)

  def predict(variables, batch):
    prediction, _ = network.apply(variables['generator'], *_feed(batch))
    prediction = jnp.clip(vgg.unstandardize(prediction), 0, 1)
    return {'prediction': prediction, 'image': images.composite(
        prediction, batch['image'], batch['mask'])}

  return Stage(
      networks={'generator': network},
      frozen={'vgg16': vgg16} if perceptual or style else {},
      spec=InputSpec(('image', 'mask'), divisor=network.divisor),
      feeds=lambda batch: {'generator': _feed(batch)},
      updates=(Update(('generator',), loss),), predict=predict)


def _feed(batch: Batch) -> tuple[Array, Array]:
  """Returns the image, of which only known pixels are read, and `valid`."""
  return vgg.standardize(batch['image']), 1 - batch['mask']
