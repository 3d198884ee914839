"""Opens trained systems: runs, packed runs, and the one that jinpaint has."""

from collections.abc import Sequence
from pathlib import Path

import jax

from jinpaint.errors import UsageError
from jinpaint.inference.exported_file import is_exported
from jinpaint.inference.inpainter import Inpainter
from jinpaint.inference.trained import open_trained
from jinpaint.runs import packed


def load(path: str | Path | None = None, checkpoint: str = 'last', *,
         edge: str = '', strategy: str = 'auto', memory: int | None = None,
         devices: Sequence[jax.Device] | None = None) -> Inpainter:
  """Returns a trained system.

  Args:
    path: the work directory of a run, or a file that `jinpaint pack` wrote;
      None for the model that comes with jinpaint, which mends thin damage:
      scratches, wires, text (docs/models/scratches.md).
    checkpoint: 'last', 'best' or a step, of a run.
    edge: where edges come from, such as 'canny:sigma=2', 'hed' or 'files:PATH';
      empty for the run's own `data.edge`. With files, each call must be given
      the image's `edge_map`; without, each may be.
    strategy: how large images are filled, see `Inpainter`.
    memory: bytes that filling an image may take; None for what is free.
    devices: those that fill; None for all local ones.

  Raises:
    jinpaint.errors.UsageError: there is no run, no file or no such checkpoint;
      the run's stage makes no image; or it reads no edges, and `edge` is given.
  """
  path = packed.OWN if path is None else Path(path)
  if is_exported(path):
    raise UsageError(f'{path} is an exported file; in Python, '
                     'jinpaint.load(FILE) opens it')
  system = open_trained(path, checkpoint, edge)
  return Inpainter(
      system.stage, system.variables, guidance=system.guidance,
      published=system.published, compute=system.config.compute,
      strategy=strategy, memory=memory, among=devices)
