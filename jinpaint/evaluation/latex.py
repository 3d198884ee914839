"""A table of means as LaTeX: a plain `tabular`, which needs no package."""

from jinpaint.evaluation import grid
from jinpaint.evaluation.scores import Evaluation

_SPECIAL = {'\\': r'\textbackslash{}', '~': r'\textasciitilde{}',
            '^': r'\textasciicircum{}',
            **{character: f'\\{character}' for character in '&%$#_{}'}}
_ARROWS = {'higher': r' $\uparrow$', 'lower': r' $\downarrow$', '': ''}


def table(evaluation: Evaluation) -> str:
  """Returns the means of an evaluation, with the best of a column in bold.

  Where several methods print the same best number, all of them are bold. What
  a stage measures of itself alone has no best.
  """
  measures = evaluation.measures
  rows = {method: {key: grid.number(mean.mean, grid.digits(measures[key]))
                   for key, mean in evaluation.summary(method).items()}
          for method in evaluation.methods}
  best = {}
  for key, measure in measures.items():
    numbers = {float(row[key]): row[key] for row in rows.values()
               if row.get(key, '-') != '-'}
    several = sum(key in row for row in rows.values()) > 1
    if numbers and measure.better and several:
      pick = max if measure.better == 'higher' else min
      best[key] = numbers[pick(numbers)]

  def cell(row: dict[str, str], key: str) -> str:
    text = row.get(key, '-')
    return rf'\textbf{{{text}}}' if best.get(key) == text else text

  head = ' & '.join(['method', *(
      _escaped(measure.name) + _ARROWS[measure.better]
      for measure in measures.values())])
  body = [' & '.join([_escaped(method), *(cell(row, key) for key in measures)])
          for method, row in rows.items()]
  return '\n'.join([
      f'% {len(evaluation.images)} images, holes of '
      f'{grid.number(100 * float(evaluation.holes.mean()), 1)} % on average',
      *(f'% {measure.name}: {measure.definition}'
        for measure in measures.values()),
      *(f'% {subject}: {words}'
        for subject, words in evaluation.protocol.items()),
      rf'\begin{{tabular}}{{l{"r" * len(measures)}}}', r'\hline',
      rf'{head} \\', r'\hline', *(rf'{line} \\' for line in body), r'\hline',
      r'\end{tabular}'])


def _escaped(text: str) -> str:
  """Returns a text in which no character has a meaning to LaTeX."""
  return ''.join(_SPECIAL.get(character, character) for character in text)
