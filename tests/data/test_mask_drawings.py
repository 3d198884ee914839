"""Drawn masks have the published form, size and share of holes."""

import collections
import itertools

import cv2
import numpy as np
import pytest

from jinpaint.data import damage
from jinpaint.data import mask_drawings as masks
from jinpaint.errors import UsageError

KINDS = sorted(masks.KINDS)
SIZES = [(37, 61), (61, 37), (64, 48), (8, 200), (1, 1), (1, 9), (9, 1), (2, 3)]


def rng(*key):
  return np.random.default_rng([20, *key])


def shares(kind, size, count, **options):
  return np.asarray([masks.KINDS[kind](rng(i), *size, **options).mean()
                     for i in range(count)])


# Every kind.


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', SIZES)
def test_a_mask_has_the_size_asked_for_and_is_0_or_1(kind, size):
  mask = masks.KINDS[kind](rng(), *size)
  assert mask.shape == size
  assert mask.dtype == np.uint8
  assert mask.max() == 1, 'a mask without a hole'
  assert set(np.unique(mask)) <= {0, 1}


@pytest.mark.parametrize('kind', KINDS)
def test_the_same_seed_gives_the_same_mask_and_another_seed_another(kind):
  draw = lambda *key: masks.KINDS[kind](rng(*key), 48, 64)
  np.testing.assert_array_equal(draw(3), draw(3))
  assert any((draw(3) != draw(i)).any() for i in range(4, 12))


@pytest.mark.parametrize('kind', KINDS)
def test_randomness_comes_from_the_given_generator_alone(kind):
  before = np.random.get_state()[1].copy()
  first = masks.KINDS[kind](rng(), 32, 32)
  np.random.random(100)
  np.testing.assert_array_equal(first, masks.KINDS[kind](rng(), 32, 32))
  np.random.set_state(('MT19937', before, 624))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('size', [(30, 90), (90, 30)])
def test_holes_reach_every_region_of_an_image_that_is_not_square(kind, size):
  hit = np.mean([masks.KINDS[kind](rng(i), *size) for i in range(80)], 0) > 0
  assert hit.mean() > 0.9
  assert hit[:10, :10].any()
  assert hit[-10:, -10:].any()


# Lines.


@pytest.mark.parametrize(('size', 'mean', 'p5', 'p95'), [
    (32, .153, None, None), (64, .147, .028, .268), (128, .130, .029, .235),
    (256, .118, None, None)])
def test_lines_cover_as_much_as_the_published_ones(size, mean, p5, p95):
  # The published figures come from 400 masks: a standard error of 0.004.
  drawn = shares('lines', (size, size), 1000)
  assert drawn.mean() == pytest.approx(mean, abs=.012)
  if p5:
    assert np.percentile(drawn, 5) == pytest.approx(p5, abs=.012)
    assert np.percentile(drawn, 95) == pytest.approx(p95, abs=.025)


@pytest.mark.parametrize(('size', 'thickness'), [
    ((32, 32), (1, 2)), ((64, 64), (2, 3)), ((128, 128), (5, 6)),
    ((256, 256), (10, 12)), ((64, 300), (2, 3)), ((300, 64), (2, 3)),
    ((5, 5), (1, 1))])
def test_line_thickness_scales_with_the_shorter_side(size, thickness):
  for i in range(20):
    default = masks.lines(rng(i), *size)
    given = masks.lines(rng(i), *size, thickness=thickness)
    np.testing.assert_array_equal(default, given)


@pytest.mark.parametrize('pixels', [1, 4, 10, 20])
def test_line_thickness_is_in_pixels(pixels):
  for i in range(10):
    mask = masks.lines(rng(i), 200, 300, count=(1, 1),
                       thickness=(pixels, pixels))
    [contour], _ = cv2.findContours(
        mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    _, sides, _ = cv2.minAreaRect(contour)
    assert min(sides) == pytest.approx(pixels, abs=1.5)


def test_lines_are_one_to_nine():
  thin = lambda i, **options: masks.lines(
      rng(i), 400, 400, thickness=(1, 1), **options).sum()
  # Expected length of a random segment in the unit square, as drawn with
  # 8-connected steps: E max(|dx|, |dy|) = 7/15.
  lengths = np.asarray([thin(i) for i in range(600)]) / 400
  assert lengths.mean() == pytest.approx(5 * 7 / 15, rel=.06)
  one = np.asarray([thin(i, count=(1, 1)) for i in range(600)]) / 400
  assert one.mean() == pytest.approx(7 / 15, rel=.06)
  assert one.max() <= 1


# Strokes.


class Published:
  """NumPy's global generator, as the published code draws from it."""

  def __init__(self, seed):
    self._state = np.random.RandomState(seed)

  def integers(self, low, high, endpoint):
    return self._state.randint(low, high + endpoint)

  def random(self):
    return self._state.random_sample()


def test_strokes_at_256_are_the_published_ones():
  # Hole pixels of the published code's first mask after np.random.seed(0).
  assert masks.strokes(Published(0), 256, 256).sum() == 24_151


def test_strokes_cover_as_much_as_the_published_ones():
  # Of 200 published masks: mean 41.2 %, sd 10.8, least 12.5, most 67.4.
  drawn = shares('strokes', (256, 256), 400)
  assert drawn.mean() == pytest.approx(.412, abs=.015)
  assert drawn.std() == pytest.approx(.108, abs=.012)
  assert .04 < drawn.min() < .20
  assert .60 < drawn.max() < .76


@pytest.mark.parametrize('size', [64, 128, 512])
def test_strokes_scale_with_the_image(size):
  assert shares('strokes', (size, size), 250).mean() == pytest.approx(
      .412, abs=.05)


def test_strokes_follow_their_options():
  few = shares('strokes', (128, 128), 40, parts=1).mean()
  assert few < .6 * shares('strokes', (128, 128), 40).mean()
  assert masks.strokes(rng(), 128, 128, parts=3, vertices=(0, 0)).sum() <= 3
  thin = shares('strokes', (128, 128), 40, brush=(2, 4)).mean()
  assert thin < .5 * shares('strokes', (128, 128), 40).mean()


# Blocks and halves.


@pytest.mark.parametrize(('size', 'fraction', 'sides'), [
    ((256, 256), .5, (128, 128)), ((256, 256), .125, (32, 32)),
    ((37, 61), .5, (18, 30)), ((64, 48), (.25, 1), (16, 48)),
    ((100, 100), .29, (29, 29)), ((30, 70), .1, (3, 7)), ((1, 1), .5, (1, 1)),
    ((9, 9), 1, (9, 9))])
def test_a_block_is_a_full_rectangle_of_the_exact_size(size, fraction, sides):
  for i in range(10):
    mask = masks.block(rng(i), *size, fraction=fraction)
    rows, columns = mask.any(1), mask.any(0)
    assert (rows.sum(), columns.sum()) == sides
    assert mask.sum() == sides[0] * sides[1]


def test_a_block_may_lie_at_every_place_alike():
  places = collections.Counter(
      int(np.argmax(masks.block(rng(i), 4, 6))) for i in range(3000))
  # 2 x 3 pixels in 4 x 6: tops 0..2, lefts 0..3, borders included.
  assert set(places) == {
      6 * top + left for top in range(3) for left in range(4)}
  assert min(places.values()) > 250 * .7
  assert max(places.values()) < 250 * 1.3


@pytest.mark.parametrize('size', [(4, 6), (37, 61), (1, 2)])
def test_a_half_is_left_or_right_with_equal_chances(size):
  drawn = np.asarray([masks.half(rng(i), *size) for i in range(400)])
  assert (drawn.sum((1, 2)) == size[0] * (size[1] // 2)).all()
  left = drawn[:, 0, 0] == 1
  assert (drawn[left][:, :, :size[1] // 2] == 1).all()
  assert (drawn[~left][:, :, -(size[1] // 2):] == 1).all()
  assert left.mean() == pytest.approx(.5, abs=.09)


# Walks.


def stopped_walk(start, moves, size):
  """The definition: one step after the other, stopped at the border."""
  mask = np.zeros(size, np.uint8)
  row, column = start
  mask[row, column] = 1
  for down, right in moves:
    row = min(max(row + down, 0), size[0] - 1)
    column = min(max(column + right, 0), size[1] - 1)
    mask[row, column] = 1
  return mask


@pytest.mark.parametrize('size', [(2, 3), (1, 4), (3, 3)])
def test_a_walk_has_the_law_of_one_that_is_stopped_at_the_border(size):
  steps, draws = 4, 20_000
  ways = [(1, 0), (-1, 0), (0, 1), (0, -1)]
  starts = list(itertools.product(*map(range, size)))
  law = collections.Counter(
      stopped_walk(start, moves, size).tobytes() for start in starts
      for moves in itertools.product(ways, repeat=steps))
  generator = rng()
  found = collections.Counter(
      masks.walk(generator, *size, steps=steps).tobytes() for _ in range(draws))
  assert set(found) <= set(law)
  for mask, count in law.items():
    chance = count / (len(starts) * len(ways)**steps)
    spread = np.sqrt(chance * (1 - chance) / draws)
    assert found[mask] / draws == pytest.approx(chance, abs=4.5 * spread)


def test_a_walk_covers_as_much_as_the_published_ones():
  # Published masks have 0.17 to 0.22; ours 0.187 with a deviation of 0.024.
  drawn = shares('walk', (512, 512), 30)
  assert drawn.mean() == pytest.approx(.19, abs=.015)
  assert (drawn > .08).all()
  assert (drawn < .26).all()


def test_a_walk_is_connected_and_as_long_as_asked_for():
  mask = masks.walk(rng(), 300, 200)
  assert cv2.connectedComponents(mask, connectivity=4)[0] == 2
  assert masks.walk(rng(), 300, 200, steps=0).sum() == 1
  assert 1 < masks.walk(rng(), 300, 200, steps=50).sum() <= 51


def test_deepfill_masks_are_a_box_and_strokes():
  made = np.stack([masks.deepfill(rng(i), 256, 256) for i in range(100)])
  assert set(np.unique(made)) == {0, 1}
  # A box of 96 to 128 pixels on a side is 0.14 to 0.25 of the pixels.
  assert made.mean(axis=(1, 2)).min() > 0.14
  assert 0.25 < made.mean() < 0.45
  np.testing.assert_array_equal(made[3], masks.deepfill(rng(3), 256, 256))
  for size in ((8, 8), (40, 70), (70, 40), (1, 1)):
    assert masks.deepfill(rng(), *size).shape == size


# LaMa's.


def test_lama_s_masks_at_256_are_the_published_ones():
  # Hole pixels of the published code's first masks after np.random.seed(0).
  assert masks.lama(Published(0), 256, 256).sum() == 10_648
  assert alone(False).sum() == 45_863
  assert alone(True).sum() == 11_319


def alone(boxes):
  """Draws strokes or boxes, without a choice between them."""
  class Chosen(Published):
    def random(self):
      return float(boxes)
  return masks.lama(Chosen(0), 256, 256)


@pytest.mark.parametrize(('holes', 'mean', 'deviation', 'p5', 'p95', 'many'), [
    ('train', .355, .207, .061, .750, .25),
    ('thin', .296, .139, .076, .494, .04),
    ('medium', .244, .134, .020, .439, .01),
    ('thick', .396, .218, .086, .772, .34),
    ('thin_512', .297, .134, .068, .489, .03),
    ('medium_512', .305, .164, .038, .569, .13),
    ('thick_512', .464, .250, .063, .850, .47)])
def test_lama_s_masks_cover_as_much_as_the_published_ones(
    holes, mean, deviation, p5, p95, many):
  count, size = 300, 512 if holes.endswith('_512') else 256
  drawn = shares('lama', (size, size), count, holes=holes)
  # Of 400 published masks (1,000 of training), and of these: four standard
  # errors of the difference.
  sampled = 1000 if holes == 'train' else 400
  error = 4 * deviation * np.sqrt(1 / count + 1 / sampled)
  assert drawn.mean() == pytest.approx(mean, abs=error)
  assert drawn.std() == pytest.approx(deviation, abs=error)
  at_most = 4 * np.sqrt(many * (1 - many) * (1 / count + 1 / sampled))
  assert (drawn > .5).mean() == pytest.approx(many, abs=at_most + .005)
  # Percentiles of so few masks are less certain.
  assert np.percentile(drawn, 5) == pytest.approx(p5, abs=2 * error)
  assert np.percentile(drawn, 95) == pytest.approx(p95, abs=2 * error)


@pytest.mark.parametrize('holes', ['train', 'thick', 'medium_512'])
@pytest.mark.parametrize('size', [64, 128])
def test_lama_s_masks_scale_with_the_image(holes, size):
  whole = 512 if holes.endswith('_512') else 256
  assert shares('lama', (size, size), 200, holes=holes).mean() == pytest.approx(
      shares('lama', (whole, whole), 200, holes=holes).mean(), abs=.06)


@pytest.mark.parametrize(('holes', 'side', 'share'), [
    ('train', 29, .5), ('thick', 29, .23), ('medium', 9, .23), ('thin', 9, 0)])
def test_lama_s_masks_are_boxes_or_strokes(holes, side, share):
  def is_boxes(mask):
    """Whether it is a union of squares, nearly of a box's shortest side."""
    opened = cv2.morphologyEx(
        mask, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    return (opened == mask).all()
  found = [is_boxes(masks.lama(rng(i), 256, 256, holes=holes))
           for i in range(300)]
  assert np.mean(found) == pytest.approx(share, abs=.08)


# Damage.


def widest(mask):
  """Returns the width of the widest place of a mask, in pixels."""
  padded = np.pad(mask, 1)
  return 2 * cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE
                                   ).max()


@pytest.mark.parametrize('shapes', ['scratches', 'wires', 'text', 'specks'])
@pytest.mark.parametrize('pixels', [2, 8, 15])
def test_damage_is_as_wide_as_it_says(shapes, pixels):
  # Of one shape alone: where two cross, a mask is wider than either.
  widths = []
  for i in range(20):
    mask = np.zeros((256, 256), np.uint8)
    damage.SHAPES[shapes](rng(i), mask, pixels)
    if mask.any():
      widths.append(widest(mask))
  # Joints of letters are wider than their strokes; specks vary by half.
  assert 0.5 * pixels < np.median(widths) < 1.3 * pixels + 2
  assert max(widths) < 2 * pixels + 3


@pytest.mark.parametrize(('size', 'median'), [
    ((128, 128), .12), ((600, 900), .07), ((1200, 1600), .065)])
def test_damage_covers_the_share_asked_for_and_one_shape_more(size, median):
  drawn = shares('damage', size, 30, percent=(5, 7))
  assert drawn.min() >= 0.05
  assert np.median(drawn) < median


def test_damage_shapes_can_be_chosen_and_are_mixed_otherwise():
  names = ('scratches', 'wires', 'text', 'specks', 'blobs')
  drawn = [masks.damage(rng(1), 128, 128, shapes=name) for name in names]
  for a, b in itertools.combinations(drawn, 2):
    assert (a != b).any()
  with pytest.raises(UsageError, match='60 percent; it must be 50 at most'):
    masks.damage(rng(), 64, 64, percent=(10, 60))
