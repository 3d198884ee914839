"""Pickles read without running what is in them.

A pickle is a program: loaded in the usual way it may call any function of the
machine that loads it. Here it is never loaded. `pickletools` splits it into
opcodes, and `read` follows those that build containers, numbers, strings and
tensors. (Restricting `pickle.Unpickler.find_class` is not enough: its BUILD
opcode sets attributes on whatever is on the stack, NumPy arrays among them, and
one LONG_BINPUT opcode can make it allocate gigabytes.)

What becomes of the classes and functions that a file names:

- Nothing is imported, and no name is looked up but in the tables of this module
  and of `torch_file`. Only functions of these tables are called. They do no
  harm whatever they are given, and all calls together are given no more items
  than the file has bytes, so that nothing is multiplied.
- Any other name is *foreign*. A `Foreign` stands for it, which is nothing but
  the name: it may be a value or a key.
- A file may make an object of a foreign class as long as it gives nothing to
  the class: NEWOBJ with an empty tuple. An `Opaque` stands for the object. What
  would fill the object afterwards (BUILD, APPEND, SETITEM, ADDITEMS) is read
  and dropped; an object may be referred to before it is filled, and by what it
  is filled with.
- A call of a foreign function (REDUCE), with or without arguments, an object
  that is made with arguments, and a change of anything else than an object are
  refused by name. So a file in which somebody has planted `os.system` is
  refused, and a PyTorch Lightning file, which holds its trainer's settings and
  callbacks, is read.
- Keys are strings, numbers, foreign names, objects, and flat tuples of those:
  Python's own hash of deeply nested tuples ends the process.
"""

from collections.abc import Callable, Iterable, Mapping
import pickletools
from typing import Any, BinaryIO

import numpy as np

from jinpaint.errors import UsageError


class Foreign:
  """A class or a function that a file names: nothing but its name."""

  def __init__(self, name: str):
    self.name = name

  def __str__(self) -> str:
    return self.name


class Opaque:
  """An object of a foreign class; what it holds is not kept."""

  def __init__(self, name: str):
    self.name = name

  def __str__(self) -> str:
    return f'a {self.name}'


class _Filled(Opaque):
  """An object of which what fills it is kept."""

  def fill(self, state: Any) -> None:
    """Takes what BUILD gives."""
    raise NotImplementedError


class _NumberType(_Filled):
  """A type of NumPy's, such as a scalar is made with."""

  def __init__(self, code: Any, *_align_and_copy: Any):
    super().__init__('numpy.dtype')
    self.code = code if isinstance(code, str) else ''
    self.order: Any = '='

  def fill(self, state: Any) -> None:
    """Takes (version, byte order, ...)."""
    _version, self.order, *_ = state


class _Array(_Filled):
  """An array of NumPy's, made empty and filled afterwards."""

  def __init__(self, *_class_shape_and_type: Any):
    super().__init__('numpy.ndarray')
    self._state: Any = None

  def fill(self, state: Any) -> None:
    """Takes (version, shape, type, whether in Fortran's order, bytes)."""
    self._state = state

  def array(self) -> np.ndarray:
    """Returns the array, a view of the file's bytes.

    Raises:
      UsageError: it does not hold numbers.
      ValueError: it is damaged.
    """
    if not isinstance(self._state, tuple) or len(self._state) != 5:
      raise ValueError('an array without contents')
    _version, shape, kind, by_columns, raw = self._state
    numbers = np.frombuffer(
        _bytes(raw), _number_type(kind, 'an array of what is no number'))
    return numbers.reshape(shape, order='F' if by_columns else 'C')


# Opcodes that put a new object on the stack.
_NEW: dict[str, Callable[[], Any]] = {
    'NONE': lambda: None, 'NEWTRUE': lambda: True, 'NEWFALSE': lambda: False,
    'EMPTY_TUPLE': tuple, 'EMPTY_LIST': list, 'EMPTY_DICT': dict,
    'EMPTY_SET': set,
}

# Opcodes that take items which no MARK precedes -> how many.
_TAKES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3, 'APPEND': 1, 'SETITEM': 2}

_FLAT = (str, bytes, int, float, complex, type(None), Foreign, Opaque)

_NUMBERS = {np.dtype(name).str[1:]: np.dtype(name) for name in (
    'bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32',
    'uint64', 'float16', 'float32', 'float64', 'complex64', 'complex128')}


def read(file: BinaryIO, size: int, known: Mapping[str, Any],
         persistent: Callable[..., Any] | None = None) -> Any:
  """Builds the object of a pickle (protocol 2 and later); runs none of it.

  Args:
    file: it stands at the pickle's first byte, and afterwards behind its last.
    size: no less than the pickle's bytes.
    known: what else a file may name, beside containers and NumPy's scalars:
      functions that do no harm whatever they are given, and values.
    persistent: makes what lies outside of the pickle from the items of its
      identifier.

  Raises:
    UsageError: the pickle asks for something that it may not.
    Exception: of any kind, for a pickle that is damaged.
  """
  return _Reading(size, {**_KNOWN, **known}, persistent).follow(file)


def with_arrays(contents: Any) -> Any:
  """Returns the same dictionaries, with NumPy's arrays as arrays.

  Args:
    contents: what `read` returned, of a file in which no dictionary holds
      itself.

  Raises:
    UsageError: an array does not hold numbers.
    ValueError: an array is damaged.
  """
  if isinstance(contents, dict):
    return {key: with_arrays(value) for key, value in contents.items()}
  return contents.array() if isinstance(contents, _Array) else contents


def printable(text: str) -> str:
  """Returns text that a file may have chosen in one line without controls."""
  return ''.join(char if char.isprintable() else ' ' for char in text)


def what(value: Any) -> str:
  """Returns what a value of a file is, for an error."""
  if isinstance(value, Foreign | Opaque):
    return printable(str(value))
  kind = type(value).__name__
  return f'{"an" if kind[0] in "aeiou" else "a"} {kind}'


class _Reading:
  """One pickle that is being read."""

  def __init__(self, size: int, known: Mapping[str, Any],
               persistent: Callable[..., Any] | None):
    self._given = size  # items that calls may still be given
    self._known = known
    self._persistent = persistent
    self._stack: list[Any] = []
    self._marks: list[int] = []

  def follow(self, file: BinaryIO) -> Any:
    """Returns the object of the pickle."""
    stack, marks = self._stack, self._marks
    memo: dict[int, Any] = {}
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
          stack.append(tuple(self._above_mark()))
        case 'FROZENSET':
          stack.append(frozenset(_hashable(self._above_mark())))
        case 'APPEND' | 'APPENDS':
          self._fill(list, self._above_mark())
        case 'SETITEM' | 'SETITEMS':
          items = self._above_mark()
          keys = _hashable(items[::2])
          self._fill(dict, zip(keys, items[1::2], strict=True))
        case 'ADDITEMS':
          self._fill(set, _hashable(self._above_mark()))
        case 'BINPUT' | 'LONG_BINPUT':
          memo[value] = stack[-1]
        case 'MEMOIZE':
          memo[len(memo)] = stack[-1]
        case 'BINGET' | 'LONG_BINGET':
          stack.append(memo[value])
        case 'GLOBAL':
          module, _, name = value.rpartition(' ')
          stack.append(self._named(module, name))
        case 'STACK_GLOBAL':
          name, module = stack.pop(), stack.pop()
          stack.append(self._named(module, name))
        case 'NEWOBJ':
          arguments, kind = stack.pop(), stack.pop()
          if not isinstance(kind, Foreign) or arguments != ():
            raise _refusal('run', kind)
          stack.append(Opaque(kind.name))
        case 'REDUCE':
          arguments, function = stack.pop(), stack.pop()
          stack.append(self._called(function, arguments))
        case 'BUILD':
          state = stack.pop()
          self._change(stack[-1], state)
        case 'BINPERSID' if self._persistent is not None:
          stack.append(self._persistent(*stack.pop()))
        case name:
          raise UsageError(f'has the opcode {name}, which no weights need; '
                           'refused')

  def _above_mark(self) -> list[Any]:
    """Takes all that lies above the last mark off the stack."""
    start = self._marks.pop()
    items = self._stack[start:]
    del self._stack[start:]
    return items

  def _fill(self, kind: type[Any], items: Iterable[Any]) -> None:
    """Puts items into the container on top of the stack, which is of a kind."""
    container: Any = self._stack[-1]
    if isinstance(container, Opaque):
      return
    if not isinstance(container, kind):
      raise _refusal('change', container)
    (container.extend if kind is list else container.update)(items)

  def _named(self, module: Any, name: Any) -> Any:
    """Returns what stands for a name that the file asks for."""
    if not (isinstance(module, str) and isinstance(name, str)):
      raise UsageError('names something by what is no string')
    # Protocol 2 calls the module of built-in functions as Python 2 did.
    full = '.'.join((module.replace('__builtin__', 'builtins'), name))
    return self._known[full] if full in self._known else Foreign(full)

  def _called(self, function: Any, arguments: Any) -> Any:
    """Returns what a call gives, of a function that is known."""
    if not callable(function) or not isinstance(arguments, tuple):
      raise _refusal('run', function)
    self._given -= sum(len(argument) for argument in arguments if isinstance(
        argument, str | bytes | tuple | list | dict | set))
    if self._given < 0:
      raise UsageError('gives more to functions than it holds; refused')
    return function(*arguments)

  def _change(self, changed: Any, state: Any) -> None:
    """Follows BUILD, which changes an object that was made before."""
    if isinstance(changed, _Filled):
      changed.fill(state)
    # PyTorch hangs the modules' versions on a state dict: not needed.
    elif not (isinstance(changed, Opaque)
              or (isinstance(changed, dict) and isinstance(state, dict))):
      raise _refusal('change', changed)


def _refusal(action: str, thing: Any) -> UsageError:
  """Returns the error for what a file would do with something."""
  return UsageError(f'would {action} {what(thing)} on loading; refused')


def _hashable(keys: list[Any]) -> list[Any]:
  """Returns keys, if Python can hash them whatever they are."""
  for key in keys:
    parts = key if isinstance(key, tuple) else (key,)
    if not all(isinstance(part, _FLAT) for part in parts):
      raise UsageError(f'has a {type(key).__name__} for a key; refused')
  return keys


def _mapping(items: Any = ()) -> dict[Any, Any]:
  """Returns a dictionary of pairs, or of what a dictionary has."""
  pairs = list(items.items() if isinstance(items, dict) else items)
  _hashable([key for key, _ in pairs])
  return dict(pairs)


def _scalar(kind: Any, raw: Any) -> int | float | complex:
  """Returns a scalar of NumPy's as a number of Python's."""
  (value,) = np.frombuffer(
      _bytes(raw), _number_type(kind, 'a scalar that is no number'))
  return value.item()


def _number_type(kind: Any, otherwise: str) -> np.dtype:
  """Returns the type of numbers that a file names.

  Args:
    kind: what the file names.
    otherwise: what the file has if that is no such type.
  """
  if not isinstance(kind, _NumberType) or kind.code not in _NUMBERS:
    raise UsageError(f'has {otherwise}; refused')
  return _NUMBERS[kind.code].newbyteorder(kind.order)


def _bytes(raw: Any) -> Any:
  """Returns bytes, which Python 2 wrote as text."""
  return raw.encode('latin1') if isinstance(raw, str) else raw


_KNOWN: dict[str, Any] = {
    'collections.OrderedDict': _mapping,
    'collections.Counter': _mapping,
    'collections.defaultdict': lambda _default=None, items=(): _mapping(items),
    'builtins.set': lambda items=(): set(_hashable(list(items))),
    'builtins.frozenset': lambda items=(): frozenset(_hashable(list(items))),
    'builtins.complex': complex,
    '_codecs.encode': lambda text, _encoding: text.encode('latin1'),
    'numpy.dtype': _NumberType,
    # NumPy 2 calls its inner module otherwise.
    **{f'numpy.{core}.multiarray.{name}': function
       for core in ('core', '_core') for name, function in (
           ('scalar', _scalar), ('_reconstruct', _Array))},
}
