"""Compiled programs are kept for later processes, if they can be."""

import os
from pathlib import Path
import subprocess
import sys

CODE = '''
import jax
from jinpaint import devices
devices.keep_programs(*FOLDER)
jax.jit(lambda x: x * 3 + 1)(2.0)
print(jax.config.jax_compilation_cache_dir)
'''


def run(folder='', **variables):
  """Compiles something in a new process; returns its outputs."""
  unset = {key: value for key, value in os.environ.items()
           if not key.startswith('JAX_')}
  done = subprocess.run(
      [sys.executable, '-c', f'from pathlib import Path\nFOLDER = [{folder}]'
       + CODE], check=True, capture_output=True, text=True,
      cwd=Path(__file__).parents[1],
      env={**unset, 'JAX_PLATFORMS': 'cpu', **variables})
  return done.stdout.strip(), done.stderr


def test_programs_are_kept_in_the_cache_unless_the_user_names_a_folder(
    tmp_path):
  _, said = run(JINPAINT_CACHE=str(tmp_path / 'cache'))
  assert said == ''
  assert list((tmp_path / 'cache' / 'programs').glob('*-cache'))
  mine = str(tmp_path / 'mine')
  used, _ = run(JINPAINT_CACHE=str(tmp_path / 'none'),
                JAX_COMPILATION_CACHE_DIR=mine)
  assert used == mine
  assert not (tmp_path / 'none').exists()


def test_a_folder_that_cannot_be_written_to_is_one_line(tmp_path):
  (tmp_path / 'file').touch()
  used, said = run(f'Path({str(tmp_path / "file")!r}, "programs")')
  assert used == 'None'
  assert 'compiled programs are not kept' in said
  assert 'Not a directory' in said
