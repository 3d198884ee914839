"""Convolutions in every form, paddings, spectral and instance norm."""

from golden import fill
import jax
from jax import export, lax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from jinpaint.layers import conv, norm, upsampling

SIZE = (9, 12)


def random(*shape, seed=0):
  return jnp.asarray(
      np.random.default_rng(seed).standard_normal(shape), jnp.float32)


@pytest.fixture
def elsewhere(monkeypatch):
  """Makes the layers believe that this is no CPU."""
  def switch():
    monkeypatch.setattr(jax, 'default_backend', lambda: 'gpu')
  return switch


def with_gradients(f):
  """Returns f's value, its gradients, and that of a gradient penalty.

  Of the penalty, the sum of squares of the gradient for x, the gradient for the
  kernel is a second derivative.
  """
  def run(x, kernel, y):
    value, vjp = jax.vjp(f, x, kernel)
    penalty = lambda kernel: jnp.sum(jnp.square(
        jax.vjp(lambda x: f(x, kernel), x)[1](y)[0]))
    return value, vjp(y), jax.grad(penalty)(kernel)
  return jax.jit(run)


def assert_same_with_gradients(f, g, x, kernel):
  y = random(*jax.eval_shape(f, x, kernel).shape, seed=2)
  actual = jax.tree.leaves(with_gradients(f)(x, kernel, y))
  expected = jax.tree.leaves(with_gradients(g)(x, kernel, y))
  for a, b in zip(actual, expected, strict=True):
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


# Window, stride, zeros above and below, dilation, output channels.
@pytest.mark.parametrize(('window', 'stride', 'zeros', 'dilation', 'channels'),
                         [
    (3, 1, (0, 0), 1, 4),  # as after a reflection
    (3, 1, (1, 1), 1, 32),  # the kernel's gradient is not unfolded
    (3, 1, (0, 0), 2, 32),
    (7, 1, (0, 0), 1, 1),
    (1, 1, (0, 0), 1, 4),
    (1, 2, (0, 0), 1, 4),  # smaller than its stride
    (4, 2, (1, 1), 1, 4),
    (4, 2, (3, 2), 1, 4),  # the gradient meets a negative padding
    (5, 2, (1, 2), 1, 4),
    (4, 1, (2, 2), 1, 4),
    (5, 1, (2, 2), 1, 8),  # the kernel's columns become features
    (4, 1, (3, 3), 2, 8),
    (7, 1, (2, 1), 1, 3),
    (4, 2, (1, 1), 1, 32),  # the gradient meets parts of the image
    (3, 2, (1, 0), 1, 32),
    (2, 3, (1, 1), 1, 32),
    (3, 3, (0, 0), 1, 4),  # leaves rows unseen
    (3, 3, (0, 0), 1, 32),
])
def test_convolution_has_one_result_on_every_backend(
    window, stride, zeros, dilation, channels, elsewhere):
  x = random(2, *SIZE, 3)
  kernel = random(window, window, 3, channels, seed=1)
  f = lambda x, kernel: conv.convolve(
      x, kernel, strides=(stride, stride), padding=(zeros, zeros),
      dilation=(dilation, dilation))
  plain = lambda x, kernel: lax.conv_general_dilated(
      x, kernel, (stride, stride), (zeros, zeros),
      rhs_dilation=(dilation, dilation),
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
  assert_same_with_gradients(f, plain, x, kernel)
  here = str(jax.make_jaxpr(f)(x, kernel))
  elsewhere()
  there = str(jax.make_jaxpr(lambda *a: f(*a))(x, kernel))
  assert 'custom_vjp' in here
  assert 'custom_vjp' not in there


@pytest.mark.parametrize(('window', 'stride', 'zeros', 'dilation', 'groups'), [
    (3, 1, 1, 1, 6), (3, 2, 0, 1, 6), (3, 1, 2, 2, 6), (3, 1, 1, 1, 2)])
def test_grouped_convolution_has_one_result_on_every_backend(
    window, stride, zeros, dilation, groups):
  x, pads = random(2, *SIZE, 6), [(zeros, zeros)] * 2
  kernel = random(window, window, 6 // groups, 6, seed=1)
  assert_same_with_gradients(
      lambda x, kernel: conv.convolve(
          x, kernel, strides=(stride, stride), padding=pads,
          dilation=(dilation, dilation), groups=groups),
      lambda x, kernel: lax.conv_general_dilated(
          x, kernel, (stride, stride), pads, feature_group_count=groups,
          rhs_dilation=(dilation, dilation),
          dimension_numbers=('NHWC', 'HWIO', 'NHWC')), x, kernel)


# Window, stride, padding, output padding.
TRANSPOSED = [(4, 2, 1, 0), (3, 2, 1, 1), (3, 1, 1, 0), (2, 2, 0, 0),
              (5, 3, 2, 1), (2, 3, 0, 0)]


@pytest.mark.parametrize('geometry', TRANSPOSED)
def test_transposed_convolution_is_the_transpose(geometry):
  window, stride, padding, extra = geometry
  x, kernel = random(2, 5, 6, 3), random(window, window, 3, 4, seed=1)
  y = conv.convolve_transposed(
      x, kernel, strides=(stride, stride), padding=(padding, padding),
      output_padding=(extra, extra))
  height, width = ((n - 1) * stride - 2 * padding + window + extra
                   for n in (5, 6))
  assert y.shape == (2, height, width, 4)
  expected = np.zeros((2, height + 2 * padding, width + 2 * padding, 4))
  for row in range(5):
    for column in range(6):
      expected[:, row * stride:row * stride + window,
               column * stride:column * stride + window] += np.einsum(
                   'bi,hwio->bhwo', x[:, row, column], kernel)
  np.testing.assert_allclose(
      y, expected[:, padding:padding + height, padding:padding + width],
      atol=1e-5)


@pytest.mark.parametrize('geometry', TRANSPOSED)
def test_transposed_convolution_has_one_result_on_every_backend(
    geometry, elsewhere):
  window, stride, padding, extra = geometry
  x, kernel = random(2, 5, 6, 3), random(window, window, 3, 4, seed=1)
  f = lambda x, kernel: conv.convolve_transposed(
      x, kernel, strides=(stride, stride), padding=(padding, padding),
      output_padding=(extra, extra))
  y = random(*jax.eval_shape(f, x, kernel).shape, seed=2)
  here = with_gradients(f)(x, kernel, y)
  elsewhere()
  there = with_gradients(lambda *a: f(*a))(x, kernel, y)
  for a, b in zip(jax.tree.leaves(here), jax.tree.leaves(there), strict=True):
    np.testing.assert_allclose(a, b, atol=1e-5 * np.abs(b).max())


@pytest.mark.parametrize(('mode', 'numpy_mode'), [
    ('zeros', 'constant'), ('replicate', 'edge'), ('reflect', 'reflect')])
def test_padding_mode_says_what_lies_outside(mode, numpy_mode):
  x = random(1, *SIZE, 2)
  layer = conv.Conv(3, (5, 3), padding=(2, 1), padding_mode=mode)
  y, variables = layer.init_with_output(jax.random.key(0), x)
  kernel = np.asarray(variables['params']['kernel'])
  wide = np.pad(x, ((0, 0), (2, 2), (1, 1), (0, 0)), mode=numpy_mode)
  for o in range(3):
    expected = sum(signal.correlate(wide[0, ..., i], kernel[..., i, o], 'valid')
                   for i in range(2))
    np.testing.assert_allclose(y[0, ..., o], expected, atol=1e-5)


def test_an_unknown_padding_mode_is_refused():
  with pytest.raises(ValueError, match="not 'circular'"):
    conv.Conv(3, padding_mode='circular').init(
        jax.random.key(0), random(1, 8, 8, 2))


@pytest.mark.parametrize(('window', 'stride', 'size', 'zeros'), [
    (5, 2, 8, (1, 2)), (5, 2, 9, (2, 2)), (3, 2, 8, (0, 1)), (3, 1, 8, (1, 1))])
def test_same_padding_puts_the_odd_zero_below(window, stride, size, zeros):
  x = random(1, size, size, 2)
  layer = conv.Conv(3, (window, window), (stride, stride), 'same')
  y, variables = layer.init_with_output(jax.random.key(0), x)
  np.testing.assert_allclose(y, conv.convolve(
      x, variables['params']['kernel'], strides=(stride, stride),
      padding=(zeros, zeros)), atol=1e-6)


def test_start_values_are_pytorch_s():
  """Uniform in +-1 / sqrt(fan in); a transposed layer takes its outputs."""
  key, x = jax.random.key(0), jnp.zeros((1, 8, 8, 64))
  for layer, fan_in in ((conv.Conv(32), 9 * 64),
                        (conv.ConvTranspose(32), 16 * 32),
                        (conv.Dense(32), 64)):
    kernel = layer.init(key, x)['params']['kernel']
    bound = fan_in ** -0.5
    assert 0.99 * bound < np.abs(kernel).max() <= bound
    assert np.std(kernel) == pytest.approx(bound / 3 ** 0.5, rel=0.02)


def test_dense_is_a_matrix_product():
  x = random(2, 1, 1, 5)
  y, variables = conv.Dense(3).init_with_output(jax.random.key(0), x)
  np.testing.assert_allclose(
      y, np.asarray(x) @ variables['params']['kernel'], atol=1e-6)


# A layer, an input, and the kernel's axes in PyTorch's order, outputs first.
SPECTRAL = [
    (conv.Conv(6, (4, 3), spectral_norm=True), (1, 8, 8, 5), (3, 2, 0, 1)),
    (conv.ConvTranspose(6, (4, 4), spectral_norm=True), (1, 4, 4, 5),
     (3, 2, 0, 1)),
    (conv.Dense(6, spectral_norm=True), (2, 5), (1, 0)),
]


def spectral_case(layer, shape, axes, steps):
  """Returns the layer's variables as PyTorch would have them, and W."""
  x = random(*shape)
  variables = layer.init(jax.random.key(0), x)
  kernel = 3 * random(*variables['params']['kernel'].shape, seed=1)
  matrix = np.asarray(kernel).transpose(axes).reshape(6, -1)
  u, v = fill.spectral_vectors(matrix, steps=steps)
  return x, {'params': {**variables['params'], 'kernel': kernel},
             'spectral': {'u': jnp.asarray(u), 'v': jnp.asarray(v)}}, matrix


@pytest.mark.parametrize(('layer', 'shape', 'axes'), SPECTRAL)
def test_evaluation_divides_by_sigma_of_the_stored_vectors(layer, shape, axes):
  x, variables, matrix = spectral_case(layer, shape, axes, steps=2)
  u, v = variables['spectral']['u'], variables['spectral']['v']
  sigma = np.asarray(u) @ matrix @ np.asarray(v)
  plain = layer.clone(spectral_norm=False)
  expected = plain.apply({'params': {
      **variables['params'], 'kernel': variables['params']['kernel'] / sigma}},
      x)
  np.testing.assert_allclose(layer.apply(variables, x), expected, rtol=1e-4,
                             atol=1e-5)


@pytest.mark.parametrize(('layer', 'shape', 'axes'), SPECTRAL)
def test_each_training_call_makes_one_power_iteration_first(
    layer, shape, axes):
  x, variables, matrix = spectral_case(layer, shape, axes, steps=1)
  y, moved = layer.apply(variables, x, train=True, mutable=['spectral'])
  v = matrix.T @ np.asarray(variables['spectral']['u'])
  v /= np.linalg.norm(v)
  u = matrix @ v
  u /= np.linalg.norm(u)
  np.testing.assert_allclose(moved['spectral']['u'], u, atol=1e-5)
  np.testing.assert_allclose(moved['spectral']['v'], v, atol=1e-5)
  # With the new vectors stored, evaluation does the same.
  again = layer.apply({**variables, **moved}, x)
  np.testing.assert_allclose(y, again, atol=1e-5)


@pytest.mark.parametrize(('layer', 'shape', 'axes'), SPECTRAL)
@pytest.mark.parametrize('train', [False, True])
def test_spectral_gradient_flows_through_sigma_not_its_vectors(
    layer, shape, axes, train):
  """dL/dW = (G - <G, W / sigma> u v') / sigma, with G = dL/d(W / sigma)."""
  x, variables, matrix = spectral_case(layer, shape, axes, steps=1)
  def loss(params, model):
    y, moved = model.apply({**variables, 'params': params}, x, train=train,
                           mutable=['spectral'])
    return jnp.sum(jnp.sin(y)), moved
  params = variables['params']
  grads, moved = jax.grad(loss, has_aux=True)(params, layer)
  spectral = {**variables, **moved}['spectral']
  u, v = np.asarray(spectral['u']), np.asarray(spectral['v'])
  sigma = u @ matrix @ v
  outer, _ = jax.grad(loss, has_aux=True)(
      {**params, 'kernel': params['kernel'] / sigma},
      layer.clone(spectral_norm=False))
  as_matrix = lambda kernel: np.asarray(kernel).transpose(axes).reshape(6, -1)
  g = as_matrix(outer['kernel'])
  expected = (g - np.sum(g * matrix / sigma) * np.outer(u, v)) / sigma
  np.testing.assert_allclose(as_matrix(grads['kernel']), expected, atol=2e-4)


def test_a_new_kernel_has_spectral_norm_one():
  for layer, shape, axes in SPECTRAL:
    variables = layer.init(jax.random.key(0), jnp.zeros(shape))
    matrix = np.asarray(variables['params']['kernel']).transpose(axes)
    matrix = matrix.reshape(6, -1)
    u, v = variables['spectral']['u'], variables['spectral']['v']
    assert u @ matrix @ v == pytest.approx(
        np.linalg.svd(matrix)[1][0], rel=0.02)


def test_instance_norm_survives_a_large_mean():
  x = np.random.default_rng(0).standard_normal((2, 16, 16, 3)) + 1000
  x = jnp.asarray(x, jnp.float32)
  exact = np.asarray(x, np.float64)
  expected = ((exact - exact.mean((1, 2), keepdims=True))
              / np.sqrt(exact.var((1, 2), keepdims=True) + 1e-5))
  np.testing.assert_allclose(norm.instance_norm(x), expected, atol=1e-3)


def test_pixel_shuffle_puts_channel_4c_2i_j_at_row_i_column_j():
  x = random(2, 3, 5, 8)
  y = upsampling.pixel_shuffle(x, 2)
  assert y.shape == (2, 6, 10, 2)
  for c in range(2):
    for i in range(2):
      for j in range(2):
        np.testing.assert_array_equal(y[:, i::2, j::2, c],
                                      x[..., 4 * c + 2 * i + j])


def test_sub_pixel_convolution_is_a_convolution_and_a_shuffle():
  x = random(1, 5, 6, 4)
  layer = upsampling.SubPixelConv(3, factor=3, spectral_norm=True)
  y, variables = layer.init_with_output(jax.random.key(0), x)
  assert y.shape == (1, 15, 18, 3)
  wide = conv.Conv(27, spectral_norm=True).apply(
      {name: variables[name]['conv'] for name in variables}, x)
  np.testing.assert_allclose(y, upsampling.pixel_shuffle(wide, 3), atol=1e-6)


def test_nearest_upsampling_repeats_pixels():
  x = random(2, 3, 4, 2)
  np.testing.assert_array_equal(
      upsampling.upsample_nearest(x, 3), np.kron(x, np.ones((1, 3, 3, 1))))
  np.testing.assert_array_equal(
      upsampling.resize_nearest(x, (6, 8)), upsampling.upsample_nearest(x))


def test_nearest_resizing_takes_the_floor():
  x = jnp.arange(62.0).reshape(1, 62, 1, 1)
  y = upsampling.resize_nearest(x, (125, 1))[0, :, 0, 0]
  np.testing.assert_array_equal(y, [i * 62 // 125 for i in range(125)])
  # The rows that SketchRefiner's discriminator takes of a mask.
  rows = upsampling.resize_nearest(
      jnp.arange(256.0).reshape(1, 256, 1, 1), (19, 1))[0, :, 0, 0]
  np.testing.assert_array_equal(rows, [
      0, 13, 26, 40, 53, 67, 80, 94, 107, 121, 134, 148, 161, 175, 188, 202,
      215, 229, 242])


@pytest.mark.parametrize(('platform', 'transposed', 'by_channel'), [
    ('cpu', 4, 0), ('cuda', 1, 1), ('tpu', 1, 1)])
def test_a_program_for_a_platform_has_the_form_of_its_convolutions(
    platform, transposed, by_channel):
  """On CPUs, one transposed convolution is four, and a grouped one is none."""
  def convolutions(function, kernel):
    with conv.traced_for(platform):
      made = export.export(jax.jit(function), platforms=[platform])(
          np.zeros((1, 16, 16, 12), np.float32), kernel)
    text = made.mlir_module()
    return text.count('stablehlo.convolution(')

  assert convolutions(
      lambda x, kernel: conv.convolve_transposed(
          x, kernel, strides=(2, 2), padding=(1, 1)),
      np.zeros((4, 4, 12, 12), np.float32)) == transposed
  assert convolutions(
      lambda x, kernel: conv.convolve(x, kernel, groups=12),
      np.zeros((3, 3, 1, 12), np.float32)) == by_channel
