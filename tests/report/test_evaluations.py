"""What is read from an evaluation's files, and computed from them."""

import json

import numpy as np
import pytest
import report_files

from jinpaint.report import evaluations


def test_means_by_hole_ratio_are_those_of_the_images_in_each_tenth(tmp_path):
  report_files.evaluation(tmp_path)
  bins = evaluations.read(tmp_path).bins
  assert [(row.low, row.high, row.images) for row in bins] == [
      (0.0, 0.1, 2), (0.1, 0.2, 3), (0.9, 1.0, 1)]
  for method in report_files.METHODS[1:]:
    values = report_files.scores(method, 'psnr')
    means = [row.methods[method]['psnr'] for row in bins]
    assert [mean.mean for mean in means] == pytest.approx(
        [values[:2].mean(), values[2:5].mean(), values[5]])
    # Of two images, a sample's mean is one of three; of one, there is no range.
    assert (means[0].low, means[0].high) == pytest.approx(
        (values[:2].min(), values[:2].max()))
    assert means[1].low < means[1].mean < means[1].high
    assert (means[2].low, means[2].high) == (None, None)
  infinite = bins[1].methods['jinpaint']['psnr']
  assert (infinite.count, infinite.infinite) == (2, 1)


def test_bins_of_the_summary_are_taken_as_they_are(tmp_path):
  content = report_files.evaluation(tmp_path)
  content['bins'] = [{'low': 0, 'high': 0.5, 'images': 5, 'methods': {
      'jinpaint': {'psnr': {'mean': 1.5, 'low': 1.0, 'high': 2.0}}}}]
  (tmp_path / 'summary.json').write_text(json.dumps(content))
  [row] = evaluations.read(tmp_path).bins
  assert row == evaluations.Bin(0, 0.5, 5, {
      'jinpaint': {'psnr': evaluations.Mean(1.5, 1.0, 2.0)}})


def test_a_mean_that_weighs_images_has_no_means_by_hole_ratio(tmp_path):
  content = report_files.summary()
  content['methods']['jinpaint']['lpips']['mean'] += 0.5
  report_files.evaluation(tmp_path, content)
  read = evaluations.read(tmp_path)
  assert read.unbinned == ['lpips']
  assert all(means.keys() == {'psnr'} for row in read.bins
             for means in row.methods.values())


def test_an_interval_is_as_wide_as_the_normal_one_of_many_values():
  values = np.random.default_rng(0).normal(5, 2, 400)
  mean = evaluations.mean_of(values)
  half = 1.96 * values.std() / 20
  assert mean.mean == pytest.approx(values.mean())
  assert mean.low == pytest.approx(mean.mean - half, abs=0.03)
  assert mean.high == pytest.approx(mean.mean + half, abs=0.03)


def test_pictures_elsewhere_on_this_machine_do_not_get_into_a_gallery(tmp_path):
  content = report_files.evaluation(tmp_path / 'e')
  [case, _] = content['gallery']
  secret = tmp_path / 'secret.png'
  secret.write_bytes(b'')
  case['files'] |= {'truth': '../secret.png', 'mask': str(secret)}
  (tmp_path / 'e' / 'summary.json').write_text(json.dumps(content))
  read = evaluations.read(tmp_path / 'e').cases[0]
  assert (read.truth, read.mask) == (None, None)
  assert read.methods['jinpaint'] == tmp_path / 'e' / 'gallery' / '2.png'
