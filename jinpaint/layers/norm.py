"""Normalisations, with PyTorch's arithmetic."""

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint import devices
from jinpaint.types import Array


class BatchNorm(nn.Module):
  """Batch norm over the global batch, as PyTorch's BatchNorm2d.

  Flax's own layer differs in two ways that matter here: it stores the biased
  batch variance, where PyTorch stores the unbiased one, and it has to be told
  the name of a device axis.

  Attributes:
    momentum: share of a new batch in the running statistics (PyTorch's sense).
    epsilon: added to the variance.
    affine: whether scale and bias are learned.
  """

  momentum: float = 0.1
  epsilon: float = 1e-5
  affine: bool = True

  @nn.compact
  def __call__(self, x: Array, train: bool) -> Array:
    """Normalises (..., C) by batch (`train`) or by running statistics."""
    shape = (x.shape[-1],)
    running_mean = self.variable('batch_stats', 'mean', jnp.zeros, shape)
    running_var = self.variable('batch_stats', 'var', jnp.ones, shape)
    if train:
      axes = tuple(range(x.ndim - 1))
      mean = devices.mean(jnp.mean(x, axes))
      var = devices.mean(jnp.mean(jnp.square(x - mean), axes))
      if not self.is_initializing():
        count = devices.size() * x.size // x.shape[-1]
        unbiased = var * (count / max(count - 1, 1))
        running_mean.value += self.momentum * (mean - running_mean.value)
        running_var.value += self.momentum * (unbiased - running_var.value)
    else:
      mean, var = running_mean.value, running_var.value
    scale = lax.rsqrt(var + self.epsilon)
    if self.affine:
      scale *= self.param('scale', nn.initializers.ones, shape)
      bias = self.param('bias', nn.initializers.zeros, shape)
      return (x - mean) * scale + bias
    return (x - mean) * scale
