"""Files in each published naming arrive in their network."""

from pathlib import Path
import re

import jax
import numpy as np
import pytest

import jinpaint
from jinpaint import converters, networks
from jinpaint.converters import (
  download,
  packages,
  pretrained,
  state_dicts,
  torch_file,
)
from jinpaint.errors import UsageError

# State dicts with all published keys; each array is full of one number.
PUBLISHED = Path(__file__).parents[1] / 'fixtures' / 'published'
NAMES = sorted(path.stem for path in PUBLISHED.glob('*.pth')
               if not path.stem.endswith('_older'))
# Those that take longest are among the slow tests.
LARGE = ('cfs_completion_generator', 'cfs_sketch_generator',
         'inpaintgan_mec_edge_generator', 'isnet_base_model',
         'isnet_base_model_fusion', 'isnet_generator', 'lama_generator',
         'sketchrefiner_texture_restoration')
EACH = [pytest.param(name, marks=[pytest.mark.slow] if name in LARGE else [])
        for name in NAMES]


def noise(seed, *shape):
  return np.random.default_rng(seed).standard_normal(shape, np.float32)


def published(name):
  """The bare state dict of a file."""
  converter = converters.converter_of(name)
  return state_dicts.find(torch_file.read(PUBLISHED / f'{name}.pth'),
                          *converter.found_under, prefix=converter.prefix)


def refusal(function, *args, **options):
  with pytest.raises(UsageError) as error:
    function(*args, **options)
  message = str(error.value)
  assert '\n' not in message
  return message


def at(variables, *path):
  for name in path:
    variables = variables[name]
  return np.asarray(variables)


def test_there_is_a_file_for_every_network_with_a_converter():
  def has_one(name):
    try:
      return converters.converter_of(name)
    except UsageError:
      return None
  assert list(filter(has_one, sorted(networks.REGISTRY))) == NAMES


@pytest.mark.parametrize('ending', ['', '_older'])
@pytest.mark.parametrize('name', EACH)
def test_published_file_fills_every_array_with_its_own(name, ending):
  variables = converters.from_file(name, PUBLISHED / f'{name}{ending}.pth')
  arrays = jax.tree.leaves({kind: arrays for kind, arrays in variables.items()
                            if kind != 'spectral'})
  numbers = [float(array.ravel()[0]) for array in arrays]
  assert len(set(numbers)) == len(numbers)
  for number, array in zip(numbers, arrays, strict=True):
    assert (np.asarray(array) == number).all()


@pytest.mark.parametrize(('name', 'key', 'path'), [
    ('vgg16', 'features.28.weight', ('conv5_3', 'kernel')),
    ('vgg19', 'features.16.weight', ('conv3_4', 'kernel')),
    ('hed', 'moduleVggThr.5.weight', ('vgg', 'conv3_3', 'kernel')),
    ('hed', 'moduleScoreFiv.bias', ('score5', 'bias')),
    ('fid_inception', 'Mixed_6c.branch7x7dbl_3.conv.weight',
     ('Mixed_6c', 'branch7x7dbl_3', 'conv', 'kernel')),
    ('fid_inception', 'Mixed_7c.branch3x3_2a.bn.weight',
     ('Mixed_7c', 'branch3x3_2a', 'norm', 'scale')),
    ('lpips_alex', 'net.slice5.10.weight', ('features', 'conv5', 'kernel')),
    ('lpips_vgg', 'net.slice2.5.bias', ('features', 'conv2_1', 'bias')),
    ('lpips_vgg', 'lin3.model.1.weight', ('linear3', 'kernel')),
    ('ade20k_resnet50_dilated', 'conv3.weight', ('stem_conv3', 'kernel')),
    ('ade20k_resnet50_dilated', 'layer3.5.bn2.weight',
     ('layer3_5', 'norm2', 'scale')),
    ('ade20k_resnet50_dilated', 'layer4.0.downsample.0.weight',
     ('layer4_0', 'shortcut_conv', 'kernel')),
    ('sketchrefiner_discriminator', 'conv1.0.weight', ('conv_1', 'kernel')),
    ('sketchrefiner_discriminator', 'bn5.bias', ('norm_5', 'bias')),
    ('edgeconnect_discriminator', 'conv4.0.weight_orig', ('conv_4', 'kernel')),
    ('isnet_generator', 'stage3.fuse_layers.0.1.2.0.weight_orig',
     ('stage_3', 'enlarge', 'up_2', 'conv', 'kernel')),
    ('isnet_base_model', 'stage0.branches.0.3.conv_block.4.weight_orig',
     ('stage_0', 'high_3', 'conv_2', 'kernel')),
    ('isnet_unet_like', 'middle.2.conv_block.1.bias',
     ('middle_2', 'conv_1', 'bias')),
    ('lama_generator', 'model.13.conv2.bn_g.bias',
     ('block_8', 'conv_2', 'global_norm', 'bias')),
    ('lama_generator', 'model.22.bias', ('norm_up_3', 'bias')),
    ('lama_discriminator', 'model4.1.weight', ('norm_5', 'scale')),
])
def test_published_name_arrives_at_its_layer(name, key, path):
  state = published(name)
  array = noise(0, *state[key].shape)
  variables = jinpaint.from_torch(name, state | {key: array})
  np.testing.assert_array_equal(
      at(variables, 'params', *path),
      array.transpose(2, 3, 1, 0) if array.ndim == 4 else array)


@pytest.mark.parametrize('name', EACH)
def test_missing_extra_and_misshapen_keys_are_named(name):
  state = published(name)
  key = next(key for key in state if key not in (
      'classifier.6.bias',) and key.endswith(('bias', 'conv5.0.weight_orig')))
  others = {other: array for other, array in state.items() if other != key}
  says = lambda state: refusal(jinpaint.from_torch, name, state)
  assert says(others) == f'not the weights of {name}: missing {key}'
  assert says(state | {'more.weight': state[key]}) == (
      f'not the weights of {name}: unexpected more.weight')
  assert says(others | {key: noise(0, 7)}) == (
      f'not the weights of {name}: of another shape: '
      f'{key} is (7,), not {state[key].shape}')


def test_vgg_comes_whole_whatever_layers_are_asked_for():
  params = jinpaint.from_torch(
      'vgg19', published('vgg19'), layers=('relu1_1',))['params']
  assert len(params) == 16


def test_options_that_are_asked_for_are_not_silently_replaced():
  """The file has 7 levels."""
  message = refusal(jinpaint.from_torch, 'pconv_unet', published('pconv_unet'),
                    levels=6)
  assert 'unexpected enc_7.' in message


def test_vgg_16_is_not_taken_for_vgg_19():
  message = refusal(jinpaint.from_torch, 'vgg19', published('vgg16'))
  assert message.startswith('not the weights of vgg19: ')
  assert 'missing features.16.bias, features.16.weight, ' in message
  assert 'unexpected features.17.weight, features.17.bias, ' in message


def test_torchvisions_inception_is_not_taken_for_fids():
  state = published('fid_inception')
  says = lambda state: refusal(jinpaint.from_torch, 'fid_inception', state)
  assert says(state | {'fc.weight': noise(0, 1000, 2048)}) == (
      'not the weights of fid_inception: of another shape: fc.weight is '
      "(1000, 2048), not (1008, 2048); torchvision's Inception v3 is another "
      'network')
  del state['fc.weight']
  assert says(state).endswith('missing fc.weight')


def test_counts_of_batches_may_be_missing():
  state = published('fid_inception')
  fewer = {key: array for key, array in state.items()
           if not key.endswith('num_batches_tracked')}
  assert len(state) - len(fewer) == 94
  jax.tree.map(np.testing.assert_array_equal,
               *(jinpaint.from_torch('fid_inception', arrays)
                 for arrays in (state, fewer)))


@pytest.mark.parametrize(('name', 'last'), [('lpips_alex', 10),
                                            ('lpips_vgg', 28)])
def test_lpips_is_made_of_torchvisions_file_and_its_linear_layers(name, last):
  state = published(name)
  linear = {key: array for key, array in state.items()
            if key.startswith('lin') and not key.startswith('lins')}
  torchvisions = {
      re.sub(r'net\.slice\d', 'features', key): array
      for key, array in state.items() if key.startswith('net')}
  assert f'features.{last}.bias' in torchvisions
  jax.tree.map(np.testing.assert_array_equal,
               jinpaint.from_torch(name, state),
               jinpaint.from_torch(name, torchvisions | linear | {
                   'classifier.6.bias': noise(0, 1000)}))


def test_buffers_of_the_ade20k_trainer_are_left_out():
  name = 'ade20k_resnet50_dilated'
  extra = {f'layer1.0.bn1.{buffer}': noise(0, 64) for buffer in (
      '_tmp_running_mean', '_tmp_running_var', '_running_iter')}
  jinpaint.from_torch(name, published(name) | extra)


def test_discriminator_keeps_its_spectral_vectors_and_ignores_its_alias():
  name = 'edgeconnect_discriminator'
  state = published(name) | {'conv3.0.weight_u': noise(1, 256),
                             'conv3.0.weight_v': noise(2, 2048),
                             'features.0.weight_u': noise(3, 64)}
  spectral = jinpaint.from_torch(name, state)['spectral']
  for vector in 'uv':
    for layer in (1, 3):
      np.testing.assert_array_equal(
          spectral[f'conv_{layer}'][vector],
          state[f'conv{layer}.0.weight_{vector}'])


def test_discriminator_has_the_channels_of_its_file():
  name, key = 'edgeconnect_discriminator', 'conv1.0.weight_orig'
  rgb = published(name) | {key: noise(0, 64, 3, 4, 4),
                           'conv1.0.weight_v': noise(0, 48)}
  params = jinpaint.from_torch(name, rgb)['params']
  assert params['conv_1']['kernel'].shape == (4, 4, 3, 64)
  says = lambda changes: refusal(jinpaint.from_torch, name, rgb | changes)
  assert says({'conv1.0.weight_v': noise(0, 32)}) == (
      f'not the weights of {name}: of another shape: '
      'conv1.0.weight_v is (32,), not (48,)')
  assert f'{key} is (3,)' in says({key: noise(0, 3)})
  del rgb[key]
  assert f'missing {key}' in says({})


def test_gated_discriminator_gets_the_vectors_that_its_file_lacks():
  name, key = 'gated_discriminator', 'conv2.conv_sn.weight'
  weight, u = noise(0, 128, 64, 5, 5), noise(1, 128, 1)
  state = published(name) | {key: weight, f'{key}_u': u}
  spectral = jinpaint.from_torch(name, state)['spectral']['conv_2']
  rows = weight.reshape(128, -1)
  v = rows.T @ u[:, 0]
  sigma = np.linalg.norm(rows @ v) / np.linalg.norm(v)
  np.testing.assert_allclose(spectral['v'], v / np.linalg.norm(v), atol=1e-5)
  np.testing.assert_allclose(spectral['u'] @ rows @ spectral['v'], sigma,
                             rtol=1e-4)
  del state[key]
  assert f'missing {key}' in refusal(jinpaint.from_torch, name, state)


def test_names_of_dataparallel_and_tensors_of_pytorch_are_understood():
  class Tensor:  # as much of it as is needed
    def __init__(self, array):
      self.array = array

    def detach(self):
      return self

    cpu = float = detach

    def __array__(self, dtype=None, copy=None):
      return self.array

  state = published('hed')
  wrapped = {f'module.{key}': Tensor(array) for key, array in state.items()}
  jax.tree.map(np.testing.assert_array_equal,
               jinpaint.from_torch('hed', wrapped),
               jinpaint.from_torch('hed', state))


def test_what_is_no_state_dict_of_a_known_network_is_told():
  assert refusal(jinpaint.from_torch, 'pconv_lines', {}) == (
      'no weights of pconv_lines were published')
  assert 'did you mean "hed"?' in refusal(jinpaint.from_torch, 'het', {})
  assert refusal(jinpaint.from_torch, 'edgeconnect_discriminator',
                 {'iteration': 7, 'generator': published('hed')}) == (
      'no weights under "discriminator" in the state dict, but under '
      'generator: name one by --key')


# --- feature networks ---


@pytest.fixture
def hed_file(tmp_path, monkeypatch):
  """Where HED's published file belongs; a table and a cache of our own."""
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path))
  monkeypatch.delitem(packages.TABLE, 'hed')
  monkeypatch.setitem(download.TABLE, 'hed', download.PublishedFile(
      'hed', 'some/hed.pytorch', 'https://example.org/hed', 'GPL-3.0',
      'Xie and Tu', by_hand=True))
  (tmp_path / 'some').mkdir()
  return tmp_path / 'some' / 'hed.pytorch'


def test_pretrained_network_is_loaded_from_the_cache(hed_file):
  hed_file.write_bytes((PUBLISHED / 'hed.pth').read_bytes())
  jax.tree.map(np.testing.assert_array_equal, pretrained.load('hed'),
               jinpaint.from_torch('hed', published('hed')))


def test_pretrained_network_that_is_missing_says_where_it_belongs(hed_file):
  message = refusal(pretrained.load, 'hed')
  assert str(hed_file) in message
  assert 'https://example.org/hed' in message


def test_fids_file_is_named_where_it_cannot_be_downloaded(
    tmp_path, monkeypatch):
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path))

  def unreachable(*_):
    raise OSError('no network')

  monkeypatch.setattr(download, '_download', unreachable)
  message = refusal(pretrained.load, 'fid_inception')
  file = 'pt_inception-2015-12-05-6726825d.pth'
  for part in ('no network', f'releases/download/fid_weights/{file}',
               '95,628,359 bytes', 'SHA-256 6726825d0af5f729cebd5821db510b11'
               'b1cfad8faad88a03f1befd49fb9129b2',
               f'put it at {tmp_path}/{file}'):
    assert part in message


def test_file_of_another_network_is_named_with_its_keys(hed_file):
  hed_file.write_bytes((PUBLISHED / 'vgg16.pth').read_bytes())
  assert refusal(pretrained.load, 'hed').startswith(
      f'{hed_file}: not the weights of hed: missing moduleCombine.0.bias, ')
