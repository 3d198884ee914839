from concurrent import futures
import pickle
import subprocess
import sys

import cv2
import numpy as np
import pytest

from jinpaint.data import mask_drawings, mask_files, masks
from jinpaint.errors import UsageError


def rng(*key):
  return np.random.default_rng([20, *key])


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
      ('lama:holes=thin', 'lama', {'holes': 'thin'}),
      ('walk:steps=99', 'walk', {'steps': 99})):
    for i in range(5):
      np.testing.assert_array_equal(
          masks.parse(spec)(rng(i), 40, 60),
          mask_drawings.KINDS[kind](rng(i), 40, 60, **options))


def test_a_union_is_a_hole_where_any_part_is_one(tmp_path):
  path = write(tmp_path / 'm.png', white_at(3, (32, 48)))
  maker = masks.parse(f'lines:count=2+block:fraction=0.25+files:{path}')
  drawn = rng(7)
  line = mask_drawings.lines(drawn, 32, 48, count=(2, 2))
  block = mask_drawings.block(drawn, 32, 48, fraction=.25)
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
    ('', 'there are: block, damage, deepfill, files, half, lama, lines, '
     'strokes, walk'),
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
    ('lama:holes=wide', 'holes=wide.*holes=medium or holes=thick'),
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
  monkeypatch.setitem(mask_drawings.KINDS, 'dot', dot)
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
