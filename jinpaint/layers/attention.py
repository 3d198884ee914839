"""Contextual attention: holes are filled with patches of known regions.

Jiahui Yu et al., 2018, arXiv:1801.07892, "Generative Image Inpainting with
Contextual Attention", section 4.1, as the networks of its successor
(arXiv:1806.03589) use it. The published codes convolve with kernels that are
patches of the features; here every patch is a row of a matrix, and the
convolutions are products of matrices.
"""

from collections.abc import Callable

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint.types import Array

# The softmax multiplies the errors of the scores by 10.
_HIGHEST = lax.Precision.HIGHEST
# Where a map has more places, the matrix of their scores is never there as a
# whole: 16 MB an image at this number, and 1 GB at 1024 x 1024 pixels. Images
# that networks are trained with have fewer.
_MOST_PLACES = 2048


def contextual_attention(x: Array, mask: Array, *, fuse: bool = True,
                         align_corners: bool = True,
                         mask_steps: tuple[int, ...] = (8,),
                         scale: float = 10.0) -> Array:
  """Rebuilds features from patches that touch no hole.

  Every place, known or not, becomes a weighted mean of 4 x 4 patches of x. A
  patch weighs the more, the more the 3 x 3 neighbourhood of its centre, in a
  map of half the size, resembles that of the place. As published:

  - A patch that touches a hole takes part in the softmax with the score 0, and
    is left out afterwards, so that the weights sum to less than 1.
  - The sum of overlapping patches is divided by 4 everywhere. At the border
    only 2 patches overlap, or 1, so that it becomes darker.

  This follows neither published code in one point: each image has its own mask.
  There, all images have the mask of the first one.

  Scores and softmax are computed in float32, whatever the type of x.

  Args:
    x: (B, H, W, C); height and width are even.
    mask: (B, 4 H, 4 W, 1), 1 = hole, at the size of the image.
    fuse: whether each score is added to its neighbours on the diagonals of the
      matrix of scores, which prefers patches that lie beside each other.
    align_corners: which pixels make up a smaller map: if True, evenly spaced
      ones of which the first and the last are corners, as in TensorFlow; if
      False, every second one, or every eighth, beginning with the first.
    mask_steps: the factors by which the mask is made smaller, one after
      another: (8,) in the PyTorch port, (4, 2) in the TensorFlow code.
    scale: multiplies the scores before the softmax.

  Returns:
    (B, H, W, C), of the type of x.

  Raises:
    ValueError: the size of the mask is not four times that of x.
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
  # The length is at least 1e-4, with a finite gradient where all numbers are 0.
  unit = around / jnp.sqrt(jnp.maximum(
      jnp.sum(around ** 2, axis=-1, keepdims=True), 1e-8))
  known = jnp.max(flat(_patches(mask, 3, 1)), axis=-1)[:, None] == 0
  known = known.astype(jnp.float32)
  patches = flat(_patches(exact, 4, 2))

  def paste(scores: Array) -> Array:
    shares = jax.nn.softmax(scale * scores * known, axis=-1) * known
    return jnp.einsum('bpq,bqc->bpc', shares, patches, precision=_HIGHEST)

  if rows * columns <= _MOST_PLACES:
    scores = _scores(around, unit)
    pasted = paste(_fused(scores, rows, columns) if fuse else scores)
  elif fuse:
    pasted = _by_rows_fused(around, unit, paste, rows, columns)
  else:
    pasted = _joined(lax.map(lambda row: paste(_scores(row, unit)),
                             _in_rows(around, rows)))
  filled = _overlapped(pasted.reshape(batch, rows, columns, 4, 4, channels)) / 4
  return filled.astype(x.dtype)


def _scores(around: Array, unit: Array) -> Array:
  """Returns how much places (B, P, C) resemble patches (B, Q, C): (B, P, Q)."""
  return jnp.einsum('bpc,bqc->bpq', around, unit, precision=_HIGHEST)


def _in_rows(x: Array, rows: int) -> Array:
  """Returns places (B, rows * columns, C) as (rows, B, columns, C)."""
  return jnp.moveaxis(x.reshape(x.shape[0], rows, -1, x.shape[-1]), 1, 0)


def _joined(x: Array) -> Array:
  """Returns the inverse of `_in_rows`."""
  return jnp.moveaxis(x, 0, 1).reshape(x.shape[1], -1, x.shape[-1])


def _by_rows_fused(around: Array, unit: Array, paste: Callable[[Array], Array],
                   rows: int, columns: int) -> Array:
  """Returns what is pasted at every place, one row of the map after another.

  It is `paste(_fused(_scores(around, unit), rows, columns))`. A row's scores
  are added to those of the rows above and below. In the order of columns, the
  first place of a column follows the last of the column before: above the
  first row lies the last one, moved right by one, and below the last row the
  first one, moved left.

  Args:
    around: (B, rows * columns, C), of every place.
    unit: (B, rows * columns, C), of every patch.
    paste: from scores (B, P, rows * columns) to what is pasted at P places.
    rows: height of the map of places.
    columns: width of the map of places.
  """
  batch, number, channels = around.shape
  padded = jnp.pad(around, ((0, 0), (2, 2), (0, 0)))

  def diagonal(start: int | Array) -> Array:
    """Returns the scores of a row of places, added to their neighbours'."""
    row = lax.dynamic_slice(padded, (0, start + 1, 0),
                            (batch, columns + 2, channels))
    scores = jnp.pad(_scores(row, unit), ((0, 0), (0, 0), (1, 1)))
    first, middle, last = (scores[:, i:i + columns, i:i + number]
                           for i in range(3))
    return first + middle + last

  def moved(scores: Array, by: int) -> Array:
    """Moves patches by one place in the order of columns."""
    turned = scores.reshape(batch, columns, rows, columns).swapaxes(2, 3)
    turned = _shifted(turned.reshape(scores.shape), by, 2)
    return turned.reshape(batch, columns, columns, rows).swapaxes(
        2, 3).reshape(scores.shape)

  in_row = jnp.arange(columns)[None, :, None]
  above_first = jnp.where(
      in_row > 0, diagonal((rows - 1) * columns - 1), 0.0)
  below_last = jnp.where(in_row < columns - 1, diagonal(1), 0.0)

  def step(two: tuple[Array, Array], row: Array
           ) -> tuple[tuple[Array, Array], Array]:
    above, here = two
    below = jnp.where(row == rows - 1, below_last,
                      diagonal(jnp.minimum(row + 1, rows - 1) * columns))
    fused = moved(above, 1) + here + moved(below, -1)
    return (here, below), paste(fused)

  _, pasted = lax.scan(step, (above_first, diagonal(0)), jnp.arange(rows))
  return _joined(pasted)


def _smaller(x: Array, factor: int, align_corners: bool) -> Array:
  """Returns one pixel of each factor x factor pixels of x (B, H, W, C)."""
  for axis in (1, 2):
    size = x.shape[axis]
    index = (_aligned(size, size // factor) if align_corners
             else np.arange(size // factor) * factor)
    x = jnp.take(x, index, axis=axis)
  return x


def _aligned(size: int, wanted: int) -> np.ndarray:
  """Returns `wanted` evenly spaced indices from 0 to size - 1.

  They are computed in float32 and rounded, as TensorFlow does it.
  """
  if wanted == 1:
    return np.zeros(1, np.int32)
  step = np.float32(size - 1) / np.float32(wanted - 1)
  i = np.arange(wanted, dtype=np.float32)
  place = np.where(i < wanted // 2, step * i,
                   np.float32(size - 1) - step * (wanted - 1 - i))
  return np.floor(place.astype(np.float32) + np.float32(0.5)).astype(np.int32)


def _patches(x: Array, window: int, stride: int) -> Array:
  """Returns the windows of x (B, H, W, C), which zeros continue by one pixel.

  Returns:
    (B, h, w, window * window * C).
  """
  x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
  reach = [(n - window) // stride * stride + 1 for n in x.shape[1:3]]
  return jnp.concatenate([
      x[:, i:i + reach[0]:stride, j:j + reach[1]:stride]
      for i in range(window) for j in range(window)], axis=-1)


def _fused(scores: Array, rows: int, columns: int) -> Array:
  """Adds each score to its neighbours on the diagonals of the matrix.

  First with the places in the order of rows, then in the order of columns.

  Args:
    scores: (B, rows * columns, rows * columns).
    rows: height of the map of places.
    columns: width of the map of places.
  """
  def diagonal(x: Array) -> Array:
    size = x.shape[-1]
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1)))
    first, middle, last = (padded[:, i:i + size, i:i + size] for i in range(3))
    return first + middle + last

  def transposed(x: Array, height: int, width: int) -> Array:
    x = x.reshape(-1, height, width, height, width).transpose(0, 2, 1, 4, 3)
    return x.reshape(scores.shape)

  by_columns = diagonal(transposed(diagonal(scores), rows, columns))
  return transposed(by_columns, columns, rows)


def _overlapped(patches: Array) -> Array:
  """Returns the sum (B, 2 h, 2 w, C) of overlapping patches.

  Args:
    patches: (B, h, w, 4, 4, C), each two pixels right of or below the one
      before. What lies outside of the result is dropped.
  """
  for axis in (1, 2):
    # The rows of the patches are the fourth axis. When those are summed, the
    # columns are the fourth axis.
    first, second, third, fourth = (patches[:, :, :, i] for i in range(4))
    even = second + _shifted(fourth, 1, axis)
    odd = third + _shifted(first, -1, axis)
    patches = jnp.stack([even, odd], axis=axis + 1)
    patches = patches.reshape(
        *patches.shape[:axis], -1, *patches.shape[axis + 2:])
  return patches


def _shifted(x: Array, by: int, axis: int) -> Array:
  """Moves x along an axis, with zeros where nothing comes from."""
  padding = [(0, 0)] * x.ndim
  padding[axis] = (max(by, 0), max(-by, 0))
  start = max(-by, 0)
  return lax.slice_in_dim(jnp.pad(x, padding), start, start + x.shape[axis],
                          axis=axis)
