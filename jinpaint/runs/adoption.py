"""Published weights become a run, as if it had been trained here.

A system's converter says in `PUBLISHED` which files its authors published, or
their trainers write, what a run calls the networks in them, and what each may
hold: pattern of a file's name -> network -> architectures. The run that is
written, at step 0, can be evaluated, fill holes, train on, and be what another
run starts from. What the files were is in its `published.json`.
"""

from collections.abc import Iterable, Mapping
import fnmatch
import importlib
import importlib.util
import json
from pathlib import Path
import sys
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np

from jinpaint import converters, networks, runs, systems, training
from jinpaint.converters import torch_file, torch_layout, weights
from jinpaint.data import files
from jinpaint.errors import unknown, UsageError
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.types import KEYS, Variables

# Its folder `configs` lies beside the package, in the checkout.
_ROOT = Path(__file__).parents[1]


class Adopted(NamedTuple):
  """A published file that has become a network of a run.

  Attributes:
    file: its name.
    network: what the run calls the network.
    architecture: its registered name, see `jinpaint.create`.
    licence: as its publisher states it.
    origin: who made it.
    sha256: of the file.
    iteration: after how many steps its authors saved it; None if not stated.
    options: of the architecture, as the file decides them.
  """

  file: str
  network: str
  architecture: str
  licence: str
  origin: str
  sha256: str
  iteration: int | None
  options: Mapping[str, Any]


def adopt(system: str, directory: Path, workdir: Path
          ) -> tuple[str, list[Adopted], list[str]]:
  """Writes a run whose networks are those of published files.

  Its stage is the one of which most networks are there. Discriminators that are
  not there start afresh.

  Args:
    system: one of `jinpaint.systems.NAMES`.
    directory: the files, called as their authors called them.
    workdir: an empty or a new folder.

  Returns:
    The run's stage; what was found, of whose licence and origin the user is to
    be told; the networks that start afresh.

  Raises:
    UsageError: there are no such files, one holds something else, they do not
      make a stage, or the work directory is not empty.
  """
  tables = _tables()
  if system not in systems.NAMES:
    raise unknown('system', system, systems.NAMES)
  if system not in tables:
    raise UsageError(f'no weights of {system} were published')
  if workdir.is_file() or (workdir.is_dir() and any(workdir.iterdir())):
    raise UsageError(f'{workdir} is not empty; choose another --output')
  found, variables = [], {}
  for pattern in tables[system]:
    for path in sorted(directory.glob(pattern)):
      for adopted, network in _read(path, system, tables):
        found.append(adopted)
        if adopted.network in variables:
          first, second, *_ = (other.file for other in found
                               if other.network == adopted.network)
          raise UsageError(f'{first} and {second} in {directory} both hold the '
                           f'{adopted.network}; keep one')
        variables[adopted.network] = network
  if not found:
    raise UsageError(f'{directory} holds none of {", ".join(tables[system])}')

  config = _config(system, found)
  stage = runs.stage_of(config)
  size = max(2 * stage.sizes.divisor, stage.sizes.smallest)
  batch = {key: np.zeros((1, size, size, KEYS[key].channels), np.float32)
           for key in stage.keys}
  optimizers = {name: adam.transformation(max(config.steps, 1))
                for name, adam in runs.optimizers_of(config, stage).items()}
  state = training.init(
      config.seed, stage, optimizers, batch, learned={
          name: variables[name] for name in stage.networks
          if name in variables})
  runs.claim(workdir, config)
  saved = Checkpoints(workdir, keep=config.keep)
  saved.save(jax.tree.map(np.asarray, state),
             {'seed': config.seed, 'position': 0})
  saved.close()
  about = {'system': system, 'stage': config.stage,
           'files': [adopted._asdict() for adopted in found]}
  files.write_atomically(workdir / 'published.json',
                         (json.dumps(about, indent=2) + '\n').encode())
  return config.stage, found, sorted(stage.networks.keys() - variables.keys())


def _tables() -> dict[str, Mapping[str, Mapping[str, tuple[str, ...]]]]:
  """Returns system -> pattern -> network of a run -> what it may be."""
  tables = {}
  for system in systems.NAMES:
    name = f'jinpaint.converters.{system}'
    if importlib.util.find_spec(name):
      tables[system] = getattr(importlib.import_module(name), 'PUBLISHED', {})
  return {system: table for system, table in tables.items() if table}


def _read(path, system, tables) -> Iterable[tuple[Adopted, Variables]]:
  """Yields what a file is, and the network in it, for each of its networks."""
  contents = torch_file.read(path)
  networks_of = lambda other: {
      network: architectures for pattern, held in tables[other].items()
      if fnmatch.fnmatchcase(path.name, pattern)
      for network, architectures in held.items()}
  elsewhere = {
      architecture: other for other in tables.keys() - {system}
      for architectures in networks_of(other).values()
      for architecture in architectures}
  held = networks_of(system)
  for network, architectures in held.items():
    # A trainer's file of several networks may lack some.
    if len(held) > 1 and not any(
        contents.get(name) for architecture in architectures
        for name in converters.converter_of(architecture).found_under):
      continue
    yield _adopted(path, contents, network,
                   elsewhere | dict.fromkeys(architectures, system), system)


def _adopted(path, contents, network, holders, system):
  """Returns what a network of a file is, and its variables."""
  architecture = _closest(contents, holders)
  if holders[architecture] != system:
    raise UsageError(f'{path} holds the {architecture}; try '
                     f'--system={holders[architecture]}')
  try:
    variables = converters.from_torch(architecture, contents)
  except UsageError as error:
    raise UsageError(f'{path}: {error}') from None
  iteration = contents.get('iteration')
  return Adopted(
      path.name, network, architecture,
      *weights.provenance(architecture, path),
      iteration if isinstance(iteration, int) else None,
      converters.options_of(architecture, contents)), variables


def _closest(contents: Mapping[str, Any], architectures: Iterable[str]) -> str:
  """Returns the network whose arrays differ least, by name, from a file's."""
  def difference(architecture):
    converter = converters.converter_of(architecture)
    keys = torch_file.state_dict(contents, *converter.found_under).keys()
    blank = dict.fromkeys(keys, np.zeros((1, 1, 1, 1)))
    network = networks.create(architecture, **converter.options(blank))
    return len(keys ^ {leaf.key for leaf in torch_layout.leaves(
        network, converter, blank)})
  first, *others = architectures
  return min((first, *others), key=difference) if others else first


def _config(system, found) -> ml_collections.ConfigDict:
  """Returns the config of the stage of which most networks were found."""
  if not (_ROOT / 'configs').is_dir():
    raise UsageError(f'there is no {_ROOT / "configs"}: only in a checkout of '
                     'jinpaint can weights become a run')
  sys.path.insert(0, str(_ROOT))
  config = importlib.import_module(f'configs.{system}').get_config()
  names = {adopted.network for adopted in found}
  for adopted in found:
    # Where a system knows several, the option is called as the network.
    if adopted.network in config.options:
      config.options[adopted.network] = adopted.architecture
    config.options.update(adopted.options)

  stages = {}
  for name in systems.stages(system):
    config.stage = name
    nets = runs.stage_of(config).networks
    if {net for net in nets if not net.endswith('discriminator')} <= names:
      stages[name] = len(nets.keys() & names)
  if not stages:
    raise UsageError(f'{", ".join(sorted(names))} alone make no stage of '
                     f'{system}')
  config.stage = max(stages, key=stages.get)
  return config
