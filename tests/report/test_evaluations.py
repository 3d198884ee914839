"""What is read from an evaluation's files, and computed from them."""

import json

import pytest
import report_files

from jinpaint.errors import UsageError
from jinpaint.report import evaluations


def test_means_and_bins_are_those_of_the_summary(tmp_path):
  content = report_files.evaluation(tmp_path)
  read = evaluations.read(tmp_path)
  assert [(row.low, row.high, row.images) for row in read.bins] == [
      (0, 0.1, 2), (0.1, 1, 4)]
  written = content['bins'][1]['methods']['OpenCV Telea']['lpips']
  assert read.bins[1].methods['OpenCV Telea']['lpips'] == evaluations.Mean(
      written['mean'], written['low'], written['high'])
  infinite = read.methods['jinpaint']['psnr']
  assert (infinite.count, infinite.infinite) == (5, 1)


def test_what_an_earlier_version_wrote_is_refused_in_one_line(tmp_path):
  content = report_files.evaluation(tmp_path)
  del content['bins']
  (tmp_path / 'summary.json').write_text(json.dumps(content))
  with pytest.raises(UsageError, match=r"does not say 'bins', .*evaluate\.py"):
    evaluations.read(tmp_path)


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
