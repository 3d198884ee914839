"""The gated generator in the two namings of its port to PyTorch.

`networks_tf` holds the official weights, converted; `networks` those that the
port's author trained on, with other paddings. The discriminator's converter is
in `jinpaint.converters.patchgan`.
"""

from typing import Any

from jinpaint.converters.torch_layout import (
    channels,
    Converter,
    image,
    StateDict,
)

# Part of the network -> its prefix in either naming, and which layers it has.
_PARTS = {
    'coarse': ('', 'stage1.', range(1, 18)),
    'fine': ('x', 'stage2.conv_', range(1, 11)),
    'attention': ('pm', 'stage2.ca_', (1, 2, 3, 4, 5, 6, 9, 10)),
    'refined': ('all', 'stage2.', range(11, 18)),
}
_STAGED = {
    1: 'conv1', 2: 'down_block1.conv1_downsample', 3: 'down_block1.conv2',
    4: 'down_block2.conv1_downsample', 5: 'down_block2.conv2',
    **{i: f'conv_bn{i - 5}' for i in range(6, 13)},
    13: 'up_block1.conv1_upsample.conv', 14: 'up_block1.conv2',
    15: 'up_block2.conv1_upsample.conv', 16: 'up_block2.conv2',
    17: 'conv_to_rgb',
}


def _flat(part: str, prefix: str, i: int) -> str:
  """Returns a layer's name in `networks_tf`."""
  ending = {2: '_downsample', 4: '_downsample', 13: '_upsample.conv',
            15: '_upsample.conv'}.get(i, '')
  if 7 <= i <= 10 and part != 'attention':
    ending = '_atrous'
  return f'{prefix}conv{i}{ending}.conv'


_LAYERS = {f'{part}_{i}': _flat(part, prefix, i)
           for part, (prefix, _, layers) in _PARTS.items() for i in layers}
_RENAMED = {f'{prefix}{_STAGED[i]}.conv': _LAYERS[f'{part}_{i}']
            for part, (_, prefix, layers) in _PARTS.items() for i in layers}


def _is_staged(state_dict: StateDict) -> bool:
  """Returns whether the names are those of the port's `networks`."""
  return 'stage1.conv1.conv.weight' in state_dict


def _as_flat(state_dict: StateDict) -> StateDict:
  """Renames the layers of `networks` as those of `networks_tf`."""
  def rename(key: str) -> str:
    layer, _, array = key.rpartition('.')
    return f'{_RENAMED[layer]}.{array}' if layer in _RENAMED else key
  return {rename(key): array for key, array in state_dict.items()}


def _options(state_dict: StateDict) -> dict[str, Any]:
  """Returns what the port's program does with files of either naming.

  See the table in `configs/gated.py`: with official weights, too, that program
  makes the mask smaller in one step, and neighbouring scores do not vote.
  """
  if _is_staged(state_dict):
    return {'padding': (1, 1), 'align_corners': False, 'mask_steps': (8,),
            'fuse': True}
  return {'padding': 'same', 'align_corners': True, 'mask_steps': (8,),
          'fuse': False}


CONVERTERS = {
    'gated_generator': Converter(
        _LAYERS, lambda state: (
            image(channels(_as_flat(state), 'conv1.conv.weight')), image(1)),
        options=_options, ignored=('*.fuse_weight',), found_under=('G',),
        prepare=_as_flat),
}

# The four files for download, and those that the port's trainer writes. Some
# lack one of the two networks.
PUBLISHED = {'states*.pth': {'generator': ('gated_generator',),
                             'discriminator': ('gated_discriminator',)}}
