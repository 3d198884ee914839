"""What all systems' options share: they are frozen dataclasses.

A system's `Options` say, once, the defaults, the meaning and the source of each
number. A config starts from them and sets what its paper changes. The types
that they declare are what values are held to, wherever these come from.
"""

import ast
from collections.abc import Iterable, Mapping
import dataclasses
import types
import typing
from typing import Any

from jinpaint import errors
from jinpaint.errors import UsageError

_WRITTEN = (bool, int, float, str, tuple, types.NoneType)
_OF_EVERY_MODULE = ('name', 'parent')  # of Flax's, which is a dataclass, too


def loss_weight(default: float, *, needs: str) -> Any:
  """Declares the weight of a loss that reads a published network.

  Args:
    default: the weight.
    needs: the published network's registered name.

  Returns:
    A field of a dataclass.
  """
  return dataclasses.field(default=default, metadata={'needs': needs})


def without_pretrained(options: Any) -> Any:
  """Returns options in which no loss reads a published network.

  Args:
    options: an instance of a system's `Options`.
  """
  return dataclasses.replace(options, **{
      field.name: 0.0 for field in dataclasses.fields(options)
      if 'needs' in field.metadata})


def of_several_types(declared: type) -> tuple[str, ...]:
  """Returns the options that may have values of more than one type.

  Args:
    declared: a dataclass.
  """
  return tuple(name for name, hint in _types(declared).items()
               if typing.get_origin(hint) in (types.UnionType, typing.Union))


def check(declared: type, values: Mapping[str, Any], kind: str) -> None:
  """Checks the names and the types of options.

  Args:
    declared: the dataclass of which they are fields.
    values: name -> value.
    kind: what an error calls one of them, 'option of gated'.

  Raises:
    UsageError: there is no such option, or it has values of another type.
  """
  hints = _types(declared)
  for name, value in values.items():
    if name not in hints:
      raise errors.unknown(kind, name, hints)
    if not _fits(value, hints[name]):
      hint = hints[name]
      words = hint.__name__ if isinstance(hint, type) and not (
          typing.get_args(hint)) else hint
      raise UsageError(f'the {kind} {name} is {words}, not {value!r}')


def parsed(declared: type, texts: Iterable[str], kind: str) -> dict[str, Any]:
  """Returns options that a user has written as `NAME=VALUE`.

  Args:
    declared: the dataclass of which they are fields.
    texts: 'fuse=False', 'mask_steps=(8,)', 'padding=same'.
    kind: what an error calls one of them, 'option of gated'.

  Raises:
    UsageError: as `check`, or a text has another form.
  """
  hints = _types(declared)
  values = {}
  for text in texts:
    name, separator, value = text.partition('=')
    if not separator:
      raise UsageError(f'"{text}" is no NAME=VALUE')
    values[name] = _parsed(value, hints.get(name))
  check(declared, values, kind)
  return values


def _types(declared: type) -> dict[str, Any]:
  """Returns name -> declared type of each option of a dataclass."""
  hints = typing.get_type_hints(declared)
  return {field.name: hints[field.name]
          for field in dataclasses.fields(declared)
          if field.name not in _OF_EVERY_MODULE}


def _parsed(text: str, hint: Any) -> Any:
  """Returns the value of an option, as one of its type if that can be."""
  if hint is str:
    return text
  if text in ('true', 'false'):
    text = text.capitalize()
  try:
    value = ast.literal_eval(text)
  except (SyntaxError, ValueError):
    return text
  if isinstance(value, list):
    value = tuple(value)
  if typing.get_origin(hint) is tuple and not isinstance(value, tuple):
    return (value,)
  return float(value) if hint is float and type(value) is int else value


def _fits(value: Any, hint: Any) -> bool:
  """Returns whether a value is of a declared type."""
  parts = typing.get_args(hint)
  match typing.get_origin(hint):
    case types.UnionType | typing.Union:
      return any(_fits(value, part) for part in parts)
    case origin if origin is tuple:
      if not isinstance(value, tuple):
        return False
      if parts[-1] is ...:
        parts = parts[:1] * len(value)
      return len(parts) == len(value) and all(map(_fits, value, parts))
  if hint not in _WRITTEN:  # a function, say
    return not isinstance(value, _WRITTEN)
  if hint in (int, float) and isinstance(value, bool):
    return False
  return isinstance(value, (int, float) if hint is float else hint)
