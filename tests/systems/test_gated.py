"""The system of gated convolutions learns as its PyTorch port does."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jinpaint import networks, systems, training
from jinpaint.stage import Bound


def test_networks_have_the_published_number_of_parameters():
  assert networks.parameters('gated_generator') == 4_052_478
  assert networks.parameters('gated_discriminator') == 5_946_816


def batch(size=32):
  rng = np.random.default_rng(0)
  mask = np.zeros((2, size, size, 1), np.float32)
  mask[0, 8:20, 8:20] = mask[1, :5] = 1
  return {'image': rng.random((2, size, size, 3), np.float32), 'mask': mask,
          'sketch': np.float32(rng.random((2, size, size, 1)) > 0.9)}


@functools.cache
def small(**options):
  stage = systems.stage('gated', 'inpaint', width=0.25, **options)
  optimizers = {name: optax.sgd(1e-3) for name in stage.networks}
  return stage, training.init(0, stage, optimizers, batch())


@pytest.mark.slow
def test_losses_are_the_published_ones():
  stage, state = small()
  seen = batch()
  _, (moved, first) = jax.jit(stage.updates[0].loss)(
      state.params, state.stats, {}, seen)
  _, (_, second) = jax.jit(stage.updates[1].loss)(
      state.params, state.stats, {}, seen)
  image, mask = 2 * seen['image'] - 1, seen['mask']
  x = np.concatenate([image * (1 - mask), np.ones_like(mask), mask], -1)
  fine, rough = jax.jit(stage.networks['generator'].apply)(
      state.variables['generator'], x, mask)
  assert second['refined'] == pytest.approx(
      float(abs(fine - image).mean()), rel=1e-4)
  assert second['coarse'] == pytest.approx(
      float(abs(rough - image).mean()), rel=1e-4)
  composite = np.where(mask == 1, fine, image)
  net = Bound(stage.networks, state.params, state.stats)
  scores, _ = net('discriminator', np.concatenate(
      [np.concatenate([x, mask], -1) for x in (image, composite)]))
  real, fake = np.split(np.asarray(scores), 2)
  assert first['discriminator'] == pytest.approx(
      np.maximum(1 - real, 0).mean() / 2 + np.maximum(1 + fake, 0).mean() / 2,
      rel=1e-4)
  verdict, _ = Bound(stage.networks, state.params, state.stats)(
      'discriminator', np.concatenate([composite, mask], -1))
  assert second['adversarial'] == pytest.approx(
      -float(verdict.mean()), rel=1e-3, abs=1e-5)
  # One power iteration for both.
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      np.asarray(a), np.asarray(b), atol=1e-5), dict(
          net.stats['discriminator']), dict(moved['discriminator']))


@pytest.mark.slow
def test_each_update_moves_its_own():
  stage, state = small()
  assert [update.trains for update in stage.updates] == [
      ('discriminator',), ('generator',)]
  for update, own in zip(stage.updates, ('discriminator', 'generator'),
                         strict=True):
    gradients, _ = jax.jit(jax.grad(update.loss, has_aux=True))(
        state.params, state.stats, {}, batch())
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients[own]):
      assert float(jnp.abs(gradient).max()) > 0, path
    if own == 'discriminator':
      assert not any(jnp.any(x) for x in jax.tree.leaves(
          gradients['generator']))


@pytest.mark.parametrize('options', [
    {'sketch': True}, pytest.param({}, marks=pytest.mark.slow),
    pytest.param({'colours': 'bgr'}, marks=pytest.mark.slow)])
def test_holes_are_not_looked_into(options):
  stage, state = small(**options)
  # By its start a sigmoid's gate lets little through.
  state = state.replace(params=jax.tree.map(lambda x: 3 * x, state.params))
  seen = batch()
  other = {**seen, 'image': np.where(seen['mask'] == 1, 1 - seen['image'],
                                     seen['image'])}
  predict = jax.jit(stage.predict)
  a, b = (predict(state.variables, x) for x in (seen, other))
  np.testing.assert_array_equal(a['prediction'], b['prediction'])
  known = np.broadcast_to(seen['mask'] == 0, seen['image'].shape)
  np.testing.assert_array_equal(np.asarray(a['image'])[known],
                                seen['image'][known])
  drawn = predict(state.variables, {**seen, 'sketch': 1 - seen['sketch']})
  assert (np.asarray(drawn['image']) != np.asarray(a['image'])).any() == (
      'sketch' in options)


@pytest.mark.slow
def test_bgr_is_rgb_turned_round():
  stage, state = small(colours='bgr')
  rgb, _ = small()
  seen = batch()
  turned = {**seen, 'image': seen['image'][..., ::-1]}
  np.testing.assert_allclose(
      jax.jit(stage.predict)(state.variables, turned)['image'][..., ::-1],
      jax.jit(rgb.predict)(state.variables, seen)['image'], atol=1e-6)


@pytest.mark.parametrize('option', ['gan', 'colours'])
def test_an_option_that_is_misspelt_is_refused(option):
  with pytest.raises(ValueError, match=f'{option} is one of'):
    systems.stage('gated', 'inpaint', **{option: 'x'})
