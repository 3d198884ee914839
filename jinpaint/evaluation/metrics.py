"""The arithmetic: functions that compare two batches of images.

Papers of this field print numbers of one name and several definitions: SSIM of
gray images with a window of 51 pixels beside SSIM of colours with one of 11,
"L1" as a mean and as a ratio of sums. So every definition has its own function
here. `jinpaint.evaluation.measures` makes the columns of a table of them.

All functions can be jitted. They return float32 (B,), one value for each image,
also where published code returns one value for a whole batch. Arrays of a wrong
shape and arrays of integers raise a ValueError. The arguments are:

  prediction: (B, H, W, 3 or 1), floats in [0, 1].
  image: the truth, of the same shape; edges have one channel.
  mask: (B, H, W, 1), 1 = hole.
  where: (B, H, W, 1), 1 = the pixel counts; None = all pixels count. An image
    without a pixel to count gives nan, unless the function says otherwise.
"""

from collections.abc import Callable
import functools

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint.images import LUMINANCE, to_gray
from jinpaint.types import Array

_C1, _C2 = 0.01 ** 2, 0.03 ** 2  # Wang et al.'s constants for a range of 1


def psnr(prediction: Array, image: Array, where: Array | None = None) -> Array:
  """Returns 10 log10(1 / mean squared error) in dB; higher is better.

  The mean runs over pixels and channels. Identical images give +inf, for which
  EdgeConnect's and ISNet's code prints 0.
  """
  prediction, image, where = _checked(prediction, image, where)
  return -10 * jnp.log10(_mean(jnp.square(prediction - image), where))


def l1(prediction: Array, image: Array, where: Array | None = None) -> Array:
  """Returns mean |prediction - image|, in [0, 1]; lower is better.

  ISNet's "L1 (%)" is 100 times that number, of the whole composite; MMagic's
  is that of the hole alone.
  """
  prediction, image, where = _checked(prediction, image, where)
  return _mean(jnp.abs(prediction - image), where)


def relative_l1(prediction: Array, image: Array, where: Array | None = None,
                *, by: str = 'image') -> Array:
  """Returns sum |prediction - image| / a sum of brightness; lower is better.

  EdgeConnect publishes two numbers of this kind as "mae". `by='image'` gives
  that of the training log, divided by sum(image): in [0, inf]. `by='both'`
  gives that of the evaluation script, divided by sum(prediction + image): in
  [0, 1]; the script measures `gray` images. Black against black gives nan.
  """
  if by not in ('image', 'both'):
    raise ValueError(f"by is 'image' or 'both', not {by!r}")
  prediction, image, where = _checked(prediction, image, where)
  brightness = image if by == 'image' else image + prediction
  return _mean(jnp.abs(prediction - image), where) / _mean(brightness, where)


def gray(image: Array) -> Array:
  """Returns 0.2125 R + 0.7154 G + 0.0721 B, (B, H, W, 1).

  EdgeConnect's script measures on this gray, scikit-image's. Gray images come
  back as they are.
  """
  if image.shape[-1] == 1:
    return image
  return to_gray(jnp.asarray(image, jnp.float32), LUMINANCE)


def ssim(prediction: Array, image: Array, where: Array | None = None,
         *, window: int = 7) -> Array:
  """Returns scikit-image's structural similarity; 1 is identical.

  `structural_similarity(..., data_range=1, channel_axis=-1)` with its
  defaults: a uniform window (odd, at least 3), sample covariances, each channel
  for itself, the mean over the pixels whose window lies inside the image.
  An image smaller than the window is a ValueError, as it is there.
  `where` averages the same map: windows reach over its edge, and the outer
  `window // 2` pixels of the image do not count.
  """
  if window < 3 or window % 2 == 0:
    raise ValueError(f'window is odd and at least 3, not {window}')
  prediction, image, where = _checked(prediction, image, where)
  where = _inner(where, image, window)
  return 1 - _mean(
      _dissimilarity(prediction, image, taps=(1 / window,) * window,
                     covariance_scale=window ** 2 / (window ** 2 - 1)), where)


def ssim_uniform(prediction: Array, image: Array, where: Array | None = None,
                 *, window: int = 51) -> Array:
  """Returns the `ssim` of EdgeConnect's evaluation script: gray, window 51.

  EdgeConnect's table, and the columns that ISNet's and CFS's tables quote, are
  of this kind. The script reads 8-bit files; nothing is rounded here.
  """
  prediction, image, _ = _checked(prediction, image, where)
  return ssim(gray(prediction), gray(image), where, window=window)


def ssim_range_2(prediction: Array, image: Array, where: Array | None = None
                 ) -> Array:
  """Returns the `ssim` of SketchRefiner's evaluation script: gray, range 2.

  The script gives scikit-image's old `compare_ssim` no range of values. For
  floats that takes 2, from -1 to 1, and so four times the constants: the number
  is nearer to 1. The script reads BGR and makes it gray as if it were RGB:
  0.0721 R + 0.7154 G + 0.2125 B. It reads 8-bit files; nothing is rounded here.
  """
  prediction, image, _ = _checked(prediction, image, where)
  # A range of 2 is one of 1 for half the values.
  return ssim(gray(prediction[..., ::-1]) / 2, gray(image[..., ::-1]) / 2,
              where)


def ssim_gaussian(prediction: Array, image: Array,
                  where: Array | None = None) -> Array:
  """Returns the SSIM of ISNet's test code; 1 is identical.

  Wang et al., 2004, "Image Quality Assessment: From Error Visibility to
  Structural Similarity", define it with a Gaussian window of 11 x 11, sigma 1.5
  and biased covariances. ISNet's code takes each channel for itself, and it
  continues the images with zeros: the outer 5 pixels count, and images of any
  size are accepted. A `where` without those pixels gives the number of Wang et
  al. As in `ssim`, `where` says over which pixels the map is averaged.
  """
  prediction, image, where = _checked(prediction, image, where)
  padded = [jnp.pad(x, ((0, 0), (5, 5), (5, 5), (0, 0)))
            for x in (prediction, image)]
  return 1 - _mean(
      _dissimilarity(*padded, taps=_bell(), covariance_scale=1.0), where)


def ssim_gaussian_inner(prediction: Array, image: Array,
                        where: Array | None = None) -> Array:
  """Returns the SSIM of MMagic's and MAT's code: Wang et al.'s own.

  It is `ssim_gaussian` over the pixels whose window lies inside the image: the
  outer 5 do not count, and an image must have at least 11 x 11 pixels. Both
  programs read 8-bit images in [0, 255]; nothing is rounded here.

  Raises:
    ValueError: as all functions here, or an image is smaller than the window.
  """
  prediction, image, where = _checked(prediction, image, where)
  inner = _inner(where, image, window=11)
  return 1 - _mean(
      _dissimilarity(prediction, image, taps=_bell(), covariance_scale=1.0),
      inner)


def jaccard_soft(prediction: Array, image: Array,
                 where: Array | None = None) -> Array:
  """Returns sum(ab) / (sum a + sum b - sum(ab)) of intensities, in [0, 1].

  A perfect prediction gives 1 only where the image is black and white: a grey
  of 0.5 against itself gives 1/3. Black against black gives 0.
  """
  prediction, image, where = _checked(prediction, image, where)
  both = _mean(prediction * image, where)
  either = _mean(prediction, where) + _mean(image, where) - both
  return both / (either + 1e-15)


def jaccard_hole(prediction: Array, image: Array, mask: Array) -> Array:
  """Returns `jaccard_soft` of the hole's pixels; nan without a hole."""
  return jaccard_soft(prediction, image, mask)


def jaccard_tolerance(prediction: Array, image: Array, mask: Array,
                      *, tolerance: float = 0.1) -> Array:
  """Returns matched pixels / pixels of the hole, in [0, 1]; higher is better.

  A pixel is matched if no channel is off by more than `tolerance`. An image
  without a hole gives nan.
  """
  prediction, image, where = _checked(prediction, image, mask)
  off = jnp.max(jnp.abs(prediction - image), axis=-1, keepdims=True)
  return _mean((off <= tolerance).astype(jnp.float32), where)


def edge_precision(prediction: Array, edge: Array, where: Array | None = None,
                   *, threshold: float = 0.5) -> Array:
  """Returns the share of predicted edge pixels that are edges, in [0, 1].

  Counted as in EdgeConnect's and ISNet's code, which looks at the hole. Edges
  are pixels above the threshold. A predicted edge beside a true one is wrong:
  no distance is tolerated. If no edge is predicted, the share is 1 where there
  is no true edge either (or no pixel to count), and 0 elsewhere.
  """
  predicted, true = _edge_pixels(prediction, edge, where, threshold)
  return _share(predicted, true)


def edge_recall(prediction: Array, edge: Array, where: Array | None = None,
                *, threshold: float = 0.5) -> Array:
  """Returns the share of true edge pixels that are predicted, in [0, 1].

  Counted as in `edge_precision`. If there is no true edge, the share is 1 where
  none is predicted either (or no pixel counts), and 0 elsewhere.
  """
  predicted, true = _edge_pixels(prediction, edge, where, threshold)
  return _share(true, predicted)


def edge_f1(prediction: Array, edge: Array, where: Array | None = None,
            *, threshold: float = 0.5) -> Array:
  """Returns the harmonic mean of precision and recall, in [0, 1].

  2 hits / (predicted edges + true edges), counted as in `edge_precision`. It is
  1 if there are neither predicted nor true edges.
  """
  predicted, true = _edge_pixels(prediction, edge, where, threshold)
  both = _count(predicted) + _count(true)
  hits = 2 * _count(predicted & true)
  return jnp.where(both > 0, hits / jnp.maximum(both, 1), 1)


def edges_predicted(prediction: Array, edge: Array, where: Array | None = None,
                    *, threshold: float = 0.5) -> Array:
  """Returns how many pixels are predicted to be edges."""
  return _count(_edge_pixels(prediction, edge, where, threshold)[0])


def edges_true(prediction: Array, edge: Array, where: Array | None = None,
               *, threshold: float = 0.5) -> Array:
  """Returns how many pixels are edges."""
  return _count(_edge_pixels(prediction, edge, where, threshold)[1])


def edge_accuracy(prediction: Array, edge: Array, where: Array | None = None,
                  *, threshold: float = 0.5) -> Array:
  """Returns the share of pixels classed right, edge or not, in [0, 1].

  The CFS paper (section 4.1) reports "77% accuracy" without a definition; its
  code logs precision and recall. Edges are rare: predicting none scores high.
  """
  prediction, edge, where = _checked(prediction, edge, where, channels=(1,))
  right = (prediction > threshold) == (edge > threshold)
  return _mean(right.astype(jnp.float32), where)


def _bell() -> tuple[float, ...]:
  """Returns the weights of a Gaussian window of 11 pixels, sigma 1.5."""
  bell = np.exp(-np.square(np.arange(-5, 6) / 1.5) / 2)
  return tuple((bell / bell.sum()).tolist())


@functools.partial(jax.jit, static_argnames=('taps', 'covariance_scale'))
def _dissimilarity(prediction: Array, image: Array, *, taps: tuple[float, ...],
                   covariance_scale: float) -> Array:
  """Returns the map of 1 - SSIM, smaller than the images by the window less 1.

  With d = a - b, 2 cov(a, b) = var(a) + var(b) - var(d): both factors of SSIM
  become 1 minus a ratio that is exactly 0 where the images agree.
  """
  mean = jnp.concatenate([prediction, image, prediction - image], axis=-1)
  variance = jnp.zeros_like(mean)
  for axis in (1, 2):
    mean, variance = _moments_along(axis, mean, variance, taps)
  a, b, d = jnp.split(mean, 3, axis=-1)
  var_a, var_b, var_d = jnp.split(covariance_scale * variance, 3, axis=-1)
  luminance = jnp.square(d) / (jnp.square(a) + jnp.square(b) + _C1)
  structure = var_d / (var_a + var_b + _C2)
  return luminance + structure - luminance * structure


def _moments_along(axis: int, mean: Array, variance: Array,
                   taps: tuple[float, ...]) -> tuple[Array, Array]:
  """Merges the moments of neighbours along an axis, weighted by `taps`.

  The law of total variance: the mean of the variances plus the variance of the
  means. Nothing cancels, as float32's E[x^2] - E[x]^2 would. A loop over the
  taps compiles and runs faster than 51 unrolled terms or a convolution.
  """
  size = mean.shape[axis] - len(taps) + 1
  weights = jnp.asarray(taps, mean.dtype)

  def neighbour(x: Array, k: Array | int) -> Array:
    return lax.dynamic_slice_in_dim(x, k, size, axis)

  def weighted_sum(term: Callable[[Array], Array]) -> Array:
    return lax.fori_loop(
        0, len(taps), lambda k, total: total + weights[k] * term(k),
        jnp.zeros_like(neighbour(mean, 0)))

  merged = weighted_sum(lambda k: neighbour(mean, k))
  return merged, weighted_sum(
      lambda k: neighbour(variance, k)
      + jnp.square(neighbour(mean, k) - merged))


def _edge_pixels(prediction: Array, edge: Array, where: Array | None,
                 threshold: float) -> tuple[Array, Array]:
  """Returns where edges are predicted and where they are, (B, H, W, 1) bool."""
  prediction, edge, where = _checked(prediction, edge, where, channels=(1,))
  counts = jnp.asarray(True) if where is None else where
  return (prediction > threshold) & counts, (edge > threshold) & counts


def _count(pixels: Array) -> Array:
  """Returns the number of true pixels of each image, (B,)."""
  return jnp.sum(pixels, axis=(1, 2, 3), dtype=jnp.float32)


def _share(whole: Array, other: Array) -> Array:
  """Returns the share of the pixels of `whole` that are in `other`, (B,).

  Without a pixel in `whole` it is 1 if `other` has none either, else 0.
  """
  share = _count(whole & other) / jnp.maximum(_count(whole), 1)
  return jnp.where(_count(whole) > 0, share, 1 - jnp.sign(_count(other)))


def _mean(x: Array, where: Array | None) -> Array:
  """Returns the mean of (B, H, W, C) over the pixels of `where`, (B,)."""
  if where is None:
    return jnp.mean(x, axis=(1, 2, 3))
  # Selected, not multiplied: pixels that do not count may be nan.
  total = jnp.sum(jnp.where(where, x, 0), axis=(1, 2, 3))
  numbers = x.shape[-1] * jnp.sum(where, axis=(1, 2, 3), dtype=jnp.int32)
  return total / numbers.astype(jnp.float32)


def _inner(where: Array | None, image: Array, window: int) -> Array | None:
  """Returns `where` without the pixels whose window leaves the image.

  Raises:
    ValueError: the image is smaller than the window.
  """
  if min(image.shape[1:3]) < window:
    raise ValueError(f'SSIM with a window of {window} x {window} needs images '
                     f'of at least that size, not {image.shape}')
  border = window // 2
  return where if where is None else where[:, border:-border, border:-border]


def _checked(prediction: Array, image: Array, where: Array | None,
             channels: tuple[int, ...] = (1, 3)
             ) -> tuple[Array, Array, Array | None]:
  """Returns the images as float32 and `where` as bool.

  Raises:
    ValueError: shapes do not fit together, or an image is not of floats.
  """
  if (image.ndim != 4 or image.shape[-1] not in channels
      or prediction.shape != image.shape):
    raise ValueError(
        f'prediction {prediction.shape} and image {image.shape} must have one '
        f'shape (B, H, W, {" or ".join(map(str, channels))})')
  for name, x in (('prediction', prediction), ('image', image)):
    if not jnp.issubdtype(x.dtype, jnp.floating):
      raise ValueError(f'{name} must be floats in [0, 1], not {x.dtype}')
  if where is not None:
    if where.shape != (*image.shape[:3], 1):
      raise ValueError(f'a mask for images {image.shape} must be '
                       f'{(*image.shape[:3], 1)}, not {where.shape}')
    where = jnp.asarray(where, jnp.float32) > 0.5
  return (jnp.asarray(prediction, jnp.float32),
          jnp.asarray(image, jnp.float32), where)
