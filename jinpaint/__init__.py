"""Image inpainting in JAX: published systems, exact and readable.

`load` opens a trained run, `create` makes a network by name, `from_torch`
converts its published weights. They are imported when they are asked for:
`import jinpaint` is quick and imports nothing heavy. It sets one XLA flag, see
`jinpaint.xla_flags`.
"""

import importlib
from typing import Any

from jinpaint import xla_flags

__version__ = '0.1.0'
__all__ = ['create', 'from_torch', 'load']

_HOMES = {'create': 'jinpaint.networks',
          'from_torch': 'jinpaint.converters',
          'load': 'jinpaint.inference.public'}


def __getattr__(name: str) -> Any:
  if name not in _HOMES:
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
  return getattr(importlib.import_module(_HOMES[name]), name)


xla_flags.turn_off_ynnpack()
