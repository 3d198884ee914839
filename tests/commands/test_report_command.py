"""`jinpaint report`: what it writes, what it refuses, and in which words."""

from command_files import assert_refused, contents
import pytest


def test_a_real_run_becomes_one_file(workdir, tmp_path, jinpaint):
  output = tmp_path / 'new' / 'page.html'
  status, out, err = jinpaint('report', workdir, f'--output={output}')
  assert (status, out, err) == (0, f'wrote {output}\n', '')
  text = output.read_text()
  for words in ('Losses', 'Learning rates', 'Scores on held-out images',
                'OpenCV Telea', 'Pictures over time', 'batch_size',
                'Every weight with its shape', 'N = '):
    assert words in text
  assert 'has no event files' not in text


def test_the_file_of_one_run_lies_in_it_and_is_not_overwritten_unless_told(
    tmp_path, jinpaint):
  (tmp_path / 'config.json').write_text('{"system": "pconv"}')
  assert jinpaint('report', tmp_path)[0] == 0
  before = contents(tmp_path)
  assert before.keys() == {'config.json', 'report.html'}
  assert_refused(jinpaint('report', tmp_path), 'report.html exists')
  assert contents(tmp_path) == before
  (tmp_path / 'config.json').write_text('{"system": "gated"}')
  assert jinpaint('report', tmp_path, '--overwrite')[0] == 0
  assert contents(tmp_path)['report.html'] != before['report.html']


@pytest.mark.parametrize(('words', 'message'), [
    (['empty'], 'empty holds no run and no evaluation'),
    (['nowhere'], 'there is no folder nowhere'),
    (['run', 'empty'], '--output=FILE.html says where'),
    (['run', 'empty', '--output=x.html'], 'empty holds no run'),
    (['run', '--output=x.txt'], 'must end with .html'),
    (['run', '--output=file/x.html'], 'cannot write file/x.html'),
    (['broken'], 'cannot read broken/config.json'),
    ([], 'RUN')])
def test_wrong_words_about_reports_are_one_line(
    words, message, tmp_path, jinpaint, monkeypatch):
  monkeypatch.chdir(tmp_path)
  for name in ('empty', 'run', 'broken'):
    (tmp_path / name).mkdir()
  (tmp_path / 'file').write_text('')
  (tmp_path / 'run' / 'config.json').write_text('{"system": "pconv"}')
  (tmp_path / 'broken' / 'config.json').write_text('{"sys')
  before = contents(tmp_path)
  assert_refused(jinpaint('report', *words), message)
  assert contents(tmp_path) == before
