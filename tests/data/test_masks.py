import collections
from concurrent import futures
import itertools
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest

from jinpaint.data import mask_files, masks
from jinpaint.errors import UsageError

KINDS = sorted(masks.KINDS)
SIZES = [(37, 61), (61, 37), (64, 48), (8, 200), (1, 1), (1, 9), (9, 1), (2, 3)]


def rng(*key):
  return np.random.default_rng([20, *key])


def shares(kind, size, count, **options):
  return np.asarray([masks.KINDS[kind](rng(i), *size, **options).mean()
                     for i in range(count)])


def write(path, pixels):
  path.parent.mkdir(parents=True, exist_ok=True)
  assert cv2.imwrite(str(path), pixels)
  return path


def white_at(row, size=(8, 8)):
  """An all-black mask file's pixels, but for one white row: a signature."""
  pixels = np.zeros(size, np.uint8)
  pixels[row] = 255
  return pixels


def row_of(mask):
  """Which row `white_at` was asked for."""
  [row] = np.flatnonzero(mask.any(1))
  return row


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


# Files by pairing.


def test_random_files_are_drawn_alike_and_by_seed(tmp_path):
  for i in range(4):
    write(tmp_path / f'{i}.png', white_at(i))
  maker = masks.parse(f'files:{tmp_path}')
  rows = [row_of(maker(rng(i), 8, 8)) for i in range(400)]
  assert set(rows) == {0, 1, 2, 3}
  assert min(map(rows.count, set(rows))) > 60
  assert rows == [row_of(maker(rng(i), 8, 8)) for i in range(400)]


def test_every_suffix_in_any_case_and_sub_folders_are_found(tmp_path):
  for i, suffix in enumerate(['jpg', 'JPEG', 'Png', 'WEBP', 'bmp', 'tif',
                              'TIFF']):
    write(tmp_path / f'{"a/b/" * (i % 2)}{i}.{suffix}',
          np.kron(white_at(i), np.ones((16, 16), np.uint8)))
  (tmp_path / 'notes.txt').write_text('not a mask')
  (tmp_path / 'folder.png').mkdir()
  maker = masks.parse(f'files:{tmp_path}', pairing='stem')
  maker.check([f'{i}.jpg' for i in range(7)])
  for i in range(7):
    assert row_of(maker(rng(), 8, 8, name=f'{i}.jpg')) == i


def test_a_mask_is_paired_with_the_image_of_its_stem(tmp_path):
  write(tmp_path / 'a.png', white_at(0))
  write(tmp_path / 'photo.v1.PNG', white_at(1))
  write(tmp_path / 'photo.v2.png', white_at(2))
  write(tmp_path / 'x' / 'same.png', white_at(3))
  write(tmp_path / 'y' / 'same.png', white_at(4))
  write(tmp_path / '0.5.png', white_at(5))
  maker = masks.parse(f'files:{tmp_path}', pairing='stem')
  for name, row in (('a.jpg', 0), ('a', 0), ('deep/er/a.JPG', 0),
                    ('photo.v1.jpg', 1), ('photo.v2.jpg', 2),
                    ('x/same.jpg', 3), ('y/same.jpeg', 4), ('0.5', 5)):
    assert row_of(maker(rng(), 8, 8, name=name, index=9)) == row
  maker.check(['a.jpg', 'x/same.jpg'])
  for name, says in (('photo.jpg', 'no masks named photo .*photo.jpg'),
                     ('b.jpg', 'b.jpg'), ('same.jpg', '2 masks named same')):
    with pytest.raises(UsageError, match=says):
      maker(rng(), 8, 8, name=name)
    with pytest.raises(UsageError, match=says):
      maker.check(['a.jpg', name])


def test_masks_in_order_go_by_sorted_name_and_must_be_as_many(tmp_path):
  for row, name in enumerate(['a.png', 'b/a.png', 'c.png']):
    write(tmp_path / name, white_at(row))
  maker = masks.parse(f'files:{tmp_path}', pairing='order')
  assert [row_of(maker(rng(), 8, 8, index=i, name='z')) for i in range(3)] == [
      0, 1, 2]
  maker.check(['z', 'y', 'x'])
  for count in (2, 4):
    with pytest.raises(UsageError, match=f'{count} images.*3 masks'):
      maker.check(['z'] * count)
  for index in (3, -1):
    with pytest.raises(UsageError, match=f'number {index}'):
      maker(rng(), 8, 8, index=index)


def test_a_single_mask_serves_all_images(tmp_path):
  path = write(tmp_path / 'm.png', white_at(5))
  for spec in (path, tmp_path):
    maker = masks.parse(f'files:{spec}', pairing='single')
    maker.check(['a', 'b'])
    for i in range(3):
      assert row_of(maker(rng(i), 8, 8, name=f'{i}.jpg', index=i)) == 5
  assert row_of(masks.parse(f'files:{path}')(rng(), 8, 8)) == 5
  assert row_of(masks.parse(f'files:{path}', pairing='stem')(
      rng(), 8, 8, name='x/m.jpg')) == 5
  write(tmp_path / 'n.png', white_at(5))
  with pytest.raises(UsageError, match='2 masks'):
    masks.parse(f'files:{tmp_path}', pairing='single')


def test_black_holes_are_inverted_for_every_pairing(tmp_path):
  path = write(tmp_path / 'm.png', white_at(2))
  for pairing in mask_files.PAIRINGS:
    white, black = (masks.parse(f'files:{path}', pairing=pairing, hole=hole)(
        rng(), 8, 8, name='m.jpg') for hole in mask_files.HOLES)
    assert white[2].all()
    assert white.sum() == 8
    np.testing.assert_array_equal(black, 1 - white)


@pytest.mark.parametrize('size', [(20, 31), (5, 3), (32, 32), (1, 1)])
def test_mask_files_take_the_size_asked_for_by_the_nearest_pixel(
    tmp_path, size):
  source = rng().integers(2, size=(15, 21)).astype(np.uint8)
  maker = masks.parse(f'files:{write(tmp_path / "m.png", source * 255)}')
  # No pixel centre falls between two of an odd number of pixels.
  rows, columns = (
      ((np.arange(new) + .5) * old / new).astype(int)
      for new, old in zip(size, source.shape, strict=True))
  np.testing.assert_array_equal(maker(rng(), *size), source[rows][:, columns])


def test_grey_files_of_a_folder_are_cut_at_half_and_warned_of_once(tmp_path):
  for name in 'ab':
    write(tmp_path / f'{name}.png', np.asarray([[0, 127], [128, 1]], np.uint8))
  maker = masks.parse(f'files:{tmp_path}')
  with pytest.warns(UserWarning, match='grey') as warned:
    drawn = [maker(rng(i), 2, 2) for i in range(20)]
  np.testing.assert_array_equal(drawn, [[[0, 0], [1, 0]]] * 20)
  assert len({str(warning.message) for warning in warned}) == 1
  assert str(tmp_path) in str(warned[0].message)


def test_a_folder_that_is_missing_or_empty_is_named(tmp_path):
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'empty' / 'notes.txt').write_text('')
  for name in ('missing', 'empty'):
    with pytest.raises(UsageError, match=str(tmp_path / name)) as raised:
      masks.parse(f'files:{tmp_path / name}')
    assert '\n' not in str(raised.value)


def test_a_path_may_start_at_home(tmp_path, monkeypatch):
  write(tmp_path / 'masks' / 'm.png', white_at(3))
  monkeypatch.setenv('HOME', str(tmp_path))
  assert row_of(masks.parse('files:~/masks')(rng(), 8, 8)) == 3


# Ratios.


@pytest.mark.parametrize(('spec', 'ratio'), [
    ('lines', (.2, .3)), ('strokes', (.1, .25)), ('half', (.5, .5)),
    ('walk', (.3, .35)), ('lines+block', (.3, .4))])
def test_a_mask_has_the_ratio_asked_for(spec, ratio):
  maker = masks.parse(spec, ratio=ratio)
  free = masks.parse(spec)
  for i in range(30):
    assert ratio[0] <= maker(rng(i), 64, 64).mean() <= ratio[1]
  if ratio[0] < ratio[1]:
    assert not all(ratio[0] <= free(rng(i), 64, 64).mean() <= ratio[1]
                   for i in range(30))


@pytest.mark.parametrize('spec', ['half', 'block:fraction=0.125'])
def test_a_ratio_out_of_reach_is_an_error_that_names_kind_and_ratio(spec):
  with pytest.raises(UsageError, match=f'{spec}.*0.8 to 0.9'):
    masks.parse(spec, ratio=(.8, .9))(rng(), 16, 16)


def test_random_files_are_chosen_among_those_with_the_ratio(
    tmp_path, monkeypatch):
  for i in range(9):  # 0/8 to 8/8 of the pixels are holes
    write(tmp_path / f'{i}.png', white_at(slice(i)))
  spec = f'files:{tmp_path}'
  maker = masks.parse(spec, ratio=(.25, .5))
  found = [maker(rng(i), 8, 8).mean() for i in range(200)]
  assert set(found) == {2 / 8, 3 / 8, 4 / 8}
  assert min(map(found.count, set(found))) > 40
  # What earlier calls have learned must not change a choice.
  assert found == [masks.parse(spec, ratio=(.25, .5))(rng(i), 8, 8).mean()
                   for i in range(200)]
  with pytest.raises(UsageError, match=rf'{tmp_path}.*0\.51 to 0\.6'):
    masks.parse(spec, ratio=(.51, .6))(rng(), 8, 8)

  # Nor are files read in vain, once their ratio is known.
  reads = []
  load = mask_files._pixels
  monkeypatch.setattr(
      mask_files, '_pixels', lambda *args: reads.append(args) or load(*args))
  for i in range(50):
    maker(rng(i), 8, 8)
  assert len(reads) == 50


def test_the_ratio_of_a_union_is_that_of_all_its_parts(tmp_path):
  write(tmp_path / 'm.png', white_at(3))  # 8 of 64 pixels, 4 of them in a half
  maker = masks.parse(f'half+files:{tmp_path}', ratio=(.55, .6))
  assert maker(rng(), 8, 8).sum() == 36


@pytest.mark.parametrize('ratio', [(.5, .1), (-.1, .5), (.1, 1.5), (.1,)])
def test_a_ratio_is_two_shares_in_order(ratio):
  with pytest.raises(UsageError, match='ratio'):
    masks.parse('lines', ratio=ratio)


def test_files_that_are_not_drawn_at_random_take_no_ratio(tmp_path):
  write(tmp_path / 'm.png', white_at(0))
  for pairing in ('stem', 'order', 'single'):
    with pytest.raises(UsageError, match=pairing):
      masks.parse(f'files:{tmp_path}', ratio=(.1, .2), pairing=pairing)


# What configs and the command line say.


def test_a_kind_is_parsed_with_its_options():
  for spec, kind, options in (
      ('lines', 'lines', {}),
      ('lines:thickness=2-3:count=1-4', 'lines',
       {'thickness': (2, 3), 'count': (1, 4)}),
      ('lines:count=5', 'lines', {'count': (5, 5)}),
      ('strokes:parts=2:brush=4-8', 'strokes', {'parts': 2, 'brush': (4, 8)}),
      ('block:fraction=0.125', 'block', {'fraction': .125}),
      ('block:fraction=.5x1', 'block', {'fraction': (.5, 1)}),
      ('walk:steps=99', 'walk', {'steps': 99})):
    for i in range(5):
      np.testing.assert_array_equal(
          masks.parse(spec)(rng(i), 40, 60),
          masks.KINDS[kind](rng(i), 40, 60, **options))


def test_a_union_is_a_hole_where_any_part_is_one(tmp_path):
  path = write(tmp_path / 'm.png', white_at(3, (32, 48)))
  maker = masks.parse(f'lines:count=2+block:fraction=0.25+files:{path}')
  drawn = rng(7)
  line = masks.lines(drawn, 32, 48, count=(2, 2))
  block = masks.block(drawn, 32, 48, fraction=.25)
  np.testing.assert_array_equal(
      maker(rng(7), 32, 48),
      (line == 1) | (block == 1) | (white_at(3, (32, 48)) == 255))


def test_a_plus_in_a_path_stays_one(tmp_path):
  for name in ('c++', 'a+b.png', 'black+white', 'x:y+z', 'a+linesman'):
    path = write(tmp_path / name / 'm.png', white_at(1))
    assert row_of(masks.parse(f'files:{path.parent}')(rng(), 8, 8)) == 1
    united = masks.parse(f'files:{path.parent}+half')(rng(), 8, 8)
    assert united[1].all()
    assert united.sum() > 8


@pytest.mark.parametrize(('spec', 'says'), [
    ('lins', 'did you mean "lines"'),
    ('lines+blok', 'did you mean "block"'),
    ('blok+lines', 'did you mean "block"'),
    ('file:/tmp', 'did you mean "files"'),
    ('', 'there are: block, deepfill, files, half, lines, strokes, walk'),
    ('lines:thicknes=2', 'option of lines.*did you mean "thickness"'),
    ('lines:height=2', 'unknown option of lines'),
    ('half:side=left', 'half:side=left"; nothing may follow "half"'),
    ('files', 'files:PATH'),
    ('files:', 'files:PATH'),
    ('lines+files:', 'files:PATH'),
    ('lines:count', 'count'),
    ('lines:count=', 'count='),
    ('lines:count=many', 'count=many'),
    ('lines:count=1.5', 'count=1.5'),
    ('lines:count=9-1', 'count=9-1'),
    ('lines:count=1-2-3', 'count=1-2-3'),
    ('lines:count=-1', 'count=-1'),
    ('strokes:parts=1-2', 'parts=1-2'),
    ('walk:steps=-5', 'steps=-5'),
    ('block:fraction=0.5-0.6', 'fraction=0.5-0.6'),
    ('block:fraction=0', r'\(0, 1\]'),
    ('block:fraction=1.5', r'\(0, 1\]'),
    ('block:fraction=nan', 'fraction=nan'),
])
def test_a_spec_that_cannot_be_used_is_one_clear_line(spec, says):
  with pytest.raises(UsageError, match=says) as raised:
    masks.parse(spec)
  assert '\n' not in str(raised.value)


def test_an_unknown_pairing_names_the_nearest():
  with pytest.raises(UsageError, match='did you mean "stem"'):
    masks.parse('lines', pairing='stems')


def test_a_new_kind_is_registered_by_name(monkeypatch):
  def dot(rng, height, width, *, row: int = 0):
    mask = np.zeros((height, width), np.uint8)
    mask[row, rng.integers(width)] = 1
    return mask
  monkeypatch.setitem(masks.KINDS, 'dot', dot)
  assert masks.parse('half+dot:row=3')(rng(), 8, 8)[3].sum() >= 4
  assert row_of(masks.parse('dot:row=3+dot:row=3')(rng(), 8, 8)) == 3


# Threads and processes.


def test_threads_draw_what_one_thread_draws(tmp_path):
  for i in range(9):
    write(tmp_path / f'{i}.png', white_at(slice(i), (32, 32)))
  for spec, ratio in (('lines+strokes', (.3, .5)), ('walk', None),
                      (f'files:{tmp_path}', (.02, .2))):
    maker = masks.parse(spec, ratio=ratio)
    generators = lambda: map(rng, range(64))
    sizes = [32] * 64
    with futures.ThreadPoolExecutor(8) as pool:
      together = list(pool.map(maker, generators(), sizes, sizes))
    np.testing.assert_array_equal(
        together, list(map(maker, generators(), sizes, sizes)))


def test_a_maker_can_be_sent_to_another_process(tmp_path):
  write(tmp_path / 'm.png', white_at(3))
  maker = masks.parse(f'lines+files:{tmp_path}', ratio=(.1, .9),
                      reading='isnet:jpeg=75')
  np.testing.assert_array_equal(
      maker(rng(), 32, 32), pickle.loads(pickle.dumps(maker))(rng(), 32, 32))


def test_masks_need_neither_jax_nor_tensorflow():
  subprocess.run(
      [sys.executable, '-c', 'import sys, jinpaint.data.masks\n'
       'assert not {"jax", "tensorflow"} & set(sys.modules)'], check=True)


def test_deepfill_masks_are_a_box_and_strokes():
  made = np.stack([masks.deepfill(rng(i), 256, 256) for i in range(100)])
  assert set(np.unique(made)) == {0, 1}
  # A box of 96 to 128 pixels on a side is 0.14 to 0.25 of the pixels.
  assert made.mean(axis=(1, 2)).min() > 0.14
  assert 0.25 < made.mean() < 0.45
  np.testing.assert_array_equal(made[3], masks.deepfill(rng(3), 256, 256))
  for size in ((8, 8), (40, 70), (70, 40), (1, 1)):
    assert masks.deepfill(rng(), *size).shape == size
