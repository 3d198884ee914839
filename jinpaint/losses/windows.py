"""Weighted sums of the windows of an image, in full float32."""

from collections.abc import Sequence

from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint.types import Array


def correlate(x: Array, taps: Sequence[float], *, before: int) -> Array:
  """Correlates the columns and the rows of images with the same weights.

  The sums are products with band matrices, which on CPUs are 10 to 60 times as
  fast as XLA's convolution of one channel. The precision HIGHEST keeps GPUs and
  TPUs from rounding to less than float32, because losses take differences of
  these large sums.

  Args:
    x: (B, H, W, C); zeros continue it.
    taps: the weights along one axis.
    before: how many of the weights lie above or left of a pixel.

  Returns:
    (B, H, W, C).
  """
  band = lambda size: jnp.asarray(
      sum(tap * np.eye(size, k=before - k) for k, tap in enumerate(taps)),
      x.dtype)
  return jnp.einsum('bhwc,hi,wj->bijc', x, band(x.shape[1]), band(x.shape[2]),
                    precision=lax.Precision.HIGHEST)
