"""From a run's config to what it describes: stage, data and optimisers.

This is the last place, on the way down, that sees a config object: below,
everything takes typed keywords.
"""

import dataclasses
from typing import Any

import ml_collections

from jinpaint import devices, errors, systems
from jinpaint.data import edges
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.nets import COMPUTE_TYPES
from jinpaint.stage import Stage
from jinpaint.training.optimizer import Adam

PRETRAINED = ('required', 'none')


def stage_of(config: ml_collections.ConfigDict) -> Stage:
  """Returns the stage that a config trains.

  Raises:
    UsageError: no such system, stage, option or value of one.
  """
  if config.pretrained not in PRETRAINED:
    raise errors.unknown('value of pretrained', config.pretrained, PRETRAINED)
  try:
    return systems.stage(config.system, config.stage,
                         pretrained=config.pretrained == 'required',
                         **_plain(config.options))
  except UsageError:
    raise
  except ValueError as error:
    raise UsageError(f'config.options: {error}') from error


def data_of(config: ml_collections.ConfigDict) -> Data:
  """Returns what a config's examples are made of.

  Where no published weights are to be used, Canny takes HED's place.
  """
  data = Data(**_plain(config.data))
  if (config.pretrained == 'none' and data.edge
      and edges.parse(data.edge).by_network):
    options = data.edge.removeprefix('hed')
    return dataclasses.replace(data, edge=f'canny{options}')
  return data


def guidance_of(config: ml_collections.ConfigDict, *, training: bool
                ) -> Guidance:
  """Returns what makes the edges and sketches of a config's examples.

  Args:
    config: the config.
    training: whether it is for training; else for evaluation and inference.
  """
  return Guidance(data_of(config), training=training)


def optimizers_of(config: ml_collections.ConfigDict, stage: Stage
                  ) -> dict[str, Adam]:
  """Returns one optimiser for each network that a stage trains.

  Raises:
    UsageError: the config has none for a network, or its numbers do not fit.
  """
  for name in stage.trained:
    if name not in config.optimizers:
      raise UsageError(f'config.optimizers has none for the {name}')
  return {name: Adam(**_plain(config.optimizers[name]))
          for name in stage.trained}


def computing_of(config: ml_collections.ConfigDict, stage: Stage
                 ) -> dict[str, Any]:
  """Returns how networks compute: keywords of `jinpaint.nets.Nets`.

  Raises:
    UsageError: no such type, or no such network in the stage.
  """
  if config.compute not in COMPUTE_TYPES:
    raise errors.unknown('config.compute', config.compute, COMPUTE_TYPES)
  remat = tuple(name for name in config.remat.split(',') if name)
  for name in remat:
    if name not in stage.networks:
      raise errors.unknown('network in config.remat', name, stage.networks)
  return {'compute': config.compute, 'remat': remat}


def check(config: ml_collections.ConfigDict, stage: Stage) -> None:
  """Checks numbers of a config that fit or do not fit its stage.

  Raises:
    UsageError: one does not; its key is named.
  """
  if 'known_edge' in stage.learns_from and not config.data.edge:
    raise UsageError(f'the stage {config.stage} of {config.system} reads '
                     'edges; config.data.edge says which, e.g. canny')
  if 'sketch' in stage.learns_from and not config.data.sketch:
    raise UsageError(f'the stage {config.stage} of {config.system} reads '
                     'sketches; config.data.sketch says which, e.g. simulated')
  (divisor, smallest), size = stage.sizes, config.data.size
  if size % divisor:
    raise UsageError(f'config.data.size is {size}; {config.system} takes '
                     f'multiples of {divisor}')
  if size < smallest:
    raise UsageError(f'config.data.size is {size}; {config.system} takes '
                     f'{smallest} or more')
  if config.batch_size < 1 or config.batch_size % devices.count():
    raise UsageError(f'config.batch_size is {config.batch_size}; it is dealt '
                     f'out to {devices.count()} devices and must be a multiple')
  for name in ('log_every', 'eval_every', 'save_every', 'keep'):
    if config[name] < 1:
      raise UsageError(f'config.{name} is {config[name]}; it must be positive')
  if not config.minutes >= 0:  # True of NaN as well
    raise UsageError(f'config.minutes is {config.minutes}; it must be 0 or '
                     'more')
  if min(config.steps, config.epochs) < 0 or not (
      config.steps or config.epochs):
    raise UsageError(f'config.steps is {config.steps} and config.epochs '
                     f'{config.epochs}; one must be positive, none negative')


def _plain(section: Any) -> Any:
  """Returns a config section as keywords, with tuples for lists.

  JSON knows no tuples, and a Flax module's fields must be hashable.
  """
  if isinstance(section, ml_collections.ConfigDict):
    return {key: _plain(value) for key, value in section.items()}
  if isinstance(section, list | tuple):
    return tuple(_plain(value) for value in section)
  return section
