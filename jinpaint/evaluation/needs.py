"""The published networks that measures apply, or why a column is missing."""

from collections.abc import Mapping
from typing import NamedTuple

from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.stage import Measure
from jinpaint.types import Variables


class Available(NamedTuple):
  """What can be measured.

  Attributes:
    measures: those whose networks could be loaded, by key.
    networks: the variables of these networks, by name.
    left_out: the keys of the other measures -> why, in one line.
  """

  measures: Mapping[str, Measure]
  networks: Variables
  left_out: Mapping[str, str]


def load(measures: Mapping[str, Measure]) -> Available:
  """Loads the networks that measures need, and leaves out what lacks them.

  Args:
    measures: what was asked for, by key.

  Raises:
    UsageError: nothing is left to be measured, for want of a network.
  """
  kept: dict[str, Measure] = {}
  networks: dict[str, Variables] = {}
  left_out: dict[str, str] = {}
  for key, measure in measures.items():
    try:
      networks |= {name: pretrained.load(name) for name in measure.needs
                   if name not in networks}
      kept[key] = measure
    except UsageError as error:
      left_out[key] = str(error)
  if left_out and not kept:
    raise UsageError(next(iter(left_out.values())))
  return Available(kept, networks, left_out)
