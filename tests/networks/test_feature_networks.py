"""Feature networks, beyond what the test of golden files says."""

import functools
import json
from pathlib import Path

from golden import fill
import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jinpaint
from jinpaint.errors import UsageError
from jinpaint.networks import ade20k

GOLDEN = Path(__file__).parents[1] / 'golden'


def hed_variables():
  """Weights by the recipe of golden_hed.npz."""
  manifest = json.loads((GOLDEN / 'hed.json').read_text())
  return jinpaint.from_torch('hed', {
      key: fill.fill(f'hed:{key}', shape)
      for key, shape, _ in manifest['weights']})


def test_hed_of_an_odd_size_is_pytorch_heds():
  golden = np.load(GOLDEN / 'golden_hed.npz')
  blue_first, logit = (np.moveaxis(golden[name], 1, -1)
                       for name in ('in', 'logit'))
  variables = hed_variables()
  x = jnp.asarray(blue_first[..., ::-1])
  actual = jinpaint.create('hed', logits=True).apply(variables, x)
  np.testing.assert_allclose(actual, logit, atol=1e-4 * logit.std())
  edges = jinpaint.create('hed').apply(variables, x)
  np.testing.assert_allclose(edges, jax.nn.sigmoid(actual))


def test_vgg_returns_what_is_asked_for_and_computes_no_more():
  network = jinpaint.create('vgg16', layers=('relu2_1', 'pool1'))
  x = jnp.zeros((1, 16, 16, 3))
  features, variables = network.init_with_output(jax.random.key(0), x)
  assert {name: array.shape for name, array in features.items()} == {
      'pool1': (1, 8, 8, 64), 'relu2_1': (1, 8, 8, 128)}
  assert set(variables['params']) == {'conv1_1', 'conv1_2', 'conv2_1'}
  with pytest.raises(ValueError, match='no layer relu3_4'):
    jax.eval_shape(jinpaint.create('vgg16', layers=('relu3_4',)).init,
                   jax.random.key(0), x)


@pytest.mark.parametrize(('size', 'eighth'), [((64, 48), (8, 6)),
                                              ((50, 71), (7, 9))])
def test_ade20k_features_have_an_eighth_of_the_size(size, eighth):
  network = jinpaint.create('ade20k_resnet50_dilated')
  features, _ = jax.eval_shape(network.init_with_output, jax.random.key(0),
                               jnp.zeros((1, *size, 3)))
  assert features['layer1'].shape[-1] == 256
  assert [features[f'layer{i}'].shape[1:] for i in (2, 3, 4)] == [
      (*eighth, channels) for channels in (512, 1024, 2048)]


@pytest.fixture(scope='module')
def fid_golden():
  path = golden_files.FOLDER / 'fid_inception.json'
  return json.loads(path.read_text()), golden_files.Golden(path)


def test_every_block_of_fids_inception_is_the_published_one(fid_golden):
  manifest, golden = fid_golden
  _, state = jax.jit(functools.partial(
      jinpaint.create('fid_inception').apply,
      capture_intermediates=True, mutable='intermediates'))(
          jinpaint.from_torch('fid_inception', golden.state_dict({})),
          golden.inputs['x'])
  for name, expected in manifest['intermediates'].items():
    [found] = state['intermediates'][name]['__call__']
    found = np.asarray(found)
    assert list(found.shape) == expected['shape'], name
    tolerance = 1e-4 * expected['std']
    assert found.mean() == pytest.approx(expected['mean'], abs=tolerance), name
    assert found.std(ddof=1) == pytest.approx(expected['std'], abs=tolerance)
    assert found.max() == pytest.approx(expected['max'], rel=1e-4), name


@pytest.mark.parametrize('name', ['lpips_alex', 'lpips_vgg'])
def test_every_layer_of_lpips_has_the_recorded_part_of_the_distance(name):
  path = golden_files.FOLDER / f'{name}.json'
  golden = golden_files.Golden(path)
  network = jinpaint.create(name)
  variables = jinpaint.from_torch(name, golden.state_dict({}))
  x, y = golden.inputs.values()
  _, state = network.apply(variables, x, y, capture_intermediates=True,
                           mutable='intermediates')
  for i, expected in enumerate(json.loads(path.read_text())['layers']):
    [found] = state['intermediates'][f'linear{i}']['__call__']
    np.testing.assert_allclose(found.mean((1, 2, 3)), expected, atol=1e-5)
  np.testing.assert_array_equal(network.apply(variables, x, x), 0)
  np.testing.assert_allclose(network.apply(variables, y, x),
                             network.apply(variables, x, y), atol=1e-6)


def test_lpips_has_a_gradient_where_a_pixel_has_no_feature():
  network, x = jinpaint.create('lpips_alex'), jnp.ones((1, 40, 40, 3))
  variables = jax.tree.map(jnp.zeros_like, network.init(
      jax.random.key(0), x, x))
  gradient = jax.grad(lambda x: network.apply(variables, x, 0 * x).sum())(x)
  np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize(('name', 'images'), [
    ('lpips_alex', 2), ('lpips_vgg', 2), ('fid_inception', 1)])
def test_images_that_are_too_small_are_refused(name, images):
  network = jinpaint.create(name)
  init = lambda size: jax.eval_shape(
      network.init, jax.random.key(0), *images * [jnp.zeros((1, size, 90, 3))])
  init(network.smallest)
  with pytest.raises(UsageError, match=f'at least {network.smallest} x'):
    init(network.smallest - 1)


def test_ade20k_may_normalise_by_the_batch_and_moves_no_statistics():
  x = np.random.default_rng(0).random((2, 6, 6, 4), np.float32)
  block = ade20k.Bottleneck(2)
  variables = block.init(jax.random.key(0), x, train=False)
  others = {**variables, 'batch_stats': jax.tree.map(
      lambda statistic: statistic + 1, variables['batch_stats'])}
  # If statistics moved, Flax would ask for `mutable`.
  found = [[block.apply(stored, x, train=train) for stored in (
      variables, others)] for train in (False, True)]
  assert (found[0][0] != found[0][1]).any()
  np.testing.assert_array_equal(*found[1])
