"""Pixel arithmetic that systems, evaluation and inference share."""

import jax.numpy as jnp
import numpy as np

from jinpaint.types import Array

# Shares of R, G and B in a gray image: ITU-R BT.601, as OpenCV and Pillow have
# it; CRT luminance, as scikit-image's rgb2gray has it, and so EdgeConnect.
LUMA = (0.299, 0.587, 0.114)
LUMINANCE = (0.2125, 0.7154, 0.0721)


def to_gray(image: Array, shares: tuple[float, float, float] = LUMA) -> Array:
  """Returns gray images (..., 1) of RGB images (..., 3)."""
  return jnp.sum(image * jnp.asarray(shares, image.dtype), axis=-1,
                 keepdims=True)


def stacked(*arrays: Array) -> Array:
  """Returns arrays (B, H, W, C) as one, their channels one after another."""
  return jnp.concatenate(arrays, axis=-1)


def damage(image: Array, mask: Array, fill: float = 0.0) -> Array:
  """Returns `image` (B, H, W, C) with `fill` where `mask` (B, H, W, 1) is 1."""
  return image * (1 - mask) + fill * mask


def composite(prediction: Array, image: Array, mask: Array) -> Array:
  """Returns `prediction` inside the holes and `image` everywhere else.

  The known pixels are selected, not blended: they come back bit for bit.

  Args:
    prediction: (B, H, W, C).
    image: (B, H, W, C), of which only known pixels are read.
    mask: (B, H, W, 1), 1 = hole.
  """
  return jnp.where(mask > 0.5, prediction, image)


def pad_to(image: np.ndarray, height: int, width: int) -> np.ndarray:
  """Extends an image (H, W, ...) at its bottom and right by reflection.

  This is the one form in which pictures, masks, edges and sketches are padded
  to a size that networks take, and `crop` takes it off again. It is that of
  LaMa's program, the only published one that pads: the others refuse such a
  size (EdgeConnect), cut rows and columns off (the PyTorch port of gated
  convolution) or resize all pictures (ISNet, SketchRefiner, PConv). The
  outermost pixel is repeated, and reflection, too, as often as needed, so that
  any size can be reached from any other.
  """
  extra = [(0, height - image.shape[0]), (0, width - image.shape[1])]
  return np.pad(image, extra + [(0, 0)] * (image.ndim - 2), mode='symmetric')


def crop(image: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns the top left `height` x `width` of an image (H, W, ...)."""
  return image[:height, :width]
