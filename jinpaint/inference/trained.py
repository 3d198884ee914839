"""Opens a run, or a packed one, with all that filling and exporting need."""

from pathlib import Path
from typing import NamedTuple

import ml_collections

from jinpaint import runs
from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.inference.system import reads_edges
from jinpaint.runs import packed
from jinpaint.stage import Stage
from jinpaint.types import Variables


class Trained(NamedTuple):
  """A trained stage that makes an image.

  Attributes:
    config: the run's.
    stage: what the config describes.
    variables: the weights and statistics of its networks.
    step: the step at which they are; None for a packed run.
    guidance: where its edges come from; None if it reads none.
    published: the variables of the networks that the guidance runs.
  """

  config: ml_collections.ConfigDict
  stage: Stage
  variables: Variables
  step: int | None
  guidance: Guidance | None
  published: Variables


def open_trained(path: Path, checkpoint: str = 'last', edge: str = ''
                ) -> Trained:
  """Opens a run; arguments and errors are those of `jinpaint.load`."""
  config, variables, step = packed.open_model(path, checkpoint)
  stage = runs.stage_of(config)
  if not stage.fills:
    raise UsageError(f'{path} was trained for the stage {config.stage} of '
                     f'{config.system}, which makes no image')
  if edge:
    if not reads_edges(stage):
      raise UsageError(f'{path} holds a system that reads no edges')
    config.data.edge = edge
  config.data.sketch = ''  # each call brings its own
  guidance = (runs.guidance_of(config, training=False) if reads_edges(stage)
              else None)
  return Trained(config, stage, variables, step, guidance, {
      name: pretrained.load(name)
      for name in (guidance.published if guidance else ())})
