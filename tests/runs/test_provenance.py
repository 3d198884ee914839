"""A run remembers whose weights it read."""

import json

import pytest

from jinpaint.converters.weights import Weights
from jinpaint.errors import UsageError
from jinpaint.runs import provenance

OLD = Weights('hed', {}, {}, 'GPL-3.0', 'the authors', '1' * 64)
NEW = Weights('hed', {}, {}, 'MIT', 'a package', '2' * 64)


def test_the_first_weights_are_written_down_and_others_are_said(tmp_path):
  assert provenance.changes(tmp_path, {'hed': OLD}) == []
  record = (tmp_path / 'weights.json').read_text()
  assert json.loads(record) == {'hed': {
      'licence': 'GPL-3.0', 'origin': 'the authors', 'sha256': '1' * 64}}
  assert provenance.changes(tmp_path, {'hed': OLD}) == []
  for _ in range(2):
    assert provenance.changes(tmp_path, {'hed': NEW}) == [
        'the weights of hed are not those of the start: the authors then, a '
        'package now']
  assert (tmp_path / 'weights.json').read_text() == record


def test_a_run_that_reads_no_published_weights_has_no_record(tmp_path):
  assert provenance.changes(tmp_path, {}) == []
  assert not list(tmp_path.iterdir())


def test_a_record_that_cannot_be_read_is_one_line(tmp_path):
  (tmp_path / 'weights.json').write_text('[]')
  with pytest.raises(UsageError, match=r'cannot read .*weights\.json'):
    provenance.changes(tmp_path, {'hed': OLD})
