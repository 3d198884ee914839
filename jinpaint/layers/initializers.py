"""First weights, drawn by programs that are compiled once for each shape.

Flax's initialisers, compiled. A network with a hundred kernels has some thirty
shapes of them, and to compile the drawing of each kernel takes longer than
anything else that its first weights need.
"""

import functools

from flax import linen as nn
import jax

Initializer = nn.initializers.Initializer


def _compiled(initializer: Initializer) -> Initializer:
  return jax.jit(initializer, static_argnums=(1, 2))


@functools.cache
def normal(deviation: float) -> Initializer:
  """Returns what draws from a normal distribution around 0.

  Args:
    deviation: its standard deviation.
  """
  return _compiled(nn.initializers.normal(deviation))


# Kaiming He et al., 2015, arXiv:1502.01852, for rectifiers.
he_normal: Initializer = _compiled(nn.initializers.he_normal())

# The start values of PyTorch, uniform in +-1 / sqrt(fan in). The fan in of a
# transposed convolution is computed from its output channels.
pytorch: Initializer = _compiled(
    nn.initializers.variance_scaling(1 / 3, 'fan_in', 'uniform'))
pytorch_transposed: Initializer = _compiled(
    nn.initializers.variance_scaling(1 / 3, 'fan_out', 'uniform'))
