"""Times the mask path of partial convolutions: prints a Markdown table.

  python benchmarks/partial_convolution.py > partial_convolution.md

The published layer convolves a mask with one channel per feature with a kernel
of ones, (kh, kw, Cin, Cout); `PartialConv` carries one mask channel for each
group of concatenated features. Timed is what leads to the updated mask alone;
"features" is the convolution of the features, for comparison. The forms take
turns; each time is the median of all turns.
"""

import argparse
import os
from pathlib import Path
import statistics
import sys
import time
from typing import NamedTuple


class Case(NamedTuple):
  """One layer of the PConv U-Net at 256 x 256, in batch 1."""

  name: str
  size: int  # height and width of the input
  groups: tuple[int, ...]  # features of each concatenated source
  features: int
  window: int
  stride: int


CASES = [
    Case('enc_1', 256, (3,), 64, 7, 2),
    Case('enc_2', 128, (64,), 128, 5, 2),
    Case('enc_4', 32, (256,), 512, 3, 2),
    Case('dec_4', 32, (512, 256), 256, 3, 1),
    Case('dec_2', 128, (128, 64), 64, 3, 1),
    Case('dec_1', 256, (64, 3), 3, 3, 1),
]


def runs(case: Case):
  """Returns what is timed, by name, and checks that the masks agree."""
  import jax
  import jax.numpy as jnp
  import numpy as np

  from jinpaint.layers.conv import convolve
  from jinpaint.layers.partial_conv import PartialConv

  strides, pads = (case.stride,) * 2, [(case.window // 2,) * 2] * 2
  rng = np.random.default_rng(0)
  size = (1, case.size, case.size)
  xs = [jnp.asarray(rng.random((*size, c)), jnp.float32) for c in case.groups]
  masks = [jnp.asarray(rng.random((*size, 1)) > 0.9, jnp.float32)
           for _ in case.groups]
  wide = jnp.concatenate([jnp.broadcast_to(mask, x.shape)
                          for x, mask in zip(xs, masks, strict=True)], axis=-1)
  kernel = jnp.ones((case.window, case.window, wide.shape[-1], case.features))

  layer = PartialConv(case.features, (case.window,) * 2, strides,
                      (case.window // 2,) * 2)
  variables = layer.init(jax.random.key(0), xs, masks)
  one_channel = jax.jit(lambda masks: layer.apply(variables, xs, masks)[1])
  multi_channel = jax.jit(lambda wide: jnp.clip(
      convolve(wide, kernel, strides=strides, padding=pads), 0, 1))
  features = jax.jit(lambda x: convolve(x, kernel, strides=strides,
                                        padding=pads))
  assert (one_channel(masks) == multi_channel(wide)).all()
  x = jnp.concatenate(xs, axis=-1)
  return {name: lambda f=f, given=given: jax.block_until_ready(f(given))
          for name, f, given in (('one', one_channel, masks),
                                 ('multi', multi_channel, wide),
                                 ('features', features, x))}


def turn(run) -> float:
  """Returns the milliseconds of one call, after one that is not timed."""
  run()
  start = time.perf_counter()
  run()
  return 1000 * (time.perf_counter() - start)


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
  parser.add_argument('--rounds', type=int, default=15)
  options = parser.parse_args()
  os.environ['JAX_PLATFORMS'] = 'cpu'
  sys.path.insert(0, str(Path(__file__).parents[1]))
  import jax

  print(f'jax {jax.__version__}, {len(os.sched_getaffinity(0))} CPU cores, '
        f'float32, batch 1. Milliseconds, medians of {options.rounds} turns.\n')
  print('| layer | size | features in | out | window | one mask channel a '
        'group | one a feature | ratio | features |')
  print('|---|---|---|---|---|---:|---:|---:|---:|')
  for case in CASES:
    timed = runs(case)
    times = {name: [] for name in timed}
    for _ in range(options.rounds):
      for name, run in timed.items():
        times[name].append(turn(run))
    one, multi, features = (statistics.median(t) for t in times.values())
    print(f'| {case.name} | {case.size} x {case.size} '
          f'| {" + ".join(map(str, case.groups))} | {case.features} '
          f'| {case.window}, stride {case.stride} | {one:.2f} | {multi:.2f} '
          f'| {multi / one:.0f} | {features:.2f} |', flush=True)


if __name__ == '__main__':
  main()
