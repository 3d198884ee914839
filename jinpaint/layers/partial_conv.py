"""Partial convolution: a convolution that looks at known pixels only.

Guilin Liu et al., 2018, arXiv:1804.07723, "Image Inpainting for Irregular
Holes Using Partial Convolutions", section 3.1. The arithmetic is that of the
authors' published layer (BSD-3), which adds to the paper that zero padding
counts as a hole and that a window without a known pixel gives 0.

The published layer carries one mask channel for each feature. All features of
one source share their mask, so that here each *group* of concatenated features
has one mask channel, which counts as often as the group has features. The
results are the same, and the convolution of the mask costs almost nothing.
"""

from collections.abc import Sequence
import functools

from flax import linen as nn
from jax import lax
import jax.numpy as jnp

from jinpaint import errors
from jinpaint.layers import initializers
from jinpaint.layers.conv import convolve, Padding
from jinpaint.layers.norm import spectrally_normalized
from jinpaint.types import Array

NORMALIZATIONS = ('ratio', 'sum')

# One array, or a sequence of groups that are to be concatenated.
Features = Array | Sequence[Array]

_Groups = Sequence[tuple[Array, Array]]  # features, and what is known of them


class PartialConv(nn.Module):
  """Partial convolution with zero padding.

  Attributes:
    features: output channels.
    kernel_size: height and width of the window.
    strides: steps in height and width.
    padding: zeros on each side of height and of width.
    dilation: distance of the window's taps.
    use_bias: whether a bias is learned.
    normalize: `'ratio'` multiplies by the size of the window and divides by the
      count of known numbers, as Liu et al. do. `'sum'` only divides by that
      count, as naoto0804's U-Net does; its published weights need it. The
      updated mask of `'sum'` is 0 or 1. That of `'ratio'` is the count, at most
      1: in between where soft masks sum to less than one known number.
    spectral_norm: whether the kernel is divided by its spectral norm.
    kernel_init: initialiser of the kernel (kh, kw, Cin, features).
  """

  features: int
  kernel_size: tuple[int, int] = (3, 3)
  strides: tuple[int, int] = (1, 1)
  padding: tuple[int, int] = (1, 1)
  dilation: tuple[int, int] = (1, 1)
  use_bias: bool = True
  normalize: str = 'ratio'
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = initializers.he_normal

  @nn.compact
  def __call__(self, x: Features, valid: Features, train: bool = False
               ) -> tuple[Array, Array]:
    """Convolves what is known, and returns what is known afterwards.

    Args:
      x: (B, H, W, C), or a sequence of such groups to be concatenated.
      valid: 1 = known, 0 = hole; for each group (B, H, W, 1) or, where the
        channels differ, (B, H, W, C). No gradient flows into it.
      train: whether the spectral vectors move, see `jinpaint.layers.norm`.

    Returns:
      (B, H', W', features), 0 where nothing in the window is known, and the
      updated mask (B, H', W', 1). Both have the type of x; known numbers are
      counted in float32.

    Raises:
      ValueError: `normalize` is unknown, or a mask does not fit its features.
    """
    errors.check_option('normalize', self.normalize, NORMALIZATIONS)
    groups = _as_groups(x, valid)
    damaged = jnp.concatenate([x * valid for x, valid in groups], axis=-1)
    channels = damaged.shape[-1]
    kernel = self.param('kernel', self.kernel_init,
                        (*self.kernel_size, channels, self.features))
    if self.spectral_norm:
      kernel = spectrally_normalized(self, kernel, train)
    pads = [(p, p) for p in self.padding]
    raw = convolve(damaged, kernel.astype(damaged.dtype),
                   strides=self.strides, padding=pads, dilation=self.dilation)

    known = lax.stop_gradient(self._known_numbers(groups, pads))
    if self.normalize == 'ratio':
      window = self.kernel_size[0] * self.kernel_size[1] * channels
      updated = jnp.clip(known, 0, 1)
      factor = updated * window / (known + 1e-8)
    else:
      updated = (known > 0).astype(known.dtype)
      factor = 1 / jnp.where(known > 0, known, 1)

    out = raw.astype(jnp.float32) * factor
    if self.use_bias:
      bias = self.param('bias', nn.initializers.zeros, (self.features,))
      out = (out + bias) * updated
    return out.astype(raw.dtype), updated.astype(raw.dtype)

  def _known_numbers(self, groups: _Groups, pads: Padding) -> Array:
    """Returns how many known numbers each window holds, (B, H', W', 1)."""
    exact = lambda valid: valid.astype(jnp.float32)
    counts = [
        exact(valid) * x.shape[-1] if valid.shape[-1] == 1
        else jnp.sum(exact(valid), axis=-1, keepdims=True)
        for x, valid in groups]
    per_pixel = functools.reduce(jnp.add, counts)
    ones = jnp.ones((*self.kernel_size, 1, 1), per_pixel.dtype)
    return convolve(per_pixel, ones, strides=self.strides, padding=pads,
                    dilation=self.dilation)


def _as_groups(x: Features, valid: Features) -> _Groups:
  """Returns the groups of features, each with its mask.

  Raises:
    ValueError: a mask is missing, or its size is not that of its features.
  """
  xs = list(x) if isinstance(x, Sequence) else [x]
  valids = list(valid) if isinstance(valid, Sequence) else [valid]
  if len(xs) != len(valids):
    raise ValueError(f'{len(xs)} groups of features, {len(valids)} masks')
  for features, mask in zip(xs, valids, strict=True):
    if (mask.shape[:-1] != features.shape[:-1]
        or mask.shape[-1] not in (1, features.shape[-1])):
      raise ValueError(f'features {features.shape} need a mask of the same '
                       f'height and width and 1 or {features.shape[-1]} '
                       f'channels, not {mask.shape}')
  return list(zip(xs, valids, strict=True))
