"""Checks of the arguments of losses; each raises a ValueError that says why."""

import jax.numpy as jnp

from jinpaint.types import Array


def floats(**arrays: Array) -> None:
  """Checks for floating point: differences of unsigned bytes would wrap."""
  for name, x in arrays.items():
    if not jnp.issubdtype(x.dtype, jnp.floating):
      raise ValueError(f'{name} must be floats, not {x.dtype}')


def images(**arrays: Array) -> None:
  """Checks for floats of four dimensions."""
  floats(**arrays)
  for name, x in arrays.items():
    if x.ndim != 4:
      raise ValueError(f'{name} must be (B, H, W, C), not {x.shape}')


def same_shape(**arrays: Array) -> None:
  """Checks for floats of one shape."""
  floats(**arrays)
  if len({x.shape for x in arrays.values()}) > 1:
    shapes = ', '.join(f'{name} {x.shape}' for name, x in arrays.items())
    raise ValueError(f'shapes must be equal: {shapes}')


def mask_of(mask: Array, **image: Array) -> None:
  """Checks that the mask has one channel, or as many as the image."""
  images(mask=mask, **image)
  (name, x), = image.items()
  if mask.shape not in ((*x.shape[:3], 1), x.shape):
    raise ValueError(f'the mask of {name} {x.shape} must have that shape or '
                     f'{(*x.shape[:3], 1)}, not {mask.shape}')
