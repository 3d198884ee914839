"""Fills pictures of every form that files have, and counts what goes wrong.

  python benchmarks/formats.py --count=2000

makes pairs of a picture and a mask, case by case from (seed, number): formats,
depths, colour models, photometric kinds, planes, compressions, orientations,
animations, pages, cuts, broken bytes, sizes from 1 to 3,000; masks in the forms
that editors make. Each goes through `jinpaint inpaint` as a user would call it,
but that a stand-in takes the place of the network and inverts what is in the
hole, so that every pixel of every result is known. `--real=20` fills so many
with the model that comes with jinpaint, of which known pixels and transparency
are compared; each size compiles a program, which takes seconds on a CPU.

What a file holds is known to `generated_files`; results are read by Pillow,
tifffile and OpenCV. A case goes wrong if it ends in a traceback, in more than a
line, in a refusal though the file is whole, or in any pixel that it should not
have. On two cores of an AMD EPYC:

| filled by        | cases | read right | refused in a line | wrong | seconds |
|------------------|------:|-----------:|------------------:|------:|--------:|
| the stand-in     |  1000 |        623 |               377 |     0 |      48 |
| jinpaint's model |    65 |         35 |                30 |     0 |     461 |

The latter were filled in three calls, while other programs ran:
`--count=25 --real=25`, and `--count=20 --real=20` with `--first=25` and 45.
"""

import argparse
import collections
import contextlib
import io
from pathlib import Path
import sys
import tempfile
import time
import traceback
from typing import Any

import cv2
from generated_files import by_pillow, draw_size, make_mask, PICTURES
from machine import processor
import numpy as np
import tifffile
import tqdm

from jinpaint import inference
from jinpaint.commands import cli
from jinpaint.inference import plans

_LOSSLESS = ('.png', '.tif', '.webp', '.bmp')


class _StandIn:
  """Inverts what is in the hole, as `jinpaint.inference.Inpainter` fills it."""

  follows_sketches = reads_edges = False
  needs_edge_map, sketch_cut, programs = '', 0.5, 0

  def plan(self, *_: Any) -> plans.Plan:
    return plans.Plan()

  def batch_size(self, *_: int) -> int:
    return 4

  def fill(self, tasks: Any, progress: Any) -> list[np.ndarray]:
    return [inverted(task.image, task.hole > 0) for task in tasks]


def inverted(pixels: np.ndarray, hole: np.ndarray) -> np.ndarray:
  """Returns a picture with other colours in the hole, and its own alpha."""
  result = pixels.copy()
  full = np.iinfo(pixels.dtype).max
  colours = result if result.ndim == 2 else (
      result[..., :-1] if result.shape[2] in (2, 4) else result)
  colours[hole] = full - colours[hole]
  return result


def _run(words: list[str]) -> tuple[int, str, str]:
  """Runs a command; returns its status, stderr and traceback."""
  out, err = io.StringIO(), io.StringIO()
  with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    try:
      cli.main(words)
      status, trace = 0, ''
    except SystemExit as stop:
      status, trace = int(stop.code or 0), ''
    except BaseException:
      status, trace = -1, traceback.format_exc()
  return status, err.getvalue(), trace


def _read(path: Path) -> np.ndarray:
  """Returns the pixels of a result, by other libraries than jinpaint."""
  encoded = path.read_bytes()
  if path.suffix == '.tif':
    with tifffile.TiffFile(io.BytesIO(encoded)) as file:
      if file.pages.first.bitspersample == 16:
        return file.pages.first.asarray()
  # Pillow reads no colours of 16 bits, and of BMP no alpha.
  if path.suffix == '.bmp' or (path.suffix == '.png' and encoded[24] == 16):
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8),
                          cv2.IMREAD_UNCHANGED)
    return pixels if pixels.ndim == 2 else pixels[
        ..., [2, 1, 0, 3][:pixels.shape[2]]]
  return by_pillow(encoded)


def _like(pixels: np.ndarray, expected: np.ndarray) -> np.ndarray:
  """Returns colours that are grey as grey, where that is expected.

  WebP holds no grey, and no alpha that is opaque; BMP no grey with alpha, and
  OpenCV's PNG none of 16 bits.
  """
  full = np.iinfo(pixels.dtype).max
  if pixels.shape[2:] == (3,) and expected.shape[2:] in ((2,), (4,)) and (
      expected[..., -1] == full).all():
    pixels = np.dstack([pixels, expected[..., -1]])
  if pixels.shape[2:] in ((3,), (4,)) and expected.shape[2:] in ((), (2,)) and (
      pixels[..., 0] == pixels[..., 1]).all():
    alpha = pixels[..., 3:] if expected.ndim == 3 else pixels[..., :0]
    grey = np.concatenate([pixels[..., :1], alpha], axis=2)
    return grey[..., 0] if expected.ndim == 2 else grey
  return pixels


def check(number: int, seed: int, place: Path, real: bool) -> tuple[str, str]:
  """Runs one case; returns its outcome, and what it was."""
  rng = np.random.default_rng([seed, number])
  made = PICTURES[rng.integers(len(PICTURES))](rng, *draw_size(rng))
  height, width = (made.pixels.shape[:2] if made.pixels is not None
                   else draw_size(rng))
  mask = make_mask(rng, height, width)
  image, drawn = place / f'photo{made.suffix}', place / f'mask{mask.suffix}'
  output = place / f'out{rng.choice(_LOSSLESS)}'
  image.write_bytes(made.encoded)
  drawn.write_bytes(mask.encoded)
  output.unlink(missing_ok=True)
  status, err, trace = _run([
      'inpaint', f'--image={image}', f'--mask={drawn}', f'--output={output}',
      *mask.flags])
  what = f'{number}: {made.what} of {width} x {height}; mask {mask.what}; ' \
      f'to {output.suffix}; {err.strip()}'
  image.unlink()
  drawn.unlink()
  if trace:
    return 'traceback', f'{what}\n{trace}'
  lines = [line for line in err.splitlines() if not line.startswith('note: ')]
  if status == 0:
    if lines:
      return 'more than a line', what
    if made.readable is False or mask.hole is None:
      return 'read though it should be refused', what
    if made.pixels is None:
      return 'broken, and read', what
    return _compare(_read(output), made.pixels, mask.hole, real), what
  if len(lines) != 1 or status != 2 or output.exists():
    return 'more than a line', what
  deep = made.pixels is not None and made.pixels.dtype == np.uint16
  if made.readable and mask.hole is not None and not (
      deep and 'holds no 16 bits' in err):
    return 'refused though it is whole', what
  return 'refused in one line', what


def _compare(result: np.ndarray, pixels: np.ndarray, hole: np.ndarray,
             real: bool) -> str:
  """Returns the outcome of a case that was filled."""
  result = _like(result, pixels)
  if result.shape != pixels.shape or result.dtype != pixels.dtype:
    return 'other size, channels or depth'
  if result.shape[2:] in ((2,), (4,)) and (
      result[..., -1] != pixels[..., -1]).any():
    return 'other transparency'
  if (result != pixels)[~hole].any():
    return 'known pixels changed'
  if not real and (result != inverted(pixels, hole)).any():
    return 'other hole'
  return 'read right'


# What is right.
OUTCOMES = ('read right', 'refused in one line', 'broken, and read')


def run(count: int, seed: int, real: int = 0, first: int = 0
        ) -> dict[str, list[str]]:
  """Runs cases; returns what they were, by outcome."""
  outcomes = collections.defaultdict[str, list[str]](list)
  load = inference.open_inpainter
  model = load() if real else None
  stand_in: Any = _StandIn()
  with tempfile.TemporaryDirectory() as folder:
    try:
      for number in tqdm.tqdm(range(first, first + count), disable=None):
        by_model = number - first < real
        chosen = model if by_model else stand_in
        inference.open_inpainter = lambda *_, chosen=chosen, **__: chosen
        outcome, what = check(number, seed, Path(folder), by_model)
        outcomes[outcome].append(what)
    finally:
      inference.open_inpainter = load
  return outcomes


def main() -> None:
  """Runs all cases, and prints what went wrong and how many went how."""
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--count', type=int, default=2000)
  parser.add_argument('--first', type=int, default=0)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--real', type=int, default=0)
  args = parser.parse_args()
  print(processor())
  start = time.monotonic()
  outcomes = run(args.count, args.seed, args.real, args.first)
  for outcome, cases in outcomes.items():
    if outcome not in OUTCOMES:
      print(f'\n{outcome}\n' + '\n'.join(cases))
  print(f'\n| outcome | cases of {args.count} |\n|---|--:|')
  for outcome in sorted({*outcomes, *OUTCOMES, 'traceback',
                         'known pixels changed'}):
    print(f'| {outcome} | {len(outcomes.get(outcome, ()))} |')
  print(f'\n{time.monotonic() - start:.0f} seconds')
  sys.exit(bool(outcomes.keys() - OUTCOMES))


if __name__ == '__main__':
  main()
