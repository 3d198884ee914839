"""Classical methods do what OpenCV does, and look into no hole."""

import cv2
import numpy as np
import pytest
from skimage import restoration

from jinpaint.errors import UsageError
from jinpaint.evaluation import baselines


@pytest.fixture
def case():
  """A smooth image with noise, and a hole that reaches a border."""
  rng = np.random.default_rng(0)
  ramp = np.linspace(40, 200, 24)[:, None, None] + np.linspace(
      -30, 30, 20)[:, None]
  image = np.uint8(ramp + rng.integers(0, 20, (24, 20, 3)))
  mask = np.zeros((24, 20), np.uint8)
  mask[5:12, 6:14] = mask[20:, :4] = 1
  return image, mask


@pytest.mark.parametrize(('method', 'flag'), [
    (baselines.telea, cv2.INPAINT_TELEA),
    (baselines.navier_stokes, cv2.INPAINT_NS)])
def test_opencv_s_methods_are_opencv_s_with_a_radius_of_3(case, method, flag):
  image, mask = case
  black = image.copy()
  black[mask == 1] = 0
  np.testing.assert_array_equal(
      method(image, mask), cv2.inpaint(black, mask * 255, 3, flag))


def test_biharmonic_is_scikit_image_s_rounded_to_8_bits(case):
  image, mask = case
  theirs = restoration.inpaint_biharmonic(
      image, mask.astype(bool), channel_axis=-1)
  np.testing.assert_allclose(
      baselines.biharmonic(image, mask), 255 * np.clip(theirs, 0, 1),
      atol=0.5 + 1e-6)


def test_methods_are_chosen_by_name_in_order():
  assert list(baselines.choose(['mean', 'biharmonic'])) == [
      'mean of known pixels', 'biharmonic']
  with pytest.raises(UsageError, match='method "tela"; did you mean "telea"'):
    baselines.choose(['tela'])


def test_the_mean_is_that_of_the_known_pixels_of_each_channel():
  image = np.zeros((2, 2, 3), np.uint8)
  image[0, 0], image[0, 1], image[1, 0] = (10, 0, 1), (20, 0, 2), (90, 9, 9)
  mask = np.uint8([[0, 0], [1, 1]])
  filled = baselines.mean_fill(image, mask)
  np.testing.assert_array_equal(filled[0], image[0])
  np.testing.assert_array_equal(filled[1], [[15, 0, 2]] * 2)  # 1.5 is even: 2


@pytest.mark.parametrize('name', baselines.ROWS)
def test_known_pixels_stay_and_what_a_hole_holds_is_not_read(case, name):
  image, mask = case
  method = baselines.ROWS[name].fill
  filled = method(image, mask)
  assert filled.shape == image.shape
  assert filled.dtype == np.uint8
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  other = image.copy()
  other[mask == 1] = 255 - image[mask == 1]
  np.testing.assert_array_equal(method(other, mask), filled)
  assert (filled[mask == 1] != image[mask == 1]).any()


@pytest.mark.parametrize('name', baselines.ROWS)
def test_without_a_hole_the_image_stays_and_without_known_pixels_it_is_black(
    case, name):
  image, mask = case
  method = baselines.ROWS[name].fill
  before = image.copy()
  np.testing.assert_array_equal(method(image, np.zeros_like(mask)), image)
  np.testing.assert_array_equal(
      method(image, np.ones_like(mask)), np.zeros_like(image))
  np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize('name', baselines.ROWS)
def test_an_image_of_one_colour_is_filled_with_it(case, name):
  _, mask = case
  image = np.broadcast_to(np.uint8([30, 120, 250]), (*mask.shape, 3)).copy()
  np.testing.assert_allclose(  # Telea's rounding is off by up to two levels
      baselines.ROWS[name].fill(image, mask).astype(int), image, atol=2)
