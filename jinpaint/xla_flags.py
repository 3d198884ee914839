"""Turns YNNPACK off in XLA, before jax reads the environment.

Since jaxlib 0.10.2, XLA hands convolutions, matrix products and sums of float32
on CPUs to the library YNNPACK. In jaxlib 0.10.2 some of these sums are wrong
(https://github.com/jax-ml/jax/issues/39103: 1071645696 in place of 1073741824),
and in 0.10.2 as in later versions many of the convolutions are slower than
XLA's own, up to seven times.

XLA reads the variable XLA_FLAGS once, when jax makes its first array or lists
its devices. So whoever imports jinpaint after that must set the flag himself:
`XLA_FLAGS=--xla_cpu_experimental_ynn_fusion_type= python ...`.
"""

import importlib.util
import mmap
import os
from pathlib import Path

# It lists what YNNPACK is handed; nothing, if it is empty.
_FLAG = 'xla_cpu_experimental_ynn_fusion_type'


def turn_off_ynnpack() -> None:
  """Adds the flag to XLA_FLAGS, where jaxlib knows it and the user lets us.

  The variable stays as it is if the user has set that flag, or names a file of
  flags, which is XLA's reading of a value that does not start with a hyphen.
  """
  flags = os.environ.get('XLA_FLAGS', '').strip()
  names_a_file = flags and not flags.startswith('-')
  if _FLAG in flags or names_a_file or not _jaxlib_knows(_FLAG):
    return
  os.environ['XLA_FLAGS'] = f'{flags} --{_FLAG}='.lstrip()


def _jaxlib_knows(flag: str) -> bool:
  """Returns whether jaxlib's library has a flag of this name.

  XLA ends the process for a flag that it does not know, and which versions know
  an experimental one cannot be foretold. So its name is looked for in the
  library's file, without importing jaxlib. That takes 15 ms where it is there,
  half a second where it is not. XLA's libraries for other devices are released
  with jaxlib and have the same flags.
  """
  jaxlib = importlib.util.find_spec('jaxlib')
  if jaxlib is None or jaxlib.origin is None:
    return False
  # libjax_common.so on Linux, .dylib on macOS, jax_common.dll on Windows.
  for library in Path(jaxlib.origin).parent.glob('*jax_common.*'):
    with (library.open('rb') as file,
          mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content):
      if content.find(flag.encode()) >= 0:
        return True
  return False
