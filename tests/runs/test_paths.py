"""A config's paths mean the same from any directory."""

from pathlib import Path

import pytest

from jinpaint.configs import edgeconnect
from jinpaint.runs import paths


def config_of(**data):
  config = edgeconnect.get_config()
  start_from = data.pop('start_from', '')
  config.data.update(data)
  config.start_from = start_from
  return config


@pytest.fixture
def here(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setenv('HOME', '/home/somebody')
  return tmp_path


@pytest.mark.parametrize(('key', 'spec', 'expected'), [
    ('source', 'photos', 'photos'),
    ('source', 'folder:photos', 'folder:{}/photos'),
    ('source', 'folder:/photos', 'folder:/photos'),
    ('source', 'folder:~/photos', 'folder:/home/somebody/photos'),
    ('source', 'folder:a:b/', 'folder:{}/a:b'),
    ('source', 'tfds:places365_small:train', 'tfds:places365_small:train'),
    ('eval_source', '', ''),
    ('eval_source', 'folder:../other', 'folder:{}/../other'),
    ('test_source', 'folder:test', 'folder:{}/test'),
    ('mask', 'lines', 'lines'),
    ('mask', 'files:masks', 'files:{}/masks'),
    ('mask', 'files:one.png', 'files:{}/one.png'),
    ('mask', 'files:a+b', 'files:{}/a+b'),
    ('mask', 'lines+files:a+b', 'lines+files:{}/a+b'),
    ('mask', 'files:a+lines:count=1-9+files:~/b',
     'files:{}/a+lines:count=1-9+files:/home/somebody/b'),
    ('mask', 'files:', 'files:'),
    ('edge', '', ''),
    ('edge', 'canny:sigma=2:hole=cut', 'canny:sigma=2:hole=cut'),
    ('edge', 'files:edges', 'files:{}/edges'),
    ('edge', 'thinned:files:edges', 'thinned:files:{}/edges'),
    ('edge', 'thinned:sigma=1.9:files:~/edges',
     'thinned:sigma=1.9:files:/home/somebody/edges'),
    ('edge', 'thinned:files:a:files:b', 'thinned:files:{}/a:files:b'),
    ('sketch', 'files:sketches', 'files:{}/sketches'),
    ('sketch', 'simulated:move=65', 'simulated:move=65'),
])
def test_paths_become_absolute_and_nothing_else_changes(
    here, key, spec, expected):
  config = config_of(**{key: spec})
  changed = paths.absolute(config)
  assert changed.data[key] == expected.format(here)
  assert config.data[key] == spec
  changed.data[key] = spec
  assert changed.to_json() == config.to_json()


def test_the_runs_that_one_starts_from_become_absolute(here):
  changed = paths.absolute(config_of(start_from='runs/edge,/runs/inpaint,'))
  assert changed.start_from == f'{here}/runs/edge,/runs/inpaint'
  assert paths.absolute(config_of()).start_from == ''


def test_absolute_paths_stay_as_they_are_from_any_directory(here, monkeypatch):
  once = paths.absolute(config_of(
      source='folder:photos', mask='lines+files:m', start_from='a,b'))
  monkeypatch.chdir('/')
  assert paths.absolute(once).to_json() == once.to_json()


def test_one_folder_by_two_names_is_resolved_to_one(here):
  (here / 'photos').mkdir()
  (here / 'link').symlink_to('photos')
  names = ['folder:photos', 'folder:link', 'folder:./x/../photos',
           f'folder:{here}/photos']
  assert {paths.resolved(config_of(source=name)).data.source
          for name in names} == {f'folder:{Path(here).resolve()}/photos'}
