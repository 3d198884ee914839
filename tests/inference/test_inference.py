"""The inpainter takes any picture and gives every known pixel back."""

from pathlib import Path
import subprocess
import sys

import jax
import numpy as np
import optax
import pytest
import tiny_run

import jinpaint
from jinpaint import inference, runs, systems, training
from jinpaint.configs import edgeconnect
from jinpaint.data import edges, files
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.stage import Sizes, Stage
from jinpaint.types import KEYS

ROOT = Path(__file__).parents[2]
FORMS = [(), (1,), (2,), (3,), (4,)]  # what follows height and width
DTYPES = [np.uint8, np.uint16]


def picture(height, width, *channels, dtype=np.uint8):
  return np.random.default_rng(0).integers(
      np.iinfo(dtype).max, size=(height, width, *channels), endpoint=True,
      dtype=dtype)


def holes(height, width):
  """A block, a line on the border, a lone pixel."""
  mask = np.zeros((height, width), np.uint8)
  mask[height // 4:height // 2 + 1, width // 3:width // 2 + 1] = 1
  mask[-1] = 1
  mask[0, 0] = 1
  return mask


def random_state(stage):
  """Returns a state of random weights, for which nothing is compiled."""
  batch = {key: np.zeros((1, 32, 32, KEYS[key].channels), np.float32)
           for key in stage.keys}
  shapes = training.shapes(
      stage, {name: optax.sgd(1.0) for name in stage.trained}, batch)
  rng = np.random.default_rng(0)
  ones = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), shapes)
  return ones.replace(params=jax.tree.map(
      lambda leaf: rng.uniform(-0.1, 0.1, leaf.shape).astype(leaf.dtype),
      shapes.params))


@pytest.fixture(scope='module')
def network():
  """A system of random weights."""
  stage = systems.stage('pconv_lines', 'inpaint', pretrained=False,
                        widths=(4, 8), adversarial=0.0)
  return inference.Inpainter(stage, random_state(stage).variables)


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return tiny_run.trained(tmp_path_factory.getbasetemp())


@pytest.fixture(scope='module')
def follows_true_edges(tmp_path_factory):
  """The run of EdgeConnect's stage that follows true edges, not trained."""
  config = edgeconnect.get_config('inpaint')
  config.pretrained = 'none'
  config.options.update(width=1 / 16, blocks=1)
  config.data.sketch = 'files:on another machine'  # nobody needs them here
  stage = runs.stage_of(config)
  workdir = tmp_path_factory.mktemp('follows true edges')
  runs.claim(workdir, config)
  with Checkpoints(workdir, keep=1) as saved:
    saved.save(random_state(stage), {'seed': 0, 'position': 0})
  return workdir


def painter(paint, divisor=1, reads=('image', 'mask'), **options):
  """An inpainter that is told what to predict from the batch."""
  stage = Stage({}, {}, (), reads, Sizes(divisor), (),
                lambda nets, batch: {'image': paint(batch)})
  return inference.Inpainter(stage, {}, **options)


def recorded(batch, record):
  """Copies a batch, whose arrays may be traced, into a dict."""
  jax.debug.callback(lambda **arrays: record.update(arrays), **batch)
  return batch['image']


# Known pixels


@pytest.mark.parametrize('size', [
    (1, 1), (1, 50), (7, 300), (32, 32), (33, 31), (513, 257)])
@pytest.mark.parametrize('form', FORMS)
def test_known_pixels_of_any_size_come_back_bit_for_bit(network, size, form):
  dtype = np.uint16 if size in [(7, 300), (33, 31)] else np.uint8
  image, mask = picture(*size, *form, dtype=dtype), holes(*size)
  before = image.copy()
  result = network(image, mask)
  assert (result.shape, result.dtype) == (image.shape, dtype)
  np.testing.assert_array_equal(result[mask == 0], image[mask == 0])
  if form in [(2,), (4,)]:
    np.testing.assert_array_equal(result[..., -1], image[..., -1])
  np.testing.assert_array_equal(image, before)  # nothing is done in place
  if min(size) > 1:
    assert (result[mask == 1] != image[mask == 1]).any()


@pytest.mark.parametrize('dtype', DTYPES)
def test_known_pixels_come_back_whatever_a_system_predicts(dtype):
  image = np.arange(np.iinfo(dtype).max + 1, dtype=np.uint32).astype(dtype)
  image = np.dstack([image.reshape(-1, 32)] * 3)  # every value there is
  mask = np.zeros(image.shape[:2], np.uint8)
  mask[:4] = 1
  for value in (0.5, -3.0, 7.0):
    result = painter(lambda batch, value=value: 0 * batch['image'] + value)(
        image, mask)
    np.testing.assert_array_equal(result[4:], image[4:])
    expected = np.rint(np.clip(value, 0, 1) * np.iinfo(dtype).max)
    np.testing.assert_array_equal(result[:4], expected)


@pytest.mark.parametrize('form', FORMS)
def test_a_mask_without_holes_gives_the_identical_image(network, form):
  image = picture(20, 30, *form)
  result = network(image, np.zeros((20, 30), np.uint8))
  np.testing.assert_array_equal(result, image)
  assert result is not image


@pytest.mark.parametrize('form', FORMS)
def test_an_image_that_is_all_hole_is_filled(network, form):
  image = picture(20, 30, *form)
  result = network(image, np.ones((20, 30), np.uint8))
  assert result.shape == image.shape
  # Nothing of the picture is left, so another one gives the same.
  other = network(255 - image, np.ones((20, 30), np.uint8))
  colours = slice(0, -1) if form in [(2,), (4,)] else slice(None)
  np.testing.assert_array_equal(result[..., colours], other[..., colours])


def test_what_a_hole_hides_changes_nothing(network):
  image, mask = picture(40, 50, 3), holes(40, 50)
  changed = image.copy()
  changed[mask == 1] = 255 - changed[mask == 1]
  np.testing.assert_array_equal(network(image, mask), network(changed, mask))


# What is predicted, and where it goes


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('form', FORMS)
def test_predictions_land_on_their_pixels(dtype, form):
  # The negative, so that a shift, a turn or a wrong range would show.
  image = picture(37, 70, *form, dtype=dtype)
  mask = holes(37, 70)
  result = painter(lambda batch: 1 - batch['image'])(image, mask)
  full = np.iinfo(dtype).max
  expected = np.where(mask.reshape(37, 70, *[1] * len(form)) == 1,
                      full - image, image)
  if form in [(2,), (4,)]:
    expected[..., -1] = image[..., -1]
  # Three shares of grey need not sum up to the same last bit.
  np.testing.assert_allclose(result.astype(int), expected.astype(int),
                             atol=0 if dtype == np.uint8 else 1)


def test_grey_pictures_get_the_luma_of_the_prediction():
  red = painter(lambda batch: 0 * batch['image'] + np.float32([1, 0, 0]))
  result = red(np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8))
  np.testing.assert_array_equal(result, np.full((8, 8), 76))  # 0.299 * 255


def test_a_system_is_given_what_the_table_of_keys_says():
  seen = {}
  image, mask = picture(20, 45, 3), holes(20, 45)
  painter(lambda batch: recorded(batch, seen), divisor=48)(image, mask)
  jax.effects_barrier()
  assert seen['image'].shape == (1, 48, 48, 3)
  assert seen['mask'].shape == (1, 48, 48, 1)
  assert seen['image'].dtype == seen['mask'].dtype == np.float32
  np.testing.assert_allclose(seen['image'][0, :20, :45], image / 255, rtol=1e-6)
  np.testing.assert_array_equal(seen['mask'][0, :20, :45, 0], mask)
  # The padding is the picture's mirror image, its holes included.
  np.testing.assert_array_equal(seen['image'][0, 20:40],
                                seen['image'][0, 19::-1])
  np.testing.assert_array_equal(seen['image'][0, 40:], seen['image'][0, :8])
  np.testing.assert_array_equal(seen['mask'][0, :, 45:],
                                seen['mask'][0, :, 44:41:-1])


def test_images_of_one_size_for_the_networks_share_one_compilation():
  traces = []

  def paint(batch):
    traces.append(batch['image'].shape)
    return batch['image']
  inpaint = painter(paint, divisor=8)
  for size in [(57, 64), (64, 57), (60, 61), (64, 64)]:
    for form in FORMS:
      for dtype in DTYPES:
        inpaint(picture(*size, *form, dtype=dtype), holes(*size))
  assert traces == [(1, 64, 64, 3)]
  inpaint(picture(65, 64), holes(65, 64))
  assert traces[1:] == [(1, 72, 64, 3)]
  inpaint(picture(61, 62), holes(61, 62))  # the first program was kept
  assert len(traces) == 2


# Masks


def test_any_mask_of_two_values_is_read(network):
  image, mask = picture(20, 30, 3), holes(20, 30)
  expected = network(image, mask)
  for same in (mask * np.uint8(255), mask.astype(bool), mask.astype(float),
               mask[..., None], mask * np.uint16(65535)):
    np.testing.assert_array_equal(network(image, same), expected)


@pytest.mark.parametrize(('shape', 'dtype', 'mask', 'message'), [
    ((8, 8, 3), np.float32, np.zeros((8, 8), np.uint8), 'uint8 or uint16'),
    ((8, 8, 3), np.int64, np.zeros((8, 8), np.uint8), 'uint8 or uint16'),
    ((8, 8, 5), np.uint8, np.zeros((8, 8), np.uint8), r'\(8, 8, 5\)'),
    ((1, 8, 8, 3), np.uint8, np.zeros((8, 8), np.uint8), r'\(1, 8, 8, 3\)'),
    ((8,), np.uint8, np.zeros((8,), np.uint8), r'\(8,\)'),
    ((0, 8, 3), np.uint8, np.zeros((0, 8), np.uint8), r'\(0, 8, 3\)'),
    ((8, 8, 3), np.uint8, np.zeros((8, 9), np.uint8), r'not \(8, 9\)'),
    ((8, 9, 3), np.uint8, np.zeros((9, 8), np.uint8), r'not \(9, 8\)'),
    ((8, 8, 3), np.uint8, np.zeros((8, 8, 3), np.uint8), r'not \(8, 8, 3\)'),
    ((8, 8, 3), np.uint8, np.arange(64).reshape(8, 8), 'grey values')])
def test_what_does_not_fit_is_refused(network, shape, dtype, mask, message):
  with pytest.raises(ValueError, match=message):
    network(np.zeros(shape, dtype), mask)


# Edges


def reader(spec, record, *reads, divisor=1, **changes):
  """An inpainter that reads edges and records the batch that it is given."""
  return painter(
      lambda batch: recorded(batch, record), divisor,
      reads=('image', 'mask', *reads),
      guidance=Guidance(Data(edge=spec, **changes), training=False))


def test_a_system_is_given_the_edges_of_what_is_known():
  seen = {}
  image, mask = picture(64, 64, 3), holes(64, 64)
  inpaint = reader('canny:sigma=1-3', seen, 'known_edge')
  assert inpaint.reads_edges
  inpaint(image, mask)
  jax.effects_barrier()
  assert seen.keys() == {'image', 'mask', 'known_edge'}
  np.testing.assert_array_equal(
      seen['known_edge'][0, ..., 0],
      edges.canny(np.float32(image / 255), 2, mask == 0))
  assert seen['known_edge'].any()


def test_a_system_is_given_a_user_s_edge_map():
  seen = {}
  image, mask = picture(20, 45, 3), holes(20, 45)
  edge_map = picture(20, 45)
  reader('canny', seen, 'known_edge', 'true_edge', divisor=16)(
      image, mask, edge_map=edge_map)
  jax.effects_barrier()
  seen = jax.device_get(seen)
  shown = {key: seen[key][0, :20, :45, 0] for key in ('known_edge',
                                                      'true_edge')}
  np.testing.assert_allclose(shown['true_edge'], edge_map / 255, rtol=1e-6)
  np.testing.assert_array_equal(
      shown['known_edge'], shown['true_edge'] * (mask == 0))
  assert seen['true_edge'].shape == (1, 32, 48, 1)  # padded as the image is
  np.testing.assert_array_equal(
      seen['true_edge'][0, 20:32, :45], seen['true_edge'][0, 19:7:-1, :45])


EDGE_MAPS_THAT_DO_NOT_FIT = [
    np.zeros((20, 29), np.uint8), np.zeros((30, 20), np.uint8),
    np.zeros((20, 30, 3), np.uint8), np.zeros((20, 30), np.float32),
    np.zeros((20, 30), np.uint16), np.zeros((20, 30), bool)]


@pytest.mark.parametrize('edge_map', EDGE_MAPS_THAT_DO_NOT_FIT)
def test_an_edge_map_of_another_size_or_type_is_one_line(edge_map):
  inpaint = reader('canny', {}, 'known_edge')
  with pytest.raises(ValueError, match=(
      r'an image \(20, 30\) needs an edge map of its size, uint8, not '
      r'\(\d+, \d+.*\) \w+$')) as raised:
    inpaint(picture(20, 30, 3), holes(20, 30), edge_map=edge_map)
  assert '\n' not in str(raised.value)


def test_a_system_that_reads_no_edges_takes_no_edge_map(network):
  with pytest.raises(ValueError, match='this system reads no edges'):
    network(picture(20, 30, 3), holes(20, 30),
            edge_map=np.zeros((20, 30), np.uint8))


def test_a_system_that_reads_edges_is_not_made_without_where_they_are_from():
  for key in ('known_edge', 'true_edge'):
    with pytest.raises(ValueError, match='reads edges; give the guidance'):
      painter(lambda batch: batch['image'], reads=('image', 'mask', key))


def test_a_stage_that_follows_true_edges_says_what_to_give(follows_true_edges):
  for edge in ('', 'canny', 'none'):
    inpaint = jinpaint.load(follows_true_edges, edge=edge)
    with pytest.raises(UsageError) as raised:
      inpaint(picture(37, 50, 3), holes(37, 50))
    assert str(raised.value) == inpaint.needs_edge_map == (
        'this stage follows the true edges, which a damaged picture does not '
        'show; train the next stage, or give edge maps: --edge=files:PATH, in '
        'Python edge_map')


def test_a_stage_that_follows_true_edges_fills_with_a_drawing_of_them(
    follows_true_edges):
  image, mask = picture(37, 50, 3), holes(37, 50)
  drawing = np.zeros((37, 50), np.uint8)
  drawing[15, :] = 255
  inpaint = jinpaint.load(follows_true_edges)
  filled = inpaint(image, mask, edge_map=drawing)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  assert (filled[mask == 1] != image[mask == 1]).any()
  # What the drawing shows in the hole matters, what the hole hides does not.
  hidden = np.where(mask[..., None] == 1, 255 - image, image)
  np.testing.assert_array_equal(
      inpaint(hidden, mask, edge_map=drawing), filled)
  other = np.where(mask == 1, 255 - drawing, drawing)
  changed = inpaint.intermediates(image, mask, edge_map=other)['raw_image']
  assert (changed != inpaint.intermediates(
      image, mask, edge_map=drawing)['raw_image']).any()
  with pytest.raises(ValueError, match=r'\(37, 50\) needs an edge map'):
    inpaint(image, mask, edge_map=drawing[:-1])


def test_a_system_says_how_it_finds_edges_and_whether_it_needs_maps(tmp_path):
  finds = reader('canny:sigma=1-3', {}, 'known_edge')
  assert (finds.finds_edges, finds.needs_edge_map) == ('canny:sigma=1-3', '')
  files.write(tmp_path / 'a.png', files.Picture(picture(20, 30)))
  reads = reader(f'files:{tmp_path}', {}, 'known_edge')
  with pytest.raises(UsageError, match='come from files; give edge maps') as e:
    reads(picture(20, 30, 3), holes(20, 30))
  assert str(e.value) == reads.needs_edge_map
  neither = painter(lambda batch: batch['image'])
  assert (neither.finds_edges, neither.needs_edge_map) == ('', '')


@pytest.mark.parametrize(('data', 'cut'), [
    (dict(), 0.5), (dict(edge_cut=(0.65, 0.75)), 0.7)])
def test_soft_sketches_are_cut_where_soft_edges_are(data, cut):
  assert reader('canny', {}, 'known_edge', 'sketch', **data
                ).sketch_cut == pytest.approx(cut)


def test_a_system_that_reads_no_edges_is_loaded_without_any(workdir):
  assert not jinpaint.load(workdir).reads_edges
  with pytest.raises(UsageError, match='holds a system that reads no edges'):
    jinpaint.load(workdir, edge='canny')


# Runs


def test_a_run_is_loaded_as_its_checkpoint_says(workdir):
  image, mask = picture(20, 30, 3), holes(20, 30)
  result = jinpaint.load(workdir)(image, mask)
  np.testing.assert_array_equal(result[mask == 0], image[mask == 0])
  # By its path as text, the last of its steps, or the best one.
  for other in (jinpaint.load(str(workdir)), jinpaint.load(workdir, '2'),
                jinpaint.load(workdir, 'best')):
    np.testing.assert_array_equal(other(image, mask), result)


def test_what_is_no_run_or_no_checkpoint_is_named(workdir, tmp_path):
  with pytest.raises(UsageError, match='holds no run'):
    jinpaint.load(tmp_path)
  with pytest.raises(UsageError, match='no checkpoint "7"; there are: 2'):
    jinpaint.load(workdir, '7')
  (tmp_path / 'config.json').write_text((workdir / 'config.json').read_text())
  with pytest.raises(UsageError, match='holds no checkpoint yet'):
    jinpaint.load(tmp_path)


def test_neither_networks_nor_inference_import_tensorflow(workdir):
  code = f'''
import sys
import numpy as np
import jinpaint
jinpaint.create('pconv_lines', widths=(4, 8))
inpaint = jinpaint.load({str(workdir)!r})
inpaint(np.zeros((8, 8, 3), np.uint8), np.eye(8, dtype=np.uint8))
assert 'tensorflow' not in sys.modules
'''
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
