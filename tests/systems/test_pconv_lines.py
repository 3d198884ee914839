"""What every stage of every system promises, and what each paper adds."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jinpaint import devices, losses, networks, systems, training
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
  """Returns a small stage, its optimisers and a fresh state."""
  stage = systems.stage('pconv_lines', 'inpaint', **{
      'pretrained': False, **SMALL, **options})
  optimizers = {name: optax.adam(1e-3) for name in stage.networks}
  return stage, optimizers, training.init(0, stage, optimizers, line_batch())


@functools.cache
def compiled_gradients(loss):
  return jax.jit(jax.grad(loss, has_aux=True))


def gradients(stage, state, batch, frozen=None):
  update, = stage.updates
  return compiled_gradients(update.loss)(
      state.params, state.stats, frozen or {}, batch)


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


@pytest.mark.parametrize('options', [
    {}, {'adversarial': 0.0}, {'judged': 'composite'}])
def test_every_parameter_gets_a_gradient(options):
  batch = line_batch()
  # A hole that reaches every layer: where there is none, a batch norm takes
  # the bias before it out again.
  batch['mask'][:, :, :15] = 1
  stage, _, state = line_system(**options)
  grads, _ = gradients(stage, state, batch)
  for path, grad in jax.tree_util.tree_leaves_with_path(grads):
    assert np.abs(grad).max() > 1e-7, jax.tree_util.keystr(path)


HOLES = {
    'no hole': lambda mask: mask,
    'all hole': lambda mask: mask + 1,
    'one pixel': lambda mask: mask.at[:, 7, 9].set(1),
    'line on the border': lambda mask: mask.at[:, :, -1].set(1)}


@pytest.mark.parametrize('hole', HOLES)
def test_degenerate_masks_give_finite_outputs_and_gradients(hole):
  batch = line_batch()
  batch['mask'] = np.asarray(HOLES[hole](jnp.zeros((4, SIZE, SIZE, 1))))
  stage, _, state = line_system()
  grads, (stats, logs) = gradients(stage, state, batch)
  predicted = stage.predict(state.variables, batch)
  for path, leaf in jax.tree_util.tree_leaves_with_path(
      (grads, stats, logs, predicted)):
    assert np.isfinite(leaf).all(), jax.tree_util.keystr(path)


@pytest.mark.parametrize('train', [False, True])
def test_changing_a_hole_pixel_changes_nothing_in_the_output(train):
  batch = line_batch()
  stage, _, state = line_system()
  net = stage.networks['generator']
  valid = 1 - jnp.asarray(batch['mask'])
  apply = jax.jit(lambda x: net.apply(
      state.variables['generator'], x, valid, train=train,
      mutable=['batch_stats'])[0][0])
  changed = np.where(batch['mask'] == 1, 1 - batch['image'], batch['image'])
  np.testing.assert_array_equal(apply(batch['image']), apply(changed))
  # ... and a known pixel does matter.
  known = np.argwhere(batch['mask'][0, ..., 0] == 0)[0]
  other = batch['image'].copy()
  other[0, known[0], known[1]] = 1 - other[0, known[0], known[1]]
  assert np.abs(apply(batch['image']) - apply(other)).max() > 0


def test_known_pixels_are_copied_back_bit_for_bit():
  batch = line_batch()
  stage, _, state = line_system()
  result = stage.predict(state.variables, batch)
  known = np.broadcast_to(batch['mask'] == 0, batch['image'].shape)
  np.testing.assert_array_equal(np.asarray(result['image'])[known],
                                batch['image'][known])
  np.testing.assert_array_equal(np.asarray(result['image'])[~known],
                                np.asarray(result['prediction'])[~known])


def test_the_noise_goes_into_the_input_and_not_into_the_target():
  batch = line_batch()
  stage, _, state = line_system(adversarial=0.0)
  _, (_, noisy) = gradients(stage, state, batch)
  shifted = dict(batch, image=np.clip(batch['image'] + batch['noise'], 0, 1))
  shifted.pop('noise')
  net = stage.networks['generator']
  prediction, _ = net.apply(
      state.variables['generator'], shifted['image'], 1 - batch['mask'],
      train=True, mutable=['batch_stats'])[0]
  expected = np.mean((np.asarray(prediction) - batch['image'])**2)
  np.testing.assert_allclose(noisy['l2'], expected, rtol=1e-5)


def test_one_update_gives_both_players_their_own_gradient():
  batch = line_batch()
  stage, _, state = line_system(adversarial=0.5)
  grads, _ = gradients(stage, state, batch)
  generator, discriminator = (stage.networks[name] for name in
                              ('generator', 'discriminator'))
  apply = lambda net, params, name, *inputs: net.apply(
      {'params': params, **state.stats[name]}, *inputs, train=True,
      mutable=list(state.stats[name]))[0]
  bce = losses.ADVERSARIAL['bce_logits']
  image = batch['image']
  x = np.clip(image + batch['noise'], 0, 1) * (1 - batch['mask'])

  def generator_loss(params):
    prediction, _ = apply(generator, params, 'generator', x, 1 - batch['mask'])
    verdict, _ = apply(discriminator, state.params['discriminator'],
                       'discriminator', prediction)
    return losses.l2(prediction, image) + 0.5 * bce.generator(verdict)

  prediction, _ = jax.jit(lambda params: apply(
      generator, params, 'generator', x, 1 - batch['mask']))(
          state.params['generator'])

  def discriminator_loss(params):
    real, _ = apply(discriminator, params, 'discriminator', image)
    fake, _ = apply(discriminator, params, 'discriminator', prediction)
    return (bce.real(real) + bce.fake(fake)) / 2

  expected = {
      'generator': jax.jit(jax.grad(generator_loss))(
          state.params['generator']),
      'discriminator': jax.jit(jax.grad(discriminator_loss))(
          state.params['discriminator'])}
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      a, b, rtol=1e-3, atol=1e-6 + 1e-4 * np.abs(b).max()), grads, expected)


def test_the_perceptual_term_trains_the_generator_and_spares_vgg():
  batch = line_batch()
  stage, _, state = line_system(
      pretrained=True, perceptual=0.05, adversarial=0.0)
  assert set(stage.frozen) == {'vgg16'}
  rng = np.random.default_rng(1)
  frozen = {'vgg16': jax.tree.map(
      lambda array: 0.05 * rng.standard_normal(array.shape, np.float32),
      jax.eval_shape(stage.frozen['vgg16'].init, jax.random.key(1),
                     batch['image']))}
  without, _, _ = line_system(perceptual=0.0, adversarial=0.0)
  grads, (_, logs) = gradients(stage, state, batch, frozen)
  plain, _ = gradients(without, state, batch)
  assert logs['perceptual'] > 0
  kernel = lambda tree: tree['generator']['output']['kernel']
  assert np.abs(kernel(grads) - kernel(plain)).max() > 0


def test_without_pretrained_weights_the_perceptual_term_is_left_out():
  stage, _, _ = line_system(pretrained=False, perceptual=0.05)
  assert not stage.frozen


@pytest.mark.parametrize(('call', 'hint'), [
    (('pconv_line', 'inpaint', {}), 'pconv_lines'),
    (('pconv_lines', 'inpant', {}), 'inpaint'),
    (('pconv_lines', 'inpaint', {'advesarial': 1.0}), 'adversarial')])
def test_a_wrong_name_names_the_nearest(call, hint):
  system, name, options = call
  with pytest.raises(UsageError, match=f'did you mean "{hint}"'):
    systems.stage(system, name, **options)


def steps(batch, number, device_count):
  """Returns the losses of some steps, and the state after them."""
  stage, optimizers, state = line_system(adversarial=0.1)
  logs = []
  if device_count == 1:
    step = jax.jit(training.make_step(stage, optimizers))
    for _ in range(number):
      state, log = step(state, {}, batch)
      logs.append(log)
    return logs, state
  assert devices.count() == device_count
  step = devices.data_parallel(
      training.make_step(stage, optimizers, mean=devices.mean))
  state = devices.replicate(state)
  for _ in range(number):
    state, log = step(state, devices.replicate({}), devices.split(batch))
    logs.append(jax.tree.map(lambda x: x[0], log))
  return logs, devices.unreplicate(state)


def test_one_and_four_devices_give_the_same_losses_and_statistics():
  batch = line_batch(count=8)
  # A device with few holes beside one with many: means must be global.
  batch['mask'][:2] = 0
  one, one_state = steps(batch, 3, 1)
  four, four_state = steps(batch, 3, 4)
  for a, b in zip(one, four, strict=True):
    for name in a:
      np.testing.assert_allclose(a[name], b[name], atol=1e-5, rtol=1e-5)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4),
               one_state.stats, four_state.stats)


def test_a_step_moves_only_the_networks_that_it_trains():
  batch = line_batch()
  stage, optimizers, state = line_system()
  update, = stage.updates
  only_generator = stage._replace(
      updates=(update._replace(trains=('generator',)),))
  after, _ = jax.jit(training.make_step(only_generator, optimizers))(
      state, {}, batch)
  moved = jax.tree.map(lambda a, b: bool((a != b).any()), state.params,
                       after.params)
  assert any(jax.tree.leaves(moved['generator']))
  assert not any(jax.tree.leaves(moved['discriminator']))
  assert int(after.step) == 1


def test_a_network_s_first_weights_depend_on_seed_and_name_alone():
  _, _, both = line_system()
  _, _, alone = line_system(adversarial=0.0)
  jax.tree.map(np.testing.assert_array_equal, both.params['generator'],
               alone.params['generator'])
