"""Tests run on four simulated CPU devices with strict type promotion."""

import gc
import os
import shutil
import tempfile

from jinpaint import xla_flags

# These compile a program in less than half of the time. The first is XLA's
# older code generator, which jaxlib 0.12 no longer has. By the second each
# program is compiled in one piece: two processes that run tests have no use for
# more threads.
_COMPILE_FASTER = ('xla_cpu_use_fusion_emitters=false',
                   'xla_cpu_parallel_codegen_split_count=1')
# What one test has compiled, no other one does: not here, not in the session's
# other processes, not in a program that a test starts, nor in another session
# that is given the same folder.
_COMPILED = f'{tempfile.gettempdir()}/jinpaint-compiled-{os.getpid()}'

if 'PYTEST_XDIST_WORKER' not in os.environ:  # whose environment is ours
  os.environ['JAX_PLATFORMS'] = 'cpu'
  os.environ['CUDA_VISIBLE_DEVICES'] = ''
  os.environ['XLA_FLAGS'] = ' '.join([
      os.environ.get('XLA_FLAGS', ''),
      '--xla_force_host_platform_device_count=4',
      *(f'--{flag}' for flag in _COMPILE_FASTER
        if xla_flags.jaxlib_knows(flag.split('=')[0]))])
  # Tests compile more than they run.
  os.environ['JAX_DISABLE_MOST_OPTIMIZATIONS'] = '1'
  os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', _COMPILED)
  os.environ['JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS'] = '0'

import jax  # noqa: E402, after the variables that it reads
import pytest  # noqa: E402

jax.config.update('jax_numpy_dtype_promotion', 'strict')


# The files that take longest, the longest first, so that no process is left
# with one of them at the end.
_LONG = ('test_sketchrefiner_runs', 'test_edge_runs', 'test_cfs_runs',
         'test_train_page', 'test_trainings', 'test_cfs', 'test_lama',
         'test_sketchrefiner', 'test_stages', 'test_export', 'test_loop',
         'test_golden')


def pytest_collection_modifyitems(items):
  for item in items:
    # What a file has made for one of its tests serves the others, so that one
    # process runs them all; unless the file knows better.
    if not item.get_closest_marker('xdist_group'):
      item.add_marker(pytest.mark.xdist_group(item.path.stem))
  # What a group has made need not be kept for long.
  group = lambda item: item.get_closest_marker('xdist_group').args[0]
  place = lambda stem: _LONG.index(stem) if stem in _LONG else len(_LONG)
  items.sort(key=lambda item: (
      place(item.path.stem), item.path, group(item)))


def pytest_collection_finish():
  # What is imported by now stays to the end, and need not be looked through
  # again and again while networks are traced, which makes many small objects.
  gc.collect()
  gc.freeze()
  gc.set_threshold(100_000, 20, 20)


def pytest_unconfigure():
  shutil.rmtree(_COMPILED, ignore_errors=True)
