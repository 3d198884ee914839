"""Filling holes smoothly, by differential equations, without any weight."""

from collections.abc import Callable

from jax import lax
import jax.numpy as jnp

from jinpaint.types import Array

# Of the conjugate gradients at each scale. What the coarser scales leave to a
# scale is a few of its pixels wide, and so many steps reach across it.
_STEPS = 16
# So often an image is halved whose size is not known: to one pixel, if its
# longer side has 16,384 of them.
_MOST_HALVINGS = 14
# Scales, from the finest on, at which `biharmonic` is biharmonic. What is still
# a hole at an eighth of the size is too wide to go on with slopes across it.
_SCALES = 3


def harmonic(image: Array, mask: Array) -> Array:
  """Returns an image whose holes obey Laplace's equation, but for its border.

  A filled pixel is the mean of its neighbours: colours go over into each other,
  and none lies outside of those around the hole.

  Args:
    image: (B, H, W, C), of which only known pixels are read.
    mask: (B, H, W, 1), 1 = hole.

  Returns:
    (B, H, W, C); known pixels as they are; 0 where an image has none.
  """
  return _filled(image, mask, _halvings(mask.shape[1:3]), scales=0)


def biharmonic(image: Array, mask: Array) -> Array:
  """Returns an image whose thin holes obey the biharmonic equation.

  Slopes of the colours go on into a hole, as in scikit-image's
  `inpaint_biharmonic`, from which it differs by where it stops: thin holes come
  out alike, and wide ones, where slopes would lead far off, are harmonic.
  Filled colours may lie outside of those around the hole.

  Arguments and result are those of `harmonic`.
  """
  return _filled(image, mask, _halvings(mask.shape[1:3]), scales=_SCALES)


def _halvings(size: tuple[int, ...]) -> int:
  """Returns how often an image is halved until it is one pixel.

  Where it is traced for any size (`jax.export`), it is halved as often as large
  ones are: a pixel that is halved stays the same.
  """
  if not all(isinstance(extent, int) for extent in size):
    return _MOST_HALVINGS
  return (max(size) - 1).bit_length()


def _filled(image: Array, mask: Array, halvings: int, scales: int) -> Array:
  """Solves the equation from coarse to fine.

  Known pixels are averaged, two by two, until none is missing; then each scale
  starts from the next coarser one. So wide holes take hardly longer than thin
  ones.

  Args:
    image: (B, H, W, C).
    mask: (B, H, W, 1).
    halvings: how many coarser scales there are.
    scales: how many scales from here on are biharmonic; all coarser ones are
      harmonic.
  """
  known = jnp.where(mask > 0.5, 0, image)
  if not halvings:
    return known
  share = _halved((mask <= 0.5).astype(image.dtype))
  coarse = _filled(_halved(known) / jnp.where(share > 0, share, 1),
                   (share == 0).astype(image.dtype), halvings - 1,
                   max(0, scales - 1))
  start = jnp.where(mask > 0.5, _doubled(coarse, image.shape[1:3]), image)

  def operator(x: Array) -> Array:
    steep = _laplacian(_laplacian(x)) if scales else _laplacian(x)
    return jnp.where(mask > 0.5, steep, 0)

  return _solved(operator, start)


def _solved(operator: Callable[[Array], Array], x: Array) -> Array:
  """Brings `operator(x)` nearer to 0, by the method of conjugate gradients.

  Each image and channel is a system of its own. `jax.scipy.sparse.linalg.cg`
  takes a batch for one system, and one image's would decide for all others.
  """
  def product(a: Array, b: Array) -> Array:
    return jnp.sum(a * b, axis=(1, 2), keepdims=True)

  def quotient(a: Array, b: Array) -> Array:
    return jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)

  def step(_: int, state: tuple[Array, ...]) -> tuple[Array, ...]:
    x, residual, direction, error = state
    moved = operator(direction)
    length = quotient(error, product(direction, moved))
    x, residual = x + length * direction, residual - length * moved
    left = product(residual, residual)
    return x, residual, residual + quotient(left, error) * direction, left

  residual = -operator(x)
  start = x, residual, residual, product(residual, residual)
  return lax.fori_loop(0, _STEPS, step, start)[0]


def _laplacian(x: Array) -> Array:
  """Returns each pixel's differences to its four neighbours, summed."""
  padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='edge')
  return 4 * x - (padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
                  + padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:])


def _halved(x: Array) -> Array:
  """Returns the means of 2 x 2 pixels, zeros beyond an odd border."""
  # No window reaches what is added to an even size.
  return lax.reduce_window(x, 0.0, lax.add, (1, 2, 2, 1), (1, 2, 2, 1),
                           ((0, 0), (0, 1), (0, 1), (0, 0))) / 4


def _doubled(x: Array, size: tuple[int, ...]) -> Array:
  """Returns twice the size, bilinear, cut to `size`."""
  for axis in (1, 2):
    padding = [(0, 0)] * x.ndim
    padding[axis] = (1, 1)
    padded = jnp.pad(x, padding, mode='edge')
    before, after = (
        lax.slice_in_dim(padded, start, start + x.shape[axis], axis=axis)
        for start in (0, 2))
    pairs = jnp.stack([0.25 * before + 0.75 * x, 0.75 * x + 0.25 * after],
                      axis + 1)
    x = pairs.reshape(*x.shape[:axis], -1, *x.shape[axis + 1:])
  return x[:, :size[0], :size[1]]
