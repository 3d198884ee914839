"""`jinpaint.load`: a run, a packed run or an exported file, ready to fill.

What reads exported files needs no package but jax and NumPy; all else is
imported when it is asked for.
"""

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

  Args:
    path: what `open_inpainter` takes; or a file that `jinpaint export` wrote,
      of which only `strategy` can be chosen now: see
      `jinpaint.inference.exported.Exported`.
    checkpoint: see `open_inpainter`, as the rest.
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
  return open_inpainter(path, checkpoint, edge=edge, strategy=strategy,
                        memory=memory, devices=devices)


def open_inpainter(path: str | Path | None = None, checkpoint: str = 'last', *,
                   edge: str = '', strategy: str = 'auto',
                   memory: int | None = None,
                   devices: Sequence[jax.Device] | None = None) -> 'Inpainter':
  """Returns a trained system that was not exported.

  Args:
    path: the work directory of a run, or a file that `jinpaint pack` wrote;
      None for the model that comes with jinpaint, which mends thin damage:
      scratches, wires, text (docs/models/scratches.md).
    checkpoint: 'last', 'best' or a step, of a run.
    edge: where edges come from, such as 'canny:sigma=2', 'hed' or 'files:PATH';
      empty for the run's own `data.edge`. With files, each call must be given
      the image's `edge_map`; without, each may be.
    strategy: how large images are filled, see
      `jinpaint.inference.inpainter.Inpainter`.
    memory: bytes that filling an image may take; None for what is free.
    devices: those that fill; None for all local ones.

  Raises:
    UsageError: there is no run, no file or no such checkpoint; the run's stage
      makes no image; it reads no edges, and `edge` is given; or the file was
      exported.
  """
  from jinpaint.inference import inpainter, trained
  from jinpaint.runs import packed
  path = packed.OWN if path is None else Path(path)
  if is_exported(path):
    raise UsageError(f'{path} is an exported file; in Python, '
                     'jinpaint.load(FILE) opens it')
  system = trained.open_trained(path, checkpoint, edge)
  return inpainter.Inpainter(
      system.stage, system.variables, guidance=system.guidance,
      published=system.published, compute=system.config.compute,
      strategy=strategy, memory=memory, among=devices)
