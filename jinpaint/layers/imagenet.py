"""Images as networks that were trained on ImageNet expect them."""

import jax.numpy as jnp

from jinpaint.types import Array

# Of the red, green and blue channels in [0, 1], as torchvision's weights and
# those of the ADE20k encoder expect them.
MEAN = (0.485, 0.456, 0.406)
STANDARD_DEVIATION = (0.229, 0.224, 0.225)


def standardize(image: Array) -> Array:
  """Subtracts ImageNet's mean and divides by its standard deviation.

  Args:
    image: RGB (B, H, W, 3) in [0, 1].

  Returns:
    (B, H, W, 3), about -2.1 to 2.6.
  """
  return (image - jnp.asarray(MEAN, image.dtype)) / jnp.asarray(
      STANDARD_DEVIATION, image.dtype)


def unstandardize(image: Array) -> Array:
  """Returns the RGB image (B, H, W, 3) of which `standardize` made `image`."""
  return image * jnp.asarray(STANDARD_DEVIATION, image.dtype) + jnp.asarray(
      MEAN, image.dtype)
