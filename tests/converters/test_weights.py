"""A converted file comes back whole, and knows whose weights it holds."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jinpaint
from jinpaint import networks
from jinpaint.converters import download, pretrained, weights
from jinpaint.errors import UsageError

HED = Path(__file__).parents[1] / 'fixtures' / 'published' / 'hed.pth'


@pytest.fixture
def hed_file(tmp_path):
  """HED under its published name."""
  path = tmp_path / Path(download.TABLE['hed'].file).name
  path.write_bytes(HED.read_bytes())
  return path


def test_converted_file_is_read_again_with_licence_and_origin(
    hed_file, tmp_path):
  output = tmp_path / 'new' / 'hed.npz'
  written = weights.convert('hed', hed_file, output, logits=True)
  read = weights.load(output)
  assert read._replace(variables=None) == written._replace(variables=None)
  jax.tree.map(np.testing.assert_array_equal, read.variables,
               written.variables)
  assert (read.network, read.options) == ('hed', {'logits': True})
  supposed = "if this is the authors' file: "
  assert read.licence == supposed + download.TABLE['hed'].licence
  assert read.origin == supposed + download.TABLE['hed'].origin
  assert len(read.sha256) == 64
  network = jinpaint.create(read.network, **read.options)
  shape = jax.eval_shape(network.apply, read.variables,
                         jnp.ones((1, 16, 16, 3))).shape
  assert shape == (1, 16, 16, 1)


def test_output_is_not_overwritten_unasked(hed_file, tmp_path):
  output = tmp_path / 'hed.npz'
  output.write_text('mine')
  with pytest.raises(UsageError, match=r'hed\.npz exists; --overwrite'):
    weights.convert('hed', hed_file, output)
  assert output.read_text() == 'mine'
  weights.convert('hed', hed_file, output, overwrite=True)
  assert weights.load(output).network == 'hed'


def test_output_has_another_name_than_a_pytorch_file(hed_file, tmp_path):
  with pytest.raises(UsageError, match=r'hed\.pth: name the output \.npz'):
    weights.convert('hed', hed_file, tmp_path / 'hed.pth')


def test_output_that_cannot_be_written_is_a_usage_error(hed_file, tmp_path):
  (tmp_path / 'file').touch()
  with pytest.raises(UsageError, match='cannot write'):
    weights.convert('hed', hed_file, tmp_path / 'file' / 'hed.npz')


def test_broken_and_foreign_files_are_named(hed_file, tmp_path):
  with pytest.raises(UsageError, match=f'{hed_file}: was not written by'):
    weights.load(hed_file)
  np.savez(tmp_path / 'other.npz', about=np.ones(3), x=np.ones(2))
  with pytest.raises(UsageError, match=r'other\.npz: was not written by'):
    weights.load(tmp_path / 'other.npz')
  hed_file.write_bytes(hed_file.read_bytes()[:-100])
  with pytest.raises(UsageError, match=f'{hed_file}: '):
    weights.convert('hed', hed_file, tmp_path / 'hed.npz')
  assert not (tmp_path / 'hed.npz').exists()


def test_a_converted_file_in_the_cache_takes_the_place_of_the_published_one(
    tmp_path, monkeypatch):
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path / 'cache'))
  written = weights.convert('hed', HED, tmp_path / 'cache/hed.npz')
  jax.tree.map(np.testing.assert_array_equal, pretrained.load('hed'),
               written.variables)
  (tmp_path / 'cache/hed.npz').rename(tmp_path / 'cache/vgg16.npz')
  with pytest.raises(UsageError, match=r'vgg16\.npz holds the hed, not'):
    pretrained.load('vgg16')


@pytest.fixture
def isnet_file(tmp_path):
  """Some weights of ISNet with two blocks."""
  path = tmp_path / 'isnet.npz'
  weights.save(path, weights.Weights(
      'isnet_generator', {'params': {'a': jnp.ones(2)}}, {'blocks': 2}))
  return path


def test_a_converted_file_starts_the_network_of_a_run_that_it_holds(isnet_file):
  create = networks.create
  started = weights.load_for({
      'discriminator': create('edgeconnect_discriminator'),
      'generator': create('isnet_generator', blocks=2)}, isnet_file)
  assert started.keys() == {'generator'}
  np.testing.assert_array_equal(started['generator']['params']['a'], (1, 1))


@pytest.mark.parametrize(('modules', 'message'), [
    ({'edges': networks.create('hed')},
     'the isnet_generator, which is none of the networks here: edges'),
    (dict.fromkeys('ab', networks.create('isnet_generator')),
     'several networks here are one: a, b; convert the whole system'),
    ({'g': networks.create('isnet_generator', blocks=4)},
     'with blocks = 2; the g here has 4')])
def test_a_converted_file_that_no_network_of_a_run_can_start_with_is_refused(
    modules, message, isnet_file):
  with pytest.raises(UsageError, match=f'{isnet_file} holds .*{message}'):
    weights.load_for(modules, isnet_file)


@pytest.mark.parametrize(('network', 'message'), [
    ('isnet_generater', 'did you mean "isnet_generator"'),
    ('hed', "unexpected keyword argument 'blocks'")])
def test_a_file_of_another_version_is_named(network, message, isnet_file):
  weights.save(isnet_file, weights.load(isnet_file)._replace(network=network))
  with pytest.raises(UsageError, match=f'{isnet_file}: .*{message}'):
    weights.load_for({'edges': networks.create('hed')}, isnet_file)


IF = "if this is the authors' file: "
CHECKSUM = {name: download.TABLE[name].sha256 for name in ('vgg16', 'vgg19')}


@pytest.mark.parametrize(('network', 'file', 'sha256', 'licence', 'origin'), [
    ('vgg16', 'mine.pth', CHECKSUM['vgg16'], 'BSD-3-Clause', 'Simonyan'),
    ('vgg16', 'EdgeModel_gen.pth', CHECKSUM['vgg16'], 'BSD', 'Simonyan'),
    ('vgg16', 'vgg16-397923af.pth', '0' * 64, 'unknown', 'unknown'),
    ('edgeconnect_edge_generator', 'EdgeModel_gen.pth', '0' * 64,
     f'{IF}CC BY-NC 4.0', f'{IF}Nazeri et al.'),
    ('inpaintgan_mec_edge_generator', 'EdgeModel_gen.pth', '0' * 64,
     f'{IF}Apache-2.0', f'{IF}Yehoshua'),
    ('hed', 'EdgeModel_gen.pth', '0' * 64, 'unknown', 'unknown'),
    ('edgeconnect_edge_generator', 'mine.pth', '0' * 64, 'unknown', 'unknown'),
])
def test_only_a_checksum_says_whose_a_file_is(
    network, file, sha256, licence, origin):
  found = weights.licence_and_origin(network, file, sha256)
  assert found[0].startswith(licence)
  assert found[1].startswith(origin)


@pytest.mark.parametrize('entry', download.TABLE.values(),
                         ids=download.TABLE.keys())
def test_a_name_alone_never_says_whose_a_file_is(entry):
  for network in networks.REGISTRY:
    for said in weights.licence_and_origin(network, Path(entry.file).name,
                                           '0' * 64):
      assert said.startswith((IF, 'unknown'))


def test_options_come_back_hashable(tmp_path):
  saved = weights.Weights('vgg16', {'params': {'a': {'b': jnp.ones(2)}}},
                          {'layers': ('pool1', 'pool2')})
  weights.save(tmp_path / 'a.npz', saved)
  read = weights.load(tmp_path / 'a.npz')
  assert read.options == saved.options
  assert hash(jinpaint.create('vgg16', **read.options))
