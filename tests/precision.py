"""Networks in float64, in which no sign of a feature is left to rounding."""

import contextlib

import jax
import jax.numpy as jnp

from jinpaint import nets


@contextlib.contextmanager
def float64(monkeypatch):
  """Computes in float64; yields the function that makes a tree's numbers so."""
  with monkeypatch.context() as patch, jax.enable_x64(True), (
      jax.numpy_dtype_promotion('standard')):
    # What layers cast to, and networks their outputs.
    patch.setattr(jnp, 'float32', jnp.float64)
    patch.setattr(nets, '_cast', lambda tree, dtype: tree)
    yield lambda tree: jax.tree.map(lambda x: jnp.asarray(
        x, jnp.float64 if jnp.issubdtype(x.dtype, jnp.floating) else x.dtype),
        tree)
