"""LaMa is the published one, and trains as published."""

import collections

from golden import fill
import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import optax
import precision
import pytest

import jinpaint
from jinpaint import converters, networks, systems, training
from jinpaint.converters import torch_layout
from jinpaint.nets import Nets
from jinpaint.training.optimizer import Adam


@pytest.mark.parametrize(('name', 'options', 'expected'), [
    ('lama_generator', {}, 27_048_835),
    ('lama_generator', {'blocks': 18}, 50_975_875),
    ('lama_generator', {'lfu': True}, 29_716_867),
    ('lama_generator', {'ngf': 4, 'blocks': 1}, 24_315),
    ('lama_discriminator', {}, 6_962_369)])
def test_networks_have_the_published_number_of_parameters(
    name, options, expected):
  assert networks.parameters(name, **options) == expected


@pytest.mark.parametrize(('share', 'expected'), [
    (0.7, 358), (358 / 512, 358), (0.999, 511)])
def test_a_share_of_the_channels_is_global(share, expected):
  shapes = jax.eval_shape(
      jinpaint.create('lama_generator', blocks=1, global_share=share).init,
      jax.random.key(0), *networks.inputs('lama_generator'))['params']
  assert shapes['conv_global']['kernel'].shape[-1] == expected
  assert shapes['conv_local']['kernel'].shape[-1] == 512 - expected


@pytest.mark.parametrize('share', [0, 1, 1.5, -0.5, 1 / 512])
def test_a_share_that_leaves_nothing_is_refused(share):
  with pytest.raises(ValueError, match='of 512 channels at least two'):
    systems.stage('lama', 'inpaint', global_share=share)


def test_an_option_that_is_misspelt_is_refused():
  with pytest.raises(ValueError, match='perceptual_bn is one of'):
    systems.stage('lama', 'inpaint', perceptual_bn='eval')


# --- training ---

RECORDED = golden_files.training('lama')
LOGS = {'gen_l1': 'known_l1', 'gen_adv': 'adversarial',
        'gen_fm': 'feature_matching', 'gen_resnet_pl': 'perceptual',
        'adv_discr_real_gp': 'r1'}
ARCHITECTURES = {'generator': 'lama_generator',
                 'discriminator': 'lama_discriminator',
                 'resnet_pl': 'ade20k_resnet50_dilated'}


def remembered():
  """Returns an optimiser that moves nothing; its state is the gradient."""
  return optax.GradientTransformation(
      lambda params: jax.tree.map(jnp.zeros_like, params),
      lambda gradient, state, params=None: (gradient, gradient))


def weights_of(section):
  """Returns the recorded weights, as the published code names them."""
  weights = RECORDED[section]['weights']
  if isinstance(weights, str):  # "as lama_resnet_pl"
    weights = RECORDED[weights.removeprefix('as ')]['weights']
  return {player: golden_files.listed(listing, RECORDED['seed'])
          for player, listing in weights.items()}


def batch():
  size = RECORDED['config']['batch']
  return {'image': fill.image('image', (*size, 3), RECORDED['data_seed']),
          'mask': fill.mask('mask', (*size, 1), RECORDED['data_seed'])}


def begun(section):
  """Returns a stage, its optimisers, first state and published weights."""
  config, states = RECORDED['config'], weights_of(section)
  found = {player: converters.from_torch(ARCHITECTURES[player], state)
           for player, state in states.items()}
  stage = systems.stage(
      'lama', 'inpaint', blocks=config['generator']['n_blocks'],
      ngf=config['generator']['ngf'], ndf=config['discriminator']['ndf'],
      perceptual_bn='batch' if section == 'lama_resnet_pl' else 'stored',
      pretrained='resnet_pl' in found)
  optimizers = {player: optax.chain(remembered(), Adam(
      learning_rate=config['optimizers'][player]['lr'], b1=0.9, b2=0.999,
      clip_norm=config['gradient_clip_val']).transformation(3))
                for player in stage.networks}
  published = ({'ade20k_resnet50_dilated': found.pop('resnet_pl')}
               if 'resnet_pl' in found else {})
  return stage, optimizers, training.init(
      0, stage, optimizers, batch(), learned=found), published, states


def norm_of_statistics(state, player, statistic):
  """Returns the L2 norm of all running means or variances of a network."""
  return np.sqrt(sum(
      np.square(np.float64(array)).sum()
      for path, array in jax.tree_util.tree_leaves_with_path(
          state.stats[player]) if path[-1].key == statistic))


# Section -> how much the losses may be off at each step, of at least 0.1, and
# the first gradients of the generator and of the discriminator. Adam's first
# steps are signs, which rounding decides where a gradient is small: what the
# discriminator is shown differs, and the later steps.
TOLERANCES = {'lama_resnet_pl_eval': ((1e-3, 1e-2, 3e-2), (1e-3, 2e-2)),
              'lama_resnet_pl': ((1e-2, 1e-1, 5e-2), (2e-2, 5e-2))}


@pytest.mark.slow
@pytest.mark.parametrize('section', TOLERANCES)
def test_three_steps_log_the_published_losses(section):
  check_steps(section, begun(section), *TOLERANCES[section])


@pytest.mark.slow
def test_three_steps_in_float64_leave_nothing_to_rounding(monkeypatch):
  with precision.float64(monkeypatch) as double:
    stage, optimizers, state, *rest = begun('lama')
    check_steps('lama', (stage, optimizers, double(state), *rest),
                (1e-8, 1e-8, 1e-8), (1e-8, 1e-8), double(batch()))


def check_steps(section, start, of_losses, of_gradients, inputs=None):
  """Compares all that was recorded of three steps.

  Args:
    section: of the record.
    start: as `begun` returns it.
    of_losses: by how much losses and statistics may be off at each step.
    of_gradients: by how much the norms of gradients may be off at the first, of
      each network.
    inputs: the batch, if not as it was recorded.
  """
  stage, optimizers, state, published, states = start
  step = jax.jit(training.make_step(stage, optimizers))
  for i, (expected, rel) in enumerate(zip(
      RECORDED[section]['steps'], of_losses, strict=True)):
    state, logs = step(state, published, inputs or batch())
    found = {theirs: logs[ours] for theirs, ours in LOGS.items()
             if ours in logs}
    found['dis_loss'] = sum(logs[term] for term in (
        'discriminator_real', 'discriminator_fake', 'r1'))
    for player in stage.networks:
      for statistic in ('mean', 'var'):
        found[f'{player}_running_{statistic}_norm'] = norm_of_statistics(
            state, player, statistic)
    if i == 0:
      found |= {'gen_grad_norm': logs['gradient_norm/generator'],
                'dis_grad_norm': logs['gradient_norm/discriminator']}
      for player, allowed in zip(stage.networks, of_gradients, strict=True):
        check_gradients(section, player, state, states[player], allowed)
    assert 'gen_resnet_pl' in found or not published
    for name, value in found.items():
      assert float(value) == pytest.approx(
          expected[name], rel=rel, abs=0.1 * rel), (i, name)


def check_gradients(section, player, state, start_state, rel):
  """Compares the norms of a network's gradients of the first step."""
  name = ARCHITECTURES[player]
  converter = converters.converter_of(name)
  network = networks.create(name, **converter.options(start_state))
  gradients, _ = state.opt[player]
  found = {}
  for leaf in torch_layout.leaves(network, converter, start_state):
    if leaf.path[0] == 'params':
      array = gradients
      for part in leaf.path[1:]:
        array = array[part]
      found[leaf.key] = float(np.linalg.norm(array.ravel()))
  expected = RECORDED[section]['step_1_grad_norms'][player]
  assert found.keys() == expected.keys()
  nothing = 1e-7 * max(expected.values())
  for key, norm in expected.items():
    if norm < 1e-10:  # a bias in front of a batch norm: only rounding
      assert found[key] < nothing, key
    else:
      assert found[key] == pytest.approx(norm, rel=rel), key


def test_each_network_is_applied_as_often_as_published(monkeypatch):
  stage, optimizers, state, *_ = begun('lama')
  calls, apply = collections.Counter(), Nets.__call__

  def counted(nets, name, *inputs, **options):
    calls[name] += 1
    return apply(nets, name, *inputs, **options)

  monkeypatch.setattr(Nets, '__call__', counted)
  jax.eval_shape(training.make_step(stage, optimizers), state, {}, batch())
  expected = RECORDED['lama']['batch_norm_updates']  # in three steps
  assert {name: 3 * count for name, count in calls.items()} == expected
