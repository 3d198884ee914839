"""What an evaluation was made of: enough to make it again, or to tell it apart.

Two evaluations with the same manifest have the same scores; only where they
were computed may differ (`computed_on`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import hashlib
from importlib import metadata
import json
import os
from pathlib import Path
import platform
import socket
from typing import Any

from flax import traverse_util
import jax
import numpy as np

import jinpaint
from jinpaint.data import files, masks, pipeline, sources
from jinpaint.evaluation.contest import Contest
from jinpaint.evaluation.models import Opened
from jinpaint.stage import Measure
from jinpaint.types import Variables

_CHUNK = 2**20  # bytes of a file that are read at once
_ELSEWHERE = 'computed_on'
_FILES = 'files:'


def of(opened: Sequence[Opened], contest: Contest) -> dict[str, Any]:
  """Returns the manifest of an evaluation, as JSON holds it.

  Args:
    opened: the systems.
    contest: what they are scored in.

  Raises:
    UsageError: there are no such photographs.
  """
  protocol = contest.protocol
  models = [{
      'row': model.name, 'path': str(each.path.resolve()), 'step': each.step,
      'weights_sha256': of_weights(each.variables),
      'config': each.config.to_dict()}
      for model, each in zip(contest.models, opened, strict=True)]
  columns = {key: measure.definition for model in contest.models
             for key, measure in model.evaluator.measures.items()}
  return plain({
      'photographs': _photographs(protocol.data, protocol.limit),
      'protocol': protocol.described(),
      'files_sha256': {path: of_files(path) for path in _paths(protocol.data)},
      'seed': protocol.seed, 'limit': protocol.limit,
      'measures': columns, 'methods': list(contest.others), 'models': models,
      **surroundings()})


def of_pictures(predictions: Sequence[Path], targets: Path,
                masks_folder: Path | None, columns: Mapping[str, Measure],
                protocol: Mapping[str, str]) -> dict[str, Any]:
  """Returns the manifest of an evaluation of pictures made elsewhere.

  Args:
    predictions: their folders.
    targets: the folder of the true images.
    masks_folder: that of the masks, if there are any.
    columns: what is measured.
    protocol: what the scores depend on, by subject.
  """
  folders = [*predictions, targets, *([masks_folder] if masks_folder else [])]
  return plain({
      'files_sha256': {str(folder): of_files(folder) for folder in folders},
      'protocol': protocol,
      'measures': {key: measure.definition for key, measure in columns.items()},
      **surroundings()})


def surroundings() -> dict[str, Any]:
  """Returns versions, and the machine: the part that no flag decides."""
  return {
      'versions': {
          'jinpaint': jinpaint.__version__, 'python': platform.python_version(),
          **{name: metadata.version(name) for name in (
              'jax', 'jaxlib', 'flax', 'numpy', 'opencv-python-headless',
              'scikit-image')}},
      _ELSEWHERE: {
          'host': socket.gethostname(),
          'devices': [device.device_kind for device in jax.local_devices()]}}


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
  """Returns the first thing in which two manifests differ; '' if in none."""
  flat = [
      {name: value for name, value in _flat(manifest)
       if name.partition('.')[0] != _ELSEWHERE} for manifest in (before, now)]
  for name in dict.fromkeys((*flat[0], *flat[1])):
    then, today = (values.get(name) for values in flat)
    if then != today:
      return f'{name} was {then}, now it is {today}'
  return ''


def plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
  """Returns a manifest as it comes back from its file."""
  return json.loads(json.dumps(manifest))


def of_weights(variables: Variables) -> str:
  """Returns the SHA-256 of networks: of names, types, shapes and numbers."""
  digest = hashlib.sha256()
  flat = traverse_util.flatten_dict(variables, sep='/')
  for name in sorted(flat):
    array = np.ascontiguousarray(flat[name])
    digest.update(f'{name}\0{array.dtype}\0{array.shape}\0'.encode())
    digest.update(array.tobytes())
  return digest.hexdigest()


def of_files(path: str | Path, names: Iterable[str] | None = None) -> str:
  """Returns the SHA-256 of image files: of their names and contents.

  Args:
    path: a file, or the folder that they are in.
    names: their relative paths; None for all below the folder.
  """
  path = Path(path)
  if names is None:
    names = ('',) if path.is_file() else files.names(path)
  digest = hashlib.sha256()
  for name in names:
    digest.update(os.fsencode(f'{name}\0'))
    with (path / name).open('rb') as file:
      while chunk := file.read(_CHUNK):
        digest.update(chunk)
  return digest.hexdigest()


def _photographs(data: Any, limit: int) -> dict[str, Any]:
  """Returns how many photographs there are, and what tells them from others."""
  source = pipeline.open_held_out(data)
  number = min(len(source), limit or len(source))
  said: dict[str, Any] = {'source': data.eval_source or data.source,
                          'number': number}
  if isinstance(source, sources.Folder):
    said['sha256'] = of_files(source.root, source.names[:number])
  return said


def _paths(data: Any) -> Iterator[str]:
  """Yields the files and folders of masks, edges and sketches."""
  for spec in (*masks.parts(data.mask), data.edge, data.sketch):
    _, found, path = spec.partition(_FILES)
    if found:
      yield os.path.expanduser(path)


def _flat(manifest: Any, name: str = '') -> Iterator[tuple[str, Any]]:
  """Yields the leaves of a manifest, by dotted names."""
  if isinstance(manifest, Mapping):
    for key, value in manifest.items():
      yield from _flat(value, f'{name}.{key}' if name else key)
  elif isinstance(manifest, list):
    for i, value in enumerate(manifest):
      yield from _flat(value, f'{name}.{i}')
  else:
    yield name, manifest
