"""`jinpaint sketches`: what it writes, what it refuses, and in which words."""

from pathlib import Path

from command_files import assert_refused, contents, picture, read, write
import numpy as np
import pytest


def test_sketches_are_simulated_for_a_folder(tmp_path, monkeypatch, jinpaint):
  monkeypatch.chdir(tmp_path)
  board = np.uint8((np.indices((40, 60)) // 10).sum(0) % 2 * 255)
  for name in ('a.jpg', 'sub/b.png'):
    write(f'in/{name}', np.repeat(board[..., None], 3, -1))
  words = 'sketches', '--image=in', '--move=40'
  assert jinpaint(*words, '--output=out')[0] == 0
  made = [read(f'out/{name}') for name in ('a.png', 'sub/b.png')]
  for sketch in made:
    assert (sketch.shape, set(np.unique(sketch))) == ((40, 60), {0, 255})
  assert (made[0] != made[1]).any()
  assert_refused(jinpaint(*words, '--output=out'), 'out/a.png exists')
  assert jinpaint(*words, '--output=other', '--thin', '--soft')[0] == 0
  assert len(np.unique(read('other/a.png'))) > 2
  assert jinpaint(*words, '--output=again')[0] == 0
  assert contents(Path('again')) == contents(Path('out'))
  # Edges from files, of which soft ones are cut.
  assert jinpaint(*words, '--output=of files', '--edge=files:out')[0] == 0


def write_pictures_and_maps():
  for name in 'abc':
    write(f'in/{name}.png', picture(3))
    write(f'maps/{name}.png', picture())


def test_a_broken_photograph_is_named_skipped_and_counted(
    tmp_path, monkeypatch, jinpaint):
  monkeypatch.chdir(tmp_path)
  write_pictures_and_maps()
  Path('in/b.png').write_bytes(b'')
  status, out, err = jinpaint('sketches', '--image=in', '--edge=files:maps',
                              '--output=out')
  assert (status, out) == (2, 'wrote 2 sketches to out\n')
  assert err == ('skipped a broken image: in/b.png (an empty file)\n'
                 'error: 1 of 3 images were broken and skipped\n')
  assert set(contents(Path('out'))) == {'a.png', 'c.png'}
  assert_refused(jinpaint('sketches', '--image=in/b.png', '--output=one'),
                 'cannot read the image in/b.png')


@pytest.mark.parametrize(('fault', 'message'), [
    ('broken', 'cannot read the edge map maps/b.png'),
    ('missing', 'no edge maps named b for the image b.png'),
    ('small', 'its edge map maps/b.png is 9 x 9; they must have one size')])
def test_an_edge_map_that_does_not_fit_is_said_before_anything_is_written(
    fault, message, tmp_path, monkeypatch, jinpaint):
  monkeypatch.chdir(tmp_path)
  write_pictures_and_maps()
  if fault == 'missing':
    Path('maps/b.png').unlink()
  elif fault == 'small':
    write('maps/b.png', picture(size=(9, 9)))
  else:
    Path('maps/b.png').write_bytes(b'')
  assert_refused(jinpaint('sketches', '--image=in', '--edge=files:maps',
                          '--output=out'), message)
  assert not Path('out').exists()


def test_photographs_are_named_as_for_filling(tmp_path, monkeypatch, jinpaint):
  monkeypatch.chdir(tmp_path)
  write_pictures_and_maps()
  write('in/sub/deep.png', picture(4, dtype=np.uint16))
  write('in/._a.png', picture(3))
  Path('in/notes.txt').touch()
  Path('list.txt').write_text('in/c.png\n', encoding='utf-8')
  # Maps among the photographs are none, and results are not drawn again.
  words = 'sketches', '--edge=files:in/maps', '--output=in/out'
  write('in/maps/deep.png', picture())
  for name in 'abc':
    write(f'in/maps/{name}.png', picture())
  for _ in range(2):
    status, out, err = jinpaint(*words, '--image=in', '--overwrite')
    assert (status, out) == (0, 'wrote 4 sketches to in/out\n')
    assert 'left out: notes.txt' in err
  assert set(contents(Path('in/out'))) == {
      'a.png', 'b.png', 'c.png', 'sub/deep.png'}
  for given, made in (('in/?.png', 3), ('list:list.txt', 1)):
    assert jinpaint('sketches', '--image', given, f'--output={made}')[:2] == (
        0, f'wrote {made} sketches to {made}\n')
  write('in/a.jpg', picture(3))
  assert_refused(jinpaint('sketches', '--image', 'in/a.jpg', 'in/a.png',
                          '--output=two'), 'in/a.jpg and in/a.png would both '
                 'become two/a.png')


@pytest.mark.parametrize(('more', 'message'), [
    ('--move=9-3', 'cannot read "move=9-3"'),
    ('--edge=cany', 'did you mean "canny"'),
    ('--cut=1.5', '--cut within 0 and 1'), ('--image=x', 'no image x'),
    ('--edge=files:x', 'x')])
def test_sketches_that_cannot_be_simulated_are_one_line(
    more, message, tmp_path, monkeypatch, jinpaint):
  monkeypatch.chdir(tmp_path)
  write('in/a.png', picture(3))
  assert_refused(jinpaint('sketches', '--image=in', '--output=out', more),
                 message)
  assert not Path('out').exists()
