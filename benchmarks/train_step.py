"""Times whole training steps beside the published code's, on the CPU.

  python benchmarks/train_step.py --reference=PATH --torch-python=PATH

`--reference` is a checkout of EdgeConnect (github.com/knazeri/edge-connect),
whose own networks, losses and optimisers are imported and stepped. JAX runs in
this interpreter, PyTorch in a process of its own under `--torch-python`
(default: this interpreter). The two take turns, so that what else the machine
does meets both; each time is the median of all turns. VGG-19 has random weights
on either side. Prints a Markdown table.
"""

import argparse
from collections.abc import Callable
import json
import os
from pathlib import Path
import statistics
import subprocess
import sys
import time
import types
from typing import Any

from machine import processor

STAGES = ('inpaint', 'edge')
# EdgeConnect's config.yml.example.
PUBLISHED = {
    'LR': 1e-4, 'D2G_LR': 0.1, 'BETA1': 0.0, 'BETA2': 0.9,
    'FM_LOSS_WEIGHT': 10, 'L1_LOSS_WEIGHT': 1, 'STYLE_LOSS_WEIGHT': 250,
    'CONTENT_LOSS_WEIGHT': 0.1, 'INPAINT_ADV_LOSS_WEIGHT': 0.1,
    'GAN_LOSS': 'nsgan', 'GPU': [0], 'PATH': '.'}


def jax_step(stage: str, batch: int, size: int) -> Callable[[], None]:
  """Returns the function that makes one step of ours."""
  import jax
  import numpy as np
  import optax

  from jinpaint import systems, training

  made = systems.stage('edgeconnect', stage)
  optimizers = {
      name: optax.adam(PUBLISHED['LR'] * (
          1 if name.endswith('generator') else PUBLISHED['D2G_LR']),
                       PUBLISHED['BETA1'], PUBLISHED['BETA2'])
      for name in made.trained}
  rng = np.random.default_rng(0)
  mask = np.zeros((batch, size, size, 1), np.float32)
  mask[:, size // 4:3 * size // 4, size // 4:3 * size // 4] = 1
  inputs = {'image': rng.random((batch, size, size, 3), np.float32),
            'true_edge': (rng.random(mask.shape) > 0.9).astype(np.float32),
            'mask': mask}
  inputs['known_edge'] = inputs['true_edge'] * (1 - mask)
  published = {name: net.init(jax.random.key(0), inputs['image'])
               for name, net in made.published.items()}
  state = training.init(0, made, optimizers, inputs)
  step = jax.jit(training.make_step(made, optimizers), donate_argnums=0)

  def run():
    nonlocal state
    state, logs = step(state, published, inputs)
    jax.block_until_ready((state, logs))
  return run


def torch_step(reference: str, stage: str, batch: int, size: int
               ) -> Callable[[], None]:
  """Returns the function that makes one step of the published code."""
  import torch

  sys.modules.setdefault('torchvision', types.ModuleType('torchvision'))
  sys.modules['torchvision.models'] = sys.modules['torchvision'].models = (
      types.SimpleNamespace(vgg19=_vgg19))
  sys.path.insert(0, reference)
  from src import models

  config = types.SimpleNamespace(**PUBLISHED)
  model = {'edge': models.EdgeModel, 'inpaint': models.InpaintingModel}[stage](
      config)
  torch.manual_seed(0)
  channels = 1 if stage == 'edge' else 3
  image = torch.rand(batch, channels, size, size)
  edge = (torch.rand(batch, 1, size, size) > 0.9).float()
  mask = torch.zeros(batch, 1, size, size)
  mask[:, :, size // 4:3 * size // 4, size // 4:3 * size // 4] = 1

  def run():
    _, generator_loss, discriminator_loss, _ = model.process(image, edge, mask)
    # Its own `backward` steps in between, which PyTorch 1.5 and later refuse.
    discriminator_loss.backward()
    generator_loss.backward()
    model.dis_optimizer.step()
    model.gen_optimizer.step()
  return run


def _vgg19(pretrained: bool = False) -> Any:
  """Returns torchvision's VGG-19, which may not be there, untrained."""
  from torch import nn
  del pretrained
  layers, read = [], 3
  for width, depth in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
    for _ in range(depth):
      layers += [nn.Conv2d(read, width, 3, padding=1), nn.ReLU(inplace=True)]
      read = width
    layers.append(nn.MaxPool2d(2, 2))
  return types.SimpleNamespace(features=nn.Sequential(*layers))


def turn(run: Callable[[], None]) -> float:
  """Returns the seconds of one call, after one that is not timed.

  Training makes one step after another: what the other program has pushed out
  of memory and caches is none of its time.
  """
  run()
  start = time.perf_counter()
  run()
  return time.perf_counter() - start


def serve_torch(reference: str, batch: int, size: int) -> None:
  """Answers each line, a stage's name, with the seconds of one turn."""
  import torch

  print(torch.__version__, flush=True)
  made = {}
  for line in sys.stdin:
    stage = json.loads(line)
    if stage not in made:
      made[stage] = torch_step(reference, stage, batch, size)
    print(turn(made[stage]), flush=True)


def main() -> None:
  """Prints the table."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
  parser.add_argument('--reference', required=True,
                      help='a checkout of EdgeConnect')
  parser.add_argument('--torch-python', default=sys.executable,
                      help='the interpreter that has PyTorch')
  parser.add_argument('--rounds', type=int, default=7)
  parser.add_argument('--batch', type=int, default=2)
  parser.add_argument('--size', type=int, default=256)
  parser.add_argument('--stages', nargs='+', default=STAGES, choices=STAGES)
  parser.add_argument('--serve', action='store_true', help=argparse.SUPPRESS)
  options = parser.parse_args()
  if options.serve:
    serve_torch(options.reference, options.batch, options.size)
    return
  if not (Path(options.reference) / 'src' / 'models.py').is_file():
    parser.error(f'{options.reference} is no checkout of EdgeConnect')

  os.environ['JAX_PLATFORMS'] = 'cpu'
  sys.path.insert(0, str(Path(__file__).parents[1]))
  import jax

  with subprocess.Popen(
      [options.torch_python, __file__, '--serve',
       f'--reference={options.reference}', f'--batch={options.batch}',
       f'--size={options.size}'], text=True,
      stdin=subprocess.PIPE, stdout=subprocess.PIPE) as torch:
    version = torch.stdout.readline().strip()
    if not version:
      parser.error(f'{options.torch_python} has no PyTorch')

    def torch_turn(stage):
      torch.stdin.write(json.dumps(stage) + '\n')
      torch.stdin.flush()
      return float(torch.stdout.readline())

    times = {}
    for stage in options.stages:
      ours = jax_step(stage, options.batch, options.size)
      ours()  # compiles
      times[stage] = [(turn(ours), torch_turn(stage))
                      for _ in range(options.rounds)]
    torch.stdin.close()

  print(f'jax {jax.__version__}, PyTorch {version}; {processor()}, '
        f'{len(os.sched_getaffinity(0))} cores; float32, batch '
        f'{options.batch}, {options.size} x {options.size} px. Seconds a step, '
        f'medians of {options.rounds} turns.\n')
  print('| EdgeConnect, stage | jinpaint | published, PyTorch | jinpaint / '
        'PyTorch |')
  print('|---|---:|---:|---:|')
  for stage, turns in times.items():
    ours, torchs = map(statistics.median, zip(*turns, strict=True))
    print(f'| `{stage}` | {ours:.2f} | {torchs:.2f} | {ours / torchs:.2f} |')


if __name__ == '__main__':
  main()
