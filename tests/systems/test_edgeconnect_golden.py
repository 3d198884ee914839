"""Generators return what the published ones do, by the second recipe."""

import edgeconnect_recipe as recipe
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jinpaint
from jinpaint import images

GOLDEN = recipe.golden()


def edge_inputs(size):
  """Returns gray image, edges and mask, as the networks are fed."""
  batch = recipe.batch(size, 1)
  gray = images.to_gray(batch['image'], images.LUMINANCE)
  return (images.damage(gray, batch['mask'], fill=1.0),
          batch['known_edge'], batch['mask'])


def predicted(name, published, *inputs):
  variables = jinpaint.from_torch(name, recipe.state_dict(published))
  return np.asarray(jax.jit(jinpaint.create(name).apply)(variables, *inputs))


def assert_close(actual, expected):
  np.testing.assert_allclose(actual, expected, rtol=0,
                             atol=1e-4 * expected.std() + 1e-5)


def test_inputs_are_the_recorded_ones():
  np.testing.assert_allclose(
      jnp.concatenate(edge_inputs(64), -1), GOLDEN['ec_edge_in'], atol=1e-6)


@pytest.mark.slow
def test_enhanced_gated_generator():
  gray, edge, mask = edge_inputs(64)
  actual = predicted('inpaintgan_egc_edge_generator', 'IG_EGC_EdgeGenerator',
                     jnp.concatenate([gray, edge], -1), mask)
  assert_close(actual, GOLDEN['egc_out'])

