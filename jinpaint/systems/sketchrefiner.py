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

from collections.abc import Callable
import functools

import jax
from jax import lax
import jax.numpy as jnp

from jinpaint import devices, errors, images, losses, networks
from jinpaint.stage import Bound, InputSpec, Stage, Update
from jinpaint.systems import objectives
from jinpaint.types import Array, Batch, Logs, Variables

STAGES = ('registration', 'enhancement', 'inpaint')

_PERCEPTUAL = 'ade20k_resnet50_dilated'
_CONTENT = ('relu4_2',)
_STYLE = ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1')
_GANS = ('softplus', 'hinge')
_WIDTHS = (64, 128, 256, 512)  # of the sketch encoder's features


def stage(
    name: str,
    *,
    width: float = 1.0,
    blocks: int = 9,
    modulation: str = 'spade',
    refines: bool = True,
    l1: float = 1.0,
    correlation: str = 'local',
    registration_correlation: float = 0.4,
    enhancement_correlation: float = 0.9,
    smoothness: float = 0.0,
    sparsity: float = 0.0,
    consistency: float = 0.0,
    consistency_with: str = 'image',
    gradient: float = 0.0,
    scales: tuple[int, ...] = (1,),
    gan: str = 'softplus',
    known_l1: float = 10.0,
    adversarial: float = 10.0,
    r1: float = 0.001,
    feature_matching: float = 100.0,
    perceptual: float = 30.0,
    content: float = 0.0,
    style: float = 0.0,
    style_of: str = 'image',
    pretrained: bool = True,
) -> Stage:
  """Returns a stage; the weights are those of the published example config.

  Args:
    name: one of `STAGES`.
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
    pretrained: whether there are weights for ADE20k's ResNet and VGG-19; if
      not, the last three losses are left out.
  """
  for option, value, known in (
      ('correlation', correlation, ('local', 'pearson')),
      ('consistency_with', consistency_with, ('image', 'edge')),
      ('gan', gan, _GANS), ('style_of', style_of, ('image', 'sketch'))):
    errors.check_option(option, value, known)
  if not pretrained:
    perceptual = content = style = 0.0
  create = lambda network, **options: networks.create(
      f'sketchrefiner_{network}', width=width, **options)
  nets, frozen = {}, {}
  if name != 'inpaint' or refines:
    nets['registration'] = create('registration')
  if name == 'enhancement' or (name == 'inpaint' and refines):
    nets['enhancement'] = create('enhancement')
  if name == 'inpaint':
    nets['sketch_encoder'] = create('partial_sketch_encoder')
    nets['generator'] = create('texture_restoration', blocks=blocks,
                               modulation=modulation)
    nets['discriminator'] = (
        objectives.discriminator('hinge') if gan == 'hinge' else
        networks.create('sketchrefiner_discriminator'))
    if perceptual:
      frozen[_PERCEPTUAL] = networks.create(_PERCEPTUAL)
    if content or style:
      frozen['vgg19'] = networks.create('vgg19', layers=(*_STYLE, *_CONTENT))

  sketch_losses = functools.partial(
      _sketch_losses, l1=l1, kind=correlation, smoothness=smoothness,
      correlation={'registration': registration_correlation,
                   'enhancement': enhancement_correlation}.get(name, 0.0),
      sparsity=sparsity, consistency=consistency, gradient=gradient,
      consistency_with=consistency_with, scales=scales)

  def refine(params, stats, frozen_variables, batch):
    del frozen_variables
    net = Bound(nets, params, stats)
    if name == 'registration':
      sketch = net('registration', _registration_feed(batch))
    else:
      found = jnp.clip(net('registration', _registration_feed(batch),
                           train=False), 0, 1)
      registered = _cut(found, devices.mean(jnp.mean(found)), batch)
      sketch = net('enhancement', lax.stop_gradient(registered))
    logs = sketch_losses(_with_known(jnp.clip(sketch, 0, 1), batch), batch)
    return sum(logs.values()), (net.stats, logs)

  def guide(net, batch):
    """Returns the refined sketch, soft and cut, for the inpainting network."""
    if not refines:
      sketch = _with_known(batch['sketch'], batch)
      return sketch, sketch
    return _refined(net, batch)

  def paint(net, batch, sketch, **mode):
    features = net('sketch_encoder', _encoder_feed(sketch), **mode)
    return net('generator', _generator_feed(batch), features, **mode)

  def judge(params, stats, frozen_variables, batch):
    del frozen_variables
    image = _bgr(batch['image'])
    net = Bound(nets, params, stats)
    _, sketch = guide(functools.partial(net, train=False), batch)
    # The same as in the next update: XLA computes it once.
    fake = lax.stop_gradient(paint(net, batch, sketch))

    def of_real(x):
      net = Bound(nets, params, stats)
      scores, _ = net('discriminator', x)
      return jnp.sum(scores), (scores, net.stats)

    slope, (real_scores, stats) = jax.grad(of_real, has_aux=True)(image)
    net = Bound(nets, params, stats)
    fake_scores, _ = net('discriminator', fake)
    loss = losses.ADVERSARIAL[gan]
    logs = {'discriminator_real': loss.real(real_scores),
            'discriminator_fake': (
                losses.fake_in_hole(fake_scores, batch['mask'])
                if gan == 'softplus' else loss.fake(fake_scores))}
    if r1:
      logs['r1'] = r1 * losses.gradient_penalty(slope)
    return sum(logs.values()), (net.stats, logs)

  def learn_to_paint(params, stats, frozen_variables, batch):
    net, image = Bound(nets, params, stats), _bgr(batch['image'])
    _, sketch = guide(functools.partial(net, train=False), batch)
    prediction = paint(net, batch, sketch)
    scores, fake = net('discriminator', prediction)
    logs = {'adversarial': (
        adversarial * losses.ADVERSARIAL[gan].generator(scores))}
    if known_l1:
      logs['known_l1'] = losses.masked_l1(
          prediction, image, batch['mask'], known=known_l1, missing=0.0)
    if feature_matching:
      _, real = net('discriminator', image)
      logs['feature_matching'] = feature_matching * losses.feature_matching(
          fake, real, distance=losses.l2, average=True)
    if perceptual:
      see = lambda x: frozen[_PERCEPTUAL].apply(
          frozen_variables[_PERCEPTUAL], x)
      logs['perceptual'] = perceptual * losses.perceptual(
          see(prediction), lax.stop_gradient(see(image)), distance=losses.l2)
    if content or style:
      logs |= _content_and_style(
          lambda x: frozen['vgg19'].apply(frozen_variables['vgg19'], x),
          _bgr(prediction), batch['image'],
          batch['image'] if style_of == 'image' else _encoder_feed(sketch),
          content=content, style=style)
    return sum(logs.values()), (net.stats, logs)

  def predict(variables, batch):
    net = lambda name, *inputs: nets[name].apply(variables[name], *inputs)
    if name == 'registration':
      sketch = jnp.clip(net(name, _registration_feed(batch)), 0, 1)
      return {'edge': _with_known(sketch, batch)}
    soft, sketch = guide(net, batch)
    result = {'edge': soft, 'sketch': sketch}
    if name == 'inpaint':
      result['prediction'] = _bgr(paint(net, batch, sketch))
      result['image'] = images.composite(result['prediction'], batch['image'],
                                         batch['mask'])
    return result

  def feeds(batch):
    edge, (size, *extent) = batch['edge'], batch['mask'].shape[:3]
    features = tuple(
        jnp.zeros((size, *(n // 2**i for n in extent), round(width * features)))
        for i, features in enumerate(_WIDTHS))
    every = {'registration': (_registration_feed(batch),),
             'enhancement': (edge,),
             'sketch_encoder': (_encoder_feed(edge),),
             'generator': (_generator_feed(batch), features),
             'discriminator': (batch['image'],)}
    return {name: every[name] for name in nets}

  updates = {
      'registration': (Update(('registration',), refine),),
      'enhancement': (Update(('enhancement',), refine),),
      'inpaint': (Update(('discriminator',), judge),
                  Update(('sketch_encoder', 'generator'), learn_to_paint)),
  }[name]
  return Stage(
      networks=nets, frozen=frozen,
      spec=InputSpec(('image', 'mask', 'edge', 'sketch'), divisor=8,
                     smallest=24),
      feeds=feeds, updates=updates, predict=predict, fills=name == 'inpaint',
      scores=_scores)


def _bgr(image: Array) -> Array:
  return image[..., ::-1]


def _with_known(sketch: Array, batch: Batch) -> Array:
  return images.composite(sketch, images.known_edge(batch), batch['mask'])


def _cut(soft: Array, threshold: Array, batch: Batch) -> Array:
  """Returns 0 or 1 in the hole, the known edges elsewhere."""
  return _with_known(jnp.asarray(soft > threshold, soft.dtype), batch)


def _registration_feed(batch: Batch) -> Array:
  mask = batch['mask']
  return images.stacked(images.damage(_bgr(batch['image']), mask, fill=1.0),
                        mask, _with_known(batch['sketch'], batch))


def _encoder_feed(sketch: Array) -> Array:
  return jnp.repeat(sketch, 3, axis=-1)


def _generator_feed(batch: Batch) -> Array:
  mask = batch['mask']
  return images.stacked(images.damage(_bgr(batch['image']), mask), mask)


def _refined(net: Callable[..., Array], batch: Batch) -> tuple[Array, Array]:
  """Returns the refined sketch, soft and cut, as the deployed system does."""
  of_each = lambda x: jnp.mean(x, axis=(1, 2, 3), keepdims=True)
  found = net('registration', _registration_feed(batch))
  registered = _cut(found, of_each(found), batch)
  soft = _with_known(jnp.clip(net('enhancement', registered), 0, 1), batch)
  return soft, _cut(soft, of_each(soft), batch)


def _sketch_losses(sketch, batch, *, l1, kind, correlation, smoothness,
                   sparsity, consistency, consistency_with, gradient, scales
                   ) -> Logs:
  """Returns the weighted terms of a refined sketch."""
  edge, mask = batch['edge'], batch['mask']
  reference = edge if consistency_with == 'edge' else images.to_gray(
      images.damage(batch['image'], mask, fill=1.0))
  at_scales = functools.partial(losses.multi_scale, factors=scales)
  terms = {
      'l1': (l1, lambda: at_scales(losses.l1, sketch, edge)),
      'correlation': (correlation, lambda: (
          at_scales(losses.cross_correlation, sketch, edge)
          if kind == 'local' else
          at_scales(losses.pearson, sketch, edge, mask=mask))),
      'smoothness': (smoothness, lambda: at_scales(losses.smoothness, sketch)),
      'sparsity': (sparsity, lambda: at_scales(losses.sparsity, sketch)),
      'consistency': (consistency, lambda: at_scales(
          losses.consistency, sketch, reference)),
      'gradient': (gradient, lambda: at_scales(
          losses.gradient_magnitude, sketch)),
  }
  return {name: weight * term() for name, (weight, term) in terms.items()
          if weight}


def _content_and_style(see: Callable[[Array], dict[str, Array]],
                       prediction: Array, image: Array, textures: Array, *,
                       content: float, style: float) -> Logs:
  """Returns the weighted terms 'content' and 'style' of what VGG-19 sees."""
  found, true = see(prediction), lax.stop_gradient(see(image))
  styled = true if textures is image else lax.stop_gradient(see(textures))
  pick = lambda features, layers: [features[name] for name in layers]
  logs = {}
  if content:
    logs['content'] = content * losses.perceptual(
        pick(found, _CONTENT), pick(true, _CONTENT))
  if style:
    logs['style'] = style * losses.style(
        pick(found, _STYLE), pick(styled, _STYLE),
        distance=losses.squared_frobenius)
  return logs


def _scores(variables: Variables, batch: Batch, predicted: Batch) -> Logs:
  """Returns how near to the edges a sketch is, refined and as it was drawn."""
  del variables
  edge, hole = batch['edge'], jnp.sum(batch['mask'], axis=(1, 2, 3))
  correlation = jax.vmap(lambda a, b: -losses.cross_correlation(
      a[None], b[None]))
  found = {}
  for which, sketch in (('refined', predicted['edge']),
                        ('drawn', _with_known(batch['sketch'], batch))):
    missed = batch['mask'] * jnp.abs(sketch - edge)
    found[f'{which}_correlation'] = correlation(sketch, edge)
    found[f'{which}_l1'] = jnp.sum(missed, axis=(1, 2, 3)) / hole
  return found
