"""Pictures made elsewhere are scored as their files hold them."""

import csv
import json

import numpy as np
import pytest
from skimage import metrics as skimage_metrics

from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate

SIZES = {'a': (20, 30), 'sub/b': (24, 16), 'c': (20, 30)}


@pytest.fixture
def folders(tmp_path):
  """Folders of true images, masks and pictures, of mixed sizes."""
  rng = np.random.default_rng(0)
  for name, size in SIZES.items():
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    mask = np.zeros(size, np.uint8)
    mask[4:12, 3:9] = 255
    noise = rng.integers(0, 9, (*size, 3), np.uint8)  # of known pixels as well
    for folder, pixels in (('true', image), ('masks', mask),
                           ('ours', image // 2 + noise)):
      files.write(tmp_path / folder / f'{name}.png', files.Picture(pixels))
  return tmp_path


def scored(folders, **changes):
  said = []
  given = {'predictions': [folders / 'ours'], 'targets': folders / 'true',
           'masks': folders / 'masks', 'write': said.append} | changes
  evaluate.evaluate_pictures(**given)
  directory = folders / 'ours-evaluation'
  with (directory / 'images.csv').open() as file:
    rows = list(csv.DictReader(file))
  return rows, said[0], json.loads((directory / 'summary.json').read_text())


def test_pictures_are_scored_as_they_are_by_their_names(folders):
  rows, text, summary = scored(folders)
  assert [row['image'] for row in rows] == ['a.png', 'c.png', 'sub/b.png']
  for row in rows:
    true, ours, mask = (files.read(folders / folder / row['image']).pixels
                        for folder in ('true', 'ours', 'masks'))
    hole = mask == 255
    assert float(row['hole_fraction']) == pytest.approx(hole.mean(), abs=1e-6)
    assert float(row['ours: psnr']) == pytest.approx(
        skimage_metrics.peak_signal_noise_ratio(true, ours), rel=1e-5)
    assert float(row['ours: psnr_hole']) == pytest.approx(
        skimage_metrics.peak_signal_noise_ratio(true[hole], ours[hole]),
        rel=1e-5)
  assert 'scored: pictures as their files hold them' in text
  assert summary['methods'].keys() == {'ours'}
  assert len(summary['manifest']['files_sha256']) == 3


def test_without_masks_only_whole_images_are_measured(folders):
  rows, text, summary = scored(folders, masks=None)
  assert [key.partition(': ')[2] for key in rows[0]][2:] == [
      'psnr', 'ssim', 'l1_percent']
  assert summary['mean_hole_fraction'] is None
  assert rows[0]['hole_fraction'] == 'nan'
  assert '3 images, holes unknown;' in text


def test_a_batch_size_changes_nothing_and_folders_are_rows(folders):
  with_masks, _, _ = scored(folders)
  assert scored(folders, batch_size=1)[0] == with_masks
  rows, _, _ = scored(folders, predictions=[
      folders / 'ours', folders / 'true'], masks=None)
  assert rows[0]['true: psnr'] == 'inf'
  assert rows[0]['ours: psnr'] == with_masks[0]['ours: psnr']


def larger(folders, folder):
  files.write(folders / folder / 'c.png', files.Picture(
      np.zeros((21, 30), np.uint8)))


@pytest.mark.parametrize(('break_it', 'changes', 'message'), [
    (lambda folders: larger(folders, 'ours'), {},
     r'the picture of ours .*c.png is 21 x 30, its true image 20 x 30'),
    (lambda folders: larger(folders, 'masks'), {},
     r'the mask .*c.png is 21 x 30, its true image 20 x 30'),
    (lambda folders: (folders / 'ours/c.png').unlink(), {},
     'no pictures named c for the image c.png'),
    (lambda folders: (folders / 'true/c.png').unlink(), {},
     r'ours/c.png has no true image of its name'),
    (lambda folders: (folders / 'ours/c.png').write_bytes(b'no picture'), {},
     r'cannot read .*c.png'),
    (lambda folders: None, {'masks': None, 'metrics': ['psnr_hole']},
     'the metric psnr_hole is of holes; give --masks'),
    (lambda folders: None, {'targets': 'nowhere'}, 'there is no folder')])
def test_what_does_not_fit_is_one_line_and_nothing_is_written(
    folders, break_it, changes, message):
  break_it(folders)
  with pytest.raises(UsageError, match=message) as caught:
    scored(folders, **changes)
  assert '\n' not in str(caught.value)
  assert not (folders / 'ours-evaluation').exists()
