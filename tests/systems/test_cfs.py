"""The CFS system is the published one, at any size, and trains as published."""

import functools

from golden import fill
import golden_files
import isnet_recipe as recipe
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from stage_steps import terms_of

import jinpaint
from jinpaint import losses, networks, systems, training
from jinpaint.nets import Nets
from jinpaint.systems.shared import objectives


@pytest.mark.parametrize(('name', 'options', 'expected'), [
    ('cfs_sketch_generator', {}, 24_121_427),
    ('cfs_completion_generator', {'blocks': 4}, 72_839_800),
    ('cfs_completion_generator', {}, 129_729_400)])
def test_networks_have_the_published_number_of_parameters(
    name, options, expected):
  assert networks.parameters(name, **options) == expected


# The published code fails at many of these.
SIZES = [(64, 64), (65, 92), (93, 115), (92, 64), (127, 128), (256, 256),
         (512, 512), (511, 513), (520, 259)]


@pytest.mark.parametrize('size', SIZES)
def test_any_size_comes_back_as_it_was(size):
  for name, channels, made in (('cfs_sketch_generator', (2, 1), 1),
                               ('cfs_completion_generator', (5,), 3)):
    net = jinpaint.create(name, blocks=1, width=0.25)
    inputs = [jax.ShapeDtypeStruct((1, *size, n), jnp.float32)
              for n in channels]
    found, _ = jax.eval_shape(net.init_with_output, jax.random.key(0), *inputs)
    assert found.shape == (1, *size, made)


@pytest.mark.parametrize(('name', 'channels', 'smallest'), [
    ('cfs_sketch_generator', (2, 1), 14),
    ('cfs_completion_generator', (5,), 7)])
def test_a_network_takes_all_sizes_of_which_its_encoder_leaves_something(
    name, channels, smallest):
  stage = {'cfs_sketch_generator': 'completion',
           'cfs_completion_generator': 'completion_true_sketch'}[name]
  assert systems.stage('cfs', stage).sizes == (1, smallest)
  net = jinpaint.create(name, blocks=1, width=0.25)
  for size in (smallest, smallest - 1):
    inputs = [jax.ShapeDtypeStruct((1, size, 64, n), jnp.float32)
              for n in channels]
    if size < smallest:
      with pytest.raises(IndexError):
        jax.eval_shape(net.init_with_output, jax.random.key(0), *inputs)
    else:
      found, _ = jax.eval_shape(
          net.init_with_output, jax.random.key(0), *inputs)
      assert found.shape[1:3] == (size, 64)


@functools.cache
def small(name):
  """Returns a small network, to be compiled, with random weights."""
  net = jinpaint.create(name, blocks=1, width=1 / 16)
  inputs = [np.zeros((1, 33, 47, channels), np.float32)
            for channels in networks.REGISTRY[name].channels]
  rng = np.random.default_rng(0)
  variables = jax.tree.map(
      lambda array: rng.standard_normal(array.shape, np.float32),
      jax.eval_shape(net.init, jax.random.key(0), *inputs))
  return jax.jit(functools.partial(net.apply, variables))


@pytest.mark.slow
@pytest.mark.parametrize('size', SIZES)
def test_outputs_of_any_size_are_finite(size):
  rng = np.random.default_rng(0)
  valid = (rng.random((1, *size, 1)) > 0.2).astype(np.float32)
  pair, five = (rng.random((1, *size, channels), np.float32)
                for channels in (2, 5))
  sketch = small('cfs_sketch_generator')(pair, valid)
  image = small('cfs_completion_generator')(five)
  for made, channels in ((sketch, 1), (image, 3)):
    assert made.shape == (1, *size, channels)
    assert np.isfinite(made).all()


@pytest.mark.parametrize('hole', [
    slice(0), slice(None), slice(16), slice(32, 33)])
def test_outputs_of_an_odd_size_are_finite_whatever_is_known(hole):
  rng = np.random.default_rng(0)
  valid = np.ones((1, 33, 47, 1), np.float32)
  valid[:, hole] = 0
  pair, five = (rng.random((1, 33, 47, channels), np.float32)
                for channels in (2, 5))
  sketch = small('cfs_sketch_generator')(pair, valid)
  assert np.isfinite(sketch).all()
  assert np.isfinite(small('cfs_completion_generator')(five)).all()
  # The sketch network does not look into holes.
  np.testing.assert_array_equal(small('cfs_sketch_generator')(
      np.where(valid == 0, 1 - pair, pair), valid), sketch)


# --- training ---


def variables_of(recorded, stage):
  """Returns the recorded start weights, by our networks' names."""
  found = {}
  for player, name in (('generator', f'cfs_{stage}_generator'),
                       ('discriminator', 'edgeconnect_discriminator')):
    found[f'{stage}_{player}'] = jinpaint.from_torch(name, golden_files.listed(
        recorded[stage]['weights'][player], recorded['seed']))
  return found


@pytest.mark.slow
@pytest.mark.parametrize('name', ['sketch', 'completion'])
def test_three_steps_log_the_published_losses(name):
  recorded = golden_files.training('cfs')
  config, seed = recorded['config'], recorded['seed']
  stage = systems.stage(
      'cfs', 'completion_true_sketch' if name == 'completion' else name,
      blocks=config['BLOCKS'], gan=config['GAN_LOSS'])
  adam = lambda rate: optax.adam(rate, config['BETA1'], config['BETA2'])
  optimizers = {
      f'{name}_generator': adam(config['LR']),
      f'{name}_discriminator': adam(config['LR'] * config['D2G_LR'])}
  size = (2, 64, 64)
  image = fill.image('rgb', (*size, 3), seed)
  if name == 'sketch':  # a gray image is RGB of three equal parts
    image = np.repeat(fill.image('gray', (*size, 1), seed), 3, -1)
  mask, edge = (fill.mask('mask', (*size, 1), seed),
                fill.image('sketch', (*size, 1), seed))
  batch = {'image': image, 'mask': mask, 'true_edge': edge,
           'known_edge': edge * (1 - mask)}
  state = training.init(0, stage, optimizers, batch,
                        learned=variables_of(recorded, name))
  published = {'vgg19': jinpaint.from_torch('vgg19', golden_files.vgg19(seed))}
  step = jax.jit(training.make_step(stage, optimizers))
  ours = {
      'sketch': {'l_d1': 'sketch_discriminator', 'l_g1': 'sketch_adversarial',
                 'l_fm': 'sketch_feature_matching'},
      'completion': {
          'l_d2': 'completion_discriminator',
          'l_g2': 'completion_adversarial', 'l_l1': 'l1',
          'l_fm': 'feature_matching', 'l_per': 'perceptual',
          'l_sty': 'style'}}[name]
  for i, expected in enumerate(recorded[name]['steps']):
    state, logs = step(state, published, batch)
    for theirs, term in ours.items():
      assert float(logs[term]) == pytest.approx(
          expected[theirs], rel=1e-3 if i == 0 else 1e-2), (i, term)


# --- what the options say ---


@pytest.mark.slow
def test_the_sketch_is_judged_beside_the_undamaged_image():
  stage = systems.stage('cfs', 'sketch', width=0.25, sketch_blocks=1,
                        sketch_adversarial=0.5)
  rng = np.random.default_rng(0)
  mask = np.zeros((2, 32, 32, 1), np.float32)
  mask[:, 8:24, 8:24] = 1
  edge = rng.random((2, 32, 32, 1), np.float32)
  batch = {'image': rng.random((2, 32, 32, 3), np.float32), 'mask': mask,
           'true_edge': edge, 'known_edge': edge * (1 - mask)}
  state = training.init(0, stage, {name: optax.sgd(1.0)
                                   for name in stage.networks}, batch)
  terms, _ = terms_of(stage)(state.variables, batch)

  @jax.jit
  def expected(variables):
    nets = Nets(stage.networks, variables, training=stage.trained)
    gray = batch['image'] @ jnp.asarray([[0.2125], [0.7154], [0.0721]])
    valid = 1 - mask
    sketch = nets('sketch_generator', jnp.concatenate(
        [gray, edge], -1) * valid, valid)
    return objectives.judge(
        nets, 'sketch_discriminator', jnp.concatenate([gray, edge], -1),
        jnp.concatenate([gray, sketch], -1), gan='hinge')

  verdict = expected(state.variables)
  assert float(terms['sketch_discriminator']) == pytest.approx(
      float(verdict.own), rel=1e-4)
  assert float(terms['sketch_adversarial']) == pytest.approx(
      0.5 * float(verdict.fooled), rel=1e-3, abs=1e-6)
  assert float(terms['sketch_feature_matching']) == pytest.approx(
      10 * float(losses.feature_matching(verdict.fake, verdict.real)), rel=1e-4)


# --- the second recipe, whole ---


@pytest.mark.slow
@pytest.mark.parametrize('blocks', [4, 8])
def test_the_published_pipeline_comes_out(blocks):
  golden = recipe.golden()
  draw = lambda name, channels: np.moveaxis(np.float32(
      recipe.random(name).rand(1, channels, 128, 128)), 1, -1)
  valid = np.float32(draw('cfs_mask', 1) > 0.2)
  valid[:, 30:100, 20:90] = 0
  gray, edge, image = draw('cfs_gray', 1), draw('cfs_edge', 1), draw(
      'cfs_img', 3)
  apply = lambda name, tag, inputs, **options: np.asarray(jax.jit(
      jinpaint.create(name, **options).apply)(jinpaint.from_torch(
          name, recipe.state_dict(tag, name, **options)), *inputs))
  sketch = apply('cfs_sketch_generator', 'sketchG', (
      np.concatenate([gray, edge], -1) * valid, valid))
  np.testing.assert_allclose(sketch, golden['cfs_sketch_out'], atol=1e-5)
  sketch = sketch * (1 - valid) + edge * valid
  found = apply('cfs_completion_generator', 'cfsG', (np.concatenate(
      [image * valid, sketch, valid], -1),), blocks=blocks)
  np.testing.assert_allclose(found, golden[f'cfs_out_nb{blocks}'], atol=1e-5)
