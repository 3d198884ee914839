"""Losses that compare refined sketches with edges.

Chang Liu et al., 2023, arXiv:2306.00407, "Towards Interactive Image Inpainting
via Sketch Refinement". The published code takes `l1` and `cross_correlation`.
The other terms are optional; their exact form was chosen for this library.
Norms are means, so that the weight of a term does not depend on the resolution.

The caller clamps sketches to [0, 1] and puts the edges into them outside the
hole.
"""

from collections.abc import Callable, Sequence
import functools
import operator

import jax.numpy as jnp

from jinpaint.losses import checks, windows
from jinpaint.types import Array


def cross_correlation(sketch: Array, edge: Array) -> Array:
  """Returns minus the mean squared correlation of 9 x 9 windows, in [-1, 0].

  -mean c^2 / (v(sketch) v(edge) + 1e-5), with sums S over the n = 81 pixels of
  a window: c = S(sketch edge) - S(sketch) S(edge) / n and
  v(x) = S(x^2) - S(x)^2 / n. Zeros continue the maps, and count as pixels.
  Windows without structure give 0; a negated stroke gives what the stroke
  gives. This is the formula of the published code; its weight there is 0.4 in
  the registration and 0.9 in the enhancement module.
  """
  checks.same_shape(sketch=sketch, edge=edge)
  checks.images(sketch=sketch)
  maps = jnp.stack([sketch, edge, sketch * edge, sketch ** 2, edge ** 2])
  sums = windows.correlate(
      maps.reshape(-1, *sketch.shape[1:]), [1.0] * 9, before=4)
  s, e, product, s_square, e_square = sums.reshape(maps.shape)
  cross = product - s * e / 81
  # Rounding can take the variance of a flat window below 0.
  variance = lambda square, x: jnp.maximum(square - x ** 2 / 81, 0)
  return -jnp.mean(
      cross ** 2 / (variance(s_square, s) * variance(e_square, e) + 1e-5))


def pearson(sketch: Array, edge: Array, mask: Array | None = None) -> Array:
  """Returns minus the batch's mean of Pearson's r, in [-1, 1].

  For each example, with weights m (the mask, or 1 everywhere if that is None)
  and means x' = sum m x / (sum m + 1e-8):
  r = sum m (s - s') (e - e') / sqrt(sum m (s - s')^2 sum m (e - e')^2 + 1e-8).
  Where there is no structure or no hole, r is 0.
  """
  checks.same_shape(sketch=sketch, edge=edge)
  mask = jnp.ones_like(sketch) if mask is None else mask
  checks.mask_of(mask, sketch=sketch)
  mask = jnp.broadcast_to(mask, sketch.shape)
  total = lambda x: jnp.sum(mask * x, axis=(1, 2, 3), keepdims=True)
  centred = lambda x: x - total(x) / (total(1) + 1e-8)
  s, e = centred(sketch), centred(edge)
  return -jnp.mean(
      total(s * e) / jnp.sqrt(total(s ** 2) * total(e ** 2) + 1e-8))


def smoothness(sketch: Array) -> Array:
  """Returns mean |Laplacian| of a sketch (B, H, W, C).

  The Laplacian is the sum of the 4 neighbours of a pixel minus 4 times the
  pixel. Pixels of the border are repeated outside of the sketch.
  """
  checks.images(sketch=sketch)
  x = jnp.pad(sketch, ((0, 0), (1, 1), (1, 1), (0, 0)), mode='edge')
  return jnp.mean(jnp.abs(
      x[:, :-2, 1:-1] + x[:, 2:, 1:-1] + x[:, 1:-1, :-2] + x[:, 1:-1, 2:]
      - 4 * sketch))


def sparsity(sketch: Array) -> Array:
  """Returns mean |sketch|."""
  checks.images(sketch=sketch)
  return jnp.mean(jnp.abs(sketch))


def consistency(sketch: Array, reference: Array) -> Array:
  """Returns mean |sketch (1 - reference)|.

  If the reference is the edge, strokes cost where there is no edge. If it is
  the gray damaged image with white holes,
  `images.to_gray(images.damage(image, mask, fill=1.0))`, strokes cost on dark
  known pixels.
  """
  checks.same_shape(sketch=sketch, reference=reference)
  return jnp.mean(jnp.abs(sketch * (1 - reference)))


def gradient_magnitude(sketch: Array) -> Array:
  """Returns mean sqrt(dx^2 + dy^2 + 1e-12) of a sketch (B, H, W, C).

  dx and dy are forward differences, 0 in the last column and row.
  """
  checks.images(sketch=sketch)
  dy = jnp.diff(sketch, axis=1, append=sketch[:, -1:])
  dx = jnp.diff(sketch, axis=2, append=sketch[:, :, -1:])
  return jnp.mean(jnp.sqrt(dx ** 2 + dy ** 2 + 1e-12))


def multi_scale(loss: Callable[..., Array], *maps: Array,
                mask: Array | None = None,
                factors: Sequence[int] = (4, 2, 1)) -> Array:
  """Returns the mean of a loss over several scales.

  Args:
    loss: a loss of this room, `loss(*maps)`, or `loss(*maps, mask)`.
    *maps: arguments (B, H, W, C) of the loss, which are averaged over
      factor x factor pixels.
    mask: the last argument of the loss, if it has one: the maximum of
      factor x factor pixels is taken.
    factors: by how much the maps are made smaller; each divides H and W.

  Raises:
    ValueError: H or W is not a multiple of a factor.
  """
  def at(factor: int) -> Array:
    smaller = [_pool(x, factor, jnp.mean) for x in maps]
    if mask is not None:
      smaller.append(_pool(mask, factor, jnp.max))
    return loss(*smaller)

  return functools.reduce(operator.add, map(at, factors)) / len(factors)


def _pool(x: Array, factor: int, reduction: Callable[..., Array]) -> Array:
  """Reduces each factor x factor pixels of (B, H, W, C) to one."""
  checks.images(map=x)
  batch, height, width, channels = x.shape
  if height % factor or width % factor:
    raise ValueError(f'height and width must be multiples of {factor}, not '
                     f'{height} and {width}')
  return reduction(x.reshape(batch, height // factor, factor, width // factor,
                             factor, channels), axis=(2, 4))
