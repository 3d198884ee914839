"""Runs of EdgeConnect and InpaintGAN, one stage after another."""

import jax
import numpy as np
import pytest
import stage_runs
from stage_runs import check_it_fills, scores, short

import jinpaint
from jinpaint import runs
from jinpaint.configs import common, edgeconnect, inpaintgan
from jinpaint.errors import UsageError
from jinpaint.evaluation.scores import WITH_TRUE_EDGES
from jinpaint.runs import checkpoints
from jinpaint.training import loop

CONFIGS = {'edgeconnect': edgeconnect, 'inpaintgan': inpaintgan}
EDGE_SCORES = {'edge_precision', 'edge_recall', 'edge_f1', 'edges_predicted',
               'edges_true', 'edge_accuracy'}


def small(system, variant, folder, *earlier):
  """The config on photographs at 32 px, narrow and shallow."""
  return short(CONFIGS[system].get_config(variant), folder, *earlier,
               width=1 / 16, blocks=1)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  stage_runs.held_out(folder)
  return folder


def trained(folder, system, variant, *earlier, resumed=False):
  return stage_runs.trained(small(system, variant, folder, *earlier),
                            folder / f'{system} {variant}', resumed=resumed)


@pytest.mark.parametrize(('variant', 'measures'), [
    ('effunet', {'feature_matching'}), ('egc', {'feature_matching'}),
    # The SVR loss takes the place of feature matching.
    ('egc_svr', set()), ('mec', {'feature_matching'}), ('inpaint', set()),
    ('edge_inpaint', set()), ('joint', {'feature_matching'})])
def test_stages_that_learn_edges_are_measured_by_their_features(
    variant, measures):
  stage = runs.stage_of(inpaintgan.get_config(variant))
  assert stage.measures.keys() == measures


@pytest.mark.slow
def test_one_stage_starts_from_what_others_have_learned(folder):
  edge = trained(folder, 'edgeconnect', 'edge')
  assert scores(edge).keys() == EDGE_SCORES | {'feature_matching'}
  assert scores(edge, 'OpenCV Telea') is None
  with pytest.raises(UsageError,
                     match='stage edge of edgeconnect, which makes'):
    jinpaint.load(edge)

  inpaint = trained(folder, 'edgeconnect', 'inpaint')
  assert scores(inpaint) is None  # not a row like those of other methods
  assert not scores(inpaint, WITH_TRUE_EDGES).keys() & EDGE_SCORES
  assert scores(inpaint, 'OpenCV Telea')

  both = trained(folder, 'edgeconnect', 'edge_inpaint', edge, inpaint)
  assert scores(both).keys() >= EDGE_SCORES | {'psnr_hole'}
  kept, _ = checkpoints.variables_of(both)
  first, _ = checkpoints.variables_of(edge)
  jax.tree.map(np.testing.assert_array_equal, kept['edge_generator'],
               first['edge_generator'])

  joint = trained(folder, 'edgeconnect', 'joint', both, edge, resumed=True)
  assert scores(joint).keys() >= EDGE_SCORES | {
      'psnr_hole', 'feature_matching'}
  moved, _ = checkpoints.variables_of(joint)
  kernel = lambda nets: nets['edge_generator']['params']['decoder'][
      'output']['kernel']
  assert (kernel(moved) != kernel(kept)).any()
  check_it_fills(joint)


@pytest.mark.slow
def test_inpaintgan_s_edges_lead_its_image(folder):
  edge = trained(folder, 'inpaintgan', 'mec')
  joint = trained(folder, 'inpaintgan', 'joint', edge, resumed=True)
  assert scores(joint).keys() >= EDGE_SCORES | {
      'psnr_hole', 'feature_matching'}
  check_it_fills(joint)


@pytest.mark.slow
def test_a_stage_that_follows_true_edges_fills_along_a_drawing_alone(folder):
  inpaint = trained(folder, 'edgeconnect', 'inpaint')
  assert 'follows the true edges' in jinpaint.load(inpaint).needs_edge_map
  check_it_fills(inpaint, edge_map=True)


@pytest.mark.slow
@pytest.mark.parametrize(('changes', 'message'), [
    ({'start_from': ''}, 'does not train the edge_generator; .*start_from'),
    ({'start_from': '{folder}/none'}, 'none holds no checkpoint yet'),
    ({'start_from': '{folder}/edgeconnect inpaint'},
     'does not train the edge_generator'),
    ({'start_from': '{folder}/edgeconnect edge', 'options.blocks': 2},
     'edge_generator .* has other layers or widths'),
    ({'start_from': '{folder}/edgeconnect edge', 'data.edge': ''},
     'edge_inpaint of edgeconnect reads edges'),
    ({'options.gan': 'wgan'}, "gan is one of nsgan, .* not 'wgan'"),
    ({'options.d_grad_mode': 'both'}, 'd_grad_mode is one of clean')])
def test_a_stage_that_cannot_start_says_why_and_leaves_nothing(
    folder, tmp_path, changes, message):
  for stage in ('edge', 'inpaint'):
    trained(folder, 'edgeconnect', stage)
  config = small('edgeconnect', 'edge_inpaint', folder)
  for key, value in changes.items():
    config.update_from_flattened_dict({key: value.format(folder=folder) if (
        isinstance(value, str)) else value})
  with pytest.raises(UsageError, match=message):
    loop.train(config, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(('system', 'variant', 'stage', 'weights'), [
    ('edgeconnect', 'inpaint', 'inpaint', (250, 0.1, 0.1)),
    ('edgeconnect', 'joint,celeba,defaults', 'joint', (1, 1, 0.01)),
    ('inpaintgan', 'edge_inpaint', 'edge_inpaint', (250, 0.1, 0.1)),
    ('inpaintgan', 'joint,defaults', 'joint', (1, 1, 0.01))])
def test_configs_hold_the_published_numbers(system, variant, stage, weights):
  config = CONFIGS[system].get_config(variant)
  options = config.options
  assert config.stage == stage
  assert (options.style, options.perceptual, options.adversarial) == weights
  assert (options.l1, options.feature_matching) == (1, 10)
  assert set(runs.stage_of(config).published) == {'vgg19'}
  generator, discriminator = (
      config.optimizers[f'inpaint_{player}'].to_dict()
      for player in ('generator', 'discriminator'))
  assert generator == common.adam(1e-4, 0.0, 0.9).to_dict()
  assert discriminator['learning_rate'] == pytest.approx(1e-5)
  assert (config.batch_size, config.data.size, config.steps) == (
      8, 256, 2_000_000)
  assert config.data.edge == 'canny:sigma=2'


def test_a_config_without_that_variant_names_those_there_are():
  with pytest.raises(ValueError, match='no variant "image"'):
    edgeconnect.get_config('image')
  with pytest.raises(ValueError, match='no variant "faces"'):
    edgeconnect.get_config('edge,faces')
