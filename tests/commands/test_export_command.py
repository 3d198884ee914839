"""`jinpaint export` writes a file that opens, and says what it does."""

import numpy as np
import pytest

import jinpaint
from jinpaint.commands import cli


def test_a_file_is_written_and_what_it_does_is_said(tmp_path, capsys):
  path = tmp_path / 'f.jinpaint'
  command = ['export', f'--output={path}', '--sizes=128,120x200',
             '--platforms=cpu']
  cli.main(command)
  said = capsys.readouterr().out
  inpaint = jinpaint.load(path)
  assert 'wrote scratches to' in said
  assert 'pictures of 128x128 or 120x200 pixels (height x width)' in said
  assert 'all others in windows of its square sizes' in said
  assert f'until {inpaint.about.guaranteed_until}' in said
  # A picture without a hole needs nothing compiled.
  image = np.zeros((8, 8, 3), np.uint8)
  np.testing.assert_array_equal(inpaint(image, image[..., 0]), image)
  before = path.read_bytes()
  with pytest.raises(SystemExit) as ended:
    cli.main(command)
  assert ended.value.code == 2
  assert '--overwrite replaces it' in capsys.readouterr().err
  assert path.read_bytes() == before


@pytest.mark.parametrize(('flags', 'message'), [
    (['--output=f.npz'], 'name the output .jinpaint'),
    (['--output=f.jinpaint', '--sizes=8xa'], 'heights and widths in pixels'),
    (['--output=f.jinpaint', '--sizes=64'], 'is too small'),
    (['--output=f.jinpaint', '--platforms=cpu,gpu'], 'no platform "gpu"'),
    (['nowhere', '--output=f.jinpaint'], 'holds no run')])
def test_what_cannot_be_exported_is_one_line(
    tmp_path, monkeypatch, capsys, flags, message):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(SystemExit) as ended:
    cli.main(['export', *flags])
  assert ended.value.code == 2
  said = capsys.readouterr().err
  assert message in said
  assert said.count('\n') == 1
  assert not list(tmp_path.iterdir())
