"""What follows a table of means: how sure they are, and by how much is missing.

Intervals of means, paired differences to the first method, and means by the
share of hole pixels, in the ranges of a tenth that papers have.
"""

from collections.abc import Iterator

from jinpaint.evaluation import grid, intervals
from jinpaint.evaluation.intervals import Interval
from jinpaint.evaluation.scores import Evaluation
from jinpaint.stage import Measure

# Ranges of the share of hole pixels; the lower end belongs to a range.
BINS = tuple((i / 10, (i + 1) / 10) for i in range(10))

_HOW = (f'{intervals.COVERAGE} % intervals: percentiles of means of '
        f'{intervals.RESAMPLES} bootstrap resamples of the images, the same '
        'for all methods')


def binned(evaluation: Evaluation) -> dict[tuple[float, float], Evaluation]:
  """Returns the evaluation of each range of hole ratios that has images."""
  parts = {bounds: evaluation.within(*bounds) for bounds in BINS}
  return {bounds: part for bounds, part in parts.items() if part.images}


def lines(evaluation: Evaluation) -> Iterator[str]:
  """Yields the lines of the tables that follow a table of means.

  Of fewer than two images there are no intervals; ranges of holes are shown if
  there are images of more than one.
  """
  head = [measure.name for measure in evaluation.measures.values()]
  if len(evaluation.images) > 1:
    yield from ['', f'{_HOW}.', '']
    yield from grid.lines(
        ['method', *head],
        _interval_rows(evaluation, intervals.of_means(evaluation)), words=1)
  differences = intervals.of_differences(evaluation)
  if differences and len(evaluation.images) > 1:
    yield from ['', f'Differences to {evaluation.system} on the same images, '
                'and their intervals.', '']
    yield from grid.lines(
        ['method', *head],
        _interval_rows(evaluation, differences, with_mean=True), words=1)
  if len(parts := binned(evaluation)) > 1:
    yield from ['', 'Means by the share of hole pixels.', '']
    yield from grid.lines(['holes', 'images', 'method', *head],
                          list(_bin_rows(parts)), words=3)


def _interval_rows(evaluation: Evaluation,
                   rows: dict[str, dict[str, Interval]], *,
                   with_mean: bool = False) -> list[list[str]]:
  return [[method, *(_interval(row.get(key), measure, with_mean)
                     for key, measure in evaluation.measures.items())]
          for method, row in rows.items()]


def _interval(interval: Interval | None, measure: Measure, with_mean: bool
              ) -> str:
  if interval is None:
    return '-'
  mean, low, high = (grid.number(value, grid.digits(measure))
                     for value in interval)
  if low == '-':
    return '-'
  return f'{mean} ({low} to {high})' if with_mean else f'{low} to {high}'


def _bin_rows(parts: dict[tuple[float, float], Evaluation]
              ) -> Iterator[list[str]]:
  for (low, high), part in parts.items():
    holes, images = f'{100 * low:.0f}-{100 * high:.0f}%', str(len(part.images))
    for method in part.methods:
      summary = part.summary(method)
      yield [holes, images, method, *(
          grid.number(summary[key].mean if key in summary else None,
                      grid.digits(measure))
          for key, measure in part.measures.items())]
      holes = images = ''
