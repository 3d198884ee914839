"""`jinpaint masks`: what it writes, what it refuses, and in which words."""

import os
from pathlib import Path

from command_files import assert_refused, contents, picture, read, write
import numpy as np
import pytest

from jinpaint.data import mask_drawings


def test_masks_are_files_of_the_size_and_white_is_the_hole(
    tmp_path, jinpaint):
  status, out, err = jinpaint(
      'masks', '--kind=block:fraction=0.5', '--size=20x31', '--count=12',
      f'--output={tmp_path}/new/m')
  assert (status, err) == (0, '')
  assert out == f'wrote 12 masks to {tmp_path}/new/m\n'
  made = sorted((tmp_path / 'new/m').iterdir())
  assert [path.name for path in made] == [f'{i:05}.png' for i in range(12)]
  for path in made:
    pixels = read(path)
    assert pixels.shape == (20, 31)
    assert pixels.dtype == np.uint8
    assert (pixels == 255).sum() == 10 * 15
    assert (pixels == 0).sum() == 20 * 31 - 10 * 15
  assert len({path.read_bytes() for path in made}) > 6


@pytest.mark.parametrize('kind', [
    *mask_drawings.KINDS, 'lines+block:fraction=0.25'])
def test_a_seed_decides_every_mask(kind, tmp_path, jinpaint):
  def made(name, *more):
    assert jinpaint('masks', f'--kind={kind}', '--size=32', '--count=4',
                    f'--output={tmp_path}/{name}', *more)[0] == 0
    return contents(tmp_path / name)
  first = made('a')
  assert made('b', '--seed=0') == first
  assert made('c', '--seed=1') != first
  # The first ones of many are the same as few.
  assert made('d', '--count=2') == {
      name: first[name] for name in ('00000.png', '00001.png')}


def test_a_ratio_holds_for_every_mask(tmp_path, jinpaint):
  assert jinpaint('masks', '--kind=lines', '--size=48', '--count=20',
                  '--ratio=0.1-0.2', f'--output={tmp_path}')[0] == 0
  for path in tmp_path.iterdir():
    assert 0.1 <= (read(path) == 255).mean() <= 0.2


def test_masks_that_exist_are_not_overwritten_unless_told(tmp_path, jinpaint):
  words = ['masks', '--kind=lines', '--size=16', '--count=3',
           f'--output={tmp_path}']
  write(tmp_path / '00002.png', picture())
  before = contents(tmp_path)
  assert_refused(jinpaint(*words), '00002.png exists; --overwrite')
  assert contents(tmp_path) == before
  assert jinpaint(*words, '--overwrite')[0] == 0
  assert len(contents(tmp_path)) == 3
  assert contents(tmp_path)['00002.png'] != before['00002.png']


@pytest.mark.parametrize(('words', 'message'), [
    (['--kind=line'], 'unknown kind of mask "line"; did you mean "lines"?'),
    (['--kind=lines:thicknes=3'], 'did you mean "thickness"?'),
    (['--kind=lines:count=x'], 'cannot read "count=x"'),
    (['--kind=files:nowhere'], 'nowhere'),
    (['--size=0'], 'cannot read --size=0'),
    (['--size=-3'], 'cannot read --size=-3'),
    (['--size=8x'], 'cannot read --size=8x'),
    (['--size=8x8x8'], 'cannot read --size=8x8x8'),
    (['--size=big'], 'cannot read --size=big'),
    (['--count=0'], '--count must be positive'),
    (['--count=many'], "invalid int value: 'many'"),
    (['--seed=-1'], '--seed not negative'),
    (['--ratio=0.1'], 'cannot read --ratio=0.1'),
    (['--ratio=a-b'], 'cannot read --ratio=a-b'),
    (['--ratio=0.5-0.1'], 'the mask ratio is (0.5, 0.1)'),
    (['--ratio=nan-1'], 'the mask ratio is (nan, 1.0)'),
    (['--ratio=0.99-1'], 'hole ratio of 0.99 to 1'),
    (['--output=file'], 'cannot write file/00000.png'),
    (['--outptu=x'], 'unrecognized arguments: --outptu=x')])
def test_wrong_words_about_masks_are_one_line(
    words, message, tmp_path, jinpaint, monkeypatch):
  monkeypatch.chdir(tmp_path)
  Path('file').write_text('')
  assert_refused(jinpaint('masks', '--kind=lines', '--size=16', '--output=out',
                          *words), message)
  assert os.listdir() == ['file']
