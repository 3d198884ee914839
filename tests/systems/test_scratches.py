"""The system for thin damage begins where a biharmonic fill ends."""

import jax
import numpy as np
import optax

from jinpaint import networks, systems, training
from jinpaint.configs import scratches
from jinpaint.data import mask_drawings
from jinpaint.layers import smooth_fill
from jinpaint.nets import Nets


def test_the_published_width_has_as_many_weights_as_the_card_says():
  assert networks.parameters('scratches_mender') == 1_266_508


def test_before_it_has_learned_anything_it_is_the_biharmonic_fill():
  stage = systems.stage('scratches', 'inpaint', widths=(4, 6), blocks=(1, 1))
  rng = np.random.default_rng(0)
  batch = {'image': rng.random((2, 32, 40, 3), np.float32),
           'mask': np.stack([mask_drawings.damage(rng, 32, 40)] * 2)[
               ..., None].astype(np.float32)}
  state = training.init(0, stage, {'mender': optax.sgd(1.0)}, batch)

  @jax.jit
  def both(variables, batch):
    predicted = stage.predict(Nets(stage.networks, variables), batch)['image']
    return predicted, smooth_fill.biharmonic(batch['image'], batch['mask'])

  predicted, filled = both(state.variables, batch)
  np.testing.assert_allclose(predicted, np.clip(filled, 0, 1), atol=1e-6)


def test_the_recipe_trains_what_the_packaged_model_is():
  from jinpaint import runs
  from jinpaint.runs import packed
  recipe = scratches.get_config()
  config, _ = packed.load(packed.OWN)
  assert (config.system, config.stage) == (recipe.system, recipe.stage)
  assert runs.stage_of(config).networks == runs.stage_of(recipe).networks
