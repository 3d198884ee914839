"""Times every system on the accelerator that is at hand, in eight minutes.

  python benchmarks/accelerator.py --output=benchmarks/

Each system's last stage at its published size and batch: seconds to compile,
seconds a training step and images a second in float32, TF32 and bfloat16;
inference at batch 1 and 16; memory; floating-point operations, and the share of
what the device reaches in a large matrix product, which the same run measures.
Where PyTorch is installed, the convolutions of the stage's networks are run by
both, forwards and backwards, with the same shapes.

Weights are random, and published networks (VGG, ADE20k's ResNet) are there, as
in training. Needs jax, flax and optax, and neither TensorFlow nor the config
library. Writes one JSON and one Markdown file named after the device. What did
not fit into the time is named.
"""

import argparse
from collections.abc import Callable, Iterator
import concurrent.futures
import contextlib
import json
import os
from pathlib import Path
import re
import statistics
import sys
import time
from typing import Any, NamedTuple

# Memory is taken as it is needed: PyTorch shares the device.
os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
sys.path.insert(0, str(Path(__file__).parents[1]))

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jinpaint import systems, training
from jinpaint.layers.conv import Conv, ConvTranspose
from jinpaint.layers.partial_conv import PartialConv
from jinpaint.nets import Nets
from jinpaint.stage import Stage
from jinpaint.types import Array, KEYS

# Size and batch of each system's config; a test compares them. A system that is
# not named is measured as most are.
PUBLISHED = {'cfs': (256, 6), 'edgeconnect': (256, 8), 'gated': (256, 16),
             'inpaintgan': (256, 8), 'isnet': (256, 6), 'lama': (256, 30),
             'pconv': (256, 16), 'pconv_lines': (64, 64),
             'sketchrefiner': (256, 25)}
_OTHERS = (256, 8)
# Narrow networks, to try this program on a CPU.
SMALL = {'cfs': dict(width=1 / 16, blocks=1, sketch_blocks=1),
         'edgeconnect': dict(width=1 / 16, blocks=1),
         'gated': dict(width=1 / 4),
         'inpaintgan': dict(width=1 / 16, blocks=1),
         'isnet': dict(width=1 / 8, blocks=1),
         'lama': dict(ngf=4, ndf=4, blocks=1),
         'pconv': dict(width=1 / 32, levels=4),
         'pconv_lines': dict(widths=(4, 8), discriminator_widths=(4, 8)),
         'sketchrefiner': dict(width=1 / 16, blocks=1)}


class Arithmetic(NamedTuple):
  """How products are computed.

  Attributes:
    compute: the type that networks compute in, see `jinpaint.nets`.
    precision: of products of float32, see `jax.default_matmul_precision`.
  """

  compute: str
  precision: str


ARITHMETICS = {'float32': Arithmetic('float32', 'highest'),
               'TF32': Arithmetic('float32', 'tensorfloat32'),
               'bfloat16': Arithmetic('bfloat16', 'tensorfloat32')}


class Convolution(NamedTuple):
  """One call of a convolution: shapes without the batch."""

  transposed: bool
  size: tuple[int, int]
  inputs: int
  outputs: int
  kernel: tuple[int, int]
  strides: tuple[int, int]
  dilation: tuple[int, int]
  groups: int


def main() -> None:
  """Measures and writes."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
  parser.add_argument('--output', type=Path, required=True, help='a folder')
  parser.add_argument('--minutes', type=float, default=8)
  parser.add_argument('--systems', nargs='+', default=systems.NAMES,
                      choices=systems.NAMES)
  parser.add_argument('--small', action='store_true',
                      help='narrow networks at 64 px, to try this program')
  args = parser.parse_args()
  deadline = time.monotonic() + 60 * args.minutes
  device = jax.local_devices()[0]
  report: dict[str, Any] = {
      'device': device.device_kind, 'jax': jax.__version__,
      'peaks': peaks(2048 if not args.small else 256), 'systems': {},
      'left_out': []}
  with concurrent.futures.ThreadPoolExecutor(
      max(1, (os.cpu_count() or 2) // 2)) as pool:
    waiting = [(system, pool.submit(_programs, system, args.small, deadline))
               for system in args.systems]
    for system, programs in waiting:
      try:
        report['systems'][system] = measure(
            system, programs.result(), report['peaks'], args.small, deadline)
      except TimeoutError as error:
        report['left_out'].append(f'{system}: {error}')
      print(f'{system}: {deadline - time.monotonic():.0f} s left',
            file=sys.stderr)
  name = re.sub(r'\W+', '_', device.device_kind.lower()).strip('_')
  args.output.mkdir(parents=True, exist_ok=True)
  (args.output / f'accelerator_{name}.json').write_text(
      json.dumps(report, indent=2) + '\n')
  text = table(report)
  (args.output / f'accelerator_{name}.md').write_text(text)
  print(text)


def peaks(side: int) -> dict[str, float]:
  """Returns what the device reaches.

  Args:
    side: of the square matrices.

  Returns:
    'copy', in GB/s read and written, and operations a second of a matrix
    product for each of `ARITHMETICS`.
  """
  x = jnp.ones((side * 16, side), jnp.float32)
  seconds = _seconds(jax.jit(lambda x: x + 1), x)
  reached = {'copy': 2 * x.nbytes / seconds / 1e9}
  for name, arithmetic in ARITHMETICS.items():
    with jax.default_matmul_precision(arithmetic.precision):
      a = jnp.ones((side, side), arithmetic.compute)
      reached[name] = 2 * side**3 / _seconds(jax.jit(lambda a: a @ a), a)
  return reached


class Programs(NamedTuple):
  """What is compiled for a system: name -> (compiled, seconds, arguments)."""

  stage: Stage
  batch: int
  steps: dict[str, Any]
  predictions: dict[str, Any]


def _programs(system: str, small: bool, deadline: float) -> Programs:
  """Compiles the steps and predictions of a system's last stage."""
  stage = systems.stage(system, systems.stages(system)[-1],
                        **(SMALL.get(system, {}) if small else {}))
  size, batch = (64, 2) if small else PUBLISHED.get(system, _OTHERS)
  optimizers = {name: optax.adam(1e-4) for name in stage.trained}
  example = _batch(stage, size, batch)
  published = {
      name: _zeros(jax.eval_shape(network.init, jax.random.key(0),
                                  example['image']), 1e-3)
      for name, network in stage.published.items()}
  state = _zeros(training.shapes(stage, optimizers, example), 1e-2)
  programs = Programs(stage, batch, {}, {})
  for name, arithmetic in ARITHMETICS.items():
    if time.monotonic() > deadline:
      raise TimeoutError(f'{name} was not compiled in time')
    with jax.default_matmul_precision(arithmetic.precision):
      step = training.make_step(stage, optimizers, compute=arithmetic.compute)
      programs.steps[name] = (*_compiled(step, state, published, example),
                              (state, published, example))

  def predict(variables: Any, batch: Any) -> Any:
    return stage.predict(
        Nets(stage.networks, variables, compute='bfloat16'), batch)

  for count in (1, 16):
    example = _batch(stage, size, count)
    programs.predictions[str(count)] = (
        *_compiled(predict, state.variables, example),
        (state.variables, example))
  return programs


def measure(system: str, programs: Programs, reached: dict[str, float],
            small: bool, deadline: float) -> dict[str, Any]:
  """Returns the figures of a system, with names as in the table."""
  figures: dict[str, Any] = {'batch': programs.batch, 'steps': {},
                             'inference': {}}
  for name, (compiled, seconds, arguments) in programs.steps.items():
    if time.monotonic() > deadline:
      raise TimeoutError('not timed')
    step_seconds = _seconds(compiled, *arguments)
    cost = compiled.cost_analysis() or {}
    operations = float(cost.get('flops', float('nan')))
    figures['steps'][name] = {
        'compile_seconds': seconds, 'step_seconds': step_seconds,
        'images_per_second': programs.batch / step_seconds,
        'operations': operations, 'memory_bytes': _memory(compiled),
        'share_of_peak': operations / step_seconds / reached[name]}
  for count, (compiled, seconds, arguments) in programs.predictions.items():
    predict_seconds = _seconds(compiled, *arguments)
    figures['inference'][count] = {
        'compile_seconds': seconds, 'seconds': predict_seconds,
        'images_per_second': int(count) / predict_seconds,
        'memory_bytes': _memory(compiled)}
  if torch := _torch():
    size, _ = (64, 2) if small else PUBLISHED.get(system, _OTHERS)
    calls = convolutions(programs.stage, size)
    figures['convolutions'] = {
        'calls': len(calls),
        'jax_seconds': _jax_convolutions(calls, programs.batch),
        'torch_seconds': _torch_convolutions(torch, calls, programs.batch),
        'torch': torch.__version__}
  return figures


def _batch(stage: Stage, size: int, count: int) -> dict[str, Array]:
  """Returns a batch of what a stage reads, with a square hole."""
  rng = np.random.default_rng(0)
  batch = {key: jnp.asarray(rng.random(
      (count, size, size, KEYS[key].channels), np.float32))
      for key in stage.keys}
  hole = slice(size // 4, 3 * size // 4)
  batch['mask'] = jnp.zeros((count, size, size, 1)).at[:, hole, hole].set(1)
  return batch


def _zeros(shapes: Any, value: float) -> Any:
  """Returns arrays of the given shapes: what they hold changes no time."""
  return jax.tree.map(
      lambda x: jnp.full(x.shape, value if jnp.issubdtype(
          x.dtype, jnp.floating) else 0, x.dtype), shapes)


def _compiled(function: Callable[..., Any], *arguments: Any
              ) -> tuple[Any, float]:
  start = time.monotonic()
  compiled = jax.jit(function).lower(*arguments).compile()
  return compiled, time.monotonic() - start


def _seconds(run: Callable[..., Any], *arguments: Any) -> float:
  """Returns the median time of a call, after two that are not timed."""
  times: list[float] = []
  for _ in range(2):
    jax.block_until_ready(run(*arguments))
  end = time.monotonic() + 1.5
  while len(times) < 3 or (time.monotonic() < end and len(times) < 30):
    start = time.perf_counter()
    jax.block_until_ready(run(*arguments))
    times.append(time.perf_counter() - start)
  return statistics.median(times)


def _memory(compiled: Any) -> int:
  """Returns the bytes that a program needs: arguments, results and between."""
  analysis = compiled.memory_analysis()
  return (analysis.argument_size_in_bytes + analysis.output_size_in_bytes
          + analysis.temp_size_in_bytes) if analysis else 0


def convolutions(stage: Stage, size: int) -> list[Convolution]:
  """Returns the convolutions that a stage's prediction calls, in order."""
  calls: list[Convolution] = []

  def note(call: Callable[..., Any], args: Any, kwargs: Any, context: Any
           ) -> Any:
    module, (x, *_) = context.module, args or (None,)
    if context.method_name == '__call__' and isinstance(
        module, Conv | ConvTranspose | PartialConv | nn.Conv):
      groups = [x] if hasattr(x, 'shape') else list(x)
      pair = lambda value: (tuple(value) if isinstance(value, tuple | list)
                            else (value or 1,) * 2)
      calls.append(Convolution(
          isinstance(module, ConvTranspose), groups[0].shape[1:3],
          sum(group.shape[-1] for group in groups), module.features,
          pair(module.kernel_size), pair(module.strides),
          pair(getattr(module, 'dilation',
                       getattr(module, 'kernel_dilation', 1))),
          getattr(module, 'groups', 1)))
    return call(*args, **kwargs)

  example = _batch(stage, size, 1)
  optimizers = {name: optax.sgd(0.0) for name in stage.trained}
  state = training.shapes(stage, optimizers, example)
  with nn.intercept_methods(note):
    jax.eval_shape(
        lambda variables, batch: stage.predict(
            Nets(stage.networks, variables), batch),
        state.variables, example)
  return calls


def _jax_convolutions(calls: list[Convolution], batch: int) -> float:
  """Returns the seconds of all convolutions, forwards and backwards."""
  def layer(call: Convolution) -> nn.Module:
    kind = ConvTranspose if call.transposed else Conv
    more = {} if call.transposed else {
        'dilation': call.dilation, 'groups': call.groups}
    return kind(call.outputs, call.kernel, call.strides, use_bias=False,
                **{'padding': _padding(call), **more})

  kernels, inputs = [], []
  for call in calls:
    x = jnp.ones((batch, *call.size, call.inputs))
    inputs.append(x)
    kernels.append(_zeros(jax.eval_shape(
        layer(call).init, jax.random.key(0), x), 1e-3))

  def total(kernels: Any, inputs: Any) -> Array:
    return sum(jnp.sum(jnp.square(layer(call).apply(kernel, x)))
               for call, kernel, x in zip(calls, kernels, inputs, strict=True))

  with jax.default_matmul_precision('tensorfloat32'):
    return _seconds(jax.jit(jax.grad(total, argnums=(0, 1))), kernels, inputs)


def _torch_convolutions(torch: Any, calls: list[Convolution], batch: int
                        ) -> float:
  """Returns the seconds of the same convolutions in PyTorch, TF32 allowed."""
  place = 'cuda' if torch.cuda.is_available() else 'cpu'
  torch.backends.cuda.matmul.allow_tf32 = True
  torch.backends.cudnn.allow_tf32 = True
  torch.backends.cudnn.benchmark = True
  layers, inputs = [], []
  for call in calls:
    options = dict(stride=call.strides, padding=_padding(call), bias=False)
    if call.transposed:
      layer = torch.nn.ConvTranspose2d(call.inputs, call.outputs, call.kernel,
                                       **options)
    else:
      layer = torch.nn.Conv2d(call.inputs, call.outputs, call.kernel,
                              dilation=call.dilation, groups=call.groups,
                              **options)
    layers.append(layer.to(place, memory_format=torch.channels_last))
    inputs.append(torch.ones(
        batch, call.inputs, *call.size, device=place, requires_grad=True
    ).contiguous(memory_format=torch.channels_last).detach().requires_grad_())

  def run() -> None:
    for layer, x in zip(layers, inputs, strict=True):
      layer(x).square().sum().backward()
    if place == 'cuda':
      torch.cuda.synchronize()

  return _seconds(lambda: run() or ())


def _padding(call: Convolution) -> tuple[int, int]:
  """Returns padding that keeps the size, or divides it by the stride."""
  return tuple(  # type: ignore[return-value]
      ((k - 1) * d) // 2 for k, d in zip(call.kernel, call.dilation,
                                         strict=True))


def _torch() -> Any:
  with contextlib.suppress(ImportError):
    import torch
    return torch
  return None


def table(report: dict[str, Any]) -> str:
  """Returns the report as Markdown."""
  return '\n'.join([*_heading(report), '', *_training_rows(report), '',
                    *_inference_rows(report), '', *_torch_rows(report), ''])


def _heading(report: dict[str, Any]) -> Iterator[str]:
  yield f'# {report["device"]}'
  yield ''
  reached = report['peaks']
  yield (f'jax {report["jax"]}. This device copies {reached["copy"]:.0f} GB/s '
         'and multiplies large matrices at ' + ', '.join(
             f'{reached[name] / 1e12:.2f} TFLOP/s ({name})'
             for name in ARITHMETICS) + '.')
  for line in report['left_out']:
    yield f'Left out: {line}.'


def _training_rows(report: dict[str, Any]) -> Iterator[str]:
  yield ('| training step | batch | arithmetic | compile s | step s | images/s '
         '| TFLOP | share of peak | memory GB |')
  yield '|---|---:|---|---:|---:|---:|---:|---:|---:|'
  for system, figures in report['systems'].items():
    for name, step in figures['steps'].items():
      yield (f'| `{system}` | {figures["batch"]} | {name} '
             f'| {step["compile_seconds"]:.1f} | {step["step_seconds"]:.4g} '
             f'| {step["images_per_second"]:.4g} '
             f'| {step["operations"] / 1e12:.3g} '
             f'| {100 * step["share_of_peak"]:.0f} % '
             f'| {step["memory_bytes"] / 1e9:.2f} |')


def _inference_rows(report: dict[str, Any]) -> Iterator[str]:
  yield '| inference, bfloat16 | batch | s | images/s | memory GB |'
  yield '|---|---:|---:|---:|---:|'
  for system, figures in report['systems'].items():
    for count, prediction in figures['inference'].items():
      yield (f'| `{system}` | {count} | {prediction["seconds"]:.4g} '
             f'| {prediction["images_per_second"]:.4g} '
             f'| {prediction["memory_bytes"] / 1e9:.2f} |')


def _torch_rows(report: dict[str, Any]) -> Iterator[str]:
  rows = {system: figures['convolutions']
          for system, figures in report['systems'].items()
          if 'convolutions' in figures}
  if not rows:
    yield 'PyTorch is not installed: nothing is compared with it.'
    return
  version = next(iter(rows.values()))['torch']
  yield (f'| the convolutions of a prediction, forwards and backwards, TF32 '
         f'| calls | jax s | PyTorch {version} s | jax / PyTorch |')
  yield '|---|---:|---:|---:|---:|'
  for system, row in rows.items():
    ratio = row['jax_seconds'] / row['torch_seconds']
    yield (f'| `{system}` | {row["calls"]} | {row["jax_seconds"]:.4g} '
           f'| {row["torch_seconds"]:.4g} | {ratio:.2f} |')


if __name__ == '__main__':
  main()
