"""Edge maps: scikit-image's Canny, and nothing of what is in the hole."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from skimage import data as photographs
from skimage import feature

from jinpaint.data import edges, files
from jinpaint.data.examples import Data, Examples
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance

DATA = dict(
    source='photos', eval_source='', size=64, crop='random', scales=(0.3, 0.6),
    precrop=0, flip=True, noise=0.1, mask='block', mask_ratio=(),
    mask_pairing='random', mask_hole='white', workers=0, max_bad_images=10)
PHOTO = photographs.chelsea()[100:196, 120:240]
HOLE = np.zeros(PHOTO.shape[:2], np.uint8)
HOLE[20:60, 30:90] = 1


def reference(image, sigma, known=None):
  """scikit-image's, of a uint8 image."""
  gray = image / 255 @ (0.2125, 0.7154, 0.0721)
  return feature.canny(gray, sigma, mask=known)


def examples(edge, *, training=False, names=(), seed=0, **changes):
  data = Data(**DATA | {'edge': edge} | changes)
  return Examples(data, seed=seed, training=training, names=names,
                  guidance=Guidance(data, training=training))


def shown(example):
  """The image and the hole of an example, as edges are made of them."""
  return (np.rint(example['image'] * 255).astype(np.uint8),
          example['mask'][..., 0])


def write(path, pixels):
  files.write(path, files.Picture(pixels))
  return path


@pytest.fixture
def maps(tmp_path):
  """A soft edge map for PHOTO, named photo.jpg."""
  pixels = np.random.default_rng(0).integers(
      256, size=PHOTO.shape[:2], dtype=np.uint8)
  write(tmp_path / 'maps/deep/photo.png', pixels)
  return tmp_path / 'maps', pixels


# Canny


@pytest.mark.parametrize('sigma', [1, 1.9, 2, 3])
@pytest.mark.parametrize('known', [None, HOLE == 0])
def test_edges_are_those_of_scikit_image(sigma, known):
  found = edges.canny(PHOTO, sigma, known)
  assert found.dtype == np.float32
  assert found.sum() > 100
  np.testing.assert_array_equal(found, reference(PHOTO, sigma, known))
  np.testing.assert_array_equal(
      edges.canny(PHOTO.astype(np.float32) / 255, sigma, known), found)


@pytest.mark.parametrize('sigma', [1, 3])
def test_pixels_in_the_hole_have_no_influence(sigma):
  known = HOLE == 0
  found = edges.canny(PHOTO, sigma, known)
  assert found.sum() > 100
  assert not found[HOLE == 1].any()
  for value in (0, 1, np.nan, np.random.default_rng(0).random(PHOTO.shape)):
    other = np.where(known[..., None], PHOTO / 255, value)
    np.testing.assert_array_equal(edges.canny(other, sigma, known), found)
  # Whereas the whole image's edges, cut at the hole, tell of it.
  black = PHOTO * known[..., None]
  assert (edges.canny(black, sigma) != edges.canny(PHOTO, sigma))[known].any()


@pytest.mark.parametrize('shape', [(1, 1), (1, 9), (2, 2), (3, 40)])
@pytest.mark.parametrize('hole', [None, 0, 1])
def test_images_of_any_size_and_holes_of_any_share_have_edges(shape, hole):
  image = np.full((*shape, 3), 99, np.uint8)
  hole = hole if hole is None else np.full(shape, hole)
  found = edges.parse('canny').find(image, hole=hole)
  assert found.shape == shape
  assert not found.any()


# Examples


@pytest.mark.parametrize(('edge', 'training', 'keys'), [
    ('', True, set()), ('', False, set()),
    ('canny', True, {'true_edge'}),
    ('canny', False, {'true_edge', 'known_edge'}),
    ('canny:hole=cut', True, {'true_edge'}),
    ('canny:hole=masked', True, {'true_edge', 'known_edge'}),
    ('canny:hole=masked', False, {'true_edge', 'known_edge'}),
    ('none', True, {'true_edge'}),
    ('none', False, {'true_edge', 'known_edge'})])
def test_an_example_has_the_edges_that_the_table_of_keys_says(
    edge, training, keys):
  made = examples(edge, training=training)
  example = made.make(PHOTO, 0, 0)
  assert example.keys() == made.shapes.keys()
  assert {key for key in example if 'edge' in key} == keys
  for key in keys:
    assert example[key].shape == made.shapes[key] == (64, 64, 1)
    assert example[key].dtype == np.float32
    assert example[key].any() == (edge != 'none')


@pytest.mark.parametrize('training', [True, False])
def test_edges_are_those_of_the_image_as_it_is_cropped_and_flipped(training):
  made = examples('canny:sigma=1.9:hole=masked', training=training)
  for index in range(6):
    example = made.make(PHOTO, 0, index)
    image, hole = shown(example)
    np.testing.assert_array_equal(
        example['true_edge'][..., 0], reference(image, 1.9))
    np.testing.assert_array_equal(
        example['known_edge'][..., 0], reference(image, 1.9, hole == 0))


@pytest.mark.parametrize('training', [True, False])
def test_a_drawn_sigma_is_any_of_the_range_and_one_for_both_maps(training):
  view = dict(training=training, crop='center', size=96, flip=False)
  made = examples('canny:sigma=1-4:hole=masked', **view)
  found = []
  for index in range(40):
    example = made.make(PHOTO, 0, index)
    image, hole = shown(example)
    fits = [sigma for sigma in range(6) if all(
        (example[key][..., 0] == reference(image, sigma, known)).all()
        for key, known in (('true_edge', None), ('known_edge', hole == 0)))]
    assert len(fits) == 1
    found += fits
  assert {1, 2, 3, 4} == set(found)
  assert min(map(found.count, found)) >= 3
  # The seed and the index decide, whatever came before.
  drawn = lambda seed: examples('canny:sigma=1-4', seed=seed, **view).make(
      PHOTO, 0, 39)['true_edge']
  np.testing.assert_array_equal(drawn(0), example['true_edge'])
  assert len({drawn(seed).sum() for seed in range(12)}) == 4


def test_edges_move_no_other_choice():
  for training in (True, False):
    plain, drawn = (examples(edge, training=training).make(PHOTO, 2, 5)
                    for edge in ('', 'canny:sigma=1-4'))
    for key in plain:
      np.testing.assert_array_equal(plain[key], drawn[key])


@pytest.mark.parametrize('spec', ['hed', 'hed:hole=masked'])
def test_an_example_has_no_edges_where_a_network_finds_them(spec):
  for training in (True, False):
    made = examples(spec, training=training).make(PHOTO, 0, 0)
    assert not {'true_edge', 'known_edge'} & made.keys()
  hed = edges.parse(spec)
  assert hed.by_network
  assert hed.masked == spec.endswith('masked')
  # Not a map without edges, but an error.
  with pytest.raises(ValueError, match='found on the device'):
    hed.find(PHOTO)


@pytest.mark.parametrize('spec', ['canny', 'none', 'hed'])
def test_data_with_edges_are_not_made_without_what_makes_the_edges(spec):
  with pytest.raises(ValueError, match=r'give .* a jinpaint\.guidance'):
    Examples(Data(**DATA | {'edge': spec}), seed=0, training=True)


def test_evaluation_knows_edges_cut_at_the_hole_where_asked_to():
  made = examples('canny:hole=masked', eval_edge='cut').make(PHOTO, 0, 0)
  assert 'known_edge' not in made  # it is cut out of `true_edge` on the device
  assert 'known_edge' in examples('canny:hole=masked', training=True,
                                  eval_edge='cut').make(PHOTO, 0, 0)
  with pytest.raises(UsageError, match=r'data\.eval_edge "cot"; did you mean'):
    examples('canny', eval_edge='cot')


def test_known_edges_tell_nothing_of_the_hole():
  whole = dict(crop='center', size=96, flip=False)
  made = examples('canny:sigma=1-4', **whole)
  example = made.make(PHOTO, 0, 0)
  _, hole = shown(example)
  other = PHOTO.copy()
  other[:, 12:-12][hole == 1] = 255 - other[:, 12:-12][hole == 1]
  changed = made.make(other, 0, 0)
  assert (changed['true_edge'] != example['true_edge']).any()
  np.testing.assert_array_equal(changed['known_edge'], example['known_edge'])
  assert example['known_edge'].any()
  assert not example['known_edge'][hole == 1].any()


# Files


def test_edge_files_are_cropped_resized_and_flipped_with_their_photograph(maps):
  root, pixels = maps
  photo = np.dstack([pixels] * 3)
  made = examples(f'files:{root}', training=True, names=('photo.jpg',))
  unflipped = examples(f'files:{root}', training=True, names=('photo.jpg',),
                       flip=False)
  flips = 0
  for epoch in range(8):
    example = made.make(photo, epoch, 0)
    # The photograph shows its edges.
    np.testing.assert_allclose(
        example['true_edge'], example['image'][..., :1], atol=1.01 / 255)
    plain = unflipped.make(photo, epoch, 0)['true_edge']
    flips += (plain != example['true_edge']).any()
    np.testing.assert_array_equal(
        example['true_edge'], plain if (plain == example['true_edge']).all()
        else plain[:, ::-1])
  assert 0 < flips < 8
  assert len(np.unique(example['true_edge'])) > 50  # soft


def test_known_edges_from_files_are_cut_at_the_hole(maps):
  example = examples(f'files:{maps[0]}', names=('photo.jpg',)).make(PHOTO, 0, 0)
  assert example['known_edge'].any()
  np.testing.assert_array_equal(
      example['known_edge'], example['true_edge'] * (1 - example['mask']))


def test_thinned_edges_are_those_of_files_where_canny_finds_one(maps):
  names = ('photo.jpg',)
  soft = examples(f'files:{maps[0]}', names=names).make(PHOTO, 0, 0)
  thinned = examples(f'thinned:sigma=1.9:files:{maps[0]}', names=names).make(
      PHOTO, 0, 0)
  image, hole = shown(soft)
  assert thinned['known_edge'].any()
  for key, known in (('true_edge', None), ('known_edge', hole == 0)):
    np.testing.assert_array_equal(
        thinned[key][..., 0],
        soft['true_edge'][..., 0] * reference(image, 1.9, known))


def test_grey_levels_of_files_are_kept_in_any_format(tmp_path):
  ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
  for name, pixels in (('grey', ramp), ('rgb', np.dstack([ramp] * 3)),
                       ('deep', ramp.astype(np.uint16) * 257)):
    write(tmp_path / f'{name}.png', pixels)
    grey = edges.parse(f'files:{tmp_path}')
    file = grey.maps.read(f'x/{name}.jpg', edges.read_map, 16, 16)
    np.testing.assert_array_equal(file, ramp)
    np.testing.assert_array_equal(
        grey.find(np.zeros((16, 16, 3), np.uint8), drawn=file / 255),
        (ramp / 255).astype(np.float32))
    with pytest.raises(ValueError, match='come from files; give the map'):
      grey.find(np.zeros((16, 16, 3), np.uint8))


def test_paths_may_hold_anything(tmp_path, monkeypatch):
  for name in ('a:files:b', 'x:thinned', 'c+canny:sigma=2', 'canny'):
    path = write(tmp_path / name / 'm.png', np.zeros((4, 4), np.uint8))
    for kind in ('', 'thinned:', 'thinned:sigma=1-4:hole=masked:'):
      wanted = edges.parse(f'{kind}files:{path.parent}')
      assert wanted.maps.root == path.parent
      assert bool(wanted.sigmas) == bool(kind)
  monkeypatch.setenv('HOME', str(tmp_path))
  edges.parse('files:~/canny').maps.check(['m.jpg'])


def test_a_photograph_without_a_fitting_edge_file_is_named(maps):
  root, _ = maps
  for spec in (f'files:{root}', f'thinned:files:{root}'):
    with pytest.raises(UsageError, match=(
        rf'no edge maps named b for the image a/b.jpg in {root}')):
      examples(spec, names=('photo.jpg', 'a/b.jpg'))
    with pytest.raises(UsageError, match=f'no names .* edge maps in {root}'):
      examples(spec)
    made = examples(spec, names=('photo.jpg',))
    with pytest.raises(UsageError, match=(
        r'photo.png is 96 x 120, its photograph 96 x 119')):
      made.make(PHOTO[:, 1:], 0, 0)
  path = root / 'deep/photo.png'
  path.write_bytes(path.read_bytes()[:200])
  with pytest.raises(UsageError, match=f'cannot read the edge map {path}'):
    made.make(PHOTO, 0, 0)


# Pictures at inference, where nothing draws a sigma


@pytest.mark.parametrize(('spec', 'sigma'), [
    ('canny', 2), ('canny:sigma=1.9', 1.9), ('canny:sigma=1-3', 2),
    ('canny:sigma=1-4', 2), ('canny:sigma=3-4:hole=cut', 4),
    ('canny:sigma=3:hole=masked', 3)])
@pytest.mark.parametrize('image', [PHOTO, np.float32(PHOTO / 255)])
def test_without_a_generator_sigma_is_the_middle_of_its_range(
    spec, sigma, image):
  known = edges.parse(spec).find(image, hole=HOLE.astype(bool))
  assert known.dtype == np.float32
  np.testing.assert_array_equal(known, reference(PHOTO, sigma, HOLE == 0))


def test_an_image_has_no_edges_where_a_system_is_to_see_none():
  found = edges.parse('none').find(PHOTO, hole=HOLE)
  assert found.shape == HOLE.shape
  assert found.dtype == np.float32
  assert not found.any()


# Wrong words


@pytest.mark.parametrize(('spec', 'says'), [
    ('', 'unknown kind of edges ""; there are: canny, files, hed, none, '
     'thinned'),
    ('cany', 'unknown kind of edges "cany"; did you mean "canny"'),
    ('file:x', 'did you mean "files"'),
    ('files', 'cannot read the edges "files"; write files:PATH'),
    ('files:', 'cannot read the edges "files:"; write files:PATH'),
    ('thinned', 'cannot read the edges "thinned"; write thinned:files:PATH'),
    ('thinned:x', 'cannot read the edges "thinned:x"; write thinned:files:'),
    ('canny:files:x',
     'unknown option of canny "files"; there are: hole, sigma'),
    ('files:nowhere', 'there is no folder nowhere'),
    ('files:~no_such_user', 'there is no folder ~no_such_user'),
    ('thinned:files:nowhere', 'there is no folder nowhere'),
    ('canny:sgma=2', 'unknown option of canny "sgma"; did you mean "sigma"'),
    ('thinned:low=1:files:x', 'unknown option of thinned "low"'),
    ('none:sigma=2', 'cannot read the edges "none:sigma=2"; nothing may follow '
     '"none"'),
    ('canny:hole=mask', 'cannot read "hole=mask" of the edges "canny:hole=mask"'
     '; write hole=cut or hole=masked'),
    *((f'canny:sigma={text}', f'cannot read "sigma={text}" of the edges '
       f'"canny:sigma={text}"; write sigma=1.9, a number above 0, or sigma=1-4')
      for text in ('', '0', '-1', '0-4', '4-1', '1.5-2', '1-2-3', 'nan', '2x')),
    ('canny:sigma', 'cannot read "sigma="')])
def test_edges_that_cannot_be_read_are_one_clear_line(spec, says):
  with pytest.raises(UsageError) as raised:
    examples(spec) if spec else edges.parse(spec)
  assert says in str(raised.value)
  assert '\n' not in str(raised.value)


# Processes


def test_what_finds_edges_can_be_sent_to_another_process(maps):
  thinned = edges.parse(f'thinned:sigma=1-4:files:{maps[0]}')
  found = [wanted.find(PHOTO, rng=np.random.default_rng(3), drawn=maps[1] / 255)
           for wanted in (thinned, pickle.loads(pickle.dumps(thinned)))]
  np.testing.assert_array_equal(*found)
  assert found[0].any()


def test_edges_need_no_accelerator_and_scikit_image_only_when_asked_for():
  subprocess.run(
      [sys.executable, '-c', 'import sys, jinpaint.data.examples\n'
       'assert not {"jax", "tensorflow", "skimage"} & set(sys.modules)\n'
       'jinpaint.data.edges.parse("canny")\n'
       'assert not {"jax", "tensorflow"} & set(sys.modules)'], check=True)
