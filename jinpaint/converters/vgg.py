"""torchvision's VGG.

Its layers are called by their number, and activations and pooling are counted
as well.
"""

from jinpaint.converters.torch_layout import Converter, image

_DEPTHS = {'vgg16': (2, 2, 3, 3, 3), 'vgg19': (2, 2, 4, 4, 4)}


def _layers(depths: tuple[int, ...]) -> dict[str, str]:
  """Returns `Converter.layers`.

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


CONVERTERS = {
    name: Converter(_layers(depths), (image(3),),
                    whole={'layers': ('pool5',)}, ignored=('classifier.*',))
    for name, depths in _DEPTHS.items()
}
