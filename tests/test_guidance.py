"""Edges and sketches: made once, on the host or on the device, for everybody.

Which edges and sketches the host makes is tested in `tests/data`.
"""

import functools

from flax import linen as nn
import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from skimage import data as skimage_data

import jinpaint
from jinpaint import guidance, networks, training
from jinpaint.data import edges, files
from jinpaint.data.examples import Data, Examples
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.stage import Sizes, Stage, Update

PHOTO = skimage_data.chelsea()[100:170, 120:210]
IMAGE = np.float32(PHOTO / 255)
HOLE = np.zeros(PHOTO.shape[:2], bool)
HOLE[20:45, 30:70] = True
OTHER = np.where(HOLE[..., None], 1 - IMAGE, IMAGE)  # differs in the hole only


def wanted(edge, *, training=True, **changes):
  return Guidance(Data(edge=edge, **changes), training=training)


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


@pytest.fixture
def drawn(tmp_path):
  """A soft edge map of PHOTO, and the folder that holds it as photo.png."""
  pixels = np.random.default_rng(0).integers(
      256, size=PHOTO.shape[:2], dtype=np.uint8)
  files.write(tmp_path / 'photo.png', files.Picture(pixels))
  return np.float32(pixels / 255), tmp_path


@pytest.fixture
def calls(monkeypatch):
  """Puts a light detector in HED's place; returns the images it was given."""
  images = []

  def detect(nets, image):
    del nets
    images.append(image)
    return jnp.mean(image, axis=-1, keepdims=True)
  monkeypatch.setattr(guidance, '_hed', detect)
  return images


# The device's half: HED


def test_hed_finds_the_edges_of_a_batch_and_looks_into_no_hole():
  batch = photographs()
  masked = wanted('hed:hole=masked')
  assert masked.published.keys() == {'hed'}
  complete = jax.jit(masked.on_device)
  found = complete(hed(), batch)
  assert found.keys() == {'image', 'mask', 'true_edge', 'known_edge'}
  np.testing.assert_allclose(
      found['true_edge'],
      jax.jit(networks.create('hed').apply)(hed()['hed'], batch['image']),
      atol=1e-6)
  known = np.asarray(found['known_edge'])
  assert known.any()
  assert not known[batch['mask'] == 1].any()
  other = {**batch, 'image': np.where(batch['mask'] == 1, 1 - batch['image'],
                                      batch['image'])}
  changed = complete(hed(), other)
  np.testing.assert_array_equal(changed['known_edge'], known)
  assert (np.asarray(changed['true_edge'])
          != np.asarray(found['true_edge'])).any()


def test_hed_is_not_differentiated_through():
  batch = photographs(32)
  masked = wanted('hed:hole=masked')

  def total(image):
    found = masked.on_device(hed(), {**batch, 'image': image})
    return jnp.sum(found['true_edge']) + jnp.sum(found['known_edge'])
  assert not np.asarray(jax.jit(jax.grad(total))(batch['image'])).any()


def constants(jaxpr):
  """Returns how many numbers a program holds itself."""
  inner = [value for equation in jaxpr.jaxpr.eqns
           for value in equation.params.values() if hasattr(value, 'consts')]
  return (sum(np.size(constant) for constant in jaxpr.consts)
          + sum(map(constants, inner)))


@pytest.mark.parametrize('program', [
    wanted('hed:hole=masked').on_device, guidance._known_hed_compiled])
def test_the_weights_of_hed_are_no_part_of_a_compiled_program(program):
  assert constants(jax.make_jaxpr(program)(hed(), photographs(32))) < 100
  # This is what it would be otherwise: HED has 14.7 million weights.
  bound = jax.make_jaxpr(functools.partial(program, hed()))
  assert constants(bound(photographs(32))) > 14e6


class _Scale(nn.Module):
  """A network of one weight."""

  @nn.compact
  def __call__(self, x, train=False):
    del train
    return x * self.param('scale', nn.initializers.ones, ())


@pytest.mark.parametrize('updates', [1, 3])
def test_edges_are_found_once_a_step_whatever_the_updates(calls, updates):
  def terms(nets, batch):
    return {'l1': jnp.sum(nets('net', batch['true_edge']))}

  stage = Stage({'net': _Scale()}, {}, ('true_edge',), ('true_edge',), Sizes(),
                (Update(('net',), terms),) * updates,
                lambda nets, batch: {'edge': nets('net', batch['true_edge'])})
  batch = photographs()
  optimizers = {'net': optax.sgd(1.0)}
  seen = wanted('hed').on_device({'hed': {}}, batch)
  state = training.init(0, stage, optimizers, seen)
  calls.clear()
  step = jax.jit(training.make_step(
      stage, optimizers, guide=wanted('hed').on_device))
  state, logs = step(state, {'hed': {}}, batch)
  assert len(calls) == 1
  total = batch['image'].mean(axis=-1).sum()
  assert float(logs['l1']) == pytest.approx(
      (1 - (updates - 1) * total) * total, rel=1e-4)


# The device's half: whatever the edges are


@pytest.mark.parametrize('cut', [(), (0.3, 0.5)])
@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('edge', [
    'canny', 'canny:hole=masked', 'none', 'files:{0}', 'thinned:files:{0}',
    'thinned:hole=masked:files:{0}', 'hed', 'hed:hole=masked'])
def test_a_batch_has_true_edges_and_known_ones_that_are_0_in_the_hole(
    edge, training, cut, drawn, calls):
  data = Data(edge=edge.format(drawn[1]), edge_cut=cut, size=48, mask='block')
  guide = Guidance(data, training=training)
  example = Examples(data, seed=0, training=training, names=('photo.jpg',),
                     guidance=guide).make(PHOTO, 0, 0)
  batch = {key: array[None] for key, array in example.items()}
  complete = guide.on_device({'hed': {}}, batch)
  assert complete.keys() == {'image', 'mask', 'true_edge', 'known_edge'}
  true, known = (np.asarray(complete[key])
                 for key in ('true_edge', 'known_edge'))
  assert true.shape == known.shape == (1, 48, 48, 1)
  assert true.dtype == known.dtype == np.float32
  assert true.any() == known.any() == (edge != 'none')
  assert not known[batch['mask'] == 1].any()
  if cut:
    assert set(np.unique(true)) | set(np.unique(known)) <= {0, 1}
  cuts_true_edges = training and 'masked' not in edge
  if cuts_true_edges:
    np.testing.assert_array_equal(known, true * (1 - batch['mask']))
  assert bool(calls) == edge.startswith('hed')


def test_evaluation_cuts_true_edges_only_where_asked_to(calls):
  batch = photographs()
  cut = wanted('hed:hole=masked', training=False, eval_edge='cut').on_device(
      {'hed': {}}, batch)
  np.testing.assert_array_equal(
      cut['known_edge'], cut['true_edge'] * (1 - batch['mask']))
  assert len(calls) == 1
  calls.clear()
  wanted('hed', training=False).on_device({'hed': {}}, batch)
  assert len(calls) == 2
  # The second one is of an image whose hole tells nothing.
  hole = np.asarray(calls[1])[:, 8:24, 8:24]
  np.testing.assert_allclose(
      hole, np.broadcast_to(hole[:, :1, :1], hole.shape), atol=1e-6)


@pytest.mark.parametrize('edge', ['', 'canny', 'hed'])
def test_a_user_s_own_true_edges_are_kept_and_cut_at_the_hole(edge, calls):
  batch = photographs()
  batch['true_edge'] = np.random.default_rng(1).random(
      batch['mask'].shape, np.float32)
  complete = wanted(edge).on_device({'hed': {}}, batch)
  np.testing.assert_array_equal(complete['true_edge'], batch['true_edge'])
  np.testing.assert_array_equal(
      complete['known_edge'], batch['true_edge'] * (1 - batch['mask']))
  batch['known_edge'] = batch['true_edge'] * 0
  assert not np.asarray(
      wanted(edge).on_device({'hed': {}}, batch)['known_edge']).any()
  assert not calls


def test_a_batch_without_edges_and_sketches_stays_as_it_is():
  batch = photographs()
  complete = wanted('').on_device({}, batch)
  assert complete.keys() == batch.keys()
  for key in batch:
    assert complete[key] is batch[key]


@pytest.mark.parametrize(('changes', 'keys'), [
    (dict(edge=''), set()),
    (dict(edge='canny'), {'true_edge'}),
    (dict(edge='canny', edge_cut=(0.1, 0.2), sketch='simulated'),
     {'true_edge', 'sketch'}),
    (dict(edge='', sketch='none'), {'sketch'}),
    (dict(edge='hed'), set()),
    (dict(edge='hed', sketch='none'), {'sketch'}),
    (dict(edge='hed', edge_cut=(0.1, 0.2), sketch='simulated'),
     {'edge_cut', 'bend'})])
def test_the_host_adds_the_keys_and_shapes_that_it_announces(changes, keys):
  guide = wanted(**changes)
  example = Examples(Data(**changes), seed=0, training=True, guidance=guide
                     ).make(PHOTO, 0, 0)
  shapes = guide.shapes(64)
  assert shapes.keys() == keys
  assert example.keys() == keys | {'image', 'mask'}
  for key in keys:
    assert example[key].shape == shapes[key]
    assert example[key].dtype == np.float32


def test_hed_s_sketch_bends_its_edges_after_they_are_cut(calls):
  data = Data(edge='hed', edge_cut=(0.4, 0.6), sketch='simulated:move=0',
              size=48)
  guide = Guidance(data, training=True)
  example = Examples(data, seed=0, training=True, guidance=guide).make(
      PHOTO, 0, 0)
  batch = {key: array[None] for key, array in example.items()}
  complete = guide.on_device({'hed': {}}, batch)
  assert complete.keys() == {'image', 'mask', 'true_edge', 'known_edge',
                             'sketch'}
  cut = batch['image'].mean(-1, keepdims=True) > batch['edge_cut']
  assert 0 < cut.mean() < 1
  np.testing.assert_array_equal(complete['true_edge'], cut)
  # Nothing moves, but bending makes strokes soft.
  inner = np.asarray(complete['sketch'])[0, 1:-1, 1:-1, 0]
  assert np.corrcoef(inner.ravel(), cut[0, 1:-1, 1:-1, 0].ravel())[0, 1] > 0.9
  assert len(calls) == 1


# Pictures


def test_a_picture_s_hed_edges_know_nothing_of_its_hole():
  guide = wanted('hed')
  known = guide.of_picture(hed(), IMAGE, HOLE)['known_edge']
  assert known.shape == (*HOLE.shape, 1)
  assert known.any()
  assert not known[HOLE].any()
  np.testing.assert_array_equal(
      guide.of_picture(hed(), OTHER, HOLE)['known_edge'], known)


def test_pictures_of_one_size_share_one_program_whatever_the_weights():
  guide = wanted('hed')
  zeros = jax.tree.map(lambda weights: 0 * weights, hed())
  first = guide.of_picture(hed(), IMAGE, HOLE)['known_edge']
  programs = guidance._known_hed_compiled._cache_size()
  found = guide.of_picture(zeros, IMAGE, None)['known_edge']
  assert found.shape == first.shape
  np.testing.assert_allclose(found, 0.5)  # the sigmoid of 0
  assert guidance._known_hed_compiled._cache_size() == programs


def test_hed_sees_a_picture_of_any_size_as_it_is():
  network = networks.create('hed')
  for rows, columns in ((67, 81), (16, 17)):
    image = IMAGE[:rows, :columns]
    found = wanted('hed').of_picture(hed(), image, None)['known_edge']
    np.testing.assert_allclose(
        found, network.apply(hed()['hed'], image[None])[0], atol=1e-6)
  # It halves sizes four times: smaller ones are mirrored.
  found = wanted('hed').of_picture(hed(), IMAGE[:5, :40], None)['known_edge']
  assert found.shape == (5, 40, 1)
  mirrored = np.concatenate([IMAGE[:5, :40], IMAGE[4::-1, :40],
                             IMAGE[:5, :40], IMAGE[4:5, :40]])
  np.testing.assert_allclose(
      found, network.apply(hed()['hed'], mirrored[None])[0, :5], atol=1e-6)


def test_a_picture_s_edges_are_those_of_what_is_known():
  for edge in ('canny:sigma=1-3', 'none'):
    guide = wanted(edge)
    found = guide.of_picture({}, IMAGE, HOLE)
    assert found.keys() == {'known_edge'}
    np.testing.assert_array_equal(
        found['known_edge'][..., 0], edges.parse(edge).find(IMAGE, hole=HOLE))
    np.testing.assert_array_equal(
        guide.of_picture({}, OTHER, HOLE)['known_edge'], found['known_edge'])
    np.testing.assert_array_equal(
        guide.of_picture({}, IMAGE, None)['known_edge'][..., 0],
        edges.parse(edge).find(IMAGE))


@pytest.mark.parametrize('edge', ['files:{0}', 'canny', 'hed', 'none'])
def test_an_edge_map_takes_the_place_of_edges_that_would_be_found(
    edge, drawn, calls):
  edge_map, folder = drawn
  guide = wanted(edge.format(folder))
  found = guide.of_picture({}, IMAGE, HOLE, edge_map)
  assert found.keys() == {'known_edge', 'true_edge'}
  np.testing.assert_array_equal(found['true_edge'][..., 0], edge_map)
  np.testing.assert_array_equal(
      found['known_edge'][..., 0], np.where(HOLE, 0, edge_map))
  for array in found.values():
    assert array.dtype == np.float32
  whole = guide.of_picture({}, IMAGE, None, edge_map)
  for key in ('known_edge', 'true_edge'):
    np.testing.assert_array_equal(whole[key][..., 0], edge_map)
  assert not calls


def test_a_map_is_thinned_where_the_picture_is_known_and_kept_in_the_hole(
    drawn):
  edge_map, folder = drawn
  guide = wanted(f'thinned:sigma=1:files:{folder}')
  found = guide.of_picture({}, IMAGE, HOLE, edge_map)
  known = edge_map * edges.canny(IMAGE, 1, ~HOLE)
  assert known.any()
  np.testing.assert_array_equal(found['known_edge'][..., 0], known)
  np.testing.assert_array_equal(
      found['true_edge'][..., 0], np.where(HOLE, edge_map, known))
  # Canny has not looked into the hole.
  changed = guide.of_picture({}, OTHER, HOLE, edge_map)
  for key in found:
    np.testing.assert_array_equal(changed[key], found[key])
  np.testing.assert_array_equal(
      guide.of_picture({}, IMAGE, None, edge_map)['true_edge'][..., 0],
      edge_map * edges.canny(IMAGE, 1))


@pytest.mark.parametrize('edge', ['files:{0}', 'hed'])
def test_a_picture_s_edges_are_cut_in_the_middle_of_the_range(
    edge, drawn, calls):
  edge_map, folder = drawn
  guide = wanted(edge.format(folder), edge_cut=(0.4, 0.6))
  found = guide.of_picture({}, IMAGE, HOLE, edge_map)
  assert set(np.unique(found['true_edge'])) == {0, 1}
  np.testing.assert_array_equal(found['true_edge'][..., 0], edge_map > 0.5)
  np.testing.assert_array_equal(
      found['known_edge'][..., 0], (edge_map > 0.5) & ~HOLE)
  assert not calls


@pytest.mark.parametrize('edge', ['files:{0}', 'thinned:files:{0}'])
def test_a_picture_without_a_map_says_what_to_give(edge, drawn):
  with pytest.raises(UsageError, match=(
      r'come from files; give edge maps, --edge=files:PATH, or a detector, '
      r'--edge=canny')) as raised:
    wanted(edge.format(drawn[1])).of_picture({}, IMAGE, HOLE)
  assert '\n' not in str(raised.value)


def test_data_without_edges_have_none_for_a_picture():
  with pytest.raises(ValueError, match=r'data\.edge is empty'):
    wanted('').of_picture({}, IMAGE, HOLE)
