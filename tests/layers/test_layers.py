"""Layers keep to their definitions and the published sizes."""

from golden import fill
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from jinpaint import networks
from jinpaint.converters import torch_layout
from jinpaint.layers import feature_selection, gated_conv, residual, spade
from jinpaint.layers.conv import Conv
from jinpaint.layers.fourier_conv import FourierUnit, SpectralTransform


def random(*shape, seed=0):
  return jnp.asarray(
      np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@pytest.mark.parametrize('layer', [
    feature_selection.ResidualCFSBlock(),
    residual.DilatedResidualBlock(spectral_norm=True)])
def test_spectral_vectors_move_in_every_part_in_training(layer):
  x = random(1, 8, 8, 24)
  variables = layer.init(jax.random.key(0), x)
  before = jax.tree.map(lambda vector: jnp.ones_like(vector) / vector.size**.5,
                        variables['spectral'])
  _, moved = layer.apply({**variables, 'spectral': before}, x, train=True,
                         mutable=['spectral'])
  for after, vector in zip(jax.tree.leaves(moved['spectral']),
                           jax.tree.leaves(before), strict=True):
    assert vector.size == 1 or (after != vector).any()


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
  # The last is never applied, but the published files have it.
  assert set(variables['params']) == {
      'conv', 'input_gate', 'output_gate', 'squeeze_excite'}

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


@pytest.mark.parametrize(('lfu', 'mean', 'deviation', 'at'), [
    (False, -0.009436915, 0.236371176, ()),
    (True, -0.019163983, 0.309591697,
     (-0.377401608, 0.019575060, -2.976563326, 0.025480580))])
def test_a_local_fourier_unit_sees_the_quarters_of_an_image(
    lfu, mean, deviation, at):
  """Numbers of LaMa's published code, in float64."""
  x = fill.fill('lfu_x', (1, 16, 8, 8)).transpose(0, 2, 3, 1)
  layer = SpectralTransform(lfu=lfu)
  converter = torch_layout.Converter({
      'reduce': 'conv1.0', 'reduce_norm': 'conv1.1', 'expand': 'conv2',
      'fourier_unit/conv': 'fu.conv_layer', 'fourier_unit/norm': 'fu.bn',
      'local_fourier_unit/conv': 'lfu.conv_layer',
      'local_fourier_unit/norm': 'lfu.bn'}, (torch_layout.image(16, 8),))
  state = {leaf.key: fill.fill(leaf.key, leaf.shape)
           for leaf in torch_layout.leaves(layer, converter, {})}
  out = np.asarray(layer.apply(
      torch_layout.convert(layer, converter, state), x)).transpose(0, 3, 1, 2)
  assert out.mean() == pytest.approx(mean, abs=1e-6)
  assert out.std(ddof=1) == pytest.approx(deviation, rel=1e-5)
  np.testing.assert_allclose(out.ravel()[[0, 341, 512, 1023][:len(at)]], at,
                             atol=1e-5)
  if lfu:
    with pytest.raises(ValueError, match='even height and width'):
      layer.init(jax.random.key(0), x[:, :7])


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
  x = random(1, 64, 64, 2)
  with_sigmoid, without = (
      networks.create('edgeconnect_discriminator', sigmoid=sigmoid)
      for sigmoid in (True, False))
  variables = without.init(jax.random.key(0), x)
  scores, features = without.apply(variables, x)
  np.testing.assert_array_equal(scores, features[-1])
  np.testing.assert_allclose(with_sigmoid.apply(variables, x)[0],
                             special.expit(scores), rtol=1e-5)


@pytest.mark.parametrize(('size', 'sizes'), [
    (64, (33, 17, 9, 5, 6, 7)), (128, (65, 33, 17, 9, 10, 11))])
def test_sketchrefiner_discriminator_has_the_published_maps(size, sizes):
  net = networks.create('sketchrefiner_discriminator')
  (scores, features), _ = jax.eval_shape(
      net.init_with_output, jax.random.key(0), jnp.zeros((1, size, size, 3)))
  assert tuple(f.shape[1] for f in (*features, scores)) == sizes


@pytest.mark.parametrize(('ndf', 'widths'), [
    (64, (64, 128, 256, 512, 512)), (16, (16, 32, 64, 128, 256)),
    (2, (2, 4, 8, 16, 32))])
def test_sketchrefiner_discriminator_doubles_its_widths(ndf, widths):
  net = networks.create('sketchrefiner_discriminator', ndf=ndf)
  (_, features), _ = jax.eval_shape(
      net.init_with_output, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))
  assert tuple(f.shape[-1] for f in features) == widths
