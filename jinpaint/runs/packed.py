"""A run in one file: the weights and as much of the config as filling needs.

The file is NumPy's `.npz`: every array of every network under its path,
`generator/params/conv/kernel`, and a JSON text under `about`. It may be given
wherever a run's work directory is read to fill pictures. One such file comes
with jinpaint.
"""

from collections.abc import Iterable
import io
import json
from pathlib import Path

from flax import traverse_util
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np

from jinpaint.converters import torch_file
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.nets import input_shapes
from jinpaint.runs import build, checkpoints
from jinpaint.runs.config import from_json, read_config
from jinpaint.types import KEYS, Variables

# The model that fills pictures where no other one is named.
OWN = Path(__file__).parents[1] / 'models' / 'scratches.npz'

# The keys of a config that say what a system is; all else says what it was
# trained on, and how.
KEYS_OF_SYSTEM = ('system', 'stage', 'options', 'compute', 'pretrained')
_DATA_KEYS = ('size', 'edge', 'eval_edge', 'edge_cut')


def pack(workdir: Path, output: Path, *, checkpoint: str = 'last',
         dtype: str = 'float32', overwrite: bool = False) -> int:
  """Writes a run to one file.

  Args:
    workdir: the run's directory.
    output: the file, whose name ends in `.npz`.
    checkpoint: 'last', 'best' or a step.
    dtype: the type of its numbers: 'float32', or 'float16', which halves the
      file and rounds the weights to 11 bits.
    overwrite: replace what is there.

  Returns:
    The step at which the networks are.

  Raises:
    UsageError: there is no such run or checkpoint; its edges come from files,
      which a file of weights cannot hold; a weight is too large for the type;
      or the output exists or cannot be written.
    RunError: the disk is full.
  """
  if output.suffix != '.npz':
    raise UsageError(f'{output}: name the output .npz')
  if output.exists() and not overwrite:
    raise UsageError(f'{output} exists; --overwrite replaces it')
  config = read_config(workdir)
  if 'files:' in config.data.edge:
    raise UsageError(f'{workdir} finds its edges in files ({config.data.edge}),'
                     ' which cannot be packed')
  variables, step = checkpoints.variables_of(workdir, checkpoint)
  kept = {key: config[key] for key in KEYS_OF_SYSTEM}
  kept['data'] = {key: config.data[key] for key in _DATA_KEYS}
  about = json.dumps({
      'step': step,
      'config': json.loads(ml_collections.ConfigDict(kept).to_json())})
  # Discriminators fill nothing.
  used = {name: variables[name] for name in that_fill(config)}
  arrays = {name: np.asarray(array).astype(dtype) for name, array in
            traverse_util.flatten_dict(used, sep='/').items()}
  for name, array in arrays.items():
    if not np.isfinite(array).all():
      raise UsageError(f'{name} of {workdir} is too large for {dtype}')
  contents = io.BytesIO()
  # NumPy's types take any keyword for `allow_pickle`.
  np.savez_compressed(contents, about=np.asarray(about),
                      **arrays)  # type: ignore[arg-type]
  files.write_atomically(output, contents.getvalue())
  return step


def load(path: Path) -> tuple[ml_collections.ConfigDict, Variables]:
  """Returns the config and the networks' variables, float32, of a file.

  Raises:
    UsageError: the file cannot be read, or `pack` has not written it.
  """
  arrays = torch_file.read(path)
  try:
    config = from_json(json.loads(arrays.pop('about').item())['config'])
    flat = {name: np.asarray(array, np.float32)
            for name, array in arrays.items()}
  except (AttributeError, KeyError, TypeError, ValueError) as error:
    raise UsageError(f'{path}: was not written by jinpaint pack') from error
  return config, traverse_util.unflatten_dict(flat, sep='/')


def open_model(path: Path, checkpoint: str = 'last'
               ) -> tuple[ml_collections.ConfigDict, Variables, int | None]:
  """Opens a run's work directory, or a file that `pack` has written.

  Args:
    path: the directory or the file.
    checkpoint: 'last', 'best' or a step; a file has only the last one.

  Returns:
    The config, the networks' variables, and the step at which they are; None
    for a file.

  Raises:
    UsageError: there is no run, no such checkpoint, or another kind of file.
  """
  if not path.is_file():
    config = read_config(path)
    return config, *checkpoints.variables_of(path, checkpoint)
  if checkpoint != 'last':
    raise UsageError(f'{path} is a packed model: it has no checkpoint '
                     f'{checkpoint}')
  return *load(path), None


def that_fill(config: ml_collections.ConfigDict) -> Iterable[str]:
  """Returns the names of the networks that fill, of those of a run."""
  stage = build.stage_of(config)
  if not stage.fills:
    raise UsageError(f'the stage {config.stage} of {config.system} makes no '
                     'image')
  size = config.data.size
  batch = {key: jax.ShapeDtypeStruct((1, size, size, KEYS[key].channels),
                                     jnp.float32)
           for key in ('mask', *stage.predicts_from)}
  return input_shapes(stage.networks, stage.predict, batch)
