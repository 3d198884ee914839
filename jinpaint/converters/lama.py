"""LaMa's generator and discriminator, and the folder of its authors.

A file `best.ckpt` or `last.ckpt` is PyTorch Lightning's: one state dict of all
that was in the training module, under prefixes. The generator's layers are
called by their number in one sequence, which counts paddings and activations,
too.
"""

from collections.abc import Mapping
import re
from typing import Any

from jinpaint.converters.sketchrefiner import FOURIER_CONV
from jinpaint.converters.torch_layout import (
    Converter,
    image,
    StateDict,
    Transposed,
    within,
)
from jinpaint.errors import UsageError

_FOURIER_CONV = FOURIER_CONV | {
    'global_to_global/local_fourier_unit/conv': 'ffc.convg2g.lfu.conv_layer',
    'global_to_global/local_fourier_unit/norm': 'ffc.convg2g.lfu.bn',
}


def _layers(state_dict: StateDict) -> dict[str, str]:
  """Returns what the generator's layers are called, for its number of blocks.

  In front of the blocks are a padding and four layers, behind them what joins
  local and global channels.
  """
  blocks = _blocks(state_dict)
  layers = {
      'conv_{i}': 'model.{i}.ffc.convl2l', 'norm_{i}': 'model.{i}.bn_l',
      'conv_local': 'model.4.ffc.convl2l', 'norm_local': 'model.4.bn_l',
      'conv_global': 'model.4.ffc.convl2g', 'norm_global': 'model.4.bn_g'}
  for i in range(blocks):
    layers |= within(f'block_{i}/conv_{{j}}', f'model.{i + 5}.conv{{j}}',
                     _FOURIER_CONV)
  for i, place in zip((1, 2, 3), range(blocks + 6, blocks + 15, 3),
                      strict=True):
    layers |= {f'up_{i}': Transposed(f'model.{place}'),
               f'norm_up_{i}': f'model.{place + 1}'}
  return layers | {'output': f'model.{blocks + 16}'}


def _blocks(state_dict: StateDict) -> int:
  return len({match[1] for key in state_dict
              if (match := re.match(r'model\.(\d+)\.conv1\.', key))})


def _options(state_dict: StateDict) -> dict[str, Any]:
  """Returns what the weights show of the generator's architecture."""
  first, near, far = (_outputs(state_dict, f'model.{norm}.weight')
                      for norm in ('1.bn_l', '4.bn_l', '4.bn_g'))
  options = {'blocks': _blocks(state_dict),
             'lfu': any('.lfu.' in key for key in state_dict)}
  # What is missing is missed later, by name.
  return options | ({'ngf': first, 'global_share': far / (near + far)}
                    if first and near and far > 1 else {})


def _discriminator_options(state_dict: StateDict) -> dict[str, Any]:
  """Returns what the weights show of the discriminator's architecture."""
  first = _outputs(state_dict, 'model0.0.weight')
  return {'ndf': first} if first else {}


def _outputs(state_dict: StateDict, key: str) -> int:
  """Returns how many channels a layer makes; 0 if there is no such array."""
  array = state_dict.get(key)
  return array.shape[0] if array is not None and array.ndim else 0


CONVERTERS = {
    'lama_generator': Converter(
        _layers, (image(4),), options=_options, found_under=('state_dict',),
        prefix='generator.'),
    'lama_discriminator': Converter(
        {**{f'conv_{i}': f'model{i - 1}.0' for i in range(1, 7)},
         **{f'norm_{i}': f'model{i - 1}.1' for i in range(2, 6)}},
        (image(3),), options=_discriminator_options,
        found_under=('state_dict',), prefix='discriminator.'),
}

_NETWORKS = {'generator': ('lama_generator',),
             'discriminator': ('lama_discriminator',)}
PUBLISHED = {f'models/{name}.ckpt': _NETWORKS
             for name in ('best', 'last', 'epoch=*')}


def _settings(config: Mapping[str, Any]) -> dict[str, Any]:
  """Refuses what the weights do not show; they show all else.

  Args:
    config: the folder's config.yaml, whose interpolations `${...}` are left as
      they are.

  Raises:
    UsageError: the generator is one that is not here.
  """
  generator = config.get('generator')
  said = generator if isinstance(generator, Mapping) else {}
  for key, here in (('kind', 'ffc_resnet'), ('add_out_act', 'sigmoid')):
    if said.get(key, here) != here:
      raise UsageError(f'config.yaml has generator.{key}: {said[key]}; only '
                       f'{here} is here')
  return {}


SETTINGS = {'config.yaml': _settings}
