"""Arrays of PyTorch arrive where Flax wants them, or a line says why not."""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.converters import torch_layout
from jinpaint.converters.torch_layout import Converter, image, Transposed
from jinpaint.errors import UsageError
from jinpaint.layers.conv import Conv, ConvTranspose, Dense
from jinpaint.layers.norm import BatchNorm


class Small(nn.Module):
  """One of each kind of array."""

  spectral_norm: bool = False

  @nn.compact
  def __call__(self, x, train=False):
    options = {'spectral_norm': self.spectral_norm}
    x = Conv(4, (3, 2), name='conv', **options)(x, train)
    x = ConvTranspose(4, name='up', **options)(x, train)
    x = BatchNorm(name='norm_1')(x, train)
    alpha = self.param('alpha', nn.initializers.ones, ())
    return alpha * Dense(5, name='dense', **options)(x, train)


CONVERTER = Converter({
    'conv': 'body.0', 'up': Transposed('body.1'), 'norm_{i}': 'norms.{i}',
    'dense': 'dense', 'alpha': 'alpha1'}, (image(3),), ignored=('alias.*',))
WEIGHTS = {'body.0.weight': (4, 3, 3, 2), 'body.1.weight': (4, 4, 4, 4),
           'dense.weight': (5, 4)}


def noise(seed, *shape):
  return np.random.default_rng(seed).standard_normal(shape, np.float32)


def state_dict(**changes):
  """Small's weights in PyTorch, with keys replaced or taken out (None)."""
  shapes = WEIGHTS | {
      'body.0.bias': (4,), 'body.1.bias': (4,), 'norms.1.weight': (4,),
      'norms.1.bias': (4,), 'norms.1.running_mean': (4,), 'dense.bias': (5,)}
  state = {key: noise(i, *shape) for i, (key, shape) in enumerate(
      shapes.items())}
  state |= {'norms.1.running_var': np.float32([1, 2, 3, 4]),
            'norms.1.num_batches_tracked': np.int64(7),
            'alpha1': np.float32(0.3)} | changes
  return {key: array for key, array in state.items() if array is not None}


def with_spectral_norm():
  """Small's weights with spectral norms, and each weight's sigma."""
  state, sigmas = state_dict(), {}
  for i, key in enumerate(WEIGHTS):
    weight = state.pop(key)
    if key == 'body.1.weight':  # PyTorch counts a transposed one's outputs
      rows = weight.swapaxes(0, 1).reshape(4, -1)
    else:
      rows = weight.reshape(len(weight), -1)
    u, v = noise(20 + i, rows.shape[0]), noise(30 + i, rows.shape[1])
    state |= {f'{key}_orig': weight, f'{key}_u': u, f'{key}_v': v}
    sigmas[key] = u @ rows @ v
  return state, sigmas


def convert(state, **options):
  return torch_layout.convert(Small(**options), CONVERTER, state)


def refusal(state, **options):
  with pytest.raises(UsageError) as error:
    convert(state, **options)
  return str(error.value)


def test_every_array_lies_as_flax_wants_it():
  state = state_dict()
  variables = convert(state)
  expected = jax.eval_shape(Small().init, jax.random.key(0), image(3))
  assert jax.tree.map(jnp.shape, variables) == jax.tree.map(
      lambda leaf: leaf.shape, expected)
  params, stats = jax.tree.map(np.asarray, (
      variables['params'], variables['batch_stats']))
  for y, x, i, o in np.ndindex(3, 2, 3, 4):
    assert params['conv']['kernel'][y, x, i, o] == (
        state['body.0.weight'][o, i, y, x])
  for y, x, i, o in np.ndindex(4, 4, 4, 4):
    assert params['up']['kernel'][y, x, i, o] == (
        state['body.1.weight'][i, o, y, x])
  np.testing.assert_array_equal(
      params['dense']['kernel'], state['dense.weight'].T)
  for array, key in (
      (params['conv']['bias'], 'body.0.bias'),
      (params['norm_1']['scale'], 'norms.1.weight'),
      (params['norm_1']['bias'], 'norms.1.bias'),
      (stats['norm_1']['mean'], 'norms.1.running_mean'),
      (stats['norm_1']['var'], 'norms.1.running_var'),
      (params['alpha'], 'alpha1')):
    np.testing.assert_array_equal(array, state[key])


def test_variables_are_float32_and_share_nothing_with_the_state_dict():
  state = state_dict()
  half = {key: array.astype(np.float16) for key, array in state.items()}
  assert all(x.dtype == jnp.float32 for x in jax.tree.leaves(convert(half)))
  variables = convert(state)
  before = np.array(variables['params']['conv']['bias'])
  state['body.0.bias'] += 1
  np.testing.assert_array_equal(variables['params']['conv']['bias'], before)


@pytest.mark.parametrize(('changes', 'message'), [
    ({'body.0.bias': None}, 'missing body.0.bias'),
    ({'body.2.bias': noise(0, 4)}, 'unexpected body.2.bias'),
    ({'body.0.bias': noise(0, 5)},
     'of another shape: body.0.bias is (5,), not (4,)'),
    ({'body.0.weight': noise(0, 4, 3, 2, 3)},
     'of another shape: body.0.weight is (4, 3, 2, 3), not (4, 3, 3, 2)'),
    ({'norms.1.running_var': None, 'norms.1.variance': noise(0, 4)},
     'missing norms.1.running_var; unexpected norms.1.variance'),
    ({f'{i}.weight': noise(0, 1) for i in range(9)},
     'unexpected 0.weight, 1.weight, 2.weight and 6 more'),
    ({'two\nlines': noise(0, 1)}, r'unexpected two\nlines'),
])
def test_what_does_not_fit_is_named(changes, message):
  assert refusal(state_dict(**changes)) == message


def test_declared_aliases_and_counters_are_left_out():
  convert(state_dict(**{'alias.weight': noise(0, 3),
                        'x.num_batches_tracked': np.int64(0)}))


def test_converter_that_lacks_a_layer_or_names_two_alike_is_an_error():
  lacking = Converter({'conv': 'body.0'}, (image(3),))
  with pytest.raises(ValueError, match=r'does not know .*/norm_1/'):
    torch_layout.convert(Small(), lacking, {})
  twice = Converter({**CONVERTER.layers, 'up': 'body.0'}, (image(3),))
  with pytest.raises(ValueError, match=r'more than once.*body\.0\.weight'):
    torch_layout.convert(Small(), twice, {})


def test_the_file_may_decide_what_layers_are_called():
  def layers(state):
    return CONVERTER.layers if 'alpha1' in state else {
        **CONVERTER.layers, 'alpha': 'alpha2'}
  converter = dataclasses.replace(CONVERTER, layers=layers)
  state = state_dict()
  renamed = {{'alpha1': 'alpha2'}.get(key, key): array
             for key, array in state.items()}
  for given in (state, renamed):
    jax.tree.map(np.testing.assert_array_equal, torch_layout.convert(
        Small(), converter, given), convert(state))


def test_spectral_norm_that_the_network_lacks_is_folded():
  state, sigmas = with_spectral_norm()
  folded = convert(state)['params']
  plain = convert(state_dict())['params']
  for key, layer in zip(WEIGHTS, ('conv', 'up', 'dense'), strict=True):
    np.testing.assert_allclose(
        folded[layer]['kernel'], plain[layer]['kernel'] / sigmas[key],
        rtol=1e-5)


def test_spectral_norm_kept_computes_the_same_as_folded():
  state, _ = with_spectral_norm()
  x = jnp.asarray(noise(0, 1, 8, 8, 3))
  kept = convert(state, spectral_norm=True)
  np.testing.assert_array_equal(kept['spectral']['up']['v'],
                                state['body.1.weight_v'])
  np.testing.assert_allclose(
      Small(spectral_norm=True).apply(kept, x),
      Small().apply(convert(state), x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('spectral_norm', [True, False])
def test_part_of_a_spectral_norm_that_is_missing_is_named(spectral_norm):
  state, _ = with_spectral_norm()
  del state['dense.weight_v']
  state['body.1.weight_u'] = noise(0, 5)
  assert refusal(state, spectral_norm=spectral_norm) == (
      'missing dense.weight_v; '
      'of another shape: body.1.weight_u is (5,), not (4,)')


def test_normalised_weight_that_old_pytorch_stored_is_taken():
  state, _ = with_spectral_norm()
  for key in WEIGHTS:  # before version 1.0 there was no v
    del state[f'{key}_v']
  old = convert(state | {key: state_dict()[key] for key in WEIGHTS})
  jax.tree.map(np.testing.assert_array_equal, old, convert(state_dict()))


def test_block_is_a_part_of_a_network():
  block = {'conv': '0', 'up': Transposed('1')}
  layers = torch_layout.within('middle_{i}', 'middle.{i}', block)
  assert layers == {'middle_{i}/conv': 'middle.{i}.0',
                    'middle_{i}/up': 'middle.{i}.1'}
  assert isinstance(layers['middle_{i}/up'], Transposed)
