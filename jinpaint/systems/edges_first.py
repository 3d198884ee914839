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

import functools

import jax.numpy as jnp

from jinpaint import errors, images, losses, networks
from jinpaint.stage import Bound, InputSpec, Stage, Update
from jinpaint.systems import objectives
from jinpaint.types import Array, Batch

STAGES = ('edge', 'inpaint', 'edge_inpaint', 'joint')

_D_GRAD_MODES = ('clean', 'inpaintgan')


def stage(
    name: str,
    *,
    edge_generator: str,
    merge_edges: bool,
    width: float = 1.0,
    blocks: int = 8,
    gan: str = 'nsgan',
    feature_matching: float = 10.0,
    spatially_variant: float = 0.0,
    l1: float = 1.0,
    style: float = 250.0,
    perceptual: float = 0.1,
    adversarial: float = 0.1,
    d_grad_mode: str = 'clean',
    pretrained: bool = True,
) -> Stage:
  """Returns a stage; the weights are those of EdgeConnect's example config.

  Args:
    name: one of `STAGES`.
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
    pretrained: whether there are weights for VGG-19; if not, the style and the
      perceptual loss are left out.
  """
  errors.check_option('d_grad_mode', d_grad_mode, _D_GRAD_MODES)
  if not pretrained:
    style = perceptual = 0.0
  completes, trains_edges = name != 'inpaint', name in ('edge', 'joint')
  fills = name != 'edge'

  discriminator = objectives.discriminator(gan)
  nets, trained, frozen = {}, [], {}
  if completes:
    nets['edge_generator'] = _generator(edge_generator, width, blocks)
  if trains_edges:
    nets['edge_discriminator'] = discriminator
    trained += ['edge_generator', 'edge_discriminator']
  if fills:
    nets['inpaint_generator'] = _generator(
        'edgeconnect_inpaint_generator', width, blocks)
    nets['inpaint_discriminator'] = discriminator
    trained += ['inpaint_generator', 'inpaint_discriminator']
    if style or perceptual:
      frozen['vgg19'] = objectives.vgg19()
  edge_feed = (_separate_mask if edge_generator.startswith('inpaintgan_egc')
               else _one_array)

  judge = functools.partial(objectives.judge, gan=gan,
                            learn=d_grad_mode == 'inpaintgan')

  def edge_losses(net, batch, prediction):
    gray, edge = _gray(batch), batch['edge']
    verdict = judge(net, 'edge_discriminator', images.stacked(gray, edge),
                    images.stacked(gray, prediction))
    logs = {'edge_discriminator': verdict.own,
            'edge_adversarial': verdict.fooled}
    if feature_matching:
      logs['feature_matching'] = feature_matching * losses.feature_matching(
          verdict.fake, verdict.real)
    if spatially_variant:
      logs['spatially_variant'] = spatially_variant * losses.spatially_variant(
          prediction, edge, batch['mask'])
    return logs

  def image_losses(net, batch, prediction, frozen_variables):
    image, mask = batch['image'], batch['mask']
    verdict = judge(net, 'inpaint_discriminator', image, prediction)
    return {'inpaint_discriminator': verdict.own,
            'inpaint_adversarial': adversarial * verdict.fooled,
            'l1': l1 * losses.l1_per_hole(prediction, image, mask),
            **objectives.perceptual_and_style(
                frozen_variables.get('vgg19'), prediction, image,
                perceptual=perceptual, style=style, style_mask=mask)}

  def loss(params, stats, frozen_variables, batch):
    net, logs, edge = Bound(nets, params, stats), {}, batch['edge']
    if completes:
      completed = net('edge_generator', *edge_feed(*_edge_inputs(batch)),
                      train=trains_edges)
      edge = images.composite(completed, images.known_edge(batch),
                              batch['mask'])
    if trains_edges:
      logs |= edge_losses(net, batch, completed)
    if fills:
      logs |= image_losses(
          net, batch, net('inpaint_generator', _inpaint_feed(batch, edge)),
          frozen_variables)
    return sum(logs.values()), (net.stats, logs)

  def predict(variables, batch):
    apply = lambda name, *inputs: nets[name].apply(variables[name], *inputs)
    mask, edge, result = batch['mask'], batch['edge'], {}
    if completes:
      inputs = _edge_inputs(batch)
      completed = apply('edge_generator', *edge_feed(*inputs))
      _, known, _ = inputs
      result['edge'] = images.composite(completed, known, mask)
      result['edge_prediction'] = completed
      edge = result['edge'] if merge_edges else completed
    if fills:
      result['prediction'] = apply('inpaint_generator',
                                   _inpaint_feed(batch, edge))
      result['image'] = images.composite(
          result['prediction'], batch['image'], mask)
    return result

  def scores(variables, batch, predicted):
    if not (trains_edges and feature_matching):
      return {}
    gray = _gray(batch)
    _, (real, fake) = zip(*(
        discriminator.apply(variables['edge_discriminator'],
                            images.stacked(gray, edge))
        for edge in (batch['edge'], predicted['edge_prediction'])), strict=True)
    distance = lambda a, b: jnp.mean(jnp.abs(a - b), axis=(1, 2, 3))
    return {'feature_matching': feature_matching * sum(
        distance(a, b) for a, b in zip(fake, real, strict=True))}

  def feeds(batch):
    gray, edge, mask = _edge_inputs(batch)
    every = {'edge_generator': edge_feed(gray, edge, mask),
             'edge_discriminator': (images.stacked(gray, edge),),
             'inpaint_generator': (_inpaint_feed(batch, edge),),
             'inpaint_discriminator': (batch['image'],)}
    return {name: every[name] for name in nets}

  return Stage(
      networks=nets, frozen=frozen,
      spec=InputSpec(('image', 'mask', 'edge'), divisor=max(
          net.divisor for name, net in nets.items()
          if name.endswith('generator'))),
      feeds=feeds, updates=(Update(tuple(trained), loss),), predict=predict,
      fills=fills, scores=scores)


def _generator(name, width, blocks):
  if name == 'inpaintgan_effunet_edge_generator':  # has other blocks, 16
    return networks.create(name, width=width, depth=blocks / 8)
  widths = tuple(round(channels * width) for channels in (64, 128, 256))
  return networks.create(name, widths=widths, blocks=blocks)


def _gray(batch: Batch) -> Array:
  return images.to_gray(batch['image'], images.LUMINANCE)


def _edge_inputs(batch: Batch) -> tuple[Array, Array, Array]:
  """Returns the damaged gray image, the known edges and the mask."""
  mask = batch['mask']
  return (images.damage(_gray(batch), mask, fill=1.0),
          images.damage(images.known_edge(batch), mask), mask)


def _inpaint_feed(batch: Batch, edge: Array) -> Array:
  return images.stacked(
      images.damage(batch['image'], batch['mask'], fill=1.0), edge)


def _one_array(gray: Array, edge: Array, mask: Array) -> tuple[Array]:
  return (images.stacked(gray, edge, mask),)


def _separate_mask(gray: Array, edge: Array, mask: Array
                   ) -> tuple[Array, Array]:
  return images.stacked(gray, edge), mask
