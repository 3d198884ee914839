"""The system of gated convolutions learns as its PyTorch port does."""

import functools

import jax
import numpy as np
import optax
import pytest
from stage_steps import predict_of, terms_of

from jinpaint import networks, systems, training
from jinpaint.nets import Nets


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
  variables = state.variables
  first, moved = terms_of(stage, 0)(variables, batch())
  second, _ = terms_of(stage, 1)(variables, batch())
  image, mask = 2 * batch()['image'] - 1, batch()['mask']
  x = np.concatenate([image * (1 - mask), np.ones_like(mask), mask], -1)
  fine, rough = jax.jit(stage.networks['generator'].apply)(
      variables['generator'], x, mask)
  assert second['refined'] == pytest.approx(
      float(abs(fine - image).mean()), rel=1e-4)
  assert second['coarse'] == pytest.approx(
      float(abs(rough - image).mean()), rel=1e-4)
  composite = np.where(mask == 1, fine, image)
  bound = lambda: Nets(stage.networks, variables, training=stage.trained)
  nets = bound()
  scores, _ = nets('discriminator', np.concatenate(
      [np.concatenate([x, mask], -1) for x in (image, composite)]))
  real, fake = np.split(np.asarray(scores), 2)
  assert first['discriminator'] == pytest.approx(
      np.maximum(1 - real, 0).mean() / 2 + np.maximum(1 + fake, 0).mean() / 2,
      rel=1e-4)
  verdict, _ = bound()('discriminator', np.concatenate([composite, mask], -1))
  assert second['adversarial'] == pytest.approx(
      -float(verdict.mean()), rel=1e-3, abs=1e-5)
  # One power iteration for both.
  jax.tree.map(lambda a, b: np.testing.assert_allclose(
      np.asarray(a), np.asarray(b), atol=1e-5), dict(
          nets.stats['discriminator']), dict(moved['discriminator']))


def test_the_discriminator_moves_first():
  stage = systems.stage('gated', 'inpaint')
  assert [update.trains for update in stage.updates] == [
      ('discriminator',), ('generator',)]


@pytest.mark.slow
def test_a_sketch_leads_the_filling_in_the_hole_alone():
  stage, state = small(sketch=True)
  # By its start a sigmoid's gate lets little through.
  state = state.replace(params=jax.tree.map(lambda x: 3 * x, state.params))
  predict, inputs = predict_of(stage), batch()
  hole = inputs['mask'] == 1
  image, sketch = inputs['image'], inputs['sketch']
  plain, drawn, beside, other = (
      np.asarray(predict(state.variables, {**inputs, **changes})['image'])
      for changes in ({}, {'sketch': np.where(hole, 1 - sketch, sketch)},
                      {'sketch': np.where(hole, sketch, 1 - sketch)},
                      {'image': np.where(hole, 1 - image, image)}))
  assert (drawn != plain).any()
  np.testing.assert_array_equal(beside, plain)
  np.testing.assert_array_equal(other, plain)


@pytest.mark.slow
def test_bgr_is_rgb_turned_round():
  stage, state = small(colours='bgr')
  rgb, _ = small()
  turned = {**batch(), 'image': batch()['image'][..., ::-1]}
  np.testing.assert_allclose(
      predict_of(stage)(state.variables, turned)['image'][..., ::-1],
      predict_of(rgb)(state.variables, batch())['image'], atol=1e-6)


@pytest.mark.parametrize('option', ['gan', 'colours', 'padding'])
def test_an_option_that_is_misspelt_is_refused(option):
  with pytest.raises(ValueError, match=f'{option} is one of'):
    systems.stage('gated', 'inpaint', **{option: 'x'})
