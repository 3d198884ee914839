"""Fills the holes of pictures with a trained system.

What is not needed to open exported files is imported when it is asked for.
"""

import importlib
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
  from jinpaint.inference.inpainter import Inpainter, Stopped
  from jinpaint.inference.loading import load
  from jinpaint.inference.pictures import Task

__all__ = ['Inpainter', 'Stopped', 'Task', 'load']

_HOMES = {'Inpainter': 'inpainter', 'Stopped': 'inpainter', 'load': 'loading',
          'Task': 'pictures'}


def __getattr__(name: str) -> Any:
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  home = importlib.import_module(f'jinpaint.inference.{_HOMES[name]}')
  return getattr(home, name)
