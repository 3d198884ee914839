"""Published files: which there are in a folder, and what networks they hold.

A system's converter says in `PUBLISHED` which files its authors published, or
their trainers write, what a run calls the networks in them, and what each may
hold: pattern of a file's path within the folder, `models/*.ckpt` -> network ->
architectures. If a file of settings lies beside the weights and decides what
they do not show, the converter says so in `SETTINGS`: path of a YAML file,
`config.yaml` -> a function from what it holds to options of the system.

Trainers write snapshots. Files whose names differ in numbers alone are those of
one training, and the one with the largest numbers is the newest; a name without
the number, `InpaintingModel_gen.pth` beside `InpaintingModel_100_gen.pth`, is
compared by the number of steps or epochs that both files hold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import importlib
import importlib.util
import itertools
import math
from pathlib import Path
import re
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import yaml

from jinpaint import converters, networks, systems
from jinpaint.converters import (
    state_dicts,
    torch_file,
    torch_layout,
    weights,
)
from jinpaint.errors import unknown, UsageError
from jinpaint.types import Variables

# Pattern of a file's path within the folder -> network of a run -> the
# architectures it may have.
Table = Mapping[str, Mapping[str, tuple[str, ...]]]
Tables = Mapping[str, Table]  # of each system
Settings = Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]

_STEPS = ('global_step', 'iteration', 'n_iter')  # what trainers call them


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
    older: other snapshots of the same training, which are not read.
  """

  file: str
  network: str
  architecture: str
  licence: str
  origin: str
  sha256: str
  iteration: int | None
  options: Mapping[str, Any]
  older: tuple[str, ...] = ()


def read_folder(system: str, directory: Path, key: str = ''
                ) -> tuple[list[Adopted], dict[str, Variables]]:
  """Returns what the files of a folder are, and the networks in them.

  Args:
    system: whose files they should be, one of `jinpaint.systems.NAMES`.
    directory: the files, called as their authors called them.
    key: where the files have the weights, in place of what the published
      program reads, see `jinpaint.converters.state_dicts.under`. Files that do
      not have it are read as usual.

  Raises:
    UsageError: there are no such files, one holds something else, or two hold
      the same network and neither is known to be newer.
  """
  adopted: list[Adopted] = []
  variables: dict[str, Variables] = {}
  if not directory.is_dir():
    raise UsageError(f'{directory}: no such folder')
  snapshots = newest(system, directory)
  if not snapshots:
    raise UsageError(f'{directory} holds none of {", ".join(_table(system))}')
  contents = {path: torch_file.read(path) for path, _ in snapshots}
  under = {path: _under(whole, key) for path, whole in contents.items()}
  if key and all(under[path] is contents[path] for path in contents):
    raise UsageError(f'no file of {system} in {directory} has the key "{key}"')
  for path, older in snapshots:
    for file, network in _networks_of(path, under[path], system):
      adopted.append(file._replace(
          file=_within(directory, path), iteration=_steps(contents[path]),
          older=tuple(_within(directory, other) for other in older)))
      if file.network in variables:
        first, second, *_ = (other.file for other in adopted
                             if other.network == file.network)
        raise UsageError(f'{first} and {second} in {directory} both hold the '
                         f'{file.network}; keep one')
      variables[file.network] = network
  return adopted, variables


def settings(system: str, directory: Path) -> dict[str, Any]:
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
    try:
      options |= options_of(contents)
    except UsageError as error:
      raise UsageError(f'{path}: {error}') from None
  return options


def patterns(system: str) -> tuple[str, ...]:
  """Returns what a system's published files are called; () without any.

  Raises:
    UsageError: no such system.
  """
  if system not in systems.NAMES:
    raise unknown('system', system, systems.NAMES)
  return tuple(getattr(_converters_of(system), 'PUBLISHED', ()))


def _table(system: str) -> Table:
  """Returns what a system's converter says of its files.

  Raises:
    UsageError: no such system, or none of its weights were published.
  """
  if system not in systems.NAMES:
    raise unknown('system', system, systems.NAMES)
  table: Table = getattr(_converters_of(system), 'PUBLISHED', {})
  if not table:
    raise UsageError(f'no weights of {system} were published')
  return table


def _converters_of(system: str) -> ModuleType | None:
  """Returns the module that converts a system's weights, if there is one."""
  name = f'jinpaint.converters.{system}'
  return importlib.import_module(name) if importlib.util.find_spec(
      name) else None


def _within(directory: Path, path: Path) -> str:
  return path.relative_to(directory).as_posix()


# --- which files ---


def newest(system: str, directory: Path
           ) -> list[tuple[Path, tuple[Path, ...]]]:
  """Returns the newest file of each training, and the older ones.

  Args:
    system: whose files they should be, one of `jinpaint.systems.NAMES`.
    directory: where they are.

  Raises:
    UsageError: of two, neither is known to be newer.
  """
  trainings: dict[Any, list[Path]] = {}
  for pattern, held in _table(system).items():
    for path in sorted(directory.glob(pattern)):
      name = re.sub(r'[-_=]?\d+', '', _within(directory, path))
      files = trainings.setdefault((name, tuple(held)), [])
      if path not in files:
        files.append(path)
  found = []
  for files in trainings.values():
    last = _newest_of(files, directory)
    found.append((last, tuple(path for path in files if path != last)))
  return found


def _newest_of(files: list[Path], directory: Path) -> Path:
  """Returns the newest of a training's snapshots.

  Raises:
    UsageError: none is known to be.
  """
  numbered: dict[str, list[tuple[list[int], Path]]] = {}
  for path in files:
    name = _within(directory, path)
    numbered.setdefault(re.sub(r'\d+', '#', name), []).append(
        ([int(number) for number in re.findall(r'\d+', name)], path))
  last = [max(snapshots)[1] for snapshots in numbered.values()]
  if len(last) == 1:
    return last[0]
  contents = [torch_file.read(path) for path in last]
  for name in (*_STEPS, 'epoch'):
    counts = [count for snapshot in contents
              if (count := _count(snapshot, name)) is not None]
    if len(set(counts)) == len(last):
      return max(zip(counts, last, strict=True))[1]
  names = ' and '.join(_within(directory, path) for path in last)
  raise UsageError(f'{names} in {directory} do not say which of them is newer; '
                   'keep one')


def _count(contents: Mapping[str, Any], name: str) -> int | None:
  """Returns a count that a trainer has saved with its networks."""
  count = contents.get(name)
  return count if type(count) is int else None


def _steps(contents: Mapping[str, Any]) -> int | None:
  """Returns after how many steps a file was saved, if it says so."""
  counts = (_count(contents, name) for name in _STEPS)
  return next((count for count in counts if count is not None), None)


# --- what they hold ---


def _under(contents: dict[str, Any], key: str) -> Mapping[str, Any]:
  """Returns what a file has under a key; all of it, if it has no such key."""
  try:
    return state_dicts.under(contents, key)
  except UsageError:
    return contents


def _networks_of(path: Path, contents: Mapping[str, Any], system: str
                 ) -> Iterator[tuple[Adopted, Variables]]:
  """Yields what a file is, and the network in it, for each network.

  Args:
    path: the file, called as its authors called it.
    contents: what it holds.
    system: whose file it should be.

  Raises:
    UsageError: it holds something else.
  """
  elsewhere = {
      architecture: other for other in systems.NAMES if other != system
      for architectures in _networks_in(
          path, getattr(_converters_of(other), 'PUBLISHED', {})).values()
      for architecture in architectures}
  here = _networks_in(path, _table(system))
  if len(here) > 1:  # a trainer's file of several networks may lack some
    here = {network: architectures for network, architectures in here.items()
            if any(_has(contents, name) for name in architectures)
            } or _one_of(here, contents)
  for network, architectures in here.items():
    ours = dict.fromkeys(architectures, system)
    yield _adopted(path, contents, network, {**ours, **elsewhere, **ours},
                   system)


def _networks_in(path: Path, table: Table) -> dict[str, tuple[str, ...]]:
  """Returns network -> what it may be, for a file of that path."""
  return {network: architectures for pattern, held in table.items()
          if path.match(pattern)
          for network, architectures in held.items()}


def _one_of(held: Mapping[str, tuple[str, ...]], contents: Mapping[str, Any]
            ) -> dict[str, tuple[str, ...]]:
  """Returns the network that a bare state dict is, out of several."""
  closest = _closest(contents, itertools.chain(*held.values()))
  return {network: (closest,) for network, architectures in held.items()
          if closest in architectures}


def _has(contents: Mapping[str, Any], architecture: str) -> bool:
  """Returns whether a file of several networks has one of an architecture."""
  converter = converters.converter_of(architecture)
  return state_dicts.has(contents, *converter.found_under,
                         prefix=converter.prefix)


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
  return Adopted(
      path.name, network, architecture,
      *weights.provenance(architecture, path), None,
      converters.options_of(architecture, contents)), variables


def _closest(contents: Mapping[str, Any], architectures: Iterable[str]) -> str:
  """Returns the network whose arrays differ least, by name, from a file's."""
  def difference(architecture: str) -> float:
    converter = converters.converter_of(architecture)
    try:
      keys = state_dicts.find(
          contents, *converter.found_under, prefix=converter.prefix).keys()
    except UsageError:
      return math.inf
    blank = dict.fromkeys(keys, np.zeros((1, 1, 1, 1)))
    network = networks.create(architecture, **converter.options(blank))
    prepared = converter.prepare(blank)
    return len(prepared.keys() ^ {leaf.key for leaf in torch_layout.leaves(
        network, converter, prepared)})
  first, *others = architectures
  return min((first, *others), key=difference) if others else first
