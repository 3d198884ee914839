"""A run: its config, and what it leaves in its work directory.

This is the last place, on the way down, that sees a config object: below,
everything takes typed keywords.

| path             | what it is                                             |
|------------------|--------------------------------------------------------|
| `config.json`    | the resolved config                                    |
| `parameters.txt` | every weight with its shape                            |
| `checkpoints/`   | see `jinpaint.checkpoints`                             |
| `events.out...`  | TensorBoard: losses, metrics, image grids              |
| `evaluation/`    | the last evaluation: tables and a figure               |
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import ml_collections
import optax

from jinpaint import detectors, errors, systems
from jinpaint.data import edges, files
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.stage import Stage

_CONFIG = 'config.json'

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
    newer = {field.name: field.default for field in dataclasses.fields(Data)
             if field.default is not dataclasses.MISSING}
    config['data'] = {**newer, **config['data']}
    config['optimizers'] = {
        name: {**_adam.__kwdefaults__, **adam}
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


def stage_of(config: ml_collections.ConfigDict) -> Stage:
  """Returns the stage that a config trains.

  Raises:
    UsageError: no such system, stage or option.
  """
  if config.pretrained not in ('required', 'none'):
    raise errors.unknown('value of pretrained', config.pretrained,
                         ('required', 'none'))
  try:
    return systems.stage(config.system, config.stage,
                         pretrained=config.pretrained == 'required',
                         **_plain(config.options))
  except ValueError as error:
    raise UsageError(f'config.options: {error}') from error


def earlier_of(config: ml_collections.ConfigDict) -> list[Path]:
  """Returns the work directories of the runs that a run starts from."""
  return [Path(name) for name in config.start_from.split(',') if name]


def data_of(config: ml_collections.ConfigDict) -> Data:
  """Returns what a config's examples are made of.

  Where no published weights are to be used, Canny takes HED's place.
  """
  data = Data(**_plain(config.data))
  if edges.by_network(data.edge) and config.pretrained == 'none':
    hole = data.edge.removeprefix('hed')
    return dataclasses.replace(data, edge=f'canny{hole}')
  return data


def detector_of(config: ml_collections.ConfigDict, *, training: bool
                ) -> detectors.Detector:
  """Returns what completes the batches of a config.

  Args:
    config: the config.
    training: or evaluation.
  """
  data = data_of(config)
  if not edges.by_network(data.edge):
    return detectors.NONE
  return detectors.hed(masked=edges.parse(data.edge).masked if training
                       else data.eval_edge == 'masked')


def optimizers_of(config: ml_collections.ConfigDict, stage: Stage
                  ) -> dict[str, optax.GradientTransformation]:
  """Returns one optimiser for each network that a stage trains.

  Raises:
    UsageError: the config has none for a network.
  """
  for name in stage.trained:
    if name not in config.optimizers:
      raise UsageError(f'config.optimizers has none for the {name}')
  return {name: _adam(**_plain(config.optimizers[name]))
          for name in stage.trained}


def _adam(*, learning_rate, b1, b2, cosine_steps=0, warmup_steps=0,
          halve_every=0, clip_norm=0.0):
  rate = learning_rate
  if cosine_steps:
    rate = optax.cosine_decay_schedule(learning_rate, cosine_steps)
  elif halve_every:
    rate = optax.exponential_decay(learning_rate, halve_every, 0.5,
                                   staircase=True)
  if warmup_steps:
    constant = lambda _: learning_rate
    later, rise = rate if callable(rate) else constant, optax.linear_schedule(
        0.0, 1.0, warmup_steps)
    rate = lambda step: rise(step) * later(step)
  adam = optax.adam(rate, b1, b2)
  return (optax.chain(optax.clip_by_global_norm(clip_norm), adam) if clip_norm
          else adam)


def _plain(section: Any) -> Any:
  """Returns a config section as keywords, with tuples for lists.

  JSON knows no tuples, and a Flax module's fields must be hashable.
  """
  if isinstance(section, ml_collections.ConfigDict):
    return {key: _plain(value) for key, value in section.items()}
  if isinstance(section, list | tuple):
    return tuple(_plain(value) for value in section)
  return section
