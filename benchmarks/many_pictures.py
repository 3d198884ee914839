"""Times many pictures of mixed sizes: filled at once and one by one.

  python benchmarks/many_pictures.py

Pictures are parts of scikit-image's photographs, of a number of sizes between
100 and 400 pixels, with scratches. They are filled by `Inpainter.fill`, and by
a call for each, in processes of their own, so that each compiles all that it
needs. The time of compiling is part of both; `again` is a second round without
it. Prints a Markdown table.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

from machine import processor
import numpy as np
from skimage import data

WAYS = ('at once', 'one by one')


def pictures(count: int, sizes: int):
  """Returns pictures and holes: always the same ones."""
  from jinpaint.data import masks

  rng = np.random.default_rng(0)
  photographs = [data.astronaut(), data.coffee(), data.rocket()]
  shapes = rng.integers(100, 401, (sizes, 2))
  draw = masks.parse('damage:shapes=scratches')
  made = []
  for number in range(count):
    photograph = photographs[number % len(photographs)]
    height, width = np.minimum(shapes[number % sizes], photograph.shape[:2])
    top, left = (rng.integers(0, extent - size + 1) for extent, size in zip(
        photograph.shape, (height, width), strict=False))
    made.append((photograph[top:top + height, left:left + width],
                 draw(rng, int(height), int(width)) > 0))
  return made


def measured(way: str, count: int, sizes: int, model: str | None):
  """Returns what filling all pictures takes in this process."""
  import jinpaint
  from jinpaint.inference import Task

  inpaint = jinpaint.load(model)
  tasks = [Task(*case) for case in pictures(count, sizes)]
  seconds = []
  for _ in range(2):
    start = time.perf_counter()
    if way == 'at once':
      inpaint.fill(tasks)
    else:
      for task in tasks:
        inpaint(task.image, task.hole)
    seconds.append(time.perf_counter() - start)
  return {'first': count / seconds[0], 'again': count / seconds[1],
          'programs': inpaint.programs,
          'gigabytes': resource.getrusage(
              resource.RUSAGE_SELF).ru_maxrss / 1e6}


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--count', type=int, default=300)
  parser.add_argument('--sizes', type=int, default=20)
  parser.add_argument('--model', help='a run (default: the packaged model)')
  parser.add_argument('--way', choices=WAYS, help=argparse.SUPPRESS)
  args = parser.parse_args()
  if args.way:
    print(json.dumps(measured(args.way, args.count, args.sizes, args.model)))
    return
  print(f'{processor()}; {args.count} pictures of {args.sizes} sizes\n')
  print('| | images/s | again | programs | peak memory GB |')
  print('|---|--:|--:|--:|--:|')
  for way in WAYS:
    done = subprocess.run([sys.executable, *sys.argv, f'--way={way}'],
                          check=True, capture_output=True, text=True)
    row = json.loads(done.stdout.splitlines()[-1])
    print(f'| {way} | {row["first"]:.1f} | {row["again"]:.1f} | '
          f'{row["programs"]} | {row["gigabytes"]:.2f} |', flush=True)


if __name__ == '__main__':
  main()
