"""The flags that name pictures and what belongs to them."""

import argparse
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from jinpaint.commands import parsers
from jinpaint.data import edges, inputs, mask_recognition, pairing
from jinpaint.data.inputs import Inputs
from jinpaint.data.pairing import Case, Pairs
from jinpaint.errors import UsageError


def add(parser: argparse.ArgumentParser) -> None:
  """Adds the flags."""
  add_image(parser)
  parser.add_argument('--mask', help='a file for all images, or a folder, '
                      'pattern or list with one for each')
  parser.add_argument('--pairing', choices=pairing.PAIRINGS, default='auto',
                      help='which mask belongs to which image: stem, the one '
                      'of the same name; numbered, NAME_mask.png or '
                      'NAME_mask001.png and so on, each of which makes a '
                      'result; order, one by one as they are sorted or listed; '
                      'single, one for all; auto, whichever of single, stem '
                      'and numbered it is (default: auto)')
  parser.add_argument('--sketch', help='for systems that follow one: white '
                      'strokes on black; a file for all, or a folder, pattern '
                      'or list with one of the same name for each; files:PATH '
                      'is the same (default: none)')
  parser.add_argument('--cases', type=parsers.path,
                      help='in place of the three: a folder of protocols, '
                      'such as object_removal/ or editing/, with images/, '
                      'masks/ and maybe sketches/ in each')
  parser.add_argument('--mask-hole', choices=mask_recognition.HOLES,
                      default='auto',
                      help='what of a mask is the hole (default: auto, which '
                      'is white; what is transparent or coloured, in masks '
                      'that have such parts, is recognised and said)')
  parser.add_argument('--grow', type=_pixels, default=0, metavar='PIXELS',
                      help='make holes larger by so many pixels on all sides: '
                      '2 takes in what JPEG or a soft brush has spread of the '
                      'damage into the pixels beside it (default: 0)')


def add_image(parser: argparse.ArgumentParser, *, required: bool = False
              ) -> None:
  """Adds the flag that names pictures."""
  parser.add_argument('--image', '--input', nargs='+', action='extend',
                      metavar='IMAGE', required=required,
                      help='a file, a folder, a pattern in quotes such as '
                      "'photos/**/*.jpg', or list:FILE, a text file with a "
                      'path on each line; or several of these')


def _pixels(text: str) -> int:
  """Returns a number of pixels."""
  if not text.isdecimal():
    raise argparse.ArgumentTypeError(f'"{text}" is no number of pixels, such '
                                     'as 2')
  return int(text)


def pairs(args: argparse.Namespace, *, without: Path | None
          ) -> tuple[Pairs, bool, Sequence[str]]:
  """Returns the cases that the flags name.

  Args:
    args: the flags, and `edge`, as `jinpaint.data.edges` reads it.
    without: where results are written; what lies there is no image.

  Returns:
    The cases; whether they are a single picture that was named by itself; and
    what was left out for its suffix, in lines.

  Raises:
    UsageError: the flags name nothing, or what does not fit together.
  """
  edge_map = _edge_map(args.edge)
  if args.cases:
    if args.image or args.mask or args.sketch:
      raise UsageError('--cases takes the place of --image, --mask and '
                       '--sketch')
    return _of_protocols(args, edge_map, without)
  if not args.image:
    raise UsageError('name --image and --mask, or --cases')
  return _of(args.image, args.mask, args.sketch, edge_map, without,
             args.pairing)


def images(args: argparse.Namespace, *, without: Path | None
           ) -> tuple[Pairs, Sequence[str]]:
  """Returns pictures without masks, and what was left out; see `pairs`."""
  found, _, left_out = _of(args.image, None, None, _edge_map(args.edge),
                           without, 'auto')
  return found, left_out


def outputs(cases: Sequence[Case], folder: Path, suffix: str | None
            ) -> dict[Path, Case]:
  """Returns where results are written, each with its case.

  Args:
    cases: what is written.
    folder: where.
    suffix: of all results; None for that of each picture.

  Raises:
    UsageError: two would have one result.
  """
  found = dict[Path, Case]()
  for case in cases:
    name = PurePosixPath(case.name)
    output = folder / (name.with_suffix(suffix) if suffix else name)
    if output in found:
      raise UsageError(f'{found[output].image} and {case.image} would both '
                       f'become {output}')
    found[output] = case
  return found


def _edge_map(spec: str) -> str | None:
  """Returns the folder or file of edge maps that a flag names, if it does."""
  maps = edges.parse(spec).maps if spec else None
  return str(maps.root) if maps else None


def _of(image: Sequence[str], mask: str | None, sketch: str | None,
        edge_map: str | None, without: Path | None, rule: str
        ) -> tuple[Pairs, bool, Sequence[str]]:
  """Returns what `pairs` does, of texts."""
  if sketch is not None:
    sketch = sketch.removeprefix('files:')
  drawn = {'mask': mask, 'sketch': sketch, 'edge map': edge_map}
  # What belongs to the photographs, or was made of them, is none of them.
  folders = [without, *(parsers.path(text) for text in drawn.values() if text)]
  photographs = inputs.find('image', image, without=folders)
  made = (without, *(parsers.path(text) for text in image))
  found: dict[str, Inputs | None] = {
      what: inputs.find(what, [text], without=made) if text else None
      for what, text in drawn.items()}
  left_out = [line for each in (photographs, *found.values()) if each
              for line in each.left_out]
  return pairing.pair(
      photographs, found['mask'], found['sketch'], found['edge map'],
      pairing=rule), photographs.alone, list(dict.fromkeys(left_out))


def _of_protocols(args: argparse.Namespace, edge_map: str | None,
                  without: Path | None) -> tuple[Pairs, bool, Sequence[str]]:
  """Returns the pictures of every protocol below a folder."""
  folders = sorted(path.parent for path in args.cases.glob('*/images')
                   if path.is_dir())
  if not folders:
    raise UsageError(f'{args.cases} holds no protocol: no PROTOCOL/images/')
  cases, notes, unused = list[Case](), list[str](), list[Path]()
  left_out = list[str]()
  for folder in folders:
    sketches = folder / 'sketches'
    own, _, others = _of(
        [str(folder / 'images')], str(folder / 'masks'),
        str(sketches) if sketches.exists() else None, edge_map, without,
        args.pairing)
    cases += [case._replace(name=f'{folder.name}/{case.name}')
              for case in own.cases]
    notes += [own.note] if own.note else []
    unused += own.unused
    left_out += others
  return Pairs(tuple(cases), '; '.join(notes), tuple(unused)), False, left_out
