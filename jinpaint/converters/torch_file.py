"""Weights files read without PyTorch, and without running what is in them.

A `.pth` or `.ckpt` file holds a pickle, which is a program;
`jinpaint.converters.pickles` says what it may ask for. Four formats, told apart
by content:

- PyTorch's zip archive (1.6 and later): `data.pkl`, one record a storage, and
  `byteorder`;
- PyTorch's older file: five pickles (magic number, protocol, system, object,
  storage keys), then for each key a count and raw little-endian numbers;
- safetensors: header length, JSON header, raw little-endian numbers (the
  `safetensors` package's NumPy loader has no bfloat16);
- NumPy's `.npz`, object arrays refused.
"""

from collections.abc import Callable
import io
import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple
import zipfile

import ml_dtypes  # noqa: F401, gives NumPy the names bfloat16 and float8_*
import numpy as np

from jinpaint.converters import pickles
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


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
  """Reads what a trainer or a publisher saved; runs nothing from the file.

  Args:
    path: a PyTorch (zip or older), safetensors or npz file; its suffix does
      not matter.

  Returns:
    The saved mapping. Tensors are NumPy arrays of the shape and the type that
    they were saved with (bfloat16 and float8 by `ml_dtypes`). They may be
    strided, share memory and be read-only: copy before writing. All else is
    plain Python: `torch.Size` becomes a tuple, `torch.device` a string, a
    scalar of NumPy's a number. For what belongs to other libraries stands an
    inert object, see `jinpaint.converters.pickles`; what refers to itself in
    the file does so here.

  Raises:
    UsageError: the file does not exist, has none of the four formats, is
      damaged or cut off, holds no mapping, or would run something on loading.
  """
  path = Path(path)
  try:
    with path.open('rb') as file:
      contents = _reader(file)(file)
    if not isinstance(contents, dict):
      raise UsageError(f'holds {pickles.what(contents)}, not weights under '
                       'their names')
  except UsageError as error:
    raise UsageError(f'{path}: {_one_line(error)}') from None
  except (FileNotFoundError, IsADirectoryError, NotADirectoryError,
          PermissionError) as error:
    raise UsageError(f'{path}: {error.strerror}') from None
  except Exception as error:  # hostile bytes can fail in any way
    raise UsageError(
        f'{path}: damaged or cut off ({_one_line(error)})') from error
  return contents


def _one_line(error: Exception) -> str:
  """Returns the error's text, which may quote the file, made printable."""
  text = ' '.join(pickles.printable(str(error)).split())
  return text[:300] or type(error).__name__


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
  swapped: bool = False  # still in the other machine's byte order


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
      numbers = np.frombuffer(record(f'data/{key}'), _DTYPES[dtype])
      if swapped:  # once, however many tensors are views of it
        numbers = numbers.byteswap()
      storages[key] = _Storage(_DTYPES[dtype], numbers.view(np.uint8), swapped)
    return storages[key]

  pickle = record('data.pkl')
  return pickles.read(io.BytesIO(pickle), len(pickle), _KNOWN,
                      _persistent(storage))


def _read_older(file: io.BufferedReader) -> Any:
  """Reads the format that PyTorch wrote before 1.6."""
  size = room = os.fstat(file.fileno()).st_size
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

  if pickles.read(file, size, {}) != _MAGIC:
    raise UsageError('is a pickle, but not one that PyTorch wrote')
  _protocol = pickles.read(file, size, {})
  _system = pickles.read(file, size, {})
  contents = pickles.read(file, size, _KNOWN, _persistent(storage))
  keys = pickles.read(file, size, {})
  if (not all(isinstance(key, str) for key in keys)
      or set(keys) != set(storages)):
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


def _persistent(storage: Callable[..., _Storage]) -> Callable[..., _Storage]:
  """Returns what makes a storage from the identifier that a pickle has for it.

  Args:
    storage: makes it from its type, its key, its device and its count.
  """
  def of_identifier(kind: Any, dtype: Any, key: Any, *rest: Any) -> _Storage:
    if isinstance(dtype, pickles.Foreign):
      raise UsageError(f'has tensors of the unknown type {dtype}; refused')
    if kind != 'storage' or not (isinstance(dtype, str)
                                 and isinstance(key, str)):
      raise UsageError('refers to something that is no storage; refused')
    return storage(dtype, key, *rest)
  return of_identifier


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
  return array


def _tensor_v3(storage: _Storage, offset: int, size: tuple[int, ...],
               stride: tuple[int, ...], _requires_grad: bool, _hooks: Any,
               dtype: str, *_unused: Any) -> np.ndarray:
  """Returns a view of a storage of a type that has no class of its own."""
  if not isinstance(dtype, str):  # nor anything that cannot be hashed
    raise UsageError('has a tensor of an unknown type')
  number = _DTYPES[dtype]
  if storage.swapped:
    number = number.newbyteorder()
  return _tensor(storage._replace(dtype=number), offset, size, stride)


# What PyTorch's files name: functions that do no harm whatever their arguments
# are, and number types. The latter are strings, of which nothing can be made.
_KNOWN: dict[str, Any] = {
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
