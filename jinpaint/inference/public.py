"""`jinpaint.load`: a run, a packed run or an exported file, ready to fill."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import jax

from jinpaint.errors import UsageError
from jinpaint.inference.exported import Exported
from jinpaint.inference.exported_file import is_exported

if TYPE_CHECKING:
  from jinpaint.inference.inpainter import Inpainter


def load(path: str | Path | None = None, checkpoint: str = 'last', *,
         edge: str = '', strategy: str = 'auto', memory: int | None = None,
         devices: Sequence[jax.Device] | None = None
         ) -> 'Inpainter | Exported':
  """Returns a trained system, which fills pictures when it is called.

  >>> inpaint = jinpaint.load('mine.jinpaint')  # doctest: +SKIP
  >>> filled = inpaint(image, mask)  # doctest: +SKIP

  Args:
    path: what `jinpaint.inference.load` takes; or a file that `jinpaint export`
      wrote, for which no package but jax and NumPy is needed, and of which
      `strategy` alone is read: see `jinpaint.inference.exported.Exported`.
    checkpoint: see `jinpaint.inference.load`, as the rest.
    edge: see there.
    strategy: see there.
    memory: see there.
    devices: see there.

  Raises:
    UsageError: as there; or a file was exported, and something is asked for
      that was decided by that.
  """
  if path is not None and is_exported(Path(path)):
    if (checkpoint, edge, memory, devices) != ('last', '', None, None):
      raise UsageError(f'{path} was exported: checkpoint and edges are what '
                       'they were then, and memory and devices JAX\'s own')
    return Exported(Path(path), strategy)
  from jinpaint import inference  # imported here: it needs much more
  return inference.load(path, checkpoint, edge=edge, strategy=strategy,
                        memory=memory, devices=devices)
