"""The arithmetic against hand-made numbers, golden files and scikit-image."""

import json
from pathlib import Path

from golden import fill
from image_cases import full, left_half, random_case
import jax
import numpy as np
import pytest
from scipy import ndimage
from skimage.color import rgb2gray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from jinpaint.evaluation import metrics

GOLDEN = json.loads(
    (Path(__file__).parents[1] / 'golden' / 'losses.json').read_text())


@pytest.fixture
def rng():
  return np.random.default_rng(0)


def skimage_ssim(prediction, image, **options):
  return [
      structural_similarity(a.astype(np.float64), b.astype(np.float64),
                            data_range=1, channel_axis=-1, **options)
      for a, b in zip(image, prediction, strict=True)]


def tall(batch):
  """All images of a batch below each other, for numbers of a whole batch."""
  return batch.reshape(1, -1, *batch.shape[2:])


# --- values known by hand ---


def test_psnr_of_a_tenth_off_everywhere_is_20_decibel():
  np.testing.assert_allclose(
      metrics.psnr(full(0.6), full(0.5)), [20], rtol=1e-6)


def test_psnr_of_identical_images_is_infinite_and_ssim_is_exactly_1(rng):
  _, image, mask = random_case(rng, (2, 55, 60, 3))
  assert np.all(np.isposinf(metrics.psnr(image, image)))
  assert np.all(np.isposinf(metrics.psnr(image, image, mask)))
  for ssim in (metrics.ssim, metrics.ssim_uniform, metrics.ssim_gaussian,
               metrics.ssim_range_2):
    np.testing.assert_array_equal(ssim(image, image), [1, 1])


def test_ssim_of_constant_images_is_the_luminance_term():
  expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2 ** 2 + 0.6 ** 2 + 1e-4)
  np.testing.assert_allclose(
      metrics.ssim(full(0.2), full(0.6)), [expected], rtol=1e-6)


def test_l1_and_relative_l1_divide_by_what_their_names_say():
  prediction, image = full(0.2), full(0.5)
  np.testing.assert_allclose(metrics.l1(prediction, image), [0.3], rtol=1e-5)
  np.testing.assert_allclose(
      metrics.relative_l1(prediction, image), [0.6], rtol=1e-5)
  np.testing.assert_allclose(
      metrics.relative_l1(prediction, image, by='both'), [3 / 7], rtol=1e-6)


def test_where_counts_only_its_pixels_even_beside_nan():
  image, prediction = full(0.5), full(np.nan)
  prediction[:, :, :4] = 0.6
  where = left_half()
  np.testing.assert_allclose(
      metrics.psnr(prediction, image, where), [20], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.l1(prediction, image, where), [0.1], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.relative_l1(prediction, image, where), [0.2], rtol=1e-6)


def test_soft_jaccard_of_half_gray_with_itself_is_a_third():
  np.testing.assert_allclose(
      metrics.jaccard_soft(full(0.5), full(0.5)), [1 / 3], rtol=1e-6)
  np.testing.assert_array_equal(metrics.jaccard_soft(full(1), full(1)), [1])
  np.testing.assert_array_equal(metrics.jaccard_soft(full(0), full(0)), [0])


def test_hole_jaccard_reads_the_hole_only():
  prediction, image, mask = full(0.2), full(1.0), left_half()
  prediction[:, :, :4] = 0.5
  np.testing.assert_allclose(  # 0.5 / (0.5 + 1 - 0.5)
      metrics.jaccard_hole(prediction, image, mask), [0.5], rtol=1e-6)


def test_tolerance_jaccard_needs_every_channel_within_a_tenth():
  image, prediction, mask = full(0.5), full(0.5), left_half()
  prediction[0, 0, 0] = 0.58  # within
  prediction[0, 1, 0, 2] = 0.65  # one channel off: a miss
  prediction[0, 2, 0] = 0.35  # off below: a miss
  prediction[0, 3, 7] = 0  # off, but outside the hole
  np.testing.assert_allclose(
      metrics.jaccard_tolerance(prediction, image, mask), [30 / 32], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.jaccard_tolerance(prediction, image, mask, tolerance=0.2), [1],
      rtol=1e-6)


def test_edge_metrics_count_hits_misses_and_false_alarms():
  edge, prediction = full(0, (1, 4, 4, 1)), full(0.5, (1, 4, 4, 1))
  edge[0, 0] = 1  # four edges
  prediction[0, 0, :3] = 0.9  # three found; the fourth, 0.5, is no edge
  prediction[0, 1, :3] = 0.8  # three false alarms
  np.testing.assert_allclose(
      metrics.edge_precision(prediction, edge), [3 / 6], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_recall(prediction, edge), [3 / 4], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_accuracy(prediction, edge), [12 / 16], rtol=1e-6)
  where = left_half((1, 4, 4, 1))
  np.testing.assert_allclose(
      metrics.edge_precision(prediction, edge, where), [2 / 4], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_recall(prediction, edge, where), [1], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_accuracy(prediction, edge, where), [6 / 8], rtol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_recall(prediction, edge, threshold=0.45), [1], rtol=1e-6)


def test_f1_is_the_harmonic_mean_of_precision_and_recall(rng):
  prediction, edge = (rng.random((3, 9, 8, 1), np.float32) for _ in range(2))
  precision, recall = (metric(prediction, edge) for metric in (
      metrics.edge_precision, metrics.edge_recall))
  np.testing.assert_allclose(
      metrics.edge_f1(prediction, edge), 2 / (1 / precision + 1 / recall),
      rtol=1e-6)
  np.testing.assert_array_equal(
      metrics.edge_f1(full(0)[..., :1], full(0)[..., :1]), 1)


def test_edge_metrics_without_edges_follow_the_published_code():
  none, some = full(0, (1, 4, 4, 1)), full(1, (1, 4, 4, 1))
  for metric in (metrics.edge_precision, metrics.edge_recall):
    np.testing.assert_array_equal(metric(none, none), [1])
    np.testing.assert_array_equal(metric(some, none), [0])
    np.testing.assert_array_equal(metric(none, some), [0])
    np.testing.assert_array_equal(metric(some, some, none), [1])


# --- undefined values ---


def test_ssim_of_a_hole_in_the_border_that_no_window_fits_is_undefined(rng):
  prediction, image, _ = random_case(rng, (1, 16, 16, 3))
  where = full(0, (1, 16, 16, 1))
  where[:, :3] = 1
  assert np.isnan(metrics.ssim(prediction, image, where)[0])
  assert np.isfinite(metrics.ssim_gaussian(prediction, image, where)[0])


def test_relative_l1_of_black_is_undefined_or_infinite():
  assert np.isnan(metrics.relative_l1(full(0), full(0))[0])
  assert np.isposinf(metrics.relative_l1(full(0.5), full(0))[0])


# --- independent libraries ---


def test_psnr_is_that_of_scikit_image(rng):
  prediction, image, _ = random_case(rng)
  expected = [peak_signal_noise_ratio(a, b, data_range=1)
              for a, b in zip(image, prediction, strict=True)]
  np.testing.assert_allclose(
      metrics.psnr(prediction, image), expected, atol=1e-5)


@pytest.mark.parametrize(
    ('shape', 'window'),
    [((1, 7, 7, 3), 7), ((2, 16, 23, 3), 7), ((3, 40, 33, 1), 7),
     ((2, 64, 64, 3), 11), ((1, 9, 30, 3), 3), ((1, 60, 53, 3), 51)])
def test_ssim_is_that_of_scikit_image(rng, shape, window):
  prediction, image, _ = random_case(rng, shape)
  np.testing.assert_allclose(
      metrics.ssim(prediction, image, window=window),
      skimage_ssim(prediction, image, win_size=window), atol=1e-6)


def test_hole_ssim_is_the_mean_of_scikit_images_map_over_the_hole(rng):
  prediction, image, mask = random_case(rng, (1, 24, 31, 3))
  _, similarity = structural_similarity(
      image[0].astype(np.float64), prediction[0].astype(np.float64),
      data_range=1, channel_axis=-1, full=True)
  inner = np.s_[3:-3, 3:-3]
  expected = similarity[inner][mask[0, ..., 0][inner] == 1].mean()
  np.testing.assert_allclose(
      metrics.ssim(prediction, image, mask), [expected], atol=1e-6)


def test_ssim_does_not_cancel_in_bright_and_dark_areas_that_hardly_vary(rng):
  shape = (2, 64, 70, 1)
  base = np.where(np.arange(70)[:, None] < 35, 0.0, 0.98)
  image = (base + 0.02 * rng.random(shape)).astype(np.float32)
  prediction = (base + 0.02 * rng.random(shape)).astype(np.float32)
  image[1], prediction[1] = image[1] * 0.02 + 0.98, prediction[1] * 0.02 + 0.98
  np.testing.assert_allclose(
      metrics.ssim(prediction, image), skimage_ssim(prediction, image),
      atol=5e-7)
  np.testing.assert_allclose(
      metrics.ssim_uniform(prediction, image),
      skimage_ssim(prediction, image, win_size=51), atol=5e-7)


def test_uniform_ssim_measures_scikit_images_gray(rng):
  prediction, image, _ = random_case(rng, (2, 56, 64, 3))
  np.testing.assert_allclose(
      metrics.gray(image)[..., 0], rgb2gray(image), atol=1e-6)
  expected = skimage_ssim(rgb2gray(prediction)[..., None],
                          rgb2gray(image)[..., None], win_size=51)
  np.testing.assert_allclose(
      metrics.ssim_uniform(prediction, image), expected, atol=1e-6)


def test_sketchrefiners_ssim_is_scikit_images_of_a_range_of_2(rng):
  prediction, image, mask = random_case(rng, (2, 24, 31, 3))
  # Its script reads BGR, and takes it for RGB.
  pairs = [[rgb2gray(x[..., ::-1].astype(np.float64)) for x in pair]
           for pair in zip(image, prediction, strict=True)]
  maps = [structural_similarity(*pair, data_range=2, full=True)
          for pair in pairs]
  np.testing.assert_allclose(
      metrics.ssim_range_2(prediction, image), [mean for mean, _ in maps],
      atol=1e-6)
  inner = np.s_[3:-3, 3:-3]
  expected = [similarity[inner][hole[..., 0][inner] == 1].mean()
              for (_, similarity), hole in zip(maps, mask, strict=True)]
  np.testing.assert_allclose(
      metrics.ssim_range_2(prediction, image, mask), expected, atol=1e-6)
  assert (metrics.ssim_range_2(prediction, image)
          > metrics.ssim(prediction, image)).all()


def gaussian_ssim_map(a, b):
  """SSIM as Wang et al. write it, by SciPy, in double precision, with zeros."""
  blur = lambda x: ndimage.gaussian_filter(
      x, sigma=(1.5, 1.5, 0), radius=(5, 5, 0), mode='constant')
  a, b = a.astype(np.float64), b.astype(np.float64)
  mean_a, mean_b = blur(a), blur(b)
  var_a, var_b = blur(a * a) - mean_a ** 2, blur(b * b) - mean_b ** 2
  covariance = blur(a * b) - mean_a * mean_b
  return ((2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
          / (mean_a ** 2 + mean_b ** 2 + 1e-4) / (var_a + var_b + 9e-4))


@pytest.mark.parametrize(
    'shape', [(2, 4, 6, 3), (1, 24, 31, 1), (1, 64, 64, 3)])
def test_gaussian_ssim_continues_images_with_zeros(rng, shape):
  prediction, image, mask = random_case(rng, shape)
  maps = [gaussian_ssim_map(*pair)
          for pair in zip(prediction, image, strict=True)]
  np.testing.assert_allclose(
      metrics.ssim_gaussian(prediction, image), [x.mean() for x in maps],
      atol=1e-6)
  np.testing.assert_allclose(
      metrics.ssim_gaussian(prediction, image, mask),
      [x[hole[..., 0] == 1].mean() for x, hole in zip(maps, mask, strict=True)],
      atol=1e-6)


def test_gaussian_ssim_without_its_border_is_that_of_scikit_image(rng):
  prediction, image, _ = random_case(rng, (2, 24, 31, 3))
  inner = full(0, (2, 24, 31, 1))
  inner[:, 5:-5, 5:-5] = 1
  expected = skimage_ssim(prediction, image, gaussian_weights=True, sigma=1.5,
                          use_sample_covariance=False)
  np.testing.assert_allclose(
      metrics.ssim_gaussian(prediction, image, inner), expected, atol=1e-6)


# --- numbers of the published code ---


def golden_pair():
  return [fill.image(name, (2, 64, 64, 3), GOLDEN['seed'])
          for name in ('pred', 'target')]


def test_golden_ssim_with_a_uniform_and_a_gaussian_window_of_11():
  prediction, image = golden_pair()
  inner = full(0, (2, 64, 64, 1))
  inner[:, 5:-5, 5:-5] = 1
  np.testing.assert_allclose(
      metrics.ssim(prediction, image, window=11), GOLDEN['ssim_win11_uniform'],
      atol=1e-6)
  np.testing.assert_allclose(
      metrics.ssim_gaussian(prediction, image, inner),
      GOLDEN['ssim_win11_gaussian'], atol=1e-6)


def test_golden_psnr_of_each_image_and_of_the_rounded_batch():
  prediction, image = golden_pair()
  np.testing.assert_allclose(
      metrics.psnr(prediction, image), GOLDEN['psnr_1'], atol=1e-5)
  rounded = [np.round(tall(x) * 255) / 255 for x in (prediction, image)]
  np.testing.assert_allclose(
      metrics.psnr(*rounded), [GOLDEN['psnr_255_rounded']], atol=1e-5)


def test_golden_mae_of_edgeconnects_script():
  np.testing.assert_allclose(
      metrics.relative_l1(*map(tall, golden_pair()), by='both'),
      [GOLDEN['mae_edgeconnect']], atol=1e-6)


def test_golden_edge_precision_and_recall_of_edgeconnect():
  edge, prediction = (
      tall(fill.image(name, (2, 64, 64, 1), GOLDEN['seed']))
      for name in ('e1', 'e2'))
  np.testing.assert_allclose(
      metrics.edge_precision(prediction, edge), [GOLDEN['edge_precision']],
      rtol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_recall(prediction, edge), [GOLDEN['edge_recall']],
      rtol=1e-6)


def test_edge_metrics_of_noise_are_what_edgeconnects_code_returned():
  edge = tall((np.random.RandomState(1).rand(2, 16, 16, 1) > 0.8) * 1.0)
  prediction = tall(np.random.RandomState(2).rand(2, 16, 16, 1))
  np.testing.assert_allclose(
      metrics.edge_precision(prediction, edge), [0.2047244], atol=1e-6)
  np.testing.assert_allclose(
      metrics.edge_recall(prediction, edge), [0.4642857], atol=1e-6)


# --- which pixels count ---


@pytest.mark.parametrize('metric', [
    metrics.psnr, metrics.l1, metrics.relative_l1, metrics.jaccard_soft,
    metrics.ssim, metrics.ssim_gaussian])
def test_where_everywhere_is_the_same_as_no_where(rng, metric):
  prediction, image, mask = random_case(rng)
  np.testing.assert_allclose(
      metric(prediction, image, np.ones_like(mask)), metric(prediction, image),
      rtol=1e-5)


# --- what is refused ---


@pytest.mark.parametrize(('shape', 'other'), [
    ((1, 8, 8, 3), (2, 8, 8, 3)), ((2, 8, 8, 3), (2, 8, 8, 1)),
    ((8, 8, 3), (8, 8, 3)), ((2, 8, 8, 4), (2, 8, 8, 4))])
def test_images_of_other_shapes_are_refused_and_not_broadcast(shape, other):
  for metric in (metrics.psnr, metrics.ssim, metrics.jaccard_soft):
    with pytest.raises(ValueError, match='must have one shape'):
      metric(full(0, shape), full(0, other))


@pytest.mark.parametrize(
    'shape', [(1, 8, 8, 1), (2, 8, 8), (2, 8, 8, 3), (2, 8, 1, 1)])
def test_masks_of_other_shapes_are_refused_and_not_broadcast(shape):
  image = full(0.5, (2, 8, 8, 3))
  with pytest.raises(ValueError, match=r'must be \(2, 8, 8, 1\)'):
    metrics.l1(image, image, full(1, shape))


def test_8_bit_images_are_refused():
  image = np.zeros((1, 8, 8, 3), np.uint8)
  with pytest.raises(ValueError, match=r'floats in \[0, 1\], not uint8'):
    metrics.psnr(image, full(0.5))


def test_edges_of_three_channels_are_refused():
  with pytest.raises(ValueError, match='must have one shape'):
    metrics.edge_precision(full(0), full(0))


def test_images_smaller_than_the_window_are_refused_while_tracing():
  image = full(0.5, (1, 6, 40, 3))
  with pytest.raises(ValueError, match='7 x 7'):
    jax.eval_shape(metrics.ssim, image, image)
  with pytest.raises(ValueError, match='51 x 51'):
    jax.eval_shape(metrics.ssim_uniform, image, image)


def test_words_and_windows_that_do_not_exist_are_refused():
  with pytest.raises(ValueError, match="'image' or 'both'"):
    metrics.relative_l1(full(1), full(1), by='mean')
  for window in (1, 8):
    with pytest.raises(ValueError, match='odd'):
      metrics.ssim(full(1), full(1), window=window)
