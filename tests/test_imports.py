"""Imports point downwards, and only the data pipeline needs TensorFlow."""

import ast
from pathlib import Path
import subprocess
import sys

import pytest

from jinpaint import systems

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'jinpaint'

# Room -> the rooms that it may import. A room is a sub-package or a module;
# everybody may import types, errors and devices, which import no other room.
LEAVES = {'types', 'errors', 'devices'}
ROOMS = {
    '__init__': set(),
    'types': set(), 'errors': set(), 'devices': set(),
    'images': set(), 'losses': set(), 'metrics': {'images'},
    'layers': set(),
    'networks': {'layers'},
    'stage': set(),
    'objectives': {'stage', 'losses', 'networks'},
    'systems': {'stage', 'losses', 'images', 'networks', 'objectives'},
    'data': {'images'},
    'baselines': set(),
    'training': {'stage'},
    'converters': {'networks', 'data'},
    'checkpoints': {'training'},
    'detectors': {'data', 'images', 'networks'},
    'runs': {'detectors', 'systems', 'stage', 'data'},
    'adoption': {'checkpoints', 'converters', 'data', 'networks', 'runs',
                 'systems', 'training'},
    'scores': {'detectors', 'metrics', 'stage'},
    'literature': set(),
    'reports': {'literature', 'metrics', 'scores', 'data'},
    'progress': set(),
    'inference': {'checkpoints', 'converters', 'data', 'detectors', 'images',
                  'runs', 'stage'},
    'evaluation': {'baselines', 'literature', 'reports', 'runs', 'scores',
                   'checkpoints', 'converters', 'data', 'stage'},
    'loop': {'detectors', 'evaluation', 'reports', 'runs', 'training',
             'checkpoints', 'converters', 'data', 'progress'},
    'program': set(),
    'cli': {'adoption', 'converters', 'data', 'detectors', 'inference',
            'networks', 'systems'},
}
MODULES = sorted(PACKAGE.rglob('*.py'))


def imported(path):
  """Yields the absolute names of the modules that a file imports."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path}: relative import'
      yield from (f'{node.module}.{alias.name}' for alias in node.names)


def room(path):
  parts = path.relative_to(PACKAGE).with_suffix('').parts
  return parts[0]


@pytest.mark.parametrize('path', MODULES,
                         ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_the_rooms_below_it(path):
  allowed = ROOMS[room(path)] | LEAVES | {room(path)}
  if room(path) in LEAVES:
    allowed = set()
  for name in imported(path):
    first, *rest = name.split('.')
    if first == 'jinpaint' and rest and (PACKAGE / rest[0]).with_suffix(
        '.py').exists() | (PACKAGE / rest[0]).is_dir():
      assert rest[0] in allowed, f'{path.name} imports {name}'


def test_systems_do_not_import_each_other():
  names = set(systems.NAMES)
  for path in (PACKAGE / 'systems').glob('*.py'):
    for name in imported(path):
      assert not (name.startswith('jinpaint.systems')
                  and set(name.split('.')[2:]) & names), f'{path}: {name}'


def test_only_the_pipeline_imports_tensorflow():
  heavy = ('tensorflow', 'tensorflow_datasets')
  found = {path.relative_to(PACKAGE).as_posix() for path in MODULES
           if any(name.split('.')[0] in heavy for name in imported(path))}
  assert found == {'data/pipeline.py'}


def test_only_the_devices_say_pmap():
  found = {path.name for path in MODULES if 'pmap(' in path.read_text()}
  assert found == {'devices.py'}


def test_configs_import_no_jinpaint_code():
  for path in (ROOT / 'configs').glob('*.py'):
    assert not [n for n in imported(path) if n.startswith('jinpaint')]


def test_importing_jinpaint_is_light():
  code = ("import sys, jinpaint; heavy = {'tensorflow', 'jax', 'flax', 'cv2'}"
          "; assert not heavy & sys.modules.keys()")
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)


def test_inference_and_conversion_need_no_tensorflow():
  code = ("import sys, jinpaint.inference, jinpaint.converters, jinpaint.cli; "
          "jinpaint.create('pconv_lines'); "
          "assert 'tensorflow' not in sys.modules")
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
