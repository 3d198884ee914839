"""Activations whose gradients are those of PyTorch."""

from collections.abc import Callable

import jax.numpy as jnp

from jinpaint.types import Array

Activation = Callable[[Array], Array]


def leaky_relu(x: Array) -> Array:
  """Returns max(x, 0.2 x).

  The gradient at 0 is 0.2, as in PyTorch; that of `jax.nn.leaky_relu` is 1.
  """
  return jnp.where(x > 0, x, 0.2 * x)


def identity(x: Array) -> Array:
  """Returns `x` itself: no activation."""
  return x
