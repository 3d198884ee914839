"""The results on paper: an evaluation as tables, files and a picture."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import csv
import dataclasses
import io
import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from jinpaint.data import files
from jinpaint.evaluation.literature import Table
from jinpaint.evaluation.means import Summary
from jinpaint.evaluation.scores import Evaluation
from jinpaint.stage import Measure
from jinpaint.types import Array, Batch


def figure(batch: Batch, completed: Mapping[str, Array], *, rows: int = 8
           ) -> np.ndarray:
  """Returns a picture of examples, one in each row.

  The columns are the damaged image and the mask; a drawn sketch and, if there
  is one, the refined sketch; of predicted edges, the known, the completed and
  the true ones; of a predicted image, the prediction and the result; the true
  image.

  Args:
    batch: what the stage reads; the first `rows` examples are shown, and no
      padding.
    completed: what `jinpaint.stage.complete` returned.
    rows: how many examples.

  Returns:
    RGB (H, W, 3) uint8, white lines between the columns and rows.
  """
  real = np.asarray(batch.get('weight', np.ones(len(batch['image'])))) == 1
  examples, results = ({key: np.asarray(value)[real][:rows]
                        for key, value in arrays.items()}
                       for arrays in (batch, completed))
  image, mask = examples['image'], examples['mask']
  columns = [image * (1 - mask), mask]
  if 'sketch' in examples:
    columns += [examples['sketch'] * mask]
  if 'sketch' in results:
    columns += [results['sketch']]
  if 'edge' in results:
    columns += [examples['known_edge'] * (1 - mask), results['edge'],
                examples['true_edge']]
  if 'image' in results:
    columns += [results.get('raw_image', results['image']), results['image']]
  line = 2
  cells = [np.pad(np.broadcast_to(column, image.shape),
                  ((0, 0), (0, line), (0, line), (0, 0)), constant_values=1)
           for column in (*columns, image)]
  picture = np.concatenate([np.concatenate(row, axis=1)
                            for row in zip(*cells, strict=True)])
  return np.rint(np.clip(picture[:-line, :-line], 0, 1) * 255).astype(np.uint8)


def table(evaluation: Evaluation) -> str:
  """Returns the evaluation as a Markdown table that a terminal can show."""
  summaries = {method: evaluation.summary(method)
               for method in evaluation.methods}
  measures = evaluation.measures
  head = ['method', *(measure.name for measure in measures.values())]
  rows = [[method, *(_cell(summary.get(key), _digits(measure))
                     for key, measure in measures.items())]
          for method, summary in summaries.items()]
  return '\n'.join([
      *_grid(head, rows, words=1), '',
      f'{len(evaluation.images)} images, holes of '
      f'{100 * evaluation.holes.mean():.1f} % on average; means over '
      'images, scored as 8-bit RGB.',
      *(f'- {measure.name}: {_definition(measure)}.'
        for measure in measures.values()),
      *_protocol(evaluation), *_remarks(evaluation), *_left_out(evaluation)])


def comparison(literature: Table, evaluations: Sequence[Evaluation],
               about: str) -> str:
  """Returns a paper's table with further columns, as Markdown.

  Args:
    literature: the table; three rows, PSNR, SSIM and L1, for each of its bins.
    evaluations: one for each bin; each method is a column behind the paper's.
    about: the images and masks of the evaluations.
  """
  first = evaluations[0]
  methods = list(first.methods)
  head = ['mask', 'metric', *literature.columns, *methods]
  rows = []
  notes = list(_remarks(first))
  for i, (ratios, evaluation) in enumerate(
      zip(literature.bins, evaluations, strict=True)):
    holes = '-'.join(f'{100 * ratio:.0f}' for ratio in ratios) + '%'
    summaries = {method: evaluation.summary(method) for method in methods}
    for j, (heading, key) in enumerate(literature.measures.items()):
      digits = 3 if heading == 'SSIM' else 2
      printed = [_number(columns[heading][i], digits)
                 for columns in literature.columns.values()]
      measured = [_cell(summaries[method][key], digits) for method in methods]
      rows.append([holes if j == 0 else '', heading, *printed, *measured])
    notes += _left_out(evaluation, where=f'masks of {holes}, ')
  images = ', '.join(
      f'{len(evaluation.images)} images with holes of '
      f'{100 * evaluation.holes.mean():.1f} %' for evaluation in evaluations)
  definitions = [f'- {heading}: {first.measures[key].definition}.'
                 for heading, key in literature.measures.items()]
  return '\n'.join([
      *_grid(head, rows, words=2), '',
      f'{", ".join(literature.columns)}: {literature.title}, as printed in '
      f'{literature.source}.', '',
      f'{", ".join(methods)}: this evaluation of {about}. By the rows: '
      f'{images}; means over images, composites scored as 8-bit RGB.',
      *definitions, *_protocol(first, without='holes'), *notes, '',
      '**Warning.**', literature.warning])


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], *, words: int
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


def _digits(measure: Measure) -> int:
  """Returns how many decimals a measure is printed with."""
  return 2 if measure.unit in ('dB', '%') else 4


def _cell(summary: Summary | None, digits: int) -> str:
  """Returns a mean as text; '-' for a method that has no such mean."""
  return _number(None if summary is None else summary.mean, digits)


def _number(value: float | None, digits: int) -> str:
  return '-' if value is None or math.isnan(value) else f'{value:.{digits}f}'


def _definition(measure: Measure) -> str:
  better = f'; {measure.better} is better' if measure.better else ''
  return f'{measure.definition}{better}'


def _protocol(evaluation: Evaluation, without: str = '') -> Iterator[str]:
  """Yields a line for each thing that the scores depend on, but for one."""
  for subject, words in evaluation.protocol.items():
    if subject != without:
      yield f'- {subject}: {words}.'


def _remarks(evaluation: Evaluation) -> Iterator[str]:
  """Yields a line for each method that a reader must know something of."""
  for method, remark in evaluation.remarks.items():
    yield f'- {method}: {remark}.'


def _left_out(evaluation: Evaluation, where: str = '') -> Iterator[str]:
  """Yields a line for each mean that leaves images out."""
  reasons = {'infinite': 'identical to the truth',
             'undefined': 'nothing to count, such as no hole'}
  methods_by_fact: dict[str, list[str]] = {}
  for method in evaluation.methods:
    for key, summary in evaluation.summary(method).items():
      for value, reason in reasons.items():
        if number := getattr(summary, value):
          fact = (f'{evaluation.measures[key].name} is {value} for {number} of '
                  f'{len(evaluation.images)} images ({reason}); the mean '
                  'leaves them out')
          methods_by_fact.setdefault(fact, []).append(method)
  for fact, methods in methods_by_fact.items():
    yield f'- {where}{", ".join(methods)}: {fact}.'


def write(evaluation: Evaluation, directory: Path,
          about: Mapping[str, Any], picture: np.ndarray) -> None:
  """Writes `table.md`, `summary.json`, `images.csv` and `examples.png`.

  Args:
    evaluation: what to write; in the CSV, each image is a row.
    directory: where.
    about: what was evaluated, and on what; goes into the JSON.
    picture: the `figure` of some of the examples.
  """
  files.write_atomically(directory / 'table.md',
                         (table(evaluation) + '\n').encode())
  files.write_atomically(directory / 'summary.json',
                         (_summary(evaluation, about) + '\n').encode())
  files.write_atomically(directory / 'images.csv',
                         os.fsencode(_images(evaluation)))
  files.write(directory / 'examples.png', files.Picture(picture))


def _summary(evaluation: Evaluation, about: Mapping[str, Any]) -> str:
  """Returns the JSON of an evaluation's means, and what they are of."""
  return json.dumps({
      **about, 'images': len(evaluation.images),
      'mean_hole_fraction': float(evaluation.holes.mean()),
      'definitions': {key: measure.definition
                      for key, measure in evaluation.measures.items()},
      'protocol': dict(evaluation.protocol),
      'remarks': dict(evaluation.remarks),
      'methods': {
          method: {key: _without_nan(summary)
                   for key, summary in evaluation.summary(method).items()}
          for method in evaluation.methods}}, indent=2, allow_nan=False)


def _without_nan(summary: Summary) -> dict[str, float | None]:
  """Returns a summary whose mean of nothing is None: JSON has no nan."""
  mean = None if math.isnan(summary.mean) else summary.mean
  return {**dataclasses.asdict(summary), 'mean': mean}


def _images(evaluation: Evaluation) -> str:
  """Returns the CSV with a row for each image."""
  text = io.StringIO()
  writer = csv.writer(text, lineterminator='\n')
  columns = [(method, key) for method, scores in evaluation.methods.items()
             for key in scores]
  writer.writerow(['image', 'hole_fraction', *map(': '.join, columns)])
  for i, (image, hole) in enumerate(
      zip(evaluation.images, evaluation.holes, strict=True)):
    writer.writerow([image, f'{hole:.6f}', *(
        f'{evaluation.methods[method][key][i]:.6f}'
        for method, key in columns)])
  return text.getvalue()
