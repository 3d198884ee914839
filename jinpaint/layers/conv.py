"""Convolutions as the published networks define them, NHWC."""

from collections.abc import Sequence

from jax import lax

from jinpaint.types import Array

Padding = Sequence[tuple[int, int]]


def convolve(x: Array, kernel: Array, *, strides: tuple[int, int] = (1, 1),
             padding: Padding = ((0, 0), (0, 0)),
             dilation: tuple[int, int] = (1, 1), groups: int = 1) -> Array:
  """Returns the cross-correlation of `x` (B, H, W, Cin) with a kernel.

  Args:
    x: (B, H, W, Cin).
    kernel: (kh, kw, Cin / groups, Cout).
    strides: steps in height and width.
    padding: zeros before and after, for height and for width.
    dilation: distance of the kernel's taps.
    groups: independent groups of channels.
  """
  return lax.conv_general_dilated(
      x, kernel, strides, padding, rhs_dilation=dilation,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'), feature_group_count=groups)
