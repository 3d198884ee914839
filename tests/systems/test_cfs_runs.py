"""Runs of the CFS system: one stage after another, with and without HED."""

import json

import jax
import numpy as np
import pytest
import stage_runs
from stage_runs import check_it_fills, scores, short, trained

import jinpaint
from jinpaint import runs
from jinpaint.configs import cfs
from jinpaint.converters import pretrained
from jinpaint.converters.weights import Weights
from jinpaint.errors import UsageError
from jinpaint.evaluation.scores import WITH_TRUE_EDGES
from jinpaint.runs import checkpoints
from jinpaint.training import loop


def small(variant, folder, *earlier):
  """The config on photographs at 32 px, narrow and shallow, with Canny."""
  config = short(cfs.get_config(variant), folder, *earlier, width=1 / 16,
                 blocks=1, sketch_blocks=1)
  config.data.mask = 'strokes'
  return config


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  stage_runs.held_out(folder)
  return folder


@pytest.fixture
def loaded(monkeypatch):
  """Gives HED random weights; returns the names of those that were asked for.
  """
  variables = jinpaint.create('hed').init(
      jax.random.key(0), np.zeros((1, 32, 32, 3), np.float32))
  names = []

  def read(name):
    names.append(name)
    return Weights(name, variables, {}, 'MIT', 'this test', '0' * 64)

  monkeypatch.setattr(pretrained, 'read', read)
  return names


@pytest.mark.slow
def test_the_image_follows_the_sketch_that_an_earlier_run_completes(
    folder, loaded, capsys):
  sketch = trained(small('sketch', folder), folder / 'sketch')
  assert {'edge_accuracy', 'edge_precision', 'edge_recall'} <= scores(
      sketch).keys()
  with pytest.raises(UsageError, match='makes no image'):
    jinpaint.load(sketch)
  assert not loaded
  assert 'Canny' in capsys.readouterr().out

  # With HED, which is no part of the sketch that Canny's edges began.
  config = small('completion', folder, sketch)
  config.pretrained = 'required'
  config.options.update(perceptual=0.0, style=0.0)
  completion = trained(config, folder / 'completion', resumed=True)
  assert set(loaded) == {'hed'}
  assert json.loads((completion / 'weights.json').read_text())['hed'][
      'origin'] == 'this test'
  assert 'Canny' not in capsys.readouterr().out
  assert {'psnr_hole', 'edge_accuracy'} <= scores(completion).keys()
  before, after = (checkpoints.variables_of(workdir)[0]['sketch_generator']
                   for workdir in (sketch, completion))
  jax.tree.map(np.testing.assert_array_equal, before, after)
  check_it_fills(completion)
  loaded.clear()
  check_it_fills(completion, edge='canny')
  assert not loaded
  with pytest.raises(UsageError, match='did you mean "canny"'):
    jinpaint.load(completion, edge='cany')


@pytest.mark.slow
def test_the_image_can_be_trained_on_true_sketches(folder):
  workdir = trained(small('completion_true_sketch', folder),
                    folder / 'completion_true_sketch')
  assert 'edge_accuracy' not in scores(workdir, WITH_TRUE_EDGES)
  assert 'psnr_hole' in scores(workdir, WITH_TRUE_EDGES)
  assert 'follows the true edges' in jinpaint.load(workdir).needs_edge_map
  check_it_fills(workdir, edge=f'files:{folder}', edge_map=True)


def test_canny_takes_the_place_of_hed_where_nothing_is_pretrained():
  config = cfs.get_config()
  assert runs.data_of(config).edge == 'hed'
  assert runs.guidance_of(config, training=True).published.keys() == {'hed'}
  config.pretrained = 'none'
  config.data.edge = 'hed:hole=masked'
  assert runs.data_of(config).edge == 'canny:hole=masked'
  assert not runs.guidance_of(config, training=True).published


def test_a_size_that_is_too_small_is_refused(folder, tmp_path):
  config = small('sketch', folder)
  config.data.size = 12
  with pytest.raises(UsageError, match=r'size is 12; cfs takes 14 or more'):
    loop.train(config, tmp_path / 'run')


@pytest.mark.parametrize('edge', [
    'hed:sigma=2', 'hed:files:x', 'hed:hole=none'])
def test_a_detector_that_is_misspelt_is_one_line(edge, tmp_path):
  config = cfs.get_config()
  config.data.edge = edge
  with pytest.raises(UsageError) as error:
    loop.train(config, tmp_path / 'run')
  assert '\n' not in str(error.value)
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(('variant', 'weights'), [
    ('sketch', (1.0, 0.1, 250.0)), ('completion', (1.0, 0.1, 250.0)),
    # Equations 11 and 14.
    ('sketch,paper', (0.1, 300.0, 300.0)), ('joint,paper', (0.1, 300.0, 300.0)),
    ('completion_true_sketch,code', (1.0, 0.1, 250.0))])
def test_a_config_has_the_code_s_or_the_paper_s_weights(variant, weights):
  config = cfs.get_config(variant)
  assert tuple(config.options[name] for name in (
      'sketch_adversarial', 'perceptual', 'style')) == weights
  stage = runs.stage_of(config)
  assert set(stage.published) == (set() if variant.startswith('sketch') else {
      'vgg19'})
  runs.optimizers_of(config, stage)


def test_a_config_that_is_misspelt_is_refused():
  with pytest.raises(ValueError, match='no variant "completon"'):
    cfs.get_config('completon')
  with pytest.raises(ValueError, match='no variant "papers"'):
    cfs.get_config('sketch,papers')
