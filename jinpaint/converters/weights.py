"""One network's weights in a file of our own, with licence and origin.

The file is NumPy's `.npz`: every array under its path, `params/conv1/kernel`,
and a JSON text under `about`.
"""

from collections.abc import Mapping
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from flax import traverse_util
import jax.numpy as jnp
import numpy as np

from jinpaint import converters
from jinpaint.converters import download, torch_file
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.types import Variables

_UNKNOWN = 'unknown; ask those who published the file'


class Weights(NamedTuple):
  """A network's weights.

  Attributes:
    network: its name, see `jinpaint.create`.
    variables: its variables.
    options: its options.
    licence: of the published file.
    origin: who published it.
    sha256: of the published file.
  """

  network: str
  variables: Variables
  options: Mapping[str, Any] = {}
  licence: str = _UNKNOWN
  origin: str = _UNKNOWN
  sha256: str = ''


def convert(network: str, path: str | os.PathLike[str],
            output: str | os.PathLike[str], *, overwrite: bool = False,
            **options: Any) -> Weights:
  """Converts a published PyTorch file to one that `load` reads.

  Args:
    network: what the file holds, see `jinpaint.networks.REGISTRY`.
    path: the published file, see `jinpaint.converters.torch_file`.
    output: where to write to, a name that ends in `.npz`.
    overwrite: replace what is there.
    **options: of the network, numbers, strings or tuples of them.

  Returns:
    What was written; its licence and its origin are to be told to the user.

  Raises:
    UsageError: the file can't be read or does not hold that network's weights,
      or the output exists or can't be written.
  """
  path, output = Path(path), Path(output)
  if output.suffix != '.npz':
    raise UsageError(f'{output}: name the output .npz')
  if output.exists() and not overwrite:
    raise UsageError(f'{output} exists; --overwrite replaces it')
  contents = torch_file.read(path)
  try:
    variables = converters.from_torch(network, contents, **options)
  except UsageError as error:
    raise UsageError(f'{path}: {error}') from None
  options |= converters.options_of(network, contents)
  weights = Weights(network, variables, options, *provenance(network, path))
  try:
    save(output, weights)
  except OSError as error:
    raise UsageError(f'cannot write {output}: {error.strerror}') from error
  return weights


def save(path: Path, weights: Weights) -> None:
  """Writes a file that `load` reads."""
  arrays = traverse_util.flatten_dict(weights.variables, sep='/')
  about = weights._asdict()
  del about['variables']
  contents = io.BytesIO()
  np.savez(contents, about=np.asarray(json.dumps(about)), **arrays)
  files.write_atomically(path, contents.getvalue())


def load(path: str | os.PathLike[str]) -> Weights:
  """Reads what `save` wrote.

  Raises:
    UsageError: the file can't be read, or is of another kind.
  """
  arrays = torch_file.read(path)
  try:
    about = json.loads(arrays.pop('about').item())
    about['options'] = {name: _as_tuple(value)
                        for name, value in about['options'].items()}
    flat = {name: jnp.array(array) for name, array in arrays.items()}
    return Weights(variables=traverse_util.unflatten_dict(flat, sep='/'),
                   **about)
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UsageError(f'{path}: was not written by jinpaint convert') from error


def provenance(network: str, path: Path) -> tuple[str, str, str]:
  """Returns licence, origin and SHA-256 of a published file."""
  with path.open('rb') as file:
    sha256 = hashlib.file_digest(file, 'sha256').hexdigest()
  return *licence_and_origin(network, path.name, sha256), sha256


def licence_and_origin(network: str, file_name: str, sha256: str
                       ) -> tuple[str, str]:
  """Returns what the table says of a file, or that it is unknown.

  A file is known by its checksum; where that is not, by its name and its
  paper: several trainers call their files alike.
  """
  paper = lambda name: name.partition('_')[0]
  found = {
      (entry.licence, entry.origin) for entry in download.TABLE.values()
      if (sha256.startswith(entry.sha256) if entry.sha256 else
          Path(entry.file).name == file_name
          and paper(entry.name) == paper(network))}
  return found.pop() if len(found) == 1 else (_UNKNOWN, _UNKNOWN)


def _as_tuple(value):
  """Returns JSON's lists as tuples: a network's options must be hashable."""
  return tuple(map(_as_tuple, value)) if isinstance(value, list) else value
