"""Every number on paper is one of the evaluation, with what it leaves out."""

import csv
import json
import math

import numpy as np
import pytest

from jinpaint.data import files
from jinpaint.evaluation import literature, measures, reports, scores

PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def evaluation(**changes):
  """Two methods, four images; some values are infinite, some undefined."""
  of_system = {
      'psnr': [20.126, np.inf, 30.5, np.inf],
      'l1_percent_hole': [1.25, np.nan, 2.5, 3.128],
      'edge_precision': [0.5, 1.0, 0.25, 0.0],
      'edges_predicted': [10.0, 0.0, 30.0, 0.0],
      'edges_true': [4.0, 5.0, 6.0, 8.0]}
  of_other = {'psnr': [10.0, 20.0, 30.0, 40.0],
              'l1_percent_hole': [np.nan] * 4}
  columns = {**measures.MEASURES, **measures.of_edges()}
  made = {
      'methods': {
          method: {key: np.float32(values) for key, values in of_method.items()}
          for method, of_method in (
              ('jinpaint', of_system), ('other', of_other))},
      'images': ('a.png', 'b, c.png', 'd.png', 'e.png'),
      'indices': np.arange(4),
      'holes': np.array([0.125, 0.0, 0.25, 0.5]),
      'measures': {key: columns[key] for key in of_system}}
  return scores.Evaluation(**made | changes)


def cells(text):
  """The cells of the first Markdown table, without the line below its head."""
  text = text.partition('\n\n')[0]
  rows = [[cell.strip() for cell in line.strip('|').split('|')]
          for line in text.splitlines() if line.startswith('|')]
  return [rows[0], *rows[2:]]


def test_the_table_has_the_means_of_the_evaluation_and_what_they_mean():
  made = evaluation()
  head, *rows = cells(reports.table(made))
  assert head == ['method', 'PSNR', 'L1 %, hole', 'precision', 'predicted',
                  'true']
  assert [row[0] for row in rows] == ['jinpaint', 'other']
  for row, method in zip(rows, made.methods, strict=True):
    summary = made.summary(method)
    for cell, (key, measure) in zip(
        row[1:], made.measures.items(), strict=True):
      mean = summary[key].mean if key in summary else math.nan
      digits = 2 if measure.unit else 4
      assert cell == ('-' if math.isnan(mean) else f'{mean:.{digits}f}')
  # By hand: (20.126 + 30.5) / 2; (10 x 0.5 + 30 x 0.25) / 40; nothing at all.
  assert rows[0][1:4] == ['25.31', '2.29', '0.3125']
  assert rows[1][1:] == ['25.00', '-', '-', '-', '-']


def test_below_the_table_stand_definitions_and_what_means_leave_out():
  _, _, _, _, _, *notes = reports.table(evaluation()).partition(
      '\n\n95 %')[0].splitlines()
  assert notes == [
      '4 images, holes of 21.9 % on average; means over images, scored as '
      '8-bit RGB.',
      '- PSNR: 10 log10(1 / mean squared error) over pixels and channels; '
      'higher is better.',
      '- L1 %, hole: 100 x mean absolute error over pixels and channels; lower '
      'is better.',
      '- precision: hits / predicted edges, of all holes together; higher is '
      'better.',
      '- predicted: edge pixels predicted in the hole.',
      '- true: edge pixels in the hole.',
      '- jinpaint: PSNR is infinite for 2 of 4 images (identical to the '
      'truth); the mean leaves them out.',
      '- jinpaint: L1 %, hole is undefined for 1 of 4 images (nothing to '
      'count, such as no hole); the mean leaves them out.',
      '- other: L1 %, hole is undefined for 4 of 4 images (nothing to count, '
      'such as no hole); the mean leaves them out.']


def test_what_the_means_of_many_methods_leave_out_is_said_once():
  made = evaluation()
  both = {method: made.methods['jinpaint'] for method in ('one', 'two')}
  text = reports.table(evaluation(methods=both))
  assert text.count('- one, two: PSNR is infinite for 2 of 4 images') == 1
  assert text.count('PSNR is infinite') == 1


def test_a_remark_on_a_method_stands_below_the_table():
  made = evaluation(remarks={'jinpaint': 'it has seen the truth'})
  assert '\n- jinpaint: it has seen the truth.\n' in reports.table(made)


def test_json_and_csv_have_the_numbers_of_the_evaluation(tmp_path):
  made = evaluation(remarks={'jinpaint': 'it has seen the truth'})
  reports.write(made, tmp_path, {'step': 7, 'system': 'pconv'}, PICTURE)
  assert (tmp_path / 'table.md').read_text() == reports.table(made) + '\n'

  def refuse(constant):
    raise ValueError(f'{constant} is no JSON')
  summary = json.loads((tmp_path / 'summary.json').read_text(),
                       parse_constant=refuse)
  assert (summary['step'], summary['system']) == (7, 'pconv')
  assert summary['images'] == 4
  assert summary['mean_hole_fraction'] == 0.21875
  assert summary['remarks'] == {'jinpaint': 'it has seen the truth'}
  assert list(summary['methods']) == ['jinpaint', 'other']
  assert summary['measures']['psnr'] == {
      'name': 'PSNR', 'better': 'higher', 'unit': 'dB',
      'definition': made.measures['psnr'].definition}
  for method, means in summary['methods'].items():
    assert list(means) == list(made.methods[method])
    for key, written in means.items():
      expected = made.summary(method)[key]
      assert written['mean'] == (
          None if math.isnan(expected.mean) else expected.mean)
      assert [written[name] for name in ('count', 'infinite', 'undefined')] == [
          expected.count, expected.infinite, expected.undefined]
  assert summary['methods']['other']['l1_percent_hole'] == {
      'mean': None, 'count': 0, 'infinite': 0, 'undefined': 4,
      'low': None, 'high': None}

  with (tmp_path / 'images.csv').open() as file:
    rows = list(csv.DictReader(file))
  assert [row['image'] for row in rows] == list(made.images)
  for i, row in enumerate(rows):
    assert float(row['hole_fraction']) == made.holes[i]
    assert len(row) == 2 + 5 + 2
    for method, values in made.methods.items():
      for key, numbers in values.items():
        assert float(row[f'{method}: {key}']) == pytest.approx(
            float(numbers[i]), abs=1e-6, nan_ok=True)
  np.testing.assert_array_equal(files.read_rgb(tmp_path / 'examples.png'),
                                PICTURE)


def paper(columns):
  return literature.Table(
      'Somewhere', 'Someone, Table 1', ((0.1, 0.2), (0.2, 0.3)),
      {'PSNR': 'psnr', 'L1(%)': 'l1_percent_hole'}, columns, 'Beware.')


def test_beside_a_paper_s_numbers_stand_the_means_of_each_range():
  larger = evaluation()
  for values in larger.methods.values():
    values['psnr'] = values['psnr'] - 5
  text = reports.comparison(
      paper({'Old': {'PSNR': (31.0, 29.0), 'L1(%)': (0.5, 1.5)}}),
      [evaluation(), larger], 'things')
  assert cells(text) == [
      ['mask', 'metric', 'Old', 'jinpaint', 'other'],
      ['10-20%', 'PSNR', '31.00', '25.31', '25.00'],
      ['', 'L1(%)', '0.50', '2.29', '-'],
      ['20-30%', 'PSNR', '29.00', '20.31', '20.00'],
      ['', 'L1(%)', '1.50', '2.29', '-']]
  for words in ('Old: Somewhere, as printed in Someone, Table 1.',
                'jinpaint, other: this evaluation of things.',
                '- L1(%): 100 x mean absolute error over pixels and channels.',
                '- masks of 20-30%, jinpaint: PSNR is infinite for 2 of 4 ',
                '**Warning.**\nBeware.'):
    assert words in text


def test_a_number_that_a_paper_does_not_print_is_a_dash():
  text = reports.comparison(
      paper({'Old': {'PSNR': (31.0, None), 'L1(%)': (None, 1.5)}}),
      [evaluation(), evaluation()], 'things')
  assert [row[2] for row in cells(text)] == ['Old', '31.00', '-', '-', '1.50']


def test_what_nothing_here_measures_stands_alone():
  text = reports.comparison(
      paper({'Old': {'PSNR': (31.0, 29.0), 'FID': (4.5, 6.5)}})._replace(
          measures={'PSNR': 'psnr', 'FID': ''}),
      [evaluation(), evaluation()], 'things')
  assert cells(text)[2] == ['', 'FID', '4.50', '-', '-']
  assert '- FID:' not in text


def test_a_remark_on_a_method_stands_below_a_paper_s_table():
  made = evaluation(remarks={'jinpaint': 'it has seen the truth'})
  text = reports.comparison(
      paper({'Old': {'PSNR': (31.0, 29.0), 'L1(%)': (0.5, 1.5)}}),
      [made, made], 'things')
  assert text.count('\n- jinpaint: it has seen the truth.\n') == 1


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


def test_a_figure_shows_what_was_given_what_was_made_and_the_truth():
  level = lambda value, channels: np.full(
      (1, 6, 6, channels), value, np.float32)
  mask = level(0, 1)
  mask[:, :3] = 1
  batch = {'image': level(0.2, 3), 'mask': mask, 'sketch': level(1, 1),
           'known_edge': level(0.4, 1), 'true_edge': level(0.6, 1)}
  results = {'sketch': level(0.1, 1), 'edge': level(0.3, 1),
             'raw_image': level(0.7, 3), 'image': level(0.8, 3)}
  picture = reports.figure(batch, results)
  hole, known = (
      [round(float(picture[row, 8 * i, 0] / 255), 1) for i in range(10)]
      for row in (0, 5))
  assert hole == [0, 1, 1, 0.1, 0, 0.3, 0.6, 0.7, 0.8, 0.2]
  assert known == [0.2, 0, 0, 0.1, 0.4, 0.3, 0.6, 0.7, 0.8, 0.2]
  assert picture.shape == (6, 10 * 8 - 2, 3)
  assert (picture[:, 6:8] == 255).all()
