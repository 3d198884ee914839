"""Intervals are those of SciPy, and ranges of holes hold what they say."""

import json

import numpy as np
import pytest
from scipy import stats
from test_reports import evaluation, PICTURE

from jinpaint.evaluation import details, intervals, latex, reports


def large(number=60):
  """Two methods, whose PSNR depends on the image more than on the method."""
  rng = np.random.default_rng(1)
  image = rng.normal(25, 4, number)
  ours = np.float32(image + rng.normal(0.3, 0.4, number))
  theirs = np.float32(image)
  ours[3], theirs[7] = np.inf, np.nan
  return evaluation(
      methods={'jinpaint': {'psnr': theirs, 'edge_precision': np.float32(
                   rng.random(number)),
                            'edges_predicted': np.float32(
                                rng.integers(0, 9, number))},
               'other': {'psnr': ours}},
      images=tuple(map(str, range(number))), indices=np.arange(number),
      holes=np.linspace(0, 1, number))


def near(interval, expected, width):
  """Two bootstraps differ by chance: by some percent of the width."""
  assert interval.low == pytest.approx(expected.low, abs=0.08 * width)
  assert interval.high == pytest.approx(expected.high, abs=0.08 * width)


def test_the_interval_of_a_mean_is_that_of_scipy_s_bootstrap():
  made = large()
  values = made.methods['jinpaint']['psnr']
  values = values[np.isfinite(values)].astype(np.float64)
  expected = stats.bootstrap(
      (values,), np.mean, method='percentile', n_resamples=9999,
      rng=np.random.default_rng(2)).confidence_interval
  interval = intervals.of_means(made)['jinpaint']['psnr']
  assert interval.mean == pytest.approx(
      made.summary('jinpaint')['psnr'].mean, rel=1e-9)
  near(interval, expected, expected.high - expected.low)


def test_the_interval_of_a_difference_is_that_of_the_same_images():
  made = large()
  pair = [made.methods[method]['psnr'].astype(np.float64)
          for method in ('other', 'jinpaint')]
  both = np.isfinite(pair[0]) & np.isfinite(pair[1])
  differences = (pair[0] - pair[1])[both]
  expected = stats.bootstrap(
      (differences,), np.mean, method='percentile', n_resamples=9999,
      rng=np.random.default_rng(2)).confidence_interval
  row = intervals.of_differences(made)
  assert list(row) == ['other']
  assert list(row['other']) == ['psnr']
  interval = row['other']['psnr']
  assert interval.mean == pytest.approx(differences.mean(), rel=1e-9)
  width = expected.high - expected.low
  near(interval, expected, width)
  means = intervals.of_means(made)['jinpaint']['psnr']
  assert width < 0.3 * (means.high - means.low)


def test_a_weighted_mean_has_the_interval_of_a_ratio():
  made = large()
  scores = made.methods['jinpaint']
  weights = scores['edges_predicted'].astype(np.float64)
  ratio = lambda value, weight, axis: (
      np.sum(value * weight, axis) / np.sum(weight, axis))
  expected = stats.bootstrap(
      (scores['edge_precision'], weights), ratio, paired=True,
      method='percentile', n_resamples=9999,
      rng=np.random.default_rng(2)).confidence_interval
  near(intervals.of_means(made)['jinpaint']['edge_precision'], expected,
       expected.high - expected.low)


def test_of_one_image_there_is_no_interval():
  text = reports.table(large().first(1))
  assert '95 %' not in text
  assert np.isnan(intervals.of_means(large().first(1))['other']['psnr'].low)


def test_ranges_of_holes_hold_each_image_once_and_their_lower_end():
  shares = np.float32([0, 0.05, 0.1, 0.3, 0.7, 0.95, 1])
  made = evaluation(
      methods={'jinpaint': {'psnr': np.arange(7, dtype=np.float32)}},
      images=tuple('abcdefg'), indices=np.arange(7), holes=shares)
  parts = details.binned(made)
  assert {bounds: part.images for bounds, part in parts.items()} == {
      (0, 0.1): ('a', 'b'), (0.1, 0.2): ('c',), (0.3, 0.4): ('d',),
      (0.7, 0.8): ('e',), (0.9, 1): ('f', 'g')}
  text = reports.table(made)
  assert '| 90-100% | 2      | jinpaint | 5.50 |' in text


def test_the_json_has_intervals_differences_and_ranges(tmp_path):
  made = large()
  reports.write(made, tmp_path, {}, PICTURE)
  summary = json.loads((tmp_path / 'summary.json').read_text())
  interval = intervals.of_means(made)['other']['psnr']
  cell = summary['methods']['other']['psnr']
  assert (cell['low'], cell['high']) == (interval.low, interval.high)
  assert summary['differences'] == {'other': {'psnr': dict(
      intervals.of_differences(made)['other']['psnr']._asdict())}}
  assert sum(part['images'] for part in summary['bins']) == 60
  first = summary['bins'][0]
  assert (first['low'], first['high']) == (0, 0.1)
  assert first['methods']['other']['psnr']['mean'] == pytest.approx(
      made.within(0, 0.1).summary('other')['psnr'].mean)


def test_latex_marks_the_best_and_escapes_what_it_would_read():
  made = evaluation()
  text = latex.table(made)
  rows = [line for line in text.splitlines() if line.endswith(r' \\')]
  assert rows[0].startswith(r'method & PSNR $\uparrow$ & L1 \%, hole $\down')
  assert rows[1].startswith(r'jinpaint & \textbf{25.31} & \textbf{2.29} & 0.3')
  assert rows[2].startswith('other & 25.00 & - & -')
  assert r'\begin{tabular}{lrrrrr}' in text
