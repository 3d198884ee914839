"""Scores thin damage of whole photographs, filled by a model and by others.

  python benchmarks/photographs.py --output=photographs
  python benchmarks/thin_damage.py --photographs=photographs/test
  python benchmarks/thin_damage.py --photographs=photographs/test --shapes=holes

Photograph i, in the order of names, gets the mask of the kind i modulo 4 and of
the seed i: 3 to 6 percent of its pixels, 2 to 15 px wide. With `--shapes=holes`
it gets LaMa's wide masks instead. Everything is scored as 8-bit files would be.
Prints a Markdown table for each photograph and of their means.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
import statistics
import time

from machine import processor
import numpy as np

import jinpaint
from jinpaint.data import files, masks
from jinpaint.evaluation import baselines, metrics

_MASKS = {
    'thin': tuple(f'damage:shapes={shapes}:percent=3-6' for shapes in
                  ('scratches', 'text', 'wires', 'all')),
    'holes': ('lama:holes=thick_512',),
}


def main() -> None:
  """Prints the tables."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--photographs', type=Path, required=True)
  parser.add_argument('--model', type=Path,
                      help="a run's directory (default: the packaged model)")
  parser.add_argument('--shapes', choices=_MASKS, default='thin')
  parser.add_argument('--no_biharmonic', action='store_true',
                      help='leave out the slowest method')
  args = parser.parse_args()
  methods = {'jinpaint': jinpaint.load(*([args.model] if args.model else [])),
             **{row.title: row.fill for name, row in baselines.ROWS.items()
                if not (name == 'biharmonic' and args.no_biharmonic)}}
  kinds = _MASKS[args.shapes]
  scores: dict[str, list[Mapping[str, float]]] = {name: [] for name in methods}
  print(f'{processor()}\n')
  print(f'| photograph | size | mask | % | {" | ".join(methods)} |')
  print('|---|---|---|--:|' + '--:|' * len(methods))
  for index, name in enumerate(files.names(args.photographs)):
    image = files.read_rgb(args.photographs / name)
    height, width = image.shape[:2]
    kind = kinds[index % len(kinds)]
    mask = masks.parse(kind)(np.random.default_rng(index), height, width)
    for method, fill in methods.items():
      scores[method].append(_scored(fill, image, mask))
    print(f'| {Path(name).stem} | {width} x {height} | '
          f'{kind.split(":")[1].partition("=")[2]} | {100 * mask.mean():.1f} | '
          + ' | '.join(f'{rows[-1]["psnr"]:.2f}' for rows in scores.values())
          + ' |', flush=True)
  print('\n| method | PSNR, hole | SSIM, hole | seconds a photograph |')
  print('|---|--:|--:|--:|')
  for method, rows in scores.items():
    mean = {key: statistics.fmean(row[key] for row in rows) for key in rows[0]}
    print(f'| {method} | {mean["psnr"]:.2f} | {mean["ssim"]:.4f} | '
          f'{mean["seconds"]:.2f} |')
  ours = [row['psnr'] for row in scores['jinpaint']]
  best = [max(rows[i]['psnr'] for name, rows in scores.items()
              if name != 'jinpaint') for i in range(len(ours))]
  above = sum(map(float.__gt__, ours, best))
  print(f'\nabove the best of the others on {above}'
        f' of {len(ours)} photographs, by '
        f'{statistics.fmean(ours) - statistics.fmean(best):.2f} dB on average')


def _scored(fill, image: np.ndarray, mask: np.ndarray) -> Mapping[str, float]:
  """Returns PSNR and SSIM in the hole of what a method makes, and its time."""
  start = time.monotonic()
  filled = fill(image, mask)
  seconds = time.monotonic() - start
  both = [array[None].astype(np.float32) / 255 for array in (filled, image)]
  where = mask[None, ..., None].astype(np.float32)
  return {'psnr': float(metrics.psnr(*both, where)[0]),
          'ssim': float(metrics.ssim(*both, where)[0]), 'seconds': seconds}


if __name__ == '__main__':
  main()
