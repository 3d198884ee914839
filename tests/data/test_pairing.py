"""Which mask belongs to which photograph."""

from pathlib import Path

import pytest

from jinpaint.data import inputs, pairing
from jinpaint.errors import UsageError


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)


def touch(*names):
  for name in names:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).touch()


def pair(image, mask, rule='auto', **drawn):
  """Returns (photograph, its result, its mask) of each, and all that is."""
  pairs = pairing.pair(
      inputs.find('image', [image]), inputs.find('mask', [mask]),
      *(inputs.find(what, [text]) for what, text in drawn.items()),
      pairing=rule)
  return [(case.image.as_posix(), case.name,
           case.mask.as_posix() if case.mask else case.fault)
          for case in pairs.cases], pairs


def test_masks_of_the_same_stem_go_first():
  touch('in/a.jpg', 'in/sub/b.jpg', 'masks/a.png', 'masks/b.png',
        'masks/a_mask001.png', 'masks/c.png')
  cases, pairs = pair('in', 'masks')
  assert cases == [('in/a.jpg', 'a.jpg', 'masks/a.png'),
                   ('in/sub/b.jpg', 'sub/b.jpg', 'masks/b.png')]
  assert pairs.note == ''
  assert pairs.unused == (Path('masks/a_mask001.png'), Path('masks/c.png'))


@pytest.mark.parametrize('folder', ['in', 'masks'])
def test_numbered_masks_each_make_a_result(folder):
  touch('in/a.jpg', 'in/sub/b.png', f'{folder}/a_mask001.png',
        f'{folder}/a_mask002.png', f'{folder}/sub/b_mask.png')
  for rule in ('auto', 'numbered'):
    cases, pairs = pair('in', folder, rule)
    assert cases == [
        ('in/a.jpg', 'a_mask001.jpg', f'{folder}/a_mask001.png'),
        ('in/a.jpg', 'a_mask002.jpg', f'{folder}/a_mask002.png'),
        ('in/sub/b.png', 'sub/b_mask.png', f'{folder}/sub/b_mask.png')]
    assert 'paired by number' in pairs.note
    assert pairs.unused == ()


def test_a_photograph_may_be_called_a_mask():
  touch('in/the_mask.jpg', 'masks/the_mask.png')
  assert pair('in', 'masks')[0] == [
      ('in/the_mask.jpg', 'the_mask.jpg', 'masks/the_mask.png')]
  touch('in/x.jpg', 'masks/x.png')
  assert len(pair('in', 'masks')[0]) == 2


def test_a_photograph_without_numbered_masks_is_named():
  touch('in/a.png', 'in/b.png', 'masks/a_mask001.png')
  cases, _ = pair('in', 'masks')
  assert cases[1][2] == ('no masks named b_mask, b_mask001 and so on for the '
                         'image b.png in masks')
  touch('masks/x/a_mask001.png')
  assert pair('in', 'masks/**/*.png')[0][0][2] == 'masks/a_mask001.png'
  Path('masks/a_mask001.png').rename('masks/x/A.png')
  touch('masks/y/a_mask001.png')
  assert 'two masks of one name' in pair('in', 'masks')[0][0][2]


def test_one_mask_serves_all_and_is_no_photograph():
  touch('in/a.png', 'in/b.png', 'in/m.png')
  assert pair('in', 'in/m.png')[0] == [
      ('in/a.png', 'a.png', 'in/m.png'), ('in/b.png', 'b.png', 'in/m.png')]
  touch('masks/m.png')
  assert [mask for _, _, mask in pair('in', 'masks', 'single')[0]] == [
      'masks/m.png'] * 3
  with pytest.raises(UsageError, match='in holds 3 masks, not one'):
    pair('masks', 'in', 'single')


def test_order_is_only_taken_when_asked_for_and_needs_equal_counts():
  touch('in/a.png', 'in/b.png', 'masks/1.png', 'masks/2.png')
  assert 'no masks named a' in pair('in', 'masks')[0][0][2]
  cases, pairs = pair('in', 'masks', 'order')
  assert [mask for _, _, mask in cases] == ['masks/1.png', 'masks/2.png']
  assert 'masks/1.png belongs to in/a.png' in pairs.note
  Path('order.txt').write_text('masks/2.png\nmasks/1.png\n')
  assert [mask for _, _, mask in pair('in', 'list:order.txt', 'order')[0]
          ] == ['masks/2.png', 'masks/1.png']
  touch('masks/3.png')
  with pytest.raises(UsageError, match='2 images, but 3 masks in masks'):
    pair('in', 'masks', 'order')


def test_a_picture_is_not_its_own_mask():
  touch('in/a.png', 'in/b.png')
  with pytest.raises(UsageError, match='in are the same files as the masks in'):
    pair('in', 'in')
  assert pair('in', 'in/b.png')[0] == [('in/a.png', 'a.png', 'in/b.png')]


def test_sketches_and_maps_are_those_of_the_photograph():
  touch('in/a.png', 'masks/a_mask1.png', 'masks/a_mask2.png', 'sketches/a.bmp',
        'maps/a.jpg')
  _, pairs = pair('in', 'masks', sketch='sketches', edge='maps')
  assert [(case.sketch, case.edge_map) for case in pairs.cases] == [
      (Path('sketches/a.bmp'), Path('maps/a.jpg'))] * 2
  Path('sketches/a.bmp').rename('sketches/b.bmp')
  _, pairs = pair('in', 'masks', sketch='sketches')
  assert {case.fault for case in pairs.cases} == {
      'no sketches named a for the image a.png in sketches'}


def test_a_picture_by_itself_takes_a_file_by_itself():
  touch('in/a.png', 'masks/a.png', 'masks/b.png')
  assert pair('in/a.png', 'masks/b.png')[0][0][2] == 'masks/b.png'
  for mask in ('masks', 'masks/*.png'):
    with pytest.raises(UsageError, match=r'in/a.png is a file and the mask'):
      pair('in/a.png', mask)
  with pytest.raises(UsageError, match='did you mean "stem"'):
    pair('in', 'masks', 'stems')
