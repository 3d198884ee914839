"""The sketch first, then the image: two stages of HED sketches and CFS blocks.

The paper whose code is published as
github.com/GuardSkill/Feature-Selection-Inpainting, section 3, with the networks
of `jinpaint.networks.cfs`:

| stage                    | trains                  | the image's sketch     |
|--------------------------|-------------------------|------------------------|
| `sketch`                 | the sketch network      | (there is no image)    |
| `completion`             | the completion network  | known ones, completed  |
| `completion_true_sketch` | the completion network  | true ones              |
| `joint`                  | both; the image's       | known ones, completed  |
|                          | losses reach the sketch |                        |

Where this follows the published code instead of the paper:
- weights of the losses, see `stage` (equation 14 has 300 for both the
  perceptual and the style loss, equation 11 an adversarial weight of 0.1);
- the L1 loss is divided by the batch's share of hole pixels;
- VGG-19 is fed RGB in [0, 1] without ImageNet's mean and deviation.
Where this follows the paper instead of the code's example config: the
adversarial loss is the hinge loss (`gan`). Where this follows neither: the
published `joint` stage cannot run; here the sketch network's gradient is the
sum of its own losses' and the image's. In `completion` the sketch network's
spectral vectors stay as they are.
"""

from jinpaint import images, losses, networks
from jinpaint.stage import Bound, InputSpec, Stage, Update
from jinpaint.systems import objectives
from jinpaint.types import Array, Batch

STAGES = ('sketch', 'completion', 'completion_true_sketch', 'joint')


def stage(
    name: str,
    *,
    blocks: int = 8,
    sketch_blocks: int = 4,
    width: float = 1.0,
    gan: str = 'hinge',
    sketch_adversarial: float = 1.0,
    sketch_feature_matching: float = 10.0,
    l1: float = 1.0,
    adversarial: float = 0.1,
    feature_matching: float = 10.0,
    perceptual: float = 0.1,
    style: float = 250.0,
    pretrained: bool = True,
) -> Stage:
  """Returns a stage; the weights are those of the published config and code.

  Args:
    name: one of `STAGES`.
    blocks: residual blocks of the completion network: 8 in the paper, 4 in the
      code.
    sketch_blocks: residual blocks of the sketch network.
    width: share of the published generators' channels, for small runs.
    gan: the adversarial loss: 'hinge', 'nsgan' or 'lsgan' (the latter two of
      probabilities).
    sketch_adversarial: weight of the adversarial loss; sketch.
    sketch_feature_matching: weight of the discriminator's features; sketch.
    l1: weight of the L1 loss; image.
    adversarial: weight of the adversarial loss; image.
    feature_matching: weight of the discriminator's features; image.
    perceptual: weight of the perceptual loss; image.
    style: weight of the style loss; image.
    pretrained: whether there are weights for VGG-19; if not, the perceptual
      and the style loss are left out.
  """
  if not pretrained:
    perceptual = style = 0.0
  completes = name != 'completion_true_sketch'
  trains_sketch, fills = name in ('sketch', 'joint'), name != 'sketch'
  nets, trained, frozen = {}, [], {}
  if completes:
    nets['sketch_generator'] = networks.create(
        'cfs_sketch_generator', blocks=sketch_blocks, width=width)
  if trains_sketch:
    nets['sketch_discriminator'] = objectives.discriminator(gan)
    trained += ['sketch_generator', 'sketch_discriminator']
  if fills:
    nets['completion_generator'] = networks.create(
        'cfs_completion_generator', blocks=blocks, width=width)
    nets['completion_discriminator'] = objectives.discriminator(gan)
    trained += ['completion_generator', 'completion_discriminator']
    if perceptual or style:
      frozen['vgg19'] = objectives.vgg19()

  def sketch_losses(net, batch, prediction):
    gray = _gray(batch)
    verdict = objectives.judge(
        net, 'sketch_discriminator', images.stacked(gray, batch['edge']),
        images.stacked(gray, prediction), gan=gan)
    return {'sketch_discriminator': verdict.own,
            'sketch_adversarial': sketch_adversarial * verdict.fooled,
            'sketch_feature_matching': (
                sketch_feature_matching * losses.feature_matching(
                    verdict.fake, verdict.real))}

  def image_losses(net, batch, prediction, frozen_variables):
    image = batch['image']
    verdict = objectives.judge(
        net, 'completion_discriminator', image, prediction, gan=gan)
    return {'completion_discriminator': verdict.own,
            'completion_adversarial': adversarial * verdict.fooled,
            'feature_matching': feature_matching * losses.feature_matching(
                verdict.fake, verdict.real),
            'l1': l1 * losses.l1_per_hole(prediction, image, batch['mask']),
            **objectives.perceptual_and_style(
                frozen_variables.get('vgg19'), prediction, image,
                perceptual=perceptual, style=style)}

  def loss(params, stats, frozen_variables, batch):
    net, logs, sketch = Bound(nets, params, stats), {}, batch['edge']
    if completes:
      completed = net('sketch_generator', *_sketch_feed(batch),
                      train=trains_sketch)
      sketch = images.composite(completed, images.known_edge(batch),
                                batch['mask'])
    if trains_sketch:
      logs |= sketch_losses(net, batch, completed)
    if fills:
      logs |= image_losses(
          net, batch, net('completion_generator',
                          _completion_feed(batch, sketch)), frozen_variables)
    return sum(logs.values()), (net.stats, logs)

  def predict(variables, batch):
    apply = lambda name, *inputs: nets[name].apply(variables[name], *inputs)
    mask, sketch, result = batch['mask'], batch['edge'], {}
    if completes:
      result['edge_prediction'] = apply('sketch_generator',
                                        *_sketch_feed(batch))
      sketch = result['edge'] = images.composite(
          result['edge_prediction'], images.known_edge(batch), mask)
    if fills:
      result['prediction'] = apply('completion_generator',
                                   _completion_feed(batch, sketch))
      result['image'] = images.composite(
          result['prediction'], batch['image'], mask)
    return result

  def feeds(batch):
    every = {'sketch_generator': _sketch_feed(batch),
             'sketch_discriminator': (
                 images.stacked(_gray(batch), batch['edge']),),
             'completion_generator': (_completion_feed(batch, batch['edge']),),
             'completion_discriminator': (batch['image'],)}
    return {name: every[name] for name in nets}

  return Stage(
      networks=nets, frozen=frozen,
      spec=InputSpec(('image', 'mask', 'edge'), divisor=1, smallest=16),
      feeds=feeds, updates=(Update(tuple(trained), loss),), predict=predict,
      fills=fills)


def _gray(batch: Batch) -> Array:
  return images.to_gray(batch['image'], images.LUMINANCE)


def _sketch_feed(batch: Batch) -> tuple[Array, Array]:
  """Returns the damaged gray image with its sketch, and what is known."""
  pair = images.stacked(_gray(batch), images.known_edge(batch))
  return images.damage(pair, batch['mask']), 1 - batch['mask']


def _completion_feed(batch: Batch, sketch: Array) -> Array:
  """Returns the damaged image, the sketch and what is known, as one array."""
  mask = batch['mask']
  return images.stacked(images.damage(batch['image'], mask), sketch, 1 - mask)
