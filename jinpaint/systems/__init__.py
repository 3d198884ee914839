"""The published systems: one file a paper.

A system's file says what its networks are fed, what they learn from and how
they predict. The module *is* the system: `STAGES` names its stages in training
order, and `stage(name, **options)` returns one (`jinpaint.stage.Stage`).
The `predict` of the last stage is the deployed system.
"""

import importlib
import inspect
from typing import Any

from jinpaint import errors
from jinpaint.stage import Stage

NAMES = ('cfs', 'edgeconnect', 'gated', 'inpaintgan', 'isnet', 'pconv',
         'pconv_lines', 'sketchrefiner')


def stage(system: str, name: str, **options: Any) -> Stage:
  """Returns a stage of a system.

  Args:
    system: one of `NAMES`.
    name: one of the system's `STAGES`.
    **options: keywords of the system's `stage`.

  Raises:
    jinpaint.errors.UsageError: no such system, stage or option.
  """
  module = _module(system)
  if name not in module.STAGES:
    raise errors.unknown(f'stage of {system}', name, module.STAGES)
  known = list(inspect.signature(module.stage).parameters)[1:]
  for option in options:
    if option not in known:
      raise errors.unknown(f'option of {system}', option, known)
  return module.stage(name, **options)


def stages(system: str) -> tuple[str, ...]:
  """Returns the names of a system's stages, in training order.

  Raises:
    jinpaint.errors.UsageError: no such system.
  """
  return _module(system).STAGES


def _module(system):
  if system not in NAMES:
    raise errors.unknown('system', system, NAMES)
  return importlib.import_module(f'jinpaint.systems.{system}')
