"""EdgeConnect: one network completes the edges, the next one the image.

Kamyar Nazeri, Eric Ng, Tony Joseph, Faisal Qureshi and Mehran Ebrahimi, 2019,
arXiv:1901.00212, "EdgeConnect: Generative Image Inpainting with Adversarial
Edge Learning", section 3, with the sizes of the published code. Encoder,
residual blocks and decoder are in `jinpaint.layers.encoder_decoder`, the
discriminator is in `jinpaint.networks.patchgan`.
"""

from typing import Any

from flax import linen as nn
import jax.numpy as jnp

from jinpaint.layers import initializers
from jinpaint.layers.encoder_decoder import (
    check_size,
    Decoder,
    Encoder,
    ResidualBlocks,
)
from jinpaint.types import Array

edgeconnect_init = initializers.normal(0.02)


class EdgeGenerator(nn.Module):
  """Completes the edges of a damaged image: G1 of section 3.1.

  Attributes:
    widths: channels of the encoder; the decoder has them in reverse.
    blocks: residual blocks between the two.
    spectral_norm: whether all kernels but the last are divided by their
      spectral norms.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, int, int] = (64, 128, 256)
  blocks: int = 8
  spectral_norm: bool = True
  kernel_init: nn.initializers.Initializer = edgeconnect_init

  divisor = 4  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the edges of the whole image.

    Args:
      x: (B, H, W, 3), the gray image in [0, 1], 1 in holes; its edges, 0 in
        holes; and the mask, 1 = hole.
      train: whether the spectral vectors move.

    Returns:
      Edges (B, H, W, 1) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 4.
    """
    return nn.sigmoid(_unbounded(self, x, 1, train))


class InpaintGenerator(nn.Module):
  """Completes an image whose edges are known: G2 of section 3.2.

  Attributes:
    widths: channels of the encoder; the decoder has them in reverse.
    blocks: residual blocks between the two.
    spectral_norm: as in `EdgeGenerator`; the published network has none.
    kernel_init: initialiser of every kernel.
  """

  widths: tuple[int, int, int] = (64, 128, 256)
  blocks: int = 8
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = edgeconnect_init

  divisor = 4  # of height and width

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Predicts the whole image.

    Args:
      x: (B, H, W, 4), RGB in [0, 1], 1 in holes, and the edges.
      train: whether the spectral vectors move, if there are any.

    Returns:
      RGB (B, H, W, 3) in (0, 1).

    Raises:
      ValueError: H or W is not a multiple of 4.
    """
    return (jnp.tanh(_unbounded(self, x, 3, train)) + 1) / 2


def _unbounded(net: EdgeGenerator | InpaintGenerator, x: Array, features: int,
               train: bool) -> Array:
  """Returns the output (B, H, W, features) before its last activation."""
  check_size(x, net.divisor)
  options: dict[str, Any] = {'spectral_norm': net.spectral_norm,
                             'kernel_init': net.kernel_init}
  first, second, _ = net.widths
  x = Encoder(net.widths, **options, name='encoder')(x, train)
  x = ResidualBlocks(net.blocks, **options, name='middle')(x, train)
  return Decoder(((second, 2), (first, 2)), features, **options,
                 name='decoder')(x, train)
