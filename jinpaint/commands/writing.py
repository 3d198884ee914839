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
  return tqdm.tqdm(items, unit=unit, disable=None)
