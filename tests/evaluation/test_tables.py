"""A paper's table comes out of an evaluation, by the share of holes."""

import csv
import json
import re

import numpy as np
import pytest
import tiny_run

from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, literature, metrics

BINS = ('10-20', '20-30', '30-40', '40-50')


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return tiny_run.trained(tmp_path_factory.getbasetemp())


@pytest.mark.parametrize('name', literature.TABLES)
def test_a_table_has_a_number_for_every_cell_and_a_source(name):
  table = literature.TABLES[name]
  assert re.search(r'Table \d', table.source)
  assert set(table.metrics.values()) <= metrics.METRICS.keys()
  for column in table.columns.values():
    assert column.keys() == table.metrics.keys()
    assert {len(numbers) for numbers in column.values()} == {len(table.bins)}
    # All get worse with larger holes: a slip of the pen would show.
    for heading, numbers in column.items():
      sign = 1 if heading == 'L1(%)' else -1
      assert (sign * np.diff(numbers) > 0).all(), (heading, numbers)


def test_the_table_has_the_paper_s_layout_and_this_run_s_numbers(workdir):
  said = []
  evaluate.evaluate(workdir, table='isnet:places2', limit=4,
                      data={'mask': 'strokes'}, write=said.append)
  directory = workdir / 'evaluation' / 'isnet_places2'
  text = (directory / 'table.md').read_text()
  assert said == [text.rstrip('\n'), f'written to {directory}']
  lines = text.splitlines()
  rows = [[cell.strip() for cell in line.strip('|').split('|')]
          for line in lines if line.startswith('|')]
  assert rows[0] == ['mask', 'metric', 'CA', 'GLCIC', 'PConv', 'EdgeConnect',
                     'ISNet', 'jinpaint', 'OpenCV Telea',
                     'OpenCV Navier-Stokes', 'mean of known pixels']
  assert rows[2][:7] == ['10-20%', 'PSNR', '24.36', '23.49', '28.02', '27.95',
                         '31.41']
  assert [row[0] for row in rows[2:]] == [
      label for ratio in BINS for label in (f'{ratio}%', '', '')]
  assert [row[1] for row in rows[2:]] == ['PSNR', 'SSIM', 'L1(%)'] * 4

  for i, ratio in enumerate(BINS):
    low, high = (float(percent) / 100 for percent in ratio.split('-'))
    with (directory / ratio / 'images.csv').open() as file:
      images = list(csv.DictReader(file))
    assert len(images) == 4
    assert all(low <= float(image['hole_fraction']) <= high
               for image in images)
    summary = json.loads((directory / ratio / 'summary.json').read_text())
    assert summary['data']['mask'] == 'strokes'
    for j, (name, digits) in enumerate((
        ('psnr', 2), ('ssim_gaussian', 3), ('l1_percent', 2))):
      for column, method in enumerate(summary['methods'], start=7):
        mean = np.mean([float(image[f'{method}: {name}']) for image in images])
        assert float(rows[2 + 3 * i + j][column]) == pytest.approx(
            mean, abs=0.51 * 10**-digits)
        assert summary['methods'][method][name]['mean'] == pytest.approx(
            mean, abs=1e-5)
  assert 'ICIP, Table 3' in text
  assert '**Warning.**' in text
  assert 'photos, 16 x 16, masks strokes (clean)' in text


@pytest.mark.parametrize(('changes', 'message'), [
    ({'table': 'isnet:places'}, 'did you mean "isnet:places2"'),
    ({'table': 'isnet:celeba', 'data': {'mask': 'half'}},
     r'no half mask .* hole ratio of 0\.1 to 0\.2')])
def test_a_table_that_cannot_be_made_is_one_line(workdir, changes, message):
  with pytest.raises(UsageError, match=message) as caught:
    evaluate.evaluate(workdir, limit=2, **changes)
  assert '\n' not in str(caught.value)
  assert not (workdir / 'evaluation' / 'isnet_celeba').exists()
