"""ISNet: one network, two interacting branches (Li et al.).

Siyuan Li, Lu Lu, Zhiqiang Zhang et al., 2020, "Interactive Separation Network
for Image Inpainting", ICIP, section 2.2: the networks of
`jinpaint.networks.isnet` learn from the losses of equation 2.

Where this follows the published code instead of the paper:
- the discriminator is shown all of the prediction, not only what is in the
  hole (equation 3): option `judged`;
- the L1 loss is divided by the batch's share of hole pixels: `l1_per_hole`;
- VGG-19 is fed RGB in [0, 1] without ImageNet's mean and deviation, for the
  perceptual and the style loss of the whole prediction.
Where this follows the paper instead of the code's example config: the
adversarial loss is the hinge loss, not nsgan: `gan`. Without the constant 1
that the code adds to its term for real images, which has no gradient.
"""

import dataclasses

from jinpaint import errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.networks.isnet import isnet_init
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.systems.shared import objectives
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('inpaint',)

_JUDGED = ('prediction', 'hole')


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of equation 2.

  Attributes:
    generator: the generator's registered name: `isnet_generator`,
      `isnet_base_model`, `isnet_base_model_fusion` or `isnet_unet_like`.
    blocks: its residual blocks, in each branch of each stage.
    width: share of its published channels, for small runs.
    gan: the adversarial loss: 'hinge', 'nsgan' or 'lsgan' (the latter two of
      probabilities).
    judged: what the discriminator is shown: the 'prediction', or of it the
      'hole' alone, with zeros around it, as in equation 3.
    l1: weight of the L1 loss, over all pixels.
    l1_per_hole: whether that is divided by the batch's share of hole pixels.
    adversarial: weight of the adversarial loss.
    feature_matching: weight of the discriminator's features.
    perceptual: weight of the perceptual loss.
    style: weight of the style loss.
  """

  generator: str = 'isnet_generator'
  blocks: int = 4
  width: float = 1.0
  gan: str = 'hinge'
  judged: str = 'prediction'
  l1: float = 1.0
  l1_per_hole: bool = True
  adversarial: float = 0.1
  feature_matching: float = 10.0
  perceptual: float = loss_weight(0.1, needs='vgg19')
  style: float = loss_weight(250.0, needs='vgg19')

  def __post_init__(self) -> None:
    errors.check_option('gan', self.gan, objectives.GANS)
    errors.check_option('judged', self.judged, _JUDGED)


def stage(name: str, options: Options) -> Stage:
  """Returns the system's only stage, 'inpaint'."""
  del name
  generator = networks.create(options.generator, blocks=options.blocks,
                              width=options.width)
  discriminator = objectives.discriminator(options.gan, kernel_init=isnet_init)

  def terms(nets: Nets, batch: Batch) -> Terms:
    image, mask = batch['image'], batch['mask']
    prediction = nets('generator', images.damage(image, mask))
    judged = prediction if options.judged == 'prediction' else prediction * mask
    verdict = objectives.judge(nets, 'discriminator', image, judged,
                               gan=options.gan)
    distance = (losses.l1_per_hole(prediction, image, mask)
                if options.l1_per_hole else losses.l1(prediction, image))
    terms = {'discriminator': verdict.own,
             'adversarial': options.adversarial * verdict.fooled,
             'l1': options.l1 * distance}
    if options.feature_matching:
      terms['feature_matching'] = (
          options.feature_matching * losses.feature_matching(
              verdict.fake, verdict.real))
    return terms | objectives.perceptual_and_style(
        nets, prediction, image, perceptual=options.perceptual,
        style=options.style)

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    return {'image': nets('generator', images.damage(
        batch['image'], batch['mask']))}

  return Stage(
      networks={'generator': generator, 'discriminator': discriminator},
      published=objectives.vgg19(options.perceptual, options.style),
      learns_from=('image', 'mask'), predicts_from=('image', 'mask'),
      sizes=Sizes(divisor=generator.divisor),
      updates=(Update(('generator', 'discriminator'), terms),),
      predict=predict)
