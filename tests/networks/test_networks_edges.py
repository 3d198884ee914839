"""Networks that complete edges, beyond what the golden files say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jinpaint import networks
from jinpaint.networks import inpaintgan

TINY = {'widths': (4, 6, 8), 'blocks': 1}
SMALL = {
    'edgeconnect_edge_generator': TINY,
    'edgeconnect_inpaint_generator': TINY,
    'inpaintgan_effunet_edge_generator': {'width': 1 / 8, 'depth': 1 / 4},
    'inpaintgan_egc_edge_generator': TINY,
    'inpaintgan_mec_edge_generator': TINY,
}


def blank(name, height=64, width=64):
  """Returns the network's inputs, all zero."""
  channels = {'edgeconnect_inpaint_generator': (4,),
              'inpaintgan_egc_edge_generator': (2, 1)}.get(name, (3,))
  return [jnp.zeros((1, height, width, c)) for c in channels]


def shapes(name, *inputs, **options):
  """Returns the output and the variables, as shapes."""
  return jax.eval_shape(networks.create(name, **options).init_with_output,
                        jax.random.key(0), *inputs)


def random(abstract, seed=0):
  """Returns arrays of the given shapes; compiles nothing."""
  rng = np.random.default_rng(seed)
  return jax.tree.map(lambda array: rng.standard_normal(
      array.shape, np.float32) / 10 + 0.1, abstract)


def size(tree):
  return sum(array.size for array in jax.tree.leaves(tree))


@pytest.mark.parametrize(('name', 'with_norm', 'vectors', 'without'), [
    ('edgeconnect_edge_generator', 10_761_089, 50_963, 10_765_185),
    ('inpaintgan_mec_edge_generator', 16_529_025, 55_059, 16_533_121),
    ('inpaintgan_egc_edge_generator', 16_055_357, 59_584, 16_059_453)])
def test_size_is_the_published_one_with_and_without_spectral_norm(
    name, with_norm, vectors, without):
  _, variables = shapes(name, *blank(name))
  assert size(variables['params']) == with_norm
  assert size(variables['spectral']) == vectors
  _, variables = shapes(name, *blank(name), spectral_norm=False)
  assert set(variables) == {'params'}
  assert size(variables['params']) == without


def test_inpainting_network_has_the_published_size_and_no_spectral_norm():
  name = 'edgeconnect_inpaint_generator'
  image, variables = shapes(name, *blank(name))
  assert image.shape == (1, 64, 64, 3)
  assert set(variables) == {'params'}
  assert size(variables['params']) == 10_774_595


def test_efficient_u_net_begins_with_efficientnet_b0():
  name = 'inpaintgan_effunet_edge_generator'
  _, variables = shapes(name, *blank(name))
  params = variables['params']
  assert size(params) == 6_119_549
  assert size(variables['batch_stats']) == 34_208
  assert size([params[layer] for layer in params if layer != 'stage_8'
               and layer.startswith(('stem', 'stage'))]) == 2_878_156


@pytest.mark.parametrize('name', SMALL)
def test_any_multiple_of_the_divisor_is_accepted_and_nothing_else(name):
  divisor = networks.create(name).divisor
  result, _ = shapes(name, *blank(name, 2 * divisor, 3 * divisor),
                     **SMALL[name])
  assert result.shape[1:3] == (2 * divisor, 3 * divisor)
  with pytest.raises(ValueError, match=(
      f'^height and width must be multiples of {divisor}, '
      f'not {divisor} and {divisor + 2}')):
    shapes(name, *blank(name, divisor, divisor + 2), **SMALL[name])


def test_multi_scale_generator_of_other_sizes_sees_four_scales():
  """So the spectral vectors of its shared blocks move four times."""
  name = 'inpaintgan_mec_edge_generator'
  x, = blank(name, 64, 96)
  _, variables = shapes(name, x, **TINY)
  variables, x = random(variables), random(x, seed=1)
  edges, moved = jax.jit(lambda variables: networks.create(name, **TINY).apply(
      variables, x, train=True, mutable=['spectral']))(variables)
  assert edges.shape == (1, 64, 96, 1)
  assert edges.std() > 0

  for times, path in ((1, ('encoder', 'conv_3')),
                      (4, ('middle', 'block_0', 'conv_2'))):
    kernel, vectors, actual = (tree[collection] for tree, collection in (
        (variables, 'params'), (variables, 'spectral'), (moved, 'spectral')))
    for part in path:
      kernel, vectors, actual = kernel[part], vectors[part], actual[part]
    matrix, u = kernel['kernel'].reshape(-1, 8), vectors['u']
    for _ in range(times):
      u = matrix.T @ (matrix @ u)
      u /= np.linalg.norm(u)
    np.testing.assert_allclose(actual['u'], u, atol=1e-4)


def test_inverted_bottleneck_is_its_definition():
  x = random(np.zeros((2, 6, 5, 4)))
  block = inpaintgan.MBConv(4, 6, 3, 1, jax.nn.initializers.zeros)
  variables = jax.eval_shape(block.init, jax.random.key(0), x)
  params = random(variables['params'], seed=1)
  stats = jax.tree.map(lambda array: jnp.full(array.shape, 4.0),
                       variables['batch_stats'])
  out = jax.jit(block.apply)({'params': params, 'batch_stats': stats}, x)

  silu = lambda x: x * special.expit(x)
  norm = lambda name, x: (
      (x - 4) / np.sqrt(4 + 1e-3) * params[f'{name}_norm']['scale']
      + params[f'{name}_norm']['bias'])
  dense = lambda name, x: x @ params[name]['kernel'] + params[name]['bias']
  y = silu(norm('expand', x @ params['expand']['kernel'][0, 0]))
  windows = np.lib.stride_tricks.sliding_window_view(
      np.pad(y, ((0, 0), (1, 1), (1, 1), (0, 0))), (3, 3), (1, 2))
  y = silu(norm('depthwise', np.einsum(
      'bhwcij,ijc->bhwc', windows, params['depthwise']['kernel'][:, :, 0])))
  assert params['squeeze']['kernel'].shape == (24, 1)
  y *= special.expit(dense('excite', silu(dense(
      'squeeze', y.mean((1, 2), keepdims=True)))))
  y = norm('project', y @ params['project']['kernel'][0, 0])
  np.testing.assert_allclose(out, x + y, atol=1e-4)


def test_batch_statistics_of_the_efficient_u_net_move_in_training():
  name = 'inpaintgan_effunet_edge_generator'
  x, = blank(name)
  _, variables = shapes(name, x, **SMALL[name])
  variables, x = random(variables), random(x, seed=1)
  _, moved = jax.jit(lambda variables: networks.create(
      name, **SMALL[name]).apply(
          variables, x, train=True, mutable=['batch_stats']))(variables)
  for before, after in zip(jax.tree.leaves(variables['batch_stats']),
                           jax.tree.leaves(moved['batch_stats']), strict=True):
    assert (before != after).any()
