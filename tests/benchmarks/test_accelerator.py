"""The program for the day a GPU is at hand runs, and knows the configs."""

import importlib
import json
from pathlib import Path
import subprocess
import sys

import jax
import pytest

from benchmarks import accelerator
from jinpaint import systems

ROOT = Path(__file__).parents[2]


def test_sizes_and_batches_are_those_of_the_configs():
  assert set(accelerator.PUBLISHED) == set(accelerator.SMALL)
  assert set(accelerator.PUBLISHED) <= set(systems.NAMES)
  for system, numbers in accelerator.PUBLISHED.items():
    module = importlib.import_module(f'jinpaint.configs.{system}')
    last = systems.stages(system)[-1]
    variant = {'gated': 'places2', 'isnet': 'places2', 'lama': 'fourier',
               'pconv_lines': 'flowers102'}.get(system, last)
    config = module.get_config(variant)
    assert config.stage == last
    assert (config.data.size, config.batch_size) == numbers


def test_convolutions_of_a_stage_are_those_of_its_networks():
  stage = systems.stage('pconv_lines', 'inpaint', widths=(4, 8),
                        adversarial=0.0, pretrained=False)
  calls = accelerator.convolutions(stage, 32)
  kernels = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(
      jax.eval_shape(stage.networks['generator'].init, jax.random.key(0),
                     *(jax.ShapeDtypeStruct((1, 32, 32, n), 'float32')
                       for n in (3, 1)))['params'])
             if path[-1].key == 'kernel']
  assert sorted((*call.kernel, call.inputs, call.outputs) for call in calls
                ) == sorted(kernel.shape for kernel in kernels)


@pytest.mark.slow
def test_a_small_run_writes_both_tables(tmp_path):
  subprocess.run(
      [sys.executable, 'benchmarks/accelerator.py', f'--output={tmp_path}',
       '--small', '--systems', 'pconv_lines', '--minutes', '5'],
      check=True, cwd=ROOT, capture_output=True)
  report = json.loads((tmp_path / 'accelerator_cpu.json').read_text())
  assert not report['left_out']
  figures = report['systems']['pconv_lines']
  assert set(figures['steps']) == {'float32', 'TF32', 'bfloat16'}
  assert set(figures['inference']) == {'1', '16'}
  for step in figures['steps'].values():
    assert min(step.values()) > 0
  text = (tmp_path / 'accelerator_cpu.md').read_text()
  assert text.count('| `pconv_lines` |') >= 5
