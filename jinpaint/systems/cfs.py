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

import dataclasses

from jinpaint import errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.systems.shared import objectives
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('sketch', 'completion', 'completion_true_sketch', 'joint')


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of the published code.

  Attributes:
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
  """

  blocks: int = 8
  sketch_blocks: int = 4
  width: float = 1.0
  gan: str = 'hinge'
  sketch_adversarial: float = 1.0
  sketch_feature_matching: float = 10.0
  l1: float = 1.0
  adversarial: float = 0.1
  feature_matching: float = 10.0
  perceptual: float = loss_weight(0.1, needs='vgg19')
  style: float = loss_weight(250.0, needs='vgg19')

  def __post_init__(self) -> None:
    errors.check_option('gan', self.gan, objectives.GANS)


def stage(name: str, options: Options) -> Stage:
  """Returns one of `STAGES`."""
  completes = name != 'completion_true_sketch'
  trains_sketch, fills = name in ('sketch', 'joint'), name != 'sketch'
  networks_, trained, published = {}, [], {}
  if completes:
    networks_['sketch_generator'] = networks.create(
        'cfs_sketch_generator', blocks=options.sketch_blocks,
        width=options.width)
  if trains_sketch:
    networks_['sketch_discriminator'] = objectives.discriminator(options.gan)
    trained += ['sketch_generator', 'sketch_discriminator']
  if fills:
    networks_['completion_generator'] = networks.create(
        'cfs_completion_generator', blocks=options.blocks, width=options.width)
    networks_['completion_discriminator'] = objectives.discriminator(
        options.gan)
    trained += ['completion_generator', 'completion_discriminator']
    published = objectives.vgg19(options.perceptual, options.style)

  def terms(nets: Nets, batch: Batch) -> Terms:
    terms: Terms = {}
    sketch = batch['true_edge']
    if completes:
      completed = nets('sketch_generator', *_sketch_inputs(batch))
      sketch = images.composite(completed, batch['known_edge'], batch['mask'])
    if trains_sketch:
      terms |= _sketch_terms(nets, batch, completed, options)
    if fills:
      prediction = nets('completion_generator',
                        _completion_input(batch, sketch))
      terms |= _image_terms(nets, batch, prediction, options)
    return terms

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    predictions = {}
    if completes:
      predictions['edge'] = nets('sketch_generator', *_sketch_inputs(batch))
      sketch = images.composite(predictions['edge'], batch['known_edge'],
                                batch['mask'])
    else:
      sketch = batch['true_edge']
    if fills:
      predictions['image'] = nets('completion_generator',
                                  _completion_input(batch, sketch))
    return predictions

  return Stage(
      networks=networks_, published=published,
      learns_from=('image', 'mask', 'true_edge', 'known_edge'),
      predicts_from=('image', 'mask',
                     'known_edge' if completes else 'true_edge'),
      # The four convolutions of an encoder leave nothing of smaller images.
      sizes=Sizes(smallest=14 if completes else 7),
      updates=(Update(tuple(trained), terms),), predict=predict,
      makes=(*(('edge',) if completes else ()),
             *(('image',) if fills else ())))


def _sketch_terms(nets: Nets, batch: Batch, prediction: Array,
                  options: Options) -> Terms:
  gray = _gray(batch)
  verdict = objectives.judge(
      nets, 'sketch_discriminator', images.stacked(gray, batch['true_edge']),
      images.stacked(gray, prediction), gan=options.gan)
  return {'sketch_discriminator': verdict.own,
          'sketch_adversarial': options.sketch_adversarial * verdict.fooled,
          'sketch_feature_matching': (
              options.sketch_feature_matching * losses.feature_matching(
                  verdict.fake, verdict.real))}


def _image_terms(nets: Nets, batch: Batch, prediction: Array, options: Options
                 ) -> Terms:
  image = batch['image']
  verdict = objectives.judge(
      nets, 'completion_discriminator', image, prediction, gan=options.gan)
  return {
      'completion_discriminator': verdict.own,
      'completion_adversarial': options.adversarial * verdict.fooled,
      'feature_matching': options.feature_matching * losses.feature_matching(
          verdict.fake, verdict.real),
      'l1': options.l1 * losses.l1_per_hole(prediction, image, batch['mask']),
      **objectives.perceptual_and_style(
          nets, prediction, image, perceptual=options.perceptual,
          style=options.style)}


def _gray(batch: Batch) -> Array:
  return images.to_gray(batch['image'], images.LUMINANCE)


def _sketch_inputs(batch: Batch) -> tuple[Array, Array]:
  """Returns the damaged gray image with its sketch, and what is known."""
  pair = images.stacked(_gray(batch), batch['known_edge'])
  return images.damage(pair, batch['mask']), 1 - batch['mask']


def _completion_input(batch: Batch, sketch: Array) -> Array:
  """Returns the damaged image, the sketch and what is known, as one array."""
  mask = batch['mask']
  return images.stacked(images.damage(batch['image'], mask), sketch, 1 - mask)
