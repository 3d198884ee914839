"""Whether the data of a run that goes on are those that it was started with."""

from collections.abc import Mapping
import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple, Protocol

from jinpaint.data import files, sources
from jinpaint.errors import UsageError

_FILE = 'data.json'


class Fingerprint(NamedTuple):
  """What tells photographs from others, without reading them.

  Attributes:
    total: how many there are.
    digest: of their names and of the sizes of their files, as far as the
      source has these.
  """

  total: int
  digest: str


class Photographs(Protocol):
  """What is asked of a source; `names` is empty where it knows none."""

  names: tuple[str, ...]

  def __len__(self) -> int: ...


def changes(workdir: Path, photographs: Mapping[str, Photographs]
            ) -> list[str]:
  """Remembers the data of a new run, or says how an old one's have changed.

  An old run's record stays that of its start, so that a change is said each
  time that the run goes on.

  Args:
    workdir: the run's directory; `data.json` in it is written or read.
    photographs: what they are for, such as `training`, and their source.

  Returns:
    A line for each use whose photographs have changed.

  Raises:
    UsageError: the record cannot be read or written.
  """
  now = {use: _fingerprint(source) for use, source in photographs.items()}
  path = workdir / _FILE
  before = _read(path)
  added = {use: fingerprint._asdict() for use, fingerprint in now.items()
           if use not in before}
  if added:
    record = {use: fingerprint._asdict()
              for use, fingerprint in before.items()} | added
    files.write_atomically(path, (json.dumps(record, indent=2) + '\n').encode())
  return [_difference(use, before[use], now[use]) for use in now
          if use in before and now[use] != before[use]]


def _fingerprint(source: Photographs) -> Fingerprint:
  digest = hashlib.sha256()
  root = source.root if isinstance(source, sources.Folder) else None
  for name in source.names:
    size = (root / name).stat().st_size if root else 0
    digest.update(os.fsencode(f'{name}\0{size}\0'))
  return Fingerprint(len(source), digest.hexdigest())


def _read(path: Path) -> dict[str, Fingerprint]:
  try:
    return {use: Fingerprint(**fingerprint)
            for use, fingerprint in json.loads(path.read_text()).items()}
  except FileNotFoundError:
    return {}  # a new run, or one that is older than this file
  except (AttributeError, OSError, TypeError, ValueError) as error:
    raise UsageError(f'cannot read {path}: {error}') from error


def _difference(use: str, before: Fingerprint, now: Fingerprint) -> str:
  how = (f'{before.total} then, {now.total} now' if before.total != now.total
         else 'as many as then, but with other names or sizes')
  return f'the photographs for {use} are not those of the start: {how}'
