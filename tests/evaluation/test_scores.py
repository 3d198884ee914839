"""A system and other methods are scored on the same images, and averaged."""

import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.data.examples import Data
from jinpaint.evaluation import means, measures, metrics, scores
from jinpaint.guidance import Guidance
from jinpaint.nets import Nets
from jinpaint.stage import Measure, Sizes, Stage


@pytest.fixture
def rng():
  return np.random.default_rng(0)


# --- means ---


def test_average_counts_infinite_and_undefined_values_and_skips_padding():
  values = np.array([1, 2, np.inf, np.nan, 6, np.inf, np.nan, 100], np.float32)
  weight = np.array([1, 1, 1, 1, 1, 1, 0, 0], np.float32)
  assert means.average(values, weight) == means.Summary(3, 3, 2, 1)
  assert means.average([1.0, 3.0]) == means.Summary(2, 2, 0, 0)


def test_average_weighs_what_has_weights():
  assert means.average([1.0, 4.0, np.nan, 9.0], [2, 1, 1, 0]) == (
      means.Summary(2, 2, 0, 1))


def test_average_of_nothing_finite_is_nan_and_not_a_warning():
  summary = means.average([np.inf, np.inf], [1, 1])
  assert np.isnan(summary.mean)
  assert (summary.count, summary.infinite, summary.undefined) == (0, 2, 0)


def test_average_adds_in_double_precision():
  values = np.full(2 ** 20, 0.1, np.float32)
  assert means.average(values).mean == pytest.approx(np.float32(0.1), 1e-12)


@pytest.mark.parametrize(
    ('values', 'weight'),
    [([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]]), ([1.0, 2.0], [1.0, -0.5])])
def test_average_refuses_values_and_weights_that_do_not_fit(values, weight):
  with pytest.raises(ValueError, match='weight'):
    means.average(values, weight)


def evaluation_of_edges(prediction, edge, mask):
  columns = measures.of_edges()
  values = measures.apply(columns, Nets({}, {}),
                          {'true_edge': edge, 'mask': mask},
                          {'edge': prediction})
  n = len(edge)
  return scores.Evaluation(
      {'jinpaint': {key: np.asarray(x) for key, x in values.items()}},
      tuple(map(str, range(n))), np.arange(n), mask.mean((1, 2, 3)), columns)


def test_precision_and_recall_count_the_holes_of_all_images_together(rng):
  """As the published code counts a batch: here, one tall image."""
  prediction, edge = (rng.random((5, 16, 12, 1), np.float32) for _ in range(2))
  edge[2] = 0  # and nothing predicted there: it must not count
  prediction[2] = 0
  mask = (rng.random((5, 16, 12, 1)) < 0.5).astype(np.float32)
  evaluation = evaluation_of_edges(prediction, edge, mask)
  tall = [jnp.reshape(x, (1, -1, 12, 1)) for x in (prediction, edge, mask)]
  for key in ('edge_precision', 'edge_recall', 'edge_f1'):
    expected = float(getattr(metrics, key)(*tall)[0])
    mean = evaluation.means()[key]
    assert mean == pytest.approx(expected, rel=1e-6), key
    assert mean != pytest.approx(
        evaluation.methods['jinpaint'][key].mean(), rel=1e-3)


def test_with_no_edge_predicted_precision_is_undefined():
  nothing = np.zeros((2, 8, 8, 1), np.float32)
  means = evaluation_of_edges(nothing, 1 - nothing, 1 - nothing).means()
  assert np.isnan(means['edge_precision'])
  assert means['edge_recall'] == 0


# --- scoring, of stages without a network ---


def stage(predict, *, makes=('image',), reads=('image', 'mask'), added=None):
  return Stage(networks={}, published={}, learns_from=(), predicts_from=reads,
               sizes=Sizes(), updates=(), predict=predict, makes=makes,
               measures=added or {})


def grey(nets, batch):
  """Predicts a grey that no 8-bit file holds, for all pixels."""
  del nets
  return {'image': jnp.full_like(batch['image'], 0.501)}


def evaluator(stage, names=('psnr', 'l1_percent_hole'), **options):
  return scores.Evaluator(
      stage, guidance=Guidance(Data(), training=False),
      of_images=measures.choose(names), **options)


def batches(rng, number=2, padding=0, first=0):
  """Batches of four 8-bit images, the last with some padding."""
  for i in range(number):
    weight = np.ones(4, np.float32)
    if padding and i == number - 1:
      weight[-padding:] = 0
    yield {
        'image': np.float32(rng.integers(0, 256, (4, 8, 8, 3)) / 255),
        'mask': np.float32(rng.random((4, 8, 8, 1)) < 0.4),
        'weight': weight,
        'index': np.arange(first + 4 * i, first + 4 * i + 4)}


def test_images_are_scored_as_composites_of_8_bits(rng):
  [batch] = batches(rng, 1)
  def paints_all_over(image, mask):
    del mask
    return np.full_like(image, 128)
  evaluation = evaluator(stage(grey))(
      {}, [batch], others={'painter': paints_all_over})
  saved = np.where(batch['mask'] == 1, np.float32(128 / 255), batch['image'])
  np.testing.assert_allclose(
      evaluation.methods['jinpaint']['psnr'],
      metrics.psnr(saved, batch['image']), rtol=1e-5)
  for key, values in evaluation.methods['jinpaint'].items():
    np.testing.assert_allclose(
        evaluation.methods['painter'][key], values, rtol=1e-6)


def test_padding_counts_nowhere(rng):
  padded = [*batches(rng, 2, padding=3)]
  whole = [{key: array[batch['weight'] == 1].repeat(
      4 if i else 1, 0) for key, array in batch.items()}
           for i, batch in enumerate(padded)]
  whole[1]['weight'][1:] = 0
  score = evaluator(stage(grey))
  evaluation, expected = (
      score({}, these, others={'copy': lambda image, mask: image})
      for these in (padded, whole))
  assert evaluation.images == ('0', '1', '2', '3', '4')
  assert list(evaluation.indices) == [0, 1, 2, 3, 4]
  np.testing.assert_allclose(evaluation.holes, [
      m.mean() for batch in padded for m in batch['mask']][:5], rtol=1e-6)
  for method, values in expected.methods.items():
    for key, numbers in values.items():
      assert numbers.shape == (5,)
      np.testing.assert_array_equal(evaluation.methods[method][key], numbers)


def test_images_have_the_names_of_their_places(rng):
  [batch] = batches(rng, 1)
  batch['index'] = np.array([3, 1, 0, 2])
  evaluation = evaluator(stage(grey))({}, [batch], names=tuple('abcd'))
  assert evaluation.images == ('d', 'b', 'a', 'c')


def test_other_methods_are_given_as_hole_what_is_scored_as_hole(rng):
  """Of soft masks, too: a pixel of 0.7 is filled, one of 0.3 is known."""
  [batch] = batches(rng, 1)
  batch['mask'] = np.float32(rng.choice([0, 0.3, 0.7, 1], (4, 8, 8, 1)))
  masks = []
  def notes(image, mask):
    masks.append(mask)
    return image
  evaluator(stage(grey))({}, [batch], others={'notes': notes})
  np.testing.assert_array_equal(
      masks, np.uint8(batch['mask'][..., 0] > 0.5))


def test_the_columns_are_those_of_images_of_edges_and_the_stage_s_own(rng):
  added = {'shift': Measure(
      'shift', 'mean', lambda nets, batch, completed: jnp.mean(
          completed['raw_edge'], axis=(1, 2, 3)))}
  predict = lambda nets, batch: {
      **grey(nets, batch), 'edge': jnp.full_like(batch['mask'], 0.25)}
  batch, = batches(rng, 1)
  batch['true_edge'] = batch['known_edge'] = batch['mask']
  evaluation = evaluator(
      stage(predict, makes=('image', 'edge'), added=added),
      names=('ssim', 'psnr_gray'), edge_threshold=0.2)(
          {}, [batch], others={'copy': lambda image, mask: image})
  assert list(evaluation.measures) == [
      'ssim', 'psnr_gray', *measures.of_edges(), 'shift']
  assert list(evaluation.methods['jinpaint']) == list(evaluation.measures)
  assert list(evaluation.methods['copy']) == ['ssim', 'psnr_gray']
  np.testing.assert_allclose(
      evaluation.methods['jinpaint']['shift'], 0.25, rtol=1e-6)
  # 0.25 is an edge: everywhere in the hole, as the truth is.
  np.testing.assert_array_equal(
      evaluation.methods['jinpaint']['edge_f1'], [1] * 4)


def test_beside_a_stage_without_images_there_is_no_other_method(rng):
  [batch] = batches(rng, 1)
  batch['true_edge'] = batch['known_edge'] = batch['mask']
  evaluation = evaluator(stage(
      lambda nets, batch: {'edge': batch['mask']}, makes=('edge',)))(
          {}, [batch], others={'copy': lambda image, mask: image})
  assert list(evaluation.methods) == ['jinpaint']
  assert list(evaluation.measures) == list(measures.of_edges())


def test_the_row_of_a_stage_that_reads_true_edges_says_so(rng):
  [batch] = batches(rng, 1)
  plain = evaluator(stage(grey))({}, [batch])
  assert (plain.system, plain.remarks) == ('jinpaint', {})
  batch['true_edge'] = batch['mask']
  told = evaluator(stage(grey, reads=('image', 'mask', 'true_edge')))(
      {}, [batch])
  assert told.system == 'jinpaint, with the true edges'
  assert 'edges of the undamaged image' in told.remarks[told.system]
  assert told.means() == plain.means()


@pytest.mark.parametrize('limit', [1, 5, 6, 8, 0])
def test_the_first_images_score_as_an_evaluation_of_them_alone(rng, limit):
  """The image with index 5 cannot be read."""
  whole = [*batches(rng, 2)]
  whole[1]['weight'][1] = 0
  alone = [{**batch, 'weight': np.float32(
      (batch['index'] < (limit or 8)) & (batch['weight'] == 1))}
           for batch in whole]
  score = evaluator(stage(grey))
  others = {'copy': lambda image, mask: image}
  first = score({}, whole, names=tuple('abcdefgh'), others=others).first(limit)
  expected = score({}, alone, names=tuple('abcdefgh'), others=others)
  assert first.images == expected.images
  assert first.means() == expected.means()
  np.testing.assert_array_equal(first.indices, expected.indices)
  np.testing.assert_array_equal(first.holes, expected.holes)
  for method, values in expected.methods.items():
    for key, numbers in values.items():
      np.testing.assert_array_equal(first.methods[method][key], numbers)
