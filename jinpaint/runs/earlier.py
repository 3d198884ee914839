"""The networks that a run starts with, of earlier runs and converted files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_collections

from jinpaint.converters import weights
from jinpaint.errors import UsageError
from jinpaint.runs import checkpoints
from jinpaint.stage import Stage
from jinpaint.types import Variables


def networks_of(config: ml_collections.ConfigDict, stage: Stage,
                say: Callable[[str], object]) -> Variables:
  """Returns the networks of a stage that have been learned elsewhere.

  Args:
    config: whose `start_from` names work directories, and files that `jinpaint
      convert` wrote. Where two have a network, the first one counts.
    stage: whose networks are needed.
    say: told which network comes from where.

  Raises:
    UsageError: there is no such run or file, it has nothing that is needed, or
      a network that the stage does not train is in none of them.
  """
  learned: dict[str, Any] = {}
  for path in (Path(name) for name in config.start_from.split(',') if name):
    variables, place = _networks_in(path, stage)
    used = variables.keys() & stage.networks.keys() - learned.keys()
    if not used:
      raise UsageError(f'{path} has {", ".join(variables)}: nothing that is '
                       'still needed here')
    say(f'starting with {", ".join(sorted(used))} of {place}')
    learned |= {name: variables[name] for name in used}
  if needed := stage.networks.keys() - learned.keys() - set(stage.trained):
    raise UsageError(f'this stage does not train the {", ".join(needed)}; name '
                     'a run that has: --config.start_from=WORKDIR')
  return learned


def _networks_in(path: Path, stage: Stage) -> tuple[Variables, str]:
  """Returns the networks of a run or of a file, and how to name it."""
  if path.is_file():
    return weights.load_for(stage.networks, path), str(path)
  variables, step = checkpoints.variables_of(path)
  return variables, f'{path}, step {step}'
