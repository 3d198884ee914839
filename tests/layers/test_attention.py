"""Contextual attention beside its definition, one place at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.layers import attention


def literal(x, mask, index, fuse):
  """Computes one image (H, W, C) as the definition says, patch by patch."""
  height, width, channels = x.shape
  rows, columns = height // 2, width // 2
  small = x[index(height, 2)][:, index(width, 2)]
  holes = mask[index(4 * height, 8)][:, index(4 * width, 8)]
  at = lambda image, i, j: (
      image[i, j] if 0 <= i < len(image) and 0 <= j < len(image[0])
      else np.zeros_like(image[0, 0]))
  window = lambda image, i, j, reach: np.stack([
      at(image, i + a, j + b) for a in reach for b in reach]).ravel()
  places = [(i, j) for i in range(rows) for j in range(columns)]
  around = np.stack([window(small, i, j, (-1, 0, 1)) for i, j in places])
  known = np.array([not window(holes, i, j, (-1, 0, 1)).any()
                    for i, j in places])
  unit = around / np.maximum(np.linalg.norm(around, axis=1), 1e-4)[:, None]
  scores = around @ unit.T
  if fuse:
    number = len(places)
    def diagonal(s):
      fused = s.copy()
      fused[1:, 1:] += s[:-1, :-1]
      fused[:-1, :-1] += s[1:, 1:]
      return fused
    by_columns = np.array([j * rows + i for i, j in places])
    turned = np.zeros_like(scores)
    turned[np.ix_(by_columns, by_columns)] = diagonal(scores)
    scores = diagonal(turned)[np.ix_(by_columns, by_columns)]
    assert scores.shape == (number, number)
  weight = np.exp(10 * scores * known)
  shares = weight / weight.sum(axis=1, keepdims=True) * known
  out = np.zeros((height + 2, width + 2, channels))
  pasted = np.stack([window(x, 2 * i, 2 * j, (-1, 0, 1, 2))
                     for i, j in places])
  for (i, j), patch in zip(places, shares @ pasted, strict=True):
    out[2 * i:2 * i + 4, 2 * j:2 * j + 4] += patch.reshape(4, 4, channels)
  return out[1:-1, 1:-1] / 4


@pytest.mark.parametrize('fuse', [False, True])
def test_it_is_what_its_definition_says(fuse):
  rng = np.random.default_rng(0)
  x = rng.standard_normal((2, 8, 12, 3)).astype(np.float32)
  mask = np.zeros((2, 32, 48, 1), np.float32)
  mask[0, 8:20, 16:40] = mask[1, :9, :9] = 1  # each image has its own
  filled = jax.jit(lambda x, mask: attention.contextual_attention(
      x, mask, fuse=fuse, align_corners=False))(x, mask)
  strided = lambda size, factor: np.arange(0, size, factor)
  for i in range(2):
    np.testing.assert_allclose(
        filled[i], literal(x[i].astype(np.float64), mask[i], strided, fuse),
        atol=1e-5)


@pytest.mark.parametrize('fuse', [False, True])
@pytest.mark.parametrize('size', [(16, 24), (24, 16), (4, 16), (16, 2)])
def test_row_by_row_it_is_what_it_is_at_once(fuse, size, monkeypatch):
  rng = np.random.default_rng(0)
  x = jnp.asarray(rng.standard_normal((2, *size, 3)), jnp.float32)
  mask = np.zeros((2, 4 * size[0], 4 * size[1], 1), np.float32)
  mask[0, 2:9] = mask[1, :, 3:6] = 1
  compute = jax.jit(lambda x, mask: attention.contextual_attention(
      x, mask, fuse=fuse, align_corners=False))
  at_once = compute(x, mask)
  jax.clear_caches()
  monkeypatch.setattr(attention, '_MOST_PLACES', 1)
  np.testing.assert_allclose(compute(x, mask), at_once, rtol=0, atol=1e-6)


def test_a_large_map_has_no_matrix_of_all_scores():
  shapes = [jax.ShapeDtypeStruct((1, *size), jnp.float32) for size in (
      (256, 256, 4), (1024, 1024, 1))]
  for fuse in (False, True):
    usage = jax.jit(lambda x, mask, fuse=fuse: attention.contextual_attention(
        x, mask, fuse=fuse)).lower(*shapes).compile().memory_analysis()
    assert usage.temp_size_in_bytes < 2**28  # of 2**30 that the scores take


@pytest.mark.parametrize(('size', 'wanted', 'places'), [
    (16, 8, [0, 2, 4, 6, 9, 11, 13, 15]),
    (24, 12, [0, 2, 4, 6, 8, 10, 13, 15, 17, 19, 21, 23]),
    (64, 8, [0, 9, 18, 27, 36, 45, 54, 63]),
    (96, 12, [0, 9, 17, 26, 35, 43, 52, 60, 69, 78, 86, 95]), (8, 1, [0])])
def test_aligned_corners_are_the_recorded_ones(size, wanted, places):
  assert attention._aligned(size, wanted).tolist() == places


def test_all_hole_and_no_hole_are_finite_and_have_gradients():
  x = jnp.zeros((1, 8, 8, 2)).at[:, :4].set(1.0)
  for value in (0.0, 1.0):
    mask = jnp.full((1, 32, 32, 1), value)
    out, gradient = jax.value_and_grad(
        lambda x, mask=mask: jnp.sum(attention.contextual_attention(
            x, mask) ** 2))(x)
    assert np.isfinite(out)
    assert np.isfinite(gradient).all()
    assert (out == 0) == (value == 1)


def test_a_mask_of_another_size_is_refused():
  with pytest.raises(ValueError, match='need a mask of 32 x 32'):
    attention.contextual_attention(
        jnp.zeros((1, 8, 8, 2)), jnp.zeros((1, 8, 8, 1)))
