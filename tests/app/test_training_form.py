"""The form of a training offers all there is, and fields reach their keys."""

import pytest

from jinpaint import systems
from jinpaint.app import fields, recipes
from jinpaint.app.recipes import Guide
from jinpaint.errors import UsageError

ALL = [(name, variant) for name in recipes.names()
       for variant in recipes.variants(name)]
# The report's Table 14: a value that is not the default -> keys of the config
# of an edge model and what they hold then.
TABLE = {
    'LR': ('0.001', {'optimizers.edge_generator.learning_rate': 1e-3,
                     'optimizers.edge_discriminator.learning_rate': 1e-4}),
    'D2G_LR': ('0.5', {'optimizers.edge_generator.learning_rate': 1e-4,
                       'optimizers.edge_discriminator.learning_rate': 5e-5}),
    'BETA1': ('0.5', {'optimizers.edge_generator.b1': 0.5,
                      'optimizers.edge_discriminator.b1': 0.5}),
    'BETA2': ('0.99', {'optimizers.edge_generator.b2': 0.99,
                       'optimizers.edge_discriminator.b2': 0.99}),
    'BATCH_SIZE': ('4', {'batch_size': 4}),
    'INPUT_SIZE': ('64', {'data.size': 64}),
    'SIGMA': ('1.5', {'data.edge': 'canny:sigma=1.5'}),
    'MAX_ITERS': ('100', {'steps': 100}),
    'EDGE_THRESHOLD': ('0.3', {'edge_threshold': 0.3}),
    'L1_LOSS_WEIGHT': ('2', {'options.l1': 2.0}),
    'FM_LOSS_WEIGHT': ('5', {'options.feature_matching': 5.0}),
    'STYLE_LOSS_WEIGHT': ('100', {'options.style': 100.0}),
    'CONTENT_LOSS_WEIGHT': ('0.2', {'options.perceptual': 0.2}),
    'INPAINT_ADV_LOSS_WEIGHT': ('0.01', {'options.adversarial': 0.01}),
    'GAN_LOSS': ('hinge', {'options.gan': 'hinge'}),
}


def value(config, key):
  for part in key.split('.'):
    config = config[part]
  return config


@pytest.mark.parametrize('name', TABLE)
def test_each_option_of_table_14_sets_the_key_that_it_means(name):
  config = recipes.config_of('inpaintgan', 'mec')
  before = config.to_dict()
  text, expected = TABLE[name]
  assert fields.changed(config, {name: text}) == {}
  for key, wanted in expected.items():
    assert value(config, key) == pytest.approx(wanted), key
  # And no other key: put back what was expected, and all is as it was.
  for key in expected:
    section, _, leaf = key.rpartition('.')
    (value(config, section) if section else config)[leaf] = value(before, key)
  assert config.to_dict() == before


@pytest.mark.parametrize(('system', 'variant'), [
    ('edgeconnect', 'edge'), ('inpaintgan', 'joint')])
def test_the_table_is_complete_and_in_its_order(system, variant):
  found = [field.name for field in fields.fields_of(
      recipes.config_of(system, variant)) if field.in_table]
  assert found == list(TABLE)


def test_fields_that_a_system_does_not_have_are_not_there():
  found = [field.name for field in fields.fields_of(
      recipes.config_of('quickstart', '')) if field.in_table]
  assert found == ['LR', 'BETA1', 'BETA2', 'BATCH_SIZE', 'INPUT_SIZE',
                   'MAX_ITERS']
  assert fields.changed(recipes.config_of('quickstart', ''), {
      'SIGMA': '2'}) == {'SIGMA': 'this training has no setting SIGMA'}


@pytest.mark.parametrize(('name', 'variant'), ALL)
def test_a_form_that_nobody_touched_is_the_config(name, variant):
  config = recipes.config_of(name, variant)
  before = config.to_dict()
  texts = {field.name: field.read(config)
           for field in fields.fields_of(config)}
  assert all(field.explanation and 'jinpaint.' not in field.explanation
             for field in fields.fields_of(config))
  # Tests have four devices, for which not every paper's batch can be dealt out.
  expected = {'BATCH_SIZE'} if config.batch_size % 4 else set()
  assert fields.changed(config, texts).keys() == expected
  assert config.to_dict() == before


def test_every_system_and_every_stage_is_offered():
  offered = {(recipe['system'], variant['stage'])
             for recipe in recipes.described()
             for variant in recipe['variants']}
  assert offered == {(system, stage) for system in systems.NAMES
                     for stage in systems.stages(system)}


def test_words_behind_a_variant_are_offered_and_change_the_config():
  offered = recipes.variants('edgeconnect')
  assert offered[:4] == ('edge', 'edge,defaults', 'edge,celeba',
                         'edge,celeba,defaults')
  assert 'completion,paper' in recipes.variants('cfs')
  assert 'inpaint,summary,places2' in recipes.variants('sketchrefiner')
  assert recipes.config_of('inpaintgan', 'joint,defaults').options.style == 1
  assert recipes.config_of('inpaintgan', 'joint').options.style != 1


@pytest.mark.parametrize(('name', 'text', 'message'), [
    ('LR', 'fast', 'learning_rate is float'),
    ('LR', '-1', 'must be 0 or more'),
    ('LR', '1e999', 'must be 0 or more'),
    ('BETA1', '1', 'below 1'),
    ('BATCH_SIZE', '0', 'batch_size is 0'),
    ('INPUT_SIZE', '250', 'takes multiples of'),
    ('SIGMA', '2:files:/etc', 'write SIGMA=1.9'),
    ('MAX_ITERS', '1.5', 'steps is int'),
    ('EDGE_THRESHOLD', '2', 'within 0 and 1'),
    ('GAN_LOSS', 'wgan', 'gan is one of nsgan, lsgan, hinge'),
    ('options.edge_generator', 'effunet', 'unknown network "effunet"'),
    ('data.scales', '3', 'scales is tuple'),
    ('optimizers.edge_generator.cosine_steps', '-2', 'cosine_steps is -2')])
def test_a_wrong_value_is_said_at_its_field(name, text, message):
  config = recipes.config_of('inpaintgan', 'mec')
  before = config.to_dict()
  wrong = fields.changed(config, {name: text, 'MAX_ITERS': '7'} | {name: text})
  assert list(wrong) == [name]
  assert message in wrong[name]
  assert config.to_dict() == before


def test_what_only_together_is_wrong_is_said_of_all():
  config = recipes.config_of('quickstart', '')
  wrong = fields.changed(config, {'MAX_ITERS': '0'})
  assert 'steps is 0 and config.epochs 0' in wrong['MAX_ITERS']
  wrong = fields.changed(config, {
      'optimizers.mender.cosine_steps': '0',
      'optimizers.mender.halve_every': '5'})
  assert list(wrong) == ['optimizers.mender.halve_every']


@pytest.mark.parametrize(('what', 'guide', 'spec'), [
    ('mask', Guide('block', 'fraction=0.25'), 'block:fraction=0.25'),
    ('mask', Guide('lines'), 'lines'),
    ('edge', Guide('hed'), 'hed'),
    ('edge', Guide('canny', 'hole=masked'), 'canny:sigma=2:hole=masked')])
def test_masks_and_edges_are_those_that_were_chosen(what, guide, spec):
  config = recipes.config_of('inpaintgan', 'mec')
  assert recipes.guided(config, {what: guide}) == {}
  assert config.data[what] == spec


@pytest.mark.parametrize(('what', 'guide', 'message'), [
    ('mask', Guide('block', 'fraction=2+files:/etc'), 'cannot read'),
    ('mask', Guide('lines', 'count=1+files:/etc'), 'cannot read'),
    ('mask', Guide('files'), 'the path of the masks is not defined'),
    ('mask', Guide('stars'), 'unknown kind of masks'),
    ('edge', Guide('thinned'), 'edge maps is not defined'),
    ('edge', Guide('canny', 'files:/etc'), 'unknown option of canny')])
def test_no_option_leads_to_files(what, guide, message):
  config = recipes.config_of('inpaintgan', 'mec')
  assert message in recipes.guided(config, {what: guide})[what]


def test_a_config_s_own_folder_of_masks_is_not_taken():
  config = recipes.config_of('isnet', 'places2')  # files:irregular_masks
  wrong = recipes.guided(config, {'mask': recipes.guide_of(config.data.mask)})
  assert wrong == {'mask': 'the path of the masks is not defined'}


def test_a_stage_that_needs_another_one_says_so():
  config = recipes.config_of('edgeconnect', 'edge_inpaint')
  with pytest.raises(UsageError, match='does not train the edge_generator'):
    recipes.check_start(config, ['inpaint_generator'])
  recipes.check_start(config, ['edge_generator'])
