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
    '__init__': {'xla_flags'}, 'xla_flags': set(),
    'types': set(), 'errors': set(), 'devices': set(),
    'images': set(), 'losses': set(),
    'layers': set(),
    'networks': {'layers'},
    'stage': set(),
    'systems': {'stage', 'losses', 'images', 'networks'},
    'data': {'images'},
    'guidance': {'data', 'images', 'networks'},
    'converters': {'networks', 'data'},
    # Both: `runs` saves what `training.step` makes, `training.loop` saves runs.
    'runs': {'converters', 'data', 'guidance', 'networks', 'stage', 'systems',
             'training'},
    'training': {'converters', 'data', 'evaluation', 'guidance', 'runs',
                 'stage'},
    'evaluation': {'converters', 'data', 'guidance', 'images', 'runs', 'stage'},
    'inference': {'converters', 'data', 'guidance', 'images', 'runs', 'stage'},
    'commands': {'converters', 'data', 'guidance', 'inference', 'networks',
                 'runs', 'systems'},
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
  code = ("import sys, jinpaint.inference, jinpaint.converters; "
          "import jinpaint.commands.cli; jinpaint.create('pconv_lines'); "
          "assert 'tensorflow' not in sys.modules")
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
