"""Measures that compare all images of a method with all true images.

FID, KID, P-IDS and U-IDS have no value for a single image. They are measured
after the images' own scores, of the pictures as they were scored, which are
made once more: so an evaluation that was stopped and goes on has all of them.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
import dataclasses
import itertools
from typing import Any, NamedTuple

import numpy as np

from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.evaluation import distributions, frechet, grid, inception
from jinpaint.evaluation.rows import Rows
from jinpaint.evaluation.scores import Evaluation

# From numbers of photographs to the pictures of each: 'truth', 'mask' and those
# of the methods, uint8.
Draw = Callable[[Collection[int]],
                Iterator[tuple[int, Mapping[str, np.ndarray]]]]

_NETWORK = 'fid_inception'
_AT_ONCE = 32  # pictures whose features are computed together


class SetMeasure(NamedTuple):
  """A column of the table of sets.

  Attributes:
    name: its head.
    definition: what is printed below, without a full stop.
    variant: how images are brought to the network, see
      `jinpaint.evaluation.inception`.
    compare: of the features of the true images (N, d) and of a method's, pair
      by pair; called once for all measures that have it.
    value: from what it returns to the number.
    metric: as `jinpaint.evaluation.distributions.warning` calls it.
    better: 'higher' or 'lower'.
    digits: decimals in the table.
  """

  name: str
  definition: str
  variant: str
  compare: Callable[[Rows, Rows], Any]
  value: Callable[[Any], float]
  metric: str
  better: str
  digits: int


def _fid(variant: str, by: str, ddof: int = 1) -> SetMeasure:
  divisor = 'N - 1' if ddof else 'N'
  return SetMeasure(
      f'FID, {variant.partition("/")[2]}',
      'Fréchet distance of Inception features, resized as by '
      f'{by}, covariances divided by {divisor}', variant,
      lambda real, fake: frechet.fid(real, fake, ddof), float, 'fid', 'lower',
      3)


_IDS = 'Inception features as of fid/stylegan, a linear support vector machine'

MEASURES: Mapping[str, SetMeasure] = {
    'fid/pytorch-fid': _fid('fid/pytorch-fid', 'pytorch-fid and LaMa'),
    'fid/clean': _fid('fid/clean', 'clean-fid'),
    'fid/stylegan': _fid('fid/stylegan', "StyleGAN's program and MAT", ddof=0),
    'kid': SetMeasure(
        'KID', 'unbiased, of all images, Inception features as of fid/clean, '
        'kernel (a.b / d + 1)^3', 'fid/clean', distributions.kid, float,
        'kid', 'lower', 5),
    'p_ids': SetMeasure(
        'P-IDS', f'{_IDS}; share of pairs whose fill it takes for more real',
        'fid/stylegan', distributions.discriminative_scores,
        lambda classifier: classifier.p_ids, 'p_ids', 'higher', 4),
    'u_ids': SetMeasure(
        'U-IDS', f'{_IDS}; share of images that it takes for the other kind',
        'fid/stylegan', distributions.discriminative_scores,
        lambda classifier: classifier.u_ids, 'u_ids', 'higher', 4),
}

# What belongs to a set of `jinpaint.evaluation.measures.SETS`.
SETS: Mapping[str, tuple[str, ...]] = {
    'lama': ('fid/pytorch-fid',), 'mat': ('fid/stylegan', 'p_ids', 'u_ids')}


def split(names: Iterable[str], set_name: str
          ) -> tuple[dict[str, SetMeasure], tuple[str, ...]]:
  """Returns the measures of sets among names, and the names of the others.

  Args:
    names: keys of `MEASURES` and of `jinpaint.evaluation.measures.MEASURES`.
    set_name: a set of measures, whose measures of sets come first.
  """
  names = tuple(names)
  keys = (*SETS.get(set_name, ()), *(name for name in names
                                     if name in MEASURES))
  return ({key: MEASURES[key] for key in dict.fromkeys(keys)},
          tuple(name for name in names if name not in MEASURES))


def added(evaluation: Evaluation, measures: Mapping[str, SetMeasure],
          draw: Draw) -> Evaluation:
  """Returns an evaluation with measures of sets.

  Args:
    evaluation: with the scores of images.
    measures: by key; where their network's weights cannot be had, they are
      left out, and the evaluation says so.
    draw: makes the pictures again.
  """
  if not measures:
    return evaluation
  count = len(evaluation.images)
  try:
    if count < 2:
      raise UsageError(f'it needs at least 2 images, not {count}')
    variables = pretrained.load(_NETWORK)
  except UsageError as error:
    return dataclasses.replace(evaluation, left_out={
        **evaluation.left_out, **dict.fromkeys(measures, str(error))})
  extractors = {
      variant: inception.Extractor(variables, variant, batch_size=_AT_ONCE)
      for variant in {measure.variant for measure in measures.values()}}
  rows: dict[tuple[str, str], list[Rows]] = {}
  pictures = draw([int(index) for index in evaluation.indices])
  while chunk := [shown for _, shown in itertools.islice(pictures, _AT_ONCE)]:
    for variant, extract in extractors.items():
      for name in ('truth', *evaluation.methods):
        rows.setdefault((variant, name), []).append(
            extract([shown[name] for shown in chunk]))
  features = {key: np.concatenate(parts) for key, parts in rows.items()}
  values: dict[str, dict[str, float]] = {name: {} for name in
                                         evaluation.methods}
  left_out = dict(evaluation.left_out)
  for method in evaluation.methods:
    compared: dict[tuple[str, Any], Any] = {}
    for key, measure in measures.items():
      task = measure.variant, measure.compare
      try:
        if task not in compared:
          compared[task] = measure.compare(features[measure.variant, 'truth'],
                                           features[measure.variant, method])
        values[method][key] = measure.value(compared[task])
      except UsageError as error:  # of too few images
        left_out[key] = str(error)
  kept = {key: measure for key, measure in measures.items()
          if key not in left_out}
  return dataclasses.replace(
      evaluation, set_measures=kept, sets=values if kept else {},
      left_out=left_out)


def lines(evaluation: Evaluation) -> Iterator[str]:
  """Yields the lines of the table of sets; none without such measures."""
  if not evaluation.sets:
    return
  measures, count = evaluation.set_measures, len(evaluation.images)
  yield from ['', f'Of all {count} images together.', '']
  yield from grid.lines(
      ['method', *(measure.name for measure in measures.values())],
      [[method, *(grid.number(values[key], measure.digits)
                  for key, measure in measures.items())]
       for method, values in evaluation.sets.items()], words=1)
  yield ''
  for measure in measures.values():
    yield f'- {measure.name}: {measure.definition}; {measure.better} is better.'
  warnings = (distributions.warning(measure.metric, count)
              for measure in measures.values())
  yield from (f'- {text}.' for text in dict.fromkeys(warnings) if text)
