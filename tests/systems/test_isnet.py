"""ISNet and its ablations are the published ones, and train as published."""

import functools

from golden import fill
import golden_files
import isnet_recipe as recipe
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stage_steps import gradients_of, terms_of

import jinpaint
from jinpaint import images, losses, networks, systems, training
from jinpaint.nets import Nets

GOLDEN = recipe.golden()


@pytest.mark.parametrize(('name', 'options', 'expected', 'printed'), [
    # Table 1, then Table 2; what the paper prints are units of 2^20.
    ('isnet_base_model', {}, 16_516_995, '15.75'),
    ('isnet_base_model_fusion', {}, 14_610_083, '13.93'),
    ('isnet_unet_like', {}, 24_403_715, '23.27'),
    ('isnet_generator', {}, 24_774_307, '23.63'),
    ('isnet_generator', {'blocks': 3}, 23_152_291, '22.08'),
    ('isnet_generator', {'blocks': 2}, 21_530_275, '20.53'),
    ('isnet_generator', {'blocks': 1}, 19_908_259, '18.99')])
def test_networks_have_the_paper_s_number_of_parameters(
    name, options, expected, printed):
  found = networks.parameters(name, **options)
  assert found == expected
  assert f'{found / 2**20:.2f}' == printed


def assert_close(actual, expected):
  np.testing.assert_allclose(actual, expected, rtol=0,
                             atol=1e-4 * expected.std() + 1e-5)


def damaged():
  batch = recipe.batch()
  return images.damage(batch['image'], batch['mask'])


@pytest.mark.parametrize(('tag', 'name', 'blocks'), [
    ('isnet1', 'isnet_generator', 1), ('base', 'isnet_base_model', 4),
    ('fusion', 'isnet_base_model_fusion', 4),
    ('unetsame', 'isnet_unet_like', 4)])
def test_networks_return_what_the_published_ones_do(tag, name, blocks):
  state = recipe.state_dict(tag, name, blocks=blocks)
  # How many blocks there are is read from the keys.
  variables = jinpaint.from_torch(name, {'generator': state})
  network = jinpaint.create(name, blocks=blocks)
  assert_close(jax.jit(network.apply)(variables, damaged()),
               GOLDEN[f'{tag}_out'])


def test_every_part_of_isnet_returns_what_the_published_one_does():
  variables = jinpaint.from_torch(
      'isnet_generator', recipe.state_dict('isnet4', 'isnet_generator'))
  found, parts = jax.jit(functools.partial(
      jinpaint.create('isnet_generator').apply,
      capture_intermediates=True, mutable=['intermediates']))(
          variables, damaged())
  assert_close(found, GOLDEN['isnet4_out'])
  parts = parts['intermediates']
  returned = lambda part: parts[part]['__call__'][0]
  named = {'isnet4_layer1': returned('head'), 'isnet4_up': returned('enlarge')}
  for i in range(4):
    named |= zip((f'isnet4_stage{i}_A', f'isnet4_stage{i}_B'),
                 returned(f'stage_{i}'), strict=True)
  assert named.keys() == {key for key in GOLDEN if key.startswith(
      'isnet4_')} - {'isnet4_out'}
  for name, features in named.items():
    assert_close(features[:1, ..., ::8], GOLDEN[name])


def test_sizes_that_cannot_be_halved_are_refused():
  for name, size in (('isnet_generator', 72), ('isnet_base_model', 40),
                     ('isnet_unet_like', 44)):
    with pytest.raises(ValueError, match=f'not {size} and {size}'):
      jax.eval_shape(jinpaint.create(name).init, jax.random.key(0),
                     jnp.zeros((1, size, size, 3)))
  with pytest.raises(ValueError, match="not 'nearest'"):
    networks.parameters('isnet_generator', upsampling='nearest')


# --- training ---


@pytest.mark.slow
def test_three_steps_log_the_published_losses():
  recorded = golden_files.training('isnet')
  config, seed = recorded['config'], recorded['seed']

  def variables_of(player, name):
    return jinpaint.from_torch(name, golden_files.listed(
        recorded['inpaint']['weights'][player], seed))

  stage = systems.stage('isnet', 'inpaint', gan=config['GAN_LOSS'])
  adam = lambda rate: optax.adam(rate, config['BETA1'], config['BETA2'])
  optimizers = {'generator': adam(config['LR']),
                'discriminator': adam(config['LR'] * config['D2G_LR'])}
  published = {'vgg19': jinpaint.from_torch('vgg19', golden_files.vgg19(seed))}
  batch = {'image': fill.image('rgb', (2, 64, 64, 3), seed),
           'mask': fill.mask('mask', (2, 64, 64, 1), seed)}
  state = training.init(0, stage, optimizers, batch, learned={
      'generator': variables_of('generator', 'isnet_generator'),
      'discriminator': variables_of(
          'discriminator', 'edgeconnect_discriminator')})
  step = jax.jit(training.make_step(stage, optimizers))
  for i, expected in enumerate(recorded['inpaint']['steps']):
    state, logs = step(state, published, batch)
    for theirs, ours in {
        'l_d2': 'discriminator', 'l_g2': 'adversarial', 'l_l1': 'l1',
        'l_fm': 'feature_matching', 'l_per': 'perceptual',
        'l_sty': 'style'}.items():
      assert float(logs[ours]) == pytest.approx(
          expected[theirs], rel=1e-3 if i == 0 else 1e-2), (i, ours)


@pytest.mark.slow
@pytest.mark.parametrize('gan', ['hinge', 'nsgan'])
def test_one_step_has_the_recorded_losses_and_gradients(gan):
  stage = systems.stage('isnet', 'inpaint', blocks=1, gan=gan)
  start = {
      'generator': jinpaint.from_torch(
          'isnet_generator',
          recipe.state_dict('isnet1', 'isnet_generator', blocks=1)),
      'discriminator': jinpaint.from_torch(
          'edgeconnect_discriminator',
          recipe.state_dict('D3', 'edgeconnect_discriminator'))}
  grads, (terms, stats) = gradients_of(stage)(
      start, recipe.batch(),
      {'vgg19': jinpaint.from_torch('vgg19', recipe.vgg19())})
  of = lambda name: float(GOLDEN[f'step_{gan}_{name}'])
  for theirs, ours in {
      'l_d2': 'discriminator', 'l_g2': 'adversarial', 'l_l1': 'l1',
      'l_fm': 'feature_matching', 'l_per': 'perceptual',
      'l_sty': 'style'}.items():
    # The code adds 1 to what real images cost a hinge loss, then halves.
    extra = 0.5 if (gan, ours) == ('hinge', 'discriminator') else 0
    assert float(terms[ours]) + extra == pytest.approx(of(theirs), rel=1e-4)
  assert sum(float(value) for name, value in terms.items()
             if name != 'discriminator') == pytest.approx(
                 of('gen_total'), rel=1e-4)

  norm = lambda tree: float(jnp.linalg.norm(tree.ravel()))
  generator, judge = grads['generator'], grads['discriminator']
  for theirs, ours in {
      'layer1.downsample.weight': generator['head']['shortcut']['kernel'],
      'stage3.fused_branches.1.0.0.weight_orig':
          generator['stage_3']['to_low']['kernel'],
      'final_layer.2.bias': generator['output']['bias'],
      'final_layer.2.weight_orig': generator['output']['kernel']}.items():
    assert norm(ours) == pytest.approx(of(f'gradnorm_G_{theirs}'), rel=1e-3)
  for i in range(1, 6):
    assert norm(judge[f'conv_{i}']['kernel']) == pytest.approx(
        of(f'gradnorm_D_conv{i}.0.weight_orig'), rel=1e-3)

  # Three calls of the discriminator and one of the generator moved these.
  np.testing.assert_allclose(
      stats['discriminator']['spectral']['conv_1']['u'],
      GOLDEN['step_D_conv1_u_after3'], atol=1e-5)
  np.testing.assert_allclose(
      stats['generator']['spectral']['head']['conv_1']['u'],
      GOLDEN['step_G_head_u_after1'], atol=1e-5)


@functools.cache
def small(**options):
  """Returns a small stage, its state, a batch and its terms."""
  stage = systems.stage('isnet', 'inpaint', pretrained=False, width=1 / 16,
                        blocks=1, generator='isnet_unet_like', **options)
  batch = {key: array[:, :32, :32] for key, array in recipe.batch().items()}
  state = training.init(0, stage, {name: optax.sgd(1.0)
                                   for name in stage.networks}, batch)
  terms, _ = terms_of(stage)(state.variables, batch)
  return stage, state, batch, terms


def judged(stage, state, batch, shown):
  """Returns prediction and scores: of real images and, twice, of generated."""
  @jax.jit
  def run(variables):
    nets = Nets(stage.networks, variables, training=stage.trained)
    prediction = nets('generator', images.damage(batch['image'], batch['mask']))
    return prediction, *(nets('discriminator', x)[0] for x in (
        batch['image'], shown(prediction), shown(prediction)))
  return run(state.variables)


@pytest.mark.parametrize(('options', 'shown'), [
    ({}, lambda prediction, mask: prediction),
    ({'judged': 'hole'}, lambda prediction, mask: prediction * mask),
    ({'gan': 'nsgan'}, lambda prediction, mask: prediction)])
@pytest.mark.slow
def test_the_discriminator_sees_and_learns_what_the_options_say(
    options, shown):
  stage, state, batch, terms = small(**options)
  _, real, fake, again = judged(stage, state, batch,
                                lambda x: shown(x, batch['mask']))
  if options.get('gan') == 'nsgan':
    own = -jnp.mean(jnp.log(real)) - jnp.mean(jnp.log(1 - fake))
    fooled = -jnp.mean(jnp.log(again))
  else:  # equation 3
    own = jnp.mean(nonnegative(1 - real)) + jnp.mean(nonnegative(1 + fake))
    fooled = -jnp.mean(again)
  assert float(terms['discriminator']) == pytest.approx(
      float(own) / 2, rel=1e-4)
  assert float(terms['adversarial']) == pytest.approx(
      0.1 * float(fooled), rel=1e-3, abs=1e-7)


def nonnegative(x):
  return jnp.maximum(x, 0)


def test_the_l1_loss_is_per_hole_unless_told_otherwise():
  stage, state, batch, per_hole = small()
  prediction, *_ = judged(stage, state, batch, lambda x: x)
  plain = small(l1_per_hole=False)[3]['l1']
  assert float(plain) == pytest.approx(
      float(losses.l1(prediction, batch['image'])), rel=1e-5)
  assert float(per_hole['l1']) == pytest.approx(
      float(plain) / batch['mask'].mean(), rel=1e-5)


@pytest.mark.parametrize(('option', 'value'), [
    ('judged', 'composite'), ('gan', 'wgan')])
def test_an_option_that_is_unknown_is_refused(option, value):
  with pytest.raises(ValueError, match=f"{option} is one of .*, not '{value}'"):
    systems.stage('isnet', 'inpaint', **{option: value})
