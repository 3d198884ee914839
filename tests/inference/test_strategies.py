"""Crops and smaller pictures: what is filled from what, and what is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.data import files
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.inference import Inpainter, plans, scaling, windows
from jinpaint.stage import Sizes, Stage


def inpainter(paint, sizes=None, reads=('image', 'mask'), **options):
  """An inpainter that is told what to predict, and notes the sizes it sees."""
  def predict(nets, batch):
    del nets
    if sizes is not None:
      sizes.append(batch['image'].shape[1:3])
    return {'image': paint(batch)}
  return Inpainter(Stage({}, {}, (), reads, Sizes(8), (), predict), {},
                   **options)


def ramp(height, width):
  """A picture without any detail that a smaller one would lose."""
  y, x = np.mgrid[:height, :width]
  levels = np.stack([x / width, y / height, (x + y) / (height + width)], -1)
  return np.rint(255 * levels).astype(np.uint8)


@pytest.fixture
def damage():
  """Two holes near each other, one at the border, and one too wide to crop."""
  hole = np.zeros((1500, 2300), bool)
  hole[200:210, 300:330] = hole[240:250, 300:420] = True
  hole[1490:, 2290:] = True
  hole[900:910, 100:1900] = True
  return hole


def test_a_group_of_holes_has_one_window_with_context(damage):
  damage[448:704, 1024:1280] = True  # a window of 512 has just room for it
  layout = plans.in_windows(damage, 1024, crop=True)
  seen, deep = [], np.zeros_like(damage)
  for part in layout.parts:
    top, left, height, width = part.window
    assert (height, width) == (part.height, part.width)
    assert height == width
    assert height in plans.SIZES
    seen.append(height)
    inner = [slice(start + (128 if start else 0),
                   start + length - (128 if start + length < extent else 0))
             for start, length, extent in (
                 (top, height, 1500), (left, width, 2300))]
    deep[tuple(inner)] = True
  # A line that is longer than the largest window is covered by such windows.
  assert sorted(seen) == [512, 512, 512, 1024, 1024, 1024]
  assert deep[damage].all()


def test_crops_are_filled_as_the_whole_picture_is(damage):
  sizes = []
  negative = inpainter(lambda batch: 1 - batch['image'], sizes)
  image = ramp(*damage.shape)
  filled = negative(image, damage, strategy='crop')
  np.testing.assert_array_equal(filled, np.where(
      damage[..., None], 255 - image, image))
  # The picture is 1500 pixels high, which are padded for the network.
  assert set(sizes) == {(512, 512), (1504, 2048)}
  plan = negative.plan(*damage.shape, damage, strategy='crop')
  assert (plan.strategy, plan.window) == ('crop', 2048)
  assert 'in windows of up to 2048 pixels around its holes' in str(plan)
  small = damage.copy()
  small[900:910] = False
  assert negative.plan(*damage.shape, small, strategy='crop').window == 512


def test_a_wide_hole_is_no_work_for_several_windows():
  hole = np.zeros((1024, 1024), bool)
  hole[341:682, 256:768] = True
  in_tiles = plans.in_windows(hole, 512)
  assert in_tiles.smaller == (512, 512)
  assert len(in_tiles.parts) == 1
  cropped = plans.in_windows(hole, 1024, crop=True)
  assert cropped.smaller is None
  assert [part.height for part in cropped.parts] == [768]
  hole[100:110] = True  # a line needs windows, the wide hole does not
  both = plans.in_windows(hole, 512)
  assert both.smaller == (512, 512)
  assert len(both.parts) > 2
  assert not (both.parts[0].fills & both.parts[1].fills).any()
  assert ((both.parts[0].fills | both.parts[1].fills) == hole).all()


def test_windows_are_cropped_only_as_large_as_the_memory(damage):
  negative = inpainter(lambda batch: 1 - batch['image'], memory=30_000_000)
  plan = negative.plan(*damage.shape, damage, strategy='crop')
  assert plan.window == 512
  image = ramp(*damage.shape)
  filled = negative(image, damage, strategy='crop')
  np.testing.assert_array_equal(filled, np.where(
      damage[..., None], 255 - image, image))


def test_a_smaller_picture_fills_the_hole_alone(damage):
  sizes = []
  same = inpainter(lambda batch: batch['image'], sizes)
  waves = np.rint(127 + 127 * np.sin(np.arange(2300) / 30)).astype(np.uint8)
  image = np.repeat(np.add.outer(waves[:1500] // 2, waves // 2)[..., None], 3,
                    axis=2)
  filled = same(image, damage, strategy='resize')
  np.testing.assert_array_equal(filled[~damage], image[~damage])
  assert (filled[damage] != image[damage]).any()
  # Waves of 190 pixels, moved by half a pixel of the smaller picture, would be
  # 2 levels off.
  assert np.abs(filled[damage].astype(int) - image[damage]).mean() < 0.7
  assert sizes == [(672, 1024)]  # 668 x 1024, padded to the network's 8
  assert str(same.plan(*damage.shape, damage, strategy='resize')) == (
      'from a smaller picture of 1024 x 668 pixels')
  assert str(same.plan(300, 1024, strategy='resize')) == 'as a whole'


def test_no_strategy_shows_a_network_what_the_hole_hides(damage):
  damage = damage[:, :1600]
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*damage.shape, 3), np.uint8)
  other = np.where(damage[..., None], 255 - image, image)
  blur = inpainter(lambda batch: jnp.roll(
      batch['image'] * (1 - batch['mask']), 3, 1))
  for strategy in ('crop', 'resize', 'tile'):
    np.testing.assert_array_equal(blur(image, damage, strategy=strategy),
                                  blur(other, damage, strategy=strategy))


def test_strokes_and_edges_stay_in_a_smaller_picture():
  lines = np.zeros((1000, 3000), np.uint8)
  lines[517] = lines[:, 1234] = 255
  for made in (scaling.strongest(lines, 300, 900) == 255,
               scaling.touched(lines > 0, 300, 900)):
    assert made.any(axis=0).all()
    assert made.any(axis=1).all()
    assert made.mean() < 0.02


def test_a_hole_s_group_is_found_by_the_squares_that_it_touches():
  hole = np.zeros((130, 200), bool)
  hole[129, 199] = hole[0, 64] = True
  squares = windows.occupied(hole)
  assert squares.tolist() == [[False, True, False, False], [False] * 4,
                              [False, False, False, True]]
  large = windows.of_squares(squares, 130, 200)
  assert large.shape == hole.shape
  assert large[hole].all()
  assert large.sum() == 64 * 64 + 2 * 8


def test_a_whole_that_is_far_too_large_is_not_compiled_to_be_counted():
  asked = []

  def needs(height, width, is_window):
    asked.append((height, width, is_window))
    return 100 * height * width

  hole = np.zeros((9000, 12000), bool)
  window, whole = 100 * 2048**2, 100 * hole.size
  plan, _ = plans.planned(hole, 'auto', window, needs)
  assert (plan.window, plan.needed, plan.is_estimate) == (2048, whole, True)
  assert 'it would take about 10.8 GB, and 0.4 GB are free' in str(plan)
  assert (9000, 12000, False) not in asked
  # What is nearly enough, or enough, is counted.
  plan, _ = plans.planned(hole, 'auto', int(whole / 1.9), needs)
  assert (plan.window, plan.is_estimate) == (2048, False)
  assert 'it would take 10.8 GB' in str(plan)
  assert asked[-2] == (9000, 12000, False)
  asked.clear()
  small = np.zeros((3000, 4000), bool)
  assert plans.planned(small, 'auto', whole, needs)[0].window == 0
  assert asked == [(3000, 4000, False)]


def test_an_unknown_strategy_is_named():
  whole = inpainter(lambda batch: batch['image'])
  with pytest.raises(UsageError, match='auto, original, tile, crop, resize'):
    whole(ramp(8, 8), np.ones((8, 8)), strategy='magic')


# Edges


def reader(edge):
  return inpainter(lambda batch: batch['image'],
                   reads=('image', 'mask', 'known_edge'),
                   guidance=Guidance(Data(edge=edge), training=False))


def test_the_edges_that_a_system_would_be_given_can_be_seen(tmp_path):
  image, hole = ramp(64, 80), np.zeros((64, 80), bool)
  image[:, 40:] //= 2
  hole[10:20] = True
  found = reader('canny:sigma=1').find_edges(image, hole)
  assert (found.shape, found.dtype) == ((64, 80), np.uint8)
  assert not found[hole].any()
  assert (found[30:60, 36:44].max(axis=1) == 255).all()
  assert inpainter(lambda batch: batch['image']).find_edges(image, hole) is None
  files.write(tmp_path / 'a.png', files.Picture(image))
  with pytest.raises(UsageError, match='come from files'):
    reader(f'files:{tmp_path}').find_edges(image, hole)


def test_what_finds_edges_counts_in_what_filling_takes(monkeypatch):
  needed = reader('canny').plan(600, 600).needed
  monkeypatch.setattr(Guidance, 'bytes_for',
                      lambda self, variables, height, width: 10**9)
  assert reader('canny').plan(600, 600).needed == 10**9 > needed > 0


def test_of_hed_what_xla_counts_is_what_finding_edges_takes():
  guidance = Guidance(Data(edge='hed'), training=False)
  variables = {'hed': jax.eval_shape(
      guidance.published['hed'].init, jax.random.key(0),
      jnp.zeros((1, 64, 64, 3)))}
  small, large = (guidance.bytes_for(variables, size, size)
                  for size in (64, 128))
  features = 64 * 4  # of a pixel, in HED's first layers, float32
  assert large - small > features * (128**2 - 64**2)
