"""One network's weights in a file of our own, with licence and origin.

The file is NumPy's `.npz`: every array under its path, `params/conv1/kernel`,
and a JSON text under `about`. `load` reads it for use in Python, `load_for` for
a run that is to start with it, and `jinpaint.converters.pretrained` in place of
a published file.
"""

from collections.abc import Mapping
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from flax import linen as nn
from flax import traverse_util
import jax.numpy as jnp
import numpy as np

from jinpaint import converters, networks
from jinpaint.converters import download, state_dicts, torch_file
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.types import Variables

_UNKNOWN = 'unknown; ask those who published the file'
# Before what is known of the file that is published under a name.
_SUPPOSED = "if this is the authors' file: "


class Weights(NamedTuple):
  """A network's weights.

  Attributes:
    network: its name, see `jinpaint.create`.
    variables: its variables.
    options: its options.
    licence: of the published file; begins with "if" where the file is not
      known by its checksum, as `origin` does.
    origin: who published it.
    sha256: of the file.
  """

  network: str
  variables: Variables
  options: Mapping[str, Any] = {}
  licence: str = _UNKNOWN
  origin: str = _UNKNOWN
  sha256: str = ''


def convert(network: str, path: str | os.PathLike[str],
            output: str | os.PathLike[str], *, overwrite: bool = False,
            key: str = '', **options: Any) -> Weights:
  """Converts a published PyTorch file to one that `load` reads.

  Args:
    network: what the file holds, see `jinpaint.networks.REGISTRY`.
    path: the published file, see `jinpaint.converters.torch_file`.
    output: where to write to, a name that ends in `.npz`.
    overwrite: replace what is there.
    key: where the file has the weights, if not where the published program
      reads them, see `jinpaint.converters.state_dicts.under`.
    **options: of the network, numbers, strings or tuples of them; they count
      before those that the file decides.

  Returns:
    What was written; its licence and its origin are to be told to the user.

  Raises:
    UsageError: the file cannot be read or does not hold that network's
      weights, or the output exists or cannot be written.
    RunError: the disk is full.
  """
  path, output = Path(path), Path(output)
  if output.suffix != '.npz':
    raise UsageError(f'{output}: name the output .npz')
  if output.exists() and not overwrite:
    raise UsageError(f'{output} exists; --overwrite replaces it')
  contents = state_dicts.under(torch_file.read(path), key, str(path))
  try:
    variables = converters.from_torch(network, contents, **options)
  except UsageError as error:
    raise UsageError(f'{path}: {error}') from None
  options = {**converters.options_of(network, contents), **options}
  weights = Weights(network, variables, options, *provenance(network, path))
  save(output, weights)
  return weights


def save(path: Path, weights: Weights) -> None:
  """Writes a file that `load` reads.

  Raises:
    UsageError: the place cannot be written to.
    RunError: the disk is full.
  """
  arrays = traverse_util.flatten_dict(weights.variables, sep='/')
  about = weights._asdict()
  del about['variables']
  contents = io.BytesIO()
  np.savez(contents, about=np.asarray(json.dumps(about)), **arrays)
  files.write_atomically(path, contents.getvalue())


def load(path: str | os.PathLike[str], network: str = '') -> Weights:
  """Reads what `save` wrote.

  Args:
    path: the file.
    network: the name of the network that it must hold; empty for any.

  Raises:
    UsageError: the file cannot be read, is of another kind, or holds another
      network.
  """
  arrays = torch_file.read(path)
  try:
    about = json.loads(arrays.pop('about').item())
    about['options'] = {name: _as_tuple(value)
                        for name, value in about['options'].items()}
    flat = {name: jnp.array(array) for name, array in arrays.items()}
    weights = Weights(variables=traverse_util.unflatten_dict(flat, sep='/'),
                      **about)
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UsageError(f'{path}: was not written by jinpaint convert') from error
  if network and weights.network != network:
    raise UsageError(f'{path} holds the {weights.network}, not the {network}')
  return weights


def load_for(modules: Mapping[str, nn.Module], path: str | os.PathLike[str]
             ) -> Variables:
  """Returns the network of a run that a file holds.

  Args:
    modules: the run's networks, under the names that the run has for them.
    path: the file.

  Returns:
    One of these names -> its variables. What was converted decides the class
    and the options of a network; the sizes of the arrays, which depend on what
    else a run has chosen, are not compared.

  Raises:
    UsageError: the file cannot be read, none of the networks is what it holds,
      several are, or the one has other options.
  """
  weights = load(path)
  try:
    architecture = type(networks.create(weights.network, **weights.options))
  except (TypeError, UsageError) as error:  # from another version of jinpaint
    raise UsageError(f'{path}: {error}') from error
  names = [name for name, module in modules.items()
           if type(module) is architecture]
  if not names:
    raise UsageError(
        f'{path} holds the {weights.network}, which is none of the networks '
        f'here: {", ".join(modules)}')
  if len(names) > 1:
    raise UsageError(
        f'{path} holds the {weights.network}, and several networks here are '
        f'one: {", ".join(names)}; convert the whole system, by jinpaint '
        'convert --system, and name that run')
  [name] = names
  for option, value in weights.options.items():
    if (wanted := getattr(modules[name], option)) != value:
      raise UsageError(f'{path} holds the {weights.network} with {option} = '
                       f'{value!r}; the {name} here has {wanted!r}')
  return {name: weights.variables}


def provenance(network: str, path: Path) -> tuple[str, str, str]:
  """Returns licence, origin and SHA-256 of a file, see `Weights`."""
  sha256 = download.sha256_of(path)
  return *licence_and_origin(network, path.name, sha256), sha256


def licence_and_origin(network: str, file_name: str, sha256: str
                       ) -> tuple[str, str]:
  """Returns what the table says of a file, or that it is unknown.

  Only a checksum tells whose a file is. Where the table has none, the name of
  the file and the paper of its network suggest it (trainers of several papers
  give their files the same names), and the answers say "if".
  """
  def paper(name: str) -> str:
    return name.partition('_')[0]

  table = download.TABLE.values()
  known = {(entry.licence, entry.origin) for entry in table
           if entry.sha256 and sha256.startswith(entry.sha256)}
  if len(known) == 1:
    return known.pop()
  supposed = {(entry.licence, entry.origin) for entry in table
              if not entry.sha256 and Path(entry.file).name == file_name
              and paper(entry.name) == paper(network)}
  if len(supposed) == 1:
    licence, origin = supposed.pop()
    return f'{_SUPPOSED}{licence}', f'{_SUPPOSED}{origin}'
  return _UNKNOWN, _UNKNOWN


def _as_tuple(value: Any) -> Any:
  """Returns JSON's lists as tuples: a network's options must be hashable."""
  return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
