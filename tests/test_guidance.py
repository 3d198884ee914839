"""Edges by HED: found at the head of a step, or in a picture to be filled."""

import functools

import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import optax

import jinpaint
from jinpaint import networks, training
from jinpaint.data.examples import Data
from jinpaint.guidance import Guidance
from jinpaint.layers.conv import Dense
from jinpaint.stage import Sizes, Stage, Update


@functools.cache
def hed():
  """Returns HED's variables as the golden file has them."""
  golden = golden_files.Golden(golden_files.FOLDER / 'hed.json')
  return {'hed': jinpaint.from_torch('hed', golden.state_dict({}))}


def photographs(size=48):
  rng = np.random.default_rng(0)
  mask = np.zeros((2, size, size, 1), np.float32)
  mask[:, 8:24, 8:24] = 1
  return {'image': rng.random((2, size, size, 3), np.float32), 'mask': mask}


@functools.cache
def completed_by(edge):
  """Returns the compiled device half for edges, `(published, batch)`."""
  return jax.jit(Guidance(Data(edge=edge), training=True).on_device)


def other_in_hole(batch):
  return {**batch, 'image': np.where(batch['mask'] == 1, 1 - batch['image'],
                                     batch['image'])}


def test_hed_completes_a_batch():
  batch = photographs()
  completed = completed_by('hed:hole=masked')(hed(), batch)
  assert completed.keys() == {'image', 'mask', 'true_edge', 'known_edge'}
  np.testing.assert_allclose(
      completed['true_edge'],
      jax.jit(networks.create('hed').apply)(hed()['hed'], batch['image']),
      atol=1e-6)
  assert not np.asarray(completed['known_edge'])[batch['mask'] == 1].any()
  other = completed_by('hed:hole=masked')(hed(), other_in_hole(batch))
  np.testing.assert_array_equal(other['known_edge'], completed['known_edge'])
  assert (np.asarray(other['true_edge'])
          != np.asarray(completed['true_edge'])).any()


def test_known_edges_are_cut_out_of_the_true_ones_unless_told_otherwise():
  batch = photographs()
  completed = completed_by('hed')(hed(), batch)
  np.testing.assert_array_equal(
      completed['known_edge'],
      np.where(batch['mask'] == 1, 0, completed['true_edge']))


def test_hed_is_not_differentiated_through():
  batch = photographs()
  gradient = jax.grad(lambda image: jnp.sum(completed_by('hed:hole=masked')(
      hed(), {**batch, 'image': image})['true_edge']))
  assert not np.asarray(gradient(batch['image'])).any()


def test_edges_are_found_once_a_step_whatever_the_updates():
  calls = []

  def guide(published, batch):
    calls.append(published)
    return {**batch, 'true_edge': batch['mask']}

  def terms(nets, batch):
    return {'l1': jnp.mean(nets('dense', batch['true_edge']))}

  update = Update(('dense',), terms)
  stage = Stage(
      networks={'dense': Dense(1)}, published={},
      learns_from=('mask', 'true_edge'), predicts_from=('mask',),
      sizes=Sizes(), updates=(update, update), makes=(),
      predict=lambda nets, batch: {})
  optimizers, batch = {'dense': optax.sgd(1.0)}, photographs()
  state = training.shapes(stage, optimizers, guide({}, batch))
  calls.clear()
  published = {'hed': None}
  jax.eval_shape(training.make_step(stage, optimizers, guide=guide), state,
                 published, batch)
  assert calls == [published]


def test_a_picture_s_sketch_knows_nothing_of_its_hole():
  rng = np.random.default_rng(0)
  image = rng.random((37, 50, 3), np.float32)
  hole = np.zeros((37, 50), np.uint8)
  hole[5:20, 9:30] = 1
  guidance = Guidance(Data(edge='hed'), training=False)
  found = functools.partial(guidance.of_picture, hed())
  known = found(image, hole)
  assert known.keys() == {'known_edge'}
  assert known['known_edge'].shape == (37, 50, 1)
  assert not known['known_edge'][hole == 1].any()
  np.testing.assert_array_equal(
      found(np.where(hole[..., None] == 1, 1 - image, image),
            hole)['known_edge'], known['known_edge'])
