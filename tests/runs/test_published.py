"""Of several snapshots the newest is taken, or the user is asked."""

from pathlib import Path
import pickle
import zipfile

import jax
import numpy as np
import pytest

from jinpaint import converters
from jinpaint.errors import UsageError
from jinpaint.runs import published

FIXTURES = Path(__file__).parents[1] / 'fixtures' / 'published'


def save(path, **contents):
  """Writes a trainer's file without weights."""
  path.parent.mkdir(exist_ok=True)
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('x/data.pkl', pickle.dumps(contents, 2))


def newest(system, directory):
  return [(path.relative_to(directory).as_posix(),
           sorted(other.name for other in older))
          for path, older in published.newest(system, directory)]


@pytest.mark.parametrize(('system', 'files', 'expected'), [
    ('isnet', ['InpaintingModel_9_gen.pth', 'InpaintingModel_100_gen.pth',
               'InpaintingModel_99_dis.pth'],
     [('InpaintingModel_100_gen.pth', ['InpaintingModel_9_gen.pth']),
      ('InpaintingModel_99_dis.pth', [])]),
    ('cfs', ['EdgeModel_3_gen.pth', 'EdgeModel_20_gen.pth',
             'EdgeModel_20_dis.pth', 'InpaintingModel_7_gen.pth'],
     [('EdgeModel_20_gen.pth', ['EdgeModel_3_gen.pth']),
      ('EdgeModel_20_dis.pth', []), ('InpaintingModel_7_gen.pth', [])]),
    ('gated', ['states_100000.pth', 'states_20000.pth'],
     [('states_100000.pth', ['states_20000.pth'])]),
    ('pconv', ['1000000.pth', '50000.pth', '950000.pth'],
     [('1000000.pth', ['50000.pth', '950000.pth'])]),
    ('sketchrefiner', [
        'checkpoint_epoch2_iters50_registration_module.pth',
        'checkpoint_epoch10_iters5_registration_module.pth',
        'epoch3_iteration200_gen.pth', 'epoch3_iteration1000_gen.pth'],
     [('checkpoint_epoch10_iters5_registration_module.pth',
       ['checkpoint_epoch2_iters50_registration_module.pth']),
      ('epoch3_iteration1000_gen.pth', ['epoch3_iteration200_gen.pth'])]),
    # What InpaintGAN's trainer writes beside: the optimisers' states.
    ('inpaintgan', ['EdgeModel_gen.pth', 'EdgeModel_optimizer__gen.pth'],
     [('EdgeModel_gen.pth', [])]),
    # Not snapshots of one training.
    ('gated', ['states_pt_places2.pth', 'states_tf_places2.pth'],
     [('states_pt_places2.pth', []), ('states_tf_places2.pth', [])])])
def test_names_that_differ_in_numbers_tell_the_newest(
    tmp_path, system, files, expected):
  for name in files:
    save(tmp_path / name)
  assert newest(system, tmp_path) == expected


@pytest.mark.parametrize(('system', 'files', 'expected'), [
    ('gated', {'states.pth': {'n_iter': 120}, 'states_100.pth': {'n_iter': 100},
               'states_50.pth': {}}, 'states.pth'),
    ('isnet', {'InpaintingModel_gen.pth': {'epoch': 60},
               'InpaintingModel_100_gen.pth': {'epoch': 100}},
     'InpaintingModel_100_gen.pth'),
    # The older of both also says after how many steps.
    ('isnet', {'InpaintingModel_gen.pth': {'epoch': 60, 'iteration': 9000},
               'InpaintingModel_100_gen.pth': {'epoch': 50}},
     'InpaintingModel_gen.pth')])
def test_a_name_without_number_is_compared_by_what_the_files_say(
    tmp_path, system, files, expected):
  for name, contents in files.items():
    save(tmp_path / name, **contents)
  assert newest(system, tmp_path) == [
      (expected, sorted(files.keys() - {expected}))]


@pytest.mark.parametrize('contents', [
    [{}, {'epoch': 100}], [{'epoch': 7}, {'epoch': 7}],
    [{'epoch': True}, {'epoch': 'a'}], [{'iteration': 0}, {'iteration': 0}]])
def test_where_nothing_tells_the_newest_the_user_is_asked(tmp_path, contents):
  names = ('InpaintingModel_gen.pth', 'InpaintingModel_100_gen.pth')
  for name, said in zip(names, contents, strict=True):
    save(tmp_path / name, **said)
  with pytest.raises(UsageError) as error:
    published.newest('isnet', tmp_path)
  assert str(error.value) == (
      f'{names[0]} and {names[1]} in {tmp_path} do not say which of them is '
      'newer; keep one')


def test_the_newest_snapshot_is_read_and_the_others_are_said(tmp_path):
  source = FIXTURES / 'pconv_unet.pth'
  (tmp_path / '200.pth').write_bytes(source.read_bytes())
  (tmp_path / '90.pth').write_text('is not even opened')
  ((found,), variables) = published.read_folder('pconv', tmp_path)
  assert (found.file, found.older) == ('200.pth', ('90.pth',))
  expected = converters.from_file('pconv_unet', source)
  jax.tree.map(np.testing.assert_array_equal, variables['generator'], expected)


def test_a_bare_state_dict_is_the_nearest_of_several_networks(tmp_path):
  """Both networks of gated convolution are published in one file."""
  contents = converters.torch_file.read(FIXTURES / 'gated_generator.pth')
  np.savez(tmp_path / 'states.npz', **contents['G'])
  (tmp_path / 'states.npz').rename(tmp_path / 'states.pth')
  ((found,), _) = published.read_folder('gated', tmp_path)
  assert found.network == 'generator'


def test_a_file_without_any_of_its_networks_says_what_it_has(tmp_path):
  save(tmp_path / 'states.pth', n_iter=3, net=None)
  with pytest.raises(UsageError, match=r'states\.pth: no weights under "G" in '
                     'the state dict; the keys that are there: n_iter, net'):
    published.read_folder('gated', tmp_path)


def test_a_folder_that_is_not_there_is_said(tmp_path):
  (tmp_path / 'file').write_text('')
  for name in ('none', 'file'):
    with pytest.raises(UsageError, match=f'{name}: no such folder'):
      published.read_folder('pconv', tmp_path / name)
