"""Fills the holes of pictures with a trained system.

What is not needed to open exported files is imported when it is asked for.
"""

import importlib
from typing import Any, TYPE_CHECKING

if TYPE_CHECKING:
  from jinpaint.inference.inpainter import Inpainter, load, Stopped
  from jinpaint.inference.pictures import Task

__all__ = ['Inpainter', 'Stopped', 'Task', 'load']


def __getattr__(name: str) -> Any:
  if name not in __all__:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  home = 'pictures' if name == 'Task' else 'inpainter'
  return getattr(importlib.import_module(f'jinpaint.inference.{home}'), name)
