"""Weights files read without PyTorch, and without running what is in them.

A `.pth` file holds a pickle, and a pickle is a program: loaded in the usual
way it may call any function of the machine that loads it. Here it is never
loaded. `pickletools` splits it into opcodes, and `_unpickle` understands those
that build containers, numbers, strings and tensors; a file that asks for
anything else is refused by the name of what it asked for. (Restricting
`pickle.Unpickler.find_class` is not enough: its BUILD opcode sets attributes
on whatever is on the stack, NumPy arrays among them, and one LONG_BINPUT opcode
can make it allocate gigabytes.)

Four formats, told apart by content:

- PyTorch's zip archive (1.6 and later): `data.pkl`, one record a storage, and
  `byteorder`;
- PyTorch's older file: five pickles (magic number, protocol, system, object,
  storage keys), then for each key a count and raw little-endian numbers;
- safetensors: header length, JSON header, raw little-endian numbers (the
  `safetensors` package's NumPy loader has no bfloat16);
- NumPy's `.npz`, object arrays refused.
"""

from collections.abc import Callable, Mapping
import io
import json
import math
import os
from pathlib import Path
import pickletools
from typing import Any, BinaryIO, NamedTuple
import zipfile

import ml_dtypes  # noqa: F401, gives NumPy the names bfloat16 and float8_*
import numpy as np

from jinpaint.errors import UsageError

_MAGIC = 0x1950A86A20F9469CFC6C  # opens PyTorch's older files
_LONGEST_HEADER = 100_000_000  # bytes; safetensors' own limit

# PyTorch, NumPy and ml_dtypes call their number types alike.
_DTYPES = {name: np.dtype(name) for name in (
    'float64', 'float32', 'float16', 'bfloat16', 'float8_e4m3fn',
    'float8_e4m3fnuz', 'float8_e5m2', 'float8_e5m2fnuz', 'int64', 'int32',
    'int16', 'int8', 'uint64', 'uint32', 'uint16', 'uint8', 'bool',
    'complex64', 'complex128')}

_STORAGES = {
    'FloatStorage': 'float32', 'DoubleStorage': 'float64',
    'HalfStorage': 'float16', 'BFloat16Storage': 'bfloat16',
    'LongStorage': 'int64', 'IntStorage': 'int32', 'ShortStorage': 'int16',
    'CharStorage': 'int8', 'ByteStorage': 'uint8', 'BoolStorage': 'bool',
    'ComplexFloatStorage': 'complex64', 'ComplexDoubleStorage': 'complex128',
}

_SAFETENSORS = {
    'F64': 'float64', 'F32': 'float32', 'F16': 'float16', 'BF16': 'bfloat16',
    'F8_E4M3': 'float8_e4m3fn', 'F8_E5M2': 'float8_e5m2', 'I64': 'int64',
    'I32': 'int32', 'I16': 'int16', 'I8': 'int8', 'U64': 'uint64',
    'U32': 'uint32', 'U16': 'uint16', 'U8': 'uint8', 'BOOL': 'bool',
    'C64': 'complex64',
}

# Opcodes that put a new object on the stack.
_NEW: dict[str, Callable[[], Any]] = {
    'NONE': lambda: None, 'NEWTRUE': lambda: True, 'NEWFALSE': lambda: False,
    'EMPTY_TUPLE': tuple, 'EMPTY_LIST': list, 'EMPTY_DICT': dict,
    'EMPTY_SET': set,
}

# Opcodes that take items which no MARK precedes -> how many.
_TAKES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3, 'APPEND': 1, 'SETITEM': 2}


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
  """Reads what a trainer or a publisher saved; runs nothing from the file.

  Args:
    path: a PyTorch (zip or older), safetensors or npz file; its suffix does
      not matter.

  Returns:
    The saved mapping. Tensors are NumPy arrays of the shape and the type that
    they were saved with (bfloat16 and float8 by `ml_dtypes`). They may be
    strided, share memory and be read-only: copy before writing. All else is
    plain Python: `torch.Size` becomes a tuple, `torch.device` a string.

  Raises:
    UsageError: the file does not exist, has none of the four formats, is
      damaged or cut off, holds no mapping, or would run something on loading.
  """
  path = Path(path)
  try:
    with path.open('rb') as file:
      contents = _reader(file)(file)
    if not isinstance(contents, dict):
      raise UsageError(
          f'holds a {type(contents).__name__}, not weights under their names')
  except UsageError as error:
    raise UsageError(f'{path}: {_one_line(error)}') from None
  except (FileNotFoundError, IsADirectoryError, NotADirectoryError,
          PermissionError) as error:
    raise UsageError(f'{path}: {error.strerror}') from None
  except Exception as error:  # hostile bytes can fail in any way
    raise UsageError(
        f'{path}: damaged or cut off ({_one_line(error)})') from error
  return contents


def state_dict(contents: Mapping[str, Any], *names: str, prefix: str = '',
               origin: str = 'the file') -> dict[str, np.ndarray]:
  """Returns a network's weights, out of what `read` returned.

  Args:
    contents: a state dict, or a trainer's mapping that holds one.
    *names: the names under which a trainer may have put it, such as
      'generator'; the first that holds a state dict is taken.
    prefix: what the network's names begin with where the state dict holds more
      than the network; names that begin otherwise are left out. A state dict
      without any is the network's own.
    origin: what an error calls the file.

  Returns:
    Arrays by name, without the prefix, and without the `module.` that PyTorch's
    DataParallel puts in front of every name.

  Raises:
    UsageError: there is no state dict; the message lists the keys that exist.
  """
  candidates = [contents, *(contents.get(name) for name in names)]
  weights = next(filter(_is_state_dict, candidates), None)
  if weights is None:
    wanted = ' or '.join(f'"{name}"' for name in names) or 'its top level'
    there = ', '.join(map(str, contents)) or 'none'
    raise UsageError(f'no weights under {wanted} in {origin}; '
                     f'the keys that are there: {there:.500}')
  return _below(_below(weights, prefix) or dict(weights), 'module.', whole=True)


def _below(weights: Mapping[str, np.ndarray], prefix: str,
           *, whole: bool = False) -> dict[str, np.ndarray]:
  """Returns what has a prefix, without it; all, if `whole` and not all have."""
  if whole and not all(name.startswith(prefix) for name in weights):
    return dict(weights)
  return {name.removeprefix(prefix): array for name, array in weights.items()
          if name.startswith(prefix)}


def _one_line(error: Exception) -> str:
  """Returns the error's text, which may quote the file, made printable."""
  return ' '.join(str(error).split())[:300] or type(error).__name__


def _is_state_dict(candidate: Any) -> bool:
  """Returns whether this is a mapping from names to arrays, and not empty."""
  return isinstance(candidate, Mapping) and bool(candidate) and all(
      isinstance(name, str) and isinstance(value, np.ndarray)
      for name, value in candidate.items())


def _reader(file: io.BufferedReader) -> Callable[[io.BufferedReader], Any]:
  """Returns the function that reads a file which begins like this one."""
  head = file.read(512)
  file.seek(0)
  if not head:
    raise UsageError('is empty')
  # First, because a header's length may begin like a pickle or a zip archive.
  if (head[8:9] == b'{'
      and int.from_bytes(head[:8], 'little') <= _LONGEST_HEADER):
    return _read_safetensors
  if head.startswith(b'PK\x03\x04'):
    return _read_zip
  if head.startswith(b'\x80'):  # a pickle's protocol
    return _read_older
  if head.lstrip().lower().startswith((b'<!doctype', b'<html', b'<?xml')):
    raise UsageError('is a web page, not weights: the page that leads to the '
                     'file was saved instead of the file')
  if head.startswith(b'version https://git-lfs'):
    raise UsageError('is a pointer of Git LFS: "git lfs pull" brings the file')
  raise UsageError('is neither a PyTorch, a safetensors nor an npz file')


class _Storage(NamedTuple):
  """The memory that tensors are views of."""

  dtype: np.dtype
  raw: np.ndarray  # (bytes,) uint8
  swapped: bool = False  # written on a machine of the other byte order


def _read_zip(file: io.BufferedReader) -> Any:
  """Reads either of the two formats that are zip archives."""
  with zipfile.ZipFile(file) as archive:
    names = archive.namelist()
    pickles = [name for name in names if f'/{name}'.endswith('/data.pkl')]
    if pickles:
      top = min(pickles, key=len).removesuffix('data.pkl')
      return _read_archive(archive, top)
    if names and all(name.endswith('.npy') for name in names):
      file.seek(0)
      with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
  raise UsageError('is a zip archive without weights; it holds '
                   f'{", ".join(names)}')


def _read_archive(archive: zipfile.ZipFile, top: str) -> Any:
  """Reads PyTorch's zip archive, whose records lie in the folder `top`."""
  storages: dict[str, _Storage] = {}

  def record(name: str) -> bytes:
    info = archive.getinfo(top + name)
    # PyTorch never compresses; what is stored can't be larger than the file.
    if info.compress_type != zipfile.ZIP_STORED:
      raise UsageError('is compressed: unpack it and zip it without')
    return archive.read(info)

  swapped = (f'{top}byteorder' in archive.namelist()
             and record('byteorder') == b'big')

  def storage(dtype: str, key: str, *_location_and_count: Any) -> _Storage:
    if key not in storages:
      raw = np.frombuffer(record(f'data/{key}'), np.uint8)
      storages[key] = _Storage(_DTYPES[dtype], raw, swapped)
    return storages[key]

  return _unpickle(io.BytesIO(record('data.pkl')), storage)


def _read_older(file: io.BufferedReader) -> Any:
  """Reads the format that PyTorch wrote before 1.6."""
  room = os.fstat(file.fileno()).st_size
  storages: dict[str, _Storage] = {}

  # The numbers come after the object that uses them, so that storages are made
  # empty and filled afterwards.
  def storage(dtype: str, key: str, _location: str, count: int,
              view: Any = None) -> _Storage:
    nonlocal room
    if view is not None:
      raise UsageError('has a storage inside a storage: save it again with '
                       'PyTorch 0.4 or later')
    if key not in storages:
      length = count * _DTYPES[dtype].itemsize
      room -= length
      if room < 0:
        raise UsageError('is cut off, or claims more than it holds')
      storages[key] = _Storage(_DTYPES[dtype], np.zeros(length, np.uint8))
    return storages[key]

  if _unpickle(file) != _MAGIC:
    raise UsageError('is a pickle, but not one that PyTorch wrote')
  _protocol, _system = _unpickle(file), _unpickle(file)
  contents = _unpickle(file, storage)
  keys = _unpickle(file)
  if set(keys) != set(storages):
    raise UsageError('has tensors without storage')
  for key in keys:
    dtype, raw, _ = storages[key]
    count = int.from_bytes(file.read(8), 'little')
    if (count * dtype.itemsize != raw.size
        or file.readinto(raw.data) != raw.size):
      raise UsageError(f'is cut off or damaged at storage {key}')
  return contents


def _read_safetensors(file: io.BufferedReader) -> dict[str, np.ndarray]:
  """Reads a safetensors file."""
  header = json.loads(file.read(int.from_bytes(file.read(8), 'little')))
  body = memoryview(file.read())
  arrays = {}
  for name, entry in header.items():
    if name == '__metadata__':
      continue
    if entry['dtype'] not in _SAFETENSORS:
      raise UsageError(f'{name} is of the unknown type {entry["dtype"]}')
    dtype = _DTYPES[_SAFETENSORS[entry['dtype']]]
    start, end = entry['data_offsets']
    length = math.prod(entry['shape']) * dtype.itemsize
    if not 0 <= start <= start + length == end <= len(body):
      raise UsageError(f'is cut off or damaged at {name}')
    arrays[name] = np.ndarray(entry['shape'], dtype, body[start:end])
  return arrays


def _unpickle(file: BinaryIO,
              storage: Callable[..., _Storage] | None = None) -> Any:
  """Builds the object of a pickle (protocol 2 and later); runs none of it.

  Args:
    file: it stands at the pickle's first byte, and afterwards behind its last.
    storage: returns the storage of a persistent id (type, key, device, count).
  """
  stack: list[Any] = []
  marks: list[int] = []
  memo: dict[Any, Any] = {}

  def above_mark() -> list[Any]:
    start = marks.pop()
    items = stack[start:]
    del stack[start:]
    return items

  # `dict.update(x, ...)` and not `x.update(...)`, because the file decides what
  # x is, and the former refuses all but a dictionary.
  value: Any
  for opcode, value, _ in pickletools.genops(file):
    if opcode.name in _TAKES:
      marks.append(len(stack) - _TAKES[opcode.name])
    match opcode.name:
      case 'PROTO' | 'FRAME':
        pass
      case 'STOP':
        return stack.pop()
      case ('BININT' | 'BININT1' | 'BININT2' | 'LONG1' | 'LONG4' | 'BINFLOAT'
            | 'BINSTRING' | 'SHORT_BINSTRING' | 'BINBYTES' | 'SHORT_BINBYTES'
            | 'BINBYTES8' | 'BINUNICODE' | 'SHORT_BINUNICODE'
            | 'BINUNICODE8'):
        stack.append(value)
      case name if name in _NEW:
        stack.append(_NEW[name]())
      case 'MARK':
        marks.append(len(stack))
      case 'TUPLE' | 'TUPLE1' | 'TUPLE2' | 'TUPLE3':
        stack.append(tuple(above_mark()))
      case 'APPEND' | 'APPENDS':
        items = above_mark()
        list.extend(stack[-1], items)
      case 'SETITEM' | 'SETITEMS':
        items = above_mark()
        dict.update(stack[-1], zip(items[::2], items[1::2], strict=True))
      case 'ADDITEMS':
        items = above_mark()
        set.update(stack[-1], items)
      case 'BINPUT' | 'LONG_BINPUT':
        memo[value] = stack[-1]
      case 'MEMOIZE':
        memo[len(memo)] = stack[-1]
      case 'BINGET' | 'LONG_BINGET':
        stack.append(memo[value])
      case 'GLOBAL':
        stack.append(_known(*value.split(' ')))
      case 'STACK_GLOBAL':
        name, module = stack.pop(), stack.pop()
        stack.append(_known(module, name))
      case 'REDUCE':
        arguments = stack.pop()
        stack.append(stack.pop()(*arguments))
      case 'BUILD':
        # PyTorch hangs the modules' versions on a state dict: not needed.
        attributes = stack.pop()
        if not (isinstance(stack[-1], dict) and isinstance(attributes, dict)):
          raise UsageError(
              f'would change a {type(stack[-1]).__name__} on loading; refused')
      case 'BINPERSID':
        kind, dtype, key, *rest = stack.pop()
        if kind != 'storage' or storage is None or not isinstance(key, str):
          raise UsageError('refers to something that is no storage; refused')
        stack.append(storage(dtype, key, *rest))
      case name:
        raise UsageError(f'has the opcode {name}, which no weights need; '
                         'refused')


def _known(module: str, name: str) -> Any:
  """Returns what stands for a name that a file asks for, or refuses it."""
  # Protocol 2 calls the module of built-in functions as Python 2 did.
  full = '.'.join((module.replace('__builtin__', 'builtins'), name))
  if full not in _KNOWN:
    raise UsageError(f'would run {full} on loading; refused')
  return _KNOWN[full]


def _tensor(storage: _Storage, offset: int, size: tuple[int, ...],
            stride: tuple[int, ...], *_unused: Any) -> np.ndarray:
  """Returns a view of a storage; offset and stride count elements."""
  dtype = storage.dtype
  if (any(type(n) is not int or n < 0 for n in (offset, *size, *stride))
      or len(size) != len(stride)):
    raise UsageError('has a tensor of an impossible shape')
  if 0 in size:
    return np.empty(size, dtype)
  last = offset + sum(
      (n - 1) * step for n, step in zip(size, stride, strict=True))
  if (last + 1) * dtype.itemsize > storage.raw.size:
    raise UsageError(f'has a tensor {size} that reaches beyond its storage')
  array = np.ndarray(size, dtype, storage.raw, offset * dtype.itemsize,
                     [step * dtype.itemsize for step in stride])
  array.flags.writeable = False
  return array.byteswap() if storage.swapped else array


def _tensor_v3(storage: _Storage, offset: int, size: tuple[int, ...],
               stride: tuple[int, ...], _requires_grad: bool, _hooks: Any,
               dtype: str, *_unused: Any) -> np.ndarray:
  """Returns a view of a storage of a type that has no class of its own."""
  return _tensor(storage._replace(dtype=_DTYPES[dtype]), offset, size, stride)


# All that a file may name: functions that do no harm whatever their arguments
# are, and number types. The latter are strings, of which nothing can be made.
_KNOWN: dict[str, Any] = {
    'collections.OrderedDict': dict,
    'builtins.set': set,
    'builtins.complex': complex,
    '_codecs.encode': lambda text, _encoding: text.encode('latin1'),
    'torch.Size': tuple,
    'torch.device': lambda kind, *index: ':'.join(
        [kind, *map('{:d}'.format, index)]),
    'torch._utils._rebuild_tensor': _tensor,
    'torch._utils._rebuild_tensor_v2': _tensor,
    'torch._utils._rebuild_tensor_v3': _tensor_v3,
    'torch._utils._rebuild_parameter': lambda tensor, *_: tensor,
    'torch._utils._rebuild_parameter_with_state': lambda tensor, *_: tensor,
    'torch.storage.UntypedStorage': 'uint8',
    **{f'torch.{name}': dtype for name, dtype in _STORAGES.items()},
    **{f'torch.{name}': name for name in _DTYPES},
}
