"""The discriminators of EdgeConnect, SketchRefiner and gated convolution."""

import numpy as np

from jinpaint.converters.torch_layout import (
    channels,
    Converter,
    image,
    StateDict,
)


def _iterated(state_dict: StateDict) -> StateDict:
  """Returns the weights as the port of DeepFill v2 uses them.

  Its spectral norm stores `u` only, and each call, in evaluation too, begins
  with one power iteration. Here that iteration is made once, and `weight_orig`,
  `weight_u` and `weight_v` are what it gives.
  """
  state = dict(state_dict)
  for key in state_dict:
    name = key.removesuffix('_u')
    weight, u = state_dict.get(name), state_dict[key]
    if key == name or weight is None or weight.shape[:1] != (u.size,):
      continue
    matrix = weight.reshape(u.size, -1).astype(np.float64)
    v = _unit(matrix.T @ u.reshape(-1))
    del state[name]
    state |= {f'{name}_orig': weight, f'{name}_u': _unit(matrix @ v),
              f'{name}_v': v}
  return state


def _unit(x: np.ndarray) -> np.ndarray:
  """Returns a vector of length 1."""
  return x / max(np.linalg.norm(x), 1e-12)


CONVERTERS = {
    'edgeconnect_discriminator': Converter(
        {'conv_{i}': 'conv{i}.0'},
        # A gray image with its edges, or RGB.
        lambda state: (image(channels(state, 'conv1.0.weight_orig')),),
        ignored=('features.*',),  # conv1 under a second name
        found_under=('discriminator',)),
    'gated_discriminator': Converter(
        {'conv_{i}': 'conv{i}.conv_sn'}, (image(4),), found_under=('D',),
        prepare=_iterated),
    'sketchrefiner_discriminator': Converter(
        {'conv_1': 'conv1.0', 'conv_{i}': 'conv{i}', 'norm_{i}': 'bn{i}'},
        (image(3),), found_under=('discriminator',)),
}
