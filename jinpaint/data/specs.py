"""One grammar for what configs and flags say: `kind:option=value:...:rest`.

Masks, edges, sketches, sources and readings of mask files are named by such a
text: `lines:thickness=2-3`, `canny:sigma=1-4:hole=masked`, `folder:photos`,
`thinned:sigma=1.9:files:edges`, `tfds:oxford_flowers102:train`. Each of them
says which kinds it has, and which options of which form.
"""

from collections.abc import Callable, Mapping
import re
from typing import Any, NamedTuple

from jinpaint import errors
from jinpaint.errors import UsageError

_FILES = 'files:'


class Value(NamedTuple):
  """The form in which the value of an option is written.

  Attributes:
    read: from the text to the value; raises ValueError if it cannot.
    example: what a user may write.
  """

  read: Callable[[str], Any]
  example: str


class Kind(NamedTuple):
  """What may follow a kind.

  Attributes:
    options: name -> the form of its value.
    rest: what else follows, such as 'PATH' or 'files:PATH': all of the text
      behind the options, colons included. Empty where nothing may follow.
    rest_is_optional: whether the rest may be missing.
  """

  options: Mapping[str, Value] = {}
  rest: str = ''
  rest_is_optional: bool = False


class Spec(NamedTuple):
  """A text that has been read.

  Attributes:
    kind: what stands before the first colon.
    options: the values of those options that were given.
    rest: the text behind the options; without the word `files:` where the
      kind's rest is 'files:PATH'.
  """

  kind: str
  options: Mapping[str, Any]
  rest: str


def parse(what: str, text: str, kinds: Mapping[str, Kind]) -> Spec:
  """Reads a text of the grammar.

  Args:
    what: what the text names, in an error: 'edges'.
    text: the text.
    kinds: the kinds that there are.

  Raises:
    UsageError: no such kind, option or value, or something is missing.
  """
  name, colon, tail = text.partition(':')
  if name not in kinds:
    raise errors.unknown(f'kind of {what}', name, kinds)
  kind, options = kinds[name], {}
  prefix = _FILES if kind.rest.startswith(_FILES) else ''
  while colon and kind.options and not (prefix and tail.startswith(prefix)):
    setting, more, behind = tail.partition(':')
    option, equals, value = setting.partition('=')
    if kind.rest and not equals:
      break
    options[option] = _value(what, text, name, kind, option, value)
    colon, tail = more, behind
  if kind.rest:
    missing = f'the {what} "{text}" lack what follows; write ' + ':'.join(
        part for part in (name, kind.rest) if part)
    if prefix and tail and not tail.startswith(prefix):
      raise UsageError(missing)
    tail = tail.removeprefix(prefix)
    if not tail and not kind.rest_is_optional:
      raise UsageError(missing)
  elif colon:
    raise UsageError(f'cannot read the {what} "{text}": nothing follows {name}')
  return Spec(name, options, tail)


def _value(what: str, text: str, name: str, kind: Kind, option: str,
           value: str) -> Any:
  if option not in kind.options:
    raise errors.unknown(f'option of {name}', option, kind.options)
  form = kind.options[option]
  try:
    return form.read(value)
  except ValueError as error:
    raise UsageError(f'cannot read "{option}={value}" of the {what} "{text}"; '
                     f'write {form.example.format(option)}') from error


def _matching(pattern: str, number: Callable[[str], Any], what: str) -> Any:
  """Returns a function that reads one number or two, the smaller one first."""
  def read(text: str) -> Any:
    match = re.fullmatch(pattern, text)
    if not match:
      raise ValueError(f'"{text}" is no {what}')
    return tuple(number(part) for part in match.groups() if part is not None)
  return read


def _ascending(numbers: tuple[Any, ...]) -> tuple[Any, Any]:
  low, high = numbers[0], numbers[-1]
  if low > high:
    raise ValueError(f'{low} is larger than {high}')
  return low, high


_wholes = _matching(r'(\d+)(?:-(\d+))?', int, 'range of whole numbers')
_numbers = _matching(r'(\d*\.?\d+)(?:-(\d*\.?\d+))?', float, 'range')
_shares = _matching(r'(\d*\.?\d+)(?:x(\d*\.?\d+))?', float, 'share')


def choice(*values: str) -> Value:
  """Returns the form of an option that is one of several words."""
  def read(text: str) -> str:
    if text not in values:
      raise ValueError(text)
    return text
  return Value(read, ' or '.join(f'{{0}}={value}' for value in values))


def _whole(text: str) -> int:
  number, = _wholes(text) if '-' not in text else ('',)
  if number == '':
    raise ValueError(text)
  return number


WHOLE = Value(_whole, '{0}=5')
WHOLE_RANGE = Value(lambda text: _ascending(_wholes(text)),
                    '{0}=5 or {0}=1-9')
NUMBER_RANGE = Value(lambda text: _ascending(_numbers(text)),
                     '{0}=65 or {0}=30-100')
# One share of height and width, or two: (height, width).
SHARES = Value(lambda text: (_shares(text) * 2)[:2],
               '{0}=0.5 or {0}=0.5x0.25 (height x width)')
YES_OR_NO = Value(lambda text: {'yes': True, 'no': False}[
    choice('yes', 'no').read(text)], '{0}=yes or {0}=no')
