"""The U-Net that mends thin damage: scratches, wires, text and dust.

jinpaint's own, no paper's. Its features have half the size of the image at
most: a pixel unshuffle (Shi et al., 2016, arXiv:1609.05158, backwards) brings
2 x 2 pixels into the channels, so nothing is lost, and a layer costs a quarter.
Its blocks are those of Lim et al., 2017, arXiv:1707.02921 (EDSR): without
norms, so that a picture does not depend on what it is filled with.
"""

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers.conv import Conv
from jinpaint.layers.upsampling import (
    pixel_shuffle,
    pixel_unshuffle,
    SubPixelConv,
)
from jinpaint.types import Array


class Mender(nn.Module):
  """Predicts what smooth fills of the holes lack.

  Attributes:
    widths: channels at a half, a quarter, an eighth, ... of the size.
    blocks: residual blocks at each of these sizes, on the way down and again on
      the way up.
  """

  widths: tuple[int, ...] = (32, 64, 96)
  blocks: tuple[int, ...] = (1, 2, 1)

  @property
  def divisor(self) -> int:
    """The number that height and width must be multiples of."""
    return 2 ** len(self.widths)

  @nn.compact
  def __call__(self, fills: Array, mask: Array, train: bool = False
               ) -> Array:
    """Predicts the difference of the true image to the first of the fills.

    Args:
      fills: (B, H, W, 6), the holes filled in two ways, RGB in [0, 1] each.
      mask: (B, H, W, 1), 1 = hole.
      train: makes no difference.

    Returns:
      (B, H, W, 3); 0 before anything is learned.
    """
    del train
    x = jnp.concatenate([fills - 0.5, mask], axis=-1)
    skips = []
    for i, (width, blocks) in enumerate(
        zip(self.widths, self.blocks, strict=True), start=1):
      x = Conv(width, name=f'down_{i}')(pixel_unshuffle(x, 2))
      for block in range(1, blocks + 1):
        x = Block(name=f'down_{i}_block_{block}')(x)
      skips.append(x)
    x = skips.pop()
    for i in range(len(self.widths), 0, -1):
      for block in range(1, self.blocks[i - 1] + 1):
        x = Block(name=f'up_{i}_block_{block}')(x)
      if skips:
        x = skips.pop() + SubPixelConv(self.widths[i - 2], name=f'up_{i}')(x)
    x = Conv(12, kernel_init=nn.initializers.zeros, name='difference')(x)
    return pixel_shuffle(x, 2)


class Block(nn.Module):
  """Two convolutions whose result is added to their input."""

  @nn.compact
  def __call__(self, x: Array) -> Array:
    """Returns features like `x` (B, H, W, C)."""
    y = nn.relu(Conv(x.shape[-1], name='conv_1')(x))
    return x + Conv(x.shape[-1], name='conv_2')(y)
