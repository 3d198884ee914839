"""Times what HED costs at the head of the CFS system's completion step.

  python benchmarks/hed.py

The step with HED and the step that is given its sketches take turns, so that
what else the machine does meets both; each time is the median of all turns.
Weights are random. Prints a Markdown table.
"""

import argparse
import statistics
import time

import jax
from machine import processor
import numpy as np
import optax

from jinpaint import systems, training
from jinpaint.data.examples import Data
from jinpaint.guidance import Guidance


def steps(batch: int, size: int, blocks: int):
  """Returns two functions: a step that is given sketches, and one with HED."""
  stage = systems.stage('cfs', 'completion_true_sketch', blocks=blocks)
  guidance = Guidance(Data(edge='hed'), training=True)
  optimizers = {name: optax.adam(1e-4, 0.0, 0.9) for name in stage.trained}
  rng = np.random.default_rng(0)
  mask = np.zeros((batch, size, size, 1), np.float32)
  mask[:, size // 4:3 * size // 4, size // 4:3 * size // 4] = 1
  without = {'image': rng.random((batch, size, size, 3), np.float32),
             'mask': mask}
  given = {**without, 'true_edge': rng.random(mask.shape, np.float32)}
  given['known_edge'] = given['true_edge'] * (1 - mask)
  published = {name: network.init(jax.random.key(0), given['image'])
               for name, network in {**stage.published,
                                     **guidance.published}.items()}
  state = training.init(0, stage, optimizers, given)

  def compiled(inputs, **options):
    step = jax.jit(training.make_step(stage, optimizers, **options),
                   donate_argnums=0)
    def run():
      nonlocal state
      state, logs = step(state, published, inputs)
      jax.block_until_ready((state, logs))
    return run
  return compiled(given), compiled(without, guide=guidance.on_device)


def main():
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--batch', type=int, default=2)
  parser.add_argument('--size', type=int, default=256)
  parser.add_argument('--blocks', type=int, default=8)
  parser.add_argument('--rounds', type=int, default=5)
  args = parser.parse_args()

  both = steps(args.batch, args.size, args.blocks)
  times = ([], [])
  for turn in range(args.rounds + 1):
    for run, seconds in zip(both, times, strict=True):
      start = time.perf_counter()
      run()
      if turn:  # the first one compiles
        seconds.append(time.perf_counter() - start)
  given, with_hed = map(statistics.median, times)
  device = jax.local_devices()[0]
  name = processor() if device.platform == 'cpu' else device.device_kind
  print(f'jax {jax.__version__}; {name}; float32, batch {args.batch}, '
        f'{args.size} x {args.size} px, {args.blocks} blocks. Seconds a step, '
        f'medians of {args.rounds} turns.\n\n'
        '| sketches given | with HED | HED / step with sketches given |\n'
        '|---:|---:|---:|\n'
        f'| {given:.3g} | {with_hed:.3g} | {(with_hed - given) / given:.1%} |')


if __name__ == '__main__':
  main()
