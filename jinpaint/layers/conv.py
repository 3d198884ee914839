"""Convolutions and linear layers as the published networks define them.

All arrays are NHWC. Weights are float32; a layer computes in the type of its
input. Every layer with `spectral_norm` takes `train`: each call in training
mode moves its spectral vectors, see `jinpaint.layers.norm`.
"""

from collections.abc import Iterator, Sequence
import contextlib
import contextvars

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from jinpaint import errors
from jinpaint.layers import cpu_conv, initializers
from jinpaint.layers.norm import spectrally_normalized
from jinpaint.types import Array

Padding = Sequence[tuple[int, int]]

# PyTorch's names of the padding modes, and NumPy's.
_PADDING_MODES = {'zeros': 'constant', 'reflect': 'reflect',
                  'replicate': 'edge'}

# For which platform convolutions are traced, if not for the one that traces.
_platform = contextvars.ContextVar[str | None]('platform', default=None)


@contextlib.contextmanager
def traced_for(platform: str) -> Iterator[None]:
  """Gives convolutions the form that is fast on a platform.

  Tracing knows nothing of where a program will run, which is this machine
  unless the program is exported. What is traced within must not have been
  traced outside by the same `jax.jit`, which would remember its form.

  Args:
    platform: JAX's name of it: 'cpu', 'cuda', 'tpu'.
  """
  token = _platform.set(platform)
  try:
    yield
  finally:
    _platform.reset(token)


class Conv(nn.Module):
  """A convolution, PyTorch's Conv2d.

  Attributes:
    features: output channels.
    kernel_size: height and width of the window.
    strides: steps in height and width.
    padding: pixels on each side of height and of width; or `'same'`, the rule
      of TensorFlow: as many zeros as ceil(size / stride) outputs need. Of an
      odd number, one more is below and to the right.
    padding_mode: `'zeros'`, `'reflect'` or `'replicate'`.
    dilation: distance of the window's taps.
    groups: independent groups of channels.
    use_bias: whether a bias is learned.
    spectral_norm: whether the kernel is divided by its spectral norm.
    kernel_init: initialiser of the kernel (kh, kw, Cin / groups, features).
  """

  features: int
  kernel_size: tuple[int, int] = (3, 3)
  strides: tuple[int, int] = (1, 1)
  padding: tuple[int, int] | str = (1, 1)
  padding_mode: str = 'zeros'
  dilation: tuple[int, int] = (1, 1)
  groups: int = 1
  use_bias: bool = True
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H', W', features) for x (B, H, W, Cin)."""
    kernel = self.param(
        'kernel', self.kernel_init,
        (*self.kernel_size, x.shape[-1] // self.groups, self.features))
    if self.spectral_norm:
      kernel = spectrally_normalized(self, kernel, train)
    kernel = kernel.astype(x.dtype)
    pads = self._pads(x.shape[1:3])
    if self.padding_mode != 'zeros':
      x, pads = pad(x, pads, self.padding_mode), ((0, 0), (0, 0))
    y = convolve(x, kernel, strides=self.strides, padding=pads,
                 dilation=self.dilation, groups=self.groups)
    return _with_bias(self, y)

  def _pads(self, size: tuple[int, ...]) -> Padding:
    """Returns the padding of an image of the given height and width."""
    if not isinstance(self.padding, str):
      return [(p, p) for p in self.padding]
    errors.check_option('padding', self.padding, ('same',))
    extent = [(k - 1) * d + 1 for k, d in zip(
        self.kernel_size, self.dilation, strict=True)]
    return lax.padtype_to_pads(size, extent, self.strides, 'SAME')


class ConvTranspose(nn.Module):
  """A transposed convolution, PyTorch's ConvTranspose2d.

  Height and width become (size - 1) * stride - 2 * padding + kernel size +
  output padding.

  Attributes:
    features: output channels.
    kernel_size: height and width of the window.
    strides: how far apart in the output the input's pixels are.
    padding: pixels that are cut off each side of height and of width.
    output_padding: pixels below and to the right that are not cut off.
    use_bias: whether a bias is learned.
    spectral_norm: whether the kernel is divided by its spectral norm.
    kernel_init: initialiser of the kernel (kh, kw, Cin, features). Its tap
      (0, 0) is the topmost and leftmost one, as in PyTorch: not flipped.
  """

  features: int
  kernel_size: tuple[int, int] = (4, 4)
  strides: tuple[int, int] = (2, 2)
  padding: tuple[int, int] = (1, 1)
  output_padding: tuple[int, int] = (0, 0)
  use_bias: bool = True
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch_transposed

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (B, H', W', features) for x (B, H, W, Cin)."""
    kernel = self.param('kernel', self.kernel_init,
                        (*self.kernel_size, x.shape[-1], self.features))
    if self.spectral_norm:
      kernel = spectrally_normalized(self, kernel, train)
    y = convolve_transposed(
        x, kernel.astype(x.dtype), strides=self.strides, padding=self.padding,
        output_padding=self.output_padding)
    return _with_bias(self, y)


class Dense(nn.Module):
  """A linear layer, PyTorch's Linear.

  Attributes:
    features: output channels.
    use_bias: whether a bias is learned.
    spectral_norm: whether the kernel is divided by its spectral norm.
    kernel_init: initialiser of the kernel (Cin, features).
  """

  features: int
  use_bias: bool = True
  spectral_norm: bool = False
  kernel_init: nn.initializers.Initializer = initializers.pytorch

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns (..., features) for x (..., Cin)."""
    kernel = self.param('kernel', self.kernel_init,
                        (x.shape[-1], self.features))
    if self.spectral_norm:
      kernel = spectrally_normalized(self, kernel, train)
    return _with_bias(self, x @ kernel.astype(x.dtype))


def pad(x: Array, padding: Padding, mode: str) -> Array:
  """Returns `x` (B, H, W, C) with more pixels on all four sides.

  Args:
    x: (B, H, W, C).
    padding: pixels before and after, for height and for width.
    mode: `'zeros'`; `'reflect'`, which mirrors the image and does not repeat
      the outermost pixel; or `'replicate'`, which repeats the outermost pixel.

  Raises:
    ValueError: the mode is none of these.
  """
  errors.check_option('padding_mode', mode, _PADDING_MODES)
  return jnp.pad(x, ((0, 0), *padding, (0, 0)), mode=_PADDING_MODES[mode])


def convolve(x: Array, kernel: Array, *, strides: tuple[int, int] = (1, 1),
             padding: Padding = ((0, 0), (0, 0)),
             dilation: tuple[int, int] = (1, 1), groups: int = 1) -> Array:
  """Returns the cross-correlation of `x` (B, H, W, Cin) with a kernel.

  Args:
    x: (B, H, W, Cin).
    kernel: (kh, kw, Cin / groups, Cout).
    strides: steps in height and width.
    padding: zeros before and after, for height and for width.
    dilation: distance of the kernel's taps.
    groups: independent groups of channels.
  """
  if _on_cpu():
    geometry = cpu_conv.Geometry.of(
        x.shape[1:3], kernel.shape[:2], strides, padding, dilation)
    if groups == x.shape[-1] == kernel.shape[-1]:
      return cpu_conv.depthwise(x, kernel, geometry)
    if groups == 1 and 1 in (max(strides), max(dilation)):
      return cpu_conv.correlate(x, kernel, geometry)
  return lax.conv_general_dilated(
      x, kernel, strides, padding, rhs_dilation=dilation,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'), feature_group_count=groups)


def convolve_transposed(
    x: Array, kernel: Array, *, strides: tuple[int, int],
    padding: tuple[int, int], output_padding: tuple[int, int] = (0, 0)
    ) -> Array:
  """Returns the transposed convolution of `x`, as `ConvTranspose` defines it.

  Args:
    x: (B, H, W, Cin).
    kernel: (kh, kw, Cin, Cout), not flipped.
    strides: how far apart in the output the input's pixels are.
    padding: pixels that are cut off each side of height and of width.
    output_padding: pixels below and to the right that are not cut off.
  """
  window = kernel.shape[:2]
  if _on_cpu():
    size = [(n - 1) * s - 2 * p + k + extra for n, s, p, k, extra in zip(
        x.shape[1:3], strides, padding, window, output_padding, strict=True)]
    return cpu_conv.spread(x, kernel.swapaxes(2, 3), cpu_conv.Geometry.of(
        size, window, strides, [(p, p) for p in padding], (1, 1)))
  pads = [(k - 1 - p, k - 1 - p + extra) for k, p, extra in zip(
      window, padding, output_padding, strict=True)]
  return lax.conv_general_dilated(
      x, kernel[::-1, ::-1], (1, 1), pads, lhs_dilation=strides,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'))


def _on_cpu() -> bool:
  """Returns whether convolutions are traced in their forms for CPUs."""
  return (_platform.get() or jax.default_backend()) == 'cpu'


def _with_bias(module: Conv | ConvTranspose | Dense, y: Array) -> Array:
  """Adds the bias, a parameter of `module`, if it has one.

  The sum is made in float32: the gradient of a bias is a sum over all pixels,
  which bfloat16 cannot hold.
  """
  if not module.use_bias:
    return y
  bias = module.param('bias', nn.initializers.zeros, (module.features,))
  return (y.astype(jnp.float32) + bias).astype(y.dtype)
