"""Pictures of sizes that the published networks take are filled as they are.

What an `Inpainter` adds to a picture is carried into its hole by instance
norms, attention and wide windows. So it adds nothing where the network takes
the size, and elsewhere no more than the network needs.
"""

import jax
import numpy as np
import optax
import pytest
import stage_steps
import stage_weights

from jinpaint import inference, systems, training
from jinpaint.data.examples import Data
from jinpaint.guidance import Guidance
from jinpaint.stage import Sizes
from jinpaint.types import KEYS

# As published programs take them, no multiples of 32.
CASES = [
    ('edgeconnect', 'edge_inpaint', (200, 300)),
    ('isnet', 'inpaint', (208, 304)),
    ('gated', 'inpaint', (208, 304)),
    ('cfs', 'completion', (208, 304))]
SMALL = {
    'edgeconnect': dict(width=1 / 16, blocks=1),
    'isnet': dict(width=1 / 16, blocks=1),
    'gated': dict(width=1 / 4),
    'cfs': dict(width=1 / 16, blocks=1, sketch_blocks=1)}


def small(system, name):
  """Returns a stage of small widths, and weights of it."""
  stage = systems.stage(system, name, pretrained=False, **SMALL[system])
  batch = {key: np.zeros((1, 64, 64, KEYS[key].channels), np.float32)
           for key in stage.keys}
  state = stage_weights.draw(training.shapes(
      stage, {name: optax.sgd(1.0) for name in stage.trained}, batch))
  return stage, state.variables


@pytest.mark.parametrize(('sizes', 'size', 'held'), [
    (Sizes(), (1, 333), (1, 333)),
    (Sizes(4), (200, 300), (200, 300)),
    (Sizes(4), (201, 299), (204, 300)),
    (Sizes(16), (208, 304), (208, 304)),
    (Sizes(smallest=14), (13, 301), (14, 301)),
    (Sizes(8, 24), (23, 25), (24, 32)),
    (Sizes(8, 20), (1, 8), (24, 24))])
def test_a_size_is_held_by_the_next_one_that_is_accepted(sizes, size, held):
  assert sizes.holding(*size) == held


@pytest.mark.parametrize(('system', 'name', 'size'), CASES)
def test_a_size_that_the_network_takes_is_not_padded(system, name, size):
  stage, variables = small(system, name)
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*size, 3), np.uint8)
  edge_map = rng.integers(0, 256, size, np.uint8)
  mask = np.zeros(size, np.uint8)
  mask[100:, 150:280] = 1  # as far as the border that would be padded
  batch = {'image': image / np.float32(255),
           'mask': mask[..., None].astype(np.float32),
           'known_edge': np.where(mask == 1, 0, edge_map / np.float32(255)
                                  )[..., None].astype(np.float32)}
  predicted = jax.device_get(stage_steps.predict_of(stage)(
      variables, {key: batch[key][None] for key in stage.predicts_from}))
  levels = np.rint(np.clip(predicted['image'][0], 0, 1) * 255)

  inpaint = inference.Inpainter(
      stage, variables, guidance=Guidance(Data(edge='canny'), training=False))
  given = {'edge_map': edge_map} if inpaint.reads_edges else {}
  filled = inpaint(image, mask, **given)
  hole = mask == 1
  assert np.ptp(filled[hole].astype(int)) > 20  # or nothing could be seen
  np.testing.assert_allclose(filled[hole], levels[hole], rtol=0, atol=1)
