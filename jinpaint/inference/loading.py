"""Opens trained systems: runs, packed runs, and the one that jinpaint has."""

from collections.abc import Sequence
from pathlib import Path

import jax

from jinpaint import runs
from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.inference.inpainter import Inpainter
from jinpaint.inference.system import reads_edges
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
  config, variables, _ = packed.open_model(path, checkpoint)
  stage = runs.stage_of(config)
  needs_guidance = reads_edges(stage)
  if not stage.fills:
    raise UsageError(f'{path} was trained for the stage {config.stage} of '
                     f'{config.system}, which makes no image')
  if edge:
    if not needs_guidance:
      raise UsageError(f'{path} holds a system that reads no edges')
    config.data.edge = edge
  config.data.sketch = ''  # each call brings its own
  guidance = (runs.guidance_of(config, training=False) if needs_guidance
              else None)
  return Inpainter(
      stage, variables, guidance=guidance, compute=config.compute,
      strategy=strategy, memory=memory, among=devices,
      published={name: pretrained.load(name)
                 for name in (guidance.published if guidance else ())})
