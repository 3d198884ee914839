"""The flags that name pictures and what belongs to them."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from jinpaint.commands import parsers
from jinpaint.data import edges, inputs, mask_recognition, pairing
from jinpaint.data.inputs import Inputs
from jinpaint.data.pairing import Case, Pairs
from jinpaint.errors import UsageError


def add(parser: argparse.ArgumentParser) -> None:
  """Adds the flags."""
  parser.add_argument('--image', '--input', nargs='+', action='extend',
                      metavar='IMAGE', help='a file, a folder, a pattern in '
                      "quotes such as 'photos/**/*.jpg', or list:FILE, a text "
                      'file with a path on each line; or several of these')
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
  maps = edges.parse(args.edge).maps if args.edge else None
  edge_map = str(maps.root) if maps else None
  if args.cases:
    if args.image or args.mask or args.sketch:
      raise UsageError('--cases takes the place of --image, --mask and '
                       '--sketch')
    return _of_protocols(args, edge_map, without)
  if not args.image:
    raise UsageError('name --image and --mask, or --cases')
  return _of(args.image, args.mask, args.sketch, edge_map, without,
             args.pairing)


def _of(image: Sequence[str], mask: str | None, sketch: str | None,
        edge_map: str | None, without: Path | None, rule: str
        ) -> tuple[Pairs, bool, Sequence[str]]:
  """Returns what `pairs` does, of texts."""
  if sketch is not None:
    sketch = sketch.removeprefix('files:')
  drawn = {'mask': mask, 'sketch': sketch, 'edge map': edge_map}
  # What belongs to the photographs, or was made of them, is none of them.
  folders = [without, *(parsers.path(text) for text in drawn.values() if text)]
  images = inputs.find('image', image, without=folders)
  made = (without, *(parsers.path(text) for text in image))
  found: dict[str, Inputs | None] = {
      what: inputs.find(what, [text], without=made) if text else None
      for what, text in drawn.items()}
  left_out = [line for each in (images, *found.values()) if each
              for line in each.left_out]
  return pairing.pair(
      images, found['mask'], found['sketch'], found['edge map'], pairing=rule
  ), images.alone, list(dict.fromkeys(left_out))


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
