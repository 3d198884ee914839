"""What commands say of pictures before they write, and how they end by it."""

from collections.abc import Sequence
import sys

from jinpaint.commands import writing
from jinpaint.data import inspection
from jinpaint.data.inspection import Look
from jinpaint.data.pairing import Case, Pairs
from jinpaint.errors import UsageError


def say_pairing(pairs: Pairs, left_out: Sequence[str]) -> None:
  """Says how files were paired, and what was left out.

  Args:
    pairs: the cases that were found.
    left_out: lines that say what was left out.

  Raises:
    UsageError: something that belongs to a picture was not found.
  """
  for case in pairs.cases:
    if case.fault:
      raise UsageError(case.fault)
  say([*left_out, *([pairs.note] if pairs.note else [])])


def readable(cases: Sequence[Case], *, hole: str = 'auto', grow: int = 0,
             sketch_cut: float = 0.5, strict: bool = False) -> list[Look]:
  """Returns what is known of the pictures that are not broken.

  Of those that are broken each is said.

  Args:
    cases: what is looked at.
    hole: as `inspection.open_case` takes it, as are the others.
    grow: see there.
    sketch_cut: see there.
    strict: see there.

  Raises:
    UsageError: the only picture is broken, or what belongs to one does not fit.
  """
  looks = inspection.look_at(cases, hole=hole, grow=grow,
                             sketch_cut=sketch_cut, strict=strict)
  found = []
  with writing.bar(len(cases), 'checked') as bar:
    for look in looks:
      bar.update()
      if look.fault:
        raise UsageError(look.fault)
      if look.broken and len(cases) == 1:
        raise UsageError(f'cannot read the image {look.broken}')
      if look.broken:
        skip(look.broken)
      else:
        found.append(look)
  return found


def say(lines: Sequence[str]) -> None:
  """Prints notes."""
  for line in lines:
    print(f'note: {line}', file=sys.stderr)


def skip(broken: object) -> None:
  """Says that a picture is left out.

  Args:
    broken: the file, and why it cannot be read.
  """
  print(f'skipped a broken image: {broken}', file=sys.stderr)


def refuse_broken(number: int, asked: int) -> None:
  """Raises `UsageError` if some of the pictures were broken."""
  if number:
    raise UsageError(f'{number} of {asked} images were broken and skipped')
