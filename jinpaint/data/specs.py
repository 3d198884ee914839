"""One grammar for what configs and flags say: `kind:option=value:...:rest`.

Masks, edges, sketches, sources and readings of mask files are named by such a
text: `lines:thickness=2-3`, `canny:sigma=1-4:hole=masked`, `folder:photos`,
`thinned:sigma=1.9:files:edges`, `tfds:oxford_flowers102:train`. Each of them
says which kinds it has, which options a kind has, and how the value of an
option is written.
"""

from collections.abc import Callable, Mapping
import os
from pathlib import Path
import re
from typing import Any, NamedTuple

from jinpaint import errors
from jinpaint.errors import UsageError

_FILES = 'files:'


class Value(NamedTuple):
  """How the value of an option is written.

  Attributes:
    read: from the text to the value; raises ValueError if it cannot.
    example: what a user may write; `{0}` stands for the option's name.
  """

  read: Callable[[str], Any]
  example: str


class Kind(NamedTuple):
  """What may follow the name of a kind.

  Attributes:
    options: how the value of each option is written, by the option's name.
    rest: what must follow the options, such as 'PATH' or 'files:PATH'. All of
      the remaining text is the rest, its colons included. Empty where nothing
      may follow.
  """

  options: Mapping[str, Value] = {}
  rest: str = ''


class Spec(NamedTuple):
  """A text that has been read.

  Attributes:
    kind: the name of the kind: the text before the first colon.
    options: the values of those options that the text gives.
    rest: the text behind the options; without the word `files:` where the
      kind's rest is 'files:PATH'.
  """

  kind: str
  options: Mapping[str, Any]
  rest: str

  @property
  def path(self) -> Path:
    """The rest as a path, in which `~` is the user's home folder."""
    # Unlike Path.expanduser, this leaves the name of an unknown user alone;
    # an error can then say that there is no such folder.
    return Path(os.path.expanduser(self.rest))


def parse(what: str, text: str, kinds: Mapping[str, Kind]) -> Spec:
  """Reads a text of the grammar.

  Args:
    what: what the text stands for, as an error calls it: 'edges'.
    text: the text.
    kinds: the kinds that there are, by name.

  Raises:
    UsageError: there is no such kind, option or value, or the rest is missing,
      or something follows where nothing may.
  """
  name, colon, tail = text.partition(':')
  if name not in kinds:
    raise errors.unknown(f'kind of {what}', name, kinds)
  kind = kinds[name]
  prefix = _FILES if kind.rest.startswith(_FILES) else ''
  options: dict[str, Any] = {}
  while colon and kind.options and not (prefix and tail.startswith(prefix)):
    setting, next_colon, next_tail = tail.partition(':')
    option, equals, value = setting.partition('=')
    if kind.rest and not equals:
      break  # This is no option any more: it is the rest.
    options[option] = _value(what, text, kind, option, value)
    colon, tail = next_colon, next_tail
  if kind.rest:
    rest = tail.removeprefix(prefix)
    if not rest or not tail.startswith(prefix):
      raise UsageError(
          f'cannot read the {what} "{text}"; write {name}:{kind.rest}')
    return Spec(name, options, rest)
  if colon:
    raise UsageError(f'cannot read the {what} "{text}"; nothing may follow '
                     f'"{name}"')
  return Spec(name, options, '')


def _value(what: str, text: str, kind: Kind, option: str, value: str) -> Any:
  """Returns the value of an option, read as its kind says."""
  if option not in kind.options:
    name = text.partition(':')[0]
    raise errors.unknown(f'option of {name}', option, kind.options)
  form = kind.options[option]
  try:
    return form.read(value)
  except ValueError as error:
    raise UsageError(f'cannot read "{option}={value}" of the {what} "{text}"; '
                     f'write {form.example.format(option)}') from error


def numbers(text: str, number: Callable[[str], Any], pattern: str
            ) -> tuple[Any, Any]:
  """Reads two numbers, or one, which then counts twice.

  Args:
    text: the text.
    number: from the text of one number to the number.
    pattern: a regular expression with one group for each of the two numbers.

  Raises:
    ValueError: the text does not match the pattern.
  """
  match = re.fullmatch(pattern, text)
  if not match:
    raise ValueError(f'"{text}" does not match {pattern}')
  first, second = match.groups()
  return number(first), number(first if second is None else second)


def in_order(pair: tuple[Any, Any]) -> tuple[Any, Any]:
  """Returns a range, or raises `ValueError` if its first number is larger."""
  low, high = pair
  if low > high:
    raise ValueError(f'{low} is larger than {high}')
  return low, high


def choice(*words: str) -> Value:
  """Returns how the value is written of an option that is one of some words."""
  def read(text: str) -> str:
    if text not in words:
      raise ValueError(f'"{text}" is none of {words}')
    return text
  return Value(read, ' or '.join(f'{{0}}={word}' for word in words))


def _whole(text: str) -> int:
  if not re.fullmatch(r'\d+', text):
    raise ValueError(f'"{text}" is no whole number')
  return int(text)


WHOLE = Value(_whole, '{0}=5')
# The smallest and the largest number; one number is both.
WHOLE_RANGE = Value(
    lambda text: in_order(numbers(text, int, r'(\d+)(?:-(\d+))?')),
    '{0}=5 or {0}=1-9')
NUMBER_RANGE = Value(
    lambda text: in_order(numbers(
        text, float, r'(\d*\.?\d+)(?:-(\d*\.?\d+))?')),
    '{0}=65 or {0}=30-100')
# Shares of height and width; one number is both.
SHARES = Value(
    lambda text: numbers(text, float, r'(\d*\.?\d+)(?:x(\d*\.?\d+))?'),
    '{0}=0.5 or {0}=0.5x0.25 (height x width)')
YES_OR_NO = Value(lambda text: choice('yes', 'no').read(text) == 'yes',
                  choice('yes', 'no').example)
