"""The Inception network of FID: pytorch-fid's file, which others share.

`pt_inception-2015-12-05-6726825d.pth` has the layers' names of torchvision's
Inception v3, and a classifier of 1008 classes, which nothing reads. By that it
is known: torchvision's file has 1000.
"""

from jinpaint.converters.torch_layout import Converter, image, StateDict
from jinpaint.errors import UsageError

_CLASSIFIER, _CLASSES = 'fc.weight', (1008, 2048)

_STEM = ('Conv2d_{i}a_3x3', 'Conv2d_2b_3x3', 'Conv2d_3b_1x1')
_BLOCKS = tuple(f'Mixed_{{n}}{letter}' for letter in 'abcde')
_UNITS = ('branch1x1', 'branch3x3', 'branch{h}x{w}_{i}', 'branch{h}x{w}dbl_{i}',
          'branch7x7x3_{i}', 'branch3x3_2a', 'branch3x3_2b', 'branch3x3dbl_3a',
          'branch3x3dbl_3b', 'branch_pool')


def _layers() -> dict[str, str]:
  """Returns `Converter.layers`."""
  units = [*_STEM, *(f'{block}/{unit}' for block in _BLOCKS for unit in _UNITS)]
  return {f'{unit}/{ours}': f'{unit.replace("/", ".")}.{theirs}'
          for unit in units
          for ours, theirs in (('conv', 'conv'), ('norm', 'bn'))}


def _checked(state_dict: StateDict) -> StateDict:
  """Returns a state dict if its classifier is that of the FID network.

  Raises:
    UsageError: it is torchvision's, or there is none.
  """
  if _CLASSIFIER not in state_dict:
    raise UsageError(f'missing {_CLASSIFIER}')
  if (shape := state_dict[_CLASSIFIER].shape) != _CLASSES:
    raise UsageError(
        f'of another shape: {_CLASSIFIER} is {shape}, not {_CLASSES}; '
        'torchvision\'s Inception v3 is another network')
  return state_dict


CONVERTERS = {
    'fid_inception': Converter(_layers(), (image(3, 96),), prepare=_checked,
                               ignored=('fc.*',)),
}
