"""The cells and lines that tables of text are made of."""

from collections.abc import Iterable, Iterator, Sequence
import math

from jinpaint.stage import Measure


def lines(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int
          ) -> Iterator[str]:
  """Yields the lines of a Markdown table whose first columns are words."""
  widths = [max(len(row[i]) for row in [head, *rows])
            for i in range(len(head))]

  def line(cells: Iterable[str]) -> str:
    return '| ' + ' | '.join(
        cell.ljust(width) if i < words else cell.rjust(width)
        for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ) + ' |'

  yield line(head)
  yield '|' + '|'.join(
      '-' * (width + 1) + ('-' if i < words else ':')
      for i, width in enumerate(widths)) + '|'
  yield from map(line, rows)


def digits(measure: Measure) -> int:
  """Returns how many decimals a measure is printed with."""
  return 2 if measure.unit in ('dB', '%') else 4


def number(value: float | None, digits: int) -> str:
  """Returns a number as text; '-' if there is none."""
  return '-' if value is None or math.isnan(value) else f'{value:.{digits}f}'
