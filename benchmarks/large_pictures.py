"""Compares ways to fill a large picture: whole, in windows, from a smaller.

  python benchmarks/large_pictures.py --output=large
  python benchmarks/large_pictures.py --huge

The first fills one of scikit-image's photographs, enlarged to 1024 x 1024
pixels, with scratches and with one big hole, by every strategy. It prints a
Markdown table of how far the results are from that of the whole picture, in
grey levels within the hole, and writes them side by side, a PNG for each hole:
seams, if there are any, are seen there. `--window` is the size of tiles. The
second fills one of 12,000 x 9,000 pixels with a scratch across it, and prints
the time and the memory that it takes.
"""

import argparse
from pathlib import Path
import resource
import time

import cv2
from machine import processor
import numpy as np
from skimage import data

import jinpaint
from jinpaint.data import files, masks
from jinpaint.inference import names, plans


def holes(size: int):
  """Returns holes by name."""
  scratches = masks.parse('damage:shapes=scratches')(
      np.random.default_rng(1), size, size) > 0
  big = np.zeros((size, size), bool)
  big[size // 3:2 * size // 3, size // 4:3 * size // 4] = True
  return {'scratches': scratches, 'one big hole': big}


def compare(model: str | None, size: int, output: Path | None) -> None:
  """Prints the table."""
  photograph = cv2.resize(data.astronaut(), (size, size),
                          interpolation=cv2.INTER_CUBIC)
  inpaint = jinpaint.load(model)
  print('| hole | strategy | plan | mean difference | largest | s |')
  print('|---|---|---|--:|--:|--:|')
  for name, hole in holes(size).items():
    results = {}
    for strategy in ('original', 'tile', 'crop', 'resize'):
      plan = inpaint.plan(size, size, hole, strategy=strategy)
      inpaint(photograph, hole, strategy=strategy)  # compiles
      start = time.perf_counter()
      results[strategy] = inpaint(photograph, hole, strategy=strategy)
      seconds = time.perf_counter() - start
      apart = np.abs(results[strategy].astype(int)
                     - results['original'])[hole]
      print(f'| {name} | {strategy} | {plan} | {apart.mean():.2f} | '
            f'{apart.max()} | {seconds:.1f} |', flush=True)
    if output:
      masked = np.where(hole[..., None], 255, photograph)
      files.write(output / f'{name.replace(" ", "_")}.png', files.Picture(
          np.hstack([masked, *results.values()])))


def fill_huge(model: str | None, strategy: str) -> None:
  """Prints the time and the memory of a picture of 108 megapixels."""
  tile = np.tile(data.coffee(), (23, 20, 1))
  photograph = np.ascontiguousarray(tile[:9000, :12000])
  del tile
  hole = np.zeros(photograph.shape[:2], np.uint8)
  cv2.line(hole, (3000, 0), (6000, 8999), 1, 6)
  before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
  inpaint = jinpaint.load(model, strategy=strategy)
  start = time.perf_counter()
  plan = inpaint.plan(*hole.shape, hole)
  planned = time.perf_counter() - start
  filled = inpaint(photograph, hole)
  seconds = time.perf_counter() - start
  assert (filled[hole == 0] == photograph[hole == 0]).all()
  after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
  print(f'12000 x 9000, {plan}\n{seconds:.0f} s, of which {planned:.0f} s to '
        f'plan; at most {after:.2f} GB, {before:.2f} GB before')


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', help='a run (default: the packaged model)')
  parser.add_argument('--size', type=int, default=1024)
  parser.add_argument('--window', type=int, default=512)
  parser.add_argument('--longest', type=int, default=512,
                      help='side of the smaller picture')
  parser.add_argument('--huge', action='store_true')
  parser.add_argument('--strategy', default='auto', choices=names.STRATEGIES,
                      help='of --huge')
  parser.add_argument('--output', type=Path, help='a folder for pictures')
  args = parser.parse_args()
  print(f'{processor()}\n')
  if args.huge:
    fill_huge(args.model, args.strategy)
  else:
    # So that a picture of this size is not filled as a whole.
    plans.TILE, plans.LONGEST = args.window, args.longest
    compare(args.model, args.size, args.output)


if __name__ == '__main__':
  main()
