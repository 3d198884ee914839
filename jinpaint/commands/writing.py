"""What the commands that write files share."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import tqdm

from jinpaint.errors import UsageError

_Item = TypeVar('_Item')


def refuse_to_overwrite(outputs: Iterable[Path]) -> None:
  """Raises `UsageError` if one of the outputs exists."""
  for path in outputs:
    if path.exists():
      raise UsageError(f'{path} exists; --overwrite replaces it')


def progress(items: Sequence[_Item], unit: str) -> Iterable[_Item]:
  """Yields the items; draws a bar on stderr meanwhile if it is a terminal.

  Args:
    items: what is worked on, one after the other.
    unit: what one of them is called: 'image'.
  """
  return progress_of(items, len(items), unit)


def progress_of(items: Iterable[_Item], total: int, unit: str
                ) -> Iterable[_Item]:
  """Does what `progress` does with items that are made one by one."""
  return tqdm.tqdm(items, total=total, unit=unit, disable=None)


def bar(total: int, unit: str) -> tqdm.tqdm:
  """Returns a bar that is moved by its `update`; use it in a `with`.

  Args:
    total: how many there are.
    unit: what one of them is called.
  """
  return tqdm.tqdm(total=total, unit=unit, disable=None)
