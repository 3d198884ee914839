"""A run that goes on with other data than it was started with says so."""

import pytest

from jinpaint.data import sources
from jinpaint.errors import UsageError
from jinpaint.runs import fingerprint


class Stream:
  """A source that knows no names, such as a TFDS data set."""

  names = ()

  def __init__(self, count):
    self._count = count

  def __len__(self):
    return self._count


@pytest.fixture
def folder(tmp_path):
  root = tmp_path / 'photos'
  root.mkdir()
  for name in ('a.png', 'b.png', 'c.png'):
    (root / name).write_bytes(b'1234')
  return root


def changes(workdir, folder):
  return fingerprint.changes(workdir, {
      'training': sources.folder(folder, None),
      'evaluation': sources.Photos('validation')})


def test_the_same_data_are_not_mentioned(tmp_path, folder):
  assert changes(tmp_path / 'run', folder) == []
  assert changes(tmp_path / 'run', folder) == []


def test_data_that_were_only_moved_are_the_same(tmp_path, folder):
  changes(tmp_path, folder)
  moved = folder.rename(tmp_path / 'moved')
  assert changes(tmp_path, moved) == []


def test_more_photographs_are_said_each_time_that_the_run_goes_on(
    tmp_path, folder):
  changes(tmp_path, folder)
  (folder / 'd.png').write_bytes(b'1234')
  said = ['the photographs for training are not those of the start: 3 then, '
          '4 now']
  assert changes(tmp_path, folder) == said
  assert changes(tmp_path, folder) == said
  (folder / 'd.png').unlink()
  assert changes(tmp_path, folder) == []


@pytest.mark.parametrize('change', [
    lambda folder: (folder / 'a.png').write_bytes(b'12345'),
    lambda folder: (folder / 'a.png').rename(folder / 'e.png')])
def test_other_names_or_sizes_are_said(tmp_path, folder, change):
  changes(tmp_path, folder)
  change(folder)
  assert changes(tmp_path, folder) == [
      'the photographs for training are not those of the start: as many as '
      'then, but with other names or sizes']


def test_a_source_without_names_is_told_by_how_many_there_are(tmp_path):
  of_count = lambda count: fingerprint.changes(
      tmp_path, {'training': Stream(count)})
  assert of_count(100) == of_count(100) == []
  assert of_count(90) == ['the photographs for training are not those of the '
                          'start: 100 then, 90 now']


def test_what_a_run_is_evaluated_on_may_be_added_later(tmp_path, folder):
  fingerprint.changes(tmp_path, {'training': Stream(100)})
  assert fingerprint.changes(tmp_path, {
      'training': Stream(90), 'evaluation': sources.folder(folder, None)}) == [
          'the photographs for training are not those of the start: 100 then, '
          '90 now']
  (folder / 'a.png').unlink()
  assert len(fingerprint.changes(tmp_path, {
      'training': Stream(100),
      'evaluation': sources.folder(folder, None)})) == 1


@pytest.mark.parametrize('text', ['{', '[]', '{"training": 3}',
                                  '{"training": {"totals": 3}}'])
def test_a_record_that_cannot_be_read_is_one_line(tmp_path, text):
  (tmp_path / 'data.json').write_text(text)
  with pytest.raises(UsageError, match=r'cannot read .*data\.json'):
    fingerprint.changes(tmp_path, {'training': Stream(3)})
