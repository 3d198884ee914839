"""What plots look like: places, ticks and labels; the templates draw them.

Plots are SVG in the page: they follow its colours, light or dark, and are sharp
at any size.
"""

from collections.abc import Mapping, Sequence
import math
from typing import Any, NamedTuple

import numpy as np

from jinpaint.report.evaluations import Bin, Column, Evaluation, Mean
from jinpaint.report.history import Curve

# More points than a panel has pixels only make the file larger.
MOST_POINTS = 400
# Of as many images the points are drawn; the means are always of all images.
MOST_IMAGES = 400
# Above this ratio of the largest to the least value, a curve is drawn on a
# logarithmic axis: else all but the first values lie on the bottom line.
_DECADES = 100


class Tick(NamedTuple):
  """A labelled place on an axis, in units of the drawing."""

  place: float
  label: str


class Axis(NamedTuple):
  """Turns values into places.

  Attributes:
    first: the value at `start`.
    last: the value at `end`.
    start: the place where the axis begins, in units of the drawing.
    end: where it ends.
    is_log: whether equal ratios have equal lengths.
  """

  first: float
  last: float
  start: float
  end: float
  is_log: bool = False

  def place(self, value: float) -> float:
    """Returns the place of a value, to a tenth of a unit."""
    scale = math.log if self.is_log else float
    share = (scale(value) - scale(self.first)) / (
        scale(self.last) - scale(self.first))
    return round(self.start + share * (self.end - self.start), 1)

  def ticks(self, number: int, label: Any) -> list[Tick]:
    """Returns ticks at round values.

    Args:
      number: about how many.
      label: from a value to its text.
    """
    values = (_decades(self.first, self.last) if self.is_log
              else round_values(self.first, self.last, number))
    return [Tick(self.place(value), label(value)) for value in values]


class Series(NamedTuple):
  """What a plot has of a run or a method.

  Attributes:
    name: the run or the method.
    number: its place among all; decides the colour.
    path: the line, as SVG writes it.
    points: [place on x, place on y, x, y] of each point of the line.
    dots: single images: (place on x, place on y, what it is).
    bars: intervals: (place on x, upper place, lower place).
  """

  name: str
  number: int
  path: str
  points: Sequence[tuple[float, float, float, float]]
  dots: Sequence[tuple[float, float, str]] = ()
  bars: Sequence[tuple[float, float, float]] = ()


class Plot(NamedTuple):
  """A plot; lengths are in units of the drawing.

  Attributes:
    title: its heading.
    about: what is below the heading.
    x_label: what the horizontal axis shows.
    width: of the drawing.
    height: of the drawing.
    x: the horizontal axis.
    y: the vertical axis.
    x_ticks: its ticks.
    y_ticks: its ticks.
    series: what is drawn.
  """

  title: str
  about: str
  x_label: str
  width: int
  height: int
  x: Axis
  y: Axis
  x_ticks: Sequence[Tick]
  y_ticks: Sequence[Tick]
  series: Sequence[Series]


def of_curves(title: str, about: str, curves: Mapping[str, Curve],
              numbers: Mapping[str, int]) -> Plot:
  """Returns a panel with the curves of one or more runs.

  Args:
    title: its heading.
    about: what is below it.
    curves: run -> its curve.
    numbers: run -> its place among all runs.
  """
  width, height = 320, 210
  thinned = {run: _thinned(curve) for run, curve in curves.items()}
  steps = np.concatenate([curve.steps for curve in thinned.values()])
  values = np.concatenate([curve.values for curve in thinned.values()])
  finite = values[np.isfinite(values)]
  is_log = bool(finite.size and finite.min() > 0
                and finite.max() > _DECADES * finite.min())
  x = Axis(*_range(steps), start=50, end=width - 12)
  y = Axis(*_range(finite, is_log=is_log), start=height - 26, end=8,
           is_log=is_log)
  notes = [about, 'logarithmic axis' if is_log else '', *(
      f'{run}: each point is the mean of up to {math.ceil(full / few)} numbers'
      for run, curve in curves.items()
      if (full := curve.steps.size) > (few := thinned[run].steps.size)), *(
          f'{run}: not finite, and not drawn: {number}'
          for run, curve in thinned.items()
          if (number := int((~np.isfinite(curve.values)).sum())))]
  return Plot(
      title, '; '.join(filter(None, notes)), 'step', width, height, x, y,
      x.ticks(4, short), y.ticks(4, short),
      [_line(run, numbers[run], x, y, curve.steps, curve.values)
       for run, curve in thinned.items()])


def of_holes(evaluation: Evaluation, column: Column) -> Plot | None:
  """Returns a measure against the share of hole pixels.

  Points are images, larger marks with intervals the means of bins.

  Args:
    evaluation: what is drawn.
    column: the measure.

  Returns:
    The plot; None where there is nothing to draw.
  """
  width, height = 640, 380
  methods = [method for method in evaluation.methods if _has(
      evaluation, method, column.key)]
  shown = _some_images(evaluation.holes)
  points = {method: evaluation.scores.get(method, {}).get(
      column.key, np.full(evaluation.holes.shape, np.nan))[shown]
      for method in methods}
  means = [mean for bin_ in evaluation.bins
           for method in methods
           if (mean := _mean(bin_, method, column.key)) is not None]
  ends = [end for mean in means for end in (mean.mean, mean.low, mean.high)
          if end is not None]
  values = np.concatenate([*points.values(), ends])
  values = values[np.isfinite(values)]
  if not values.size:
    return None
  highest = max([0.1, *evaluation.holes, *(row.high for row in evaluation.bins)
                 ])
  x = Axis(0, math.ceil(10 * highest - 1e-9) / 10, start=58, end=width - 18)
  y = Axis(*_range(values), start=height - 58, end=10)
  return Plot(
      column.name, '', 'hole pixels, % of the image', width, height, x, y,
      x.ticks(10, lambda share: f'{100 * share:.0f}'), y.ticks(6, short),
      [_marks(evaluation, method, number, len(methods), column, x, y, shown,
              points[method])
       for number, method in enumerate(evaluation.methods)
       if method in methods])


def _marks(evaluation: Evaluation, method: str, number: int, methods: int,
           column: Column, x: Axis, y: Axis, shown: np.ndarray,
           values: np.ndarray) -> Series:
  """Returns the points, means and intervals of a method."""
  centres, means, bars = [], [], []
  for bin_ in evaluation.bins:
    mean = _mean(bin_, method, column.key)
    if mean is None or mean.mean is None:
      continue
    # Beside each other, so that intervals do not hide each other.
    aside = (number - (methods - 1) / 2) * 0.1 * (bin_.high - bin_.low)
    centre = (bin_.low + bin_.high) / 2 + aside
    centres.append(centre)
    means.append(mean.mean)
    if mean.low is not None and mean.high is not None:
      bars.append((x.place(centre), y.place(mean.high), y.place(mean.low)))
  dots = [
      (x.place(evaluation.holes[i]), y.place(value),
       f'{evaluation.images[i]}, {method}: {short(value)} {column.unit or ""}, '
       f'holes {100 * evaluation.holes[i]:.1f} %')
      for i, value in zip(shown, values, strict=True) if math.isfinite(value)]
  line = _line(method, number, x, y, np.array(centres), np.array(means))
  return line._replace(dots=dots, bars=bars)


def _has(evaluation: Evaluation, method: str, key: str) -> bool:
  return key in evaluation.scores.get(method, {}) or any(
      _mean(bin_, method, key) is not None for bin_ in evaluation.bins)


def _mean(bin_: Bin, method: str, key: str) -> Mean | None:
  mean = bin_.methods.get(method, {}).get(key)
  return None if mean is None or mean.mean is None else mean


def _some_images(holes: np.ndarray) -> np.ndarray:
  """Returns indices of images, spread evenly over the order of their holes."""
  order = np.argsort(holes, kind='stable')
  if order.size <= MOST_IMAGES:
    return order
  places = np.linspace(0, order.size - 1, MOST_IMAGES).round().astype(int)
  return order[places]


def _thinned(curve: Curve) -> Curve:
  """Returns a curve of few points: each is the mean of some that follow."""
  if curve.steps.size <= MOST_POINTS:
    return curve
  starts = np.linspace(0, curve.steps.size, MOST_POINTS, endpoint=False
                       ).round().astype(int)
  sizes = np.diff([*starts, curve.steps.size])
  return Curve(np.add.reduceat(curve.steps, starts) / sizes,
               np.add.reduceat(curve.values, starts) / sizes)


def _line(name: str, number: int, x: Axis, y: Axis, steps: np.ndarray,
          values: np.ndarray) -> Series:
  """Returns a line, which has gaps where a value is not finite."""
  points, path, is_begun = [], [], False
  for step, value in zip(steps.tolist(), values.tolist(), strict=True):
    if not math.isfinite(value):
      is_begun = False
      continue
    point = (x.place(step), y.place(value))
    points.append((*point, step, value))
    path.append(f'{"L" if is_begun else "M"}{point[0]:g} {point[1]:g}')
    is_begun = True
  return Series(name, number, ''.join(path), points)


def _range(values: np.ndarray, *, is_log: bool = False) -> tuple[float, float]:
  """Returns the ends of an axis that holds the values."""
  if not values.size:
    return 0, 1
  low, high = float(values.min()), float(values.max())
  if is_log:
    return low / 1.1, high * 1.1
  if low == high:
    margin = abs(low) / 10 or 1
    return low - margin, high + margin
  margin = (high - low) * 0.04
  return low - margin, high + margin


def round_values(low: float, high: float, number: int) -> list[float]:
  """Returns multiples of 1, 2 or 5 times a power of ten, in a range.

  Args:
    low: the least.
    high: the largest.
    number: about how many.
  """
  rough = (high - low) / number
  power = 10.0 ** math.floor(math.log10(rough))
  step = min((factor * power for factor in (1, 2, 5, 10)),
             key=lambda step: abs(math.log(step / rough)))
  first = math.ceil(low / step - 1e-9)
  last = math.floor(high / step + 1e-9)
  return [i * step for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
  """Returns the powers of ten in a range, six at most."""
  first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
  stride = math.ceil((last - first + 1) / 6)
  return [10.0 ** power for power in range(first, last + 1, stride)]


def short(value: float) -> str:
  """Returns a number as a label: 4 digits, thousands as k, millions as M."""
  for size, letter in ((1e6, 'M'), (1e3, 'k')):
    if abs(value) >= 10 * size or (abs(value) >= size and value % 100 == 0):
      return f'{value / size:.4g}{letter}'
  if 0 < abs(value) < 1e-3:
    mantissa, exponent = f'{value:.3e}'.split('e')
    return f'{float(mantissa):g}e{int(exponent)}'
  return f'{value:.4g}'
