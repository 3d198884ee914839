"""Weights and inputs of golden_edgeconnect_inpaintgan.npz, made again.

Each array is drawn by its own generator, whose seed is its key's CRC-32.
"""

import json
from pathlib import Path
import zlib

import numpy as np

_FOLDER = Path(__file__).parent / 'golden'
_KEYS = json.loads(
    (_FOLDER / 'edgeconnect_inpaintgan_keys.json').read_text())


def golden():
  """Returns what the published code computed, images in NHWC."""
  with np.load(_FOLDER / 'golden_edgeconnect_inpaintgan.npz') as arrays:
    return {key: np.moveaxis(array, 1, -1) if array.ndim == 4 else array
            for key, array in arrays.items()}


def batch(size, images):
  """Returns `image`, `mask` and edges (images, size, size, C)."""
  draw = lambda seed, channels: np.moveaxis(np.random.RandomState(seed).rand(
      images, channels, size, size), 1, -1)
  mask = np.zeros((images, size, size, 1))
  top, left, side = size // 4, size // 8, size // 2
  mask[:, top:top + side, left:left + side] = 1
  image, edge = draw(1234, 3), draw(1235, 1) > 0.9
  arrays = {'image': image, 'mask': mask, 'true_edge': edge,
            'known_edge': edge * (1 - mask)}
  return {key: array.astype(np.float32) for key, array in arrays.items()}


def state_dict(network):
  """Returns the weights of one of the networks that the key file names."""
  shapes = dict(_KEYS[network]['state_dict'])
  state = {}
  for key, shape in shapes.items():
    own = key.replace('features.0', 'conv1.0')  # registered under two names
    if key.endswith('_u'):
      weight = state[key.removesuffix('_u') + '_orig']
      vectors = _spectral(weight, _normal(own, shape), key)
      state |= zip((key, f'{key[:-1]}v'), vectors, strict=True)
    elif not key.endswith('_v'):
      scale = 0.1 if key.endswith('bias') else 0.02
      state[key] = np.float32(scale * _normal(own, shape))
  assert state.keys() == shapes.keys()
  return state


def vgg19():
  """Returns the convolutions of VGG-19."""
  state, place, inputs = {}, 0, 3
  for width, convolutions in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
    for _ in range(convolutions):
      weight, bias = f'features.{place}.weight', f'features.{place}.bias'
      state[weight] = np.float32(
          np.sqrt(2 / (9 * inputs)) * _normal(weight, (width, inputs, 3, 3)))
      state[bias] = np.float32(0.1 * _normal(bias, (width,)))
      inputs, place = width, place + 2
    place += 1  # pooling
  return state


def _normal(key, shape):
  return np.random.RandomState(
      zlib.crc32(key.encode())).standard_normal(shape)


def _spectral(weight, u, key):
  """Returns u and v after 50 power iterations from `u`."""
  outputs = 1 if key.startswith('decoder') else 0  # transposed convolutions
  matrix = np.moveaxis(weight, outputs, 0).reshape(u.size, -1).astype(float)
  for _ in range(50):
    v = matrix.T @ u
    v /= np.linalg.norm(v)
    u = matrix @ v
    u /= np.linalg.norm(u)
  return np.float32(u), np.float32(v)
