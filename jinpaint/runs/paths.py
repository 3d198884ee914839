"""Relative paths in a config: they mean the same from any directory.

A run is started in one directory, and perhaps goes on or is evaluated from
another one. So a run's saved config holds absolute paths only. This file is the
only one that knows which settings of a config hold paths, and where in them.
"""

from collections.abc import Callable
from pathlib import Path

import ml_collections

from jinpaint.data import masks

_SOURCES = ('source', 'eval_source', 'test_source')  # folder:PATH
_GUIDES = ('edge', 'sketch')  # files:PATH, thinned:sigma=2:files:PATH


def absolute(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """Returns a copy of a config whose paths are absolute.

  `~` becomes the home directory. `..` and links stay as they are.
  """
  return _changed(config, lambda path: str(Path(path).expanduser().absolute()))


def resolved(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
  """Returns a copy of a config in which every place has one path only.

  Two configs that name the same folder in different ways are equal in this
  form: links and `..` are followed.
  """
  return _changed(config, lambda path: str(Path(path).expanduser().resolve()))


def _changed(config: ml_collections.ConfigDict, change: Callable[[str], str]
             ) -> ml_collections.ConfigDict:
  copy = config.copy_and_resolve_references()
  data = copy.data
  for key in _SOURCES:
    data[key] = _after('folder:', data[key], change)
  for key in _GUIDES:
    data[key] = _after('files:', data[key], change)
  data.mask = '+'.join(_after('files:', mask, change)
                       for mask in masks.parts(data.mask))
  copy.start_from = ','.join(
      change(path) for path in copy.start_from.split(',') if path)
  return copy


def _after(word: str, spec: str, change: Callable[[str], str]) -> str:
  """Changes the path that follows a word, which begins a part of a spec."""
  head, separator, path = f':{spec}'.partition(f':{word}')
  if not separator or not path:
    return spec
  return f'{head}{separator}{change(path)}'.removeprefix(':')
