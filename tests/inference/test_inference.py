"""The inpainter takes any picture and gives every known pixel back."""

from pathlib import Path
import subprocess
import sys

import jax
import numpy as np
import pytest
import tiny_run

import jinpaint
from jinpaint import inference, systems
from jinpaint.errors import UsageError
from jinpaint.stage import InputSpec

ROOT = Path(__file__).parents[2]
FORMS = [(), (1,), (3,), (4,)]  # what follows height and width
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


@pytest.fixture(scope='module')
def network():
  """A system of random weights."""
  stage = systems.stage('pconv_lines', 'inpaint', widths=(4, 8),
                        adversarial=0.0, perceptual=0.0)
  batch = {'image': np.zeros((1, 32, 32, 3), np.float32),
           'mask': np.zeros((1, 32, 32, 1), np.float32)}
  init = lambda name: jax.jit(stage.networks[name].init)
  variables = {name: init(name)(jax.random.key(0), *feed)
               for name, feed in stage.feeds(batch).items()}
  return inference.Inpainter(stage.predict, variables, stage.spec)


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return tiny_run.trained(tmp_path_factory.getbasetemp())


def painter(paint, divisor=1):
  """An inpainter that is told what to predict from the batch."""
  return inference.Inpainter(lambda _, batch: {'image': paint(batch)}, {},
                             InputSpec(('image', 'mask'), divisor))


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
  if form == (4,):
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
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
  colours = slice(0, 3) if form == (4,) else slice(None)
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
  if form == (4,):
    expected[..., 3] = image[..., 3]
  # Three shares of grey need not sum up to the same last bit.
  np.testing.assert_allclose(result.astype(int), expected.astype(int),
                             atol=0 if dtype == np.uint8 else 1)


def test_grey_pictures_get_the_luma_of_the_prediction():
  red = painter(lambda batch: 0 * batch['image'] + np.float32([1, 0, 0]))
  result = red(np.zeros((8, 8), np.uint8), np.ones((8, 8), np.uint8))
  np.testing.assert_array_equal(result, np.full((8, 8), 76))  # 0.299 * 255


def test_a_system_is_given_what_the_table_of_keys_says():
  seen = {}

  def paint(batch):
    jax.debug.callback(lambda **arrays: seen.update(arrays), **batch)
    return batch['image']
  image, mask = picture(20, 45, 3), holes(20, 45)
  painter(paint, divisor=48)(image, mask)
  jax.effects_barrier()
  # 96 is a multiple of 48 and of 32.
  assert seen['image'].shape == (1, 96, 96, 3)
  assert seen['mask'].shape == (1, 96, 96, 1)
  assert seen['image'].dtype == seen['mask'].dtype == np.float32
  np.testing.assert_allclose(seen['image'][0, :20, :45], image / 255, rtol=1e-6)
  np.testing.assert_array_equal(seen['mask'][0, :20, :45, 0], mask)
  # The padding is the picture's mirror image, its holes included.
  np.testing.assert_array_equal(seen['image'][0, 20:40],
                                seen['image'][0, 19::-1])
  np.testing.assert_array_equal(seen['mask'][0, :, 45:90],
                                seen['mask'][0, :, 44::-1])


def test_images_of_similar_size_share_one_compilation():
  traces = []

  def paint(batch):
    traces.append(batch['image'].shape)
    return batch['image']
  inpaint = painter(paint)
  for size in [(33, 64), (64, 33), (40, 50), (64, 64)]:
    for form in FORMS:
      for dtype in DTYPES:
        inpaint(picture(*size, *form, dtype=dtype), holes(*size))
  assert traces == [(1, 64, 64, 3)]
  inpaint(picture(65, 64), holes(65, 64))
  assert traces[1:] == [(1, 96, 64, 3)]


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
    ((8, 8, 2), np.uint8, np.zeros((8, 8), np.uint8), r'\(8, 8, 2\)'),
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
