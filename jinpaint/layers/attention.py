"""Contextual attention: holes are filled with patches from elsewhere.

Jiahui Yu et al., 2018, arXiv:1801.07892, "Generative Image Inpainting with
Contextual Attention", section 4.1, as the networks of its successor
(arXiv:1806.03589) use it. Written as products of matrices: every patch of the
features is a row, and no kernel depends on the data.
"""

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint.types import Array

_HIGHEST = lax.Precision.HIGHEST  # the softmax makes errors 10 times larger


def contextual_attention(x: Array, mask: Array, *, fuse: bool = True,
                         align_corners: bool = True,
                         mask_steps: tuple[int, ...] = (8,),
                         scale: float = 10.0) -> Array:
  """Rebuilds features from patches that hold no hole.

  Every place, known or not, becomes a mean of 4 x 4 patches of x, those most
  whose 3 x 3 neighbourhoods, at half the size, resemble its own. As published:
  patches that hold holes keep their share of the softmax, with the score 0,
  before they are left out, so that shares sum to less than 1; the sum of
  overlapping patches is divided by 4 where only 2 or 1 overlap, too, which
  darkens the border.

  Where this follows neither published code: each image has its own mask (there,
  all have that of the first).

  Args:
    x: (B, H, W, C), height and width even.
    mask: (B, 4 H, 4 W, 1), 1 = hole: at the image's size.
    fuse: whether neighbours on the diagonals of the matrix of scores vote
      together, which prefers patches that lie beside each other.
    align_corners: which pixels stand for smaller maps: TensorFlow's, of which
      the first and the last are corners, or the first of each few.
    mask_steps: by which factors the mask is made smaller, one after another:
      (8,) in the PyTorch port, (4, 2) in the published TensorFlow code.
    scale: of the scores, before the softmax.

  Returns:
    (B, H, W, C).
  """
  batch, height, width, channels = x.shape
  rows, columns = height // 2, width // 2
  exact = x.astype(jnp.float32)
  small = _smaller(exact, 2, align_corners)
  for factor in mask_steps:
    mask = _smaller(mask, factor, align_corners)
  if mask.shape[1:3] != (rows, columns):
    raise ValueError(f'features of {height} x {width} need a mask of '
                     f'{4 * height} x {4 * width}')

  flat = lambda patches: patches.reshape(batch, rows * columns, -1)
  around = flat(_patches(small, 3, 1))
  # At least 1e-4 long, and with a finite gradient where all are 0.
  unit = around / jnp.sqrt(jnp.maximum(
      jnp.sum(around ** 2, axis=-1, keepdims=True), 1e-8))
  scores = jnp.einsum('bpc,bqc->bpq', around, unit, precision=_HIGHEST)
  if fuse:
    scores = _fused(scores, rows, columns)
  known = jnp.max(flat(_patches(mask, 3, 1)), axis=-1)[:, None] == 0
  known = known.astype(jnp.float32)
  shares = jax.nn.softmax(scale * scores * known, axis=-1) * known
  pasted = jnp.einsum('bpq,bqc->bpc', shares, flat(_patches(exact, 4, 2)),
                      precision=_HIGHEST)
  filled = _overlapped(pasted.reshape(batch, rows, columns, 4, 4, channels)) / 4
  return filled.astype(x.dtype)


def _smaller(x, factor, align_corners):
  """Returns every few pixels of (B, H, W, C)."""
  for axis in (1, 2):
    size = x.shape[axis]
    index = (_aligned(size, size // factor) if align_corners
             else np.arange(size // factor) * factor)
    x = jnp.take(x, index, axis=axis)
  return x


def _aligned(size, wanted):
  """Returns the rounded places of a linspace from 0 to size - 1, in float32."""
  if wanted == 1:
    return np.zeros(1, np.int32)
  step = np.float32(size - 1) / np.float32(wanted - 1)
  i = np.arange(wanted, dtype=np.float32)
  place = np.where(i < wanted // 2, step * i,
                   np.float32(size - 1) - step * (wanted - 1 - i))
  return np.floor(place.astype(np.float32) + np.float32(0.5)).astype(np.int32)


def _patches(x, window, stride):
  """Returns (B, h, w, window^2 C), the windows of x, zeros 1 pixel around."""
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  reach = [(n - window) // stride * stride + 1 for n in x.shape[1:3]]
  return jnp.concatenate([
      x[:, i:i + reach[0]:stride, j:j + reach[1]:stride]
      for i in range(window) for j in range(window)], axis=-1)


def _fused(scores, rows, columns):
  """Adds each score's neighbours on the diagonals, by rows, then by columns."""
  def diagonal(x):
    size = x.shape[-1]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1)))
    return sum(padded[:, i:i + size, i:i + size] for i in range(3))

  def turned(x, *extent):
    x = x.reshape(-1, *extent, *extent).transpose(0, 2, 1, 4, 3)
    return x.reshape(scores.shape)

  by_columns = diagonal(turned(diagonal(scores), rows, columns))
  return turned(by_columns, columns, rows)


def _overlapped(patches):
  """Adds 4 x 4 patches (B, h, w, 4, 4, C) at distances of 2; drops a border."""
  for axis in (1, 2):  # the patches' own axis is the third one in both turns
    part = lambda i, p=patches: p[:, :, :, i]
    def moved(x, by, axis=axis):
      pad = [(0, 0)] * x.ndim
      pad[axis] = (max(by, 0), max(-by, 0))
      start = max(-by, 0)
      return lax.slice_in_dim(jnp.pad(x, pad), start, start + x.shape[axis],
                              axis=axis)
    even = part(1) + moved(part(3), 1)
    odd = part(2) + moved(part(0), -1)
    patches = jnp.stack([even, odd], axis=axis + 1)
    patches = patches.reshape(
        *patches.shape[:axis], -1, *patches.shape[axis + 2:])
  return patches
