"""Which files are meant by a file, a folder, a pattern or a list."""

from pathlib import Path

import pytest

from jinpaint.data import inputs
from jinpaint.errors import UsageError


@pytest.fixture
def place(tmp_path, monkeypatch):
  """A folder with photographs, which nobody opens."""
  monkeypatch.chdir(tmp_path)
  for name in ('photos/b.JPG', 'photos/a.png', 'photos/sub/a.png',
               'photos/.hidden/c.png', 'photos/.d.png', 'photos/notes.txt',
               'photos/out/a.png', 'other/e.png', 'odd [1].png'):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).touch()
  return tmp_path


def found(*texts, without=()):
  return [(each.path.as_posix(), each.name) for each in inputs.find(
      'image', texts, without=without).files]


def test_a_file_is_meant_alone(place):
  assert inputs.find('image', ['photos/a.png']) == inputs.Inputs(
      'photos/a.png', (inputs.Input(Path('photos/a.png'), 'a.png'),), True)
  assert found('odd [1].png') == [('odd [1].png', 'odd [1].png')]


def test_several_files_are_named_below_the_folder_that_holds_them(place):
  assert found('photos/sub/a.png', 'photos/b.JPG') == [
      ('photos/sub/a.png', 'sub/a.png'), ('photos/b.JPG', 'b.JPG')]
  assert found('other/e.png', 'other/e.png') == [('other/e.png', 'e.png')]


@pytest.mark.parametrize(('pattern', 'names'), [
    ('photos/*', ['a.png', 'b.JPG']), ('photos/*.JPG', ['b.JPG']),
    ('photos/**/*.png', ['a.png', 'out/a.png', 'sub/a.png']),
    ('phot*/a.png', ['photos/a.png']),
    ('**/e.png', ['other/e.png'])])
def test_a_pattern_names_files_below_its_fixed_part(pattern, names, place):
  assert [name for _, name in found(pattern)] == names
  assert [name for _, name in found(str(place / pattern))] == names


def test_what_was_written_is_no_image(place):
  results = (Path('photos/out'), None)
  for text in ('photos', 'photos/**/*.png'):
    assert 'out/a.png' in [name for _, name in found(text)]
    assert 'out/a.png' not in [
        name for _, name in found(text, without=results)]


def test_a_list_keeps_its_order_and_is_relative_to_its_folder(place):
  Path('photos/few.txt').write_text(
      f'# two of them\nsub/a.png\n\n  {place}/photos/a.png\n')
  assert found('list:photos/few.txt') == [
      ('photos/sub/a.png', 'sub/a.png'), (f'{place}/photos/a.png', 'a.png')]
  Path('one.txt').write_text('other/e.png')
  assert not inputs.find('image', ['list:one.txt']).alone


def test_a_loop_of_links_ends(place):
  Path('photos/sub/loop').symlink_to(place / 'photos')
  names = [name for _, name in found('photos/**/*.png')]
  assert sorted(names) == ['a.png', 'out/a.png', 'sub/a.png']


def test_what_is_left_out_for_its_suffix_is_said(place):
  for text in ('photos', 'photos/*'):
    assert inputs.find('image', [text]).left_out == (
        f'{text}: not images by their suffix, and left out: notes.txt',)


@pytest.mark.parametrize(('texts', 'says'), [
    (['none.png'], 'there is no image none.png'),
    (['photos/*.gif'], 'no image matches photos/*.gif'),
    (['list:none.txt'], 'cannot read the list none.txt: No such file'),
    (['list:empty.txt'], 'the list empty.txt names no image'),
    (['list:wrong.txt'], 'there is no image gone.png, which wrong.txt lists'),
    (['list:odd [1].png'], 'names no image'),
    (['list:bytes.txt'], 'it is no text in UTF-8'),
    (['photos/out', 'photos/sub'], 'two images have the name a.png: '
     'photos/out/a.png and photos/sub/a.png')])
def test_what_cannot_be_meant_is_one_line(texts, says, place):
  Path('empty.txt').write_text('# nothing\n')
  Path('wrong.txt').write_text('gone.png\n')
  Path('bytes.txt').write_bytes(b'\xff\xfe')
  with pytest.raises(UsageError) as error:
    inputs.find('image', texts)
  assert says in str(error.value)
