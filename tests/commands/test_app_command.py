"""`jinpaint app` says what is wrong in one line, and ends when it is told."""

import io
import os
from pathlib import Path
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from jinpaint.commands import cli

ROOT = Path(__file__).parents[2]


def ended(capsys, *flags):
  """Returns how the command ended, and what it said."""
  with pytest.raises(SystemExit) as end:
    cli.main(['app', *flags])
  return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize('flags', [
    ['--runs=nowhere'], ['--data=nowhere'], ['--model=nowhere'],
    ['--port=70000'], ['--port=x'], ['--host=192.0.2.1']], ids=str)
def test_what_is_not_there_is_said_in_one_line(flags, capsys):
  status, said = ended(capsys, *flags)
  assert status == 2
  error = said.splitlines()[-1]
  assert error.startswith('error: ')
  assert flags[0].split('=')[1] in error


def test_a_port_that_is_in_use_is_said(capsys):
  with socket.socket() as taken:
    taken.bind(('127.0.0.1', 0))
    taken.listen()
    port = taken.getsockname()[1]
    status, said = ended(capsys, f'--port={port}')
  assert status == 2
  assert said.startswith(f'error: --port={port} is in use')


def test_a_missing_extra_is_said(capsys, monkeypatch):
  monkeypatch.setitem(sys.modules, 'uvicorn', None)
  status, said = ended(capsys)
  assert status == 2
  assert "pip install 'jinpaint[app]'" in said


def test_whoever_opens_the_page_to_others_is_warned(capsys):
  _, said = ended(capsys, '--host=192.0.2.1')
  assert 'warning: everybody who can reach 192.0.2.1' in said


def test_a_user_needs_a_password(capsys, monkeypatch):
  monkeypatch.delenv('JINPAINT_PASSWORD', raising=False)
  monkeypatch.setattr('sys.stdin', io.StringIO())
  status, said = ended(capsys, '--user=ann')
  assert status == 2
  assert 'set JINPAINT_PASSWORD' in said


def test_it_serves_until_ctrl_c_and_leaves_nothing(tmp_path):
  with subprocess.Popen(
      [sys.executable, '-m', 'jinpaint', 'app', '--port=0'], cwd=ROOT,
      env={**os.environ, 'TMPDIR': str(tmp_path)}, text=True,
      stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
    try:
      address = re.search(r'http://127\.0\.0\.1:\d+/',
                          process.stdout.readline()).group()
      with urllib.request.urlopen(address) as page:
        assert b'<html' in page.read()
      assert list(tmp_path.glob('jinpaint-app-*'))
      # A connection that asks for nothing does not keep it from ending.
      with socket.create_connection(('127.0.0.1', int(address[17:-1]))):
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, said = process.communicate(timeout=20)
    finally:
      process.kill()
  assert (process.returncode, said) == (0, '')
  assert output == 'stopped\n'
  assert not list(tmp_path.glob('jinpaint-app-*'))
