"""What forms say of photographs and masks becomes what configs say of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinpaint.app import datasets, places, recipes
from jinpaint.app.settings import Settings
from jinpaint.errors import UsageError

# In place of a folder: the photographs that scikit-image has.
PHOTOS = ':photos'
NO_DATA = 'Dataset path is not defined'


def source_of(data: str, settings: Settings) -> str:
  """Returns the source of photographs that a form means.

  Raises:
    UsageError: it means none, or a folder that is not below the one of --data.
  """
  if not data:
    raise UsageError(NO_DATA)
  if data == PHOTOS:
    return 'photos'
  return f'folder:{datasets.check(root_of(settings), data).absolute()}'


def guide_of(said: Mapping[str, Any], settings: Settings) -> recipes.Guide:
  """Returns the masks, edges or sketches that a form means.

  Raises:
    UsageError: their folder is not below the one of --data.
  """
  folder = str(said.get('folder') or '')
  if folder:
    folder = str(datasets.check(root_of(settings), folder).absolute())
  return recipes.Guide(str(said.get('kind', '')), str(said.get('options', '')),
                       folder)


def root_of(settings: Settings) -> Path:
  """Returns the folder below which photographs are.

  Raises:
    UsageError: the server was started without.
  """
  return places.given(settings.data, datasets.FLAG, 'photographs are')
