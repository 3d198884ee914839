"""FID, KID, P-IDS and U-IDS of whole evaluations."""

import json

import numpy as np
from PIL import Image
import pytest

from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.evaluation import (
  distributions,
  evaluate,
  frechet,
  inception,
  sets,
)

COUNT = 40


class Colours:
  """Takes the place of Inception: eight numbers of an image's colours."""

  def __init__(self, variables, variant, batch_size):
    assert variables == {'filled': 1}
    self.shift = sorted(inception.VARIANTS).index(variant)

  def __call__(self, images):
    return np.stack([features(image) + self.shift for image in images])


def features(image):
  """Returns (8,) float64 of RGB uint8."""
  x = image.astype(np.float64) / 255
  return np.concatenate([x.mean((0, 1)), x.std((0, 1)),
                         [x[::2].mean(), x[:, ::2].std()]])


@pytest.fixture
def folders(tmp_path, monkeypatch):
  """True pictures and two folders of pictures that resemble them."""
  monkeypatch.setattr(pretrained, 'load', lambda name: {'filled': 1})
  monkeypatch.setattr(inception, 'Extractor', Colours)
  rng = np.random.default_rng(0)
  images = {'true': rng.integers(0, 200, (COUNT, 12, 16, 3))}
  images['near'] = images['true'] + rng.integers(0, 20, (COUNT, 12, 16, 3))
  images['far'] = images['true'] // 2
  for name, pictures in images.items():
    (tmp_path / name).mkdir()
    for i, picture in enumerate(pictures):
      Image.fromarray(picture.astype(np.uint8)).save(
          tmp_path / name / f'{i:02d}.png')
  return tmp_path, {name: np.stack([features(x.astype(np.uint8))
                                    for x in pictures])
                    for name, pictures in images.items()}


def scored(folder, *metrics, **options):
  lines = []
  evaluate.evaluate_pictures(
      [folder / 'near', folder / 'far', folder / 'true'], folder / 'true',
      output=folder / 'scores', metrics=('psnr', *metrics),
      write=lines.append, **options)
  return (json.loads((folder / 'scores/summary.json').read_text()),
          '\n'.join(lines))


def test_sets_are_compared_by_the_features_of_their_variant(folders):
  folder, rows = folders
  summary, printed = scored(folder, 'fid/pytorch-fid', 'fid/stylegan', 'kid',
                            'u_ids', 'p_ids')
  for name in ('near', 'far'):
    values = summary['sets'][name]
    # A shift of all features moves no distance; it moves a kernel.
    assert values['fid/pytorch-fid'] == pytest.approx(
        frechet.fid(rows['true'], rows[name]), rel=1e-9)
    assert values['fid/stylegan'] == pytest.approx(
        frechet.fid(rows['true'], rows[name], 0), rel=1e-9)
    assert values['kid'] == pytest.approx(
        distributions.kid(rows['true'], rows[name]), rel=1e-9)
    classifier = distributions.discriminative_scores(
        rows['true'] + 2, rows[name] + 2)
    assert values['u_ids'] == classifier.u_ids
    assert values['p_ids'] == classifier.p_ids
  assert abs(summary['sets']['true']['fid/pytorch-fid']) < 1e-6
  assert summary['sets']['true']['p_ids'] == 0  # no fill is more real
  assert f'Of all {COUNT} images together.' in printed
  assert 'covariances divided by N - 1' in printed
  assert f'FID of {COUNT} images is mostly the error' in printed
  assert summary['methods']['near']['psnr']['mean'] > 20


def test_what_cannot_be_measured_costs_its_own_column_alone(
    folders, monkeypatch):
  folder, _ = folders

  def refuse(real, fake):
    raise UsageError('P-IDS and U-IDS need more images')

  monkeypatch.setitem(sets.MEASURES, 'u_ids', sets.MEASURES['u_ids']._replace(
      compare=refuse))
  summary, printed = scored(folder, 'fid/clean', 'u_ids')
  assert summary['sets']['near'].keys() == {'fid/clean'}
  assert 'u_ids left out: P-IDS and U-IDS need more images.' in printed

  def missing(name):
    raise UsageError(f'no weights of {name} here')

  monkeypatch.setattr(pretrained, 'load', missing)
  summary, printed = scored(folder, 'fid/clean')
  assert summary['sets'] == {}
  assert 'fid/clean left out: no weights of fid_inception here.' in printed
  assert 'psnr' in summary['methods']['near']


def test_one_image_is_no_set(folders):
  folder, _ = folders
  summary, printed = scored(folder, 'kid', limit=1)
  assert summary['sets'] == {}
  assert 'kid left out: it needs at least 2 images, not 1.' in printed


def test_published_sets_of_metrics_have_their_measures_of_sets():
  assert list(sets.split(['psnr', 'kid'], 'mat')[0]) == [
      'fid/stylegan', 'p_ids', 'u_ids', 'kid']
  assert sets.split(['psnr', 'kid'], '')[1] == ('psnr',)
