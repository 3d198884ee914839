"""Edges first, then the image: the stages of EdgeConnect and InpaintGAN.

Kamyar Nazeri et al., 2019, arXiv:1901.00212, "EdgeConnect: Generative Image
Inpainting with Adversarial Edge Learning", section 3. One network continues the
known edges inside the hole, a second one fills the hole along them:

| stage          | trains                   | edges that the image follows     |
|----------------|--------------------------|----------------------------------|
| `edge`         | the edge network         | (there is no image)              |
| `inpaint`      | the inpainting network   | the true ones, in the hole too   |
| `edge_inpaint` | the inpainting network   | known ones, completed            |
| `joint`        | both; the image's losses | known ones, completed            |
|                | reach the edge network   |                                  |

Where this follows the published code instead of the paper:
- holes are filled with white, not with zeros;
- the discriminator of images is not shown the edges;
- the L1 loss runs over the whole image and is divided by the batch's share of
  hole pixels; the style loss sees the holes only, the perceptual loss all;
- VGG-19 is fed RGB in [0, 1] without ImageNet's mean and deviation;
- edges are soft wherever a network reads them, never cut at a threshold.
Where this follows neither: the published `joint` stage cannot run; here the
edge network's gradient is the sum of its own losses' and the image's.
"""

import dataclasses
import functools

from flax import linen as nn
import jax.numpy as jnp

from jinpaint import errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.stage import Measure, Sizes, Stage, Update
from jinpaint.systems.shared import objectives
from jinpaint.systems.shared.options import loss_weight
from jinpaint.types import Array, Batch, Terms

STAGES = ('edge', 'inpaint', 'edge_inpaint', 'joint')

_D_GRAD_MODES = ('clean', 'inpaintgan')


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of EdgeConnect's example config.

  Attributes:
    edge_generator: the edge network's registered name.
    merge_edges: whether the trained system puts the known edges back before the
      inpainting network reads them, as all training does.
    width: share of the published generators' channels, for small runs.
    blocks: residual blocks of the generators.
    gan: the adversarial loss: 'nsgan', 'lsgan' (both of probabilities) or
      'hinge'.
    feature_matching: weight of the discriminator's features; edges.
    spatially_variant: weight of InpaintGAN's SVR loss; edges.
    l1: weight of the L1 loss; image.
    style: weight of the style loss; image.
    perceptual: weight of the perceptual (content) loss; image.
    adversarial: weight of the adversarial loss; image. That of edges is 1.
    d_grad_mode: 'clean': a discriminator learns from its own loss. 'inpaintgan'
      adds the gradient of the generator's loss, which InpaintGAN's published
      code never clears.
  """

  edge_generator: str = 'edgeconnect_edge_generator'
  merge_edges: bool = False
  width: float = 1.0
  blocks: int = 8
  gan: str = 'nsgan'
  feature_matching: float = 10.0
  spatially_variant: float = 0.0
  l1: float = 1.0
  style: float = loss_weight(250.0, needs='vgg19')
  perceptual: float = loss_weight(0.1, needs='vgg19')
  adversarial: float = 0.1
  d_grad_mode: str = 'clean'

  def __post_init__(self) -> None:
    errors.check_option('gan', self.gan, objectives.GANS)
    errors.check_option('d_grad_mode', self.d_grad_mode, _D_GRAD_MODES)


def stage(name: str, options: Options) -> Stage:
  """Returns one of `STAGES`."""
  completes, trains_edges = name != 'inpaint', name in ('edge', 'joint')
  fills = name != 'edge'

  discriminator = objectives.discriminator(options.gan)
  networks_: dict[str, nn.Module] = {}
  trained, published = [], {}
  if completes:
    networks_['edge_generator'] = _generator(options.edge_generator, options)
  if trains_edges:
    networks_['edge_discriminator'] = discriminator
    trained += ['edge_generator', 'edge_discriminator']
  if fills:
    networks_['inpaint_generator'] = _generator(
        'edgeconnect_inpaint_generator', options)
    networks_['inpaint_discriminator'] = discriminator
    trained += ['inpaint_generator', 'inpaint_discriminator']
    published = objectives.vgg19(options.style, options.perceptual)

  def terms(nets: Nets, batch: Batch) -> Terms:
    terms: Terms = {}
    edge = batch['true_edge']
    if completes:
      completed = complete_edges(nets, batch)
      edge = images.composite(completed, batch['known_edge'], batch['mask'])
    if trains_edges:
      terms |= _edge_terms(nets, batch, completed, options)
    if fills:
      terms |= _image_terms(nets, batch, paint(nets, batch, edge), options)
    return terms

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    predictions = {}
    if completes:
      edge = predictions['edge'] = complete_edges(nets, batch)
      if options.merge_edges:
        edge = images.composite(edge, batch['known_edge'], batch['mask'])
    else:
      edge = batch['true_edge']
    if fills:
      predictions['image'] = paint(nets, batch, edge)
    return predictions

  def complete_edges(nets: Nets, batch: Batch) -> Array:
    return nets('edge_generator', *_edge_inputs(options.edge_generator, batch))

  def paint(nets: Nets, batch: Batch, edge: Array) -> Array:
    return nets('inpaint_generator', images.stacked(
        images.damage(batch['image'], batch['mask'], fill=1.0), edge))

  return Stage(
      networks=networks_, published=published,
      learns_from=('image', 'mask', 'true_edge', 'known_edge'),
      predicts_from=('image', 'mask',
                     'known_edge' if completes else 'true_edge'),
      sizes=Sizes(divisor=max(
          network.divisor for name, network in networks_.items()
          if name.endswith('generator'))),
      updates=(Update(tuple(trained), terms),), predict=predict,
      makes=(*(('edge',) if completes else ()),
             *(('image',) if fills else ())),
      measures=_measures(options) if trains_edges else {})


def _edge_terms(nets: Nets, batch: Batch, prediction: Array, options: Options
                ) -> Terms:
  """Returns the terms of completed edges, before known ones are put back."""
  gray, edge = _gray(batch), batch['true_edge']
  verdict = _judge(options)(
      nets, 'edge_discriminator', images.stacked(gray, edge),
      images.stacked(gray, prediction))
  terms = {'edge_discriminator': verdict.own,
           'edge_adversarial': verdict.fooled}
  if options.feature_matching:
    terms['feature_matching'] = (
        options.feature_matching * losses.feature_matching(
            verdict.fake, verdict.real))
  if options.spatially_variant:
    terms['spatially_variant'] = (
        options.spatially_variant * losses.spatially_variant(
            prediction, edge, batch['mask']))
  return terms


def _image_terms(nets: Nets, batch: Batch, prediction: Array, options: Options
                 ) -> Terms:
  image, mask = batch['image'], batch['mask']
  verdict = _judge(options)(nets, 'inpaint_discriminator', image, prediction)
  return {
      'inpaint_discriminator': verdict.own,
      'inpaint_adversarial': options.adversarial * verdict.fooled,
      'l1': options.l1 * losses.l1_per_hole(prediction, image, mask),
      **objectives.perceptual_and_style(
          nets, prediction, image, perceptual=options.perceptual,
          style=options.style, style_mask=mask)}


def _judge(options: Options) -> functools.partial[objectives.Verdict]:
  return functools.partial(objectives.judge, gan=options.gan,
                           learn=options.d_grad_mode == 'inpaintgan')


def _measures(options: Options) -> dict[str, Measure]:
  """Returns the distance of the edge discriminator's features, as a measure."""
  if not options.feature_matching:
    return {}

  def distance(nets: Nets, batch: Batch, completed: Batch) -> Array:
    (_, real), (_, fake) = (
        nets('edge_discriminator', images.stacked(_gray(batch), edge))
        for edge in (batch['true_edge'], completed['raw_edge']))
    return options.feature_matching * jnp.sum(jnp.stack([
        jnp.mean(jnp.abs(a - b), axis=(1, 2, 3))
        for a, b in zip(fake, real, strict=True)]), axis=0)

  return {'feature_matching': Measure(
      'FM', "distance of the discriminator's features, with its weight as in "
      'training', distance, better='lower')}


def _generator(name: str, options: Options) -> nn.Module:
  if name == 'inpaintgan_effunet_edge_generator':  # it has other blocks, 16
    return networks.create(name, width=options.width, depth=options.blocks / 8)
  widths = tuple(round(channels * options.width) for channels in (64, 128, 256))
  return networks.create(name, widths=widths, blocks=options.blocks)


def _gray(batch: Batch) -> Array:
  return images.to_gray(batch['image'], images.LUMINANCE)


def _edge_inputs(edge_generator: str, batch: Batch) -> tuple[Array, ...]:
  """Returns the damaged gray image, the known edges and the mask."""
  mask = batch['mask']
  gray = images.damage(_gray(batch), mask, fill=1.0)
  edge = images.damage(batch['known_edge'], mask)
  if edge_generator.startswith('inpaintgan_egc'):  # reads the mask apart
    return images.stacked(gray, edge), mask
  return (images.stacked(gray, edge, mask),)
