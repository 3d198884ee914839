"""Feature networks with their published weights: VGG, HED, LPIPS and others.

Where weights are looked for, in this order:

1. `NAME.npz` in the cache, which `jinpaint convert --network=NAME` has written;
2. the published file of `jinpaint.converters.download` in the cache;
3. the file of a package (`jinpaint.converters.packages`), in the cache or
   installed;
4. the package's archive, in the cache or else from the package index.

Where there is no such package, the published file is downloaded.
"""

import importlib
from pathlib import Path
from typing import NamedTuple

from flax import traverse_util
import jax.numpy as jnp

from jinpaint import converters, networks
from jinpaint.converters import download, packages, weights
from jinpaint.converters.weights import Weights
from jinpaint.errors import unknown, UsageError
from jinpaint.types import Variables

# Network -> the metrics that read it.
METRICS = {'lpips_alex': 'LPIPS by AlexNet', 'lpips_vgg': 'LPIPS by VGG-16',
           'fid_inception': 'FID, KID, P-IDS and U-IDS'}
# The networks that are only read, by losses, edge detectors and metrics.
NAMES = ('hed', 'vgg16', 'vgg19', 'ade20k_resnet50_dilated', *METRICS)


class Source(NamedTuple):
  """Whose weights a file holds.

  Attributes:
    licence: as its publisher states it.
    origin: who made them.
    sha256: of the file that was published.
  """

  licence: str
  origin: str
  sha256: str


def load(name: str) -> Variables:
  """Returns the variables of a network that is only read.

  Args:
    name: one of `NAMES`.

  Raises:
    jinpaint.errors.UsageError: there are no weights here and they cannot be
      fetched (the message says what is missing and how to get it), or a file
      holds something else.
  """
  return read(name).variables


def read(name: str) -> Weights:
  """Returns what `load` does, and whose weights they are.

  Args:
    name: as in `load`.

  Raises:
    jinpaint.errors.UsageError: as `load`.
  """
  path = find(name) or fetch(name)
  if path.suffix == '.npz':
    return weights.load(path, name)
  variables = (_packaged(name, path) if _is_packaged(name, path)
               else converters.from_file(name, path))
  return Weights(name, variables, {}, *source_of(name, path))


def find(name: str) -> Path | None:
  """Returns the file that `read` would read; None if it would fetch one.

  Args:
    name: one of `NAMES`.

  Raises:
    jinpaint.errors.UsageError: no such name, or the published file in the cache
      is another one.
  """
  if name not in NAMES:
    raise unknown('network with published weights', name, NAMES)
  converted = download.cache_dir() / f'{name}.npz'
  if converted.is_file():
    return converted
  if name in download.TABLE and (
      download.cache_dir() / download.TABLE[name].file).is_file():
    return download.find(name)
  return packages.find(name) if name in packages.TABLE else None


def fetch(name: str, *, published: bool = False, progress: bool = True) -> Path:
  """Brings weights into the cache; those that are there stay.

  Args:
    name: as in `find`.
    published: whether to download the published file where a package has
      weights as well.
    progress: show a bar on stderr if that is a terminal.

  Returns:
    The file.

  Raises:
    jinpaint.errors.UsageError: no such name, or the weights cannot be had.
    jinpaint.errors.RunError: the disk is full.
  """
  if name not in NAMES:
    raise unknown('network with published weights', name, NAMES)
  if published:
    return download.fetch(name, progress=progress)
  without = ('' if name in METRICS else
             '; or train with --config.pretrained=none')
  if name not in packages.TABLE:
    try:
      return download.fetch(name, progress=progress)
    except UsageError as error:
      raise UsageError(f'{error}{without}') from error
  if (path := packages.find(name)) is not None:
    return path
  try:
    return packages.fetch(name, progress=progress)
  except UsageError as error:
    other = (f'; or {download.advice(name)}' if name in download.TABLE else '')
    raise UsageError(f'no weights of {name}: {error}; {packages.advice(name)}'
                     f'{other}{without}') from error


def source_of(name: str, path: Path) -> Source:
  """Returns whose weights a file holds that `find` or `fetch` returned."""
  if not _is_packaged(name, path):
    return Source(*weights.provenance(name, path))
  file = packages.TABLE[name]
  return Source(file.archive.licence, file.archive.origin, file.sha256)


def _is_packaged(name: str, path: Path) -> bool:
  """Returns whether a file is a package's; no published one is called so."""
  return (name in packages.TABLE
          and path.name == Path(packages.TABLE[name].path).name)


def _packaged(name: str, path: Path) -> Variables:
  """Returns the variables of a network out of a package's file."""
  arrays = packages.read(path)
  paper = importlib.import_module(
      f'jinpaint.converters.{networks.REGISTRY[name].module}')
  return {'params': traverse_util.unflatten_dict({
      f'{layer}/{array}': jnp.array(arrays[f'{theirs}/{array}'])
      for layer, theirs in paper.PACKAGED[name].items()
      for array in ('kernel', 'bias')
      # Some layers have no bias; that nothing is lost, the file's hash says.
      if f'{theirs}/{array}' in arrays}, sep='/')}
