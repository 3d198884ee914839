"""How programs end: in one line, with the status that shells expect."""

import errno
import io
import os
from pathlib import Path
import subprocess
import sys
import warnings

import pytest

from jinpaint import errors
from jinpaint.errors import RunError, UsageError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(('raised', 'status', 'line'), [
    (UsageError('no such file'), 2, 'error: no such file\n'),
    (RunError('the loss is nan'), 1, 'error: the loss is nan\n'),
    (OSError(errno.ENOSPC, 'No space left', 'run/a.png'), 1,
     'error: run/a.png: No space left\n'),
    (OSError(errno.ENOSPC, 'No space left'), 1, 'error: No space left\n'),
    (PermissionError(errno.EACCES, 'Permission denied', 'run'), 1,
     'error: run: Permission denied\n'),
    (OSError(errno.ENAMETOOLONG, 'File name too long', 'aaa'), 2,
     'error: aaa: File name too long\n'),
    (KeyboardInterrupt(), 130, 'stopped\n')])
def test_what_ends_a_program_is_one_line(raised, status, line, capsys):
  with pytest.raises(SystemExit) as caught, errors.exit_in_one_line():
    raise raised
  assert caught.value.code == status
  assert capsys.readouterr() == ('', line)


@pytest.mark.parametrize('fault', [
    ValueError('a fault'), RuntimeError('a fault'),
    OSError(errno.EIO, 'Input/output error')])
def test_a_fault_of_the_program_keeps_its_traceback(fault):
  with pytest.raises(type(fault)) as caught, errors.exit_in_one_line():
    raise fault
  assert caught.value is fault


def test_a_name_that_the_terminal_cannot_encode_is_no_error(monkeypatch):
  stream = io.BytesIO()
  monkeypatch.setattr(sys, 'stdout', io.TextIOWrapper(stream, 'ascii'))
  with errors.exit_in_one_line():
    print('wrote ü\udcff.png')
  assert stream.getvalue() == b'wrote \\xfc\\udcff.png\n'


def test_a_bad_argument_is_a_value_error_in_python():
  assert issubclass(UsageError, ValueError)
  assert not issubclass(RunError, ValueError)


def test_a_full_disk_behind_stdout_is_one_line():
  with Path('/dev/full').open('w') as full:
    ended = subprocess.run(
        [sys.executable, '-c',
         'from jinpaint.commands import cli; cli.main(["systems"])'],
        stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
  assert (ended.returncode, ended.stderr) == (
      1, 'error: No space left on device\n')


def test_a_warning_is_one_line(capsys):
  with errors.exit_in_one_line():
    warnings.warn('half of it is grey', stacklevel=1)
  assert capsys.readouterr() == ('', 'warning: half of it is grey\n')


def test_a_reader_that_has_seen_enough_gets_no_traceback():
  reader, writer = os.pipe()
  os.close(reader)
  ended = subprocess.run(
      [sys.executable, '-c',
       'from jinpaint.commands import cli; cli.main(["systems"])'],
      stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
  os.close(writer)
  assert (ended.returncode, ended.stderr) == (141, '')


def test_an_unknown_name_comes_with_the_nearest_or_with_all():
  assert str(errors.unknown('colour', 'rde', ('red', 'blue'))) == (
      'unknown colour "rde"; did you mean "red"?')
  assert str(errors.unknown('colour', 'x', ('red', 'blue'))) == (
      'unknown colour "x"; there are: blue, red')


def test_an_option_that_is_not_known_is_refused_with_those_that_are():
  errors.check_option('colour', 'red', ('red', 'blue'))
  with pytest.raises(UsageError, match="is one of red, blue, not 'x'"):
    errors.check_option('colour', 'x', ('red', 'blue'))
