"""Pictures and masks on the disk, and what commands made of them."""

from pathlib import Path

import numpy as np

from jinpaint.data import files

SIZE = (37, 53)


def picture(*channels, size=SIZE, dtype=np.uint8, seed=0):
  return np.random.default_rng(seed).integers(
      np.iinfo(dtype).max, size=(*size, *channels), endpoint=True, dtype=dtype)


def hole(size=SIZE):
  mask = np.zeros(size, np.uint8)
  mask[5:20, 10:30] = 255
  return mask


def write(path, pixels):
  files.write(Path(path), files.Picture(pixels))
  return pixels


def read(path):
  return files.read(Path(path)).pixels


def contents(root):
  return {path.relative_to(root).as_posix(): path.read_bytes()
          for path in root.rglob('*') if path.is_file()}


def assert_filled(path, image, mask=None):
  """Known pixels and alpha are the image's own, and the hole is not."""
  mask = hole() if mask is None else mask
  result = read(path)
  assert (result.shape, result.dtype) == (image.shape, image.dtype)
  np.testing.assert_array_equal(result[mask == 0], image[mask == 0])
  if image.shape[2:] == (4,):
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
  assert (result[mask != 0] != image[mask != 0]).mean() > 0.5


def assert_refused(outcome, *words):
  """One line on stderr, which holds these words, and status 2."""
  status, out, err = outcome
  assert status == 2
  assert out == ''
  [line] = err.splitlines()
  assert line.startswith('error: ')
  for word in words:
    assert str(word) in line
