"""EdgeConnect and InpaintGAN train as published, and as they were meant to."""

import functools

import edgeconnect_recipe as recipe
from golden import fill
import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stage_steps import gradients_of

import jinpaint
from jinpaint import systems, training

pytestmark = pytest.mark.slow  # whole training steps

SIZE = (2, 64, 64)
PUBLISHED = {'edge': 'edgeconnect_edge_generator',
             'inpaint': 'edgeconnect_inpaint_generator'}


@functools.cache
def recorded():
  return golden_files.training('edgeconnect')


def batch_of(stage):
  """Returns the recorded inputs; a gray image is RGB of three equal parts."""
  seed = recorded()['seed']
  if stage == 'edge':
    image = np.repeat(fill.image('gray', (*SIZE, 1), seed), 3, -1)
  else:
    image = fill.image('rgb', (*SIZE, 3), seed)
  edge = np.float32(fill.image('edge', (*SIZE, 1), seed) > 0.7)
  mask = fill.mask('mask', (*SIZE, 1), seed)
  return {'image': image, 'mask': mask, 'true_edge': edge,
          'known_edge': edge * (1 - mask)}


def variables_of(name):
  """Returns the recorded start weights, by our networks' names."""
  found = {}
  for player, network in (('generator', PUBLISHED[name]),
                          ('discriminator', 'edgeconnect_discriminator')):
    state = golden_files.listed(
        recorded()[name]['weights'][player], recorded()['seed'],
        {'decoder.0.weight_orig': 1, 'decoder.3.weight_orig': 1})
    found[f'{name}_{player}'] = jinpaint.from_torch(network, state)
  return found


@pytest.mark.parametrize('name', ['edge', 'inpaint'])
def test_four_steps_log_the_published_losses(name):
  config = recorded()['config']
  stage = systems.stage('edgeconnect', name)
  adam = lambda rate: optax.adam(rate, config['BETA1'], config['BETA2'])
  optimizers = {
      f'{name}_generator': adam(config['LR']),
      f'{name}_discriminator': adam(config['LR'] * config['D2G_LR'])}
  batch = batch_of(name)
  state = training.init(0, stage, optimizers, batch,
                        learned=variables_of(name))
  published = {'vgg19': jinpaint.from_torch('vgg19', golden_files.vgg19(
      recorded()['seed']))} if name == 'inpaint' else {}
  step = jax.jit(training.make_step(stage, optimizers))
  ours = {'edge': {'l_d1': 'edge_discriminator', 'l_g1': 'edge_adversarial',
                   'l_fm': 'feature_matching'},
          'inpaint': {'l_d2': 'inpaint_discriminator',
                      'l_g2': 'inpaint_adversarial', 'l_l1': 'l1',
                      'l_per': 'perceptual', 'l_sty': 'style'}}[name]
  for i, expected in enumerate(recorded()[name]['steps']):
    state, logs = step(state, published, batch)
    for theirs, term in ours.items():
      assert float(logs[term]) == pytest.approx(
          expected[theirs], rel=1e-3 if i == 0 else 1e-2), (i, term)


# --- the second recipe: one step, and gradients ---


@functools.cache
def one_step(name, d_grad_mode='clean'):
  """Returns the terms and the gradients of a stage on the second recipe."""
  stage = systems.stage('edgeconnect', name, d_grad_mode=d_grad_mode)
  channels = {'edge': 'in2', 'inpaint': 'in3'}[name]
  start = {
      f'{name}_generator': jinpaint.from_torch(
          PUBLISHED[name], recipe.state_dict(
              {'edge': 'EC_EdgeGenerator',
               'inpaint': 'EC_InpaintGenerator'}[name])),
      f'{name}_discriminator': jinpaint.from_torch(
          'edgeconnect_discriminator',
          recipe.state_dict(f'EC_Discriminator_{channels}'))}
  published = ({'vgg19': jinpaint.from_torch('vgg19', recipe.vgg19())}
               if name == 'inpaint' else {})
  grads, (terms, _) = gradients_of(stage)(start, recipe.batch(64, 2), published)
  return terms, grads


def norm(tree, *path):
  for part in path:
    tree = tree[part]
  return float(jnp.linalg.norm(tree.ravel()))


def test_one_edge_step_has_the_recorded_losses_and_gradients():
  terms, grads = one_step('edge')
  golden = recipe.golden()
  np.testing.assert_allclose(
      [terms[term] for term in ('edge_discriminator', 'edge_adversarial',
                               'feature_matching')],
      golden['train_edge_logs'], rtol=1e-5)
  generator = grads['edge_generator']
  for ours, theirs in {
      ('encoder', 'conv_1', 'kernel'): 'encoder.1.weight_orig',
      ('middle', 'block_0', 'conv_1', 'kernel'):
          'middle.0.conv_block.1.weight_orig',
      ('decoder', 'up_2', 'kernel'): 'decoder.3.weight_orig',
      ('decoder', 'output', 'kernel'): 'decoder.7.weight',
      ('decoder', 'output', 'bias'): 'decoder.7.bias'}.items():
    assert norm(generator, *ours) == pytest.approx(
        float(golden[f'train_Ggrad_norm.{theirs}']), rel=1e-3), theirs


def test_the_discriminator_learns_from_its_own_loss_unless_told_otherwise():
  golden, (_, clean) = recipe.golden(), one_step('edge')
  _, published = one_step('edge', d_grad_mode='inpaintgan')
  stray = jax.tree.map(jnp.subtract, published, clean)
  for i in range(1, 6):
    layer = 'edge_discriminator', f'conv_{i}', 'kernel'
    for grads, name in ((clean, 'clean'), (stray, 'fromG')):
      expected = golden[f'train_Dgrad_{name}_norm.conv{i}.0.weight_orig']
      assert norm(grads, *layer) == pytest.approx(float(expected), rel=1e-3)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6),
               clean['edge_generator'], published['edge_generator'])


def test_one_inpainting_step_has_the_recorded_losses():
  terms, _ = one_step('inpaint')
  np.testing.assert_allclose(
      [terms[term] for term in ('inpaint_discriminator', 'inpaint_adversarial',
                               'l1', 'perceptual', 'style')],
      recipe.golden()['train_inp_logs'], rtol=1e-4)
