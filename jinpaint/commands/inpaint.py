"""`jinpaint inpaint`: fills the holes of pictures."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
import time
from typing import NamedTuple, TYPE_CHECKING
import warnings

import numpy as np

from jinpaint.commands import case_flags, checking, parsers, writing
from jinpaint.data import files, inspection, pairing
from jinpaint.data.inspection import Look, Note, Opened
from jinpaint.errors import UsageError
from jinpaint.inference.names import STRATEGIES

if TYPE_CHECKING:
  from jinpaint.inference import Inpainter, Task

# Holes that are wider, in pixels, are not what the model that comes with
# jinpaint was trained for.
_THIN = 32
_IS_WIDE = (f'has holes wider than {_THIN} pixels, which the model that comes '
            'with jinpaint only fills smoothly: it is for thin damage; '
            '--model=RUN names another')
# Pictures that are open at the same time have no more pixels together, unless
# it is a single one.
_MOST_PIXELS = 2**26
# What `Inpainter.intermediates` returns -> what it is called in a file's name.
_INTERMEDIATES = {'edge': 'edge', 'sketch': 'sketch', 'raw_image': 'raw'}


def add_parser(commands: parsers.Commands) -> argparse.ArgumentParser:
  """Adds the command's flags."""
  parser = commands.add_parser(
      'inpaint', help='fill the holes of pictures',
      description='Fills the holes of one picture, or of many. Known pixels '
      'come back bit for bit (JPEG cannot hold them so; name the output .png), '
      'size, channels and depth stay.')
  parser.add_argument('--model', type=parsers.path,
                      help="a run's work directory, or a file that jinpaint "
                      'pack wrote (default: the model that comes with '
                      'jinpaint, for thin damage: scratches, wires, text)')
  parsers.add_checkpoint(parser)
  case_flags.add(parser)
  parser.add_argument('--edge', default='',
                      help='for systems that read edges: how they are found, '
                      'canny:sigma=2 or hed, or drawings of them, white = '
                      'edge: files:PATH, a file or a folder with one of the '
                      'same stem for each image (default: those that the '
                      'detector of training finds in the known pixels)')
  parser.add_argument('--output', type=parsers.path, required=True,
                      help='a file for a file, else a folder')
  parser.add_argument('--suffix', type=_suffix, choices=sorted(files.SUFFIXES),
                      metavar='SUFFIX', help='the format of all results in a '
                      'folder, such as .png (default: that of each picture)')
  parser.add_argument('--save_intermediate', '--save-intermediate',
                      action='store_true',
                      help='write NAME.raw.png, and NAME.edge.png and '
                      'NAME.sketch.png of systems that make them, to '
                      'intermediate/ beside the results')
  parser.add_argument('--strict', action='store_true',
                      help='refuse masks and sketches with grey values, and '
                      'masks of which must be guessed what is the hole')
  parser.add_argument('--strategy', choices=STRATEGIES, default='auto',
                      help='original: pictures are filled as a whole; crop: '
                      'what is around each hole; resize: made smaller first; '
                      'tile: in windows of 1024 pixels around the holes; auto: '
                      'as a whole where that fits the memory, else in windows, '
                      'which is said (default: auto)')
  parsers.add_overwrite(parser)
  parser.add_argument('--resume', action='store_true',
                      help='leave results that exist as they are, and make '
                      'the others')
  return parser


def run(args: argparse.Namespace) -> None:
  """Fills every picture that can be read.

  Raises:
    UsageError: something that the flags name does not exist, does not fit or
      cannot be read, of which nothing is written; or some of several pictures
      were broken, and the others are written.
  """
  if args.resume and args.overwrite:
    raise UsageError('--resume keeps results that exist, --overwrite replaces '
                     'them; give one of them')
  start, jobs = time.monotonic(), _jobs(args)
  todo = [job for job in jobs if not (args.resume and job.output.exists())]
  # A run that was stopped may have left maps without their result.
  if not (args.overwrite or args.resume):
    writing.refuse_to_overwrite(
        path for job in todo for path in (job.output, *(
            _intermediate(args, job, kind) for kind in
            (_INTERMEDIATES.values() if args.save_intermediate else ()))))
  if not todo:
    print(f'all {len(jobs)} results exist in {args.output}')
    return
  from jinpaint import devices, inference  # imported here: they are slow
  devices.keep_programs()
  inpaint = inference.open_inpainter(
      args.model, args.checkpoint, edge=args.edge, strategy=args.strategy)
  instead = _instead_of_drawings(inpaint, todo, args)
  readable = _check(todo, args, sketch_cut=inpaint.sketch_cut)
  checking.say(instead)
  _warn_of_jpeg([job.output for job, _ in readable])
  _fill(inpaint, readable, args, _Tally(
      start, asked=len(jobs), skipped=len(jobs) - len(todo),
      broken=len(todo) - len(readable)))


class _Job(NamedTuple):
  """A case, and where its result is written."""

  case: pairing.Case
  output: Path


class _Tally:
  """What has become of the pictures."""

  def __init__(self, start: float, asked: int, skipped: int, broken: int):
    self.asked, self.skipped, self.broken = asked, skipped, broken
    self.written = 0
    self._start = start

  def __str__(self) -> str:
    said = [f'{self.skipped} existed'] if self.skipped else []
    said += [f'{self.broken} broken'] if self.broken else []
    return ', '.join([f'{self.written} of {self.asked}', *said])

  def line(self, output: Path, programs: int) -> str:
    """Returns the line with which the command ends."""
    seconds = time.monotonic() - self._start
    return (f'wrote {self} to {output}, in {seconds:.1f} s, '
            f'{programs} program{"" if programs == 1 else "s"} compiled')


def _jobs(args: argparse.Namespace) -> list[_Job]:
  """Returns the pictures that the flags name.

  Raises:
    UsageError: they name nothing, what does not fit together, or two pictures
      would have one result.
  """
  if not (args.cases or (args.image and args.mask)):
    raise UsageError('name --image and --mask, or --cases')
  pairs, alone, left_out = case_flags.pairs(args, without=args.output)
  checking.say_pairing(pairs, left_out)
  if alone:
    if args.output.is_dir():
      raise UsageError(f'{args.output} is a folder; name a file')
    if args.suffix and args.suffix != args.output.suffix.lower():
      raise UsageError(f'--suffix={args.suffix}, but the output is '
                       f'{args.output}')
    files.check_suffix(args.output)
    return [_Job(pairs.cases[0], args.output)]
  if args.output.is_file():
    given = args.cases or ' '.join(args.image)
    raise UsageError(f'{args.output} is a file; {given} needs a folder')
  outputs = case_flags.outputs(pairs.cases, args.output, args.suffix)
  return [_Job(case, output) for output, case in outputs.items()]


def _suffix(text: str) -> str:
  """Returns a suffix with its dot."""
  return f'.{text.removeprefix(".").lower()}'


def _instead_of_drawings(inpaint: 'Inpainter', jobs: Sequence[_Job],
                         args: argparse.Namespace) -> list[str]:
  """Returns what a system does where it has no edge maps and no sketches.

  Raises:
    UsageError: it cannot do without, or takes none of those that are given.
  """
  model = args.model or 'the model that comes with jinpaint'
  edge_maps = any(job.case.edge_map for job in jobs)
  sketches = any(job.case.sketch for job in jobs)
  if sketches and not inpaint.follows_sketches:
    raise UsageError(f'{model} holds a system that follows no sketches')
  if inpaint.needs_edge_map and not edge_maps:
    raise UsageError(f'{model}: {inpaint.needs_edge_map}')
  instead = []
  if inpaint.reads_edges and not args.edge:
    instead.append('edges are found in the known pixels '
                   f'({inpaint.finds_edges}); --edge=files:PATH gives maps')
  if inpaint.follows_sketches and not sketches:
    instead.append('there is no sketch to follow; --sketch=PATH gives one')
  return instead


def _check(jobs: Sequence[_Job], args: argparse.Namespace, *,
           sketch_cut: float) -> list[tuple[_Job, Look]]:
  """Looks at everything once, so that faults are said before writing begins.

  Returns:
    The pictures that are not broken; of the others each is said.

  Raises:
    UsageError: the only picture is broken, or anything else does not fit.
  """
  job_of = {job.case: job for job in jobs}
  readable, notes = list[tuple[_Job, Look]](), list[Note]()
  for look in checking.readable([*job_of], hole=args.mask_hole, grow=args.grow,
                                sketch_cut=sketch_cut, strict=args.strict):
    job = job_of[look.case]
    # Of the pixels, no more than their shape and type is asked for.
    files.check_holds(job.output, files.Picture(
        np.broadcast_to(np.zeros((), look.dtype), look.shape)))
    readable.append((job, look))
    notes += look.notes
    if args.model is None and look.hole and look.hole.widest > _THIN:
      assert look.case.mask
      notes.append(Note(look.case.mask, _IS_WIDE))
  said = inspection.lines(notes)
  if args.grow:
    said.append(f'holes are grown by {args.grow} px on all sides')
  checking.say(said)
  return readable


def _fill(inpaint: 'Inpainter', jobs: Sequence[tuple[_Job, Look]],
          args: argparse.Namespace, tally: _Tally) -> None:
  """Fills pictures batch by batch, and says at the end what was done.

  Raises:
    UsageError: some pictures were broken, and the others are written.
  """
  said = set[str]()
  try:
    with writing.bar(len(jobs), 'image') as bar:
      done = 0

      def progress(share: float) -> None:
        bar.n = round(done + share * len(batch), 2)
        bar.refresh()

      for batch in _batches(inpaint, jobs):
        opened = []
        for job, look in batch:
          try:
            opened.append((job, look.opened or inspection.open_case(
                job.case, hole=args.mask_hole, grow=args.grow,
                sketch_cut=inpaint.sketch_cut, strict=args.strict)))
          except files.UnreadableImage as error:  # since it was checked
            checking.skip(error)
            tally.broken += 1
        for job, each in opened:
          height, width = _hole(each).shape
          plan = inpaint.plan(height, width, _hole(each))
          if plan.strategy != 'original' and str(plan) not in said:
            said.add(str(plan))
            checking.say([f'{job.case.image} is filled {plan}'])
        for _ in _fill_batch(inpaint, opened, args, progress):
          tally.written += 1
        done += len(batch)
  except BaseException:
    # What was written stays; `--resume` makes the others.
    if tally.written:
      print(tally.line(args.output, inpaint.programs))
    raise
  print(tally.line(args.output, inpaint.programs))
  checking.refuse_broken(tally.broken, tally.asked)


def _batches(inpaint: 'Inpainter', jobs: Sequence[tuple[_Job, Look]]
             ) -> Iterator[list[tuple[_Job, Look]]]:
  """Yields pictures that are open at the same time: few, and of like sizes."""
  batch, pixels, most = list[tuple[_Job, Look]](), 0, 0
  for job, look in sorted(jobs, key=lambda each: each[1].shape[:2]):
    height, width = look.shape[:2]
    if len(batch) == 1:
      most = inpaint.batch_size(height, width)
    pixels += height * width
    if batch and (len(batch) >= most or pixels > _MOST_PIXELS):
      yield batch
      batch, pixels = [], height * width
    batch.append((job, look))
  if batch:
    yield batch


def _hole(opened: Opened) -> np.ndarray:
  """Returns the hole; every case that is filled has one."""
  assert opened.hole is not None
  return opened.hole


def _fill_batch(inpaint: 'Inpainter', batch: Sequence[tuple[_Job, Opened]],
                args: argparse.Namespace, progress: Callable[[float], None]
                ) -> Iterator[Path]:
  """Fills and writes pictures that are open; yields where each was written."""
  from jinpaint.inference import Task
  tasks = [Task(opened.picture.pixels, _hole(opened), opened.sketch,
                opened.edge_map) for _, opened in batch]
  filled = inpaint.fill(tasks, progress=progress)
  for (job, opened), task, pixels in zip(batch, tasks, filled, strict=True):
    if args.save_intermediate:
      _write_intermediates(inpaint, job, task, args)
    files.write(job.output, opened.picture._replace(pixels=pixels))
    yield job.output


def _intermediate(args: argparse.Namespace, job: _Job, kind: str) -> Path:
  """Returns where an intermediate map of a picture is written."""
  root = job.output.parent if job.output == args.output else args.output
  place = root / 'intermediate' / job.output.relative_to(root)
  return place.with_name(f'{files.without_suffix(place.name)[1]}.{kind}.png')


def _write_intermediates(inpaint: 'Inpainter', job: _Job, task: 'Task',
                         args: argparse.Namespace) -> None:
  """Writes what the system predicts beside the result."""
  made = inpaint.intermediates(task.image, task.hole, task.sketch,
                               edge_map=task.edge_map)
  for key, kind in _INTERMEDIATES.items():
    if key in made:
      pixels = np.rint(np.clip(made[key], 0, 1) * 255).astype(np.uint8)
      files.write(_intermediate(args, job, kind), files.Picture(
          pixels[..., 0] if pixels.shape[2] == 1 else pixels))


def _warn_of_jpeg(outputs: Sequence[Path]) -> None:
  """Warns, once, that JPEG or AVIF will change pixels outside the hole."""
  lossy = [path for path in outputs if path.suffix.lower() in files.LOSSY]
  if lossy:
    others = f' and {len(lossy) - 1} more' if lossy[1:] else ''
    kind = 'AVIF' if lossy[0].suffix.lower() == '.avif' else 'JPEG'
    warnings.warn(f'{lossy[0]}{others}: {kind} changes known pixels; PNG keeps '
                  'them', stacklevel=1)
