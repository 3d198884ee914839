"""Images, predictions and masks that tests of scores compare."""

import numpy as np


def random_case(rng, shape=(3, 24, 31, 3)):
  """A prediction, a related image and a mask with a hole in every example."""
  image = rng.random(shape, np.float32)
  noise = rng.normal(0, 0.2, shape)
  prediction = np.clip(image + noise, 0, 1).astype(np.float32)
  mask = (rng.random((*shape[:3], 1)) < 0.3).astype(np.float32)
  return prediction, image, mask


def full(value, shape=(1, 8, 8, 3)):
  """Images of one value."""
  return np.full(shape, value, np.float32)


def left_half(shape=(1, 8, 8, 1)):
  """Masks whose hole is the left half."""
  mask = np.zeros(shape, np.float32)
  mask[:, :, :shape[2] // 2] = 1
  return mask
