"""Scores of images become the numbers of a table."""

import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.evaluation import metrics, reports, scores


def test_precision_and_recall_count_the_holes_of_all_images_together():
  """As the published code counts a batch: here, one tall image."""
  rng = np.random.default_rng(0)
  prediction, edge = (rng.random((5, 16, 12, 1), np.float32) for _ in range(2))
  edge[2] = 0  # and nothing predicted there: it must not count
  prediction[2] = 0
  mask = (rng.random((5, 16, 12, 1)) < 0.5).astype(np.float32)
  values = metrics.evaluate_all(
      prediction, edge, mask, names=metrics.METRIC_SETS['edges'])
  summary = scores.Evaluation(
      {'jinpaint': {name: np.asarray(x) for name, x in values.items()}},
      tuple('abcde'), mask.mean((1, 2, 3))).summary('jinpaint')
  tall = [jnp.reshape(x, (1, -1, 12, 1)) for x in (prediction, edge, mask)]
  for name in ('edge_precision', 'edge_recall', 'edge_f1'):
    expected = float(metrics.METRICS[name](*tall)[0])
    assert summary[name].mean == pytest.approx(expected, rel=1e-6), name
    assert summary[name].mean != pytest.approx(
        float(values[name].mean()), rel=1e-3)


def test_with_no_edge_predicted_precision_is_undefined():
  nothing = np.zeros((2, 8, 8, 1), np.float32)
  values = metrics.evaluate_all(
      nothing, 1 - nothing, 1 - nothing, names=metrics.METRIC_SETS['edges'])
  evaluation = scores.Evaluation(
      {'jinpaint': {name: np.asarray(x) for name, x in values.items()}},
      ('a', 'b'), np.ones(2))
  assert np.isnan(evaluation.means()['edge_precision'])
  assert evaluation.means()['edge_recall'] == 0


def test_a_figure_shows_no_padding():
  rng = np.random.default_rng(0)
  batch = {'image': rng.random((4, 8, 8, 3), np.float32),
           'mask': np.zeros((4, 8, 8, 1), np.float32),
           'weight': np.float32([1, 1, 1, 0])}
  picture = reports.figure(batch, {'image': batch['image']})
  assert picture.shape[0] == 3 * 8 + 2 * 2  # three rows, two lines between
  without = {key: array for key, array in batch.items() if key != 'weight'}
  assert reports.figure(without, {'image': batch['image']}, rows=2
                        ).shape[0] == 2 * 8 + 2
