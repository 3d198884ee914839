"""How holes grow, and when their colour is said to have spread."""

import io

import cv2
import numpy as np
from PIL import Image
import pytest
from skimage import data

from jinpaint.data import masks, rims

# From which share on jinpaint.data.inspection says it.
SAID = 0.3
WHITE, RED = (255, 255, 255), (230, 20, 20)


@pytest.mark.parametrize('pixels', [0, 1, 2, 5])
def test_a_hole_grows_by_a_disc(pixels, monkeypatch):
  hole = np.zeros((40, 50), np.uint8)
  hole[0, 3] = hole[15, 20] = hole[15, 30:48] = hole[39, 49] = 1
  rows, columns = np.indices(hole.shape)
  expected = np.zeros(hole.shape, bool)
  for row, column in np.argwhere(hole):
    expected |= (rows - row)**2 + (columns - column)**2 <= pixels**2
  np.testing.assert_array_equal(rims.grow(hole, pixels), expected)
  monkeypatch.setattr(rims, '_STRIP', 7)
  np.testing.assert_array_equal(rims.grow(hole, pixels), expected)
  assert hole.sum() == 21


def photograph():
  return data.coffee()[60:360, 100:460]


def damage(size, seed=0):
  return masks.parse('damage:shapes=scratches:percent=3-6')(
      np.random.default_rng(seed), *size)


def painted(photo, mask, colour):
  """Returns the photograph with a colour in the hole, which may be soft."""
  weight = np.float32(mask)[..., None]
  return np.rint(photo * (1 - weight) + np.float32(colour) * weight
                 ).astype(np.uint8)


def as_jpeg(photo, quality):
  stream = io.BytesIO()
  Image.fromarray(photo).save(stream, 'JPEG', quality=quality)
  return np.asarray(Image.open(stream))


@pytest.mark.parametrize('colour', [WHITE, RED])
@pytest.mark.parametrize('quality', [75, 90])
def test_what_jpeg_has_spread_is_measured(quality, colour):
  photo = photograph()
  mask = damage(photo.shape[:2])
  damaged = painted(photo, mask, colour)
  assert rims.spread(as_jpeg(damaged, quality), mask) > 1.5 * SAID
  assert rims.spread(damaged, mask) < SAID / 2
  # The photograph was a JPEG before it was painted on.
  before = painted(as_jpeg(photo, quality), mask, colour)
  assert rims.spread(before, mask) < SAID / 2


def test_what_a_soft_brush_has_spread_is_measured():
  photo = photograph()
  mask = damage(photo.shape[:2])
  soft = cv2.GaussianBlur(np.float32(mask), (0, 0), 0.8)
  image = painted(photo, soft, WHITE)
  assert rims.spread(image, mask) > 1.5 * SAID
  assert rims.spread(image.astype(np.uint16) * 257, mask) > 1.5 * SAID
  assert rims.spread(image[..., 1], mask) > 1.5 * SAID
  assert rims.spread(np.dstack([image, image[..., 0]]), mask) > 1.5 * SAID


@pytest.mark.parametrize('name', ['coffee', 'chelsea', 'astronaut'])
def test_a_photograph_that_goes_on_inside_the_hole_spreads_nothing(name):
  photo = getattr(data, name)()
  mask = damage(photo.shape[:2], seed=1)
  assert rims.spread(photo, mask) < SAID / 2
  assert rims.spread(as_jpeg(photo, 75), mask) < SAID / 2


def test_a_white_hole_in_a_white_wall_spreads_nothing():
  photo = photograph()
  wall = np.random.default_rng(0).normal(248, 2, (200, 360, 1)).clip(0, 255)
  photo[:200] = wall.round()
  mask = damage(photo.shape[:2]) * (np.arange(300) < 180).astype(np.uint8)[
      :, None]
  assert mask.any()
  assert rims.spread(as_jpeg(painted(photo, mask, WHITE), 75), mask) < SAID / 2


@pytest.mark.parametrize('value', [0, 1])
def test_nothing_or_everything_is_no_hole_that_spreads(value):
  mask = np.full((30, 40), value, np.uint8)
  assert rims.spread(np.zeros((30, 40, 3), np.uint8), mask) == 0
  assert rims.spread(np.zeros((1, 1), np.uint8), mask[:1, :1]) == 0


def test_of_a_large_picture_some_windows_are_measured(monkeypatch):
  photo = photograph()
  mask = damage(photo.shape[:2])
  damaged = as_jpeg(painted(photo, mask, WHITE), 75)
  whole = rims.spread(damaged, mask)
  monkeypatch.setattr(rims, '_WINDOW', 40)
  assert rims.spread(damaged, mask) == pytest.approx(whole, abs=0.05)
  monkeypatch.setattr(rims, '_MOST_WINDOWS', 20)
  assert rims.spread(damaged, mask) == pytest.approx(whole, abs=0.2)
