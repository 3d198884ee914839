"""A picture that is too large is filled in windows, without a seam."""

import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint import devices
from jinpaint.inference import windows
from jinpaint.inference.inpainter import Inpainter
from jinpaint.stage import Sizes, Stage


def damage(height, width):
  """Lines across a picture and along its borders, and a block, bool."""
  hole = np.zeros((height, width), bool)
  rows = np.arange(height)
  hole[rows, (rows * (width - 1)) // max(1, height - 1)] = True
  hole[height // 3, :] = hole[:, -1] = hole[0, :] = True
  hole[height // 2:height // 2 + 30, width // 4:width // 4 + 30] = True
  return hole


@pytest.mark.parametrize('shape', [(700, 1100), (1111, 333), (200, 900)])
@pytest.mark.parametrize(('size', 'margin'), [(256, 32), (512, 64)])
def test_every_hole_has_its_margin_in_some_window(shape, size, margin):
  hole = damage(*shape)
  height, width = shape
  deep = np.zeros(shape, bool)
  for top, left, rows, columns in windows.cover(hole, size, margin):
    assert 0 <= top <= height - rows
    assert 0 <= left <= width - columns
    assert (rows, columns) == (min(size, height), min(size, width))
    inner = [
        slice(start + (margin if start else 0),
              start + length - (margin if start + length < extent else 0))
        for start, length, extent in ((top, rows, height),
                                      (left, columns, width))]
    deep[tuple(inner)] = True
  assert deep[hole].all()


def test_there_is_one_window_for_one_small_hole_and_none_without():
  hole = np.zeros((2000, 3000), bool)
  assert windows.cover(hole, 512, 64) == []
  hole[1000:1010, 2000:2100] = True
  [window] = windows.cover(hole, 512, 64)
  assert window.of(hole).sum() == hole.sum()


def blend(hole, parts, fill):
  """Returns the colours of a hole; `fill` predicts those of a window."""
  blended = windows.Blend(hole, 32)
  for part in parts:
    blended.add(part, hole, fill(part))
  return blended.colours()


def test_what_all_windows_agree_on_is_blended_exactly():
  hole = damage(700, 1100)
  y, x = np.mgrid[:700, :1100].astype(np.float32)
  picture = np.stack([x, y, x - y], axis=-1)
  parts = windows.cover(hole, 256, 32)
  assert len(parts) > 10
  blended = blend(hole, parts, lambda part: part.of(picture))
  np.testing.assert_allclose(blended, picture[hole], rtol=1e-5, atol=1e-3)


def test_no_seam_is_seen_where_windows_disagree():
  hole = np.zeros((300, 1200), bool)
  hole[150] = True
  parts = windows.cover(hole, 256, 32)
  values = iter(range(100))
  blended = blend(hole, parts, lambda part: np.full(
      (part.height, part.width, 3), next(values), np.float32))
  assert np.abs(np.diff(blended[:, 0])).max() < 0.25  # of 1 and more
  assert np.ptp(blended) > 2


def blurring(**options):
  """An inpainter that sees 8 pixels far, and notes what sizes it was given."""
  sizes = []

  def predict(nets, batch):
    del nets
    sizes.append(batch['image'].shape[1:3])
    known = batch['image'] * (1 - batch['mask'])
    shifted = [jnp.roll(known, (i, j), (1, 2))
               for i in (-8, 8) for j in (-8, 8)]
    return {'image': sum(shifted) / 4}

  stage = Stage({}, {}, (), ('image', 'mask'), Sizes(8), (), predict)
  return Inpainter(stage, {}, **options), sizes


def test_windows_give_what_the_whole_picture_gives():
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (900, 1500, 3), np.uint8)
  mask = damage(900, 1500)
  # Rolled over the border, a picture sees its other side: holes stay inside.
  mask[:10] = mask[-10:] = False
  mask[:, :10] = mask[:, -10:] = False
  whole, _ = blurring(strategy='original')
  expected = whole(image, mask)
  for options in ({'memory': 20_000_000}, {'strategy': 'tile'}):
    inpaint, sizes = blurring(**options)
    filled = inpaint(image, mask)
    assert max(sizes[-1]) <= 1024
    np.testing.assert_allclose(filled.astype(int), expected, atol=1)


def test_the_plan_follows_the_memory_and_says_why():
  inpaint, _ = blurring(memory=10**12)
  assert inpaint.plan(1000, 2000).window == 0
  assert str(inpaint.plan(1000, 2000)) == 'as a whole'
  needed = inpaint.plan(4000, 4000).needed
  assert needed > 4000 * 4000 * 4 * 4  # the image and the mask, float32
  inpaint, _ = blurring(memory=needed // 3)
  plan = inpaint.plan(4000, 4000)
  assert plan.window in (1024, 1536, 2048)
  assert f'in windows of {plan.window} pixels: as a whole it' in str(plan)
  assert inpaint.plan(200, 200).window == 0
  assert devices.free_memory() > 10**8


def test_a_hole_wider_than_the_windows_is_filled_from_a_smaller_picture():
  inpaint, sizes = blurring(memory=8_000_000)
  image = np.full((1500, 1800, 3), 100, np.uint8)
  image[:, 1600:] = 200
  mask = np.zeros((1500, 1800), np.uint8)
  mask[100:1400, 100:1400] = 1
  assert str(inpaint.plan(1500, 1800, mask)).startswith(
      'from a smaller picture of 256 x 213 pixels: as a whole it would take')
  mask[200:210, 1500:1700] = 1
  plan = inpaint.plan(1500, 1800, mask)
  assert (plan.window, plan.smaller) == (256, (213, 256))
  assert ('in windows of 256 pixels, wider holes from a picture of 256 x 213 '
          'pixels: as') in str(plan)
  sizes.clear()
  filled = inpaint(image, mask)
  assert not [size for size in sizes if max(size) > 256]
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  # The thin hole is not made of the smaller picture, where colours are mixed:
  # it has means of four pixels, as they are.
  assert not (filled[200:210, 1500:1700] % 25).any()
  assert (filled[110:1390, 110:120] > 30).all()  # the wide one sees its rim
