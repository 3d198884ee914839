"""Sources: the shipped photographs, and folders that keep their sides."""

import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from jinpaint.data import files, sources
from jinpaint.errors import UsageError

ROOT = Path(__file__).parents[2]
PIXELS = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def fill(root, names):
  for name in names:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'')  # whether it can be read is not asked
  return root


def sides(root):
  return [set(sources.folder(root, split).names)
          for split in ('train', 'validation')]


def test_the_shipped_photographs_need_no_network_and_no_cache(tmp_path):
  code = '''
import socket
def refuse(*args, **kwargs):
  raise AssertionError('the network was asked')
socket.socket.connect = socket.getaddrinfo = refuse
from jinpaint.data import sources
for split in ('train', 'validation'):
  source = sources.Photos(split)
  for index in range(len(source)):
    photo = source.read(index)
    assert photo.dtype == 'uint8' and photo.shape[2:] == (3,), photo.shape
    assert min(photo.shape[:2]) >= 256 and photo.std() > 10
'''
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT,
                 env=os.environ | {'SKIMAGE_DATADIR': str(tmp_path),
                                   'HOME': str(tmp_path)})
  assert not list(tmp_path.iterdir())


def test_no_shipped_photograph_is_on_both_sides():
  train, held_out = (set(sources.PHOTOS[split])
                     for split in ('train', 'validation'))
  assert len(train) >= 5
  assert len(held_out) >= 2
  assert not train & held_out
  # A stereo pair shows one scene.
  assert {'motorcycle_left', 'motorcycle_right'} <= train
  seen = {}
  for split in ('train', 'validation'):
    source = sources.Photos(split)
    assert len(source) == len(source.names) == len(set(source.names))
    assert {name.partition('/')[0] for name in source.names} == set(
        sources.PHOTOS[split])
    for index in range(len(source)):
      seen.setdefault(source.read(index).tobytes(), set()).add(split)
  assert len(seen) == 9  # so many pictures
  assert all(len(splits) == 1 for splits in seen.values())


def test_a_folder_is_read_to_its_depths(tmp_path):
  names = ('a.png', 'b/c/d.PNG', 'b/e f/ü.png')
  for i, name in enumerate(names):
    files.write(tmp_path / name, files.Picture(PIXELS + np.uint8(i)))
  whole = sources.folder(tmp_path, None)
  assert whole.names == names
  assert len(whole) == 3
  for i in range(3):
    np.testing.assert_array_equal(whole.read(i), PIXELS + np.uint8(i))


@pytest.mark.parametrize('count', [2, 3, 4, 30])
def test_a_folder_split_by_hash_is_never_empty_on_either_side(count, tmp_path):
  for trial in range(20):
    root = fill(tmp_path / str(trial),
                [f'{trial}-{i}.jpg' for i in range(count)])
    train, held_out = sides(root)
    assert train
    assert held_out
    assert not train & held_out
    assert train | held_out == set(files.names(root))


def test_a_single_image_is_on_both_sides_and_that_is_said(tmp_path):
  fill(tmp_path, ['only.png'])
  with pytest.warns(UserWarning, match='holds one image: it is trained on and'):
    assert sides(tmp_path) == [{'only.png'}, {'only.png'}]


def test_about_a_tenth_of_a_large_folder_is_held_out(tmp_path):
  train, held_out = sides(fill(tmp_path, [f'{i:04}.jpg' for i in range(1000)]))
  # Three standard deviations of a fair draw.
  assert 72 <= len(held_out) <= 128
  assert len(train) == 1000 - len(held_out)


def test_a_file_keeps_its_side_when_others_come_or_go(tmp_path):
  before = sides(fill(tmp_path, [f'{i:03}.jpg' for i in range(200)]))
  after = sides(fill(tmp_path, [f'new/{i:03}.jpg' for i in range(200)]))
  for old, new in zip(before, after, strict=True):
    assert old < new
  for i in range(0, 200, 3):
    (tmp_path / f'{i:03}.jpg').unlink()
  for old, new in zip(after, sides(tmp_path), strict=True):
    assert new < old


def test_the_split_does_not_depend_on_where_the_folder_is(tmp_path):
  names = [f'{i:03}.jpg' for i in range(100)]
  assert sides(fill(tmp_path / 'a', names)) == sides(
      fill(tmp_path / 'b' / 'c', names))


def test_train_and_validation_folders_are_the_sides_if_both_exist(tmp_path):
  fill(tmp_path, ['train/a.png', 'train/x/b.png', 'validation/c.png',
                  'other/d.png'])
  assert sides(tmp_path) == [{'a.png', 'x/b.png'}, {'c.png'}]
  assert len(sources.folder(tmp_path, None)) == 4


def test_a_train_folder_alone_is_a_folder_like_any_other(tmp_path):
  fill(tmp_path, [f'train/{i}.png' for i in range(50)])
  train, held_out = sides(tmp_path)
  assert len(train) + len(held_out) == 50
  assert held_out


def test_what_holds_no_image_is_named(tmp_path):
  fill(tmp_path, ['empty/notes.txt', 'half/train/a.png',
                  'half/validation/notes.txt', 'file.png'])
  for path, split in [('nowhere', 'train'), ('file.png', 'train'),
                      ('empty', 'validation'), ('empty', None)]:
    with pytest.raises(UsageError, match=f'{tmp_path}/{path}'):
      sources.folder(tmp_path / path, split)
  with pytest.raises(UsageError, match=f'{tmp_path}/half/validation'):
    sources.folder(tmp_path / 'half', 'validation')


def test_a_name_that_is_no_text_has_a_side(tmp_path):
  for i in range(10):
    os.close(os.open(os.fsencode(tmp_path) + b'/\xff%d.png' % i, os.O_CREAT))
  train, held_out = sides(tmp_path)
  assert len(train | held_out) == 10


@pytest.mark.parametrize(('split', 'known', 'train', 'held_out', 'whole'), [
    (None, ['train'], 'train[:90%]', 'train[90%:]', 'train[90%:]'),
    ('train', ['train'], 'train[:90%]', 'train[90%:]', 'train'),
    (None, ['train', 'test'], 'train', 'test', 'test'),
    (None, ['train', 'test', 'validation'], 'train', 'validation',
     'validation'),
    ('train+validation', ['train', 'test', 'validation'], 'train+validation',
     'test', 'train+validation'),
    ('train[:50%]', ['train', 'test'], 'train[:50%]', 'test', 'train[:50%]'),
    ('test', ['train', 'test', 'validation'], 'test', 'validation', 'test')])
def test_a_tfds_data_set_has_a_split_for_each_side(
    split, known, train, held_out, whole):
  assert [sources.tfds_split('set', split, side, known)
          for side in ('train', 'validation', None)] == [train, held_out, whole]


@pytest.mark.parametrize(('split', 'known', 'says'), [
    (None, ['test'], 'has no split train, only test; name one: tfds:set:SPLIT'),
    ('trian', ['train'], 'unknown split of set "trian"; did you mean "train"?'),
    ('train[:50%]', ['train'], 'leaves nothing to evaluate on; name a data.'),
    ('all', ['train', 'test'], 'training on all of set leaves nothing')])
def test_a_tfds_split_that_does_not_do_is_one_line(split, known, says):
  with pytest.raises(UsageError) as raised:
    sources.tfds_split('set', split, 'validation', known)
  assert says in str(raised.value)
  assert '\n' not in str(raised.value)


def test_broken_images_are_noted_once_until_there_are_too_many(capsys):
  broken = sources.BrokenImages(allowed=2, count=9)
  for name in ('a', 'b', 'a'):
    broken.add(name)
  assert broken.names == {'a', 'b'}
  assert capsys.readouterr().err.splitlines() == [
      f'skipped a broken image: {name}' for name in 'ab']
  with pytest.raises(UsageError, match=r'3 broken images, .* is 2; .* is c'):
    broken.add('c')
  with pytest.raises(UsageError, match='not one image can be read'):
    sources.BrokenImages(allowed=2, count=1).add('a')
