"""The columns of tables: what each measures, and how they are chosen."""

import zlib

from image_cases import left_half, random_case
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint import devices
from jinpaint.errors import UsageError
from jinpaint.evaluation import measures, metrics
from jinpaint.nets import Nets

CASE = (4, 52, 52, 3)
OF_EDGES = measures.of_edges()
# Those that need a network are in test_needs.py.
OF_PIXELS = {key: measure for key, measure in measures.MEASURES.items()
             if not measure.needs}
ALL = {**OF_PIXELS, **OF_EDGES}


@pytest.fixture
def rng():
  return np.random.default_rng(0)


def measured(prediction, image, mask, columns=OF_PIXELS):
  """Applies measures to a prediction whose known pixels are put back."""
  filled = jnp.where(mask == 1, prediction, image)
  return measures.apply(
      columns, Nets({}, {}),
      {'image': image, 'true_edge': image[..., :1], 'mask': mask},
      {'image': filled, 'edge': filled[..., :1]})


all_measured = jax.jit(
    lambda prediction, image, mask: measured(prediction, image, mask, ALL))


def test_hole_and_image_differ_by_the_share_of_the_hole(rng):
  prediction, image, mask = random_case(rng)
  values = measured(prediction, image, mask, measures.choose())
  share = mask.mean((1, 2, 3))
  np.testing.assert_allclose(
      values['psnr'] - values['psnr_hole'], -10 * np.log10(share), rtol=1e-4)
  np.testing.assert_allclose(
      values['l1_percent'], share * values['l1_percent_hole'], rtol=1e-5)


def test_a_measure_of_the_hole_is_undefined_without_one(rng):
  prediction, image, mask = random_case(rng, CASE)
  mask[1] = 0
  values = all_measured(prediction, image, mask)
  of_hole = {'psnr_hole', 'ssim_hole', 'l1_percent_hole', 'jaccard_hole',
             'jaccard_tolerance', 'edge_accuracy'}
  for key, numbers in values.items():
    assert list(np.isnan(numbers)) == [
        False, key in of_hole, False, False], key


def test_isnets_and_edgeconnects_code_returned_these_numbers():
  def uniform(name, channels):
    state = np.random.RandomState(zlib.crc32(name.encode()))
    return state.rand(2, channels, 64, 64).transpose(0, 2, 3, 1)

  image, raw = (uniform(x, 3).astype(np.float32) for x in ('inputs', 'gen'))
  mask = (uniform('mask', 1) <= 0.3).astype(np.float32)
  mask[:, 16:48, 16:48] = 1

  isnet = measured(raw, image, mask, measures.choose(set_name='isnet'))
  assert isnet['ssim_gaussian'][0] == pytest.approx(0.54096717, abs=1e-6)
  assert isnet['ssim_gaussian'].mean() == pytest.approx(0.5443265, abs=1e-6)
  assert isnet['l1_percent'][0] == pytest.approx(15.812905, abs=1e-4)

  filled = np.where(mask == 1, raw, image)
  assert metrics.relative_l1(filled, image)[0] == pytest.approx(
      0.3165243, abs=1e-6)
  cut = lambda x: (np.floor(x * 255) / 255).astype(np.float32)  # 8-bit files
  assert metrics.psnr(cut(filled), cut(image))[0] == pytest.approx(
      10.984364, abs=1e-5)
  script = measured(
      cut(raw), cut(image), mask, measures.choose(set_name='edgeconnect'))
  assert script['psnr_gray'][0] == pytest.approx(13.270944, abs=1e-5)
  assert script['ssim_uniform'][0] == pytest.approx(0.4164607, abs=1e-6)
  assert script['relative_l1'][0] == pytest.approx(0.12270971, abs=1e-6)


def test_edges_are_those_of_the_hole_above_the_threshold(rng):
  prediction, edge, mask = random_case(rng, (3, 9, 8, 1))
  values = measures.apply(
      measures.of_edges(0.7), Nets({}, {}), {'true_edge': edge, 'mask': mask},
      {'edge': prediction})
  hole = mask == 1
  predicted, true = (prediction > 0.7) & hole, (edge > 0.7) & hole
  count = lambda pixels: pixels.sum((1, 2, 3)).astype(np.float32)
  np.testing.assert_array_equal(values['edges_predicted'], count(predicted))
  np.testing.assert_array_equal(values['edges_true'], count(true))
  hits = count(predicted & true)
  np.testing.assert_allclose(
      values['edge_precision'], hits / count(predicted), rtol=1e-6)
  np.testing.assert_allclose(
      values['edge_recall'], hits / count(true), rtol=1e-6)
  np.testing.assert_allclose(
      values['edge_f1'], 2 * hits / (count(predicted) + count(true)), rtol=1e-6)
  wrong = count((predicted != true) & hole)
  np.testing.assert_allclose(
      values['edge_accuracy'], 1 - wrong / count(hole), rtol=1e-6)
  assert '> 0.7' in measures.of_edges(0.7)['edge_accuracy'].definition


def test_every_measure_is_one_float32_an_image_and_the_same_jitted(rng):
  case = random_case(rng, CASE)
  plain, jitted = measured(*case, ALL), all_measured(*case)
  assert plain.keys() == ALL.keys()
  for key, values in plain.items():
    assert values.shape == (4,), key
    assert values.dtype == jnp.float32, key
    np.testing.assert_allclose(values, jitted[key], rtol=1e-5, err_msg=key)


def test_a_batch_scores_as_its_images_one_by_one_on_one_device_or_four(rng):
  case = random_case(rng, CASE)
  batch = all_measured(*case)
  spread = all_measured(*devices.spread(case))
  single = [all_measured(*(x[i:i + 1] for x in case)) for i in range(4)]
  for key, values in batch.items():
    np.testing.assert_allclose(
        values, np.concatenate([x[key] for x in single]), rtol=1e-5,
        err_msg=key)
    np.testing.assert_allclose(values, spread[key], rtol=1e-5, err_msg=key)


def test_better_says_in_which_direction_a_measure_moves(rng):
  """On images of black and white, for which even Jaccard peaks at the truth."""
  image = (rng.random(CASE) < 0.5).astype(np.float32)
  mask = left_half((*CASE[:3], 1))
  noise = rng.uniform(-1, 1, image.shape).astype(np.float32)
  good, bad = (all_measured(np.clip(image + k * noise, 0, 1), image, mask)
               for k in (0.3, 0.9))
  for key, measure in ALL.items():
    if not measure.better:
      assert key in ('edges_predicted', 'edges_true')
      continue
    sign = {'higher': 1, 'lower': -1}[measure.better]
    assert np.all(sign * (good[key] - bad[key]) > 0), key


def test_every_measure_says_what_it_is_under_a_name_of_its_own():
  columns = {**measures.MEASURES, **OF_EDGES}
  assert len({measure.name for measure in columns.values()}) == len(columns)
  for key, measure in columns.items():
    assert measure.definition, key
    assert measure.unit in ('dB', '%', ''), key
    assert set(measure.weighted_by) <= OF_EDGES.keys(), key


# --- how they are chosen ---


def test_what_papers_define_is_in_the_table_only_where_it_is_asked_for():
  assert list(measures.choose()) == [
      'psnr', 'ssim', 'l1_percent', 'psnr_hole', 'ssim_hole',
      'l1_percent_hole']


def test_names_are_measured_in_their_order_after_those_of_a_set_and_once():
  assert list(measures.choose(['ssim_hole', 'psnr'])) == ['ssim_hole', 'psnr']
  assert list(measures.choose(['ssim', 'psnr'], 'isnet')) == [
      'psnr', 'ssim_gaussian', 'l1_percent', 'ssim']
  for key, measure in measures.choose(measures.MEASURES).items():
    assert measure is measures.MEASURES[key]


@pytest.mark.parametrize(('names', 'set_name', 'message'), [
    (['psnr_holes'], '', 'unknown metric of images "psnr_holes"; did you mean '
     '"psnr_hole"?'),
    ([], 'edgeconect', 'unknown set of metrics "edgeconect"; did you mean '
     '"edgeconnect"?'),
    (['edge_f1'], '', 'unknown metric of images "edge_f1"')])
def test_an_unknown_name_is_one_line_that_names_the_nearest(
    names, set_name, message):
  with pytest.raises(UsageError) as caught:
    measures.choose(names, set_name)
  assert message in str(caught.value)
  assert '\n' not in str(caught.value)
