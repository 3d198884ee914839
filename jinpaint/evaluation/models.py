"""The systems of an evaluation: runs and packed models, opened for scoring."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import ml_collections

from jinpaint import runs
from jinpaint.errors import UsageError
from jinpaint.evaluation.scores import Evaluator, Model, row_of, SYSTEM
from jinpaint.guidance import Guidance
from jinpaint.runs import packed
from jinpaint.types import Variables

# Of the data, a system brings along only what it reads beside photographs and
# holes, which are those of the first one.
_OWN_DATA = ('edge', 'eval_edge', 'edge_cut', 'sketch')


class Opened(NamedTuple):
  """A system that is to be scored.

  Attributes:
    path: the run's directory, or the file of a packed model.
    config: the run's, with the photographs and holes of the evaluation.
    variables: its networks.
    step: at which they are; None where the file does not say it.
  """

  path: Path
  config: ml_collections.ConfigDict
  variables: Variables
  step: int | None

  @property
  def guides(self) -> tuple[object, ...]:
    """What decides its edges and sketches: equal for those who share them."""
    data = runs.data_of(self.config)
    return tuple(getattr(data, key) for key in _OWN_DATA)


def further(paths: Iterable[Path], config: ml_collections.ConfigDict
            ) -> list[Opened]:
  """Opens systems that are scored on the photographs and holes of another one.

  Args:
    paths: work directories of runs, of which the last checkpoint is taken, or
      packed models.
    config: of the first system, which says what is scored on.

  Raises:
    UsageError: there is no such run or file, or it fills no holes.
  """
  opened = []
  for path in paths:
    own, variables, step = packed.open_model(path)
    merged = ml_collections.ConfigDict({
        **config.to_dict(), **{key: own.to_dict()[key] for key in
                             packed.KEYS_OF_SYSTEM},
        'data': {**config.data.to_dict(),
                 **{key: own.data.get(key, '') for key in _OWN_DATA}}})
    stage = runs.stage_of(merged)
    if not stage.fills:
      raise UsageError(f'{path} was trained for the stage {own.stage} of '
                       f'{own.system}, which makes no image to compare')
    opened.append(Opened(path, merged, variables, step))
  return opened


def rows_of(opened: Sequence[Opened], evaluators: Sequence[Evaluator]
            ) -> list[Model]:
  """Returns the rows of systems: the first is jinpaint, others have names.

  Args:
    opened: the systems.
    evaluators: theirs.

  Raises:
    UsageError: two of them would have the same name.
  """
  names = [SYSTEM, *_names([each.path for each in opened[1:]])]
  models = [
      Model(row_of(evaluator.stage, name), evaluator, each.variables)
      for name, each, evaluator in zip(names, opened, evaluators, strict=True)]
  for model in models:
    if [other.name for other in models].count(model.name) > 1:
      raise UsageError(f'two rows would be called {model.name}; name each run '
                       'once')
  return models


def guidances_of(opened: Sequence[Opened]) -> list[Guidance]:
  """Returns what makes the edges and sketches of systems, shared if equal."""
  made: dict[tuple[object, ...], Guidance] = {}
  for each in opened:
    if each.guides not in made:
      made[each.guides] = runs.guidance_of(each.config, training=False)
  return [made[each.guides] for each in opened]


def _names(paths: Sequence[Path]) -> list[str]:
  """Returns the last part of each path, or all of it where that is not new."""
  short = [path.stem if path.is_file() else path.resolve().name
           for path in paths]
  return [str(path) if short.count(name) > 1 or name == SYSTEM else name
          for path, name in zip(paths, short, strict=True)]
