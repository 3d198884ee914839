"""The U-Net of partial convolutions learns as published."""

import functools
import json

import golden_files
import jax
import numpy as np
import optax
import pytest
from stage_steps import predict_of, terms_of

import jinpaint
from jinpaint import networks, systems, training
from jinpaint.layers import imagenet


@pytest.mark.parametrize(('levels', 'expected'), [
    (5, 11_619_924), (6, 18_699_860), (7, 25_779_796), (8, 32_859_732)])
def test_the_network_has_the_published_number_of_parameters(levels, expected):
  assert networks.parameters('pconv_unet', levels=levels) == expected


@pytest.mark.slow
def test_the_network_computes_what_naoto0804_s_computes():
  """Numbers of another recipe, at 128 x 128, with the factor 'sum'."""
  manifest = json.loads((golden_files.FOLDER / 'pconv_unet.json').read_text())
  state, drawn = {}, 0
  for key, shape, _ in manifest['weights']:
    if key.endswith('num_batches_tracked'):
      continue
    s = np.random.RandomState(1000 + drawn).standard_normal(
        int(np.prod(shape))).reshape(shape)
    drawn += 1  # of masks' kernels, too, which are 1
    if key.endswith('mask_conv.weight'):
      s = np.ones(shape)
    elif key.endswith('running_var'):
      s = 0.5 + 0.5 * abs(s)
    elif len(shape) > 1:
      s = s * np.sqrt(2 / np.prod(shape[1:]))
      if key.endswith('input_conv.weight'):
        s = s * np.prod(shape[1:])
    elif key.endswith('weight'):
      s = 1 + 0.1 * s
    else:
      s = 0.1 * s
    state[key] = s.astype(np.float32)
  uniform = lambda seed, *shape: np.random.RandomState(seed).rand(
      *shape).astype(np.float32).transpose(0, 2, 3, 1)
  valid = (uniform(22, 1, 1, 128, 128) > 0.5).astype(np.float32)
  valid[:, 20:90, 30:100] = 0
  x = (uniform(23, 1, 3, 128, 128) - 0.45) / 0.22 * valid
  out, updated = jax.jit(jinpaint.create('pconv_unet', normalize='sum').apply)(
      jinpaint.from_torch('pconv_unet', state), x, valid)
  with np.load(golden_files.FOLDER / 'golden_pconv.npz') as arrays:
    expected = arrays['NAO_UNet7_128'].transpose(0, 2, 3, 1)
  np.testing.assert_allclose(out, expected, atol=1e-4 * expected.std())
  assert (np.asarray(updated) == 1).all()


def batch(size=32):
  rng = np.random.default_rng(0)
  mask = np.zeros((2, size, size, 1), np.float32)
  mask[0, 8:20, 8:20] = mask[1, :5] = 1
  return {'image': rng.random((2, size, size, 3), np.float32), 'mask': mask}


SMALL = dict(levels=3, width=1 / 16)


@functools.cache
def small(name, **options):
  stage = systems.stage('pconv', name, **SMALL, **options)
  optimizers = {'generator': optax.sgd(1e-3)}
  return stage, optimizers, training.init(0, stage, optimizers, batch())


@pytest.mark.slow
@pytest.mark.parametrize('variation_of', ['composite', 'hole'])
def test_the_losses_are_those_of_equation_7(variation_of):
  stage, _, state = small('train', variation_of=variation_of)
  vgg16 = {'vgg16': stage.published['vgg16'].init(
      jax.random.key(1), batch()['image'])}
  inputs = batch()
  terms, _ = terms_of(stage)(state.variables, inputs, vgg16)
  truth = np.asarray(imagenet.standardize(inputs['image']))
  (out, _), _ = jax.jit(lambda variables, *inputs: stage.networks[
      'generator'].apply(variables, *inputs, train=True,
                         mutable=['batch_stats']))(
      state.variables['generator'], truth, 1 - inputs['mask'])
  out, hole = np.asarray(out), inputs['mask']
  composite = hole * out + (1 - hole) * truth
  assert terms['hole'] == pytest.approx(
      6 * abs(hole * (out - truth)).mean(), rel=1e-4)
  assert terms['valid'] == pytest.approx(
      abs((1 - hole) * (out - truth)).mean(), rel=1e-4)
  features, of_out, of_composite = map(
      jax.jit(functools.partial(stage.published['vgg16'].apply,
                                vgg16['vgg16'])), (truth, out, composite))

  def gram(x):
    b, h, w, c = x.shape
    flat = np.asarray(x, np.float64).reshape(b, h * w, c)
    return flat.swapaxes(1, 2) @ flat / (c * h * w)

  pairs = [(found[layer], features[layer]) for found in (of_out, of_composite)
           for layer in ('pool1', 'pool2', 'pool3')]
  assert terms['perceptual'] == pytest.approx(
      0.05 * sum(float(abs(a - b).mean()) for a, b in pairs), rel=1e-4)
  assert terms['style'] == pytest.approx(
      120 * sum(abs(gram(a) - gram(b)).mean() for a, b in pairs), rel=1e-3)
  if variation_of == 'composite':
    assert terms['total_variation'] == pytest.approx(0.1 * (
        abs(np.diff(composite, axis=1)).mean()
        + abs(np.diff(composite, axis=2)).mean()), rel=1e-4)


@pytest.mark.parametrize('name', ['train', 'finetune'])
@pytest.mark.slow
def test_finetuning_leaves_the_encoder_s_statistics_as_they_are(name):
  stage, optimizers, state = small(name, pretrained=False)
  after, _ = jax.jit(training.make_step(stage, optimizers))(
      state, {}, batch())
  moved = lambda tree, other, layer: any(
      (np.asarray(a) != np.asarray(b)).any() for a, b in zip(
          jax.tree.leaves(tree['generator'][layer]),
          jax.tree.leaves(other['generator'][layer]), strict=True))
  statistics = {key: {'generator': s.stats['generator']['batch_stats']}
                for key, s in (('before', state), ('after', after))}
  for layer in ('encoder_norm_2', 'encoder_norm_3'):
    assert moved(statistics['before'], statistics['after'], layer) == (
        name == 'train'), layer
    assert moved(state.params, after.params, layer)  # scale and bias
  assert moved(statistics['before'], statistics['after'], 'decoder_norm_2')


def test_predictions_are_within_the_range_of_images():
  stage, _, state = small('train', pretrained=False)
  # Far from what the network has learned to do.
  state = state.replace(params=jax.tree.map(lambda x: 5 * x, state.params))
  image = np.asarray(predict_of(stage)(state.variables, batch())['image'])
  assert (image.min(), image.max()) == (0, 1)


def test_an_option_that_is_misspelt_is_refused():
  with pytest.raises(ValueError, match='variation_of is one of'):
    systems.stage('pconv', 'train', variation_of='all')
  stage = systems.stage('pconv', 'train', **SMALL, normalize='mean')
  with pytest.raises(ValueError, match='normalize is one of'):
    training.init(0, stage, {'generator': optax.sgd(1.0)}, batch())
