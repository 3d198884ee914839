"""Places, ticks and lines of plots, by hand."""

import numpy as np
import pytest

from jinpaint.report import plots
from jinpaint.report.history import Curve


@pytest.mark.parametrize(('low', 'high', 'number', 'expected'), [
    (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    (-3, 12, 3, [0, 5, 10]),
    (0.9e-5, 3.1e-5, 2, [1e-5, 2e-5, 3e-5]),
    (100, 10_000, 4, [2000, 4000, 6000, 8000, 10_000])])
def test_ticks_are_at_round_values(low, high, number, expected):
  assert plots.round_values(low, high, number) == pytest.approx(expected)


@pytest.mark.parametrize(('value', 'label'), [
    (0, '0'), (0.25, '0.25'), (-1.5, '-1.5'), (999, '999'), (1500, '1.5k'),
    (1234, '1234'), (12_345, '12.35k'), (120_000, '120k'),
    (2_500_000, '2.5M'), (0.00018, '1.8e-4'), (-2e-7, '-2e-7')])
def test_labels_are_short(value, label):
  assert plots.short(value) == label


def test_an_axis_is_linear_or_logarithmic():
  linear = plots.Axis(10, 20, start=100, end=0)
  assert [linear.place(value) for value in (10, 15, 20)] == [100, 50, 0]
  log = plots.Axis(0.1, 1000, start=0, end=40, is_log=True)
  assert [log.place(value) for value in (0.1, 1, 10, 1000)] == [0, 10, 20, 40]
  assert [tick.label for tick in log.ticks(4, plots.short)] == [
      '0.1', '1', '10', '100', '1k']


def curve(values):
  return Curve(np.arange(len(values)), np.array(values, float))


def test_a_line_has_a_gap_where_a_value_is_not_finite():
  plot = plots.of_curves('l1', '', {'run': curve([1, 2, np.nan, 4, 5])},
                         {'run': 0})
  [series] = plot.series
  assert [point[2:] for point in series.points] == [
      (0, 1), (1, 2), (3, 4), (4, 5)]
  assert [letter for letter in series.path if letter.isalpha()] == [
      'M', 'L', 'M', 'L']
  assert plot.about == 'run: not finite, and not drawn: 1'
  for x, y, *_ in series.points:
    assert plot.x.start <= x <= plot.x.end
    assert plot.y.end <= y <= plot.y.start


def test_a_long_curve_is_drawn_as_means_and_says_so():
  values = np.arange(10 * plots.MOST_POINTS) - 10
  plot = plots.of_curves('l1', '', {'run': curve(values)}, {'run': 0})
  [series] = plot.series
  assert len(series.points) == plots.MOST_POINTS
  assert series.points[0][2:] == (4.5, -5.5)
  assert series.points[-1][2:] == (values[-1] + 5.5, values[-1] - 4.5)
  assert plot.about == 'run: each point is the mean of up to 10 numbers'


def test_values_of_many_magnitudes_have_a_logarithmic_axis():
  wide = plots.of_curves('l1', '', {'run': curve([1e-6, 1])}, {'run': 0})
  assert wide.y.is_log
  assert wide.about == 'logarithmic axis'
  for values in ([0, 1], [-1, 1], [1, 50], [2, 2]):
    assert not plots.of_curves(
        'l1', '', {'run': curve(values)}, {'run': 0}).y.is_log
