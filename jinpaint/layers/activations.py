"""Activations, with PyTorch's gradients."""

from collections.abc import Callable

import jax.numpy as jnp

from jinpaint.types import Array

Activation = Callable[[Array], Array]


def leaky_relu(x: Array) -> Array:
  """Returns max(x, 0.2 x); the gradient at 0 is 0.2 (`jax.nn` has 1 there)."""
  return jnp.where(x > 0, x, 0.2 * x)


def identity(x: Array) -> Array:
  """Returns `x`."""
  return x
