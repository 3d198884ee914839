"""Sketches are simulated as published, and read from files as drawn."""

import subprocess
import sys

import cv2
import golden_files
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint import guidance
from jinpaint.data import edges, files, sketches
from jinpaint.data.examples import Data, Examples
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance


def recorded(name):
  with np.load(golden_files.FOLDER / 'golden_deform.npz') as arrays:
    return arrays[name]


def uniform(seed, *shape):
  return np.random.RandomState(seed).rand(*shape).astype(np.float32)


def published_field():
  normal = np.stack([np.random.RandomState(seed).standard_normal((10, 10))
                     for seed in (40, 41)], axis=-1)
  return sketches.displacements(normal, 20, (64, 64))


@pytest.mark.parametrize('xp', [np, jnp])
def test_maps_are_bent_as_published(xp):
  image = (uniform(42, 64, 64) > 0.7).astype(np.float32)[None, ..., None]
  field = published_field()[None]
  bent = sketches.deform(xp.asarray(image), xp.asarray(field), xp)
  assert isinstance(bent, np.ndarray) == (xp is np)
  np.testing.assert_allclose(np.asarray(bent)[..., 0], recorded('out')[:, 0],
                             atol=1e-5)


def test_several_maps_are_bent_each_by_its_own_field():
  maps = uniform(0, 2, 24, 40, 3)
  rng = np.random.default_rng(0)
  fields = np.stack([sketches.displacements(
      rng.standard_normal((10, 10, 2)), 9, (24, 40)) for _ in range(2)])
  together = sketches.deform(maps, fields)
  for i in range(2):
    for channel in range(3):
      np.testing.assert_array_equal(
          sketches.deform(maps[i:i + 1, ..., channel:channel + 1],
                          fields[i:i + 1])[0, ..., 0],
          together[i, ..., channel])
  np.testing.assert_allclose(
      sketches.deform(jnp.asarray(maps), jnp.asarray(fields), jnp), together,
      atol=1e-5)


def test_displacements_of_zero_scale_a_map_and_let_zeros_in():
  still = np.zeros((1, 10, 10, 2), np.float32)
  ones = sketches.deform(np.ones((1, 32, 32, 1), np.float32), still)[0, ..., 0]
  np.testing.assert_allclose(ones[1:-1, 1:-1], 1, rtol=1e-5)
  np.testing.assert_allclose(ones[0, 1:-1], 0.5, rtol=1e-4)
  assert ones[0, 0] == pytest.approx(0.25, rel=1e-4)
  # Pixel i shows i N / (N - 1) - 1 / 2.
  ramp = np.tile(np.arange(32, dtype=np.float32), (32, 1))[None, ..., None]
  np.testing.assert_allclose(
      sketches.deform(ramp, still)[0, 5, 1:-1, 0],
      np.arange(1, 31) * 32 / 31 - 0.5, rtol=1e-4)


@pytest.mark.parametrize(('move', 'deviation'), [
    (20, 4.0), (30, 5.7), (65, 11.7), (100, 16.7)])
def test_displacements_are_as_large_as_published(move, deviation):
  rng = np.random.default_rng(0)
  place, moved = np.linspace(-1, 1, 256), []
  for _ in range(60):
    field = sketches.displacements(
        rng.standard_normal((10, 10, 2)), move, (256, 256))
    assert abs(field).max() <= move / 128 + 1e-6
    across = cv2.resize(field, (256, 256))[..., 0]
    over = np.clip(place + across, -1, 1) - place  # but not over the border
    moved.append(128 * over.std())
  assert np.mean(moved) == pytest.approx(deviation, rel=0.12)


def test_a_displacement_is_in_pixels_of_either_axis():
  normal = np.full((10, 10, 2), 0.5)
  field = sketches.displacements(normal, 8, (32, 64))
  np.testing.assert_allclose(field[..., 0] * 32, 4, rtol=1e-5)  # half the width
  np.testing.assert_allclose(field[..., 1] * 16, 4, rtol=1e-5)


def test_the_largest_displacement_grows_with_the_image():
  simulated = sketches.parse('simulated:move=60')
  small, large = (simulated.field(np.random.default_rng(3), size, size)
                  for size in (64, 256))
  np.testing.assert_allclose(small, large, atol=1e-7)


def test_threads_find_what_thins_imported_already():
  subprocess.run(
      [sys.executable, '-c', 'import sys\n'
       'from jinpaint.data import sketches\n'
       'sketches.parse("simulated")\n'
       'assert "skimage" not in sys.modules\n'
       'sketches.parse("simulated:thin=yes")\n'
       'assert "skimage.morphology._skeletonize" in sys.modules'], check=True)


def test_thinned_lines_are_a_pixel_wide():
  edge = np.zeros((20, 20), np.float32)
  edge[5:10] = 1
  thin = sketches.thinned(edge)
  assert set(np.unique(thin)) == {0, 1}
  assert thin[:, 10].sum() == 1
  bent = sketches.parse('simulated:move=0:thin=yes').simulate(
      np.random.default_rng(0), edge)
  assert bent[:, 10].sum() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(('spec', 'message'), [
    ('bent', 'unknown kind of sketches "bent"'),
    ('simulated:moves=3', 'unknown option of simulated "moves"; did you mean '
     '"move"'),
    ('simulated:move=x',
     'cannot read "move=x" .* write move=65 or move=30-100'),
    ('simulated:move=9-3', 'cannot read "move=9-3" .* write move=65 or'),
    ('simulated:thin=1', 'cannot read "thin=1" .* write thin=yes or thin=no'),
    ('files', 'cannot read the sketches "files"; write files:PATH'),
    ('none:3', 'cannot read the sketches "none:3"; nothing may follow "none"')])
def test_a_misspelt_kind_is_one_line(spec, message):
  with pytest.raises(UsageError, match=message) as error:
    sketches.parse(spec)
  assert '\n' not in str(error.value)


# --- examples ---


def data(**changes):
  return Data(**{**dict(
      source='photos', eval_source='', size=32, crop='squash',
      scales=(1.0, 1.0), precrop=0, flip=False, noise=0.0, mask='strokes',
      mask_ratio=(), mask_pairing='random', mask_hole='white', edge='canny',
      workers=0, max_bad_images=0, sketch='simulated'), **changes})


def examples(*, seed=0, names=(), **changes):
  """Training examples with all that their data ask for."""
  wanted = data(**changes)
  return Examples(wanted, seed=seed, training=True, names=names,
                  guidance=Guidance(wanted, training=True))


def photograph():
  y, x = np.mgrid[:40, :50]
  return np.repeat(np.uint8(((x // 9 + y // 7) % 2) * 200)[..., None], 3, -1)


def test_examples_have_the_bent_edges_of_the_image():
  made = examples(seed=1).make(photograph(), 0, 0)
  assert made['sketch'].shape == (32, 32, 1)
  assert 0 < made['sketch'].max() <= 1
  assert (made['sketch'] != made['true_edge']).any()
  again, other = (examples(seed=1).make(photograph(), 0, index)['sketch']
                  for index in (0, 1))
  np.testing.assert_array_equal(again, made['sketch'])
  assert (other != made['sketch']).any()


def test_edges_that_a_network_finds_are_bent_on_the_device_alike(monkeypatch):
  inside = examples(seed=1, edge_cut=(0.4, 0.6))
  found = inside.make(photograph(), 0, 0)
  outside = examples(seed=1, edge='hed', edge_cut=(0.4, 0.6))
  assert {'bend', 'edge_cut'} <= outside.shapes.keys()
  assert not {'true_edge', 'sketch'} & outside.shapes.keys()
  made = outside.make(photograph(), 0, 0)
  assert 0.4 <= made['edge_cut'].item() <= 0.6
  soft = np.where(found['true_edge'] == 1, made['edge_cut'] + 1e-3,
                  made['edge_cut'] - 1e-3)
  monkeypatch.setattr(guidance, '_hed', lambda nets, image: soft[None])
  batch = {key: jnp.asarray(array)[None] for key, array in made.items()}
  complete = Guidance(data(edge='hed', edge_cut=(0.4, 0.6)), training=True
                      ).on_device({'hed': {}}, batch)
  np.testing.assert_array_equal(complete['true_edge'][0], found['true_edge'])
  np.testing.assert_allclose(complete['sketch'][0], found['sketch'], atol=1e-5)
  assert not {'bend', 'edge_cut'} & complete.keys()


def test_soft_edges_are_cut_between_the_two_numbers(tmp_path):
  ramp = np.tile(np.linspace(0, 255, 50).astype(np.uint8), (40, 1))
  files.write(tmp_path / 'a.png', files.Picture(ramp))
  options = dict(edge=f'files:{tmp_path}', sketch='none')
  cut = [examples(seed=seed, names=('a.jpg',), edge_cut=(0.65, 0.75), **options
                  ).make(photograph(), 0, 0) for seed in range(20)]
  shares = [example['true_edge'].mean() for example in cut]
  assert set(np.unique(cut[0]['true_edge'])) == {0, 1}
  assert 0.2 < min(shares) < max(shares) < 0.4
  assert not cut[0]['sketch'].any()


def test_sketch_files_go_with_their_photographs(tmp_path):
  drawn = np.zeros((40, 50), np.uint8)
  drawn[:, :20] = 255
  files.write(tmp_path / 'sketches' / 'a.png', files.Picture(drawn))
  spec = f'files:{tmp_path / "sketches"}'
  made = examples(names=('a.jpg',), sketch=spec, flip=True)
  rows = [made.make(photograph(), epoch, 0)['sketch'][0, :, 0]
          for epoch in range(20)]
  expected = np.repeat([1.0, 0.0], [13, 19])  # 20 of 50, at 32
  assert {tuple(row) for row in rows} == {
      tuple(expected), tuple(expected[::-1])}
  with pytest.raises(UsageError, match='no sketches named b'):
    examples(names=('b.jpg',), sketch=spec)
  with pytest.raises(UsageError, match='no names by which to find'):
    examples(sketch=spec)
  with pytest.raises(UsageError, match=r'is 40 x 50, its photograph 39 x 50'):
    made.make(photograph()[:-1], 0, 0)


@pytest.mark.parametrize(('changes', 'message'), [
    (dict(edge=''), 'simulates sketches from edges'),
    (dict(edge='hed', sketch='simulated:thin=yes'), 'thins edges that'),
    (dict(edge_cut=(0.8, 0.7)), 'data.edge_cut is')])
def test_what_does_not_fit_together_is_one_line(changes, message):
  with pytest.raises(UsageError, match=message) as error:
    examples(**changes)
  assert '\n' not in str(error.value)


def test_above_is_strict():
  np.testing.assert_array_equal(edges.above(np.float32([0.5, 0.51]), 0.5),
                                [0, 1])


def test_masks_by_stem_need_photographs_that_have_names(tmp_path):
  files.write(tmp_path / 'a.png', files.Picture(np.zeros((40, 50), np.uint8)))
  options = dict(mask=f'files:{tmp_path}', mask_pairing='stem')
  with pytest.raises(UsageError, match='no names by which to find their masks'):
    examples(**options)
