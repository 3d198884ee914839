"""The gallery shows the images that its ranks promise, as they were scored."""

import json
import shutil

import numpy as np
import pytest
from skimage import metrics as skimage_metrics
from test_reports import evaluation
import tiny_run

from jinpaint.data import files
from jinpaint.evaluation import evaluate, gallery


@pytest.fixture
def run(tmp_path, tmp_path_factory):
  return shutil.copytree(tiny_run.trained(tmp_path_factory.getbasetemp()),
                         tmp_path / 'run')


def test_ranks_are_by_psnr_of_the_hole_and_leave_out_what_is_not_finite():
  values = np.float32([5, 9, np.inf, 1, 8, 2, 7, 3, np.nan, 6, 4])
  made = evaluation(
      methods={'jinpaint': {'psnr': values[::-1], 'l1_percent_hole': values}},
      images=tuple('abcdefghijk'), indices=np.arange(11), holes=np.ones(11))
  lowest = [('best', 3), ('best', 5), ('best', 7), ('median', 10),
            ('median', 0), ('median', 9), ('worst', 1), ('worst', 4),
            ('worst', 6)]
  del made.methods['jinpaint']['psnr']
  assert gallery.ranked(made) == lowest


def test_a_gallery_has_the_pictures_that_were_scored(run):
  stale = run / 'evaluation/pictures/000099_0_truth.png'
  files.write(stale, files.Picture(np.zeros((3, 3), np.uint8)))
  evaluate.evaluate(run, limit=12, write=lambda text: None)
  directory = run / 'evaluation'
  summary = json.loads((directory / 'summary.json').read_text())
  entries = summary['gallery']
  assert [entry['rank'] for entry in entries] == [
      rank for rank in ('best', 'median', 'worst') for _ in range(3)]
  scores = []
  for entry in entries:
    assert list(entry['files']) == ['truth', 'mask', *summary['methods']]
    true, mask, ours = (
        files.read(directory / entry['files'][name]).pixels
        for name in ('truth', 'mask', 'jinpaint'))
    hole = mask == 255
    assert set(np.unique(mask)) <= {0, 255}
    np.testing.assert_array_equal(ours[~hole], true[~hole])
    scores.append(skimage_metrics.peak_signal_noise_ratio(
        true[hole], ours[hole], data_range=255))
  assert scores[:3] == sorted(scores, reverse=True)[:3]
  assert scores[:5:-1] == sorted(scores[6:], reverse=True)
  rows = (directory / 'images.csv').read_text().splitlines()
  place = rows[0].split(',').index('jinpaint: psnr_hole')
  column = sorted(float(row.split(',')[place]) for row in rows[1:])
  assert scores[0] == pytest.approx(column[-1], rel=1e-4)
  assert scores[6] == pytest.approx(column[0], rel=1e-4)
  assert not stale.exists()
  assert {path.name for path in (directory / 'pictures').iterdir()} == {
      path.partition('/')[2] for entry in entries
      for path in entry['files'].values()}


def test_at_full_size_pictures_have_their_own_sizes(run, tmp_path):
  rng = np.random.default_rng(0)
  sizes = {'a': (21, 30), 'b': (24, 18)}
  for name, size in sizes.items():
    files.write(tmp_path / f'photos/{name}.png', files.Picture(
        rng.integers(0, 256, (*size, 3), np.uint8)))
  said = []
  evaluate.evaluate(run, full_size=True, write=said.append,
                    data={'eval_source': f'folder:{tmp_path}/photos'})
  summary = json.loads((run / 'evaluation/summary.json').read_text())
  for entry in summary['gallery']:
    for path in entry['files'].values():
      assert files.read(run / 'evaluation' / path).pixels.shape[:2] == sizes[
          entry['image'].partition('.')[0]]
  assert said[-1].endswith('jinpaint 2 for its network and 2 for its scores')
