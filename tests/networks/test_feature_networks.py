"""VGG, HED and the ADE20k encoder, beyond what the golden files say."""

import json
from pathlib import Path

from golden import fill
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jinpaint
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
