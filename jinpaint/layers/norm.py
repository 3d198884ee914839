"""Normalisations of features and of kernels, with PyTorch's arithmetic."""

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint import devices
from jinpaint.layers import initializers
from jinpaint.types import Array


class BatchNorm(nn.Module):
  """Batch norm over the global batch, as PyTorch's BatchNorm2d.

  Flax's own layer differs in two ways that matter here: it stores the biased
  variance of the batch, PyTorch stores the unbiased one; and it has to be told
  the name of the axis of devices. Everything is computed in float32; the result
  has the type of the input.

  Attributes:
    momentum: share of a new batch in the running statistics, as in PyTorch.
    epsilon: added to the variance.
    affine: whether scale and bias are learned.
    moves_statistics: whether the running statistics move in training.
  """

  momentum: float = 0.1
  epsilon: float = 1e-5
  affine: bool = True
  moves_statistics: bool = True

  @nn.compact
  def __call__(self, x: Array, train: bool) -> Array:
    """Normalises each channel.

    Args:
      x: (..., C).
      train: normalise by the statistics of the batch, and update the running
        statistics if they move; otherwise normalise by the running statistics.

    Returns:
      (..., C), of the type of x.
    """
    shape = (x.shape[-1],)
    running_mean = self.variable('batch_stats', 'mean', jnp.zeros, shape)
    running_var = self.variable('batch_stats', 'var', jnp.ones, shape)
    exact = x.astype(jnp.float32)
    if train:
      axes = tuple(range(x.ndim - 1))
      mean = devices.mean(jnp.mean(exact, axes))
      var = devices.mean(jnp.mean(jnp.square(exact - mean), axes))
      if self.moves_statistics and not self.is_initializing():
        count = devices.size() * x.size // x.shape[-1]
        unbiased = var * (count / max(count - 1, 1))
        running_mean.value += self.momentum * (mean - running_mean.value)
        running_var.value += self.momentum * (unbiased - running_var.value)
    else:
      mean, var = running_mean.value, running_var.value
    scale = lax.rsqrt(var + self.epsilon)
    if self.affine:
      scale *= self.param('scale', nn.initializers.ones, shape)
    normalized = (exact - mean) * scale
    if self.affine:
      normalized += self.param('bias', nn.initializers.zeros, shape)
    return normalized.astype(x.dtype)


def instance_norm(x: Array, epsilon: float = 1e-5) -> Array:
  """Normalises each channel of each image (B, H, W, C) to mean 0, variance 1.

  This is PyTorch's InstanceNorm2d without affine parameters, the same in
  training and evaluation. The variance is the biased one; it is computed in two
  passes, because the mean of squares minus the square of the mean loses digits
  where the mean is large.

  Args:
    x: (B, H, W, C).
    epsilon: added to the variance.

  Returns:
    (B, H, W, C), of the type of x, computed in float32.
  """
  exact = x.astype(jnp.float32)
  mean, var = image_moments(exact)
  return ((exact - mean) * lax.rsqrt(var + epsilon)).astype(x.dtype)


def image_moments(x: Array) -> tuple[Array, Array]:
  """Returns mean and biased variance of each channel of each image.

  Args:
    x: (B, H, W, C).

  Returns:
    Both (B, 1, 1, C), float32 whatever the type of x.
  """
  x = x.astype(jnp.float32)
  mean = jnp.mean(x, axis=(1, 2), keepdims=True)
  return mean, jnp.mean(jnp.square(x - mean), axis=(1, 2), keepdims=True)


def spectrally_normalized(module: nn.Module, kernel: Array,
                          train: bool) -> Array:
  """Divides a kernel by its largest singular value, as PyTorch estimates it.

  Takeru Miyato et al., 2018, arXiv:1802.05957, "Spectral Normalization for
  Generative Adversarial Networks", algorithm 1, as
  `torch.nn.utils.spectral_norm` does it: sigma = u' W v, where W is the kernel
  as a matrix with one row for each output. Each call in training mode first
  makes one power iteration; u and v are constants for the gradient.

  Unlike PyTorch's, u and v start converged. With random ones sigma is near
  zero, and the output of a network is meaningless before its first training
  step.

  Args:
    module: holds `u` (Cout,) and `v` in its collection `spectral`. v has
      PyTorch's order, (Cin, kh, kw).
    kernel: float32, (kh, kw, Cin, Cout) or (Cin, Cout).
    train: whether u and v move.

  Returns:
    The kernel divided by sigma, float32.
  """
  stored_u = module.variable('spectral', 'u', lambda: _converged(kernel)[0])
  stored_v = module.variable('spectral', 'v', lambda: _converged(kernel)[1])
  if train and not module.is_initializing():
    matrix = kernel.reshape(-1, kernel.shape[-1])  # the transpose of W
    u, v = _iterate(lax.stop_gradient(matrix), stored_u.value)
    stored_u.value, stored_v.value = u, _in_pytorch_order(v, kernel.shape)
  else:
    u = stored_u.value
    v = _in_kernel_order(stored_v.value, kernel.shape)
  return _divided(kernel, u, v)


@initializers.compiled_quickly
def _divided(kernel: Array, u: Array, v: Array) -> Array:
  """Returns a kernel divided by sigma = u' W v; v in the kernel's order."""
  return kernel / (v @ kernel.reshape(-1, kernel.shape[-1]) @ u)


@initializers.compiled_quickly
def _converged(kernel: Array) -> tuple[Array, Array]:
  """Returns u and v, in PyTorch's order, after thirty power iterations.

  They start from a constant vector, because kernels are random. Drawing a
  random vector for each kernel took half of the time in which the
  initialisation of a large network is compiled.
  """
  matrix = lax.stop_gradient(kernel.reshape(-1, kernel.shape[-1]))
  u = _unit(jnp.ones((kernel.shape[-1],), kernel.dtype))
  u = lax.fori_loop(0, 30, lambda _, u: _iterate(matrix, u)[0], u)
  return u, _in_pytorch_order(_unit(matrix @ u), kernel.shape)


def _iterate(matrix: Array, u: Array) -> tuple[Array, Array]:
  """Makes one power iteration; returns u and v, in the matrix's order."""
  v = _unit(matrix @ u)
  return _unit(v @ matrix), v


def _in_kernel_order(v: Array, shape: tuple[int, ...]) -> Array:
  *window, inputs, _ = shape
  return jnp.moveaxis(v.reshape(inputs, *window), 0, -1).reshape(-1)


def _in_pytorch_order(v: Array, shape: tuple[int, ...]) -> Array:
  *window, inputs, _ = shape
  return jnp.moveaxis(v.reshape(*window, inputs), -1, 0).reshape(-1)


def _unit(x: Array) -> Array:
  """Returns a vector divided by its length."""
  return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
