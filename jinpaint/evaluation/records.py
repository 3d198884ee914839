"""The scores of each image: `images.csv`, one row an image.

The columns are `image`, `hole_fraction`, and `METHOD: KEY` for each method and
measure. Numbers have as many digits as it takes to read back the same float32.
"""

from collections.abc import Iterable, Mapping, Sequence
import csv
import io
import os

import numpy as np

from jinpaint.evaluation.scores import Evaluation, Scores

_FIRST = ('image', 'hole_fraction')


def text(evaluation: Evaluation) -> bytes:
  """Returns the CSV of an evaluation."""
  columns = columns_of(evaluation.methods)
  return lines([[*_FIRST, *map(': '.join, columns)], *rows(
      evaluation.images, evaluation.holes, evaluation.methods)])


def columns_of(methods: Mapping[str, Scores]) -> list[tuple[str, str]]:
  """Returns the methods and measures of the columns, in their order."""
  return [(method, key) for method, scores in methods.items()
          for key in scores]


def rows(images: Sequence[str], holes: np.ndarray,
         methods: Mapping[str, Scores]) -> list[list[str]]:
  """Returns the cells of the rows of images."""
  columns = columns_of(methods)
  return [[image, str(np.float32(holes[i])), *(
      str(np.float32(methods[method][key][i])) for method, key in columns)]
          for i, image in enumerate(images)]


def lines(cells: Iterable[Sequence[str]]) -> bytes:
  """Returns cells as lines of a CSV; names may hold bytes that are no text."""
  contents = io.StringIO()
  csv.writer(contents, lineterminator='\n').writerows(cells)
  return os.fsencode(contents.getvalue())
