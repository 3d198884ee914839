"""Imports point downwards, and only the data pipeline needs TensorFlow."""

import ast
import graphlib
from pathlib import Path
import subprocess
import sys

import pytest

from jinpaint import systems

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'jinpaint'

# Room -> the rooms that it may import. A room is a sub-package or a module of
# `jinpaint`; of `training`, the step and the optimiser lie below the runs that
# save them, and the loop lies above. Everybody may import the leaves, which
# import no other room.
LEAVES = {'types', 'errors', 'devices'}
ROOMS = {
    '__init__': {'xla_flags'}, 'xla_flags': set(), '__main__': {'commands'},
    'types': set(), 'errors': set(), 'devices': set(), 'configs': set(),
    'images': set(), 'losses': set(), 'layers': set(), 'nets': set(),
    'networks': {'layers'},
    'stage': {'images', 'nets'},
    'systems': {'images', 'layers', 'losses', 'nets', 'networks', 'stage'},
    'data': {'images'},
    'guidance': {'data', 'images', 'nets', 'networks'},
    'training.__init__': {'training.step'},
    'training.step': {'nets', 'stage'},
    'training.optimizer': set(),
    'training.progress': set(),
    'training.stopping': set(),
    'converters': {'data', 'networks'},
    'runs': {'converters', 'data', 'guidance', 'nets', 'networks', 'stage',
             'systems', 'training', 'training.optimizer', 'training.step'},
    'evaluation': {'converters', 'data', 'guidance', 'images', 'nets',
                   'networks', 'runs', 'stage'},
    'inference': {'converters', 'data', 'guidance', 'images', 'layers', 'nets',
                  'runs', 'stage'},
    'training.loop': {'converters', 'data', 'evaluation', 'runs', 'stage',
                      'training', 'training.optimizer', 'training.progress',
                      'training.stopping'},
    'report': {'__init__', 'data'},
    'app': {'__init__', 'configs', 'converters', 'data', 'evaluation',
            'inference', 'losses', 'nets', 'networks', 'report', 'runs',
            'stage', 'systems', 'training.loop', 'training.optimizer'},
    'commands': {'app', 'converters', 'data', 'guidance', 'inference',
                 'networks', 'report', 'runs', 'systems'},
}
# Files of more than 400 lines, and why.
LONG = {}
MODULES = sorted(PACKAGE.rglob('*.py'))


def imported(path):
  """Yields the absolute names of the modules that a file imports."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path}: relative import'
      yield from (f'{node.module}.{alias.name}' for alias in node.names)


def room(name):
  """Returns the room of a module, named with dots below `jinpaint`."""
  first, _, rest = name.partition('.')
  fine = f'{first}.{rest.partition(".")[0]}'
  return fine if fine in ROOMS else first


def dotted(path):
  return '.'.join(path.relative_to(PACKAGE).with_suffix('').parts)


def imports_of(path):
  """Yields the modules of `jinpaint` that a file imports, dotted below it."""
  known = {dotted(module) for module in MODULES}
  for name in imported(path):
    first, *rest = name.split('.')
    if first != 'jinpaint':
      continue
    for length in range(len(rest), 0, -1):
      module = '.'.join(rest[:length])
      if module in known:
        yield module
        break
      if f'{module}.__init__' in known:
        yield f'{module}.__init__'
        break


@pytest.mark.parametrize('path', MODULES,
                         ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_the_rooms_below_it(path):
  own = room(dotted(path))
  allowed = set() if own in LEAVES else ROOMS[own] | LEAVES | {own}
  for module in imports_of(path):
    other = room(module)
    assert other in allowed or module == f'{own}.__init__' or (
        other == 'training.__init__' and 'training' in allowed), (
            f'{path.name} imports {module}')


def test_no_module_imports_itself_by_way_of_others():
  graph = {dotted(path): set(imports_of(path)) for path in MODULES}
  graphlib.TopologicalSorter(graph).prepare()  # raises CycleError


def test_no_file_is_longer_than_a_reader_can_hold():
  long = {dotted(path): path.read_text().count('\n') for path in MODULES}
  assert {name for name, lines in long.items() if lines > 400} == LONG.keys()


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


def test_configs_import_only_what_holds_the_defaults():
  known = {'jinpaint.systems', 'jinpaint.data.examples.Data',
           'jinpaint.training.optimizer.Adam'}
  for path in (ROOT / 'configs').glob('*.py'):
    for name in imported(path):
      assert (not name.startswith('jinpaint.') or name in known
              or name.startswith('jinpaint.configs.')), f'{path}: {name}'


def test_importing_jinpaint_is_light():
  code = ("import sys, jinpaint; heavy = {'tensorflow', 'jax', 'flax', 'cv2'}"
          "; assert not heavy & sys.modules.keys()")
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)


def test_inference_and_conversion_need_no_tensorflow():
  code = ("import sys, jinpaint.inference, jinpaint.converters; "
          "import jinpaint.commands.cli; jinpaint.create('pconv_lines'); "
          "assert 'tensorflow' not in sys.modules")
  subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
