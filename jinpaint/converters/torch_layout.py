"""The rules by which PyTorch's weights become Flax's variables.

A paper's file says what the layers of its networks are called where they were
published: a `Converter`, by which nothing is lost or made up. All else follows
from the network. Its initialisation, traced but never run, tells which arrays
there are; the name of an array tells its name and its axes in PyTorch:

| collection    | array         | PyTorch                       | axes there   |
|---------------|---------------|-------------------------------|--------------|
| `params`      | `kernel`      | `weight`; `weight_orig` where | O I H W,     |
|               |               | it has a spectral norm        | I O H W, O I |
| `params`      | `bias`        | `bias`                        |              |
| `params`      | `scale`       | `weight`                      |              |
| `batch_stats` | `mean`, `var` | `running_mean`, `running_var` |              |
| `spectral`    | `u`, `v`      | `weight_u`, `weight_v`        |              |

A spectral norm that is in the file and not in the network is folded into the
weight, with the stored vectors, as PyTorch does in evaluation mode.
"""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import fnmatch
import functools
import math
import re
from typing import Any, NamedTuple

from flax import linen as nn
from flax import traverse_util
import jax
import jax.numpy as jnp
import numpy as np

from jinpaint.errors import UsageError
from jinpaint.types import Variables

StateDict = Mapping[str, np.ndarray]

# Collection and array -> its name in PyTorch.
_NAMES = {
    ('params', 'kernel'): 'weight',
    ('params', 'bias'): 'bias',
    ('params', 'scale'): 'weight',
    ('batch_stats', 'mean'): 'running_mean',
    ('batch_stats', 'var'): 'running_var',
    ('spectral', 'u'): 'weight_u',
    ('spectral', 'v'): 'weight_v',
}
_NEVER_NEEDED = ('*num_batches_tracked',)
_SHOWN = 3  # keys of each kind in an error


class Transposed(str):
  """A layer's name in PyTorch; the layer is a transposed convolution.

  It has to be said: its axes are I O H W, and a square weight looks alike.
  """


@dataclasses.dataclass(frozen=True)
class Converter:
  """What a network's arrays are called in a published state dict.

  Attributes:
    layers: from a layer of the network, `'middle_{i}/conv'`, to its name in
      PyTorch, `'middle.{i}.conv_block.1'`. `{i}`, or another word, stands for
      the same digits in both; the first entry that fits counts. `Transposed`
      marks transposed convolutions. An array that belongs to no layer
      (`'alpha'`) is mapped to its full key.
    inputs: the network's arguments, as `image` describes them. A function of
      the state dict, if what it holds decides:
      `lambda state: (image(channels(state, 'conv1.weight')),)`.
    whole: options with which the network has all that is in the file,
      whatever the caller asks for (VGG can be cut after any layer).
    options: from a state dict, the options that it decides (how many residual
      blocks ISNet has).
    ignored: keys that are left out knowingly, `'classifier.*'`: aliases,
      frozen arrays, layers that nothing uses.
    found_under: where a trainer's file holds the state dict, `'generator'`.
    prepare: brings the state dict of a publisher who has his own conventions
      into those of the table above.
  """

  layers: Mapping[str, str]
  inputs: tuple[Any, ...] | Callable[[StateDict], tuple[Any, ...]]
  whole: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  options: Callable[[StateDict], Mapping[str, Any]] = lambda state_dict: {}
  ignored: tuple[str, ...] = ()
  found_under: tuple[str, ...] = ()
  prepare: Callable[[StateDict], StateDict] = dict


class Leaf(NamedTuple):
  """One array of a network.

  Attributes:
    path: where it is in the variables, `('params', 'conv1', 'kernel')`.
    key: its key in the state dict.
    shape: its shape there.
    axes: `array.transpose(axes)` brings it from there into the network's order.
  """

  path: tuple[str, ...]
  key: str
  shape: tuple[int, ...]
  axes: tuple[int, ...]


def image(channels: int, size: int = 64) -> jax.ShapeDtypeStruct:
  """Describes the input (1, size, size, channels); sizes hardly matter."""
  return jax.ShapeDtypeStruct((1, size, size, channels), jnp.float32)


def channels(state_dict: StateDict, key: str) -> int:
  """Returns how many channels a convolution of a file reads.

  For networks that were published for several inputs.

  Raises:
    UsageError: the file has no such convolution.
  """
  if key not in state_dict:
    raise UsageError(f'missing {key}')
  if state_dict[key].ndim != 4:
    raise UsageError(f'of another shape: {key} is {state_dict[key].shape}')
  return state_dict[key].shape[1]


def blocks_in(pattern: str) -> Callable[[StateDict], Mapping[str, Any]]:
  r"""Returns `Converter.options` for a network with an option `blocks`.

  Args:
    pattern: what the keys of its blocks begin with, their number, from 0, in
      parentheses: `r'middle\.(\d+)\.'`.
  """
  def options(state_dict):
    found = [int(match[1]) for key in state_dict
             if (match := re.match(pattern, key))]
    return {'blocks': 1 + max(found)} if found else {}
  return options


def within(layer: str, name: str, layers: Mapping[str, str]) -> dict[str, str]:
  """Returns a block's `Converter.layers`, as a part of a network.

  Args:
    layer: what the block is called in the network.
    name: what it is called in PyTorch.
    layers: what the block's own layers are called.
  """
  return {f'{layer}/{ours}': type(theirs)(f'{name}.{theirs}')
          for ours, theirs in layers.items()}


def convert(network: nn.Module, converter: Converter, state_dict: StateDict
            ) -> Variables:
  """Returns a network's variables, `{'params': ..., 'batch_stats': ...}`.

  Args:
    network: the network.
    converter: what its arrays are called in the state dict.
    state_dict: arrays in PyTorch's layout, of any floating type.

  Raises:
    UsageError: keys are missing, are too many, or have another shape.
  """
  left = dict(converter.prepare(state_dict))
  missing, misshapen, flat = [], [], {}

  def take(key, shape):
    """Takes an array out of `left`, or says why not and returns None."""
    array = left.pop(key, None)
    if array is None:
      missing.append(key)
    elif array.shape != shape:
      misshapen.append(f'{key} is {array.shape}, not {shape}')
    else:
      return array.astype(np.float32, copy=False)
    return None

  for leaf in leaves(network, converter, left):
    orig, u, v = (f'{leaf.key}_{part}' for part in ('orig', 'u', 'v'))
    if leaf.key not in left and orig in left:
      out = leaf.axes[-1]
      columns = math.prod(leaf.shape) // leaf.shape[out]
      array = _folded(take(orig, leaf.shape), take(u, leaf.shape[out:out + 1]),
                      take(v, (columns,)), out)
    else:
      array = take(leaf.key, leaf.shape)
      if orig in left and u in left:  # PyTorch before 1.0 kept all three
        del left[orig], left[u]
    if array is not None:
      flat[leaf.path] = jnp.array(array.transpose(leaf.axes))

  ignored = (*_NEVER_NEEDED, *converter.ignored)
  unexpected = [key for key in left if not any(
      fnmatch.fnmatchcase(key, pattern) for pattern in ignored)]
  problems = [f'{what} {_first(items)}' for what, items in (
      ('missing', missing), ('unexpected', unexpected),
      ('of another shape:', misshapen)) if items]
  if problems:
    raise UsageError('; '.join(problems))
  return traverse_util.unflatten_dict(flat)


def leaves(network: nn.Module, converter: Converter, state_dict: StateDict
           ) -> list[Leaf]:
  """Returns every array of a network and where it is in a state dict.

  Raises:
    ValueError: the converter does not know a layer, or knows two by one name.
  """
  inputs = converter.inputs
  if callable(inputs):
    inputs = inputs(state_dict)
  tree = _arrays(network, inputs)
  found = [_leaf(path, array.shape, converter.layers,
                 spectral=('spectral', *path[1:-1], 'u') in tree)
           for path, array in tree.items()]
  keys = [leaf.key for leaf in found]
  if twice := {key for key in keys if keys.count(key) > 1}:
    raise ValueError(f'the converter asks more than once for {sorted(twice)}')
  return found


@functools.lru_cache(maxsize=64)  # files are compared with several networks
def _arrays(network, inputs):
  """Returns path -> shape and type of a network's arrays."""
  return traverse_util.flatten_dict(
      jax.eval_shape(network.init, jax.random.key(0), *inputs))


def _leaf(path, shape, layers, spectral):
  collection, *layer, array = path
  own = _translate('/'.join((*layer, array)), layers)
  if own is not None:
    return Leaf(path, str(own), shape, tuple(range(len(shape))))
  name = _translate('/'.join(layer), layers)
  if name is None or (collection, array) not in _NAMES:
    raise ValueError(f'the converter does not know {"/".join(path)}')
  key = '.'.join(filter(None, (name, _NAMES[collection, array])))
  if array != 'kernel':
    return Leaf(path, key, shape, tuple(range(len(shape))))
  if spectral:
    key += '_orig'
  window = tuple(range(2, len(shape)))
  axes = (*window, 0, 1) if isinstance(name, Transposed) else (*window, 1, 0)
  return Leaf(path, key, tuple(shape[axes.index(i)] for i in range(len(axes))),
              axes)


def _translate(layer, layers):
  """Returns a layer's name in PyTorch, or None."""
  for ours, theirs in layers.items():
    words = re.split(r'\{(\w+)\}', ours)
    words[::2] = map(re.escape, words[::2])
    words[1::2] = (rf'(?P<{word}>\d+)' for word in words[1::2])
    if match := re.fullmatch(''.join(words), layer):
      return type(theirs)(theirs.format(**match.groupdict()))
  return None


def _folded(weight, u, v, out):
  """Returns weight / sigma, if all three are there."""
  if weight is None or u is None or v is None:
    return None
  matrix = np.moveaxis(weight, out, 0).reshape(u.size, v.size)
  return weight / np.float32(u.astype(np.float64) @ matrix @ v)


def _first(items: Iterable[str]) -> str:
  items = [item.encode('unicode_escape').decode() for item in items]
  more = f' and {len(items) - _SHOWN} more' if len(items) > _SHOWN else ''
  return ', '.join(items[:_SHOWN]) + more
