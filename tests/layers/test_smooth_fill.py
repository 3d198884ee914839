"""Smooth fills solve their equations, as SciPy and scikit-image do."""

import jax
from jax import export
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from skimage import data, restoration

from jinpaint.data import mask_drawings
from jinpaint.layers import smooth_fill

FILLS = {'harmonic': jax.jit(smooth_fill.harmonic),
         'biharmonic': jax.jit(smooth_fill.biharmonic)}


@pytest.fixture(scope='module')
def photograph():
  """A part of a photograph (192, 200, 3) float32, and its mask: thin damage."""
  image = data.chelsea()[50:242, 100:300].astype(np.float32) / 255
  rng = np.random.default_rng(3)
  mask = mask_drawings.damage(rng, 192, 200, thickness=(2, 9))
  return image, mask


def filled(name, image, mask):
  return np.asarray(FILLS[name](image[None], mask[None, ..., None].astype(
      np.float32)))[0]


def solution_of_laplace(image, mask):
  """Returns the solution by SciPy's sparse factorisation, in float64."""
  height, width = mask.shape
  index = np.full(mask.shape, -1)
  index[mask == 1] = np.arange(mask.sum())
  rows, columns, values = [], [], []
  right = np.zeros((mask.sum(), 3))
  for y, x in np.argwhere(mask == 1):
    here = index[y, x]
    for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
      if not (0 <= v < height and 0 <= u < width):
        continue  # the border reflects: no difference across it
      rows.append(here), columns.append(here), values.append(1.0)
      if mask[v, u]:
        rows.append(here), columns.append(index[v, u]), values.append(-1.0)
      else:
        right[here] += image[v, u]
  matrix = scipy.sparse.csc_matrix((values, (rows, columns)))
  result = image.astype(np.float64)
  result[mask == 1] = scipy.sparse.linalg.splu(matrix).solve(right)
  return result


def test_harmonic_solves_laplace_s_equation(photograph):
  image, mask = photograph
  difference = filled('harmonic', image, mask) - solution_of_laplace(
      image, mask)
  assert np.abs(difference).max() < 1 / 255


def test_biharmonic_is_scikit_image_s_in_thin_damage(photograph):
  image, mask = photograph
  ours = filled('biharmonic', image, mask)
  theirs = restoration.inpaint_biharmonic(image, mask == 1, channel_axis=-1)
  # At the image's border the two continue the image differently.
  inner = np.zeros_like(mask)
  inner[12:-12, 12:-12] = mask[12:-12, 12:-12]
  difference = np.abs(ours - theirs)[inner == 1]
  assert np.median(difference) < 1 / 255
  assert np.percentile(difference, 95) < 8 / 255


def test_biharmonic_goes_on_with_a_slope_and_harmonic_does_not():
  ramp = np.broadcast_to(np.square(np.linspace(0, 1, 64))[None, :, None],
                         (64, 64, 1)).astype(np.float32)
  mask = np.zeros((64, 64), np.uint8)
  mask[20:44, 30:36] = 1
  errors = {name: np.abs(filled(name, ramp, mask) - ramp).max()
            for name in FILLS}
  assert errors['biharmonic'] < 0.2 * errors['harmonic']


@pytest.mark.parametrize('name', FILLS)
def test_known_pixels_stay_and_holes_are_not_read(photograph, name):
  image, mask = photograph
  result = filled(name, image, mask)
  np.testing.assert_array_equal(result[mask == 0], image[mask == 0])
  other = image.copy()
  other[mask == 1] = np.nan
  np.testing.assert_array_equal(filled(name, other, mask), result)


@pytest.mark.parametrize('name', FILLS)
def test_images_of_a_batch_do_not_depend_on_each_other(photograph, name):
  image, mask = photograph
  batch = np.stack([image, 1 - image, image[::-1]])
  masks = np.stack([mask, np.zeros_like(mask), mask[::-1]])[..., None]
  together = FILLS[name](batch, masks.astype(np.float32))
  np.testing.assert_allclose(
      together[0], filled(name, image, mask), atol=1e-5)
  np.testing.assert_array_equal(together[1], batch[1])  # it has no hole


@pytest.mark.parametrize('name', FILLS)
@pytest.mark.parametrize('size', [(1, 1), (1, 7), (5, 3), (33, 18)])
def test_one_known_pixel_fills_an_image_and_without_any_it_is_black(name, size):
  image = np.full((*size, 3), 0.25, np.float32)
  mask = np.ones(size, np.uint8)
  np.testing.assert_array_equal(filled(name, image, mask), 0 * image)
  mask[0, 0] = 0
  np.testing.assert_allclose(filled(name, image, mask), image, atol=1e-4)


@pytest.mark.slow
def test_what_is_traced_for_any_size_fills_as_what_is_traced_for_one(
    photograph, monkeypatch):
  # Six bring 64 pixels to one; that one is halved again.
  monkeypatch.setattr(smooth_fill, '_MOST_HALVINGS', 7)
  height, width = export.symbolic_shape('h, w', constraints=['h >= 4'])
  traced = export.export(jax.jit(smooth_fill.harmonic))(*(
      jax.ShapeDtypeStruct((1, height, width, channels), jnp.float32)
      for channels in (3, 1)))
  image, mask = photograph
  part, hole = image[:64, :5], np.ones_like(mask[:64, :5])
  hole[0, 0] = 0  # the other pixels know it by the coarsest scale alone
  result = jax.jit(traced.call)(
      part[None], hole[None, ..., None].astype(np.float32))[0]
  np.testing.assert_allclose(result, filled('harmonic', part, hole), atol=1e-5)
