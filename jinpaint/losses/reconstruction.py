"""Losses that compare predictions with targets, pixel by pixel.

[Liu] is Guilin Liu et al., 2018, arXiv:1804.07723, "Image Inpainting for
Irregular Holes Using Partial Convolutions", section 3.2. The code of naoto0804
computes the terms of that paper in the same way, but for the total variation.
"""

from jax import lax
import jax.numpy as jnp
import numpy as np
import optax

from jinpaint import devices
from jinpaint.losses import checks, windows
from jinpaint.types import Array


def l1(prediction: Array, target: Array) -> Array:
  """Returns mean |prediction - target|, for arrays of any one shape."""
  checks.same_shape(prediction=prediction, target=target)
  return jnp.mean(jnp.abs(prediction - target))


def l2(prediction: Array, target: Array) -> Array:
  """Returns mean (prediction - target)^2, for arrays of any one shape."""
  checks.same_shape(prediction=prediction, target=target)
  return jnp.mean(optax.squared_error(prediction, target))


def masked_l1(prediction: Array, target: Array, mask: Array, *,
              known: float, missing: float) -> Array:
  """Returns mean (missing m + known (1 - m)) |prediction - target|, m the mask.

  The mean is over *all* elements, whatever their weight. SketchRefiner's
  published code takes `known=10, missing=0`: its inpainting network has no
  pixel-wise loss in the hole.
  """
  checks.same_shape(prediction=prediction, target=target)
  checks.mask_of(mask, prediction=prediction)
  weight = missing * mask + known * (1 - mask)
  return jnp.mean(weight * jnp.abs(prediction - target))


def hole_l1(prediction: Array, target: Array, mask: Array) -> Array:
  """Returns mean m |prediction - target| over *all* elements, m the mask.

  L_hole of [Liu]; its weight is 6 there.
  """
  return masked_l1(prediction, target, mask, known=0.0, missing=1.0)


def valid_l1(prediction: Array, target: Array, mask: Array) -> Array:
  """Returns mean (1 - m) |prediction - target| over *all* elements.

  L_valid of [Liu]; its weight is 1 there.
  """
  return masked_l1(prediction, target, mask, known=1.0, missing=0.0)


def l1_per_hole(prediction: Array, target: Array, mask: Array) -> Array:
  """Returns mean |prediction - target| / mean m, both of the global batch.

  The differences are those of all pixels, known ones too. This is the published
  code of EdgeConnect, ISNet and CFS; the masks of the latter two are 1 where
  pixels are known. There the loss of a batch without a hole is infinite; here
  it is the plain `l1`.
  """
  checks.mask_of(mask, prediction=prediction)
  fraction = devices.mean(jnp.mean(mask))
  return l1(prediction, target) / jnp.where(fraction > 0, fraction, 1)


def total_variation(image: Array) -> Array:
  """Returns mean |horizontal differences| + mean |vertical differences|.

  Each mean is over the pairs of neighbours of the whole image (B, H, W, C), H
  and W at least 2. naoto0804's code takes it of the composite, weight 0.1.
  """
  checks.images(image=image)
  vertical, horizontal = (
      jnp.mean(jnp.abs(jnp.diff(image, axis=axis))) for axis in (1, 2))
  return vertical + horizontal


def hole_total_variation(composite: Array, mask: Array) -> Array:
  """Returns the total variation of the hole and of one pixel around it.

  This is the sum of |composite_p - composite_q| over all neighbours p, q that
  both lie in R, divided by the number of elements of the composite. R is the
  hole, dilated by one pixel in all 8 directions. L_tv of [Liu]; its weight is
  0.1 there.

  Args:
    composite: (B, H, W, C), known pixels as in the image.
    mask: binary, 1 = hole.
  """
  checks.mask_of(mask, composite=composite)
  region = lax.reduce_window(
      mask, -np.inf, lax.max, (1, 3, 3, 1), (1, 1, 1, 1), 'SAME')

  def variation(axis: int) -> Array:
    both = (lax.slice_in_dim(region, 1, None, axis=axis)
            * lax.slice_in_dim(region, 0, -1, axis=axis))
    return jnp.sum(both * jnp.abs(jnp.diff(composite, axis=axis)))

  return (variation(1) + variation(2)) / composite.size


def spatially_variant_weight(mask: Array, *, iterations: int = 7,
                             size: int = 64, sigma: float = 40.0) -> Array:
  """Returns weights Q that become smaller with the distance to known pixels.

  Q starts at 0, and `iterations` times Q becomes m (g * (1 - m + Q)), with m
  the mask and g a Gaussian. The report of InpaintGAN, section 2.4, has the
  formula and the default numbers, but no code. Here g sums to 1, and zeros
  continue the image.

  Args:
    mask: binary, 1 = hole.
    iterations: how often g is applied.
    size: height and width of g in pixels. If it is even, the centre of g lies
      half a pixel below and right of the pixel.
    sigma: standard deviation of g in pixels.

  Returns:
    Q of the shape of the mask, in [0, 1], 0 at known pixels.
  """
  checks.images(mask=mask)
  bell = np.exp(-np.square((np.arange(size) - (size - 1) / 2) / sigma) / 2)
  blurred = lambda x: windows.correlate(
      x, bell / bell.sum(), before=(size - 1) // 2)
  return lax.fori_loop(0, iterations, lambda _, q: mask * blurred(1 - mask + q),
                       jnp.zeros_like(mask))


def spatially_variant(prediction: Array, target: Array, mask: Array) -> Array:
  """Returns mean Q |prediction - target|, Q the `spatially_variant_weight`.

  The SVR loss of InpaintGAN's report, section 2.4, whose norm is taken as a
  mean. In a hole of 32 x 32 pixels Q exceeds 0.999 with the default numbers, so
  that this loss is almost `hole_l1`.
  """
  return hole_l1(prediction, target, spatially_variant_weight(mask))
