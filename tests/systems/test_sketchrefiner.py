"""SketchRefiner computes what the published code computes."""

import functools
import json

import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stage_steps import gradients_of, predict_of, terms_of

import jinpaint
from jinpaint import losses, networks, systems, training
from jinpaint.converters import sketchrefiner as converters
from jinpaint.converters import torch_layout
from jinpaint.layers.fourier_conv import (
    FourierBlock,
    FourierUnit,
    SpectralTransform,
)
from jinpaint.layers.spade import SPADE
from jinpaint.nets import Nets


@pytest.mark.parametrize(('part', 'expected'), [
    ('registration', 1_818_804), ('enhancement', 6_087_681),
    ('partial_sketch_encoder', 22_577_284),
    ('texture_restoration', 33_244_227), ('discriminator', 6_962_369)])
def test_networks_have_the_published_number_of_parameters(part, expected):
  assert networks.parameters(f'sketchrefiner_{part}') == expected


# --- numbers of the published code, from weights by another recipe ---


def uniform(seed, *shape):
  """Returns (B, H, W, C) numbers, drawn in PyTorch's order."""
  made = np.random.RandomState(seed).rand(*shape).astype(np.float32)
  return made.transpose(0, 2, 3, 1)


def cut(x, threshold):
  return (x > threshold).astype(np.float32)


@functools.cache
def state_dict(part):
  """Returns the weights that those numbers were computed from."""
  manifest = json.loads(
      (golden_files.FOLDER / f'sketchrefiner_{part}.json').read_text())
  state, drawn = {}, 0
  for key, shape, _ in manifest['weights']:
    if key.endswith('num_batches_tracked'):
      continue
    s = np.random.RandomState(1000 + drawn).standard_normal(
        int(np.prod(shape))).reshape(shape)
    drawn += 1
    if key.endswith('running_var'):
      s = 0.5 + 0.5 * abs(s)
    elif key.startswith('alpha'):
      s = np.full(shape, 0.5)
    elif len(shape) > 1:
      s = s * np.sqrt(2 / np.prod(shape[1:]))
    elif key.endswith('weight'):
      s = 1 + 0.1 * s
    else:
      s = 0.1 * s
    if part == 'texture_restoration' and key.startswith('middle.') and (
        '.bn_l.weight' in key or '.bn_g.weight' in key):
      s = s * 0.1
    if key == 'convt4.weight':
      s = s * 0.2
    state[key] = s.astype(np.float32)
  return state


@functools.cache
def variables(part):
  return jinpaint.from_torch(f'sketchrefiner_{part}', state_dict(part))


def run(part, *inputs):
  return jax.jit(jinpaint.create(f'sketchrefiner_{part}').apply)(
      variables(part), *inputs)


def assert_has(array, mean, deviation, least, most, at):
  """Compares statistics, and elements 0, n / 3, n / 2 and n - 1."""
  array = np.asarray(array).transpose(0, 3, 1, 2).ravel()
  n = array.size
  found = [array.mean(), array.std(), array.min(), array.max(),
           *array[[0, n // 3, n // 2, n - 1]]]
  np.testing.assert_allclose(found, [mean, deviation, least, most, *at],
                             rtol=2e-4, atol=2e-5 + 2e-4 * deviation)


def test_registration():
  assert_has(run('registration', uniform(0, 1, 5, 64, 64)),
             0.182853, 0.392890, -0.484020, 2.340971,
             (-0.121604, 1.506852, 0.463700, -0.015680))


def test_enhancement():
  assert_has(run('enhancement', cut(uniform(1, 1, 1, 64, 64), 0.8)),
             2.946658, 2.621303, 0, 12.722626,
             (0.466262, 6.453416, 0, 0.213577))


@functools.cache
def features():
  return run('partial_sketch_encoder', cut(uniform(2, 1, 3, 64, 64), 0.8))


@pytest.mark.slow
def test_partial_sketch_encoder():
  for found, *expected in zip(
      features(), (0.032006, 0.062726, 0.190201, -0.006256),
      (0.047790, 0.099404, 0.333156, 1.307828), (0, 0, 0, -5.091711),
      (0.302545, 0.787371, 3.533375, 4.872080),
      ((0.011879, 0.050876, 0.041070, 0), (0, 0.225086, 0, 0.070282),
       (0, 0.265278, 0, 0.021758),
       (0.231634, -0.189940, -0.483017, 0.862471)), strict=True):
    assert_has(found, *expected)


@pytest.mark.slow
def test_texture_restoration():
  mask = cut(uniform(3, 1, 1, 64, 64), 0.6)
  x = np.concatenate([uniform(4, 1, 3, 64, 64) * (1 - mask), mask], axis=-1)
  scaled = [0.1 * found / abs(found).max() for found in features()]
  assert_has(run('texture_restoration', x, scaled),
             0.514775, 0.169903, 0.074809, 0.960866,
             (0.491097, 0.588983, 0.638536, 0.470072))
  assert_has(run('texture_restoration', x, [0 * found for found in scaled]),
             0.515032, 0.168730, 0.073601, 0.956684,
             (0.504471, 0.587354, 0.624594, 0.467957))


def part_of(module, layers, name, *inputs):
  """Applies a part of the texture restoration, called `name` in PyTorch."""
  state = {key.removeprefix(f'{name}.'): array
           for key, array in state_dict('texture_restoration').items()
           if key.startswith(f'{name}.')}
  shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in inputs]
  return jax.jit(module.apply)(torch_layout.convert(
      module, torch_layout.Converter(layers, tuple(shapes)), state), *inputs)


def inside(place):
  """Returns the layers below a place in a Fourier convolution."""
  return {ours.removeprefix(f'{place}/'): theirs
          for ours, theirs in converters.FOURIER_CONV.items()
          if ours.startswith(f'{place}/')}


def test_a_fourier_block():
  assert_has(
      part_of(FourierBlock(384), torch_layout.within(
          'conv_{j}', 'ffc{j}', converters.FOURIER_CONV), 'middle.0',
              uniform(5, 1, 512, 8, 8) * 2 - 1),
      0.047558, 0.580065, -0.999769, 1.289971,
      (-0.461068, -0.309940, -0.509970, -0.190066))


def test_the_parts_of_a_fourier_convolution():
  assert_has(
      part_of(FourierUnit(), {'conv': 'conv_layer', 'norm': 'bn'},
              'middle.0.ffc1.ffc.convg2g.fu',
              uniform(6, 1, 192, 8, 12) * 2 - 1),
      0.023960, 0.635511, -3.998438, 5.277735,
      (1.964895, 3.260542, 1.679598, 0.542765))
  layers = {ours: theirs.removeprefix('ffc.convg2g.')
            for ours, theirs in inside('global_to_global').items()}
  assert_has(
      part_of(SpectralTransform(), layers, 'middle.0.ffc1.ffc.convg2g',
              uniform(7, 1, 384, 8, 8) * 2 - 1),
      0.058089, 1.377514, -9.805634, 10.813565,
      (2.810315, -0.931959, -0.354798, -0.617999))


def test_spade():
  assert_has(
      part_of(SPADE(), converters.SPADE, 'norm2',
              uniform(8, 1, 128, 16, 16) * 2 - 1, uniform(9, 1, 128, 16, 16)),
      0.042332, 1.116503, -4.560167, 6.633124,
      (0.470648, 0.663440, -0.366263, -1.077014))


def judge(x, train=False):
  """Returns scores and features of the discriminator."""
  with jax.ensure_compile_time_eval():
    weights = variables('discriminator')
  nets = Nets({'d': jinpaint.create('sketchrefiner_discriminator')},
              {'d': weights}, training=['d'] if train else [])
  return nets('d', x)


def test_the_discriminator():
  image = uniform(4, 1, 3, 64, 64)
  scores, found = jax.jit(judge)(image)
  assert_has(scores, 0.280067, 0.298320, -0.290350, 1.140515,
             (0.106741, 0.377421, 0.738232, 0.156916))
  assert_has(found[4], 0.199938, 0.436696, -0.781943, 3.406452,
             (-0.069918, 0.028025, -0.042985, 0.748444))
  both = np.concatenate([image, uniform(10, 1, 3, 64, 64)])
  scores, _ = jax.jit(functools.partial(judge, train=True))(both)
  assert_has(scores, 0.359392, 0.777396, -2.041211, 3.486985,
             (-0.242134, -0.802596, -0.537117, 1.297421))


@pytest.mark.slow
@pytest.mark.parametrize(('train', 'real', 'penalty', 'matching'), [
    (False, 0.5734603, 0.0480962, 11.5430161),
    (True, 0.5849786, 0.1192140, 55.5353522)])
def test_the_discriminator_s_losses(train, real, penalty, matching):
  x, other = uniform(36, 2, 3, 64, 64), uniform(37, 2, 3, 64, 64)

  @jax.jit
  def compute(x, other):
    verdict = functools.partial(judge, train=train)
    (scores, true), (_, fake) = verdict(x), verdict(other)
    slope = jax.grad(lambda x: jnp.sum(verdict(x)[0]))(x)
    return (losses.ADVERSARIAL['softplus'].real(scores),
            0.001 * losses.gradient_penalty(slope),
            100 * losses.feature_matching(fake, true, distance=losses.l2,
                                          average=True))

  np.testing.assert_allclose(compute(x, other), [real, penalty, matching],
                             rtol=2e-4)


# --- the system ---


SMALL = dict(width=0.25, blocks=1, pretrained=False)


def batch(size=32):
  rng = np.random.default_rng(0)
  mask = np.zeros((2, size, size, 1), np.float32)
  mask[0, 8:24, 8:24] = mask[1, 4:10] = 1
  image = rng.random((2, size, size, 3), np.float32)
  edge = cut(rng.random((2, size, size, 1), np.float32), 0.9)
  return {'image': image, 'mask': mask, 'true_edge': edge,
          'known_edge': edge * (1 - mask),
          'sketch': rng.random((2, size, size, 1), np.float32) ** 3}


def weights(stage, alpha=1.0):
  """Returns a small stage's variables, with its sketch encoder's alphas."""
  optimizers = {name: optax.sgd(1.0) for name in stage.trained}
  variables = training.init(0, stage, optimizers, batch()).variables
  if 'sketch_encoder' in variables:
    encoder = variables['sketch_encoder']
    variables['sketch_encoder'] = {**encoder, 'params': {
        **encoder['params'],
        **{f'alpha_{i}': jnp.float32(alpha) for i in range(1, 5)}}}
  return variables


@functools.cache
def predictor(name, **options):
  """Returns a small stage, its variables and its compiled `predict`."""
  stage = systems.stage('sketchrefiner', name, **SMALL, **options)
  return stage, weights(stage), predict_of(stage)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['enhancement', 'inpaint'])
def test_a_sketch_is_read_in_the_hole_alone_and_refined_to_strokes(name):
  _, variables, predict = predictor(name)
  inputs = batch()
  other = {**inputs, 'sketch': np.where(
      inputs['mask'] == 0, 1 - inputs['sketch'], inputs['sketch'])}
  refined, again = (predict(variables, x) for x in (inputs, other))
  for key in refined:
    np.testing.assert_array_equal(refined[key], again[key])
  hole = inputs['mask'] == 1
  strokes = np.asarray(refined['sketch'])
  assert set(np.unique(strokes)) <= {0, 1}
  np.testing.assert_array_equal(strokes[~hole], inputs['known_edge'][~hole])


@pytest.mark.slow
def test_the_sketch_in_the_hole_leads_the_image():
  _, variables, predict = predictor('inpaint', refines=False)
  inputs = batch()
  other = {**inputs, 'sketch': inputs['mask'] * (1 - inputs['sketch'])}
  a, b = (predict(variables, x)['image'] for x in (inputs, other))
  assert (np.asarray(a) != np.asarray(b)).any()


@pytest.mark.slow
def test_a_sketch_encoder_that_has_not_learned_has_no_influence():
  stage, _, predict = predictor('inpaint', refines=False)
  variables, inputs = weights(stage, alpha=0), batch()
  a, b = (predict(variables, {**inputs, 'sketch': sketch})['image']
          for sketch in (inputs['sketch'], 0 * inputs['sketch']))
  np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_networks_read_and_paint_bgr():
  """Swapping the channels of what goes in swaps those of what comes out."""
  _, variables, predict = predictor('inpaint')
  swapped = {name: dict(variables[name]['params'])
             for name in ('generator', 'registration')}
  order = [2, 1, 0]
  first = swapped['generator']['conv_1']
  swapped['generator']['conv_1'] = {
      **first, 'kernel': first['kernel'][:, :, jnp.array([*order, 3])]}
  swapped['generator']['output'] = {
      part: array[..., jnp.array(order)]
      for part, array in swapped['generator']['output'].items()}
  gated, swap = dict(swapped['registration']['conv_1']), [*order, 3, 4]
  for part in ('conv', 'pointwise'):
    gated[part] = {**gated[part],
                   'kernel': gated[part]['kernel'][:, :, jnp.array(swap)]}
  gated['depthwise'] = {part: array[..., jnp.array(swap)]
                        for part, array in gated['depthwise'].items()}
  swapped['registration']['conv_1'] = gated
  inputs = batch()
  expected = predict(variables, inputs)['image']
  found = predict(
      {**variables, **{name: {**variables[name], 'params': params}
                       for name, params in swapped.items()}},
      {**inputs, 'image': inputs['image'][..., ::-1]})['image']
  np.testing.assert_allclose(found[..., ::-1], expected, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'weight'), [
    ('registration', 0.4), ('enhancement', 0.9)])
def test_the_refining_losses_are_the_published_ones(name, weight):
  stage, variables, _ = predictor(name)
  inputs = batch()
  (update,) = stage.updates
  assert update.trains == (name,)
  terms, _ = terms_of(stage)(variables, inputs)
  net = lambda name, x: jinpaint.create(
      f'sketchrefiner_{name}', width=0.25).apply(variables[name], x)
  hole, edge = inputs['mask'] == 1, inputs['true_edge']
  white = np.where(hole, 1, inputs['image'][..., ::-1])
  drawn = np.where(hole, inputs['sketch'], edge)
  sketch = jnp.clip(net('registration', np.concatenate(
      [white, inputs['mask'], drawn], axis=-1)), 0, 1)
  if name == 'enhancement':  # cut at the mean of the whole batch
    registered = np.where(hole, np.asarray(sketch) > sketch.mean(), edge)
    sketch = jnp.clip(net('enhancement', registered), 0, 1)
  refined = jnp.where(hole, sketch, edge)
  assert terms.keys() == {'l1', 'correlation'}
  assert terms['l1'] == pytest.approx(
      float(abs(refined - edge).mean()), rel=1e-4)
  assert terms['correlation'] == pytest.approx(
      weight * float(losses.cross_correlation(refined, edge)), rel=1e-4)


@pytest.mark.slow
def test_the_discriminator_moves_first_and_each_loss_moves_its_own():
  stage, variables, _ = predictor('inpaint')
  first, second = stage.updates
  assert first.trains == ('discriminator',)
  assert set(second.trains) == {'sketch_encoder', 'generator'}
  gradients, (terms, moved) = gradients_of(stage, 0)(variables, batch())
  assert terms.keys() == {'discriminator_real', 'discriminator_fake', 'r1'}
  largest = lambda tree: max(
      float(abs(x).max()) for x in jax.tree.leaves(tree))
  assert largest(gradients['discriminator']) > 1e-6
  for other in ('generator', 'sketch_encoder', 'registration', 'enhancement'):
    assert largest(gradients[other]) == 0, other
  changed = lambda moved: any(
      (np.asarray(a) != np.asarray(b)).any() for a, b in zip(*(
          jax.tree.leaves(stats['generator']['batch_stats'])
          for stats in (variables, moved)), strict=True))
  assert not changed(moved)
  terms, moved = terms_of(stage, 1)(variables, batch())
  assert terms.keys() == {'adversarial', 'known_l1', 'feature_matching'}
  assert changed(moved)


SUMMARY = dict(
    l1=0.0, correlation='pearson', registration_correlation=0.1,
    smoothness=0.01, sparsity=0.001, consistency=1e-4, gradient=1e-5,
    scales=(4, 2, 1))


@pytest.mark.slow
@pytest.mark.parametrize('consistency_with', ['image', 'edge'])
def test_the_summary_s_terms_are_those_of_the_losses(consistency_with):
  stage, variables, predict = predictor(
      'registration', consistency_with=consistency_with, **SUMMARY)
  inputs = batch()
  terms, _ = terms_of(stage)(variables, inputs)
  assert terms.keys() == {'correlation', 'smoothness', 'sparsity',
                          'consistency', 'gradient'}
  hole, edge = inputs['mask'] == 1, inputs['true_edge']
  sketch = np.where(hole, predict(variables, inputs)['edge'], edge)
  bright = (np.where(hole, 1, inputs['image']) @ np.float32(
      [0.299, 0.587, 0.114]))[..., None]
  reference = edge if consistency_with == 'edge' else bright

  def pooled(x, factor, reduce=np.mean):
    b, h, w, c = x.shape
    return reduce(x.reshape(b, h // factor, factor, w // factor, factor, c),
                  axis=(2, 4))

  expected = dict.fromkeys(terms, 0)
  for factor in (4, 2, 1):
    s, e, y = (pooled(x, factor) for x in (sketch, edge, reference))
    m = pooled(inputs['mask'], factor, np.max)
    expected['sparsity'] += 0.001 / 3 * s.mean()
    expected['consistency'] += 1e-4 / 3 * (s * (1 - y)).mean()
    r = []
    for i in range(2):
      inside = m[i] > 0
      r.append(np.corrcoef(s[i][inside], e[i][inside])[0, 1])
    expected['correlation'] -= 0.1 / 3 * np.mean(r)
  for name in ('sparsity', 'consistency', 'correlation'):
    assert terms[name] == pytest.approx(expected[name], rel=1e-3), name


@pytest.mark.parametrize('option', [
    'correlation', 'consistency_with', 'gan', 'style_of'])
def test_an_option_that_is_misspelt_is_refused(option):
  with pytest.raises(ValueError, match=f'{option} is one of'):
    systems.stage('sketchrefiner', 'inpaint', **{option: 'x'})
  with pytest.raises(ValueError, match='modulation is one of'):
    jinpaint.create('sketchrefiner_texture_restoration', modulation='x').init(
        jax.random.key(0), np.zeros((1, 32, 32, 4), np.float32), [])
