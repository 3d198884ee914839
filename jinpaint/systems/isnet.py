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

from jinpaint import errors, images, losses, networks
from jinpaint.networks.isnet import isnet_init
from jinpaint.stage import Bound, InputSpec, Stage, Update
from jinpaint.systems import objectives

STAGES = ('inpaint',)

_JUDGED = ('prediction', 'hole')


def stage(
    name: str,
    *,
    generator: str = 'isnet_generator',
    blocks: int = 4,
    width: float = 1.0,
    gan: str = 'hinge',
    judged: str = 'prediction',
    l1: float = 1.0,
    l1_per_hole: bool = True,
    adversarial: float = 0.1,
    feature_matching: float = 10.0,
    perceptual: float = 0.1,
    style: float = 250.0,
    pretrained: bool = True,
) -> Stage:
  """Returns the system's only stage; the weights are those of equation 2.

  Args:
    name: 'inpaint'.
    generator: the generator's registered name: `isnet_generator`,
      `isnet_base_model`, `isnet_base_model_fusion` or `isnet_unet_like`.
    blocks: its residual blocks, in each branch of each stage.
    width: share of its published channels, for small runs.
    gan: the adversarial loss: 'hinge', 'nsgan' or 'lsgan' (the latter two of
      probabilities).
    judged: what the discriminator sees: the 'prediction', or of it the 'hole'
      alone, with zeros around it.
    l1: weight of the L1 loss, over all pixels.
    l1_per_hole: whether that is divided by the batch's share of hole pixels.
    adversarial: weight of the adversarial loss.
    feature_matching: weight of the discriminator's features.
    perceptual: weight of the perceptual loss.
    style: weight of the style loss.
    pretrained: whether there are weights for VGG-19; if not, the perceptual
      and the style loss are left out.
  """
  del name
  errors.check_option('judged', judged, _JUDGED)
  if not pretrained:
    perceptual = style = 0.0
  nets = {'generator': networks.create(generator, blocks=blocks, width=width),
          'discriminator': objectives.discriminator(
              gan, kernel_init=isnet_init)}
  frozen = {'vgg19': objectives.vgg19()} if perceptual or style else {}
  distance = losses.l1_per_hole if l1_per_hole else (
      lambda prediction, image, mask: losses.l1(prediction, image))

  def loss(params, stats, frozen_variables, batch):
    net, image, mask = Bound(nets, params, stats), batch['image'], batch['mask']
    prediction = net('generator', *_generator_feed(batch))
    shown = prediction if judged == 'prediction' else prediction * mask
    verdict = objectives.judge(net, 'discriminator', image, shown, gan=gan)
    logs = {'discriminator': verdict.own,
            'adversarial': adversarial * verdict.fooled,
            'l1': l1 * distance(prediction, image, mask)}
    if feature_matching:
      logs['feature_matching'] = feature_matching * losses.feature_matching(
          verdict.fake, verdict.real)
    logs |= objectives.perceptual_and_style(
        frozen_variables.get('vgg19'), prediction, image,
        perceptual=perceptual, style=style)
    return sum(logs.values()), (net.stats, logs)

  def predict(variables, batch):
    prediction = nets['generator'].apply(
        variables['generator'], *_generator_feed(batch))
    return {'prediction': prediction, 'image': images.composite(
        prediction, batch['image'], batch['mask'])}

  return Stage(
      networks=nets, frozen=frozen,
      spec=InputSpec(('image', 'mask'), divisor=nets['generator'].divisor),
      feeds=lambda batch: {'generator': _generator_feed(batch),
                           'discriminator': (batch['image'],)},
      updates=(Update(tuple(nets), loss),), predict=predict)


def _generator_feed(batch):
  return (images.damage(batch['image'], batch['mask']),)
