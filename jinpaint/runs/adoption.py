"""Published weights become a run, as if it had been trained here.

A system's converter says in `PUBLISHED` which files its authors published, or
their trainers write, what a run calls the networks in them, and what each may
hold: pattern of a file's path within the folder, `models/*.ckpt` -> network ->
architectures. If a file of settings lies beside the weights and decides what
they do not show, the converter says so in `SETTINGS`: path of a YAML file,
`config.yaml` -> a function from what it holds to options of the system. The run
that is written, at step 0, can be evaluated, fill holes, train on, and be what
another run starts from. What the files were is in its `published.json`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import importlib
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
import yaml

from jinpaint import converters, networks, runs, systems, training
from jinpaint.converters import torch_file, torch_layout, weights
from jinpaint.data import files
from jinpaint.errors import unknown, UsageError
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.stage import Stage
from jinpaint.types import KEYS, Variables

# Pattern of a file's path within the folder -> network of a run -> the
# architectures it may have.
Table = Mapping[str, Mapping[str, tuple[str, ...]]]
Tables = Mapping[str, Table]  # of each system
Settings = Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]


class Adopted(NamedTuple):
  """A published file that has become a network of a run.

  Attributes:
    file: its path within the folder.
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
  adopted, variables = _adopt_files(system, directory, tables)
  config = _config(system, adopted, _settings(system, directory))
  stage = runs.stage_of(config)
  _save(config, stage, variables, workdir)
  about = {'system': system, 'stage': config.stage,
           'files': [file._asdict() for file in adopted]}
  files.write_atomically(workdir / 'published.json',
                         (json.dumps(about, indent=2) + '\n').encode())
  return config.stage, adopted, sorted(stage.networks.keys() - variables.keys())


def _adopt_files(system: str, directory: Path, tables: Tables
                 ) -> tuple[list[Adopted], dict[str, Variables]]:
  """Returns what the files of a folder are, and the networks in them."""
  adopted: list[Adopted] = []
  variables: dict[str, Variables] = {}
  for pattern in tables[system]:
    for path in sorted(directory.glob(pattern)):
      name = path.relative_to(directory).as_posix()
      for file, network in read_published(path, system):
        file = file._replace(file=name)
        adopted.append(file)
        if file.network in variables:
          first, second, *_ = (other.file for other in adopted
                               if other.network == file.network)
          raise UsageError(f'{first} and {second} in {directory} both hold the '
                           f'{file.network}; keep one')
        variables[file.network] = network
  if not adopted:
    raise UsageError(f'{directory} holds none of {", ".join(tables[system])}')
  return adopted, variables


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


def _tables() -> Tables:
  """Returns what `PUBLISHED` says, of each system that has it."""
  tables = {system: getattr(_converters_of(system), 'PUBLISHED', {})
            for system in systems.NAMES}
  return {system: table for system, table in tables.items() if table}


def _converters_of(system: str) -> ModuleType | None:
  """Returns the module that converts a system's weights, if there is one."""
  name = f'jinpaint.converters.{system}'
  return importlib.import_module(name) if importlib.util.find_spec(
      name) else None


def read_published(path: Path, system: str
                   ) -> Iterator[tuple[Adopted, Variables]]:
  """Yields what a published file is, and the network in it, for each network.

  Args:
    path: the file, called as its authors called it.
    system: whose file it should be.

  Raises:
    UsageError: the file cannot be read, or holds something else.
  """
  tables = _tables()
  contents = torch_file.read(path)
  elsewhere = {
      architecture: other for other in tables.keys() - {system}
      for architectures in _networks_in(path, tables[other]).values()
      for architecture in architectures}
  networks_here = _networks_in(path, tables[system])
  for network, architectures in networks_here.items():
    # A trainer's file of several networks may lack some.
    if len(networks_here) > 1 and not any(
        _has(contents, converters.converter_of(architecture))
        for architecture in architectures):
      continue
    yield _adopted(path, contents, network,
                   elsewhere | dict.fromkeys(architectures, system), system)


def _networks_in(path: Path, table: Table) -> dict[str, tuple[str, ...]]:
  """Returns network -> what it may be, for a file of that path."""
  return {network: architectures for pattern, held in table.items()
          if path.match(pattern)
          for network, architectures in held.items()}


def _has(contents: Mapping[str, Any], converter: torch_layout.Converter
         ) -> bool:
  """Returns whether a file of several networks has a converter's."""
  return any(key.startswith(converter.prefix)
             for name in converter.found_under
             for key in contents.get(name) or ())


def _settings(system: str, directory: Path) -> dict[str, Any]:
  """Returns the options that files beside the weights decide.

  Raises:
    UsageError: such a file is no mapping in YAML.
  """
  table: Settings = getattr(_converters_of(system), 'SETTINGS', {})
  options: dict[str, Any] = {}
  for name, options_of in table.items():
    path = directory / name
    if not path.is_file():
      continue
    try:
      contents = yaml.safe_load(path.read_text())
    except (RecursionError, ValueError, yaml.YAMLError) as error:
      reason = ' '.join(str(error).split())
      raise UsageError(f'{path}: is no YAML ({reason:.300})') from error
    if not isinstance(contents, dict):
      raise UsageError(f'{path}: holds no settings under their names')
    options |= options_of(contents)
  return options


def _adopted(path: Path, contents: Mapping[str, Any], network: str,
             holders: Mapping[str, str], system: str
             ) -> tuple[Adopted, Variables]:
  """Returns what a network of a file is, and its variables.

  Args:
    path: the file.
    contents: what it holds.
    network: what a run calls the network.
    holders: architectures that it may be -> the system that has them.
    system: whose file it should be.
  """
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
  def difference(architecture: str) -> int:
    converter = converters.converter_of(architecture)
    keys = torch_file.state_dict(
        contents, *converter.found_under, prefix=converter.prefix).keys()
    blank = dict.fromkeys(keys, np.zeros((1, 1, 1, 1)))
    network = networks.create(architecture, **converter.options(blank))
    return len(keys ^ {leaf.key for leaf in torch_layout.leaves(
        network, converter, blank)})
  first, *others = architectures
  return min((first, *others), key=difference) if others else first


def _config(system: str, adopted: Sequence[Adopted],
            settings: Mapping[str, Any]) -> ml_collections.ConfigDict:
  """Returns the config of the stage of which most networks were published.

  Args:
    system: whose config.
    adopted: the published networks, which decide some options.
    settings: options that files beside them decide.
  """
  config = importlib.import_module(f'jinpaint.configs.{system}').get_config()
  names = {file.network for file in adopted}
  for file in adopted:
    # Where a system knows several, the option is called as the network.
    if file.network in config.options:
      config.options[file.network] = file.architecture
    config.options.update(file.options)
  config.options.update(settings)

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
