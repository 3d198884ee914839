"""Whose published weights a run reads: `weights.json` in its work directory."""

from collections.abc import Mapping
import json
from pathlib import Path

from jinpaint.converters.weights import Weights
from jinpaint.data import files
from jinpaint.errors import UsageError

_FILE = 'weights.json'


def changes(workdir: Path, read: Mapping[str, Weights]) -> list[str]:
  """Writes down whose weights a run reads, or says what has changed.

  The record of what a run read first stays, so that a change is said each time
  that the run goes on.

  Args:
    workdir: the run's directory; `weights.json` in it is written or read.
    read: the published networks that losses and edge detectors read, by name.

  Returns:
    A line for each network whose weights are others than at the start.

  Raises:
    UsageError: the record cannot be read or written.
  """
  path = workdir / _FILE
  now = {name: {'licence': weights.licence, 'origin': weights.origin,
                'sha256': weights.sha256} for name, weights in read.items()}
  try:
    before = json.loads(path.read_text())
    others = [name for name in now
              if before.get(name, now[name])['sha256'] != now[name]['sha256']]
  except FileNotFoundError:
    before, others = {}, []  # a new run, or one that is older than this file
  except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
    raise UsageError(f'cannot read {path}: {error}') from error
  if now.keys() - before.keys():
    files.write_atomically(
        path, (json.dumps({**now, **before}, indent=2) + '\n').encode())
  return [f'the weights of {name} are not those of the start: '
          f'{before[name]["origin"]} then, {now[name]["origin"]} now'
          for name in others]
