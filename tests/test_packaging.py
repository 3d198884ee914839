"""What is installed is whole: every module, every config, the types' marker."""

from pathlib import Path
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(path.stem for path in (ROOT / 'configs').glob('*.py')
                 if path.stem not in ('__init__', 'common'))


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
  """A wheel of this checkout, built from a copy: building writes there."""
  place = tmp_path_factory.mktemp('wheel')
  copy = place / 'checkout'
  for folder in ('jinpaint', 'configs'):
    shutil.copytree(ROOT / folder, copy / folder,
                    ignore=shutil.ignore_patterns('__pycache__'))
  for name in ('setup.py', 'setup.cfg', 'pyproject.toml', 'README.md',
               'LICENSE'):
    shutil.copy(ROOT / name, copy)
  code = 'import sys, setuptools.build_meta as b; b.build_wheel(sys.argv[1])'
  subprocess.run([sys.executable, '-c', code, place], cwd=copy, check=True,
                 capture_output=True)
  [path] = place.glob('*.whl')
  return path


def test_a_wheel_holds_every_module_the_marker_of_types_and_the_model(wheel):
  wanted = {f'jinpaint/{path.relative_to(ROOT / "jinpaint").as_posix()}'
            for path in (ROOT / 'jinpaint').rglob('*.py')}
  wanted |= {f'jinpaint/configs/{path.name}'
             for path in (ROOT / 'configs').glob('*.py')}
  wanted |= {path.relative_to(ROOT).as_posix() for folder in (
      'report/templates', 'app/templates', 'app/static')
             for path in (ROOT / 'jinpaint' / folder).rglob('*')
             if path.is_file()}
  with zipfile.ZipFile(wheel) as archive:
    held = {name for name in archive.namelist() if '.dist-info/' not in name}
  assert held == wanted | {'jinpaint/py.typed', 'jinpaint/models/scratches.npz'}


@pytest.mark.parametrize('origin', ['wheel', 'checkout'])
def test_every_config_can_be_imported_from_anywhere(
    origin, request, tmp_path):
  place = ROOT
  if origin == 'wheel':
    place = tmp_path / 'installed'
    zipfile.ZipFile(request.getfixturevalue('wheel')).extractall(place)
  code = ('import importlib, sys\n'
          'sys.path.insert(0, sys.argv.pop(1))\n'
          'for name in sys.argv[1:]:\n'
          '  module = importlib.import_module(f"jinpaint.configs.{name}")\n'
          '  assert module.get_config().system\n'
          'print(module.__file__)')
  done = subprocess.run(
      [sys.executable, '-c', code, place, *CONFIGS], cwd=tmp_path, check=True,
      text=True, capture_output=True)
  folder = 'jinpaint/configs' if origin == 'wheel' else 'configs'
  assert Path(done.stdout.strip()).parent == place / folder
