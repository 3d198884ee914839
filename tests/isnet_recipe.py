"""Weights and inputs of golden_isnet.npz, made again.

Each array is drawn by its own generator, whose seed is its name's CRC-32; the
name begins with a tag for the network. Recorded feature maps are every eighth
channel of the published ones.
"""

from pathlib import Path
import zlib

import numpy as np

import jinpaint
from jinpaint import converters
from jinpaint.converters import torch_layout

_FOLDER = Path(__file__).parent / 'golden'


def golden():
  """Returns what the published code computed, images in NHWC."""
  with np.load(_FOLDER / 'golden_isnet.npz') as arrays:
    return {key: np.moveaxis(array, 1, -1) if array.ndim == 4 else array
            for key, array in arrays.items()}


def batch():
  """Returns `image` and `mask`, 1 = hole, (2, 64, 64, C)."""
  image = random('inputs').rand(2, 3, 64, 64)
  known = random('mask').rand(2, 1, 64, 64) > 0.3
  known[:, :, 16:48, 16:48] = False
  return {key: np.moveaxis(array, 1, -1).astype(np.float32)
          for key, array in (('image', image), ('mask', ~known))}


def state_dict(tag, name, channels=3, **options):
  """Returns the weights of a network, under the published names.

  Args:
    tag: the network's in the recipe.
    name: its registered name.
    channels: of a discriminator's input.
    **options: of the network.
  """
  shapes = {leaf.key: leaf.shape for leaf in torch_layout.leaves(
      jinpaint.create(name, **options), converters.converter_of(name),
      {'conv1.0.weight_orig': np.zeros((64, channels, 4, 4))})}
  state = {}
  for key, shape in shapes.items():
    layer, _, array = key.rpartition('.')
    draw = lambda array, shape, layer=layer: random(
        f'{tag}:{layer}.{array}').standard_normal(shape)
    if array in ('weight', 'weight_orig'):
      scale = np.sqrt(2 / np.prod(shape[1:]))
      state[key] = np.float32(draw('weight', shape) * scale)
    elif array == 'bias':
      state[key] = np.float32(0.1 * draw('bias', shape))
  for key, weight in list(state.items()):
    if key.endswith('_orig'):
      stem = key.removesuffix('_orig')
      matrix = weight.reshape(len(weight), -1).astype(float)
      v = _unit(random(f'{tag}:{stem}_v').standard_normal(matrix.shape[1]))
      for _ in range(5):
        v = _unit(matrix.T @ _unit(matrix @ v))
      state |= {f'{stem}_u': np.float32(_unit(matrix @ v)),
                f'{stem}_v': np.float32(v)}
  assert state.keys() == shapes.keys()
  return state


def vgg19():
  """Returns the convolutions of VGG-19, under torchvision's names."""
  state, place, inputs = {}, 0, 3
  for width, convolutions in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
    for _ in range(convolutions):
      weight = random(f'vgg19:{place}.weight').standard_normal(
          (width, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
      bias = 0.1 * random(f'vgg19:{place}.bias').standard_normal(width)
      state[f'features.{place}.weight'] = np.float32(weight)
      state[f'features.{place}.bias'] = np.float32(bias)
      inputs, place = width, place + 2
    place += 1  # pooling
  return state


def random(name):
  return np.random.RandomState(zlib.crc32(name.encode()))


def _unit(x):
  return x / np.linalg.norm(x)
