"""The results on paper: an evaluation as tables, files and a picture."""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from jinpaint.data import files
from jinpaint.evaluation import details, grid, intervals, latex, records, sets
from jinpaint.evaluation.literature import Table
from jinpaint.evaluation.means import Summary
from jinpaint.evaluation.scores import Evaluation
from jinpaint.stage import Measure
from jinpaint.types import Array, Batch


def figure(batch: Batch, completed: Mapping[str, Array | np.ndarray], *,
           rows: int = 8) -> np.ndarray:
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
  rows = [[method, *(_cell(summary.get(key), grid.digits(measure))
                     for key, measure in measures.items())]
          for method, summary in summaries.items()]
  return '\n'.join([
      *grid.lines(head, rows, words=1), '',
      f'{len(evaluation.images)} images, {_holes(evaluation)}; means over '
      'images, scored as 8-bit RGB.',
      *(f'- {measure.name}: {_definition(measure)}.'
        for measure in measures.values()),
      *_protocol(evaluation), *_remarks(evaluation),
      *_not_measured(evaluation), *_left_out(evaluation),
      *details.lines(evaluation), *sets.lines(evaluation)])


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
      printed = [grid.number(columns[heading][i], digits)
                 for columns in literature.columns.values()]
      measured = [_cell(summaries[method].get(key), digits)
                  for method in methods]
      rows.append([holes if j == 0 else '', heading, *printed, *measured])
    notes += _left_out(evaluation, where=f'masks of {holes}, ')
  images = ', '.join(
      f'{len(evaluation.images)} images with holes of '
      f'{100 * evaluation.holes.mean():.1f} %' for evaluation in evaluations)
  definitions = [f'- {heading}: {first.measures[key].definition}.'
                 for heading, key in literature.measures.items() if key]
  return '\n'.join([
      *grid.lines(head, rows, words=2), '',
      f'{", ".join(literature.columns)}: {literature.title}, as printed in '
      f'{literature.source}.', '',
      f'{", ".join(methods)}: this evaluation of {about}. By the rows: '
      f'{images}; means over images, composites scored as 8-bit RGB.',
      *definitions, *_protocol(first, without='holes'), *notes, '',
      '**Warning.**', literature.warning])


def _cell(summary: Summary | None, digits: int) -> str:
  """Returns a mean as text; '-' for a method that has no such mean."""
  return grid.number(None if summary is None else summary.mean, digits)


def _holes(evaluation: Evaluation) -> str:
  share = grid.number(100 * float(evaluation.holes.mean()), 1)
  return f'holes of {share} % on average' if share != '-' else 'holes unknown'


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


def _not_measured(evaluation: Evaluation) -> Iterator[str]:
  """Yields a line for each column that is missing."""
  for key, reason in evaluation.left_out.items():
    yield f'- {key} left out: {reason}.'


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
  """Writes an evaluation's tables, numbers and picture.

  That is `table.md`, `table.tex`, `summary.json`, `images.csv` and
  `examples.png`.

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
  files.write_atomically(directory / 'table.tex',
                         (latex.table(evaluation) + '\n').encode())
  files.write_atomically(directory / 'images.csv', records.text(evaluation))
  files.write(directory / 'examples.png', files.Picture(picture))


def _summary(evaluation: Evaluation, about: Mapping[str, Any]) -> str:
  """Returns the JSON of an evaluation's means, and what they are of.

  Beside what the caller adds, such as `manifest` and `gallery`, it has for each
  method and measure the mean, its interval and what it leaves out (`methods`),
  the difference to the first method (`differences`), the same means for each
  range of hole ratios that has images (`bins`), and what each measure is
  (`measures`).
  """
  measures = evaluation.measures
  return json.dumps({
      **about, 'images': len(evaluation.images),
      **_without_nan({'mean_hole_fraction': float(evaluation.holes.mean())}),
      'measures': {key: {'name': measure.name, 'better': measure.better,
                         'definition': measure.definition,
                         'unit': measure.unit}
                   for key, measure in measures.items()},
      'protocol': dict(evaluation.protocol),
      'remarks': dict(evaluation.remarks),
      'left_out': dict(evaluation.left_out),
      'sets': {method: _without_nan(values)
               for method, values in evaluation.sets.items()},
      'set_measures': {key: {'name': measure.name, 'better': measure.better,
                             'definition': measure.definition}
                       for key, measure in evaluation.set_measures.items()},
      'methods': _methods(evaluation),
      'differences': {
          method: {key: _without_nan(interval._asdict())
                    for key, interval in row.items()}
          for method, row in intervals.of_differences(evaluation).items()},
      'bins': [{'low': low, 'high': high, 'images': len(part.images),
                'methods': _methods(part)}
               for (low, high), part in details.binned(evaluation).items()],
  }, indent=2, allow_nan=False)


def _methods(evaluation: Evaluation) -> dict[str, Any]:
  """Returns the means of all methods as JSON holds them."""
  sure = intervals.of_means(evaluation)
  return {
      method: {key: _without_nan({
          **dataclasses.asdict(summary), 'low': sure[method][key].low,
          'high': sure[method][key].high})
               for key, summary in evaluation.summary(method).items()}
      for method in evaluation.methods}


def _without_nan(numbers: Mapping[str, float]) -> dict[str, float | None]:
  """Returns numbers of which those of nothing are None: JSON has no nan."""
  return {name: None if math.isnan(number) else number
          for name, number in numbers.items()}
