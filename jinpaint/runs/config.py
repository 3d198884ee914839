"""A run: its config, and what it leaves in its work directory.

| path             | what it is                                              |
|------------------|---------------------------------------------------------|
| `config.json`    | the resolved config                                     |
| `data.json`      | see `jinpaint.runs.fingerprint`                         |
| `weights.json`   | see `jinpaint.runs.provenance`                          |
| `parameters.txt` | every weight with its shape                             |
| `checkpoints/`   | see `jinpaint.runs.checkpoints`                         |
| `events.out...`  | TensorBoard: losses, metrics, image grids               |
| `evaluation/`    | the last evaluation: tables and a figure                |
| `.lock`          | locked while a training is at work, and by which one    |
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import json
import os
from pathlib import Path
import socket
from typing import Any
import warnings

import ml_collections

from jinpaint import systems
from jinpaint.data import files
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.runs import paths
from jinpaint.training.optimizer import Adam

_CONFIG = 'config.json'
# Keys that runs of earlier versions do not have, and what holds for them.
_NEWER = {'compute': 'float32', 'remat': '', 'average': 0.0, 'minutes': 0.0}

# A run may go on with other values of these: they change no result.
_FREE = ('steps', 'epochs', 'minutes', 'log_every', 'eval_every',
         'eval_examples', 'save_every', 'keep', 'data.workers',
         'data.test_source')


@contextlib.contextmanager
def hold(workdir: Path) -> Iterator[None]:
  """Keeps a work directory for this training, which may be the only one.

  Those who only read the run need not hold it. A training that is killed
  leaves nothing behind that would have to be removed: the lock goes with the
  process.

  Args:
    workdir: the run's directory, which is made if it is not there.

  Raises:
    UsageError: another training is at work there, or it cannot be made.
  """
  import fcntl  # imported here: Windows, where pictures can be filled, has none
  path = workdir / '.lock'
  try:
    workdir.mkdir(parents=True, exist_ok=True)
    file = path.open('a+')
  except OSError as error:
    raise UsageError(f'cannot write {path}: {error.strerror}') from error
  with file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      file.seek(0)
      holder = file.read().strip() or 'another process'
      raise UsageError(f'{holder} is training in {workdir}; wait for it, or '
                       'choose another --workdir') from error
    except OSError as error:  # some network file systems know no locks
      warnings.warn(f'{workdir} cannot be locked ({error.strerror}): see to it '
                    'that no second training is started there', stacklevel=3)
    else:
      file.truncate(0)
      holder = f'process {os.getpid()} on {socket.gethostname()}'
      with contextlib.suppress(OSError):  # a full disk: it is only a hint
        os.write(file.fileno(), holder.encode())
    yield


def claim(workdir: Path, config: ml_collections.ConfigDict) -> None:
  """Saves the config in a new work directory, or checks an old one's.

  What is saved has absolute paths, so that the run can go on, or be read, from
  any other directory.

  Raises:
    UsageError: the directory holds another run, or cannot be made.
  """
  if (workdir / _CONFIG).exists():
    ours = _flat(paths.resolved(config))
    theirs = _flat(paths.resolved(read_config(workdir)))
    differing = sorted(
        key for key in ours.keys() | theirs.keys()
        if key not in _FREE and ours.get(key) != theirs.get(key))
    if differing:
      changes = ', '.join(f'{key} {theirs.get(key)} -> {ours.get(key)}'
                          for key in differing)
      raise UsageError(f'{workdir} holds a run with another config '
                       f'({changes}); choose another --workdir')
  files.write_atomically(
      workdir / _CONFIG, (_json(paths.absolute(config)) + '\n').encode())


def read_config(workdir: Path) -> ml_collections.ConfigDict:
  """Returns the config of a run; keys that are newer have their defaults.

  Raises:
    UsageError: the directory holds no run.
  """
  path = workdir / _CONFIG
  try:
    return from_json(json.loads(path.read_text()))
  except FileNotFoundError as error:
    raise UsageError(
        f'{workdir} holds no run: there is no {path}') from error
  except (KeyError, OSError, TypeError, ValueError) as error:
    raise UsageError(f'cannot read {path}: {error}') from error


def from_json(saved: Mapping[str, Any]) -> ml_collections.ConfigDict:
  """Returns a config that was saved; keys that are newer have their defaults.

  Args:
    saved: at least its system, stage, options and data.

  Raises:
    KeyError, TypeError, ValueError: it is no config.
    UsageError: there is no such system.
  """
  config = {'optimizers': {}, **_NEWER, **saved}
  config['data'] = {**dataclasses.asdict(Data()), **config['data']}
  config['options'] = {**systems.default_options(config['system']),
                       **config['options']}
  config['optimizers'] = {
      name: dataclasses.asdict(Adam(**adam))
      for name, adam in config['optimizers'].items()}
  return ml_collections.ConfigDict(config)


def _json(config: ml_collections.ConfigDict) -> str:
  return json.dumps(json.loads(config.to_json()), indent=2)


def _flat(config: ml_collections.ConfigDict) -> dict[str, Any]:
  """Returns dotted keys -> values, lists for tuples."""
  flat = {}
  def walk(prefix: str, tree: dict[str, Any]) -> None:
    for key, value in tree.items():
      if isinstance(value, dict):
        walk(f'{prefix}{key}.', value)
      else:
        flat[prefix + key] = value
  walk('', json.loads(_json(config)))
  return flat
