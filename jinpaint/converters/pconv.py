"""naoto0804's U-Net of partial convolutions."""

import re

from jinpaint.converters.torch_layout import Converter, image, StateDict


def _levels(state_dict: StateDict) -> int:
  """Returns how many levels the U-Net in a file has."""
  levels = [int(match[1]) for key in state_dict
            if (match := re.match(r'enc_(\d+)\.', key))]
  return max(levels, default=7)


CONVERTERS = {
    'pconv_unet': Converter({
        'encoder_{i}': 'enc_{i}.conv.input_conv',
        'encoder_norm_{i}': 'enc_{i}.bn',
        'decoder_{i}': 'dec_{i}.conv.input_conv',
        'decoder_norm_{i}': 'dec_{i}.bn',
    }, lambda state: (image(3, 2**_levels(state)), image(1, 2**_levels(state))),
        options=lambda state: {'levels': _levels(state), 'normalize': 'sum'},
        ignored=('*.mask_conv.weight',), found_under=('model',)),
}

# Files are named after their number of steps; the one for download is
# 1000000.pth.
PUBLISHED = {'[0-9]*.pth': {'generator': ('pconv_unet',)}}
