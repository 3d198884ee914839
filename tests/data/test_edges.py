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
  return Examples(Data(**DATA | {'edge': edge} | changes), seed=seed,
                  training=training, names=names)


def seen(example):
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
  found = edges.parse('canny')(None, image, hole=hole)
  assert found.shape == shape
  assert not found.any()


# Examples


@pytest.mark.parametrize(('edge', 'training', 'keys'), [
    ('', True, set()), ('', False, set()),
    ('canny', True, {'edge'}), ('canny', False, {'edge', 'known_edge'}),
    ('canny:hole=cut', True, {'edge'}),
    ('canny:hole=masked', True, {'edge', 'known_edge'}),
    ('canny:hole=masked', False, {'edge', 'known_edge'}),
    ('none', True, {'edge'}), ('none', False, {'edge', 'known_edge'})])
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
    image, hole = seen(example)
    np.testing.assert_array_equal(
        example['edge'][..., 0], reference(image, 1.9))
    np.testing.assert_array_equal(
        example['known_edge'][..., 0], reference(image, 1.9, hole == 0))


@pytest.mark.parametrize('training', [True, False])
def test_a_drawn_sigma_is_any_of_the_range_and_one_for_both_maps(training):
  view = dict(training=training, crop='center', size=96, flip=False)
  made = examples('canny:sigma=1-4:hole=masked', **view)
  found = []
  for index in range(40):
    example = made.make(PHOTO, 0, index)
    image, hole = seen(example)
    fits = [sigma for sigma in range(6) if all(
        (example[key][..., 0] == reference(image, sigma, known)).all()
        for key, known in (('edge', None), ('known_edge', hole == 0)))]
    assert len(fits) == 1
    found += fits
  assert {1, 2, 3, 4} == set(found)
  assert min(map(found.count, found)) >= 3
  # The seed and the index decide, whatever came before.
  drawn = lambda seed: examples('canny:sigma=1-4', seed=seed, **view).make(
      PHOTO, 0, 39)['edge']
  np.testing.assert_array_equal(drawn(0), example['edge'])
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
    assert not {'edge', 'known_edge'} & made.keys()
  assert edges.parse(spec).masked == spec.endswith('masked')
  with pytest.raises(UsageError, match=f'"{spec}" come from a network; give'):
    edges.of_pictures(spec)


def test_evaluation_knows_edges_cut_at_the_hole_where_asked_to():
  made = examples('canny:hole=masked', eval_edge='cut').make(PHOTO, 0, 0)
  assert 'known_edge' not in made  # the system cuts `edge`
  assert 'known_edge' in examples('canny:hole=masked', training=True,
                                  eval_edge='cut').make(PHOTO, 0, 0)
  with pytest.raises(UsageError, match=r'data\.eval_edge "cot"; did you mean'):
    examples('canny', eval_edge='cot')


def test_known_edges_tell_nothing_of_the_hole():
  whole = dict(crop='center', size=96, flip=False)
  made = examples('canny:sigma=1-4', **whole)
  example = made.make(PHOTO, 0, 0)
  _, hole = seen(example)
  other = PHOTO.copy()
  other[:, 12:-12][hole == 1] = 255 - other[:, 12:-12][hole == 1]
  changed = made.make(other, 0, 0)
  assert (changed['edge'] != example['edge']).any()
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
        example['edge'], example['image'][..., :1], atol=1.01 / 255)
    plain = unflipped.make(photo, epoch, 0)['edge']
    flips += (plain != example['edge']).any()
    np.testing.assert_array_equal(
        example['edge'], plain if (plain == example['edge']).all()
        else plain[:, ::-1])
  assert 0 < flips < 8
  assert len(np.unique(example['edge'])) > 50  # soft


def test_known_edges_from_files_are_cut_at_the_hole(maps):
  example = examples(f'files:{maps[0]}', names=('photo.jpg',)).make(PHOTO, 0, 0)
  assert example['known_edge'].any()
  np.testing.assert_array_equal(
      example['known_edge'], example['edge'] * (1 - example['mask']))


def test_thinned_edges_are_those_of_files_where_canny_finds_one(maps):
  names = ('photo.jpg',)
  soft = examples(f'files:{maps[0]}', names=names).make(PHOTO, 0, 0)
  thinned = examples(f'thinned:sigma=1.9:files:{maps[0]}', names=names).make(
      PHOTO, 0, 0)
  image, hole = seen(soft)
  assert thinned['known_edge'].any()
  for key, known in (('edge', None), ('known_edge', hole == 0)):
    np.testing.assert_array_equal(
        thinned[key][..., 0],
        soft['edge'][..., 0] * reference(image, 1.9, known))


def test_grey_levels_of_files_are_kept_in_any_format(tmp_path):
  ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
  for name, pixels in (('grey', ramp), ('rgb', np.dstack([ramp] * 3)),
                       ('deep', ramp.astype(np.uint16) * 257)):
    write(tmp_path / f'{name}.png', pixels)
    maker = edges.parse(f'files:{tmp_path}')
    soft = maker.read(f'x/{name}.jpg', 16, 16)
    np.testing.assert_array_equal(soft, ramp)
    np.testing.assert_allclose(
        maker(None, np.zeros((16, 16, 3), np.uint8), soft=soft),
        ramp / 255, rtol=1e-6)


def test_paths_may_hold_anything(tmp_path, monkeypatch):
  for name in ('a:files:b', 'x:thinned', 'c+canny:sigma=2', 'canny'):
    path = write(tmp_path / name / 'm.png', np.zeros((4, 4), np.uint8))
    for kind in ('', 'thinned:', 'thinned:sigma=1-4:hole=masked:'):
      maker = edges.parse(f'{kind}files:{path.parent}')
      assert maker.maps.root == path.parent
      assert bool(maker.sigmas) == bool(kind)
  monkeypatch.setenv('HOME', str(tmp_path))
  edges.parse('files:~/canny').check(['m.jpg'])


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


# Pictures at inference


@pytest.mark.parametrize(('spec', 'sigma'), [
    ('canny', 2), ('canny:sigma=1.9', 1.9), ('canny:sigma=1-3', 2),
    ('canny:sigma=1-4', 2), ('canny:sigma=3-4:hole=cut', 4),
    ('canny:sigma=3:hole=masked', 3)])
@pytest.mark.parametrize('image', [PHOTO, np.float32(PHOTO / 255)])
def test_a_picture_has_the_edges_outside_its_hole(spec, sigma, image):
  known = edges.of_pictures(spec)(image, HOLE.astype(bool))
  assert known.dtype == np.float32
  np.testing.assert_array_equal(known, reference(PHOTO, sigma, HOLE == 0))


def test_a_picture_has_no_edges_where_a_system_is_to_see_none():
  assert not edges.of_pictures('none')(PHOTO, HOLE).any()


@pytest.mark.parametrize('spec', ['files:nowhere', 'thinned:files:nowhere'])
def test_a_picture_has_no_edges_where_they_come_from_files(spec):
  with pytest.raises(UsageError, match=f'"{spec}" come from files; give one'):
    edges.of_pictures(spec)


# Wrong words


@pytest.mark.parametrize(('spec', 'says'), [
    ('', 'unknown kind of edges ""; there are: canny, files, hed, none, '
     'thinned'),
    ('cany', 'unknown kind of edges "cany"; did you mean "canny"'),
    ('file:x', 'did you mean "files"'),
    ('files', 'cannot read the edges "files"; those from files are files:PATH'),
    ('files:', 'cannot read the edges "files:"'),
    ('thinned', 'cannot read the edges "thinned"'),
    ('thinned:x', 'cannot read the edges "thinned:x"'),
    ('canny:files:x', 'cannot read the edges "canny:files:x"'),
    ('files:nowhere', 'there is no folder nowhere'),
    ('thinned:files:nowhere', 'there is no folder nowhere'),
    ('canny:sgma=2', 'unknown option of canny "sgma"; did you mean "sigma"'),
    ('thinned:low=1:files:x', 'unknown option of thinned "low"'),
    ('none:sigma=2', 'unknown option of none "sigma"; there are: none'),
    ('canny:hole=mask', 'value of hole "mask"; did you mean "masked"'),
    *((f'canny:sigma={text}', f'sigma is "{text}"; it must be a number above 0')
      for text in ('', '0', '-1', '0-4', '4-1', '1.5-2', '1-2-3', 'nan', '2x')),
    ('canny:sigma', 'sigma is ""')])
def test_edges_that_cannot_be_read_are_one_clear_line(spec, says):
  with pytest.raises(UsageError) as raised:
    examples(spec) if spec else edges.parse(spec)
  assert says in str(raised.value)
  assert '\n' not in str(raised.value)


# Processes


def test_a_maker_can_be_sent_to_another_process(maps):
  maker = edges.parse(f'thinned:sigma=1-4:files:{maps[0]}')
  found = [make(np.random.default_rng(3), PHOTO, soft=maps[1])
           for make in (maker, pickle.loads(pickle.dumps(maker)))]
  np.testing.assert_array_equal(*found)


def test_edges_need_no_accelerator_and_scikit_image_only_when_asked_for():
  subprocess.run(
      [sys.executable, '-c', 'import sys, jinpaint.data.examples\n'
       'assert not {"jax", "tensorflow", "skimage"} & set(sys.modules)\n'
       'jinpaint.data.edges.parse("canny")\n'
       'assert not {"jax", "tensorflow"} & set(sys.modules)'], check=True)
