"""FID, KID, P-IDS and U-IDS of given features."""

import json
import subprocess
import sys

from golden import fill
import golden_files
import numpy as np
import pytest

from jinpaint.errors import UsageError
from jinpaint.evaluation import distributions, frechet

RECORDED = json.loads(
    (golden_files.FOLDER / 'distribution_metrics.json').read_text())
CASES = RECORDED['cases']
# What libraries were given, and what a converged solver found.
ARRAYS = np.load(golden_files.FOLDER / 'distribution_metrics.npz')


def features(case):
  """Makes the rows of a recorded case; the recipes are in the file."""
  real, fake = ARRAYS['paired/real'], ARRAYS['paired/fake']
  if case == 'wide':
    noise = lambda name: abs(fill.fill(
        name, tuple(CASES[case]['real']), RECORDED['seed'])) * np.float32(16)
    real = noise('wide_real')
    fake = np.float32(0.9) * real + np.float32(0.3) * noise('wide_fake')
  elif case == 'apart':
    fake = fake + np.float32(0.25)
  elif case == 'offset':
    real, fake = real + np.float32(64), fake + np.float32(64)
  elif case == 'dead':
    alive = np.arange(64) >= 10
    real, fake = real * alive, fake * alive
  elif case == 'same':
    fake = real
  n, m = CASES[case]['real'][0], CASES[case]['fake'][0]
  return real[:n], fake[:m]


def close(value):
  return pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize('case', CASES)
def test_fid_and_kid_are_the_recorded_ones(case):
  real, fake = features(case)
  expected = CASES[case]['fid']
  assert frechet.fid(real, fake) == close(expected['n - 1']['value'])
  assert frechet.fid(real, fake, ddof=0) == close(expected['n']['value'])

  expected = CASES[case]['kid']
  assert distributions.kid(real, fake) == close(expected['value'])
  subsets = expected['subsets']
  found = distributions.kid_of_subsets(real, fake, count=subsets['count'],
                                       size=subsets['size'])
  assert subsets['seed'] == distributions.SUBSET_SEED
  assert found == (close(subsets['mean']), close(subsets['std']))


@pytest.mark.parametrize('case', CASES)
def test_p_ids_and_u_ids_are_the_recorded_ones(case):
  real, fake = features(case)
  published = CASES[case]['ids']['default']
  found = distributions.classify(real, fake)
  assert found.u_ids == close(published['u_ids'])
  if 'p_ids' in published:
    assert found.p_ids == close(published['p_ids'])
  else:
    assert np.isnan(found.p_ids)
  converged = distributions.classify(real, fake, tolerance=1e-14)
  for name, values in converged._asdict().items():
    np.testing.assert_allclose(values, ARRAYS[f'ids/{case}/{name}'], atol=1e-5)


@pytest.fixture
def rows():
  """300 rows of 40 features, far from 0, most of which hang together."""
  rng = np.random.default_rng(0)
  return 1000 + rng.normal(size=(300, 8)) @ rng.normal(size=(8, 40)) + (
      0.01 * rng.normal(size=(300, 40)))


def gaussians_of(rows, sizes):
  """The statistics of rows that come in batches of these sizes."""
  ends = np.cumsum(sizes)
  assert ends[-1] == len(rows)
  return frechet.statistics(np.split(rows, ends[:-1])).gaussian()


def test_statistics_depend_on_neither_order_nor_batches(rows):
  shuffled = np.random.default_rng(1).permutation(rows)
  for gaussian in (gaussians_of(rows, [300]), gaussians_of(shuffled, [1] * 300),
                   gaussians_of(shuffled[::-1], [0, 7, 3, 90, 200])):
    covariance = gaussian.factor.T @ gaussian.factor
    np.testing.assert_allclose(gaussian.mean, rows.mean(0), rtol=1e-12)
    expected = np.cov(rows, rowvar=False)
    np.testing.assert_allclose(covariance, expected, rtol=0,
                               atol=1e-11 * expected.max())


def test_fid_depends_on_neither_order_nor_batches(rows):
  other = rows[:, ::-1] + 1
  for count in (30, 300):  # fewer rows than features, and more
    a, b = rows[:count], other[:count]
    value = frechet.fid(a, b)
    in_parts = frechet.frechet_distance(
        gaussians_of(a[::-1], [10] * (count // 10)), gaussians_of(b, [count]))
    assert in_parts == pytest.approx(value, rel=1e-9)


def test_rows_are_not_kept_once_there_are_more_than_features(rows):
  statistics = frechet.Statistics()
  for i, batch in enumerate(np.split(rows, 30), start=1):
    statistics.add(batch)
    assert statistics.count == 10 * i
    assert sum(map(len, statistics._rows)) <= 40


@pytest.mark.parametrize('count', [30, 300])
def test_a_set_has_no_distance_from_itself(rows, count):
  assert frechet.fid(rows[:count], rows[:count]) == pytest.approx(0, abs=1e-6)


def test_fid_of_independent_features_is_a_sum_over_them():
  mean, deviation = np.array([[0.0, 1, 2], [1, 1, -1]]), np.array(
      [[1.0, 2, 3], [2, 2, 0]])
  distance = frechet.frechet_distance(*(
      frechet.gaussian(m, np.diag(d**2))
      for m, d in zip(mean, deviation, strict=True)))
  assert distance == close(np.sum(np.diff(mean, axis=0)**2)
                           + np.sum(np.diff(deviation, axis=0)**2))


@pytest.mark.parametrize('case', ['paired', 'few', 'wide'])
def test_stored_statistics_give_the_same_fid(case):
  stored = [frechet.gaussian(x.mean(0, np.float64),
                             np.cov(x, rowvar=False, dtype=np.float64))
            for x in features(case)]
  assert frechet.frechet_distance(*stored) == pytest.approx(
      CASES[case]['fid']['n - 1']['value'], abs=1e-6)


def test_kid_is_a_mean_over_pairs(rows, monkeypatch):
  monkeypatch.setattr(distributions, '_BLOCK', 4)  # rows at once
  a, b = rows[:9, :3] - 1000, rows[9:16, :3] - 999
  kernel = lambda x, y: (float(x @ y) / 3 + 1)**3
  within = [np.mean([kernel(x, y) for i, x in enumerate(part)
                     for j, y in enumerate(part) if i != j])
            for part in (a, b)]
  between = np.mean([kernel(x, y) for x in a for y in b])
  assert distributions.kid(a, b) == close(sum(within) - 2 * between)


def refusal(function, *args, **options):
  with pytest.raises(UsageError) as error:
    function(*args, **options)
  assert '\n' not in str(error.value)
  return str(error.value)


def test_what_cannot_be_measured_is_refused_in_one_line(rows):
  assert refusal(frechet.fid, rows, rows[:1]) == (
      'FID needs at least 2 images, not 1')
  assert refusal(frechet.statistics([]).gaussian) == (
      'FID needs at least 2 images, not 0')
  assert 'at least 2 images' in refusal(distributions.kid, rows[:1], rows)
  assert 'as many, not 300' in refusal(distributions.kid_of_subsets, rows, rows)
  for compare in (frechet.fid, distributions.kid, distributions.classify):
    assert '40 features, the other 39' in refusal(compare, rows, rows[:, 1:])
    assert 'not finite' in refusal(compare, rows, rows * np.nan)
    assert 'rows (N, d)' in refusal(compare, rows, rows[0])
  statistics = frechet.statistics([rows[:30]])
  for more in (rows, rows):  # while they are kept, and after that
    assert '40 features' in refusal(statistics.add, rows[:, 1:])
    statistics.add(more)
  assert 'not (40,) and (39, 39)' in refusal(
      frechet.gaussian, rows[0], np.eye(39))
  assert 'not finite' in refusal(frechet.gaussian, rows[0], np.nan * np.eye(40))


def test_images_that_any_classifier_tells_apart_have_no_p_ids(rows):
  message = refusal(distributions.discriminative_scores, rows[:20], rows[20:40])
  assert 'need more than 20 images, not 20' in message
  found = distributions.discriminative_scores(rows[:150], rows[150:])
  assert 0.1 < found.u_ids < 0.5


@pytest.mark.parametrize(('metric', 'enough'), [
    ('fid', 2048), ('kid', 1000), ('p_ids', 4098), ('u_ids', 4098)])
def test_too_few_images_are_said(metric, enough):
  assert not distributions.warning(metric, enough)
  said = distributions.warning(metric, enough - 1)
  assert f'of {enough - 1} images' in said
  assert '\n' not in said
  if metric != 'kid':
    assert not distributions.warning(metric, 200, features=64)
  with pytest.raises(ValueError, match='fids'):
    distributions.warning('fids', 10)


def test_scikit_learn_is_imported_only_where_it_is_used():
  code = ('import sys; from jinpaint.evaluation import distributions; '
          'assert "sklearn" not in sys.modules')
  subprocess.run([sys.executable, '-c', code], check=True)
