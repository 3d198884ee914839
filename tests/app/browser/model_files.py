"""Models for the page's tests, in files as `jinpaint pack` writes them."""

import json
from pathlib import Path

from flax import traverse_util
import ml_collections
import numpy as np
import optax
import stage_weights

from jinpaint import runs, training
from jinpaint.configs import sketchrefiner
from jinpaint.runs import packed
from jinpaint.types import KEYS


def write_sketch_follower(path: Path) -> None:
  """Writes a narrow SketchRefiner with drawn weights, led by Canny's edges."""
  config = sketchrefiner.get_config('inpaint')
  config.pretrained = 'none'
  config.data.edge = 'canny'
  config.options.update(width=1 / 16, blocks=1)
  stage = runs.stage_of(config)
  batch = {key: np.zeros((1, 64, 64, KEYS[key].channels), np.float32)
           for key in stage.keys}
  variables = stage_weights.draw(training.shapes(
      stage, {name: optax.sgd(1.0) for name in stage.trained}, batch)).variables
  kept = {key: config[key] for key in packed.KEYS_OF_SYSTEM}
  kept['data'] = config.data
  about = json.dumps({'step': 0, 'config': json.loads(
      ml_collections.ConfigDict(kept).to_json())})
  np.savez(path, about=np.asarray(about),
           **traverse_util.flatten_dict(variables, sep='/'))
