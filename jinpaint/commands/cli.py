"""The command line: `jinpaint inpaint`, `masks`, `sketches`, ...

Errors of use are one line on stderr and exit status 2; what the user has made
is not overwritten without `--overwrite`.
"""

import argparse
from collections.abc import Sequence
import importlib
from pathlib import Path
import sys
from typing import NamedTuple
import warnings

import numpy as np
import tqdm

from jinpaint import errors, networks, systems
from jinpaint.data import edges, files, mask_files, masks, sketches
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError


def main(arguments: Sequence[str] | None = None) -> None:
  """Runs one command."""
  files.hush()
  with errors.exit_in_one_line():
    parsed = _parser().parse_args(arguments)
    parsed.command(parsed)


def _parser():
  parser = _Parser(prog='jinpaint', description='Image inpainting in JAX.')
  commands = parser.add_subparsers(required=True, metavar='COMMAND')

  inpaint = commands.add_parser(
      'inpaint', help='fill the holes of pictures',
      description='Fills the holes of one picture, or of a folder of them. '
      'Known pixels come back bit for bit (JPEG cannot hold them so; name the '
      'output .png), size, channels and depth stay.')
  inpaint.set_defaults(command=_inpaint)
  inpaint.add_argument('--model', type=Path, required=True,
                       help="a run's work directory")
  inpaint.add_argument('--checkpoint', default='last',
                       help='last, best or a step (default: last)')
  inpaint.add_argument('--image', '--input', type=Path,
                       help='a file, or a folder')
  inpaint.add_argument('--mask', type=Path,
                       help='a file (for all images), or a folder with a mask '
                       'of the same stem for each')
  inpaint.add_argument('--sketch', type=Path,
                       help='for systems that follow one: white strokes on '
                       'black; a file, or a folder with a sketch of the same '
                       'stem for each')
  inpaint.add_argument('--edge', default='',
                       help='for systems that read edges: how they are found, '
                       'canny:sigma=2 or hed (default: as in training)')
  inpaint.add_argument('--cases', type=Path,
                       help='in place of the three: a folder of protocols, '
                       'such as object_removal/ or editing/, with images/, '
                       'masks/ and maybe sketches/ in each')
  inpaint.add_argument('--output', type=Path, required=True,
                       help='a file for a file, a folder for a folder')
  inpaint.add_argument('--mask-hole', choices=('white', 'black'),
                       default='white',
                       help='colour of a hole (default: white)')
  inpaint.add_argument('--strict', action='store_true',
                       help='refuse masks and sketches with grey values')
  inpaint.add_argument('--overwrite', action='store_true')

  generate = commands.add_parser(
      'masks', help='write random masks', formatter_class=_Raw,
      description='Writes random masks as PNG files, white = hole.',
      epilog='kinds: ' + ', '.join(masks.KINDS) + '\n'
      'options and unions: lines:thickness=2-3+block:fraction=0.25')
  generate.set_defaults(command=_masks)
  generate.add_argument('--kind', required=True)
  generate.add_argument('--size', required=True,
                        help='HEIGHTxWIDTH, or one number for both')
  generate.add_argument('--count', type=int, default=1)
  generate.add_argument('--seed', type=int, default=0)
  generate.add_argument('--ratio', metavar='LOW-HIGH',
                        help='share of hole pixels, e.g. 0.1-0.2')
  generate.add_argument('--output', type=Path, required=True, help='a folder')
  generate.add_argument('--overwrite', action='store_true')

  simulate = commands.add_parser(
      'sketches', help='simulate sketches of photographs',
      description='Finds the edges of photographs and bends them, as an unsure '
      'hand would have drawn them; writes PNG files of the same names, white = '
      'stroke.')
  simulate.set_defaults(command=_sketches)
  simulate.add_argument('--image', '--input', type=Path, required=True,
                        help='a file, or a folder')
  simulate.add_argument('--edge', default='canny',
                        help='canny, canny:sigma=1-4, hed or files:FOLDER '
                        '(default: canny)')
  simulate.add_argument('--cut', type=float, default=0.7,
                        help='soft edges above it are drawn (default: 0.7)')
  simulate.add_argument('--move', default='30-100',
                        help='largest displacement in pixels at a size of 256, '
                        'a number or a range (default: 30-100)')
  simulate.add_argument('--thin', action='store_true',
                        help='make lines a pixel wide first')
  simulate.add_argument('--soft', action='store_true',
                        help='keep bent lines soft, as in training; else they '
                        'are cut at half')
  simulate.add_argument('--seed', type=int, default=0)
  simulate.add_argument('--output', type=Path, required=True, help='a folder')
  simulate.add_argument('--overwrite', action='store_true')

  convert = commands.add_parser(
      'convert', help='convert published PyTorch weights', formatter_class=_Raw,
      description='Converts published PyTorch files (.pth, .pt, .safetensors '
      'or .npz) without\nPyTorch and without running anything from them, and '
      'says licence and origin.\n\n'
      '  jinpaint convert FILE --network=NAME --output=FILE.npz\n'
      '  jinpaint convert FOLDER --system=NAME --output=WORKDIR',
      epilog='networks: ' + ', '.join(networks.REGISTRY))
  convert.set_defaults(command=_convert)
  convert.add_argument('path', type=Path, metavar='FILE or FOLDER')
  what = convert.add_mutually_exclusive_group(required=True)
  what.add_argument('--network', help='what the file holds')
  what.add_argument('--system', help='whose files, named as published, are in '
                    'the folder')
  convert.add_argument('--output', type=Path, required=True,
                       help='a file that ends in .npz; of a system, the work '
                       'directory of a new run')
  convert.add_argument('--overwrite', action='store_true')

  listing = commands.add_parser(
      'systems', help='list systems and stages, or the sizes of networks')
  listing.set_defaults(command=_systems)
  listing.add_argument(
      '--parameters', action='store_true', help='list every registered network '
      'with its number of parameters: in millions, and in units of 2^20 = '
      '1,048,576, as the paper on ISNet counts')
  return parser


class _Parser(argparse.ArgumentParser):
  """Says in one line what is wrong."""

  def error(self, message):
    raise UsageError(f'{message}; see {self.prog} --help')


class _Raw(argparse.RawDescriptionHelpFormatter):
  """Keeps the epilog's lines."""


def _inpaint(args):
  if args.cases:
    if args.image or args.mask or args.sketch:
      raise UsageError('--cases takes the place of --image, --mask and '
                       '--sketch')
    cases = _protocols(args.cases, args.output)
  elif args.image and args.mask:
    cases = _cases(args.image, args.mask, args.sketch, args.output)
  else:
    raise UsageError('name --image and --mask, or --cases')
  if not args.overwrite:
    _refuse_to_overwrite(case.output for case in cases)
  from jinpaint import inference  # after the checks: it compiles and loads
  inpaint = inference.load(args.model, args.checkpoint, edge=args.edge)
  if any(case.sketch for case in cases) and not inpaint.follows_sketches:
    raise UsageError(f'{args.model} holds a system that follows no sketches')

  # Whatever is wrong is said before anything is written.
  good = []
  for case in _progress(cases, 'checked'):
    try:
      picture, *_ = _open(case, args)
    except files.UnreadableImage as error:
      if len(cases) == 1:
        raise UsageError(f'cannot read the image {error}') from error
      print(f'skipped a broken image: {error}', file=sys.stderr)
      continue
    files.check_holds(case.output, picture)
    good.append(case)
  lossy = [case.output for case in good
           if case.output.suffix.lower() in files.LOSSY]
  if lossy:
    others = f' and {len(lossy) - 1} more' if lossy[1:] else ''
    warnings.warn(f'{lossy[0]}{others}: JPEG changes known pixels; PNG keeps '
                  'them', stacklevel=1)

  for case in _progress(good, 'image'):
    picture, *drawn = _open(case, args)
    files.write(case.output,
                picture._replace(pixels=inpaint(picture.pixels, *drawn)))
  print(f'wrote {len(good)} of {len(cases)} to {args.output}')
  if broken := len(cases) - len(good):
    raise UsageError(f'{broken} of {len(cases)} images were broken and skipped')


class _Case(NamedTuple):
  """A picture to be filled, and the files that belong to it."""

  image: Path
  mask: Path
  sketch: Path | None
  output: Path


def _open(case, args):
  """Returns the `files.Picture`, its holes and, or None, its sketch."""
  picture = files.read(case.image)
  hole = mask_files.read(case.mask, strict=args.strict, hole=args.mask_hole)
  sketch = case.sketch and mask_files.read(
      case.sketch, strict=args.strict, what='sketch')
  for what, path, drawn in (('mask', case.mask, hole),
                            ('sketch', case.sketch, sketch)):
    if drawn is not None and drawn.shape != picture.pixels.shape[:2]:
      raise UsageError(
          f'{case.image} is {_size(picture.pixels)} and its {what} {path} is '
          f'{_size(drawn)}; they must have one size')
  return picture, hole, sketch


def _progress(items, unit):
  """Shows a bar, on terminals only."""
  return tqdm.tqdm(items, unit=unit, disable=None)


def _size(pixels):
  height, width = pixels.shape[:2]
  return f'{width} x {height}'


def _cases(image, mask, sketch, output):
  """Returns the cases of a file or of a folder."""
  drawn = {'mask': mask} | ({'sketch': sketch} if sketch else {})
  if image.is_file():
    for what, path in drawn.items():
      if path.is_dir():
        raise UsageError(f'{image} is a file and the {what} {path} a folder')
    if output.is_dir():
      raise UsageError(f'{output} is a folder; name a file')
    for what, path in drawn.items():
      if not path.is_file():
        raise UsageError(f'there is no {what} {path}')
    files.check_suffix(output)
    return [_Case(image, mask, sketch, output)]
  if not image.is_dir():
    raise UsageError(f'there is no image {image}')
  names = files.names(image)
  if output.is_file():
    raise UsageError(f'{output} is a file; {image} needs a folder')
  found = {what: _for_each(names, what, path) for what, path in drawn.items()}
  return [_Case(image / name, found['mask'][name],
                found['sketch'][name] if sketch else None, output / name)
          for name in names]


def _protocols(root, output):
  """Returns the cases of every protocol below a folder."""
  folders = sorted(path.parent for path in root.glob('*/images')
                   if path.is_dir())
  if not folders:
    raise UsageError(f'{root} holds no protocol: no PROTOCOL/images/')
  if output.is_file():
    raise UsageError(f'{output} is a file; {root} needs a folder')
  return [case for folder in folders for case in _cases(
      folder / 'images', folder / 'masks',
      folder / 'sketches' if (folder / 'sketches').exists() else None,
      output / folder.name)]


def _for_each(names, what, path):
  """Returns image -> its mask or sketch, of one file for all or a folder."""
  if path.is_file():
    return dict.fromkeys(names, path)
  if not path.is_dir():
    raise UsageError(f'there is no {what} {path}')
  by_stem = {}
  for name in files.names(path):
    stem = Path(name).with_suffix('')
    if stem in by_stem:
      raise UsageError(
          f'two {what}{"es" if what == "sketch" else "s"} for {stem}: '
          f'{by_stem[stem]} and {name}')
    by_stem[stem] = path / name
  for name in names:
    if Path(name).with_suffix('') not in by_stem:
      raise UsageError(f'{path} holds no {what} for {name}: no file of the '
                       'same name, whatever its suffix')
  return {name: by_stem[Path(name).with_suffix('')] for name in names}


def _refuse_to_overwrite(paths):
  for path in paths:
    if path.exists():
      raise UsageError(f'{path} exists; --overwrite replaces it')


def _masks(args):
  height, width = _parse_size(args.size)
  if args.count < 1 or args.seed < 0:
    raise UsageError('--count must be positive and --seed not negative')
  make = masks.parse(args.kind, ratio=_parse_ratio(args.ratio))
  paths = [args.output / f'{i:05}.png' for i in range(args.count)]
  if not args.overwrite:
    _refuse_to_overwrite(paths)
  for i, path in enumerate(_progress(paths, 'mask')):
    mask = make(np.random.default_rng([args.seed, i]), height, width,
                name=path.name, index=i)
    files.write(path, files.Picture(mask * np.uint8(255)))
  print(f'wrote {len(paths)} masks to {args.output}')


def _sketches(args):
  if args.seed < 0 or not 0 <= args.cut < 1:
    raise UsageError('--seed must not be negative, --cut within 0 and 1')
  make = sketches.parse(
      f'simulated:move={args.move}:thin={"yes" if args.thin else "no"}')
  if args.image.is_file():
    root, names = args.image.parent, (args.image.name,)
  elif args.image.is_dir():
    root, names = args.image, files.names(args.image)
  else:
    raise UsageError(f'there is no image {args.image}')
  outputs = [args.output / Path(name).with_suffix('.png') for name in names]
  if len(set(outputs)) < len(outputs):
    raise UsageError(f'some images in {args.image} differ by their suffix only')
  if not args.overwrite:
    _refuse_to_overwrite(outputs)
  from jinpaint.converters import pretrained  # these import JAX
  from jinpaint.guidance import Guidance
  guidance = Guidance(Data(edge=args.edge), training=False)
  guidance.check(names)
  published = {network: pretrained.load(network)
               for network in guidance.published}
  for i, (name, output) in enumerate(zip(_progress(names, 'sketch'), outputs,
                                         strict=True)):
    try:
      image = files.read_rgb(root / name)
    except files.UnreadableImage as error:
      raise UsageError(f'cannot read the image {error}') from error
    edge_map = None
    if guidance.edges.maps:
      edge_map = guidance.edges.maps.read(
          name, edges.read_map, *image.shape[:2]) / np.float32(255)
    found = guidance.of_picture(
        published, image.astype(np.float32) / np.float32(255), None, edge_map)
    bent = make.simulate(np.random.default_rng([args.seed, i]),
                         edges.above(found['known_edge'][..., 0], args.cut))
    if not args.soft:
      bent = edges.above(bent, 0.5)
    files.write(output, files.Picture(
        np.rint(bent * 255).astype(np.uint8)))
  print(f'wrote {len(outputs)} sketches to {args.output}')


def _parse_size(text):
  try:
    numbers = [int(number) for number in text.lower().split('x')]
  except ValueError:
    numbers = []
  if len(numbers) not in (1, 2) or min(numbers) < 1:
    raise UsageError(f'cannot read --size={text}; write 64 or 48x64 (height x '
                     'width)')
  return numbers[0], numbers[-1]


def _parse_ratio(text):
  if text is None:
    return None
  try:
    low, high = map(float, text.split('-'))
  except ValueError as error:
    raise UsageError(f'cannot read --ratio={text}; write 0.1-0.2') from error
  return low, high


def _convert(args):
  # After the flags: these import JAX.
  if args.system:
    if args.overwrite:
      raise UsageError('--overwrite is for --network; choose another --output '
                       'for a run')
    from jinpaint.runs import adoption
    stage, found, fresh = adoption.adopt(args.system, args.path, args.output)
    for adopted in found:
      print(f'{adopted.file}: {adopted.network}, {adopted.architecture}\n'
            f'  licence: {adopted.licence}\n  origin: {adopted.origin}\n'
            f'  SHA-256: {adopted.sha256}')
    for name in fresh:
      print(f'no file holds the {name}: it starts afresh')
    print(f'wrote a run of {args.system}, stage {stage}, to {args.output}')
    return
  from jinpaint.converters import weights
  written = weights.convert(args.network, args.path, args.output,
                            overwrite=args.overwrite)
  print(f'wrote {args.network} to {args.output}\n'
        f'licence: {written.licence}\norigin: {written.origin}\n'
        f'SHA-256 of the published file: {written.sha256}')


def _systems(args):
  if args.parameters:
    width = max(map(len, networks.REGISTRY))
    print(f'{"network":{width}}  parameters  10^6     2^20')
    for name in networks.REGISTRY:
      number = networks.parameters(name)
      print(f'{name:{width}}  {number:>10,}  {number / 1e6:7.3f}  '
            f'{number / 2**20:7.3f}')
    return
  for name in systems.NAMES:
    module = importlib.import_module(f'jinpaint.systems.{name}')
    print(f'{name}: {module.__doc__.splitlines()[0]}')
    print(f'  stages: {", ".join(systems.stages(name))}')
