"""Tests run on four simulated CPU devices with strict type promotion."""

import os
import shutil
import subprocess
import sys
import tempfile

_COMPILED = f'{tempfile.gettempdir()}/jinpaint-compiled-{os.getpid()}'

os.environ['JAX_PLATFORMS'] = 'cpu'
os.environ['XLA_FLAGS'] = (
    os.environ.get('XLA_FLAGS', '')
    + ' --xla_force_host_platform_device_count=4')
os.environ['CUDA_VISIBLE_DEVICES'] = ''


def _compile_faster():
  """Has programs compiled in a third of the time.

  By XLA's older code generator, each in one piece: two processes that run tests
  have no use for more threads. A jaxlib that no longer knows these flags would
  end the process: another one asks.
  """
  flags = (os.environ['XLA_FLAGS'] + ' --xla_cpu_use_fusion_emitters=false'
           + ' --xla_cpu_parallel_codegen_split_count=1')
  if subprocess.run(
      [sys.executable, '-c', 'import jax; jax.devices()'], check=False,
      env={**os.environ, 'XLA_FLAGS': flags}, capture_output=True
  ).returncode == 0:
    os.environ['XLA_FLAGS'] = flags


if 'PYTEST_XDIST_WORKER' not in os.environ:  # whose environment is ours
  _compile_faster()
# What one test has compiled, no other one does: not here, not in the session's
# other processes, not in a program that a test starts.
os.environ.setdefault('JAX_COMPILATION_CACHE_DIR', _COMPILED)
os.environ.setdefault('JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS', '0.5')

import jax  # noqa: E402, after the variables that it reads

jax.config.update('jax_numpy_dtype_promotion', 'strict')
# Tests compile more than they run.
jax.config.update('jax_disable_most_optimizations', True)


# The files that take longest, a minute or two each: they come first, so that no
# process is left with one of them at the end.
_LONG = ('test_loop', 'test_pconv_lines', 'test_golden')


def pytest_collection_modifyitems(items):
  items.sort(key=lambda item: item.path.stem not in _LONG)


def pytest_unconfigure():
  shutil.rmtree(_COMPILED, ignore_errors=True)
