"""`jinpaint doctor`: says what would be understood of pictures and masks."""

import argparse
from collections.abc import Mapping, Sequence
import json
from pathlib import Path, PurePosixPath
import sys
from typing import Any

from jinpaint.commands import case_flags, parsers, writing
from jinpaint.data import files, inspection, overlays, survey
from jinpaint.data.inspection import Look, Note, Opened
from jinpaint.data.overlays import Thumbnail
from jinpaint.data.pairing import Pairs
from jinpaint.errors import RunError, UsageError

_SHEET = 'contact_sheet.png'


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'doctor', help='look at pictures and masks before they are used',
      description='Says what is understood of pictures, of their masks, '
      'sketches and edge maps, or of a data set for training, and what is '
      'broken or unusual. Changes nothing. The exit status is 2 if something '
      'cannot be used.')
  case_flags.add(parser)
  parser.add_argument('--edge', default='',
                      help='files:PATH, edge maps, white = edge')
  parser.add_argument('--data', help='in place of pictures: photographs for '
                      'training, folder:PATH or photos, of which both those '
                      'that are trained on and those that are held out are '
                      'looked at')
  parser.add_argument('--size', type=int, default=256,
                      help='with --data: the side of the squares that training '
                      'would cut out, data.size (default: 256)')
  parser.add_argument('--output', type=parsers.path,
                      help='a folder, to which each picture is written with '
                      'its hole tinted and its lines drawn, and all together '
                      f'as {_SHEET}')
  parser.add_argument('--most', type=int, default=64,
                      help='how many pictures are written (default: 64)')
  parser.add_argument('--json', action='store_true',
                      help='print JSON, for programs')
  parser.add_argument('--strict', action='store_true',
                      help='end with exit status 1 if there are notes')
  parsers.add_overwrite(parser)
  return parser


def run(args: argparse.Namespace) -> None:
  """Looks at everything that the flags name.

  Raises:
    UsageError: something cannot be used, or the flags do not fit.
    RunError: there are notes, and the flags are strict.
  """
  if args.most < 1 or args.size < 1:
    raise UsageError('--most and --size must be positive')
  if args.data:
    if args.image or args.cases or args.mask or args.sketch or args.output:
      raise UsageError('--data takes the place of pictures and of --output')
    _say_data(args)
  else:
    _say_cases(args)


def _say_cases(args: argparse.Namespace) -> None:
  """Says what is known of pictures and of what belongs to them."""
  pairs, _, left_out = case_flags.pairs(args, without=args.output)
  outputs = _outputs(args, pairs)
  if not args.overwrite:
    writing.refuse_to_overwrite(outputs.values())
  looks = list(writing.progress_of(
      inspection.look_at(pairs.cases, hole=args.mask_hole, grow=args.grow),
      len(pairs.cases), 'image'))
  odd = inspection.unusual(looks)
  general = [*left_out, *([pairs.note] if pairs.note else [])]
  if pairs.unused:
    general += inspection.lines(
        Note(path, 'belongs to no image') for path in pairs.unused)
  notes, said = dict[str, list[Note]](), set[Note]()
  for look in looks:
    # What is so of a mask for all pictures is said once.
    own = [*look.notes, *odd.get(look.case.image, ())]
    notes[look.case.name] = [note for note in own if note not in said]
    said.update(own)
  summary = _summary(looks, notes, general)
  if args.json:
    print(json.dumps({
        'pictures': [_as_json(look, notes[look.case.name]) for look in looks],
        'notes': general, 'summary': summary}, indent=2))
  else:
    for look in looks:
      print(_as_text(look))
      for note in notes[look.case.name]:
        about = '' if note.path == look.case.image else f'{note.path}: '
        detail = f' ({note.detail})' if note.detail else ''
        print(f'  note: {about}{note.text}{detail}')
    for line in general:
      print(f'note: {line}')
    print(', '.join(_counted(number, what) for what, number in summary.items()
                    if number or what == 'pictures'))
  if outputs:
    written = _write(looks, args, outputs)
    print(f'wrote {_counted(written, "pictures")} to {args.output}',
          file=sys.stderr)
  _end(sum(bool(look.broken or look.fault) for look in looks), len(looks),
       summary['notes'], args)


def _end(bad: int, looked_at: int, notes: int, args: argparse.Namespace
         ) -> None:
  """Raises what gives the process its exit status."""
  if bad:
    raise UsageError(f'{bad} of {looked_at} cannot be used')
  if notes and args.strict:
    raise RunError(f'{_counted(notes, "notes")}, and --strict takes none')


def _counted(number: int, what: str) -> str:
  """Returns a number of pictures, notes or what else there is, as text."""
  one = number == 1 and what in ('pictures', 'notes')
  return f'{number} {what.removesuffix("s") if one else what}'


def _summary(looks: Sequence[Look], notes: Mapping[str, Sequence[Note]],
             general: Sequence[str]) -> dict[str, int]:
  """Returns how many pictures there are of each kind."""
  usable = [look for look in looks if look.shape]
  return {
      'pictures': len(looks),
      'with a mask': sum(look.hole is not None for look in looks),
      'of 16 bits': sum(look.bits == 16 for look in usable),
      'grey': sum(look.colour.startswith('grey') for look in usable),
      'with alpha': sum(look.colour.endswith('alpha') for look in usable),
      'turned by EXIF': sum(look.turned for look in usable),
      'broken': sum(bool(look.broken) for look in looks),
      'with a mask, sketch or edge map that does not fit': sum(
          bool(look.fault) for look in looks),
      'notes': sum(map(len, notes.values())) + len(general)}


def _as_text(look: Look) -> str:
  """Returns what is known of a case, in a line."""
  case = look.case
  if look.broken:
    return f'{look.broken.removeprefix("cannot read ")}: BROKEN'
  if look.fault:
    return f'{case.image}: DOES NOT FIT: {look.fault}'
  turned = ', turned upright by its EXIF' if look.turned else ''
  line = (f'{case.image}: {look.size}, {look.colour}, {look.bits} bits, '
          f'{look.format}{turned}')
  if hole := look.hole:
    holes = 'hole' if hole.number == 1 else 'holes'
    line += (f'; mask {case.mask}: {hole.meaning}, {hole.share:.2%} in '
             f'{hole.number} {holes}, up to {hole.widest:.0f} pixels wide')
  for what, path in (('sketch', case.sketch), ('edge map', case.edge_map)):
    line += f'; {what} {path}' if path else ''
  return line


def _as_json(look: Look, notes: Sequence[Note]) -> dict[str, Any]:
  """Returns what is known of a case, for programs."""
  case = look.case
  text = lambda path: None if path is None else str(path)
  known: dict[str, Any] = {
      'image': str(case.image), 'result': case.name, 'mask': text(case.mask),
      'sketch': text(case.sketch), 'edge_map': text(case.edge_map),
      'broken': look.broken, 'fault': look.fault,
      'notes': [note._asdict() | {'path': str(note.path)} for note in notes]}
  if look.shape:
    known |= {'height': look.shape[0], 'width': look.shape[1],
              'colour': look.colour, 'bits': look.bits, 'format': look.format,
              'turned': look.turned}
  if look.hole:
    known['hole'] = look.hole._asdict()
  return known


def _outputs(args: argparse.Namespace, pairs: Pairs) -> dict[str, Path]:
  """Returns where the pictures of cases are written, by the cases' names."""
  if not args.output:
    return {}
  if args.output.is_file():
    raise UsageError(f'{args.output} is a file; name a folder')
  outputs = {case.name: args.output / PurePosixPath(f'{case.name}.png')
             for case in pairs.cases[:args.most]}
  return outputs | {'': args.output / _SHEET}


def _write(looks: Sequence[Look], args: argparse.Namespace,
           outputs: Mapping[str, Path]) -> int:
  """Writes overlays of the first cases, and the contact sheet of these.

  Returns:
    How many pictures were written.
  """
  thumbnails = list[Thumbnail]()
  for look in looks[:args.most]:
    case = look.case
    if look.broken:
      thumbnails.append(Thumbnail(None, [case.name, 'broken'], usable=False))
      continue
    if look.fault:
      opened = Opened(files.read(case.image))
      size = '{1} x {0}, '.format(*opened.picture.pixels.shape)
      lines = [case.name, f'{size}does not fit' if case.mask else
               f'{size}no mask']
    else:
      opened = look.opened or inspection.open_case(
          case, hole=args.mask_hole, grow=args.grow)
      share = f', {look.hole.share:.1%} holes' if look.hole else ''
      lines = [case.name, f'{look.size}{share}']
    drawn = overlays.overlay(opened)
    files.write(outputs[case.name], files.Picture(drawn))
    thumbnails.append(Thumbnail(overlays.thumbnail(drawn), lines,
                                usable=not look.fault))
  files.write(outputs[''], files.Picture(overlays.contact_sheet(thumbnails)))
  return 1 + sum(each.picture is not None for each in thumbnails)


def _say_data(args: argparse.Namespace) -> None:
  """Says what is known of the photographs of a data set."""
  known = survey.of_source(
      args.data, args.size,
      lambda items, total: writing.progress_of(items, total, 'image'))
  if args.json:
    print(json.dumps(known._asdict(), indent=2))
  else:
    print('\n'.join(known.lines()))
  _end(len(known.broken), known.looked_at, len(known.notes), args)
