"""SketchRefiner: a drawn sketch is refined, then leads the inpainting.

Chang Liu, Shunxin Xu, Jialun Peng, Kaidong Zhang and Dong Liu, 2023,
arXiv:2306.00407, "Towards Interactive Image Inpainting via Sketch Refinement",
with the networks of `jinpaint.networks.sketchrefiner`:

| stage          | trains                            | from                    |
|----------------|-----------------------------------|-------------------------|
| `registration` | the registration module           | damaged image and       |
|                |                                   | sketch                  |
| `enhancement`  | the enhancement module            | the registered sketch   |
| `inpaint`      | sketch encoder, inpainting        | damaged image and       |
|                | network and discriminator         | refined sketch          |

What follows the published code, where the paper is not at hand:
- all networks read and paint BGR, the perceptual loss too, whose ResNet and
  normalisation are meant for RGB;
- holes are white for the registration module, black for the inpainting network;
- the registered sketch is cut at its mean, the enhanced one again: in training
  of the enhancement at that of the whole batch, clamped to [0, 1], else at each
  image's own, not clamped;
- edges, within [0, 1] and maybe soft where they are found, are expected to be 0
  or 1 (`data.edge_cut`); sketches are soft in training and 0 or 1 when drawn;
- the inpainting network has no loss by pixels in the hole, and none of its
  losses sees the composite;
- the discriminator moves first; the other losses are those of the moved one.
Where this follows neither: sketches for the `inpaint` stage are refined on the
way, by the modules of earlier runs, not read from files that were written
before (`refines=False` takes sketches as they come).

A summary of the paper that circulates describes another design. Its terms are
options here, as the preset `summary` of configs/sketchrefiner.py; what it
leaves open is settled in `stage`.
"""

import dataclasses
import functools
from typing import Any

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from jinpaint import devices, errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.stage import Measure, Predict, Sizes, Stage, Update
from jinpaint.systems.shared import objectives
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('registration', 'enhancement', 'inpaint')

_PERCEPTUAL = 'ade20k_resnet50_dilated'
_CONTENT = ('relu4_2',)
_STYLE = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1')
_SIZES = Sizes(divisor=8, smallest=24)


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of the published example config.

  Attributes:
    width: share of the published channels, for small runs.
    blocks: residual blocks of the inpainting network.
    modulation: how the sketch steers the inpainting network: 'spade' or
      'adain', whose style is the sketch encoder's, too.
    refines: whether the `inpaint` stage refines sketches; it then needs the
      modules that refine.
    l1: weight of the L1 loss; sketch.
    correlation: 'local', of 9 x 9 windows, or 'pearson', of all the hole.
    registration_correlation: its weight in the `registration` stage.
    enhancement_correlation: its weight in the `enhancement` stage.
    smoothness: weight of the mean |Laplacian|; sketch.
    sparsity: weight of the mean; sketch.
    consistency: weight of the sketch where there is none; sketch.
    consistency_with: where that is: 'image', at dark known pixels, as the
      summary has it, or 'edge', where the image has no edge.
    gradient: weight of the mean gradient; sketch.
    scales: by what each sketch loss makes maps smaller; the mean counts.
    gan: 'softplus', with batch norms, for which known pixels of a prediction
      count as real, or 'hinge', with spectral norms.
    known_l1: weight of the L1 loss of known pixels; image.
    adversarial: weight of the adversarial loss; image.
    r1: weight of the penalty on the discriminator's gradient; image.
    feature_matching: weight of the discriminator's features; image.
    perceptual: weight of the loss by ADE20k's ResNet; image.
    content: weight of the L1 loss of VGG-19's relu4_2; image.
    style: weight of the squared differences of the Gram matrices of VGG-19's
      relu1_1 to relu5_1; image.
    style_of: 'image', or 'sketch' as the summary has it, which asks for a
      photograph with the textures of a line drawing.
  """

  width: float = 1.0
  blocks: int = 9
  modulation: str = 'spade'
  refines: bool = True
  l1: float = 1.0
  correlation: str = 'local'
  registration_correlation: float = 0.4
  enhancement_correlation: float = 0.9
  smoothness: float = 0.0
  sparsity: float = 0.0
  consistency: float = 0.0
  consistency_with: str = 'image'
  gradient: float = 0.0
  scales: tuple[int, ...] = (1,)
  gan: str = 'softplus'
  known_l1: float = 10.0
  adversarial: float = 10.0
  r1: float = 0.001
  feature_matching: float = 100.0
  perceptual: float = loss_weight(30.0, needs=_PERCEPTUAL)
  content: float = loss_weight(0.0, needs='vgg19')
  style: float = loss_weight(0.0, needs='vgg19')
  style_of: str = 'image'

  def __post_init__(self) -> None:
    for option, known in (('correlation', ('local', 'pearson')),
                          ('consistency_with', ('image', 'edge')),
                          ('gan', ('softplus', 'hinge')),
                          ('style_of', ('image', 'sketch'))):
      errors.check_option(option, getattr(self, option), known)


def stage(name: str, options: Options) -> Stage:
  """Returns one of `STAGES`."""
  return {'registration': _registration, 'enhancement': _enhancement,
          'inpaint': _inpaint}[name](options)


def _registration(options: Options) -> Stage:
  def terms(nets: Nets, batch: Batch) -> Terms:
    sketch = jnp.clip(nets('registration', _registration_input(batch)), 0, 1)
    return _sketch_terms(_with_known(sketch, batch), batch, options,
                         options.registration_correlation)

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    return {'edge': jnp.clip(
        nets('registration', _registration_input(batch)), 0, 1)}

  return _refining_stage(
      {'registration': _create('registration', options)},
      Update(('registration',), terms), predict, makes=('edge',))


def _enhancement(options: Options) -> Stage:
  def terms(nets: Nets, batch: Batch) -> Terms:
    registered = jnp.clip(
        nets('registration', _registration_input(batch)), 0, 1)
    registered = _cut(registered, devices.mean(jnp.mean(registered)), batch)
    sketch = nets('enhancement', lax.stop_gradient(registered))
    return _sketch_terms(_with_known(jnp.clip(sketch, 0, 1), batch), batch,
                         options, options.enhancement_correlation)

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    soft, sketch = refine(nets, batch)
    return {'edge': soft, 'sketch': sketch}

  return _refining_stage(
      {name: _create(name, options)
       for name in ('registration', 'enhancement')},
      Update(('enhancement',), terms), predict, makes=('edge', 'sketch'))


def _refining_stage(networks_: dict[str, nn.Module], update: Update,
                    predict: Predict, makes: tuple[str, ...]) -> Stage:
  """Returns a stage that learns to refine sketches."""
  return Stage(
      networks=networks_, published={},
      learns_from=('image', 'mask', 'true_edge', 'known_edge', 'sketch'),
      predicts_from=('image', 'mask', 'known_edge', 'sketch'),
      sizes=_SIZES, updates=(update,), predict=predict, makes=makes,
      measures=_measures())


def _inpaint(options: Options) -> Stage:
  networks_ = {}
  if options.refines:
    networks_ = {name: _create(name, options)
                 for name in ('registration', 'enhancement')}
  networks_['sketch_encoder'] = _create('partial_sketch_encoder', options)
  networks_['generator'] = _create(
      'texture_restoration', options, blocks=options.blocks,
      modulation=options.modulation)
  networks_['discriminator'] = (
      objectives.discriminator('hinge') if options.gan == 'hinge' else
      networks.create('sketchrefiner_discriminator'))
  published = {}
  if options.perceptual:
    published[_PERCEPTUAL] = networks.create(_PERCEPTUAL)
  if options.content or options.style:
    published['vgg19'] = networks.create('vgg19', layers=(*_STYLE, *_CONTENT))

  def guide(nets: Nets, batch: Batch) -> tuple[Array, Array]:
    """Returns the sketch that leads the filling, soft and cut."""
    if options.refines:
      return refine(nets, batch)
    return (_with_known(batch['sketch'], batch),) * 2

  def paint(nets: Nets, batch: Batch, sketch: Array) -> Array:
    """Returns the prediction, in BGR."""
    features = nets('sketch_encoder', _encoder_input(sketch))
    return nets('generator', _generator_input(batch), features)

  def discriminator_terms(nets: Nets, batch: Batch) -> Terms:
    # The generator's pass of the next update: XLA computes it once.
    painters = nets.fork()
    _, sketch = guide(painters, batch)
    return objectives.penalised_discriminator(
        nets, 'discriminator', _bgr(batch['image']),
        paint(painters, batch, sketch), gan=options.gan, r1=options.r1,
        mask=batch['mask'] if options.gan == 'softplus' else None)

  def generator_terms(nets: Nets, batch: Batch) -> Terms:
    image = _bgr(batch['image'])
    _, sketch = guide(nets, batch)
    prediction = paint(nets, batch, sketch)
    scores, fake = nets('discriminator', prediction)
    terms = {'adversarial': (
        options.adversarial
        * losses.ADVERSARIAL[options.gan].generator(scores))}
    if options.known_l1:
      terms['known_l1'] = losses.masked_l1(
          prediction, image, batch['mask'], known=options.known_l1,
          missing=0.0)
    if options.feature_matching:
      _, real = nets('discriminator', image)
      terms['feature_matching'] = (
          options.feature_matching * losses.feature_matching(
              fake, real, distance=losses.l2, average=True))
    if options.perceptual:
      terms['perceptual'] = options.perceptual * losses.perceptual(
          nets(_PERCEPTUAL, prediction),
          lax.stop_gradient(nets(_PERCEPTUAL, image)), distance=losses.l2)
    return terms | _content_and_style_terms(
        nets, _bgr(prediction), batch['image'], sketch, options)

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    soft, sketch = guide(nets, batch)
    return {'edge': soft, 'sketch': sketch,
            'image': _bgr(paint(nets, batch, sketch))}

  keys = ('image', 'mask', 'known_edge', 'sketch')
  return Stage(
      networks=networks_, published=published, learns_from=keys,
      predicts_from=keys, sizes=_SIZES,
      updates=(Update(('discriminator',), discriminator_terms),
               Update(('sketch_encoder', 'generator'), generator_terms)),
      predict=predict, makes=('edge', 'sketch', 'image'), measures=_measures())


def _create(network: str, options: Options, **more: Any) -> nn.Module:
  return networks.create(f'sketchrefiner_{network}', width=options.width,
                         **more)


def _bgr(image: Array) -> Array:
  """Returns RGB as BGR, and back."""
  return image[..., ::-1]


def _with_known(sketch: Array, batch: Batch) -> Array:
  return images.composite(sketch, batch['known_edge'], batch['mask'])


def _cut(soft: Array, threshold: Array, batch: Batch) -> Array:
  """Returns 0 or 1 in the hole, the known edges elsewhere."""
  return _with_known(jnp.asarray(soft > threshold, soft.dtype), batch)


def _registration_input(batch: Batch) -> Array:
  mask = batch['mask']
  return images.stacked(images.damage(_bgr(batch['image']), mask, fill=1.0),
                        mask, _with_known(batch['sketch'], batch))


def _encoder_input(sketch: Array) -> Array:
  return jnp.repeat(sketch, 3, axis=-1)


def _generator_input(batch: Batch) -> Array:
  mask = batch['mask']
  return images.stacked(images.damage(_bgr(batch['image']), mask), mask)


def refine(nets: Nets, batch: Batch) -> tuple[Array, Array]:
  """Returns the refined sketch, soft and cut, as the deployed system does.

  Args:
    nets: with the registration and the enhancement module.
    batch: with image, mask, known edges and sketch.

  Returns:
    Two maps (B, H, W, 1), the first in [0, 1], the second 0 or 1 in the hole.
  """
  mean_of_each = lambda x: jnp.mean(x, axis=(1, 2, 3), keepdims=True)
  registered = nets('registration', _registration_input(batch))
  registered = _cut(registered, mean_of_each(registered), batch)
  soft = _with_known(jnp.clip(nets('enhancement', registered), 0, 1), batch)
  return soft, _cut(soft, mean_of_each(soft), batch)


def _sketch_terms(sketch: Array, batch: Batch, options: Options,
                  correlation: float) -> Terms:
  """Returns the weighted terms of a refined sketch.

  Args:
    sketch: with the known edges put back.
    batch: with the true edges.
    options: the other weights.
    correlation: weight of the correlation.
  """
  edge, mask = batch['true_edge'], batch['mask']
  reference = edge if options.consistency_with == 'edge' else images.to_gray(
      images.damage(batch['image'], mask, fill=1.0))
  at_scales = functools.partial(losses.multi_scale, factors=options.scales)
  terms = {
      'l1': (options.l1, lambda: at_scales(losses.l1, sketch, edge)),
      'correlation': (correlation, lambda: (
          at_scales(losses.cross_correlation, sketch, edge)
          if options.correlation == 'local' else
          at_scales(losses.pearson, sketch, edge, mask=mask))),
      'smoothness': (options.smoothness, lambda: at_scales(
          losses.smoothness, sketch)),
      'sparsity': (options.sparsity, lambda: at_scales(
          losses.sparsity, sketch)),
      'consistency': (options.consistency, lambda: at_scales(
          losses.consistency, sketch, reference)),
      'gradient': (options.gradient, lambda: at_scales(
          losses.gradient_magnitude, sketch)),
  }
  return {name: weight * term() for name, (weight, term) in terms.items()
          if weight}


def _content_and_style_terms(nets: Nets, prediction: Array, image: Array,
                             sketch: Array, options: Options) -> Terms:
  """Returns the weighted terms 'content' and 'style' of VGG-19's features."""
  terms: dict[str, Array] = {}
  if not (options.content or options.style):
    return terms
  predicted = nets('vgg19', prediction)
  true = lax.stop_gradient(nets('vgg19', image))
  if options.content:
    terms['content'] = options.content * losses.perceptual(
        *(objectives.chosen(x, _CONTENT) for x in (predicted, true)))
  if options.style:
    styled = true
    if options.style_of == 'sketch':
      styled = lax.stop_gradient(nets('vgg19', _encoder_input(sketch)))
    terms['style'] = options.style * losses.style(
        *(objectives.chosen(x, _STYLE) for x in (predicted, styled)),
        distance=losses.squared_frobenius)
  return terms


def _correlation(sketch: Array, batch: Batch) -> Array:
  one = lambda a, b: -losses.cross_correlation(a[None], b[None])
  return jax.vmap(one)(sketch, batch['true_edge'])


def _l1_in_hole(sketch: Array, batch: Batch) -> Array:
  missed = batch['mask'] * jnp.abs(sketch - batch['true_edge'])
  return (jnp.sum(missed, axis=(1, 2, 3))
          / jnp.sum(batch['mask'], axis=(1, 2, 3)))


def _measures() -> dict[str, Measure]:
  """Returns how near to the edges a sketch is, refined and as it was drawn."""
  def measure(which: str, key: str) -> Measure:
    name, better, distance, definition = _DISTANCES[key]
    return Measure(
        f'{name}, {which}', definition,
        lambda nets, batch, completed: distance(
            completed['edge'] if which == 'refined' else
            _with_known(batch['sketch'], batch), batch), better)
  return {f'{which}_{key}': measure(which, key)
          for key in _DISTANCES for which in ('refined', 'drawn')}


_DISTANCES = {
    'correlation': (
        'CC', 'higher', _correlation, 'mean squared correlation of sketch and '
        'edge in windows of 9 x 9 pixels, known edges around the hole included'
    ),
    'l1': ('L1', 'lower', _l1_in_hole, 'mean |sketch - edge| in the hole')}
