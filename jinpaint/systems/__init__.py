"""The published systems: one file a paper.

A system's file says what its networks are fed, what they learn from and how
they predict. The module *is* the system: `STAGES` names its stages in training
order, `Options` is a dataclass of all that can be chosen, and
`stage(name, options)` returns one stage (`jinpaint.stage.Stage`). The `predict`
of the last stage is the deployed system.
"""

from collections.abc import Iterable
import dataclasses
import importlib
import pkgutil
from types import ModuleType
from typing import Any

from jinpaint import errors
from jinpaint.stage import Stage
from jinpaint.systems.shared import options as shared_options

# Every file of this folder is a system; what they share is in `shared`.
NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)
                     if not module.ispkg))


def stage(system: str, name: str, *, pretrained: bool = True, **options: Any
          ) -> Stage:
  """Returns a stage of a system.

  Args:
    system: one of `NAMES`.
    name: one of the system's `STAGES`.
    pretrained: whether there are weights for published networks; if not, the
      losses that read one are left out.
    **options: fields of the system's `Options`.

  Raises:
    jinpaint.errors.UsageError: no such system, stage or option, or an option
      has a value of another type.
    ValueError: an option has a value that it cannot have.
  """
  module = _module(system)
  if name not in module.STAGES:
    raise errors.unknown(f'stage of {system}', name, module.STAGES)
  shared_options.check(module.Options, options, f'option of {system}')
  chosen = module.Options(**options)
  return module.stage(
      name, chosen if pretrained else shared_options.without_pretrained(chosen))


def stages(system: str) -> tuple[str, ...]:
  """Returns the names of a system's stages, in training order.

  Raises:
    jinpaint.errors.UsageError: no such system.
  """
  return _module(system).STAGES


def default_options(system: str) -> dict[str, Any]:
  """Returns the options of a system with their defaults.

  Raises:
    jinpaint.errors.UsageError: no such system.
  """
  return dataclasses.asdict(_module(system).Options())


def options_class(system: str) -> type:
  """Returns the dataclass of a system's options.

  Raises:
    jinpaint.errors.UsageError: no such system.
  """
  declared: type = _module(system).Options
  return declared


def options_of_several_types(system: str) -> tuple[str, ...]:
  """Returns the options of a system that may have values of several types.

  Raises:
    jinpaint.errors.UsageError: no such system.
  """
  return shared_options.of_several_types(_module(system).Options)


def parsed_options(system: str, texts: Iterable[str]) -> dict[str, Any]:
  """Returns options of a system that are written as `NAME=VALUE`.

  Raises:
    jinpaint.errors.UsageError: no such system or option, or a value of another
      type.
  """
  return shared_options.parsed(_module(system).Options, texts,
                               f'option of {system}')


def readers(network: str) -> tuple[str, ...]:
  """Returns the systems that have a loss which reads a published network.

  Args:
    network: its registered name.
  """
  return tuple(system for system in NAMES if any(
      field.metadata.get('needs') == network
      for field in dataclasses.fields(_module(system).Options)))


def description(system: str) -> str:
  """Returns the line that says what a system is.

  Raises:
    jinpaint.errors.UsageError: no such system.
  """
  return (_module(system).__doc__ or '').splitlines()[0]


def _module(system: str) -> ModuleType:
  if system not in NAMES:
    raise errors.unknown('system', system, NAMES)
  return importlib.import_module(f'jinpaint.systems.{system}')
