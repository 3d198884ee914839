"""Architectures: one file for each paper, and networks that several use.

`create` makes any of them by its name, and imports only the file that holds it.
"""

import importlib
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jinpaint import errors


class Registered(NamedTuple):
  """Where the class of a network is, and what the network reads.

  Attributes:
    module: name of the file in this package.
    network: name of the class in that file.
    channels: the channels C of each argument (B, H, W, C). Several numbers
      stand for a sequence of arrays, each of which has half the height and
      width of the one before.
  """

  module: str
  network: str
  channels: tuple[int | tuple[int, ...], ...]


# The golden file of a network has the same name, where there is one.
REGISTRY = {name: Registered(*where) for name, where in {
    'ade20k_resnet50_dilated': ('ade20k', 'ResNet50Dilated', (3,)),
    'cfs_completion_generator': ('cfs', 'CompletionGenerator', (5,)),
    'cfs_sketch_generator': ('cfs', 'SketchGenerator', (2, 1)),
    'edgeconnect_discriminator': ('patchgan', 'EdgeConnectDiscriminator', (3,)),
    'edgeconnect_edge_generator': ('edgeconnect', 'EdgeGenerator', (3,)),
    'edgeconnect_inpaint_generator': ('edgeconnect', 'InpaintGenerator', (4,)),
    'fid_inception': ('inception', 'FIDInception', (3,)),
    'gated_discriminator': ('patchgan', 'GatedDiscriminator', (4,)),
    'gated_generator': ('gated', 'GatedGenerator', (5, 1)),
    'hed': ('hed', 'HED', (3,)),
    'inpaintgan_effunet_edge_generator': ('inpaintgan', 'EfficientUNet', (3,)),
    'inpaintgan_egc_edge_generator': (
        'inpaintgan', 'EnhancedGatedEdgeGenerator', (2, 1)),
    'inpaintgan_mec_edge_generator': (
        'inpaintgan', 'MultiScaleEdgeGenerator', (3,)),
    'isnet_base_model': ('isnet', 'BaseModel', (3,)),
    'isnet_base_model_fusion': ('isnet', 'BaseModelFusion', (3,)),
    'isnet_generator': ('isnet', 'ISNet', (3,)),
    'isnet_unet_like': ('isnet', 'UNetLike', (3,)),
    'lama_discriminator': ('lama', 'Discriminator', (3,)),
    'lama_generator': ('lama', 'Generator', (4,)),
    'lpips_alex': ('lpips', 'AlexLPIPS', (3, 3)),
    'lpips_vgg': ('lpips', 'VGGLPIPS', (3, 3)),
    'pconv_lines': ('pconv_lines', 'LinePConvNet', (3, 1)),
    'pconv_lines_discriminator': ('pconv_lines', 'LineDiscriminator', (3,)),
    'pconv_unet': ('pconv', 'PConvUNet', (3, 1)),
    'scratches_mender': ('scratches', 'Mender', (6, 1)),
    'sketchrefiner_discriminator': (
        'patchgan', 'SketchRefinerDiscriminator', (3,)),
    'sketchrefiner_enhancement': ('sketchrefiner', 'Enhancement', (1,)),
    'sketchrefiner_partial_sketch_encoder': (
        'sketchrefiner', 'PartialSketchEncoder', (3,)),
    'sketchrefiner_registration': ('sketchrefiner', 'Registration', (5,)),
    'sketchrefiner_texture_restoration': (
        'sketchrefiner', 'TextureRestoration', (4, (64, 128, 256, 512))),
    'vgg16': ('vgg', 'VGG16', (3,)),
    'vgg19': ('vgg', 'VGG19', (3,)),
}.items()}


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
  entry = REGISTRY[name]
  module = importlib.import_module(f'jinpaint.networks.{entry.module}')
  return getattr(module, entry.network)(**options)


def inputs(name: str, size: int = 256, dtype: DTypeLike = jnp.float32
           ) -> list[Any]:
  """Returns what a network of the published width reads, as shapes and types.

  Args:
    name: one of `REGISTRY`.
    size: height and width of the first array, in pixels.
    dtype: the type of all arrays.

  Returns:
    For each argument of the network a `jax.ShapeDtypeStruct`, or a list of
    them.
  """
  def abstract(channels: int | tuple[int, ...], size: int) -> Any:
    if isinstance(channels, tuple):
      return [abstract(n, size // 2**i) for i, n in enumerate(channels)]
    return jax.ShapeDtypeStruct((1, size, size, channels), dtype)

  return [abstract(channels, size) for channels in REGISTRY[name].channels]


def parameters(name: str, **options: Any) -> int:
  """Returns how many numbers a network learns.

  Args:
    name: one of `REGISTRY`.
    **options: the fields of the network's class.

  Raises:
    jinpaint.errors.UsageError: no such network.
  """
  variables = jax.eval_shape(create(name, **options).init, jax.random.key(0),
                             *inputs(name))
  return sum(array.size for array in jax.tree.leaves(variables['params']))
