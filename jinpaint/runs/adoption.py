"""Published weights become a run, as if it had been trained here.

The run that is written, at step 0, can be evaluated, fill holes, train on, and
be what another run starts from. What the files were is in its `published.json`.
"""

from collections.abc import Mapping, Sequence
import importlib
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jax
import ml_collections
import numpy as np

from jinpaint import runs, systems, training
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.runs import published
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.runs.published import Adopted
from jinpaint.stage import Stage
from jinpaint.types import KEYS, Variables


def adopt(system: str, directory: Path, workdir: Path, *, key: str = '',
          options: Mapping[str, Any] = MappingProxyType({})
          ) -> tuple[str, list[Adopted], list[str]]:
  """Writes a run whose networks are those of published files.

  Its stage is the one of which most networks are there. Discriminators that are
  not there start afresh.

  Args:
    system: one of `jinpaint.systems.NAMES`.
    directory: the files, called as their authors called them.
    workdir: an empty or a new folder.
    key: where the files have the weights, if not where the published program
      reads them, see `jinpaint.runs.published.read_folder`.
    options: of the system, in place of those that the files decide.

  Returns:
    The run's stage; what was found, of whose licence and origin the user is to
    be told; the networks that start afresh.

  Raises:
    UsageError: there are no such files, one holds something else, they do not
      make a stage, the options are not those of their networks, or the work
      directory is not empty.
  """
  if workdir.is_file() or (workdir.is_dir() and any(workdir.iterdir())):
    raise UsageError(f'{workdir} is not empty; choose another --output')
  adopted, variables = published.read_folder(system, directory, key)
  config = _config(system, adopted,
                   {**published.settings(system, directory), **options})
  stage = runs.stage_of(config)
  _save(config, stage, variables, workdir)
  about = {'system': system, 'stage': config.stage,
           'options': dict(options),
           'files': [file._asdict() for file in adopted]}
  files.write_atomically(workdir / 'published.json',
                         (json.dumps(about, indent=2) + '\n').encode())
  return config.stage, adopted, sorted(stage.networks.keys() - variables.keys())


def _save(config: ml_collections.ConfigDict, stage: Stage,
          variables: Variables, workdir: Path) -> None:
  """Writes a run at step 0, with fresh weights for what was not published."""
  size = max(2 * stage.sizes.divisor, stage.sizes.smallest)
  batch = {key: np.zeros((1, size, size, KEYS[key].channels), np.float32)
           for key in stage.keys}
  optimizers = {name: adam.transformation(max(config.steps, 1))
                for name, adam in runs.optimizers_of(config, stage).items()}
  state = training.init(
      config.seed, stage, optimizers, batch, average=config.average,
      learned={name: variables[name] for name in stage.networks
               if name in variables})
  runs.claim(workdir, config)
  with Checkpoints(workdir, keep=config.keep) as saved:
    saved.save(jax.device_get(state), {'seed': config.seed, 'position': 0})


def _config(system: str, adopted: Sequence[Adopted],
            options: Mapping[str, Any]) -> ml_collections.ConfigDict:
  """Returns the config of the stage of which most networks were published.

  Args:
    system: whose config.
    adopted: the published networks, which decide some options.
    options: what counts in place of those.
  """
  config = importlib.import_module(f'jinpaint.configs.{system}').get_config()
  names = {file.network for file in adopted}
  for file in adopted:
    # Where a system knows several, the option is called as the network.
    if file.network in config.options:
      config.options[file.network] = file.architecture
    config.options.update(file.options)
  config.options.update(options)

  stages = {}
  for name in systems.stages(system):
    config.stage = name
    wanted = runs.stage_of(config).networks.keys()
    if {network for network in wanted
        if not network.endswith('discriminator')} <= names:
      stages[name] = len(wanted & names)
  if not stages:
    raise UsageError(f'{", ".join(sorted(names))} alone make no stage of '
                     f'{system}')
  config.stage = max(stages, key=lambda name: stages[name])
  return config
