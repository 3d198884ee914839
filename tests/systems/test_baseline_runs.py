"""Runs of the systems that every paper compares itself with."""

from pathlib import Path
import shutil

import jax
import numpy as np
import pytest
import stage_runs
from stage_runs import (
    check_it_fills,
    check_it_trains_and_fills,
    scores,
    short,
    trained,
)

from jinpaint import runs
from jinpaint.configs import gated, pconv
from jinpaint.runs import adoption, checkpoints


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  stage_runs.held_out(folder)
  return folder


@pytest.mark.slow
def test_partial_convolutions_are_trained_in_two_parts(folder):
  small = dict(width=1 / 8, levels=4)
  first = trained(short(pconv.get_config('train'), folder, **small),
                  folder / 'train')
  assert 'psnr_hole' in scores(first)
  second = trained(short(pconv.get_config('finetune'), folder, first, **small),
                   folder / 'finetune', resumed=True)
  statistics = [checkpoints.variables_of(run)[0]['generator']['batch_stats']
                for run in (first, second)]
  for layer in statistics[0]:
    same = all(map(np.array_equal, *(jax.tree.leaves(found[layer])
                                     for found in statistics)))
    assert same == layer.startswith('encoder'), layer
  check_it_fills(second)


@pytest.mark.slow
def test_gated_convolutions_are_trained(folder):
  check_it_trains_and_fills(
      short(gated.get_config('places2'), folder, width=0.25),
      folder / 'places2')


def test_a_config_that_is_misspelt_is_refused():
  with pytest.raises(ValueError, match='no variant "tune"'):
    pconv.get_config('tune')
  with pytest.raises(ValueError, match='no variant "places"'):
    gated.get_config('places')


@pytest.mark.slow
def test_published_files_become_runs(tmp_path):
  published = Path(__file__).parents[1] / 'fixtures' / 'published'
  for system, name, fixture, fresh in (
      ('pconv', '1000000.pth', 'pconv_unet', []),
      ('gated', 'states_tf_places2.pth', 'gated_generator',
       ['discriminator'])):
    folder = tmp_path / system
    folder.mkdir()
    shutil.copy(published / f'{fixture}.pth', folder / name)
    stage, found, missing = adoption.adopt(system, folder, tmp_path / name)
    assert [(item.network, item.architecture) for item in found] == [
        ('generator', fixture)]
    assert missing == fresh
    assert stage == {'pconv': 'train', 'gated': 'inpaint'}[system]
    options = runs.read_config(tmp_path / name).options
    if system == 'pconv':
      assert (options.levels, options.normalize) == (7, 'sum')
