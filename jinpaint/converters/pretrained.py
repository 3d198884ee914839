"""Feature networks with their published weights: VGG, HED, ADE20k."""

from jinpaint import converters
from jinpaint.converters import download
from jinpaint.types import Variables


def load(name: str) -> Variables:
  """Returns the variables of a network that is only read.

  Args:
    name: the network's and its file's: `vgg16`, `vgg19`, `hed` or
      `ade20k_resnet50_dilated`.

  Raises:
    jinpaint.errors.UsageError: the file is not in the cache and can't be
      downloaded (says where it is published and where to put it), or holds
      something else.
  """
  return converters.from_file(name, download.fetch(name))
