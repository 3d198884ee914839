"""A work directory holds one run, for one training at a time."""

from pathlib import Path
import subprocess
import sys

import pytest

from jinpaint.configs import pconv_lines
from jinpaint.errors import UsageError
from jinpaint.runs import config as runs_config

ROOT = Path(__file__).parents[2]


def config_of(**data):
  config = pconv_lines.get_config('photos')
  config.data.update(data)
  return config


def test_a_second_training_is_refused_and_the_first_one_is_named(tmp_path):
  workdir = tmp_path / 'new' / 'run'
  with runs_config.hold(workdir):
    with (pytest.raises(UsageError, match=r'^process \d+ on .+ is training in '
                        '.*; wait for it, or choose another --workdir$'),
          runs_config.hold(workdir)):
      pass
    with runs_config.hold(tmp_path / 'another'):
      pass
  with runs_config.hold(workdir):
    pass


def test_a_training_that_fails_lets_go_of_its_work_directory(tmp_path):
  with pytest.raises(KeyError), runs_config.hold(tmp_path):
    raise KeyError
  with runs_config.hold(tmp_path):
    pass


HOLD = """
import sys, time
from pathlib import Path
from jinpaint.runs import config
with config.hold(Path(sys.argv[1])):
  print('held', flush=True)
  time.sleep(600)
"""


def test_a_training_that_was_killed_leaves_no_lock(tmp_path):
  with subprocess.Popen([sys.executable, '-c', HOLD, tmp_path], cwd=ROOT,
                        text=True, stdout=subprocess.PIPE) as holder:
    try:
      assert holder.stdout.readline() == 'held\n'
      with (pytest.raises(UsageError, match=f'^process {holder.pid} on '),
            runs_config.hold(tmp_path)):
        pass
    finally:
      holder.kill()
  with runs_config.hold(tmp_path):
    pass


def test_a_run_that_is_being_trained_can_be_read(tmp_path):
  with runs_config.hold(tmp_path):
    runs_config.claim(tmp_path, config_of())
    assert runs_config.read_config(tmp_path).system == 'pconv_lines'


def test_a_work_directory_that_cannot_be_made_is_one_line(tmp_path):
  (tmp_path / 'file').write_text('')
  with (pytest.raises(UsageError, match=r'cannot write .*: Not a directory'),
        runs_config.hold(tmp_path / 'file' / 'run')):
    pass


def test_a_disk_without_locks_is_used_after_a_warning(tmp_path, monkeypatch):
  import fcntl
  def refuse(*_):
    raise OSError(37, 'No locks available')
  monkeypatch.setattr(fcntl, 'flock', refuse)
  with (pytest.warns(UserWarning, match='cannot be locked .No locks available'),
        runs_config.hold(tmp_path)):
    pass


def test_a_run_finds_its_photographs_from_any_directory(tmp_path, monkeypatch):
  here, there = tmp_path / 'here', tmp_path / 'there'
  here.mkdir()
  there.mkdir()
  config = config_of(source='folder:photos', mask='lines+files:masks')
  config.start_from = 'earlier'
  monkeypatch.chdir(here)
  runs_config.claim(Path('run'), config)
  monkeypatch.chdir(there)
  saved = runs_config.read_config(here / 'run')
  assert saved.data.source == f'folder:{here}/photos'
  assert saved.data.mask == f'lines+files:{here}/masks'
  assert saved.start_from == f'{here}/earlier'


def test_a_command_goes_on_only_where_it_names_the_same_folders(
    tmp_path, monkeypatch):
  (tmp_path / 'here').mkdir()
  (tmp_path / 'link').symlink_to('here')
  workdir, config = tmp_path / 'run', config_of(source='folder:photos')
  monkeypatch.chdir(tmp_path / 'here')
  runs_config.claim(workdir, config)
  runs_config.claim(workdir, config)
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UsageError, match=r'source folder:.*/here/photos -> '
                     r'folder:.*/photos\)'):
    runs_config.claim(workdir, config)
  runs_config.claim(workdir, config_of(source='folder:link/photos'))


def test_a_run_of_before_paths_were_absolute_goes_on_where_it_began(
    tmp_path, monkeypatch):
  workdir, config = tmp_path / 'run', config_of(source='folder:photos')
  monkeypatch.chdir(tmp_path)
  workdir.mkdir()
  (workdir / 'config.json').write_text(config.to_json())
  runs_config.claim(workdir, config)
  assert runs_config.read_config(workdir).data.source == (
      f'folder:{tmp_path}/photos')


def test_a_config_that_is_only_read_stays_as_it_is_written(tmp_path):
  config = config_of(source='folder:photos')
  (tmp_path / 'config.json').write_text(config.to_json())
  before = (tmp_path / 'config.json').read_bytes()
  assert runs_config.read_config(tmp_path).data.source == 'folder:photos'
  assert (tmp_path / 'config.json').read_bytes() == before


def test_another_config_is_refused_and_leaves_the_old_one(tmp_path):
  runs_config.claim(tmp_path, config_of())
  with pytest.raises(UsageError, match=r'data\.size \d+ -> 48'):
    runs_config.claim(tmp_path, config_of(size=48))
  assert runs_config.read_config(tmp_path).data.size == config_of().data.size
