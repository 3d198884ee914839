"""What all systems' options share: they are frozen dataclasses.

A system's `Options` say, once, the defaults, the meaning and the source of each
number. A config starts from them and sets what its paper changes.
"""

import dataclasses
from typing import Any


def loss_weight(default: float, *, needs: str) -> Any:
  """Declares the weight of a loss that reads a published network.

  Args:
    default: the weight.
    needs: the published network's registered name.

  Returns:
    A field of a dataclass.
  """
  return dataclasses.field(default=default, metadata={'needs': needs})


def without_pretrained(options: Any) -> Any:
  """Returns options in which no loss reads a published network.

  Args:
    options: an instance of a system's `Options`.
  """
  return dataclasses.replace(options, **{
      field.name: 0.0 for field in dataclasses.fields(options)
      if 'needs' in field.metadata})
