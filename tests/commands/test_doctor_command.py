"""`jinpaint doctor`: what it says of files, and how it ends."""

import json
from pathlib import Path
import subprocess
import sys

from command_files import assert_refused, contents, hole, picture, read, write
import numpy as np
import pytest


@pytest.fixture
def doctor(jinpaint, tmp_path, monkeypatch):
  """Runs the command in an empty folder."""
  monkeypatch.chdir(tmp_path)
  return lambda *words: jinpaint('doctor', *words)


def write_cases(*names, mask=None):
  for seed, name in enumerate(names):
    write(f'in/{name}.png', picture(3, seed=seed))
    write(f'masks/{name}.png', hole() if mask is None else mask)


def test_what_is_understood_of_each_picture_is_a_line(doctor):
  write_cases('a', 'sub/b')
  assert doctor('--image=in', '--mask=masks', '--strict') == (
      0, ''.join(f'in/{name}: 53 x 37, RGB, 8 bits, PNG; mask masks/{name}: '
                 'what is white is the hole, 15.30% in 1 hole, up to 16 '
                 'pixels wide\n' for name in ('a.png', 'sub/b.png'))
      + '2 pictures, 2 with a mask\n', '')
  assert doctor('--image', 'in/a.png', 'in/sub/b.png')[0] == 0


def test_notes_are_no_fault_unless_it_is_strict(doctor):
  write_cases('a', mask=255 - hole())
  status, out, err = doctor('--image=in', '--mask=masks')
  assert (status, err) == (0, '')
  assert '\n  note: masks/a.png: most of it is the hole; if black' in out
  assert out.endswith('1 picture, 1 with a mask, 1 note\n')
  status, _, err = doctor('--image=in', '--mask=masks', '--strict')
  assert (status, err) == (1, 'error: 1 note, and --strict takes none\n')
  status, out, _ = doctor('--image=in', '--mask=masks', '--strict',
                          '--mask-hole=black')
  assert status == 0
  assert 'what is black is the hole, 15.30%' in out


def test_everything_that_cannot_be_used_is_named_at_once(doctor):
  write_cases('a', 'b', 'c', 'd', 'e')
  Path('in/b.png').write_bytes(b'')
  write('masks/c.png', hole((9, 9)))
  Path('masks/d.png').unlink()
  Path('masks/e.png').write_bytes(b'\x89PNG')
  before = contents(Path())
  status, out, err = doctor('--image=in', '--mask=masks')
  assert (status, err) == (2, 'error: 4 of 5 cannot be used\n')
  for words in ('in/b.png (an empty file): BROKEN',
                'in/c.png: DOES NOT FIT: in/c.png is 53 x 37 and its mask',
                'in/d.png: DOES NOT FIT: no masks named d for the image d.png',
                'in/e.png: DOES NOT FIT: cannot read the mask masks/e.png',
                '5 pictures, 1 with a mask, 1 broken, 3 with a mask, sketch or '
                'edge map that does not fit'):
    assert words in out
  assert contents(Path()) == before
  assert_refused(doctor(), 'name --image')
  assert_refused(doctor('--image=none'), 'there is no image none')


def test_what_is_so_of_a_mask_for_all_is_said_once(doctor):
  write_cases('a', 'b')
  write('mask.png', 0 * hole())
  _, out, _ = doctor('--image=in', '--mask=mask.png')
  assert out.count('it marks no pixel') == 1
  assert out.endswith(', 1 note\n')


def test_pairing_leftovers_and_suffixes_are_said(doctor):
  write_cases('a')
  write('masks/a_mask001.png', hole())
  Path('in/notes.txt').touch()
  _, out, _ = doctor('--image=in', '--mask=masks')
  assert 'note: masks/a_mask001.png: belongs to no image\n' in out
  assert 'left out: notes.txt\n' in out
  _, out, _ = doctor('--image=in', '--mask=masks', '--pairing=numbered')
  assert 'note: masks in masks are paired by number' in out


def test_pictures_show_holes_strokes_and_edges(doctor):
  write_cases('a', 'b', 'c')
  lines = np.zeros((37, 53), np.uint8)
  lines[30] = 255
  write('sketch.png', lines)
  write('map.png', lines[::-1].copy())
  Path('in/b.png').write_bytes(b'')
  words = ('--image=in', '--mask=masks', '--sketch=sketch.png',
           '--edge=files:map.png', '--output=in/seen', '--most=2')
  status, out, err = doctor(*words)
  assert status == 2
  assert 'sketch sketch.png; edge map map.png' in out
  assert err.startswith('wrote 2 pictures to in/seen\n')
  assert sorted(contents(Path('in/seen'))) == ['a.png.png', 'contact_sheet.png']
  drawn = read('in/seen/a.png.png')
  assert (drawn[30] == (0, 114, 178)).all()
  assert (drawn[6, :9] == (240, 228, 66)).all()
  known = np.ones((37, 53), bool)
  known[4:21, 9:31] = known[30] = known[6] = False
  np.testing.assert_array_equal(drawn[known], picture(3)[known])
  assert_refused(doctor(*words), 'in/seen/a.png.png exists')
  assert doctor(*words, '--overwrite')[1] == out


def test_a_program_reads_json(doctor):
  write_cases('a', 'b')
  Path('in/b.png').write_bytes(b'')
  status, out, _ = doctor('--image=in', '--mask=masks', '--json')
  known = json.loads(out)
  first, second = known['pictures']
  assert status == 2
  assert (first['width'], first['hole']['number']) == (53, 1)
  assert first['hole']['share'] == pytest.approx(300 / 1961)
  assert second['broken'] == 'in/b.png (an empty file)'
  assert known['summary']['broken'] == 1


def test_a_data_set_is_looked_at_from_both_sides(doctor):
  for i in range(4):
    write(f'data/{i}.png', picture(3, seed=i))
  status, out, _ = doctor('--data=folder:data', '--size=37')
  assert status == 0
  assert out.startswith('folder:data: 3 photographs to train on, 1 held out\n')
  assert doctor('--data=folder:data', '--strict')[0] == 1
  Path('data/4.png').write_bytes(b'')
  status, out, _ = doctor('--data=folder:data', '--json')
  assert status == 2
  assert json.loads(out)['broken'] == ['data/4.png (an empty file)']
  assert_refused(doctor('--data=folder:data', '--image=data'), '--data takes')
  assert_refused(doctor('--data=folders:data'), 'did you mean "folder"')
  assert_refused(doctor('--data=tfds:mnist'), 'tfds:mnist has no files',
                 'folder:PATH and photos')


def test_it_starts_without_jax_and_without_a_model(tmp_path):
  code = ("import sys; from jinpaint.commands import cli\n"
          f"cli.main(['doctor', '--image={tmp_path}'])\n"
          "assert not {'jax', 'tensorflow', 'flax'} & sys.modules.keys()")
  write(tmp_path / 'a.png', picture(3))
  subprocess.run([sys.executable, '-c', code], check=True)
