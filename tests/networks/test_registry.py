"""Promises that every registered network keeps."""

import jax
import jax.numpy as jnp
import pytest

from jinpaint import networks

# Fewer repeated blocks, which say nothing more about types.
SHALLOW = {
    'cfs_completion_generator': {'blocks': 1},
    'cfs_sketch_generator': {'blocks': 1},
    'edgeconnect_edge_generator': {'blocks': 1},
    'edgeconnect_inpaint_generator': {'blocks': 1},
    'inpaintgan_effunet_edge_generator': {'depth': 1 / 4},
    'inpaintgan_egc_edge_generator': {'blocks': 1},
    'inpaintgan_mec_edge_generator': {'blocks': 1},
    'isnet_base_model': {'blocks': 1},
    'isnet_base_model_fusion': {'blocks': 1},
    'isnet_generator': {'blocks': 1},
    'isnet_unet_like': {'blocks': 1},
    'lama_generator': {'blocks': 1},
    'sketchrefiner_texture_restoration': {'blocks': 1},
}


def types(tree):
  return {array.dtype for array in jax.tree.leaves(tree)}


@pytest.mark.parametrize('name', networks.REGISTRY)
def test_bfloat16_inputs_give_bfloat16_outputs_and_float32_statistics(name):
  """Nothing is computed; strict type promotion refuses mixed operands."""
  network = networks.create(name, **SHALLOW.get(name, {}))
  variables = jax.eval_shape(network.init, jax.random.key(0),
                             *networks.inputs(name))
  collections = [name for name in variables if name != 'params']
  outputs, updated = jax.eval_shape(
      lambda variables, *inputs: network.apply(
          variables, *inputs, train=True, mutable=collections),
      variables, *networks.inputs(name, dtype=jnp.bfloat16))
  assert types(outputs) == {jnp.dtype(jnp.bfloat16)}
  assert types(variables) == types(variables | updated) == {
      jnp.dtype(jnp.float32)}
  assert set(updated) == set(collections)
