"""The rules by which PyTorch's weights become Flax's variables.

A paper's file says what the layers of its networks are called where they were
published: a `Converter`. Every array of the network must be in the published
file, and every array of the file must have a place in the network. All else
follows from the network. Its initialisation is traced, but never run, and tells
which arrays there are; the name of an array tells its name and its axes in
PyTorch:

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
_LISTED = 3  # keys of each kind that an error names


class Transposed(str):
  """The name in PyTorch of a layer that is a transposed convolution.

  The axes of its weight are I O H W there, and not O I H W. That cannot be seen
  by the shape where both numbers of channels are the same.
  """


@dataclasses.dataclass(frozen=True)
class Converter:
  """What a network's arrays are called in a published state dict.

  Attributes:
    layers: from a layer of the network, `'middle_{i}/conv'`, to its name in
      PyTorch, `'middle.{i}.conv_block.1'`. `{i}`, or another word, stands for
      the same digits in both; the first entry that fits counts. `Transposed`
      marks transposed convolutions. An array that belongs to no layer
      (`'alpha'`) is mapped to its full key. A function of the state dict, if
      what it holds decides: where layers are called by their number, those
      behind the blocks have other names for each number of blocks.
    inputs: the network's arguments, as `image` describes them. A function of
      the state dict, if what it holds decides:
      `lambda state: (image(channels(state, 'conv1.weight')),)`.
    whole: options with which the network has all that is in the file,
      whatever the caller asks for (VGG can be cut after any layer).
    options: from a state dict, the options that it decides: how many residual
      blocks ISNet has, or what the program does for which the file was made.
    ignored: patterns of keys that the network does not need, `'classifier.*'`:
      second names of arrays, frozen arrays, layers that nothing uses.
    found_under: where a trainer's file holds the state dict, `'generator'`.
    prefix: what the network's keys begin with in a state dict that holds more
      than the network, `'generator.'`; what begins otherwise is not read. A
      state dict in which no key begins so is the network's own.
    prepare: brings the state dict of a publisher who has his own conventions
      into those of the table above.
  """

  layers: Mapping[str, str] | Callable[[StateDict], Mapping[str, str]]
  inputs: tuple[Any, ...] | Callable[[StateDict], tuple[Any, ...]]
  whole: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  options: Callable[[StateDict], Mapping[str, Any]] = lambda state_dict: {}
  ignored: tuple[str, ...] = ()
  found_under: tuple[str, ...] = ()
  prefix: str = ''
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
  """Describes an input (1, size, size, channels) of a network.

  No weight's shape depends on the size; it must only be one that the network
  accepts.
  """
  return jax.ShapeDtypeStruct((1, size, size, channels), jnp.float32)


def channels(state_dict: StateDict, key: str) -> int:
  """Returns how many channels a convolution of a file reads.

  This is for networks that were published for several inputs.

  Args:
    state_dict: the file's.
    key: of the convolution's weight.

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
    pattern: what the keys of its blocks begin with. Its one group is the
      block's number, counted from 0: `r'middle\.(\d+)\.'`.
  """
  def options(state_dict: StateDict) -> Mapping[str, Any]:
    numbers = [int(match[1]) for key in state_dict
               if (match := re.match(pattern, key))]
    return {'blocks': 1 + max(numbers)} if numbers else {}
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
  missing: list[str] = []
  misshapen: list[str] = []
  flat: dict[tuple[str, ...], jax.Array] = {}

  def take(key: str, shape: tuple[int, ...]) -> np.ndarray | None:
    """Takes an array out of `left`; notes why if that cannot be."""
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
  inputs, layers = converter.inputs, converter.layers
  if callable(inputs):
    inputs = inputs(state_dict)
  if callable(layers):
    layers = layers(state_dict)
  tree = _arrays(network, inputs)
  network_leaves = [
      _leaf(path, array.shape, layers,
            spectral=('spectral', *path[1:-1], 'u') in tree)
      for path, array in tree.items()]
  keys = [leaf.key for leaf in network_leaves]
  if twice := {key for key in keys if keys.count(key) > 1}:
    raise ValueError(f'the converter asks more than once for {sorted(twice)}')
  return network_leaves


# Cached, because a file may be compared with several networks.
@functools.lru_cache(maxsize=64)
def _arrays(network: nn.Module, inputs: tuple[Any, ...]
            ) -> dict[tuple[str, ...], jax.ShapeDtypeStruct]:
  """Returns path -> shape and type of a network's arrays."""
  return traverse_util.flatten_dict(
      jax.eval_shape(network.init, jax.random.key(0), *inputs))


def _leaf(path: tuple[str, ...], shape: tuple[int, ...],
          layers: Mapping[str, str], spectral: bool) -> Leaf:
  """Returns where an array is in a state dict.

  Args:
    path: of the array in the variables.
    shape: of the array in the network.
    layers: the mapping in `Converter`.
    spectral: whether its layer has a spectral norm.

  Raises:
    ValueError: the converter does not know it.
  """
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


def _translate(layer: str, layers: Mapping[str, str]) -> str | None:
  """Returns a layer's name in PyTorch; None if the converter has none."""
  for ours, theirs in layers.items():
    words = re.split(r'\{(\w+)\}', ours)
    words[::2] = map(re.escape, words[::2])
    words[1::2] = (rf'(?P<{word}>\d+)' for word in words[1::2])
    if match := re.fullmatch(''.join(words), layer):
      return type(theirs)(theirs.format(**match.groupdict()))
  return None


def _folded(weight: np.ndarray | None, u: np.ndarray | None,
            v: np.ndarray | None, out: int) -> np.ndarray | None:
  """Returns weight / sigma, where sigma = u W v; None unless all three exist.

  Args:
    weight: in PyTorch's order.
    u: the left singular vector.
    v: the right singular vector.
    out: the axis of the weight that `u` belongs to.
  """
  if weight is None or u is None or v is None:
    return None
  matrix = np.moveaxis(weight, out, 0).reshape(u.size, v.size)
  return weight / np.float32(u.astype(np.float64) @ matrix @ v)


def _first(items: Iterable[str]) -> str:
  """Returns the first of some keys, which a file may have chosen, printable."""
  items = [item.encode('unicode_escape').decode() for item in items]
  more = f' and {len(items) - _LISTED} more' if len(items) > _LISTED else ''
  return ', '.join(items[:_LISTED]) + more
