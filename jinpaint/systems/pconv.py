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

import dataclasses

import jax.numpy as jnp

from jinpaint import errors, losses, networks
from jinpaint.layers import imagenet
from jinpaint.nets import Nets
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('train', 'finetune')


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of equation 7.

  Attributes:
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
  """

  levels: int = 7
  width: float = 1.0
  normalize: str = 'ratio'
  hole: float = 6.0
  valid: float = 1.0
  perceptual: float = loss_weight(0.05, needs='vgg16')
  style: float = loss_weight(120.0, needs='vgg16')
  total_variation: float = 0.1
  variation_of: str = 'composite'

  def __post_init__(self) -> None:
    errors.check_option('variation_of', self.variation_of,
                        ('composite', 'hole'))


def stage(name: str, options: Options) -> Stage:
  """Returns one of `STAGES`."""
  network = networks.create(
      'pconv_unet', levels=options.levels, width=options.width,
      normalize=options.normalize, encoder_learns_statistics=name == 'train')
  published = {}
  if options.perceptual or options.style:
    published['vgg16'] = networks.create('vgg16', normalize=False)

  def terms(nets: Nets, batch: Batch) -> Terms:
    image, mask = imagenet.standardize(batch['image']), batch['mask']
    prediction, _ = nets('generator', *_inputs(batch))
    # Blended, not selected: masks may be soft.
    composite = mask * prediction + (1 - mask) * image
    terms = {'hole': options.hole * losses.hole_l1(prediction, image, mask),
             'valid': options.valid * losses.valid_l1(prediction, image, mask)}
    if published:
      true = nets('vgg16', image)
      both = nets('vgg16', prediction), nets('vgg16', composite)
      if options.perceptual:
        terms['perceptual'] = options.perceptual * sum(
            (losses.perceptual(features, true) for features in both),
            jnp.zeros(()))
      if options.style:
        terms['style'] = options.style * sum(
            (losses.style(features, true) for features in both),
            jnp.zeros(()))
    terms['total_variation'] = options.total_variation * (
        losses.total_variation(composite)
        if options.variation_of == 'composite' else
        losses.hole_total_variation(composite, mask))
    return terms

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    prediction, _ = nets('generator', *_inputs(batch))
    return {'image': jnp.clip(imagenet.unstandardize(prediction), 0, 1)}

  return Stage(
      networks={'generator': network}, published=published,
      learns_from=('image', 'mask'), predicts_from=('image', 'mask'),
      sizes=Sizes(divisor=network.divisor),
      updates=(Update(('generator',), terms),), predict=predict)


def _inputs(batch: Batch) -> tuple[Array, Array]:
  """Returns the image, of which only known pixels are read, and `valid`."""
  return imagenet.standardize(batch['image']), 1 - batch['mask']
