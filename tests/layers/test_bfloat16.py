"""Layers compute in the type of their input, close to what float32 gives."""

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.layers import attention, conv, norm
from jinpaint.layers.feature_selection import CFSBlock, scale_channels
from jinpaint.layers.fourier_conv import FourierConv
from jinpaint.layers.gated_conv import DepthwiseGatedConv
from jinpaint.layers.partial_conv import PartialConv
from jinpaint.layers.spade import AdaIN, SPADE


class Function(nn.Module):
  """A function of arrays as a layer without weights."""

  function: object

  def __call__(self, *arrays):
    return self.function(*arrays)


def normal(*shape, seed=0, mean=0.0):
  return np.random.default_rng(seed).standard_normal(
      shape, np.float32) + np.float32(mean)


X = normal(2, 16, 16, 16)
# Far from zero, where squares in bfloat16 lose the variance.
SHIFTED = normal(2, 16, 16, 16, mean=8)
HOLE = np.zeros((2, 16, 16, 1), np.float32)
HOLE[0, 3:9, 2:12] = HOLE[1, :5, :5] = 1
LAYERS = {
    'conv': (conv.Conv(8, spectral_norm=True), (X,)),
    'conv_stride_2': (conv.Conv(8, (4, 4), (2, 2)), (X,)),
    'conv_reflect': (conv.Conv(4, (7, 7), padding=(3, 3),
                               padding_mode='reflect'), (X,)),
    'conv_transpose': (conv.ConvTranspose(8, spectral_norm=True), (X,)),
    'dense': (conv.Dense(8, spectral_norm=True), (X,)),
    'batch_norm': (norm.BatchNorm(), (SHIFTED,)),
    'instance_norm': (Function(norm.instance_norm), (SHIFTED,)),
    'partial_conv': (PartialConv(8), (X, 1 - HOLE)),
    'partial_conv_wide': (
        PartialConv(8, (7, 7), padding=(3, 3), normalize='sum'),
        (X, np.broadcast_to(1 - HOLE, X.shape))),
    'cfs_block': (CFSBlock(16), (X,)),
    'depthwise_gated_conv': (DepthwiseGatedConv(8), (X,)),
    'fourier_conv': (FourierConv(12), (X,)),
    'fourier_conv_lfu': (FourierConv(8, lfu=True), (X,)),
    'spade': (SPADE(16), (SHIFTED, normal(2, 8, 8, 4, seed=1))),
    'adain': (AdaIN(), (SHIFTED, normal(2, 8, 8, 4, seed=1))),
    'contextual_attention': (
        Function(attention.contextual_attention),
        (X, HOLE.repeat(4, axis=1).repeat(4, axis=2))),
}
TAKES_TRAIN = (conv.Conv, conv.ConvTranspose, conv.Dense, norm.BatchNorm,
               PartialConv, CFSBlock, FourierConv, SPADE)


def outcome(layer, variables, inputs):
  """Returns the output, the updated collections and the gradients."""
  options = {'train': True} if isinstance(layer, TAKES_TRAIN) else {}
  rest = {name: tree for name, tree in variables.items() if name != 'params'}

  def loss(params, x):
    result, updated = layer.apply({**rest, 'params': params}, x, *inputs[1:],
                                  **options, mutable=list(rest))
    output = jax.tree.leaves(result)[0]
    probe = normal(*output.shape, seed=2)
    return jnp.sum(output.astype(jnp.float32) * probe), (result, updated)

  grads, (result, updated) = jax.grad(loss, argnums=(0, 1), has_aux=True)(
      variables.get('params', {}), inputs[0])
  return result, updated, grads


def relative_errors(actual, expected):
  """Returns by how much each array is off, as a share of its norm."""
  norm_of = lambda x: np.linalg.norm(np.asarray(x, np.float64))
  largest = max(map(norm_of, jax.tree.leaves(expected)), default=1.0)
  # A bias in front of a normalisation has a gradient of rounding errors only.
  return [
      norm_of(np.asarray(a, np.float64) - np.asarray(b, np.float64))
      / max(norm_of(b), 1e-2 * largest)
      for a, b in zip(jax.tree.leaves(actual), jax.tree.leaves(expected),
                      strict=True)]


@pytest.mark.parametrize('name', LAYERS)
def test_bfloat16_is_close_to_float32_and_weights_stay_float32(name):
  layer, inputs = LAYERS[name]
  variables = jax.jit(
      lambda: layer.init(jax.random.key(0), *inputs, **(
          {'train': False} if isinstance(layer, TAKES_TRAIN) else {})))()
  run = jax.jit(lambda variables, inputs: outcome(layer, variables, inputs))
  expected = run(variables, inputs)
  actual = run(variables, [jnp.asarray(x, jnp.bfloat16) for x in inputs])
  result, updated, (grads, slope) = actual
  assert {x.dtype for x in (*jax.tree.leaves(result), slope)} == {
      jnp.dtype(jnp.bfloat16)}
  assert all(x.dtype == jnp.float32 for x in jax.tree.leaves((updated, grads)))
  for a, b, tolerance in zip(actual, expected, (0.02, 0.02, 0.1), strict=True):
    errors = relative_errors(a, b)
    assert all(error < tolerance for error in errors), errors


class ScaledChannels(nn.Module):
  """A weight for each channel."""

  @nn.compact
  def __call__(self, x):
    weight = self.param('weight', nn.initializers.ones, (x.shape[-1],))
    return scale_channels(x, weight)


@pytest.mark.parametrize('layer', [
    conv.Conv(4, (1, 1), padding=(0, 0)),
    conv.Conv(4, (1, 1), padding=(0, 0), groups=4),
    PartialConv(4, (1, 1), padding=(0, 0)), ScaledChannels()],
    ids=['conv', 'depthwise', 'partial_conv', 'scaled_channels'])
def test_gradients_of_weights_are_summed_over_all_pixels_in_float32(layer):
  """A sum of ones in bfloat16 ends at 256."""
  x = jnp.ones((2, 128, 128, 4), jnp.bfloat16)
  inputs = (x, x[..., :1]) if isinstance(layer, PartialConv) else (x,)
  variables = layer.init(jax.random.key(0), *inputs)

  def total(params):
    output = jax.tree.leaves(layer.apply({'params': params}, *inputs))[0]
    return jnp.sum(output.astype(jnp.float32))

  for gradient in jax.tree.leaves(jax.grad(total)(variables['params'])):
    np.testing.assert_allclose(gradient, 2 * 128 * 128, rtol=1e-2)
