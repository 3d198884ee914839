"""A network's weights, out of what a file holds.

A published file is a state dict, or a trainer's mapping that has one under a
name; a state dict may hold several networks, and wrappers of networks change
its names.
"""

from collections.abc import Iterable, Mapping
import re
from typing import Any

import numpy as np

from jinpaint.converters import pickles
from jinpaint.errors import UsageError

# The types of what is no weight: numbers of Python, into which NumPy's are
# read, and text.
_NOTES = (bool, int, float, complex, str, type(None))


def find(contents: Mapping[str, Any], *names: str, prefix: str = '',
         origin: str = 'the file') -> dict[str, np.ndarray]:
  """Returns a network's weights, out of what `read` returned.

  Nothing is guessed: weights that lie under another name than those asked for
  are named in the error, for `under` to choose.

  Args:
    contents: a state dict, or a trainer's mapping that holds one. Tensors of
      PyTorch may be in place of arrays.
    *names: the names under which a trainer may have put it, such as
      'generator'; the first that holds a state dict is taken.
    prefix: what the network's names begin with where the state dict holds more
      than the network; names that begin otherwise are left out. A state dict
      without any is the network's own.
    origin: what an error calls the file.

  Returns:
    Arrays by name, without the prefix, and without what wrappers of networks
    put in front of all names: DataParallel and averages of weights `module.`,
    torch.compile `_orig_mod.`.

  Raises:
    UsageError: there is no state dict; the message says what there is.
  """
  places = {'': contents, **{name: contents.get(name) for name in names}}
  for place in places.values():
    entries = _entries(place, prefix)
    if entries and all(map(_is_array, entries.values())):
      return {name: _as_array(value) for name, value in entries.items()}
  raise UsageError(_why_none(places, prefix, origin))


def has(contents: Mapping[str, Any], *names: str, prefix: str = '') -> bool:
  """Returns whether there is anything where `find` would look for weights.

  Args:
    contents: a trainer's mapping, which may hold several networks.
    *names: as in `find`.
    prefix: as in `find`; names without it count as another network's.
  """
  return any(bool(_entries(place, prefix, strict=True))
             if isinstance(place, Mapping) else place is not None
             for place in map(contents.get, names))


def _why_none(places: Mapping[str, Any], prefix: str, origin: str) -> str:
  """Returns why no place has weights: name, '' for the top -> what is there."""
  contents = places['']
  for name, place in places.items():
    where = f'{origin}, under "{name}",' if name else origin
    if isinstance(place, pickles.Opaque):
      return f'{where} has {pickles.what(place)}, not its state_dict()'
    entries = _entries(place, prefix)
    odd = {key: value for key, value in entries.items() if not _is_array(value)}
    if len(odd) < len(entries) and not any(map(_entries, odd.values())):
      key, value = next(iter(odd.items()))
      return (f'{where} has weights, but "{pickles.printable(key)}" is '
              f'{pickles.what(value)}')
  wanted = ' or '.join(f'"{name}"' for name in places if name)
  others = [key for key in contents if any(
      map(_is_array, _entries(contents[key]).values()))]
  nowhere = f'no weights under {wanted or "its top level"} in {origin}'
  if others:
    return f'{nowhere}, but under {_listed(others)}: name one by --key'
  return f'{nowhere}; the keys that are there: {_listed(contents)}'


def under(contents: Mapping[str, Any], key: str, origin: str = 'the file'
          ) -> Mapping[str, Any]:
  """Returns what lies under a key that the user has named.

  Args:
    contents: what `read` returned.
    key: a key, or several, each within the last, with dots between: 'ema',
      'model.ema'. What the names of a state dict begin with counts as a key.
    origin: what an error calls the file.

  Raises:
    UsageError: there is no such key, or something else than a mapping is there.
  """
  place: Any = contents
  rest = key
  while rest and isinstance(place, Mapping):
    head, _, tail = rest.partition('.')
    if rest in place:
      place, rest = place[rest], ''
    elif tail and head in place:
      place, rest = place[head], tail
    elif own := _entries(place, f'{rest}.', strict=True):
      place, rest = own, ''
    else:
      raise UsageError(f'no "{rest}" in {origin}; the keys that are there: '
                       f'{_listed(place)}')
  if not isinstance(place, Mapping):
    raise UsageError(f'under "{key}" {origin} has {pickles.what(place)}, not '
                     'weights')
  return place


def _listed(keys: Iterable[Any]) -> str:
  """Returns keys of a file, for an error."""
  return ', '.join(pickles.printable(key) if isinstance(key, str)
                   else pickles.what(key) for key in keys)[:500] or 'none'


def _entries(place: Any, prefix: str = '', *, strict: bool = False
             ) -> dict[str, Any]:
  """Returns the entries of a mapping that belong to one network, by its names.

  Args:
    place: what may be a mapping from names.
    prefix: what these names begin with.
    strict: whether a mapping in which none begins so has none of the network;
      else it is the network's own.
  """
  if not (isinstance(place, Mapping)
          and all(isinstance(name, str) for name in place)):
    return {}
  # What trainers write beside weights, such as the epoch, is none of them.
  entries = _unwrapped({name: value for name, value in place.items()
                        if not isinstance(value, _NOTES)})
  own = {name.removeprefix(prefix): value for name, value in entries.items()
         if name.startswith(prefix)}
  return _unwrapped(own) if own or strict else entries


def _unwrapped(entries: Mapping[str, Any]) -> dict[str, Any]:
  """Returns entries without what wrappers add to their names."""
  # Parts of a network may be compiled, and wrappers may be wrapped.
  bare = {re.sub(r'(?<![^.])_orig_mod\.', '', name): value
          for name, value in entries.items()}
  if len(bare) < len(entries):  # two would have the same name
    return dict(entries)
  averaged = {name: value for name, value in bare.items()
              if name != 'n_averaged'}  # of how many weights it is the mean
  while averaged and all(name.startswith('module.') for name in averaged):
    averaged = bare = {name.removeprefix('module.'): value
                       for name, value in averaged.items()}
  return bare


def _is_array(value: Any) -> bool:
  return isinstance(value, np.ndarray) or hasattr(value, 'detach')


def _as_array(value: Any) -> np.ndarray:
  """Returns an array, or a tensor as one: NumPy has no bfloat16 of its own."""
  return (value if isinstance(value, np.ndarray)
          else np.asarray(value.detach().cpu().float()))
