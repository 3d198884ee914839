"""Runs of ISNet: one trains, goes on, is evaluated as in the paper, and fills.
"""

import numpy as np
import pytest
import stage_runs

import jinpaint
from jinpaint import runs
from jinpaint.configs import isnet
from jinpaint.data import files, masks
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate
from jinpaint.training import loop

VARIANTS = {  # variant -> network, blocks
    'places2': ('isnet_generator', 4), 'celeba': ('isnet_generator', 4),
    'base': ('isnet_base_model', 4),
    'base_fusion': ('isnet_base_model_fusion', 4),
    'unet': ('isnet_unet_like', 4), 'blocks3': ('isnet_generator', 3),
    'blocks2': ('isnet_generator', 2), 'blocks1': ('isnet_generator', 1)}


@pytest.fixture(scope='module')
def irregular(tmp_path_factory):
  """A folder of irregular masks, of all shares of holes."""
  folder = tmp_path_factory.mktemp('irregular')
  for i, high in enumerate((0.2, 0.3, 0.4, 0.5)):
    maker = masks.parse('strokes', ratio=(high - 0.08, high - 0.02))
    for j in range(2):
      mask = maker(np.random.default_rng([i, j]), 128, 128)
      files.write(folder / f'{i} {j}.png', files.Picture(255 * mask))
  return folder


@pytest.mark.parametrize('variant', VARIANTS)
def test_a_config_is_a_row_of_the_paper(variant):
  config = isnet.get_config(variant)
  generator, blocks = VARIANTS[variant]
  assert (config.options.generator, config.options.blocks) == (
      generator, blocks)
  stage = runs.stage_of(config)
  assert stage.networks['generator'] == jinpaint.create(
      generator, blocks=blocks)
  assert set(stage.published) == {'vgg19'}
  assert runs.data_of(config).mask_turn
  assert config.data.precrop == (178 if variant == 'celeba' else 0)


@pytest.mark.slow
def test_a_run_makes_the_paper_s_table_and_fills_holes(irregular, tmp_path):
  stage_runs.held_out(tmp_path)
  config = stage_runs.short(isnet.get_config('blocks1'), tmp_path, width=1 / 16)
  config.data.mask = f'files:{irregular}'
  workdir = stage_runs.trained(config, tmp_path / 'run', resumed=True)
  assert np.isfinite(stage_runs.scores(workdir)['psnr_hole']['mean'])
  said = []
  evaluate.evaluate(workdir, table='isnet:places2', limit=4,
                      write=said.append)
  assert said[0].count('\n| ') == 12  # three metrics of four bins
  stage_runs.check_it_fills(workdir)


def test_a_missing_folder_of_masks_is_one_line(tmp_path):
  config = isnet.get_config()
  config.data.update(source='photos', eval_source='', size=64)
  config.pretrained, config.batch_size = 'none', 4
  with pytest.raises(UsageError, match='irregular_masks'):
    loop.train(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()
