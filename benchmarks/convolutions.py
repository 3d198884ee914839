"""Times convolutions on the CPU beside PyTorch's; prints a Markdown table.

  python benchmarks/convolutions.py --torch-python=PATH > convolutions.md

JAX runs in this interpreter, PyTorch in a process of its own under
`--torch-python` (default: this interpreter). The two take turns, so that other
work of the machine slows both; each time is the median of all turns. `plain` is
what XLA makes of `lax.conv_general_dilated` and of JAX's own gradients. The
first line of the output says which versions ran, with which XLA_FLAGS, and how
busy the machine was: only a table of an idle machine means something.
"""

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import platform
import statistics
import subprocess
import sys
import time
from typing import Any, NamedTuple

from machine import processor


class Case(NamedTuple):
  """One layer and its input, in batch 1.

  Attributes:
    name: what the table calls it.
    size: height and width of the input.
    channels: of the input.
    features: channels of the output.
    window: height and width of the kernel.
    stride: steps in height and width.
    padding: pixels on each side.
    mode: what they hold: 'zeros', 'reflect' or 'replicate'.
    dilation: distance of the taps.
    groups: independent groups of channels.
    transposed: whether it is a transposed convolution.
    output_padding: of a transposed convolution.
  """

  name: str
  size: int
  channels: int
  features: int
  window: int
  stride: int = 1
  padding: int = 0
  mode: str = 'zeros'
  dilation: int = 1
  groups: int = 1
  transposed: bool = False
  output_padding: int = 0


CASES = [
    Case('3x3, reflect', 64, 256, 256, 3, padding=1, mode='reflect'),
    Case('4x4 stride 2, transposed', 64, 256, 256, 4, 2, 1, transposed=True),
    Case('4x4 stride 2, transposed', 64, 256, 128, 4, 2, 1, transposed=True),
    Case('3x3 dilation 2, reflect', 64, 256, 256, 3, padding=2,
         mode='reflect', dilation=2),
    Case('3x3, zeros', 64, 256, 256, 3, padding=1),
    Case('7x7, reflect', 256, 4, 64, 7, padding=3, mode='reflect'),
    Case('7x7, reflect', 256, 64, 3, 7, padding=3, mode='reflect'),
    Case('4x4 stride 2, zeros', 256, 64, 128, 4, 2, 1),
    Case('4x4, zeros', 31, 512, 1, 4, padding=1),
    Case('3x3 stride 2, transposed', 32, 512, 256, 3, 2, 1, transposed=True,
         output_padding=1),
    Case('3x3, zeros', 256, 32, 1, 3, padding=1),
    Case('1x1', 32, 384, 192, 1),
    Case('3x3 depthwise, replicate', 128, 64, 64, 3, padding=1,
         mode='replicate', groups=64),
]


def jax_runs(case: Case, plain: bool) -> dict[str, Callable[[], Any]]:
  """Returns functions that run a case forward, and with its gradients."""
  import jax
  from jax import lax
  import jax.numpy as jnp

  from jinpaint.layers import conv

  def layer(x, kernel):
    pair = lambda n: (n, n)
    if case.transposed:
      if not plain:
        return conv.convolve_transposed(
            x, kernel, strides=pair(case.stride), padding=pair(case.padding),
            output_padding=pair(case.output_padding))
      before = case.window - 1 - case.padding
      return lax.conv_general_dilated(
          x, kernel[::-1, ::-1], (1, 1),
          [(before, before + case.output_padding)] * 2,
          lhs_dilation=pair(case.stride),
          dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
    pads = [pair(case.padding)] * 2
    if case.mode != 'zeros':
      x, pads = conv.pad(x, pads, case.mode), [(0, 0)] * 2
    if plain:
      return lax.conv_general_dilated(
          x, kernel, pair(case.stride), pads,
          rhs_dilation=pair(case.dilation), feature_group_count=case.groups,
          dimension_numbers=('NHWC', 'HWIO', 'NHWC'))
    return conv.convolve(x, kernel, strides=pair(case.stride), padding=pads,
                         dilation=pair(case.dilation), groups=case.groups)

  def gradients(x, kernel):
    y, vjp = jax.vjp(layer, x, kernel)
    return y, vjp(jnp.ones_like(y))

  def timed(f):
    f = jax.jit(f)
    return lambda: jax.block_until_ready(f(x, kernel))

  keys = jax.random.split(jax.random.key(0))
  x = jax.random.normal(keys[0], (1, case.size, case.size, case.channels))
  kernel = jax.random.normal(keys[1], (
      case.window, case.window, case.channels // case.groups, case.features))
  return {'forward': timed(layer), 'gradients': timed(gradients)}


def torch_runs(case: Case) -> dict[str, Callable[[], Any]]:
  """Returns functions that run a case in PyTorch, in its default layout."""
  import torch

  options = {'stride': case.stride, 'padding': case.padding, 'bias': False}
  if case.transposed:
    layer = torch.nn.ConvTranspose2d(
        case.channels, case.features, case.window,
        output_padding=case.output_padding, **options)
  else:
    layer = torch.nn.Conv2d(
        case.channels, case.features, case.window, dilation=case.dilation,
        padding_mode=case.mode, groups=case.groups, **options)
  x = torch.randn(1, case.channels, case.size, case.size, requires_grad=True)

  def forward():
    with torch.no_grad():
      layer(x)

  def gradients():
    layer.weight.grad = x.grad = None
    y = layer(x)
    y.backward(torch.ones_like(y))

  return {'forward': forward, 'gradients': gradients}


def turn(run: Callable[[], Any]) -> float:
  """Returns the milliseconds of one call, after one that is not timed."""
  run()
  start = time.perf_counter()
  run()
  return 1000 * (time.perf_counter() - start)


def serve_torch() -> None:
  """Answers each line `[case, what]` with the milliseconds of one turn."""
  import torch

  print(torch.__version__, flush=True)
  runs: dict[Case, dict[str, Callable[[], Any]]] = {}
  for line in sys.stdin:
    fields, what = json.loads(line)
    case = Case(*fields)
    if case not in runs:
      runs[case] = torch_runs(case)
    print(turn(runs[case][what]), flush=True)


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
  parser.add_argument('--torch-python', default=sys.executable,
                      help='the interpreter that has PyTorch')
  parser.add_argument('--rounds', type=int, default=9)
  parser.add_argument('--plain-rounds', type=int, default=3,
                      help='fewer, as some take seconds')
  parser.add_argument('--serve', action='store_true', help=argparse.SUPPRESS)
  options = parser.parse_args()
  if options.serve:
    serve_torch()
    return

  os.environ['JAX_PLATFORMS'] = 'cpu'
  sys.path.insert(0, str(Path(__file__).parents[1]))
  import jax
  import jaxlib

  load_before = os.getloadavg()[0]
  with subprocess.Popen(
      [options.torch_python, __file__, '--serve'], text=True,
      stdin=subprocess.PIPE, stdout=subprocess.PIPE) as torch:
    version = torch.stdout.readline().strip()
    if not version:
      parser.error(f'{options.torch_python} has no PyTorch')

    def torch_turn(case: Case, what: str) -> float:
      torch.stdin.write(json.dumps([case, what]) + '\n')
      torch.stdin.flush()
      return float(torch.stdout.readline())

    runs = {case: (jax_runs(case, plain=False), jax_runs(case, plain=True))
            for case in CASES}
    rows = [(case, what) for case in CASES for what in ('forward', 'gradients')]
    times = {row: ([], [], []) for row in rows}
    for i in range(options.rounds):
      for case, what in rows:
        ours, torchs, plains = times[case, what]
        ours.append(turn(runs[case][0][what]))
        torchs.append(torch_turn(case, what))
        if i < options.plain_rounds:
          plains.append(turn(runs[case][1][what]))
    torch.stdin.close()

  print(f'Python {platform.python_version()}, jax {jax.__version__}, jaxlib '
        f'{jaxlib.__version__}, XLA_FLAGS "{os.environ.get("XLA_FLAGS", "")}", '
        f'PyTorch {version}; {processor()}, '
        f'{len(os.sched_getaffinity(0))} cores, load average before the first '
        f'turn {load_before:.1f}; '
        f'float32, batch 1. Milliseconds, medians of {options.rounds} turns '
        f'(plain XLA: {options.plain_rounds}). "gradients" is forward and '
        'backward, for input and kernel.\n')
  print('| layer | size | channels | | jinpaint | PyTorch | plain XLA '
        '| PyTorch / jinpaint |')
  print('|---|---|---|---|---:|---:|---:|---:|')
  for case, what in rows:
    ours, torchs, plains = map(statistics.median, times[case, what])
    print(f'| {case.name} | {case.size} x {case.size} '
          f'| {case.channels} to {case.features} | {what} | {ours:.1f} '
          f'| {torchs:.1f} | {plains:.1f} | {torchs / ours:.2f} |')


if __name__ == '__main__':
  main()
