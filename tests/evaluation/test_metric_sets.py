"""Each set of metrics measures what the program of its name prints.

One composite of 8 bits is scored under all sets, beside scikit-image, SciPy and
the formulas as the programs have them.
"""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from skimage import color
from skimage import metrics as skimage_metrics

from jinpaint.evaluation import measures
from jinpaint.nets import Nets


@pytest.fixture(scope='module')
def case():
  """A composite with a poor fill, a dark truth, the hole: (64, 60, ...)."""
  rng = np.random.default_rng(0)
  rows, columns = np.mgrid[:64, :60] / 64
  image = np.stack([rows, columns, 1 - rows * columns], axis=-1) / 4
  image = np.clip(image + rng.normal(0, 0.05, image.shape), 0, 1)
  mask = np.zeros((64, 60, 1))
  mask[20:42, 15:37] = 1
  filled = np.where(mask == 1, np.clip(
      image + rng.normal(0, 0.3, image.shape), 0, 1), image)
  return *(np.rint(255 * x) / 255 for x in (filled, image)), mask


def measured(case, name):
  """Returns what a set measures, but for LPIPS: key -> number."""
  filled, image, mask = (jnp.asarray(x[None], jnp.float32) for x in case)
  columns = measures.choose(set_name=name)
  values = measures.apply(
      {key: measure for key, measure in columns.items() if not measure.needs},
      Nets({}, {}),
      {'image': image, 'mask': mask}, {'image': filled})
  return {key: float(value[0]) for key, value in values.items()}


def gaussian_ssim(filled, image, mode):
  """Wang et al.'s map of each channel, by SciPy; `mode` continues images."""
  blur = lambda x: ndimage.gaussian_filter(
      x, sigma=(1.5, 1.5, 0), radius=(5, 5, 0), mode=mode)
  mean_a, mean_b = blur(filled), blur(image)
  var_a, var_b = blur(filled**2) - mean_a**2, blur(image**2) - mean_b**2
  covariance = blur(filled * image) - mean_a * mean_b
  return ((2 * mean_a * mean_b + 1e-4) * (2 * covariance + 9e-4)
          / (mean_a**2 + mean_b**2 + 1e-4) / (var_a + var_b + 9e-4))


def psnr(filled, image):
  return skimage_metrics.peak_signal_noise_ratio(image, filled, data_range=1)


def l1_percent(filled, image):
  return 100 * np.abs(filled - image).mean()


def of_default(filled, image, mask):
  value, ssim_map = skimage_metrics.structural_similarity(
      filled, image, data_range=1, channel_axis=-1, full=True)
  hole = mask[..., 0] == 1
  return {
      'psnr': psnr(filled, image), 'ssim': value,
      'l1_percent': l1_percent(filled, image),
      'psnr_hole': psnr(filled[hole], image[hole]),
      'ssim_hole': ssim_map[hole].mean(),
      'l1_percent_hole': l1_percent(filled[hole], image[hole])}


def of_edgeconnect(filled, image, mask):
  del mask
  a, b = color.rgb2gray(filled), color.rgb2gray(image)
  return {
      'psnr_gray': psnr(a, b),
      'ssim_uniform': skimage_metrics.structural_similarity(
          a, b, data_range=1, win_size=51),
      'relative_l1': np.abs(a - b).sum() / (a + b).sum()}


def of_isnet(filled, image, mask):
  del mask
  return {'psnr': psnr(filled, image),
          'ssim_gaussian': gaussian_ssim(filled, image, 'constant').mean(),
          'l1_percent': l1_percent(filled, image)}


def of_sketchrefiner(filled, image, mask):
  del mask
  a, b = (color.rgb2gray(x[..., ::-1]) for x in (filled, image))
  return {'psnr': psnr(filled, image),
          'ssim_range_2': skimage_metrics.structural_similarity(
              a, b, data_range=2),
          'l1_percent': l1_percent(filled, image)}


def of_pconv_lines(filled, image, mask):
  hole = mask[..., 0] == 1
  overlap = lambda a, b: (a * b).sum() / (a + b - a * b).sum()
  off = np.abs(filled - image).max(axis=-1)[hole]
  return {'jaccard_soft': overlap(filled, image),
          'jaccard_hole': overlap(filled[hole], image[hole]),
          'jaccard_tolerance': (off <= 0.1).mean()}


def of_lama(filled, image, mask):
  del mask
  return {'ssim_gaussian': gaussian_ssim(filled, image, 'constant').mean()}


def of_mat(filled, image, mask):
  del mask
  return {'psnr': psnr(filled, image),
          'ssim_gaussian_inner': skimage_metrics.structural_similarity(
              filled, image, data_range=1, channel_axis=-1,
              gaussian_weights=True, sigma=1.5, use_sample_covariance=False),
          'l1_percent': l1_percent(filled, image)}


def of_mmagic(filled, image, mask):
  difference = np.abs(filled - image) * mask
  return {
      'l1_percent_hole': 100 * difference.sum() / (3 * mask.sum()),
      'psnr': psnr(filled, image),
      # OpenCV mirrors the border, and the program cuts it off.
      'ssim_gaussian_inner': gaussian_ssim(
          filled, image, 'mirror')[5:-5, 5:-5].mean()}


EXPECTED = {
    'default': of_default, 'edgeconnect': of_edgeconnect, 'isnet': of_isnet,
    'sketchrefiner': of_sketchrefiner, 'pconv_lines': of_pconv_lines,
    'lama': of_lama, 'mat': of_mat, 'mmagic': of_mmagic}


@pytest.mark.parametrize('name', measures.SETS)
def test_a_set_is_what_an_independent_implementation_computes(case, name):
  values, expected = measured(case, name), EXPECTED[name](*case)
  assert list(values) == list(expected)
  for key, value in values.items():
    assert value == pytest.approx(expected[key], rel=2e-5), key


def test_one_picture_has_another_number_in_each_set(case):
  """As in the warning of papers' tables: L1 by a factor, SSIM by tenths."""
  isnet, script, mmagic = (
      measured(case, name) for name in ('isnet', 'edgeconnect', 'mmagic'))
  share = case[2].mean()
  assert mmagic['l1_percent_hole'] == pytest.approx(
      isnet['l1_percent'] / share, rel=1e-4)
  # Divided by about twice the brightness of the image instead of by 1.
  assert 100 * script['relative_l1'] > 1.5 * isnet['l1_percent']
  assert script['ssim_uniform'] < isnet['ssim_gaussian'] - 0.05
  assert isnet['ssim_gaussian'] != pytest.approx(
      mmagic['ssim_gaussian_inner'], abs=1e-3)
  assert script['psnr_gray'] > isnet['psnr'] + 0.05
