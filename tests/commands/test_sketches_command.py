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


@pytest.mark.parametrize('broken', ['in/b.png', 'maps/b.png'])
def test_a_broken_file_is_named_skipped_and_counted(
    broken, tmp_path, monkeypatch, jinpaint):
  monkeypatch.chdir(tmp_path)
  for name in 'abc':
    write(f'in/{name}.png', picture(3))
    write(f'maps/{name}.png', picture())
  Path(broken).write_bytes(b'')
  status, out, err = jinpaint('sketches', '--image=in', '--edge=files:maps',
                              '--output=out')
  assert (status, out) == (2, 'wrote 2 sketches to out\n')
  skipped, ended = err.splitlines()
  assert skipped.startswith('skipped a broken image: ')
  assert f'{broken} (an empty file)' in skipped
  assert ended == 'error: 1 of 3 images were broken and skipped'
  assert set(contents(Path('out'))) == {'a.png', 'c.png'}


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
