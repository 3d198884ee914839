"""Layers and discriminators equal the published ones, gradients included."""

from pathlib import Path

from golden_files import Golden
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jinpaint import networks
from jinpaint.layers import feature_selection, gated_conv, residual, spade
from jinpaint.layers.conv import Conv
from jinpaint.layers.fourier_conv import FourierConv, FourierUnit

CFS = {'conv': 'conv2d', 'output_gate': 'mask_conv2d',
       'input_gate': 'same_conv2d', 'squeeze_excite/squeeze': 'sqex.linear1',
       'squeeze_excite/excite': 'sqex.linear2'}

# A golden file's name -> the layer, and what its parts are called there.
LAYERS = {
    'layer_gated_conv': (
        gated_conv.GatedConv(48, strides=(2, 2), spectral_norm=True),
        {'conv': 'conv2d', 'gate': 'mask_conv2d'}),
    'layer_cfs_block': (
        feature_selection.CFSBlock(48, strides=(2, 2)), CFS),
    'layer_residual_cfs_block': (
        feature_selection.ResidualCFSBlock(),
        {f'block_{i}/{ours}': f'conv{i}.{theirs}'
         for i in (1, 2) for ours, theirs in CFS.items()}),
    'layer_ffc': (
        FourierConv(24), {
            'local_to_local': 'ffc.ffc.convl2l',
            'local_to_global': 'ffc.ffc.convl2g',
            'global_to_local': 'ffc.ffc.convg2l',
            'global_to_global/reduce': 'ffc.ffc.convg2g.conv1.0',
            'global_to_global/reduce_norm': 'ffc.ffc.convg2g.conv1.1',
            'global_to_global/fourier_unit/conv':
                'ffc.ffc.convg2g.fu.conv_layer',
            'global_to_global/fourier_unit/norm': 'ffc.ffc.convg2g.fu.bn',
            'global_to_global/expand': 'ffc.ffc.convg2g.conv2',
            'local_norm': 'ffc.bn_l', 'global_norm': 'ffc.bn_g'}),
    'layer_spade': (
        spade.SPADE(), {
            'norm': 'param_free_norm', 'shared': 'mlp_shared.0',
            'gamma': 'mlp_gamma', 'beta': 'mlp_beta'}),
    'edgeconnect_discriminator': (
        networks.create('edgeconnect_discriminator'),
        {f'conv_{i}': f'conv{i}.0' for i in range(1, 6)}),
    'sketchrefiner_discriminator': (
        networks.create('sketchrefiner_discriminator'),
        {'conv_1': 'conv1.0'}
        | {f'conv_{i}': f'conv{i}' for i in range(2, 7)}
        | {f'norm_{i}': f'bn{i}' for i in range(2, 6)}),
}
PYTORCH = {'scale': 'weight', 'bias': 'bias', 'mean': 'running_mean',
           'var': 'running_var', 'u': 'weight_u', 'v': 'weight_v'}


def golden_of(name):
  return Golden(Path(__file__).parent / 'golden' / f'{name}.json')


def pytorch_key(path, state, names):
  """Returns the key of an array at `path` in the variables."""
  *layer, leaf = (part.key for part in path[1:])
  prefix = names['/'.join(layer)]
  if leaf == 'kernel':
    leaf = 'weight_orig' if f'{prefix}.weight_orig' in state else 'weight'
    return f'{prefix}.{leaf}'
  return f'{prefix}.{PYTORCH[leaf]}'


def variables_of(layer, inputs, state, names):
  """Returns a layer's variables from a state dict of convolutions."""
  def value(path, shape):
    array = state[pytorch_key(path, state, names)]
    if path[-1].key == 'kernel':
      array = array.transpose((2, 3, 1, 0)[-array.ndim:] if array.ndim == 4
                              else (1, 0))
    assert array.shape == shape.shape, path
    return jnp.asarray(array)
  shapes = jax.eval_shape(layer.init, jax.random.key(0), *inputs)
  return jax.tree_util.tree_map_with_path(value, shapes)


def assert_close(actual, expected):
  assert actual.shape == expected.shape
  np.testing.assert_allclose(
      actual, expected, rtol=0, atol=1e-4 * expected.std() + 1e-5)


@pytest.mark.parametrize('name', LAYERS)
def test_layer_equals_the_published_one(name):
  golden = golden_of(name)
  layer, names = LAYERS[name]
  state, inputs = golden.state_dict({}), tuple(golden.inputs.values())
  variables = variables_of(layer, inputs, state, names)

  def loss(params, inputs):
    out = layer.apply({**variables, 'params': params}, *inputs)
    scores = out[0] if isinstance(out, tuple) else out
    return jnp.mean(scores * golden.probe), out

  (_, out), (grads, input_grads) = jax.jit(jax.value_and_grad(
      loss, argnums=(0, 1), has_aux=True))(variables['params'], inputs)
  assert_close(jax.tree.leaves(out)[0], golden.outputs['out'])
  for feature, (what, expected) in zip(
      jax.tree.leaves(out)[1:], golden.features.items(), strict=True):
    assert list(feature.shape) == expected['shape'], what
    assert feature.mean() == pytest.approx(expected['mean'], rel=1e-4), what
  for actual, expected in zip(input_grads, golden.input_grads.values(),
                              strict=True):
    assert (np.linalg.norm(actual - expected)
            <= 1e-3 * np.linalg.norm(expected))
  norms = {pytorch_key(path, state, names): float(jnp.linalg.norm(grad))
           for path, grad in jax.tree_util.tree_leaves_with_path(
               {'params': jax.tree.map(jnp.ravel, grads)})}
  assert norms == pytest.approx(golden.grad_norms, rel=1e-3)


@pytest.mark.parametrize('name', [
    'layer_gated_conv', 'layer_residual_cfs_block'])
def test_spectral_vectors_reach_every_part_and_stay_converged(name):
  golden = golden_of(name)
  layer, names = LAYERS[name]
  inputs = tuple(golden.inputs.values())
  variables = variables_of(layer, inputs, golden.state_dict({}), names)
  out, moved = jax.jit(lambda *given: layer.apply(
      *given, train=True, mutable=['spectral']))(variables, *inputs)
  assert_close(jax.tree.leaves(out)[0], golden.outputs['out'])
  for after, before in zip(jax.tree.leaves(moved['spectral']),
                           jax.tree.leaves(variables['spectral']),
                           strict=True):
    assert np.abs(after - before).max() < 0.01
    assert after.size < 10 or (after != before).any()


@pytest.mark.parametrize(('name', 'padding'), [
    ('gated_discriminator', 'same'),
    ('gated_discriminator_symmetric', (2, 2))])
def test_gated_discriminator_equals_the_published_one(name, padding):
  """Which divides its weights at each call; here u and v hold the state."""
  golden = golden_of(name)
  names = {f'conv_{i}': f'conv{i}.conv_sn' for i in range(1, 7)}
  state = golden.state_dict({})
  for key in [key for key in state if key.endswith('weight_u')]:
    matrix = state[key[:-2]].reshape(len(state[key]), -1)
    state[key] = state[key].ravel()
    state[key[:-1] + 'v'] = np.zeros(matrix.shape[1], np.float32)
  net = networks.create('gated_discriminator', padding=padding)
  x = golden.inputs['x']
  variables = variables_of(net, (x,), state, names)

  def judge(x, spectral):
    (scores, _), moved = net.apply(
        {**variables, 'spectral': spectral}, x, train=True,
        mutable=['spectral'])
    return jnp.mean(scores * golden.probe), (scores, moved['spectral'])

  judge = jax.jit(jax.grad(judge, has_aux=True))
  gradient, (first, spectral) = judge(x, variables['spectral'])
  _, (second, _) = judge(x, spectral)
  assert_close(first, golden.outputs['out'])
  assert_close(second, golden.outputs['second'])
  assert (np.linalg.norm(gradient - golden.input_grads['x'])
          <= 1e-3 * np.linalg.norm(golden.input_grads['x']))


class EnhancedGatedEncoder(gated_conv.nn.Module):
  """InpaintGAN's encoder of enhanced gated convolutions."""

  @gated_conv.nn.compact
  def __call__(self, x, mask):
    conv = lambda features, name: Conv(features, strides=(2, 2), name=name)
    gate = conv(32, 'first')(jnp.concatenate([x, mask], -1))
    x, mask = jax.nn.sigmoid(gate), conv(1, 'first_mask')(mask)
    for i, (features, stride) in enumerate(
        ((64, 1), (128, 2), (128, 1), (128, 1), (256, 2)), start=2):
      x, gate, mask = gated_conv.EnhancedGatedConv(
          features, (stride, stride), name=f'layer_{i}')(x, gate, mask)
    return x


def test_enhanced_gated_convolutions_equal_the_published_ones():
  golden = golden_of('inpaintgan_egc_encoder')
  names = {'first': 'Ginput.conv', 'first_mask': 'Ginput.mask_conv'} | {
      f'layer_{i}/{ours}': f'EGC_layer_{i}.{theirs}' for i in range(2, 7)
      for ours, theirs in {'attention': 'conv1', 'conv': 'conv2',
                           'gate': 'gate_conv', 'mask': 'mask_conv'}.items()}
  net, state = EnhancedGatedEncoder(), golden.state_dict({})
  inputs = tuple(golden.inputs.values())
  variables = variables_of(net, inputs, state, names)
  out, vjp = jax.vjp(jax.jit(net.apply), variables, *inputs)
  assert_close(out, golden.outputs['out'])
  grads, *input_grads = vjp(jnp.asarray(golden.probe) / golden.probe.size)
  for actual, expected in zip(input_grads, golden.input_grads.values(),
                              strict=True):
    assert (np.linalg.norm(actual - expected)
            <= 1e-3 * np.linalg.norm(expected))
  norms = {pytorch_key(path, state, names): float(jnp.linalg.norm(grad))
           for path, grad in jax.tree_util.tree_leaves_with_path(
               jax.tree.map(jnp.ravel, grads))}
  assert {k: norms[k] for k in golden.grad_norms} == pytest.approx(
      golden.grad_norms, rel=1e-3)


def random(*shape, seed=0):
  return jnp.asarray(
      np.random.default_rng(seed).standard_normal(shape), jnp.float32)


def test_gated_splits_features_before_gate():
  x = random(2, 3, 3, 8)
  first, second = np.asarray(x[..., :4]), np.asarray(x[..., 4:])
  np.testing.assert_allclose(gated_conv.gated(x),
                             first * special.expit(second), rtol=1e-5)
  np.testing.assert_allclose(gated_conv.gated(x, jnp.tanh),
                             np.tanh(first) * special.expit(second), rtol=1e-5)


def test_depthwise_gate_is_its_definition():
  x = random(2, 9, 8, 5)
  layer = gated_conv.DepthwiseGatedConv(7, strides=(2, 2),
                                        padding_mode='replicate')
  variables = layer.init(jax.random.key(0), x)
  params = jax.tree.map(lambda a: a + 0.1, variables['params'])
  out = layer.apply({'params': params}, x)

  wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='edge')
  windows = np.lib.stride_tricks.sliding_window_view(
      wide, (3, 3), (1, 2))[:, ::2, ::2]
  conv = np.einsum('bhwcij,ijcd->bhwd', windows, params['conv']['kernel'])
  conv = ((conv - conv.mean((1, 2), keepdims=True))
          / np.sqrt(conv.var((1, 2), keepdims=True) + 1e-5))
  gate = np.einsum('bhwcij,ijc->bhwc', windows,
                   params['depthwise']['kernel'][:, :, 0])
  gate = ((gate + params['depthwise']['bias'])
          @ params['pointwise']['kernel'][0, 0] + params['pointwise']['bias'])
  np.testing.assert_allclose(
      out, np.where(conv > 0, conv, 0.2 * conv) * special.expit(gate),
      atol=1e-4)


def test_the_last_cfs_block_has_two_gates_and_no_activation():
  x = random(1, 6, 6, 4)
  layer = feature_selection.CFSBlock(3, last=True)
  out, variables = layer.init_with_output(jax.random.key(0), x)
  assert set(variables['params']) == {'conv', 'input_gate', 'output_gate'}

  def conv(name, x, features):
    part = {collection: variables[collection][name]
            for collection in ('params', 'spectral')}
    return np.asarray(Conv(features, spectral_norm=True).apply(part, x))

  g = special.expit(conv('input_gate', x, 4))
  expected = conv('conv', g * x, 3) * special.expit(conv('output_gate', x, 3))
  np.testing.assert_allclose(out, expected, atol=1e-6)
  assert (expected < 0).any()


def test_fourier_unit_with_an_identity_keeps_an_image_with_positive_spectrum():
  """A delta's spectrum is positive and real, at odd widths too."""
  x = jnp.zeros((1, 6, 7, 3)).at[0, 0, 0].set(jnp.array([1.0, 2.0, 3.0]))
  unit = FourierUnit()
  variables = unit.init(jax.random.key(0), x)
  variables['params']['conv']['kernel'] = jnp.eye(6)[None, None]
  out = unit.apply(variables, x)
  np.testing.assert_allclose(out, x / np.sqrt(1 + 1e-5), atol=1e-6)


def test_adain_takes_mean_and_deviation_from_the_style():
  x, style = random(2, 9, 7, 4), 3 * random(2, 5, 6, 4, seed=1) + 2
  out = np.asarray(spade.adaptive_instance_norm(x, style))
  for statistic in (np.mean, np.std):
    np.testing.assert_allclose(statistic(out, (1, 2)),
                               statistic(np.asarray(style), (1, 2)), rtol=1e-4)
  # An affine map of each channel of x.
  correlation = np.corrcoef(out[0, ..., 0].ravel(), x[0, ..., 0].ravel())
  assert correlation[0, 1] == pytest.approx(1, abs=1e-6)


def test_adain_projects_the_style_to_as_many_channels():
  x, style = random(1, 8, 8, 6), random(1, 4, 4, 10, seed=1)
  out, variables = spade.AdaIN().init_with_output(
      jax.random.key(0), x, style)
  assert variables['params']['projection']['kernel'].shape == (1, 1, 10, 6)
  assert out.shape == x.shape


def test_spade_without_gamma_and_beta_is_a_batch_norm():
  x, condition = 4 * random(3, 8, 8, 6) + 1, random(3, 4, 4, 2, seed=1)
  layer = spade.SPADE(kernel_init=jax.nn.initializers.zeros)
  variables = layer.init(jax.random.key(0), x, condition)
  out, stats = layer.apply(variables, x, condition, train=True,
                           mutable=['batch_stats'])
  np.testing.assert_allclose(out.mean((0, 1, 2)), 0, atol=1e-5)
  np.testing.assert_allclose(out.std((0, 1, 2)), 1, atol=1e-4)
  np.testing.assert_allclose(stats['batch_stats']['norm']['mean'],
                             0.1 * x.mean((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize(('options', 'numbers', 'spectral'), [
    ({'spectral_norm': True}, 1_179_648, 5_120), ({}, 1_180_160, 0),
    ({'normalize': 'batch'}, 1_180_160 + 1024, 0)])
def test_residual_block_has_the_published_size(options, numbers, spectral):
  shapes = jax.eval_shape(residual.DilatedResidualBlock(**options).init,
                          jax.random.key(0), jnp.zeros((1, 8, 8, 256)))
  count = lambda tree: sum(a.size for a in jax.tree.leaves(tree))
  assert count(shapes['params']) == numbers
  assert count(shapes.get('spectral', {})) == spectral


def test_residual_block_is_its_definition():
  x = random(1, 8, 9, 4)
  layer = residual.DilatedResidualBlock()
  variables = layer.init(jax.random.key(0), x)
  y = np.asarray(x)
  for i, dilation in ((1, 2), (2, 1)):
    kernel = np.asarray(variables['params'][f'conv_{i}']['kernel'])
    pads = ((0, 0), (dilation, dilation), (dilation, dilation), (0, 0))
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(y, pads, mode='reflect'), (2 * dilation + 1,) * 2, (1, 2))
    y = np.einsum('bhwcij,ijcd->bhwd',
                  windows[..., ::dilation, ::dilation], kernel)
    y = ((y - y.mean((1, 2), keepdims=True))
         / np.sqrt(y.var((1, 2), keepdims=True) + 1e-5))
    y = np.maximum(y, 0) if i == 1 else y
  np.testing.assert_allclose(layer.apply(variables, x), x + y, atol=1e-4)


def test_an_unknown_normalisation_is_refused():
  with pytest.raises(ValueError, match="not 'layer'"):
    residual.DilatedResidualBlock(normalize='layer').init(
        jax.random.key(0), jnp.zeros((1, 8, 8, 4)))


@pytest.mark.parametrize(('channels', 'numbers'), [
    (2, 2_762_752), (3, 2_763_776)])
def test_edgeconnect_discriminator_has_the_published_size(channels, numbers):
  shapes = jax.eval_shape(networks.create('edgeconnect_discriminator').init,
                          jax.random.key(0), jnp.zeros((1, 64, 64, channels)))
  assert sum(a.size for a in jax.tree.leaves(shapes['params'])) == numbers


def test_without_sigmoid_the_scores_are_the_last_features():
  golden = golden_of('edgeconnect_discriminator')
  _, names = LAYERS['edgeconnect_discriminator']
  net = networks.create('edgeconnect_discriminator', sigmoid=False)
  x = golden.inputs['x']
  scores, features = jax.jit(net.apply)(
      variables_of(net, (x,), golden.state_dict({}), names), x)
  np.testing.assert_array_equal(scores, features[-1])
  assert_close(special.expit(scores), golden.outputs['out'])


@pytest.mark.parametrize(('size', 'sizes'), [
    (64, (33, 17, 9, 5, 6, 7)), (128, (65, 33, 17, 9, 10, 11))])
def test_sketchrefiner_discriminator_has_the_published_maps(size, sizes):
  net = networks.create('sketchrefiner_discriminator')
  (scores, features), _ = jax.eval_shape(
      net.init_with_output, jax.random.key(0), jnp.zeros((1, size, size, 3)))
  assert tuple(f.shape[1] for f in (*features, scores)) == sizes
