"""Convolutions and their gradients in forms that XLA runs fast on CPUs.

The scalar <y, kernel * x> is linear in the image x, in the kernel and in the
map y, which makes three functions of any two of them:

- `correlate(x, kernel)`, the convolution;
- `spread(y, kernel)`, its transpose, the gradient for the image;
- `weigh(x, y)`, the gradient for the kernel.

The gradients of each are the other two, so that derivatives of every order
take these forms as well. The sums are those of `lax.conv_general_dilated`. What
XLA's CPU backend makes of some plain convolutions, and of JAX's own gradients,
is up to a hundred times slower: see `benchmarks/convolutions.md`. Only
reverse-mode derivatives exist; `jax.jvp` raises an error.
"""

from collections.abc import Callable, Sequence
import functools
from typing import Any, NamedTuple

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint.types import Array

Pair = tuple[int, int]
Pads = Sequence[Pair]

# Up to this number of features a matrix product uses a small part of what the
# processor can do at once: the kernel's taps are made features as well.
_FEW_FEATURES = 8
# So many are worth it (`_by_rows`), and so many are better all in one matrix
# product (`_weigh_by_unfolding`).
_FEWEST_ROW_FEATURES = 4
_MOST_UNFOLDED_FEATURES = 100


class Geometry(NamedTuple):
  """Where a convolution's window goes; each field is for height and width.

  Attributes:
    image: the size of x.
    window: the number of the kernel's taps.
    strides: steps of the window.
    padding: zeros before and after.
    dilation: distance of the taps; 1 where the stride is not.
  """

  image: Pair
  window: Pair
  strides: Pair
  padding: tuple[Pair, Pair]
  dilation: Pair

  @classmethod
  def of(cls, image: Sequence[int], window: Sequence[int],
         strides: Sequence[int], padding: Sequence[Sequence[int]],
         dilation: Sequence[int]) -> 'Geometry':
    """Returns the geometry, hashable, of sequences of any kind."""
    above_below, left_right = padding
    return cls(_pair(image), _pair(window), _pair(strides),
               (_pair(above_below), _pair(left_right)), _pair(dilation))


def _pair(numbers: Sequence[int]) -> Pair:
  first, second = numbers
  return first, second


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def correlate(x: Array, kernel: Array, geometry: Geometry) -> Array:
  """Returns y (B, H', W', Cout) for x (B, H, W, Cin).

  Args:
    x: (B, H, W, Cin).
    kernel: (kh, kw, Cin, Cout).
    geometry: where the window goes.
  """
  return _convolve(x, kernel, geometry.strides, geometry.padding,
                             geometry.dilation)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def spread(y: Array, kernel: Array, geometry: Geometry) -> Array:
  """Returns x (B, H, W, Cin) for y (B, H', W', Cout); see `correlate`.

  With stride s, the pixels of x whose row and column leave the same remainders
  when divided by s meet the same taps: each of the s * s sets is an ordinary
  convolution of y with a part of the kernel.
  """
  # Where the kernel is smaller than the stride, some sets meet no tap: zeros
  # make the kernel as large as the stride.
  missing = [max(s - k, 0) for s, k in zip(
      geometry.strides, geometry.window, strict=True)]
  kernel = jnp.pad(kernel.swapaxes(2, 3),
                   [*((0, n) for n in missing), (0, 0), (0, 0)])
  rows, columns = (
      [_taps_and_padding(size, taps, stride, pads, dilation, given, remainder)
       for remainder in range(stride)]
      for size, taps, stride, pads, dilation, given in zip(
          geometry.image, kernel.shape[:2], geometry.strides, geometry.padding,
          geometry.dilation, y.shape[1:3], strict=True))
  sets = [
      jnp.stack([
          _convolve(
              y, kernel[row_taps, column_taps][::-1, ::-1], (1, 1),
              (row_padding, column_padding), geometry.dilation)
          for column_taps, column_padding in columns], axis=3)
      for row_taps, row_padding in rows]
  x = jnp.stack(sets, axis=2)
  b, h, row_sets, w, column_sets, c = x.shape
  x = x.reshape(b, h * row_sets, w * column_sets, c)
  return x[:, :geometry.image[0], :geometry.image[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def weigh(x: Array, y: Array, geometry: Geometry) -> Array:
  """Returns the kernel (kh, kw, Cin, Cout) for x and y; see `correlate`.

  With stride s, the taps whose row and column leave the same remainders when
  divided by s meet the same pixels of x: each of the s * s sets is an ordinary
  kernel for a part of x.
  """
  (kh, kw), (sh, sw), features = geometry.window, geometry.strides, y.shape[-1]
  if (sh, sw) == (1, 1):
    if kh * kw == 1 or (features <= _FEW_FEATURES and
                        kh * kw * features <= _MOST_UNFOLDED_FEATURES):
      return _weigh_by_unfolding(x, y, geometry)
    if features <= _FEW_FEATURES:
      return _weigh_by_columns(x, y, geometry)
    return _weigh(_padded(x, geometry), y, geometry.dilation)
  x = _padded(x, geometry)
  kernel = jnp.zeros((kh, kw, x.shape[-1], features), x.dtype)
  for i in range(min(kh, sh)):
    for j in range(min(kw, sw)):
      part = x[:, i::sh, j::sw]
      taps = (kh - i - 1) // sh + 1, (kw - j - 1) // sw + 1
      part = part[:, :y.shape[1] + taps[0] - 1, :y.shape[2] + taps[1] - 1]
      kernel += lax.pad(
          weigh(part, y, Geometry.of(part.shape[1:3], taps, (1, 1),
                                     ((0, 0), (0, 0)), (1, 1))),
          jnp.zeros((), x.dtype),
          [(i, kh - 1 - i - (taps[0] - 1) * sh, sh - 1),
           (j, kw - 1 - j - (taps[1] - 1) * sw, sw - 1), (0, 0, 0), (0, 0, 0)])
  return kernel


def _padded(x: Array, geometry: Geometry) -> Array:
  """Returns x with its padding, without what no tap meets: see `weigh`."""
  ends = []
  for size, window, stride, (before, after), dilation in zip(
      *geometry, strict=True):
    extent = (window - 1) * dilation + 1
    ends.append((before, after - (size + before + after - extent) % stride, 0))
  return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *ends, (0, 0, 0)])


def _weigh(x: Array, y: Array, dilation: Pair) -> Array:
  """Convolves x with y as the kernel, summed over the batch; see `weigh`.

  Args:
    x: padded, and not larger than what the taps meet.
    y: see `correlate`.
    dilation: distance of the taps.
  """
  # Without the barrier XLA would take the padding into the convolution, which
  # makes it twice as slow.
  return lax.conv_general_dilated(
      lax.optimization_barrier(x), y, dilation, [(0, 0), (0, 0)],
      dimension_numbers=('CHWN', 'IHWO', 'HWNC'))


def _weigh_by_columns(x: Array, y: Array, geometry: Geometry) -> Array:
  """Moves y to where each column of taps met x; the columns become features.

  See `weigh`.
  """
  (kh, kw), (dh, dw), features = geometry.window, geometry.dilation, y.shape[-1]
  last = (kw - 1) * dw
  columns = jnp.concatenate([
      jnp.pad(y, [(0, 0), (0, 0), (j * dw, last - j * dw), (0, 0)])
      for j in range(kw)], axis=-1)
  kernel = _weigh(_padded(x, geometry), columns, (dh, 1))
  return kernel.reshape(kh, x.shape[-1], kw, features).swapaxes(1, 2)


def _weigh_by_unfolding(x: Array, y: Array, geometry: Geometry) -> Array:
  """Moves y to where each tap met x, and makes one matrix product.

  See `weigh`.
  """
  kh, kw = geometry.window
  margins = [
      ((k - 1) * d - before, size + before - given, 0)
      for size, k, _, (before, _), d, given in zip(
          *geometry, y.shape[1:3], strict=True)]
  wide = lax.pad(y, jnp.zeros((), y.dtype), [(0, 0, 0), *margins, (0, 0, 0)])
  (height, width), (dh, dw) = geometry.image, geometry.dilation
  unfolded = jnp.concatenate([
      wide[:, i * dh:i * dh + height, j * dw:j * dw + width]
      for i in reversed(range(kh)) for j in reversed(range(kw))], axis=-1)
  kernel = jnp.tensordot(unfolded, x, ((0, 1, 2), (0, 1, 2)))
  return kernel.reshape(kh, kw, y.shape[-1], x.shape[-1]).swapaxes(2, 3)


def depthwise(x: Array, kernel: Array, geometry: Geometry) -> Array:
  """Convolves each channel with its own kernel, (kh, kw, 1, C).

  This is a sum over the taps, because XLA's grouped convolution is twenty times
  slower, as is its convolution of a single channel. It is computed in float32,
  because the gradient for a tap is a sum over all pixels.
  """
  wide = jnp.pad(x.astype(jnp.float32),
                 [(0, 0), *geometry.padding, (0, 0)])
  height, width = (
      (size - (k - 1) * d - 1) // s + 1
      for size, k, s, d in zip(wide.shape[1:3], geometry.window,
                               geometry.strides, geometry.dilation,
                               strict=True))
  (sh, sw), (dh, dw) = geometry.strides, geometry.dilation
  taps = kernel.astype(jnp.float32)
  products = [
      taps[i, j, 0]
      * wide[:, i * dh:, j * dw:][:, :sh * height:sh, :sw * width:sw]
      for i in range(geometry.window[0]) for j in range(geometry.window[1])]
  return functools.reduce(jnp.add, products).astype(x.dtype)


def _convolve(x: Array, kernel: Array, strides: Pair, padding: Pads,
              dilation: Pair) -> Array:
  """Convolves, in the forms in which XLA is fast and right.

  XLA is up to twenty times slower for a window that is larger than the image.
  It reads beyond the image where one side has a negative padding (jaxlib
  0.10.2, with YNNPACK).
  """
  x, padding = _no_smaller_than(
      *_without_negative(x, padding),
      [(k - 1) * d + 1
       for k, d in zip(kernel.shape[:2], dilation, strict=True)])
  features = kernel.shape[-1]
  if strides == (1, 1) and features <= _FEW_FEATURES and (
      kernel.shape[0] > 1 and
      kernel.shape[0] * features >= _FEWEST_ROW_FEATURES):
    return _by_rows(x, kernel, padding, dilation)
  return _plain(x, kernel, strides, padding, dilation)


def _plain(x: Array, kernel: Array, strides: Pair, padding: Pads,
           dilation: Pair, dtype: Any = None) -> Array:
  return lax.conv_general_dilated(
      x, kernel, strides, padding, rhs_dilation=dilation,
      dimension_numbers=('NHWC', 'HWIO', 'NHWC'), preferred_element_type=dtype)


def _by_rows(x: Array, kernel: Array, padding: Pads, dilation: Pair) -> Array:
  """Convolves with each row of the kernel; the rows become features.

  With few features, that is up to five times faster. The rows are added in
  float32 at least, as they would be within one convolution.
  """
  kh, kw, channels, features = kernel.shape
  rows = kernel.transpose(1, 2, 0, 3).reshape(1, kw, channels, kh * features)
  products = _plain(x, rows, (1, 1), padding, (1, dilation[1]),
                    np.promote_types(x.dtype, np.float32))
  products = products.reshape(*products.shape[:3], kh, features)
  height = products.shape[1] - (kh - 1) * dilation[0]
  return functools.reduce(jnp.add, [
      products[:, i * dilation[0]:i * dilation[0] + height, :, i]
      for i in range(kh)]).astype(x.dtype)


def _no_smaller_than(x: Array, padding: Pads, extent: Sequence[int]
                     ) -> tuple[Array, Pads]:
  """Appends zeros of the padding to x, where x is smaller than the window.

  Args:
    x: (B, H, W, C).
    padding: zeros before and after, for height and for width.
    extent: height and width that the window covers.

  Returns:
    x with these zeros, and the padding without them.
  """
  moved = [min(max(least - size, 0), after) for least, size, (_, after) in zip(
      extent, x.shape[1:3], padding, strict=True)]
  if not any(moved):
    return x, padding
  x = jnp.pad(x, [(0, 0), *((0, n) for n in moved), (0, 0)])
  # Without the barrier XLA would make them padding again.
  return lax.optimization_barrier(x), [
      (before, after - n) for (before, after), n in zip(
          padding, moved, strict=True)]


def _without_negative(x: Array, padding: Pads) -> tuple[Array, Pads]:
  """Cuts off x what a negative padding says.

  Args:
    x: (B, H, W, C).
    padding: pixels before and after, for height and for width.

  Returns:
    What is left of x, and the padding, nowhere negative.
  """
  rows, columns = (slice(max(-before, 0), size - max(-after, 0))
                   for size, (before, after) in zip(
                       x.shape[1:3], padding, strict=True))
  return x[:, rows, columns], [
      (max(before, 0), max(after, 0)) for before, after in padding]


def _taps_and_padding(size: int, taps: int, stride: int, padding: Pair,
                      dilation: int, given: int, remainder: int
                      ) -> tuple[slice, Pair]:
  """Returns, along one axis, which convolution of y makes one set of `spread`.

  Row `q * stride + remainder` of x receives, by tap t, row
  `q + (remainder + before - t * dilation) / stride` of y.

  Args:
    size: rows of x.
    taps: taps of the kernel.
    stride: steps of the window.
    padding: zeros before and after.
    dilation: distance of the taps.
    given: rows of y.
    remainder: of the rows of this set, divided by the stride.

  Returns:
    The taps, as a slice of the kernel, and the padding of y.
  """
  before = padding[0]
  first = (remainder + before) % stride
  last = first + (taps - 1 - first) // stride * stride
  from_first, from_last = (
      (remainder + before - tap * dilation) // stride for tap in (first, last))
  rows = -(-size // stride)
  return slice(first, None, stride), (-from_last, rows + from_first - given)


def _define_gradients() -> None:
  """Makes the gradients of each of the three functions the other two."""
  def keep(function: Callable[[Array, Array, Geometry], Array]
           ) -> Callable[..., Any]:
    return lambda a, b, geometry: (function(a, b, geometry), (a, b))

  correlate.defvjp(keep(correlate), lambda geometry, given, y: (
      spread(y, given[1], geometry), weigh(given[0], y, geometry)))
  spread.defvjp(keep(spread), lambda geometry, given, x: (
      correlate(x, given[1], geometry), weigh(x, given[0], geometry)))
  weigh.defvjp(keep(weigh), lambda geometry, given, kernel: (
      spread(given[1], kernel, geometry),
      correlate(given[0], kernel, geometry)))


_define_gradients()
