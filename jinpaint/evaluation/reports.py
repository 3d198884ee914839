"""What an evaluation looks like: tables, files and figures."""

from collections.abc import Mapping, Sequence
import csv
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from jinpaint.data import files
from jinpaint.evaluation import metrics
from jinpaint.evaluation.literature import Table
from jinpaint.evaluation.scores import Evaluation
from jinpaint.types import Array, Batch


def figure(batch: Batch, predicted: Mapping[str, Array], *, rows: int = 8
           ) -> np.ndarray:
  """Returns a picture of examples, one a row.

  The columns: damaged image, mask; a drawn sketch and, if there is one, the
  refined one; of predicted edges, the known, the completed and the true ones;
  of a predicted image, the prediction and the result; the true image.

  Args:
    batch: what the stage reads; the first `rows` are shown, without padding.
    predicted: what `jinpaint.stage.complete` returned.
    rows: how many examples.

  Returns:
    RGB (H, W, 3) uint8, white lines between the columns and rows.
  """
  real = np.asarray(batch.get('weight', np.ones(len(batch['image'])))) == 1
  given, made = ({key: np.asarray(value)[real][:rows]
                  for key, value in arrays.items()}
                 for arrays in (batch, predicted))
  image, mask = given['image'], given['mask']
  columns = [image * (1 - mask), mask]
  if 'sketch' in given:
    columns += [given['sketch'] * mask]
  if 'sketch' in made:
    columns += [made['sketch']]
  if 'edge' in made:
    columns += [given['known_edge'] * (1 - mask), made['edge'],
                given['true_edge']]
  if 'image' in made:
    columns += [made.get('raw_image', made['image']), made['image']]
  line = 2
  cells = [np.pad(np.broadcast_to(column, image.shape),
                  ((0, 0), (0, line), (0, line), (0, 0)), constant_values=1)
           for column in (*columns, image)]
  picture = np.concatenate([np.concatenate(row, axis=1)
                            for row in zip(*cells, strict=True)])
  return np.rint(np.clip(picture[:-line, :-line], 0, 1) * 255).astype(np.uint8)


def table(evaluation: Evaluation) -> str:
  """Returns the evaluation as a Markdown table that a terminal can show."""
  methods = {name: evaluation.summary(name) for name in evaluation.methods}
  columns = list(next(iter(methods.values())))
  head = ['method', *(evaluation.measures[c].name for c in columns)]
  rows = [[method, *(_cell(evaluation.measures[c], summary.get(c))
                     for c in columns)]
          for method, summary in methods.items()]
  return '\n'.join([*_grid(head, rows, words=1), *_notes(
      evaluation, methods, columns)])


def comparison(literature: Table, evaluations: Sequence[Evaluation],
               about: str) -> str:
  """Returns a paper's table with further columns, as Markdown.

  Args:
    literature: the table; three rows, PSNR, SSIM and L1, for each of its bins.
    evaluations: one for each bin; each method is a column behind the paper's.
    about: the images and masks of the evaluations.
  """
  ours = list(evaluations[0].methods)
  head = ['mask', 'metric', *literature.columns, *ours]
  rows = []
  for i, ((low, high), evaluation) in enumerate(
      zip(literature.bins, evaluations, strict=True)):
    summaries = {method: evaluation.summary(method) for method in ours}
    for j, (heading, metric) in enumerate(literature.metrics.items()):
      digits = 3 if heading == 'SSIM' else 2
      values = [columns[heading][i] for columns in literature.columns.values()]
      values += [summaries[method][metric].mean for method in ours]
      rows.append([f'{100 * low:.0f}-{100 * high:.0f}%' if j == 0 else '',
                   heading, *(f'{value:.{digits}f}' for value in values)])
  images = ', '.join(
      f'{len(evaluation.images)} images with holes of '
      f'{100 * evaluation.holes.mean():.1f} %' for evaluation in evaluations)
  definitions = [f'- {heading}: {metrics.METRICS[metric].definition}.'
                 for heading, metric in literature.metrics.items()]
  return '\n'.join([
      *_grid(head, rows, words=2), '',
      f'{", ".join(literature.columns)}: {literature.title}, as printed in '
      f'{literature.source}.', '',
      f'{", ".join(ours)}: this evaluation of {about}. By the rows: {images}; '
      'means over images, composites scored as 8-bit RGB.', *definitions, '',
      '**Warning.**', literature.warning])


def _grid(head, rows, *, words):
  """Yields the lines of a Markdown table whose first columns are words."""
  widths = [max(len(row[i]) for row in [head, *rows])
            for i in range(len(head))]
  line = lambda cells: '| ' + ' | '.join(
      cell.ljust(width) if i < words else cell.rjust(width)
      for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
  ) + ' |'
  yield line(head)
  yield '|' + '|'.join(
      '-' * (width + 1) + ('-' if i < words else ':')
      for i, width in enumerate(widths)) + '|'
  yield from map(line, rows)


def _cell(measure, summary):
  if summary is None or math.isnan(summary.mean):
    return '-'
  digits = 2 if measure.unit in ('dB', '%') else 4
  return f'{summary.mean:.{digits}f}'


def _notes(evaluation, methods, columns):
  """Says what the table is of, and what its means leave out."""
  yield ''
  yield (f'{len(evaluation.images)} images, holes of '
         f'{100 * evaluation.holes.mean():.1f} % on average; means over '
         'images, scored as 8-bit RGB.')
  for column in columns:
    metric = evaluation.measures[column]
    better = f'; {metric.better} is better' if metric.better else ''
    yield f'- {metric.name}: {metric.definition}{better}.'
  for method, summary in methods.items():
    for column, (_, _, infinite, undefined) in summary.items():
      if infinite:
        yield (f'- {method}: {evaluation.measures[column].name} of {infinite} '
               'images is infinite (identical) and left out of the mean.')
      if undefined:
        yield (f'- {method}: {evaluation.measures[column].name} of {undefined} '
               'images is undefined (no hole) and left out of the mean.')


def write(evaluation: Evaluation, directory: Path,
          about: Mapping[str, Any], picture: np.ndarray) -> None:
  """Writes `table.md`, `summary.json`, `images.csv` and `examples.png`.

  Args:
    evaluation: what to write; in the CSV, one row an image.
    directory: where.
    about: what was evaluated, and on what; goes into the JSON.
    picture: the `figure` of some of the examples.
  """
  files.write_atomically(directory / 'table.md',
                         (table(evaluation) + '\n').encode())
  summary = {
      **about, 'images': len(evaluation.images),
      'mean_hole_fraction': float(evaluation.holes.mean()),
      'definitions': {
          name: evaluation.measures[name].definition
          for name in next(iter(evaluation.methods.values()))},
      'methods': {
          method: {name: _finite(value._asdict())
                   for name, value in evaluation.summary(method).items()}
          for method in evaluation.methods}}
  files.write_atomically(
      directory / 'summary.json',
      (json.dumps(summary, indent=2, allow_nan=False) + '\n').encode())

  rows = io.StringIO()
  writer = csv.writer(rows, lineterminator='\n')
  columns = [(method, name) for method, scores in evaluation.methods.items()
             for name in scores]
  writer.writerow(['image', 'hole_fraction', *map(': '.join, columns)])
  for i, (image, hole) in enumerate(
      zip(evaluation.images, evaluation.holes, strict=True)):
    writer.writerow([image, f'{hole:.6f}', *(
        f'{evaluation.methods[method][name][i]:.6f}'
        for method, name in columns)])
  files.write_atomically(directory / 'images.csv', os.fsencode(rows.getvalue()))
  files.write(directory / 'examples.png', files.Picture(picture))


def _finite(summary):
  """JSON has no nan: the mean of nothing is null."""
  return {key: None if isinstance(value, float) and math.isnan(value)
          else value for key, value in summary.items()}
