"""Losses: recorded numbers, closed forms, independent libraries, gradients.

Recorded are the values of the published code. Those that need a whole network
(style and perceptual loss of VGG-19, SketchRefiner's R1 and feature matching,
whole training steps) are tested where that network is.
"""

import json
import pathlib
import zlib

from golden import fill
import jax
from jax import test_util
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import ndimage, special, stats
from skimage import measure

from jinpaint import devices, losses

GOLDEN = pathlib.Path(__file__).parents[1] / 'golden'
ADVERSARIAL = losses.ADVERSARIAL


def recorded(seed, *shape):
  """Returns a recorded input (NCHW), as the published code was given it."""
  return nhwc(np.random.RandomState(seed).rand(*shape))


def nhwc(x):
  return jnp.asarray(np.moveaxis(np.asarray(x), 1, -1), jnp.float32)


def some(seed, *shape, low=0.0, high=1.0):
  return np.random.RandomState(seed).uniform(low, high, shape).astype('f')


def some_mask(seed, *shape):
  return (np.random.RandomState(seed).rand(*shape) > 0.6).astype('f')


# Recorded values of the published code.


@pytest.mark.parametrize('name', ['nsgan', 'lsgan', 'hinge'])
def test_adversarial_losses_are_edgeconnects(name):
  golden = json.loads((GOLDEN / 'losses.json').read_text())
  scores = jnp.asarray(fill.image('scores', (2, 6, 6, 1))) * 2 - 1
  if name != 'hinge':
    scores = jax.nn.sigmoid(scores)
  loss, golden = ADVERSARIAL[name], golden['adversarial'][name]
  # Recorded: 'disc_real' and 'gen' of scores, 'disc_fake' of scores too.
  np.testing.assert_allclose(
      [loss.real(scores), loss.fake(scores), loss.generator(scores)],
      [golden['disc_real'], golden['disc_fake'], golden['gen']], rtol=2e-6)


@pytest.mark.parametrize(('name', 'scores', 'expected'), [
    ('nsgan', [0.1, 0.9, 0.6, 0.3], [1.0306860, 0.9202278, 1.0306860]),
    ('lsgan', [0.1, 0.9, 0.6, 0.3], [0.3675, 0.3175, 0.3675]),
    ('hinge', [-1.6, 1.6, 0.4, -0.8], [1.25, 1.05, 0.1]),
])
def test_adversarial_losses_of_four_scores(name, scores, expected):
  scores = jnp.asarray(scores)
  np.testing.assert_allclose([f(scores) for f in ADVERSARIAL[name]], expected,
                             rtol=1e-6)


def test_l1_per_hole_is_isnets():
  draw = lambda name: np.random.RandomState(zlib.crc32(name.encode())).rand
  valid = draw('mask')(2, 1, 64, 64) > 0.3
  valid[:, :, 16:48, 16:48] = 0
  loss = losses.l1_per_hole(
      nhwc(draw('gen')(2, 3, 64, 64)), nhwc(draw('inputs')(2, 3, 64, 64)),
      1 - nhwc(valid))
  np.testing.assert_allclose(loss, 0.7053244, rtol=1e-6)


def test_masked_l1_is_sketchrefiners():
  mask = recorded(35, 2, 1, 256, 256)[:, :32, :32] > 0.6
  loss = losses.masked_l1(
      recorded(38, 2, 3, 32, 32), recorded(39, 2, 3, 32, 32),
      mask.astype(jnp.float32), known=10.0, missing=0.0)
  np.testing.assert_allclose(loss, 2.0163090, rtol=1e-6)


A, B = (recorded(seed, 2, 1, 32, 32) for seed in (30, 31))
P, Q = ((recorded(seed, 2, 1, 32, 32) > 0.8).astype(jnp.float32)
        for seed in (32, 33))


@pytest.mark.parametrize(('sketch', 'edge', 'expected'), [
    (A, B, -0.0946519), (A, A, -0.9999999), (P, Q, -0.0129917),
    (P, P, -0.9999999), (A, P, -0.0209266), (A, 1 - A, -0.5972634),
    (0.7 * A + 0.3 * B, B, -0.2962936), (0 * P, P, 0), (0 * P, 0 * P, 0),
])
def test_cross_correlation_is_sketchrefiners(sketch, edge, expected):
  np.testing.assert_allclose(
      # Processors round float32 differently, by some units of the 7th digit.
      losses.cross_correlation(sketch, edge), expected, rtol=1e-6, atol=2e-7)


def test_cross_correlation_has_sketchrefiners_gradient():
  gradient = jax.jit(jax.grad(losses.cross_correlation))(A, B)
  np.testing.assert_allclose(
      [jnp.linalg.norm(gradient.ravel()), gradient[0, 0, 0, 0],
       gradient[1, 31, 31, 0]],
      [2.1165064e-02, 2.5718231e-04, -7.3545327e-04], rtol=1e-5)


LOGITS = recorded(34, 2, 1, 19, 19) * 4 - 2
ROWS_256_TO_19 = [0, 13, 26, 40, 53, 67, 80, 94, 107, 121, 134, 148, 161, 175,
                  188, 202, 215, 229, 242]


def test_softplus_losses_are_sketchrefiners():
  mask = (recorded(35, 2, 1, 256, 256) > 0.6).astype(jnp.float32)
  np.testing.assert_allclose(
      10 * ADVERSARIAL['softplus'].generator(LOGITS), 8.6282244, rtol=1e-6)
  np.testing.assert_allclose(
      losses.fake_in_hole(LOGITS, mask), 0.8614587, rtol=1e-6)


def test_fake_in_hole_looks_at_the_recorded_pixels_only():
  rows = np.zeros((1, 256, 256, 1), np.float32)
  rows[:, ROWS_256_TO_19] = 1
  columns = rows.swapaxes(1, 2)
  scores = jnp.zeros((1, 19, 19, 1))
  for mask in (rows * columns, rows, columns):
    # At a score of 0, the slope is (M - 1/2) / n.
    slope = jax.grad(losses.fake_in_hole)(scores, mask)
    np.testing.assert_allclose(slope, 0.5 / 361, rtol=1e-6)
    slope = jax.grad(losses.fake_in_hole)(scores, 1 - mask)
    np.testing.assert_allclose(slope, -0.5 / 361, rtol=1e-6)


def test_gram_matrix_is_naoto0804s():
  gram = losses.gram(recorded(24, 2, 5, 6, 7))
  expected = np.load(GOLDEN / 'golden_pconv.npz')['gram']
  np.testing.assert_allclose(gram, expected, rtol=1e-6)
  np.testing.assert_allclose(
      [gram.mean(), gram.ravel()[0], gram.ravel()[-1]],
      [0.053612, 0.087873, 0.062765], atol=1e-6)


def test_total_variation_is_naoto0804s():
  np.testing.assert_allclose(
      losses.total_variation(recorded(25, 2, 3, 9, 9)), 0.6670991, rtol=1e-6)


def test_partial_convolutions_total_loss_is_naoto0804s():
  pool = lambda x, n: x.reshape(2, 16 // n, n, 16 // n, n, 3).mean((2, 4))
  features = lambda x: {'twice': 2 * x, 'by2': pool(x, 2), 'by4': pool(x, 4)}
  target, prediction = recorded(27, 2, 3, 16, 16), recorded(28, 2, 3, 16, 16)
  hole = 1 - (recorded(29, 2, 3, 16, 16) > 0.5).astype(jnp.float32)
  composite = hole * prediction + (1 - hole) * target
  both = lambda loss: sum(
      loss(features(x), features(target)) for x in (prediction, composite))
  terms = [losses.hole_l1(prediction, target, hole),
           losses.valid_l1(prediction, target, hole),
           both(losses.perceptual), both(losses.style),
           losses.total_variation(composite)]
  np.testing.assert_allclose(
      terms, [0.1658334, 0.1704744, 1.4143538, 0.0414513, 0.6733471],
      atol=1e-7, rtol=5e-7)
  np.testing.assert_allclose(
      np.dot([6, 1, 0.05, 120, 0.1], np.asarray(terms)), 6.2776828, rtol=1e-6)


def test_spatially_variant_weight_has_the_computed_reference():
  small, large = np.zeros((2, 1, 256, 256, 1), np.float32)
  small[:, 112:144, 96:128] = 1
  large[:, 64:192, 64:192] = 1
  once = losses.spatially_variant_weight(small, iterations=1)
  np.testing.assert_allclose(once[0, 112, 96, 0], 0.74537, atol=1e-5)
  weight = losses.spatially_variant_weight(small)
  np.testing.assert_allclose(weight[0, 112, 96, 0], 0.99988, atol=1e-5)
  np.testing.assert_allclose(weight.sum(), 1023.872, atol=1e-2)
  weight = losses.spatially_variant_weight(large)
  np.testing.assert_allclose(
      [weight[0, 64, 64, 0], weight[0, 64, 128, 0], weight[0, 128, 128, 0]],
      [0.94830, 0.82932, 0.43660], atol=1e-5)
  np.testing.assert_allclose(weight.sum(), 11535.09, rtol=1e-6)


# Closed forms and independent libraries.


X, Y = some(1, 3, 12, 8, 2), some(2, 3, 12, 8, 2)
M = some_mask(3, 3, 12, 8, 1)
S, E = some(4, 3, 12, 8, 1), some(5, 3, 12, 8, 1)


def test_l1_and_l2_are_means_over_all_elements():
  np.testing.assert_allclose(losses.l1(X, Y), np.abs(X - Y).mean(), rtol=1e-6)
  np.testing.assert_allclose(
      losses.l2(X, Y), np.square(X - Y).mean(), rtol=1e-6)


def test_hole_and_valid_l1_share_out_the_l1():
  hole = (np.abs(X - Y) * M).mean()
  np.testing.assert_allclose(losses.hole_l1(X, Y, M), hole, rtol=1e-6)
  np.testing.assert_allclose(
      losses.hole_l1(X, Y, M) + losses.valid_l1(X, Y, M), losses.l1(X, Y),
      rtol=1e-6)
  np.testing.assert_allclose(
      losses.hole_l1(X, Y, np.broadcast_to(M, X.shape)), hole, rtol=1e-6)


def test_l1_per_hole_is_the_plain_l1_without_a_hole_and_where_all_is_hole():
  for mask in (0 * M, 0 * M + 1):
    np.testing.assert_allclose(
        losses.l1_per_hole(X, Y, mask), losses.l1(X, Y), rtol=1e-6)


def test_hole_total_variation_counts_pairs_inside_the_dilated_hole():
  mask = np.zeros((2, 12, 8, 1), np.float32)
  mask[0, 3:6, 0:2] = mask[0, 10, 6] = mask[1, 11, 7] = 1
  image, total = some(6, 2, 12, 8, 3), 0.0
  for x, hole in zip(image, mask[..., 0] > 0, strict=True):
    region = ndimage.binary_dilation(hole, np.ones((3, 3)))
    for i, j in zip(*np.nonzero(region), strict=True):
      for k, m in ((i + 1, j), (i, j + 1)):
        if k < 12 and m < 8 and region[k, m]:
          total += np.abs(x[i, j] - x[k, m]).sum()
  np.testing.assert_allclose(
      losses.hole_total_variation(image, mask), total / image.size, rtol=1e-6)


def test_spatially_variant_weight_is_repeated_gaussian_filtering():
  weight, m = np.zeros((3, 12, 8)), M[..., 0].astype(np.float64)
  bell = np.exp(-np.square(np.arange(6) - 2.5) / (2 * 3.0 ** 2))
  kernel = np.outer(bell, bell) / bell.sum() ** 2
  for _ in range(3):
    weight = np.stack([
        hole * ndimage.correlate(1 - hole + q, kernel, mode='constant',
                                 origin=-1)
        for hole, q in zip(m, weight, strict=True)])
  np.testing.assert_allclose(
      losses.spatially_variant_weight(M, iterations=3, size=6, sigma=3.0),
      weight[..., None], rtol=1e-5)


def test_spatially_variant_loss_weighs_the_differences():
  weight = np.asarray(losses.spatially_variant_weight(M))
  np.testing.assert_allclose(
      losses.spatially_variant(X, Y, M), (weight * np.abs(X - Y)).mean(),
      rtol=1e-6)


def test_perceptual_loss_pairs_layers_by_name_or_place():
  expected = np.abs(X - Y).mean() + np.abs(S - E).mean()
  np.testing.assert_allclose(
      losses.perceptual({'x': X, 's': S}, {'s': E, 'x': Y}), expected,
      rtol=1e-6)
  np.testing.assert_allclose(
      losses.perceptual((X, S), (Y, E)), expected, rtol=1e-6)
  np.testing.assert_allclose(
      losses.perceptual((X, S), (Y, E), distance=losses.l2),
      np.square(X - Y).mean() + np.square(S - E).mean(), rtol=1e-6)


def test_style_loss_compares_gram_matrices_in_either_norm():
  def grams(x):
    columns = x.reshape(3, -1, x.shape[-1]).astype(np.float64)
    return columns.swapaxes(1, 2) @ columns / columns[0].size
  x, s = grams(X) - grams(Y), grams(S) - grams(E)
  np.testing.assert_allclose(
      losses.style((X, S), (Y, E)), np.abs(x).mean() + np.abs(s).mean(),
      rtol=1e-5)
  frobenius = lambda g: np.mean(np.linalg.norm(g, axis=(1, 2)) ** 2)
  np.testing.assert_allclose(
      losses.style((X, S), (Y, E), distance=losses.squared_frobenius),
      frobenius(x) + frobenius(s), rtol=1e-5)


def test_feature_matching_is_edgeconnects_sum_and_sketchrefiners_average():
  np.testing.assert_allclose(
      losses.feature_matching((X, S), (Y, E)),
      np.abs(X - Y).mean() + np.abs(S - E).mean(), rtol=1e-6)
  np.testing.assert_allclose(
      losses.feature_matching((X, S), (Y, E), distance=losses.l2, average=True),
      (np.square(X - Y).mean() + np.square(S - E).mean()) / 2, rtol=1e-6)


def test_feature_matching_does_not_move_the_real_features():
  fake, real = jax.grad(losses.feature_matching, argnums=(0, 1))((X,), (Y,))
  assert np.all(real[0] == 0)
  np.testing.assert_allclose(fake[0], np.sign(X - Y) / X.size, rtol=1e-6)


SCORES = some(7, 2, 5, 4, 1, low=-4, high=4)


@pytest.mark.parametrize('name', ['bce_logits', 'softplus'])
def test_logistic_losses_are_logarithms_of_the_sigmoid(name):
  scores, loss = SCORES.astype(np.float64), ADVERSARIAL[name]
  real = -special.log_expit(scores).mean()
  fake = -special.log_expit(-scores).mean()
  np.testing.assert_allclose(
      [f(SCORES) for f in loss], [real, fake, real], rtol=1e-6)


@pytest.mark.parametrize('role', ['real', 'fake', 'generator'])
def test_nsgan_on_probabilities_is_bce_on_logits(role):
  nsgan = getattr(ADVERSARIAL['nsgan'], role)
  bce = jax.value_and_grad(getattr(ADVERSARIAL['bce_logits'], role))(SCORES)
  ours = jax.value_and_grad(lambda x: nsgan(jax.nn.sigmoid(x)))(SCORES)
  np.testing.assert_allclose(ours[0], bce[0], rtol=1e-6)
  np.testing.assert_allclose(ours[1], bce[1], rtol=1e-5)


def test_nsgan_is_bounded_as_pytorchs_bce():
  loss, wrong = ADVERSARIAL['nsgan'], 1e12  # the steepest slope of PyTorch's
  zero, one = jnp.zeros(1), jnp.ones(1)
  assert loss.real(zero) == loss.generator(zero) == loss.fake(one) == 100
  assert loss.real(one) == loss.generator(one) == loss.fake(zero) == 0
  np.testing.assert_allclose(jax.grad(loss.real)(zero), -wrong, rtol=1e-6)
  np.testing.assert_allclose(jax.grad(loss.fake)(one), wrong, rtol=1e-6)
  assert jax.grad(loss.real)(one) == jax.grad(loss.fake)(zero) == 0
  for score in (-200.0, 200.0):  # here the sigmoid is 0 or 1
    for function in loss:
      saturated = lambda x, f=function: f(jax.nn.sigmoid(x))
      assert jax.grad(saturated)(jnp.full(1, score)) == 0


def test_lsgan_is_the_squared_distance_to_the_label():
  real, fake = np.square(SCORES - 1).mean(), np.square(SCORES).mean()
  np.testing.assert_allclose(
      [f(SCORES) for f in ADVERSARIAL['lsgan']], [real, fake, real], rtol=1e-6)


def test_hinge_is_optaxs():
  loss, ones = ADVERSARIAL['hinge'], np.ones_like(SCORES)
  np.testing.assert_allclose(
      [loss.real(SCORES), loss.fake(SCORES), loss.generator(SCORES)],
      [optax.hinge_loss(SCORES, ones).mean(),
       optax.hinge_loss(SCORES, -ones).mean(), -SCORES.mean()], rtol=1e-5)


@pytest.mark.parametrize('name', ADVERSARIAL)
def test_minimising_adversarial_losses_moves_scores_the_right_way(name):
  scores, loss = jnp.full((2, 3), 0.4), ADVERSARIAL[name]
  assert np.all(jax.grad(loss.real)(scores) < 0)
  assert np.all(jax.grad(loss.fake)(scores) > 0)
  assert np.all(jax.grad(loss.generator)(scores) < 0)


@pytest.mark.parametrize('name', ['bce_logits', 'softplus', 'hinge', 'lsgan'])
@pytest.mark.parametrize('score', [-1e4, 1e4])
def test_extreme_scores_stay_finite(name, score):
  for function in ADVERSARIAL[name]:
    value, slope = jax.value_and_grad(function)(jnp.full((2, 2), score))
    assert np.isfinite(value)
    assert np.all(np.isfinite(slope))


def test_fake_in_hole_is_the_plain_fake_or_real_where_all_or_nothing_is_hole():
  mask = np.zeros((2, 20, 12, 1), np.float32)
  loss = ADVERSARIAL['softplus']
  np.testing.assert_allclose(losses.fake_in_hole(SCORES, mask + 1),
                             loss.fake(SCORES), rtol=1e-6)
  np.testing.assert_allclose(losses.fake_in_hole(SCORES, mask),
                             loss.real(SCORES), rtol=1e-6)


def test_gradient_penalty_is_the_mean_squared_norm_of_each_gradient():
  np.testing.assert_allclose(
      losses.gradient_penalty(X), np.mean(np.sum(X ** 2, (1, 2, 3))), rtol=1e-6)


def test_cross_correlation_is_that_of_scipys_windows():
  s, e = S[..., 0].astype(np.float64), E[..., 0].astype(np.float64)
  window = lambda x: 81 * np.stack(
      [ndimage.uniform_filter(y, 9, mode='constant') for y in x])
  covariance = lambda a, b: window(a * b) - window(a) * window(b) / 81
  expected = -np.mean(covariance(s, e) ** 2 / (
      covariance(s, s) * covariance(e, e) + 1e-5))
  np.testing.assert_allclose(
      losses.cross_correlation(S, E), expected, rtol=1e-5)


def test_cross_correlation_asks_for_full_float32():
  text = jax.jit(jax.grad(losses.cross_correlation)).lower(S, E).as_text()
  assert text.count('dot_general') > 0
  assert text.count('dot_general') == text.count('HIGHEST, HIGHEST')


def test_cross_correlation_stays_in_range_on_flat_windows():
  # In float32 the variance of many a flat gray comes out below zero. Edges away
  # from the border, where zeros continue the sketch, meet flat windows only.
  grays = np.linspace(0.01, 0.99, 99, dtype='f')[:, None, None, None, None]
  edges = np.zeros((99, 1, 40, 40, 1), 'f')
  edges[:, :, 12:28, 12:28] = some(9, 99, 1, 16, 16, 1) > 0.5
  loss = jax.vmap(losses.cross_correlation)(grays + 0 * edges, edges)
  assert np.all((loss >= -1e-6) & (loss <= 0))


def test_pearson_is_scipys_on_the_pixels_of_the_hole():
  of_hole = [stats.pearsonr(s[m > 0], e[m > 0]).statistic
             for s, e, m in zip(S, E, M, strict=True)]
  np.testing.assert_allclose(
      losses.pearson(S, E, M), -np.mean(of_hole), rtol=1e-5)
  of_all = [stats.pearsonr(s.ravel(), e.ravel()).statistic
            for s, e in zip(S, E, strict=True)]
  np.testing.assert_allclose(losses.pearson(S, E), -np.mean(of_all), rtol=1e-5)
  np.testing.assert_allclose(losses.pearson(S, 3 * S + 1, M), -1, rtol=1e-5)
  assert losses.pearson(S, 0 * E, M) == 0


def test_smoothness_is_scipys_laplacian():
  laplacian = [ndimage.laplace(s, mode='nearest') for s in S[..., 0]]
  np.testing.assert_allclose(
      losses.smoothness(S), np.abs(laplacian).mean(), rtol=1e-6)


def test_sparsity_is_the_mean_of_the_absolute_map():
  np.testing.assert_allclose(losses.sparsity(-S), S.mean(), rtol=1e-6)


def test_consistency_counts_strokes_where_the_reference_is_dark():
  strokes, edge = np.eye(4)[None, ..., None], np.zeros((1, 4, 4, 1))
  edge[0, 0, 0] = 1
  strokes, edge = strokes.astype('f'), edge.astype('f')
  np.testing.assert_allclose(losses.consistency(strokes, edge), 3 / 16)


def test_gradient_magnitude_of_a_ramp():
  y, x = np.mgrid[0:5, 0:6].astype('f')
  ramp = (3 * x + 4 * y)[None, ..., None]
  # 5 inside, 4 in the last column, 3 in the last row, 0 in their corner.
  expected = (4 * 5 * 5 + 4 * 4 + 5 * 3) / 30
  np.testing.assert_allclose(
      losses.gradient_magnitude(ramp), expected, rtol=1e-6)


def test_multi_scale_averages_maps_and_takes_the_maximum_of_the_mask():
  def pooled(x, factor, reduction):
    return measure.block_reduce(x, (1, factor, factor, 1), reduction)
  expected = [
      losses.pearson(pooled(S, f, np.mean), pooled(E, f, np.mean),
                     pooled(M, f, np.max)) for f in (4, 2, 1)]
  np.testing.assert_allclose(
      losses.multi_scale(losses.pearson, S, E, mask=M), np.mean(expected),
      rtol=1e-5)
  np.testing.assert_allclose(
      losses.multi_scale(losses.sparsity, S, factors=(2,)), S.mean(), rtol=1e-6)


# What holds for all of them: zeros, gradients, degenerate masks, devices.

PAIRS = {
    'l1': losses.l1, 'l2': losses.l2, 'perceptual': losses.perceptual,
    'style': losses.style, 'feature_matching': losses.feature_matching,
    'squared_frobenius': losses.squared_frobenius,
    'cross_correlation': losses.cross_correlation, 'pearson': losses.pearson,
    'consistency': losses.consistency,
    'style, squared': lambda a, b: losses.style(
        a, b, distance=losses.squared_frobenius),
    'multi_scale': lambda a, b: losses.multi_scale(losses.l2, a, b),
}
MASKED_PAIRS = {
    'masked_l1': lambda a, b, m: losses.masked_l1(
        a, b, m, known=10.0, missing=2.0),
    'hole_l1': losses.hole_l1, 'valid_l1': losses.valid_l1,
    'l1_per_hole': losses.l1_per_hole,
    'spatially_variant': losses.spatially_variant,
    'pearson': losses.pearson,
    'multi_scale': lambda a, b, m: losses.multi_scale(
        losses.pearson, a, b, mask=m),
}
SINGLE = {
    'total_variation': losses.total_variation, 'smoothness': losses.smoothness,
    'sparsity': losses.sparsity, 'gradient_magnitude':
        losses.gradient_magnitude, 'gradient_penalty': losses.gradient_penalty,
}
MASKED = {
    'hole_total_variation': losses.hole_total_variation,
    'fake_in_hole': losses.fake_in_hole,
}
EVERY = [
    *(pytest.param(f, (S, E), id=name) for name, f in PAIRS.items()),
    *(pytest.param(f, (S, E, M), id=f'{name}, masked')
      for name, f in MASKED_PAIRS.items()),
    *(pytest.param(f, (S,), id=name) for name, f in SINGLE.items()),
    *(pytest.param(f, (S, M), id=f'{name}, masked')
      for name, f in MASKED.items()),
    # Not near 0, where finite differences of a logarithm are coarse.
    *(pytest.param(f, (0.1 + 0.8 * S,), id=f'{name}, {role}')
      for name, loss in ADVERSARIAL.items() if name != 'softplus'  # bce_logits
      for role, f in loss._asdict().items()),
]


@pytest.mark.parametrize(('loss', 'arrays'), [
    *(pytest.param(f, (S, S), id=name) for name, f in PAIRS.items()
      if name not in ('cross_correlation', 'pearson', 'consistency')),
    *(pytest.param(f, (S, S, M), id=f'{name}, masked')
      for name, f in MASKED_PAIRS.items()
      if name not in ('pearson', 'multi_scale')),
])
def test_nothing_is_lost_where_prediction_and_target_agree(loss, arrays):
  assert loss(*arrays) == 0


@pytest.mark.parametrize('name', ['total_variation', 'smoothness'])
def test_nothing_is_lost_on_a_flat_map(name):
  assert SINGLE[name](np.full((2, 8, 8, 1), 0.5, np.float32)) == 0


@pytest.mark.parametrize(('loss', 'arrays'), EVERY)
def test_gradients_are_those_of_finite_differences(loss, arrays):
  x, *rest = (np.asarray(a[:2, :8], np.float64) for a in arrays)
  with jax.enable_x64(True):
    test_util.check_grads(
        jax.jit(lambda x: loss(x, *rest)), (jnp.asarray(x),), order=1,
        modes=['rev'], atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize('hole', [0.0, 1.0])
@pytest.mark.parametrize(('loss', 'arrays'), [
    *(pytest.param(f, (S, E), id=name) for name, f in MASKED_PAIRS.items()),
    *(pytest.param(f, (S,), id=name) for name, f in MASKED.items()),
    pytest.param(losses.pearson, (0 * S, E), id='pearson of nothing'),
])
def test_all_hole_and_no_hole_give_finite_values_and_gradients(
    loss, arrays, hole):
  value, slope = jax.jit(jax.value_and_grad(loss))(
      *arrays, np.full((3, 12, 8, 1), hole, np.float32))
  assert np.isfinite(value)
  assert np.all(np.isfinite(slope))


@pytest.mark.parametrize('loss', [
    lambda x: losses.cross_correlation(x, E),
    lambda x: losses.cross_correlation(x, 0 * E),
    lambda x: losses.pearson(x, E), losses.gradient_magnitude])
@pytest.mark.parametrize('value', [0.0, 1.0])
def test_empty_and_full_sketches_have_finite_gradients(loss, value):
  slope = jax.jit(jax.grad(loss))(np.full_like(S, value))
  assert np.all(np.isfinite(slope))


def normed_scores(x):
  """Scores of a discriminator with a batch norm over all devices."""
  mean = devices.mean(jnp.mean(x, (0, 1, 2)))
  variance = devices.mean(jnp.mean((x - mean) ** 2, (0, 1, 2)))
  return jnp.sum(jnp.tanh((x - mean) / jnp.sqrt(variance + 1e-5)), -1)


@pytest.mark.parametrize(('loss', 'masked'), [
    pytest.param(losses.l1_per_hole, True, id='l1_per_hole'),
    pytest.param(lambda a, b: losses.gradient_penalty(jax.grad(
        lambda x: jnp.sum(normed_scores(x)))(a)), False, id='r1'),
    *(pytest.param(MASKED_PAIRS[name], True, id=f'{name}, masked')
      for name in ('masked_l1', 'multi_scale', 'pearson')),
    *(pytest.param(PAIRS[name], False, id=name)
      for name in ('l1', 'style', 'squared_frobenius', 'cross_correlation')),
])
def test_loss_and_gradient_do_not_depend_on_the_number_of_devices(loss, masked):
  n = devices.count()
  assert n == 4
  # Shares of holes differ from device to device; the first one has none.
  mask = (some(11, 8, 12, 8, 1) < np.arange(8)[:, None, None, None] // 2 / 5)
  batch = [some(12, 8, 12, 8, 1), some(13, 8, 12, 8, 1)]
  batch += [mask.astype('f')] if masked else []
  # The gradient for weights that all images share, as a network's are.
  gradient = jax.value_and_grad(
      lambda weights, arrays: loss(arrays[0] * weights, *arrays[1:]))
  weights = 1 + some(14, 1, 12, 8, 1)
  value, slope = jax.jit(gradient)(weights, batch)
  step = devices.data_parallel(
      lambda state, published, batch: devices.mean(
          gradient(state['weights'], batch)))
  state = {'weights': weights, 'further': np.zeros(2), 'arrays': np.zeros(2)}
  values, slopes = step(state, {}, devices.split(batch))
  np.testing.assert_allclose(values, value, rtol=2e-6, atol=1e-8)
  np.testing.assert_allclose(slopes, slope, rtol=1e-4,
                             atol=1e-5 * np.abs(slope).max())


# Errors.


@pytest.mark.parametrize('name', PAIRS)
def test_different_shapes_are_refused(name):
  with pytest.raises(ValueError, match=r'shapes must be equal: .*1\).*2\)'):
    PAIRS[name](S, X)


@pytest.mark.parametrize(('loss', 'arrays'), [
    *(pytest.param(f, (X, Y), id=name) for name, f in MASKED_PAIRS.items()
      if name != 'multi_scale'),
    *(pytest.param(f, (X,), id=name) for name, f in MASKED.items()
      if name != 'fake_in_hole'),
])
@pytest.mark.parametrize('shape', [(3, 12, 8), (3, 12, 1, 1), (1, 12, 8, 1),
                                   (3, 12, 8, 3)])
def test_masks_of_another_shape_are_refused(loss, arrays, shape):
  with pytest.raises(ValueError, match=r'mask.*\(3, 12, '):
    loss(*arrays, np.ones(shape, np.float32))


def test_fake_in_hole_refuses_masks_of_another_batch_or_of_three_channels():
  for shape in ((1, 20, 16, 1), (2, 20, 16, 3), (2, 20, 16)):
    with pytest.raises(ValueError, match=r'mask'):
      losses.fake_in_hole(SCORES, np.ones(shape, np.float32))


@pytest.mark.parametrize('name', PAIRS)
def test_bytes_are_refused_because_their_differences_wrap(name):
  with pytest.raises(ValueError, match='must be floats, not uint8'):
    PAIRS[name](np.ones_like(S, np.uint8), np.ones_like(S, np.uint8))


@pytest.mark.parametrize('loss', [losses.perceptual, losses.style,
                                  losses.feature_matching])
def test_different_layers_are_refused(loss):
  for other in ((X,), (X, Y, X), {'a': X, 'b': Y}):
    with pytest.raises(ValueError, match='target must have the layers'):
      loss((X, Y), other)


def test_style_refuses_images_of_another_size_whose_gram_matrices_fit():
  with pytest.raises(ValueError, match='shapes must be equal'):
    losses.style(X, X[:, :4])


def test_multi_scale_refuses_sizes_that_a_factor_does_not_divide():
  with pytest.raises(ValueError, match='multiples of 4, not 12 and 6'):
    losses.multi_scale(losses.sparsity, S[:, :, :6])
