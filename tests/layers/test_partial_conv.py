"""Partial convolution equals the published layers, cheaply."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.layers.partial_conv import PartialConv

GOLDEN = np.load(Path(__file__).parents[1] / 'golden' / 'golden_pconv.npz')


def recipe_input(seed, *shape):
  """The inputs that golden_pconv.npz was made from, NCHW in [0, 1)."""
  return np.random.RandomState(seed).rand(*shape).astype(np.float32)


def nhwc(x):
  return jnp.asarray(np.moveaxis(x, 1, -1))


X = recipe_input(20, 1, 4, 12, 12) * 2 - 1
MASK = (recipe_input(21, 1, 4, 12, 12) > 0.7).astype(np.float32)
MASK[:, :, :7, :7] = 0


def recipe_params(bias):
  """Kernel and bias of the golden file's recipe."""
  normal = lambda i, *shape: np.random.RandomState(
      1000 + i).standard_normal(int(np.prod(shape))).reshape(shape)
  kernel = normal(0, 6, 4, 3, 3) * np.sqrt(2 / 36)
  params = {'kernel': jnp.asarray(kernel.transpose(2, 3, 1, 0), jnp.float32)}
  if bias:
    params['bias'] = jnp.asarray(0.1 * normal(1, 6), jnp.float32)
  return {'params': params}


@pytest.mark.parametrize(
    ('name', 'options', 'mask', 'known'),
    [('NV_multi_bias', {}, MASK, 108),
     ('NV_single_nobias', {'use_bias': False}, MASK[:, :1], 91),
     ('NV_single_bias_s2', {'strides': (2, 2)}, MASK[:, :1], 21),
     ('NV_nomask_bias', {}, np.ones_like(MASK[:, :1]), 144),
     ('NAO_s2_bias', {'strides': (2, 2), 'normalize': 'sum'}, MASK, 27)])
def test_output_and_updated_mask_are_those_of_the_published_layers(
    name, options, mask, known):
  layer = PartialConv(6, **options)
  params = recipe_params(options.get('use_bias', True))
  out, updated = layer.apply(params, nhwc(X), nhwc(mask))
  golden = np.moveaxis(GOLDEN[name], 1, -1)
  np.testing.assert_allclose(out, golden, atol=1e-4 * golden.std() + 1e-5)
  assert updated.shape == (*out.shape[:3], 1)
  assert updated.sum() == known


def apply(layer, x, valid, seed=0):
  variables = layer.init(jax.random.key(seed), x, valid)
  return layer.apply(variables, x, valid), variables


def test_one_mask_channel_a_group_equals_one_a_feature():
  rng = np.random.default_rng(0)
  xs = [jnp.asarray(rng.standard_normal((2, 9, 11, c)), jnp.float32)
        for c in (5, 3)]
  masks = [jnp.asarray(rng.random((2, 9, 11, 1)) > t, jnp.float32)
           for t in (0.3, 0.8)]
  layer = PartialConv(7)
  (cheap, valid), variables = apply(layer, xs, masks)
  spread = jnp.concatenate([jnp.repeat(m, x.shape[-1], axis=-1)
                            for x, m in zip(xs, masks, strict=True)], axis=-1)
  full, full_valid = layer.apply(variables, jnp.concatenate(xs, -1), spread)
  np.testing.assert_allclose(cheap, full, atol=1e-6)
  np.testing.assert_array_equal(valid, full_valid)


def test_inside_of_a_known_image_it_is_an_ordinary_convolution():
  x = jnp.asarray(np.random.default_rng(1).random((1, 8, 8, 3)), jnp.float32)
  (out, _), variables = apply(PartialConv(4), x, jnp.ones((1, 8, 8, 1)))
  plain = jax.lax.conv_general_dilated(
      x, variables['params']['kernel'], (1, 1), 'SAME',
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
  np.testing.assert_allclose(out[:, 1:-1, 1:-1], plain[:, 1:-1, 1:-1],
                             atol=1e-5)


def test_zero_padding_counts_as_a_hole():
  x = jnp.ones((1, 6, 6, 1))
  layer = PartialConv(1, use_bias=False)
  out = layer.apply({'params': {'kernel': jnp.ones((3, 3, 1, 1))}}, x, x)
  # 4 of 9 known in a corner, scaled by 9 / 4: as inside.
  np.testing.assert_allclose(out[0], 9, rtol=1e-6)


def test_the_sum_variant_lacks_the_window_s_size():
  x, mask = nhwc(X), nhwc(MASK)
  (ratio, _), variables = apply(PartialConv(6), x, mask)
  out, _ = PartialConv(6, normalize='sum').apply(variables, x, mask)
  np.testing.assert_allclose(ratio, out * 36, atol=1e-4)


def test_a_window_without_known_pixels_gives_zero_and_stays_a_hole():
  x, mask = nhwc(X), nhwc(MASK)
  layer = PartialConv(6)
  variables = layer.init(jax.random.key(0), x, mask)
  variables['params']['bias'] += 3
  out, valid = layer.apply(variables, x, mask)
  hole = np.asarray(valid[..., 0]) == 0
  assert hole.any()
  assert not np.asarray(out)[hole].any()


def test_what_a_hole_holds_does_not_matter():
  x, mask = nhwc(X), nhwc(MASK[:, :1])
  (out, _), variables = apply(PartialConv(6), x, mask)
  other, _ = PartialConv(6).apply(variables, x + 7 * (1 - mask), mask)
  np.testing.assert_array_equal(out, other)


def test_a_soft_mask_is_clipped_by_ratio_and_cut_by_sum():
  x = jnp.ones((1, 1, 1, 1))
  soft = jnp.full((1, 1, 1, 1), 0.5)
  kernel = {'params': {'kernel': jnp.ones((1, 1, 1, 1))}}
  options = {'features': 1, 'kernel_size': (1, 1), 'padding': (0, 0),
             'use_bias': False}
  out, valid = PartialConv(**options).apply(kernel, x, soft)
  # (x m) (1 / m) v, with v = m = 0.5.
  assert float(out[0, 0, 0, 0]) == pytest.approx(0.5)
  assert float(valid[0, 0, 0, 0]) == 0.5
  out, valid = PartialConv(**options, normalize='sum').apply(kernel, x, soft)
  assert float(out[0, 0, 0, 0]) == pytest.approx(1)
  assert float(valid[0, 0, 0, 0]) == 1


@pytest.mark.parametrize('wrong', [
    jnp.ones((1, 8, 7, 1)), jnp.ones((1, 8, 8, 2)), jnp.ones((2, 8, 8, 1))])
def test_a_mask_that_does_not_fit_is_refused(wrong):
  with pytest.raises(ValueError, match='mask of the same height and width'):
    PartialConv(4).init(jax.random.key(0), jnp.ones((1, 8, 8, 3)), wrong)


def test_an_unknown_normalisation_is_refused():
  x = jnp.ones((1, 8, 8, 1))
  with pytest.raises(ValueError, match="not 'mean'"):
    PartialConv(4, normalize='mean').init(jax.random.key(0), x, x)
