"""Runs of LaMa, and the folder that its authors published as one."""

import json
import shutil

import golden_files
import numpy as np
import pytest
import stage_runs
from stage_runs import check_it_trains_and_fills, short

import jinpaint
from jinpaint import runs
from jinpaint.commands import cli
from jinpaint.configs import lama
from jinpaint.errors import UsageError
from jinpaint.runs import adoption, checkpoints

TINY = 'lama_lightning_tiny'


@pytest.mark.slow
def test_lama_is_trained(tmp_path):
  stage_runs.held_out(tmp_path)
  check_it_trains_and_fills(
      short(lama.get_config('fourier'), tmp_path, ngf=4, ndf=4, blocks=1),
      tmp_path / 'fourier')


def test_a_config_that_is_misspelt_is_refused():
  with pytest.raises(ValueError, match='no variant "huge"'):
    lama.get_config('huge')


# --- published weights ---


def publish(folder, checkpoint, config=None, name='best'):
  """Writes a folder as the authors published theirs; returns it.

  Args:
    folder: where.
    checkpoint: the golden file that takes the weights' place.
    config: what is changed in config.yaml: text -> another text.
    name: of the file of weights.
  """
  (folder / 'models').mkdir(parents=True)
  shutil.copy(golden_files.FOLDER / f'{checkpoint}.ckpt',
              folder / 'models' / f'{name}.ckpt')
  said = (golden_files.FOLDER / f'{TINY}.yaml').read_text()
  for text, other in (config or {}).items():
    assert text in said
    said = said.replace(text, other)
  (folder / 'config.yaml').write_text(said)
  return folder


@pytest.fixture(scope='module')
def adopted(tmp_path_factory):
  """The tiny published folder as a run, by the command line."""
  base = tmp_path_factory.mktemp('lama')
  publish(base / 'big-lama', TINY)
  cli.main(['convert', f'{base}/big-lama', '--system=lama',
            f'--output={base}/run'])
  return base / 'run'


def test_a_published_folder_becomes_a_run(adopted):
  config = runs.read_config(adopted)
  assert (config.options.blocks, config.options.ngf) == (1, 4)
  about = json.loads((adopted / 'published.json').read_text())
  assert [(item['file'], item['network'], item['architecture'])
          for item in about['files']] == [
              ('models/best.ckpt', 'generator', 'lama_generator')]


def test_the_published_prediction_comes_out(adopted):
  with np.load(golden_files.FOLDER / f'{TINY}.npz') as arrays:
    recorded = dict(arrays)
  # The published program takes every grey for a hole.
  image, hole = recorded['image'], recorded['mask'] > 0
  inpaint = jinpaint.load(adopted)
  exact = inpaint.intermediates(image, hole)['image']
  np.testing.assert_allclose(exact, recorded['inpainted'], rtol=0, atol=1e-5)
  # It cuts what this rounds.
  np.testing.assert_array_equal(
      np.clip(exact * np.float32(255), 0, 255).astype(np.uint8),
      recorded['png'])
  filled = inpaint(image, hole)
  np.testing.assert_array_equal(filled[~hole], image[~hole])
  above = filled[hole].astype(int) - recorded['png'][hole]
  assert set(np.unique(above)) == {0, 1}


def test_a_trainer_s_file_brings_its_discriminator(tmp_path):
  folder = publish(tmp_path / 'trained', f'{TINY}_full', name='last')
  stage, found, fresh = adoption.adopt('lama', folder, tmp_path / 'run')
  assert (stage, fresh) == ('inpaint', [])
  assert [(item.network, dict(item.options)) for item in found] == [
      ('generator', {'blocks': 1, 'lfu': False, 'ngf': 4,
                     'global_share': 0.75}),
      ('discriminator', {'ndf': 2})]
  variables, _ = checkpoints.variables_of(tmp_path / 'run')
  # All tensors were filled by their names.
  np.testing.assert_array_equal(
      variables['discriminator']['params']['conv_6']['kernel'],
      golden_files.recipe.fill('model5.0.weight', (1, 32, 4, 4)).transpose(
          2, 3, 1, 0))
  np.testing.assert_array_equal(
      variables['generator']['batch_stats']['block_0']['conv_2'][
          'global_norm']['var'],
      golden_files.recipe.fill('model.5.conv2.bn_g.running_var', (24,)))


@pytest.mark.parametrize(('changes', 'says'), [
    ({'kind: ffc_resnet': 'kind: pix2pixhd_global'},
     'generator.kind: pix2pixhd_global; only ffc_resnet is here'),
    ({'add_out_act: sigmoid': 'add_out_act: true'},
     'generator.add_out_act: True; only sigmoid is here')])
def test_a_generator_that_is_not_here_is_refused(tmp_path, changes, says):
  folder = publish(tmp_path / 'published', TINY, changes)
  with pytest.raises(UsageError, match=says):
    adoption.adopt('lama', folder, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()
