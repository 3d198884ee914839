"""A run: its config, and what it leaves in its work directory.

| path             | what it is                                             |
|------------------|--------------------------------------------------------|
| `config.json`    | the resolved config                                    |
| `parameters.txt` | every weight with its shape                            |
| `checkpoints/`   | see `jinpaint.runs.checkpoints`                        |
| `events.out...`  | TensorBoard: losses, metrics, image grids              |
| `evaluation/`    | the last evaluation: tables and a figure               |
"""

import dataclasses
import json
from pathlib import Path

import ml_collections

from jinpaint import systems
from jinpaint.data import files
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.training.optimizer import Adam

_CONFIG = 'config.json'
# Keys that runs of earlier versions do not have, and what holds for them.
_NEWER = {'compute': 'float32', 'remat': '', 'average': 0.0}

# A run may go on with other values of these: they change no result.
_FREE = ('steps', 'epochs', 'log_every', 'eval_every', 'eval_examples',
         'save_every', 'keep', 'data.workers', 'data.test_source')


def claim(workdir: Path, config: ml_collections.ConfigDict) -> None:
  """Saves the config in a new work directory, or checks an old one's.

  Raises:
    UsageError: the directory holds another run, or cannot be made.
  """
  if (workdir / _CONFIG).exists():
    ours, theirs = _flat(config), _flat(read_config(workdir))
    differing = sorted(
        key for key in ours.keys() | theirs.keys()
        if key not in _FREE and ours.get(key) != theirs.get(key))
    if differing:
      changes = ', '.join(f'{key} {theirs.get(key)} -> {ours.get(key)}'
                          for key in differing)
      raise UsageError(f'{workdir} holds a run with another config '
                       f'({changes}); choose another --workdir')
  files.write_atomically(workdir / _CONFIG, (_json(config) + '\n').encode())


def read_config(workdir: Path) -> ml_collections.ConfigDict:
  """Returns the config of a run; keys that are newer have their defaults.

  Raises:
    UsageError: the directory holds no run.
  """
  path = workdir / _CONFIG
  try:
    config = json.loads(path.read_text())
    config = {**_NEWER, **config}
    config['data'] = {**dataclasses.asdict(Data()), **config['data']}
    config['options'] = {**systems.default_options(config['system']),
                         **config['options']}
    config['optimizers'] = {
        name: dataclasses.asdict(Adam(**adam))
        for name, adam in config['optimizers'].items()}
    return ml_collections.ConfigDict(config)
  except FileNotFoundError as error:
    raise UsageError(
        f'{workdir} holds no run: there is no {path}') from error
  except (KeyError, OSError, TypeError, ValueError) as error:
    raise UsageError(f'cannot read {path}: {error}') from error


def _json(config):
  return json.dumps(json.loads(config.to_json()), indent=2)


def _flat(config):
  """Returns dotted keys -> values, lists for tuples."""
  flat = {}
  def walk(prefix, tree):
    for key, value in tree.items():
      if isinstance(value, dict):
        walk(f'{prefix}{key}.', value)
      else:
        flat[prefix + key] = value
  walk('', json.loads(_json(config)))
  return flat
