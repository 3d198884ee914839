"""Published PyTorch weights become Flax variables: one file a paper.

The networks of `jinpaint.networks.<paper>` have their `CONVERTERS` in
`jinpaint.converters.<paper>`, by registered name.
"""

from collections.abc import Mapping
import importlib
import importlib.util
import os
from typing import Any

import numpy as np

from jinpaint import networks
from jinpaint.converters import state_dicts, torch_file, torch_layout
from jinpaint.errors import unknown, UsageError
from jinpaint.types import Variables


def from_torch(name: str, state_dict: Mapping[str, Any], **options: Any
               ) -> Variables:
  """Converts published PyTorch weights to a network's variables.

  Args:
    name: the network, see `jinpaint.networks.REGISTRY`.
    state_dict: arrays or tensors under the published names, or what a trainer
      saved, with the state dict in it.
    **options: of the network, as `jinpaint.create` takes them; they count
      before those that the weights decide.

  Returns:
    `{'params': ..., 'batch_stats': ..., ...}`, float32, for `network.apply`.

  Raises:
    UsageError: no such network, nothing was published for it, or keys are
      missing, are too many, or have another shape.
  """
  converter = converter_of(name)
  weights = _weights_in(state_dict, converter)
  network = networks.create(name, **{
      **converter.options(weights), **options, **converter.whole})
  try:
    return torch_layout.convert(network, converter, weights)
  except UsageError as error:
    raise UsageError(f'not the weights of {name}: {error}') from None


def options_of(name: str, state_dict: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the options of a network that published weights decide.

  Args:
    name: the network, see `jinpaint.networks.REGISTRY`.
    state_dict: as `from_torch` takes it.

  Raises:
    UsageError: no such network, nothing was published for it, or there is no
      state dict.
  """
  converter = converter_of(name)
  return dict(converter.options(_weights_in(state_dict, converter)))


def from_file(name: str, path: str | os.PathLike[str], *, key: str = '',
              **options: Any) -> Variables:
  """Converts a file of published PyTorch weights to a network's variables.

  Args:
    name: the network, see `jinpaint.networks.REGISTRY`.
    path: the file, of one of the formats of `jinpaint.converters.torch_file`.
    key: where the file has the weights, if not where the published program
      reads them, see `jinpaint.converters.state_dicts.under`.
    **options: of the network, as `jinpaint.create` takes them; they count
      before those that the weights decide.

  Returns:
    As `from_torch`.

  Raises:
    UsageError: as `from_torch`, or the file cannot be read; it is named.
  """
  contents = state_dicts.under(torch_file.read(path), key, str(path))
  try:
    return from_torch(name, contents, **options)
  except UsageError as error:
    raise UsageError(f'{path}: {error}') from None


def converter_of(name: str) -> torch_layout.Converter:
  """Returns what a network's arrays are called where it was published.

  Raises:
    UsageError: no such network, or nothing was published for it.
  """
  if name not in networks.REGISTRY:
    raise unknown('network', name, networks.REGISTRY)
  paper = f'jinpaint.converters.{networks.REGISTRY[name].module}'
  if importlib.util.find_spec(paper):
    converters = importlib.import_module(paper).CONVERTERS
    if name in converters:
      return converters[name]
  raise UsageError(f'no weights of {name} were published')


def _weights_in(contents: Mapping[str, Any], converter: torch_layout.Converter
                ) -> dict[str, np.ndarray]:
  """Returns a network's arrays out of what holds them."""
  return state_dicts.find(
      contents, *converter.found_under, prefix=converter.prefix,
      origin='the state dict')
