"""Architectures: one file a paper, and the networks that several share.

`create` makes any of them by name; a name's file is imported when it is asked
for.
"""

import importlib
from typing import Any

from flax import linen as nn

from jinpaint import errors

# Registered name -> module and class. A name is also that of the network's
# golden file, where one exists.
REGISTRY = {
    'ade20k_resnet50_dilated': ('ade20k', 'ResNet50Dilated'),
    'edgeconnect_discriminator': ('patchgan', 'EdgeConnectDiscriminator'),
    'edgeconnect_edge_generator': ('edgeconnect', 'EdgeGenerator'),
    'edgeconnect_inpaint_generator': ('edgeconnect', 'InpaintGenerator'),
    'gated_discriminator': ('patchgan', 'GatedDiscriminator'),
    'hed': ('hed', 'HED'),
    'inpaintgan_effunet_edge_generator': ('inpaintgan', 'EfficientUNet'),
    'inpaintgan_egc_edge_generator': (
        'inpaintgan', 'EnhancedGatedEdgeGenerator'),
    'inpaintgan_mec_edge_generator': ('inpaintgan', 'MultiScaleEdgeGenerator'),
    'pconv_lines': ('pconv_lines', 'LinePConvNet'),
    'pconv_lines_discriminator': ('pconv_lines', 'LineDiscriminator'),
    'sketchrefiner_discriminator': ('patchgan', 'SketchRefinerDiscriminator'),
    'vgg16': ('vgg', 'VGG16'),
    'vgg19': ('vgg', 'VGG19'),
}


def create(name: str, **options: Any) -> nn.Module:
  """Returns the network registered as `name`.

  Args:
    name: one of `REGISTRY`.
    **options: the fields of the network's class.

  Raises:
    jinpaint.errors.UsageError: no such network.
  """
  if name not in REGISTRY:
    raise errors.unknown('network', name, REGISTRY)
  module, network = REGISTRY[name]
  return getattr(importlib.import_module(f'jinpaint.networks.{module}'),
                 network)(**options)
