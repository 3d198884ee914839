"""A residual block that several networks are built of."""

from flax import linen as nn

from jinpaint import errors
from jinpaint.layers import initializers
from jinpaint.layers.conv import Conv
from jinpaint.layers.norm import BatchNorm, instance_norm
from jinpaint.types import Array

NORMALIZATIONS = ('instance', 'batch')


class DilatedResidualBlock(nn.Module):
  """The sum x + norm(conv(relu(norm(dilated conv(x))))).

  Both windows are 3x3, with reflect padding. There is no activation after the
  sum. Kamyar Nazeri et al., 2019, arXiv:1901.00212,
  "EdgeConnect", section 3, after Johnson et al., 2016, arXiv:1603.08155.

  Attributes:
    dilation: of the first convolution.
    normalize: `'instance'`, without learned scale and shift, or `'batch'`.
    spectral_norm: whether kernels are divided by their spectral norms; then
      the convolutions have no bias.
    kernel_init: initialiser of both kernels.
  """

  dilation: int = 2
  normalize: str = 'instance'
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H, W, C) for x (B, H, W, C)."""
    errors.check_option('normalize', self.normalize, NORMALIZATIONS)

    def normalized_conv(i: int, x: Array, dilation: int) -> Array:
      both = (dilation, dilation)
      x = Conv(x.shape[-1], padding=both, padding_mode='reflect',
               dilation=both, use_bias=not self.spectral_norm,
               spectral_norm=self.spectral_norm, kernel_init=self.kernel_init,
               name=f'conv_{i}')(x, train)
      if self.normalize == 'batch':
        return BatchNorm(name=f'norm_{i}')(x, train)
      return instance_norm(x)

    y = nn.relu(normalized_conv(1, x, self.dilation))
    return x + normalized_conv(2, y, 1)
