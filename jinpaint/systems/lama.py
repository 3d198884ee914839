"""LaMa: large holes are filled by fast Fourier convolutions.

Roman Suvorov et al., 2021, arXiv:2109.07161, "Resolution-robust Large Mask
Inpainting with Fourier Convolutions", published as github.com/advimman/lama,
with the networks of `jinpaint.networks.lama`. The weights of the losses are the
same in code and paper; what follows the code, where the paper says less:
- an L1 loss of known pixels, and none of the hole's;
- no loss sees the composite, only the prediction;
- the generator moves first; then it is applied again, with its new weights, to
  what the discriminator learns from. Batch statistics move with each pass, in a
  step twice in the generator and four times in the discriminator;
- known pixels of a prediction count as real.
"""

import dataclasses

from jax import lax

from jinpaint import errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.systems.shared import objectives
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('inpaint',)

_PERCEPTUAL = 'ade20k_resnet50_dilated'


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of all published configs.

  Attributes:
    blocks: residual blocks of the generator, 9 in LaMa-Fourier, 18 in Big LaMa.
    ngf: channels of the generator's first layer.
    ndf: channels of the discriminator's first layer.
    global_share: share of the blocks' channels that see the whole image.
    lfu: whether the blocks have local Fourier units, see
      `jinpaint.networks.lama.Generator`; sizes are then multiples of 16.
    known_l1: weight of the L1 loss of known pixels.
    adversarial: weight of the adversarial loss, kappa; the discriminator's own
      loss has none.
    r1: weight of the penalty on the discriminator's gradient, gamma.
    feature_matching: weight of the discriminator's features, beta.
    perceptual: weight of the loss by ADE20k's ResNet, alpha.
    perceptual_bn: what that network's batch norms normalise by: its 'stored'
      statistics, as the authors meant, or those of each 'batch', as their
      trainer did and their logs show.
  """

  blocks: int = 9
  ngf: int = 64
  ndf: int = 64
  global_share: float = 0.75
  lfu: bool = False
  known_l1: float = 10.0
  adversarial: float = 10.0
  r1: float = 0.001
  feature_matching: float = 100.0
  perceptual: float = loss_weight(30.0, needs=_PERCEPTUAL)
  perceptual_bn: str = 'stored'

  def __post_init__(self) -> None:
    errors.check_option('perceptual_bn', self.perceptual_bn,
                        ('stored', 'batch'))


def stage(name: str, options: Options) -> Stage:
  """Returns the system's only stage, 'inpaint'."""
  del name
  published = {}
  if options.perceptual:
    published[_PERCEPTUAL] = networks.create(
        _PERCEPTUAL, batch_statistics=options.perceptual_bn == 'batch')
  adversary = losses.ADVERSARIAL['softplus']

  def paint(nets: Nets, batch: Batch) -> Array:
    mask = batch['mask']
    return nets('generator', images.stacked(
        images.damage(batch['image'], mask), mask))

  def generator_terms(nets: Nets, batch: Batch) -> Terms:
    image = batch['image']
    prediction = paint(nets, batch)
    _, real = nets('discriminator', image)
    scores, fake = nets('discriminator', prediction)
    terms = {
        'known_l1': losses.masked_l1(
            prediction, image, batch['mask'], known=options.known_l1,
            missing=0.0),
        'adversarial': options.adversarial * adversary.generator(scores),
        'feature_matching': (
            options.feature_matching * losses.feature_matching(
                fake, real, distance=losses.l2, average=True))}
    if options.perceptual:
      terms['perceptual'] = options.perceptual * losses.perceptual(
          nets(_PERCEPTUAL, prediction),
          lax.stop_gradient(nets(_PERCEPTUAL, image)), distance=losses.l2)
    return terms

  def discriminator_terms(nets: Nets, batch: Batch) -> Terms:
    return objectives.penalised_discriminator(
        nets, 'discriminator', batch['image'], paint(nets, batch),
        gan='softplus', r1=options.r1, mask=batch['mask'])

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    return {'image': paint(nets, batch)}

  keys = ('image', 'mask')
  return Stage(
      networks={
          'generator': networks.create(
              'lama_generator', blocks=options.blocks, ngf=options.ngf,
              global_share=options.global_share, lfu=options.lfu),
          'discriminator': networks.create(
              'lama_discriminator', ndf=options.ndf)},
      published=published, learns_from=keys, predicts_from=keys,
      sizes=Sizes(divisor=16 if options.lfu else 8, smallest=16),
      updates=(Update(('generator',), generator_terms),
               Update(('discriminator',), discriminator_terms)),
      predict=predict)
