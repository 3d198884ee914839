"""Normalisations of features and of kernels, with PyTorch's arithmetic."""

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
    exact = x.astype(jnp.float32)
    if train:
      axes = tuple(range(x.ndim - 1))
      mean = devices.mean(jnp.mean(exact, axes))
      var = devices.mean(jnp.mean(jnp.square(exact - mean), axes))
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
    normalized = (exact - mean) * scale
    if self.affine:
      normalized += self.param('bias', nn.initializers.zeros, shape)
    return normalized.astype(x.dtype)


def instance_norm(x: Array, epsilon: float = 1e-5) -> Array:
  """Normalises each channel of each image (B, H, W, C) to mean 0, variance 1.

  PyTorch's InstanceNorm2d without affine parameters: the biased variance, in
  two passes (the mean of squares minus the square of the mean loses digits
  where the mean is large), and the same in training and evaluation.

  Args:
    x: (B, H, W, C).
    epsilon: added to the variance.
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

  Unlike there, u and v start converged. Random ones, as there, have a sigma
  near zero: before its first training step a network's output is meaningless.

  Args:
    module: holds `u` (Cout,) and `v` in its collection `spectral`. v has
      PyTorch's order, (Cin, kh, kw).
    kernel: (kh, kw, Cin, Cout) or (Cin, Cout).
    train: whether u and v move.
  """
  *window, inputs, outputs = kernel.shape
  matrix = kernel.reshape(-1, outputs)  # the transpose of W
  fixed = lax.stop_gradient(matrix)

  def in_kernel_order(v):
    return jnp.moveaxis(v.reshape(inputs, *window), 0, -1).reshape(-1)

  def in_pytorch_order(v):
    return jnp.moveaxis(v.reshape(*window, inputs), -1, 0).reshape(-1)

  def iterate(u):
    v = _unit(fixed @ u)
    return _unit(v @ fixed), v

  def start():
    # Kernels are random enough. To draw a vector for each took half of the time
    # in which a large network's first weights are compiled.
    u = jnp.ones((outputs,), kernel.dtype)
    return lax.fori_loop(0, 30, lambda _, u: iterate(u)[0], _unit(u))

  stored_u = module.variable('spectral', 'u', start)
  stored_v = module.variable(
      'spectral', 'v', lambda: in_pytorch_order(_unit(fixed @ stored_u.value)))
  if train and not module.is_initializing():
    u, v = iterate(stored_u.value)
    stored_u.value, stored_v.value = u, in_pytorch_order(v)
  else:
    u, v = stored_u.value, in_kernel_order(stored_v.value)
  return kernel / (v @ matrix @ u)


def _unit(x):
  return x / jnp.maximum(jnp.linalg.norm(x), 1e-12)
