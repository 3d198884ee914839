"""Promises of every stage of every system: a new system is held to them, too.

What a paper adds to them is in `tests/systems`. Most promises read one compiled
program of a stage: a training step, and what the stage predicts.
"""

import collections
from collections.abc import Callable, Mapping
import functools
import importlib
import math
from pathlib import Path
import re
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax
import pytest
import stage_weights

from jinpaint import devices, runs, systems, training
from jinpaint.nets import Nets
from jinpaint.stage import complete, Stage
from jinpaint.types import Array, Batch, KEYS, Terms

ROOT = Path(__file__).parents[1]

# Options that make a system small enough to be compiled in seconds. One that
# has no entry is tested as it is.
SMALL: Mapping[str, Mapping[str, Any]] = {
    'cfs': dict(width=1 / 16, blocks=1, sketch_blocks=1),
    'edgeconnect': dict(width=1 / 16, blocks=1),
    'gated': dict(width=1 / 4),
    'inpaintgan': dict(width=1 / 16, blocks=1),
    'isnet': dict(width=1 / 16, blocks=1),
    'lama': dict(ngf=4, ndf=4, blocks=1),
    'scratches': dict(widths=(4, 6), blocks=(1, 1)),
    'pconv': dict(levels=3, width=1 / 16),
    'pconv_lines': dict(widths=(4, 8), discriminator_widths=(4, 8)),
    'sketchrefiner': dict(width=1 / 16, blocks=1),
}

# The patch discriminators have no scores of images that are smaller.
SMALLEST = 32

# What takes ten seconds and more to compile: left to the slow tests.
HEAVY = {('cfs', 'sketch'), ('cfs', 'completion'),
         ('cfs', 'completion_true_sketch'), ('cfs', 'joint'),
         ('edgeconnect', 'joint'), ('gated', 'inpaint'),
         ('inpaintgan', 'edge'), ('inpaintgan', 'edge_inpaint'),
         ('inpaintgan', 'joint'), ('isnet', 'inpaint'),
         ('sketchrefiner', 'inpaint')}
# Small enough to be compiled once more for a promise in the fast tests.
LIGHT = {('pconv_lines', 'inpaint')}


def stages(slow: Callable[[tuple[str, str]], bool]
           ) -> pytest.MarkDecorator:
  """Returns the mark of tests of every stage.

  Args:
    slow: which stages are left to the slow tests.
  """
  # One process compiles a stage for all its tests.
  return pytest.mark.parametrize(('system', 'name'), [
      pytest.param(system, name, marks=[
          pytest.mark.xdist_group(f'{system} {name}'),
          *([pytest.mark.slow] if slow((system, name)) else [])])
      for system in systems.NAMES for name in systems.stages(system)])


every_stage = stages(slow=lambda stage: stage in HEAVY)
every_stage_compiled_again = stages(slow=lambda stage: stage not in LIGHT)


class Case(NamedTuple):
  """A small stage with weights.

  Attributes:
    stage: the stage.
    optimizers: plain gradient descent, whose state is the last gradient.
    state: see `stage_weights.draw`.
    batch: four images with all that the stage reads; their holes reach every
      layer, and the first has none.
    run: `(state, batch) -> (state, logs, predictions)`, compiled; the
      predictions are raw and those of the state before.
  """

  stage: Stage
  optimizers: training.step.Optimizers
  state: training.TrainState
  batch: Batch
  run: Any


# All tests of a stage run one after the other, see `conftest.py`.
@functools.lru_cache(maxsize=1)
def case(system: str, name: str, options: tuple[tuple[str, Any], ...] = ()
         ) -> Case:
  """Returns a stage at small widths, compiled once for all tests."""
  stage = systems.stage(system, name, pretrained=False,
                        **{**dict(options), **SMALL.get(system, {})})
  optimizers = dict.fromkeys(stage.trained, _gradient_descent(1e-2))
  batch = _batch(stage)
  state = stage_weights.draw(training.shapes(stage, optimizers, batch))
  step = training.make_step(stage, optimizers)

  @jax.jit
  def run(state: training.TrainState, batch: Batch
          ) -> tuple[training.TrainState, Terms, Mapping[str, Array]]:
    # Neither sees a key that the stage does not name.
    learns_from, predicts_from = (
        {key: batch[key] for key in keys}
        for keys in (stage.learns_from, stage.predicts_from))
    predictions = stage.predict(Nets(stage.networks, state.variables),
                                predicts_from)
    return *step(state, {}, learns_from), predictions
  return Case(stage, optimizers, state, batch, run)


def _gradient_descent(rate: float) -> optax.GradientTransformation:
  """Returns an optimiser whose state is the last gradient."""
  return optax.GradientTransformation(
      lambda params: jax.tree.map(jnp.zeros_like, params),
      lambda gradient, state, params: (
          jax.tree.map(lambda x: -rate * x, gradient), gradient))


def _size(stage: Stage) -> int:
  divisor, smallest = stage.sizes
  return divisor * math.ceil(max(smallest, SMALLEST) / divisor)


def _batch(stage: Stage) -> dict[str, np.ndarray]:
  size = _size(stage)
  rng = np.random.default_rng(0)
  batch = {key: rng.random((4, size, size, KEYS[key].channels), np.float32)
           for key in stage.keys}
  mask = batch['mask'] > 0.9
  # A hole that reaches every layer: where there is none, a norm takes the bias
  # before it out again.
  mask[:, :, :size - 1] = True
  mask[1, :size // 2] = mask[2, :, size // 4:] = False
  mask[0] = False
  return _with_mask(batch, mask)


def _with_mask(batch: Mapping[str, np.ndarray], mask: np.ndarray
               ) -> dict[str, np.ndarray]:
  """Returns a batch with another mask (B, H, W, 1), 1 = hole."""
  batch = {**batch, 'mask': np.asarray(mask, np.float32)}
  if 'known_edge' in batch:
    batch['known_edge'] = np.asarray(
        (batch['known_edge'] > 0.7) & (batch['mask'] == 0), np.float32)
  return batch


@functools.lru_cache(maxsize=1)
def one_step(system: str, name: str) -> Any:
  """Returns what a stage's program returns for its batch, as NumPy arrays."""
  stage = case(system, name)
  return jax.device_get(stage.run(stage.state, stage.batch))


def paths(tree: Any) -> list[tuple[str, np.ndarray]]:
  """Returns the arrays of a tree, and what they are called."""
  return [(jax.tree_util.keystr(path), np.asarray(leaf))
          for path, leaf in jax.tree_util.tree_leaves_with_path(tree)]


def differ(a: Any, b: Any) -> bool:
  """Returns whether two trees have a number that is not the same."""
  return any((x != y).any() for (_, x), (_, y) in zip(
      paths(a), paths(b), strict=True))


# --- what a stage predicts ---


@every_stage
def test_a_stage_predicts_what_it_says(system, name):
  stage, _, _, batch, _ = case(system, name)
  _, _, predictions = one_step(system, name)
  assert predictions.keys() == set(stage.makes)
  for key, array in predictions.items():
    assert array.shape == (*batch['mask'].shape[:3],
                           3 if key == 'image' else 1), key
    assert array.dtype == np.float32, key


@every_stage
def test_the_hole_is_not_looked_into(system, name):
  small = case(system, name)
  _, _, predictions = one_step(system, name)
  image, hole = small.batch['image'], small.batch['mask'] == 1
  _, _, again = small.run(small.state, {
      **small.batch, 'image': np.where(hole, 1 - image, image)})
  for key, array in predictions.items():
    np.testing.assert_array_equal(array, again[key], err_msg=key)
  # What is known is looked at.
  _, _, other = small.run(small.state, {
      **small.batch, 'image': np.where(hole, image, 1 - image)})
  assert differ(predictions, other)


@every_stage
def test_known_pixels_return_bit_for_bit(system, name):
  batch = case(system, name).batch
  _, _, predictions = one_step(system, name)
  completed = complete(predictions, {
      key: batch[key] for key in case(system, name).stage.predicts_from}
      | {key: batch[key] for key in ('known_edge',) if key in batch})
  hole = batch['mask'] == 1
  for key, known in (('image', 'image'), ('edge', 'known_edge')):
    if key in predictions:
      found = np.asarray(completed[key])
      assert np.array_equal(
          np.where(hole, 0, found), np.where(hole, 0, batch[known])), key
      assert np.array_equal(
          np.where(hole, found, 0), np.where(hole, predictions[key], 0)), key
      np.testing.assert_array_equal(completed[f'raw_{key}'], predictions[key])


# --- how a stage learns ---


# Layers that nothing reads, as published: the last CFS block of a network does
# not weigh its channels.
UNREAD = "['decoder_1']['squeeze_excite']"


@every_stage
def test_every_trained_parameter_has_a_gradient(system, name):
  """Or it is a bias that the norm behind it takes out again.

  Such a bias has no influence on any loss, wherever it is moved: that is
  checked, so that there need be no list of them.
  """
  small = case(system, name)
  after, logs, _ = one_step(system, name)
  without = set()
  for network, gradients in after.opt.items():
    largest = collections.defaultdict(float)  # of each layer
    for path, gradient in paths(gradients):
      layer = path.rpartition('[')[0]
      largest[layer] = max(largest[layer], abs(gradient).max())
    for path, gradient in paths(gradients):
      layer, _, parameter = path.rpartition('[')
      if layer.startswith(UNREAD):
        assert not gradient.any(), (network, path)
      else:
        assert largest[layer] > 0, (network, path)
      # Where the norm takes a bias out, rounding is left of its gradient.
      if abs(gradient).max() <= 1e-4 * largest[layer]:
        assert parameter == "'bias']" or layer.startswith(UNREAD), (
            network, path)
        without.add((network, path))
  rng = np.random.default_rng(2)
  params = {network: jax.tree_util.tree_map_with_path(
      lambda path, weight, network=network: weight + rng.standard_normal(
          weight.shape, np.float32) * (
              (network, jax.tree_util.keystr(path)) in without), tree)
      for network, tree in small.state.params.items()}
  _, other, _ = small.run(small.state.replace(params=params), small.batch)
  for term in logs:
    assert other[term] == pytest.approx(logs[term], rel=1e-3, abs=1e-5), term


@every_stage
def test_only_networks_that_are_trained_move(system, name):
  small = case(system, name)
  after, _, _ = one_step(system, name)
  assert small.stage.trained
  for network in small.stage.networks:
    moved = differ(small.state.params[network], after.params[network])
    assert moved == (network in small.stage.trained), network
    if network not in small.stage.trained:
      assert not differ(small.state.stats[network], after.stats[network])
  assert int(after.step) == 1


def holes_of_each_kind(mask: np.ndarray) -> np.ndarray:
  """Returns no hole, nothing but a hole, one pixel, a line on the border."""
  mask[1] = mask[2, 7, 9] = mask[3, :, -1] = True
  return mask


@pytest.mark.parametrize('holes', [
    np.zeros_like, np.ones_like,
    lambda mask: holes_of_each_kind(np.zeros_like(mask))],
                         ids=['none', 'all', 'one of each kind'])
@every_stage
def test_whatever_the_mask_all_numbers_are_finite(system, name, holes):
  small = case(system, name)
  after, logs, predictions = small.run(
      small.state, _with_mask(small.batch, holes(small.batch['mask'])))
  for path, array in paths((after.opt, after.stats, logs, predictions)):
    assert np.isfinite(array).all(), path


@every_stage_compiled_again
def test_four_devices_learn_what_one_does(system, name):
  """And what is computed again in the backward pass is what it was.

  Both are promises about the same numbers, so that one program shows both.
  """
  small = case(system, name)
  after, logs, _ = one_step(system, name)
  assert devices.count() == 4
  step = devices.data_parallel(training.make_step(
      small.stage, small.optimizers, mean=devices.mean,
      remat=small.stage.trained))
  batch = {key: small.batch[key] for key in small.stage.learns_from}
  state, found = step(devices.everywhere(small.state), devices.everywhere({}),
                      devices.split(batch))
  assert found.keys() == logs.keys()
  for term, value in logs.items():
    rel = (JUMPING_GRADIENTS.get((system, name), 1e-5)
           if term.startswith('gradient_norm/') else 1e-5)
    assert found[term] == pytest.approx(value, rel=rel, abs=1e-6), term
  for (path, a), (_, b) in zip(paths(state.stats), paths(after.stats),
                               strict=True):
    np.testing.assert_allclose(
        a, b, rtol=JUMPING_STATISTICS.get((system, name), 1e-5), atol=2e-5,
        err_msg=path)


# The gradients of deep networks of rectifiers jump where rounding decides the
# sign of a feature, see tests/test_golden.py. Here by 2.2e-4 of their norm, but
# the losses are equal to 6e-6; in float64 all are equal to 5e-15.
JUMPING_GRADIENTS = {('lama', 'inpaint'): 1e-3,
                     ('sketchrefiner', 'inpaint'): 1e-3}
# LaMa's generator is applied again after its move, to the same images.
JUMPING_STATISTICS = {('lama', 'inpaint'): 1e-3}


@every_stage_compiled_again
def test_bfloat16_learns_from_almost_the_same_losses(system, name):
  small = case(system, name)
  _, logs, _ = one_step(system, name)
  step = jax.jit(training.make_step(small.stage, small.optimizers,
                                    compute='bfloat16'))
  state, found = step(small.state, {}, {
      key: small.batch[key] for key in small.stage.learns_from})
  for path, array in paths((state.opt, state.stats, state.params, found)):
    assert array.dtype == np.float32, path
    assert np.isfinite(array).all(), path
  for term, value in logs.items():
    if not term.startswith('gradient_norm/'):
      # A mean of scores of both signs may be near 0.
      assert found[term] == pytest.approx(value, rel=0.02, abs=0.01), term


# --- published networks ---


@pytest.mark.slow
def test_a_published_network_is_read_and_not_learned():
  read = {}
  for system in systems.NAMES:
    for name in systems.stages(system):
      stage = systems.stage(system, name, **SMALL.get(system, {}))
      if stage.published:
        read[system] = stage  # of each system the last one
  assert read
  for system, stage in read.items():
    plain = systems.stage(system, systems.stages(system)[-1], pretrained=False,
                          **SMALL.get(system, {}))
    assert not plain.published
    optimizers = dict.fromkeys(stage.trained, _gradient_descent(1e-2))
    batch = _batch(stage)
    state = training.shapes(stage, optimizers, batch)
    assert state.params.keys() == stage.networks.keys()
    published = {
        name: jax.eval_shape(network.init, jax.random.key(0), batch['image'])
        for name, network in stage.published.items()}
    _, logs = jax.eval_shape(training.make_step(stage, optimizers), state,
                             published, batch)
    _, fewer = jax.eval_shape(training.make_step(plain, optimizers), state, {},
                              batch)
    assert logs.keys() > fewer.keys()


# --- configs ---


def variants(module: str) -> list[str]:
  """Returns the variants of a config, which it names if asked for another."""
  get_config = importlib.import_module(f'jinpaint.configs.{module}').get_config
  names = _known(get_config, '?')
  if not names:
    return ['']
  words = _known(get_config, f'{names[0]},?')
  if words == names:  # this config knows no words after the first one
    return names
  return [*names, *(f'{name},{word}' for name in names for word in words)]


def _known(get_config: Any, variant: str) -> list[str]:
  try:
    get_config(variant)
  except ValueError as error:
    if there_are := re.search('there are: (.*)', str(error)):
      return there_are[1].split(', ')
  except TypeError:  # a config that has no variants
    pass
  return []


def _config(module: str, variant: str = '') -> ml_collections.ConfigDict:
  get_config = importlib.import_module(f'jinpaint.configs.{module}').get_config
  return get_config(*([variant] if variant else []))


CONFIGS = sorted(path.stem for path in (ROOT / 'configs').glob('*.py')
                 if path.stem not in ('__init__', 'common'))


@pytest.mark.parametrize(('module', 'variant'), [
    (module, variant) for module in CONFIGS for variant in variants(module)])
def test_every_variant_of_every_config_builds(module, variant):
  config = _config(module, variant)
  stage = runs.stage_of(config)
  adams = runs.optimizers_of(config, stage)
  assert adams.keys() == set(stage.trained)
  data = runs.data_of(config)
  assert data.size % stage.sizes.divisor == 0
  assert data.size >= stage.sizes.smallest
  for training_ in (True, False):
    guidance = runs.guidance_of(config, training=training_)
    assert bool(guidance.edges) >= ('known_edge' in stage.keys)
    assert bool(guidance.sketches) >= ('sketch' in stage.keys)
  runs.computing_of(config, stage)
  assert config.steps or config.epochs


def presets() -> dict[str, tuple[str, str, tuple[tuple[str, Any], ...]]]:
  """Returns what configs choose of other code than the defaults do.

  Options that only have another number are left out, and those that `SMALL`
  replaces.

  Returns:
    The first config that chooses them -> system, stage and options.
  """
  names = {}
  for module in CONFIGS:
    for variant in variants(module):
      config = _config(module, variant)
      defaults = systems.default_options(config.system)
      options = tuple((option, value) for option, value in sorted(
          config.options.to_dict().items())
          if value != defaults[option]
          and option not in SMALL.get(config.system, {})
          and not (isinstance(value, float) and value and defaults[option]))
      if options:
        names.setdefault((config.system, config.stage, options),
                         f'{module}:{variant}')
  return {name: preset for preset, name in names.items()}


@pytest.mark.slow
@pytest.mark.parametrize('preset', presets().values(), ids=presets())
def test_the_options_of_configs_keep_the_promises(preset):
  small = case(*preset)
  after, logs, predictions = small.run(small.state, small.batch)
  for path, array in paths((after.opt, after.stats, logs, predictions)):
    assert np.isfinite(array).all(), path
  for network, gradients in after.opt.items():
    assert any(gradient.any() for _, gradient in paths(gradients)), network
  image, hole = small.batch['image'], small.batch['mask'] == 1
  _, _, again = small.run(small.state, {
      **small.batch, 'image': np.where(hole, 1 - image, image)})
  assert not differ(predictions, again)


def test_every_system_has_a_config():
  assert {_config(module).system for module in CONFIGS} == set(systems.NAMES)
