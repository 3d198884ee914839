"""What the system of partial convolutions for lines adds to every stage."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stage_steps import gradients_of

from jinpaint import images, losses, networks, systems, training
from jinpaint.configs import pconv_lines
from jinpaint.errors import UsageError

SMALL = {'widths': (4, 8), 'discriminator_widths': (4, 8)}
SIZE = 16


def line_batch(size=SIZE, count=4, hole=0.2):
  rng = np.random.default_rng(0)
  return {
      'image': rng.random((count, size, size, 3), np.float32),
      'mask': (rng.random((count, size, size, 1)) < hole).astype(np.float32),
      'noise': 0.05 * rng.standard_normal((count, size, size, 3), np.float32)}


@functools.cache
def line_system(**options):
  """Returns a small stage, a fresh state and its gradients."""
  stage = systems.stage('pconv_lines', 'inpaint', **{
      'pretrained': False, **SMALL, **options})
  optimizers = {name: optax.adam(1e-3) for name in stage.networks}
  return (stage, training.init(0, stage, optimizers, line_batch()),
          gradients_of(stage))


def count(variables):
  return sum(x.size for x in jax.tree.leaves(variables['params']))


@pytest.mark.parametrize(('name', 'options', 'size', 'parameters'), [
    # 3,131,037 with a batch norm after every partial convolution.
    ('pconv_lines', {}, 64, 3_131_037),
    ('pconv_lines', {'widths': (64, 128, 256, 512)}, 64, 12_510_429),
    ('pconv_lines', {'widths': (32, 64, 128, 256, 512)}, 64, 12_573_597),
    ('pconv_lines_discriminator', {}, 64, 2_765_633),
    ('pconv_lines_discriminator', {'widths': (64, 128, 256, 512, 512)}, 128,
     6_960_961)])
def test_networks_have_the_known_number_of_parameters(
    name, options, size, parameters):
  net = networks.create(name, **options)
  x = jnp.zeros((1, size, size, 3))
  inputs = (x, x[..., :1]) if name == 'pconv_lines' else (x,)
  assert count(jax.eval_shape(
      lambda: net.init(jax.random.key(0), *inputs))) == parameters


def test_the_network_itself_does_not_look_into_holes_while_it_learns():
  batch = line_batch()
  stage, state, _ = line_system(adversarial=0.0)
  net = stage.networks['generator']
  valid = 1 - jnp.asarray(batch['mask'])
  apply = jax.jit(lambda x: net.apply(
      state.variables['generator'], x, valid, train=True,
      mutable=['batch_stats'])[0][0])
  changed = np.where(batch['mask'] == 1, 1 - batch['image'], batch['image'])
  np.testing.assert_array_equal(apply(batch['image']), apply(changed))


@pytest.mark.slow
def test_the_noise_goes_into_the_input_and_not_into_the_target():
  batch = line_batch()
  stage, state, gradients = line_system(adversarial=0.0)
  _, (noisy, _) = gradients(state.variables, batch)
  shifted = dict(batch, image=np.clip(batch['image'] + batch['noise'], 0, 1))
  shifted.pop('noise')
  net = stage.networks['generator']
  prediction, _ = net.apply(
      state.variables['generator'], shifted['image'], 1 - batch['mask'],
      train=True, mutable=['batch_stats'])[0]
  expected = np.mean((np.asarray(prediction) - batch['image'])**2)
  np.testing.assert_allclose(noisy['l2'], expected, rtol=1e-5)


@pytest.mark.parametrize('judged', [
    'prediction', pytest.param('composite', marks=pytest.mark.slow)])
@pytest.mark.slow
def test_one_update_gives_both_players_their_own_gradient(judged):
  batch = line_batch()
  stage, state, gradients = line_system(adversarial=0.5, judged=judged)
  grads, _ = gradients(state.variables, batch)
  generator, discriminator = (stage.networks[name] for name in
                              ('generator', 'discriminator'))
  apply = lambda net, params, name, *inputs: net.apply(
      {'params': params, **state.stats[name]}, *inputs, train=True,
      mutable=list(state.stats[name]))[0]
  bce = losses.ADVERSARIAL['bce_logits']
  image, mask = batch['image'], batch['mask']
  x = np.clip(image + batch['noise'], 0, 1) * (1 - mask)

  def shown(prediction):
    return prediction if judged == 'prediction' else images.composite(
        prediction, image, mask)

  def generator_loss(params):
    prediction, _ = apply(generator, params, 'generator', x, 1 - mask)
    verdict, _ = apply(discriminator, state.params['discriminator'],
                       'discriminator', shown(prediction))
    return losses.l2(prediction, image) + 0.5 * bce.generator(verdict)

  prediction, _ = jax.jit(lambda params: apply(
      generator, params, 'generator', x, 1 - mask))(state.params['generator'])

  def discriminator_loss(params):
    real, _ = apply(discriminator, params, 'discriminator', image)
    fake, _ = apply(discriminator, params, 'discriminator', shown(prediction))
    return (bce.real(real) + bce.fake(fake)) / 2

  expected = {
      'generator': jax.jit(jax.grad(generator_loss))(
          state.params['generator']),
      'discriminator': jax.jit(jax.grad(discriminator_loss))(
          state.params['discriminator'])}
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      a, b, rtol=1e-3, atol=1e-6 + 1e-4 * np.abs(b).max()), grads, expected)


@pytest.mark.slow
def test_the_perceptual_term_trains_the_generator():
  batch = line_batch()
  stage, state, gradients = line_system(
      pretrained=True, perceptual=0.05, adversarial=0.0)
  assert set(stage.published) == {'vgg16'}
  rng = np.random.default_rng(1)
  published = {'vgg16': jax.tree.map(
      lambda array: 0.05 * rng.standard_normal(array.shape, np.float32),
      jax.eval_shape(stage.published['vgg16'].init, jax.random.key(1),
                     batch['image']))}
  _, _, without = line_system(adversarial=0.0)
  grads, (terms, _) = gradients(state.variables, batch, published)
  plain, _ = without(state.variables, batch)
  assert terms['perceptual'] > 0
  kernel = lambda tree: tree['generator']['output']['kernel']
  assert np.abs(kernel(grads) - kernel(plain)).max() > 0


def test_a_term_that_has_no_weight_takes_its_network_out():
  stage, _, _ = line_system(adversarial=0.0)
  assert stage.networks.keys() == {'generator'}
  assert not stage.published


@pytest.mark.parametrize(('call', 'hint'), [
    (('pconv_line', 'inpaint', {}), 'pconv_lines'),
    (('pconv_lines', 'inpant', {}), 'inpaint'),
    (('pconv_lines', 'inpaint', {'advesarial': 1.0}), 'adversarial')])
def test_a_wrong_name_names_the_nearest(call, hint):
  system, name, options = call
  with pytest.raises(UsageError, match=f'did you mean "{hint}"'):
    systems.stage(system, name, **options)


def test_a_network_s_first_weights_depend_on_seed_and_name_alone():
  _, both, _ = line_system(adversarial=0.5, judged='prediction')
  _, alone, _ = line_system(adversarial=0.0)
  jax.tree.map(np.testing.assert_array_equal, both.params['generator'],
               alone.params['generator'])


def test_configs_hold_the_paper_s_numbers():
  for variant, size in (('flowers102', 64), ('celeba', 128), ('dtd', 128),
                        ('dtd_all', 128)):
    config = pconv_lines.get_config(variant)
    assert (config.data.size, config.epochs) == (size, 40)
  with pytest.raises(ValueError, match='no variant "flower"'):
    pconv_lines.get_config('flower')
