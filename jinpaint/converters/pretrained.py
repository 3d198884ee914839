"""Feature networks with their published weights: VGG, HED, ADE20k."""

from jinpaint import converters
from jinpaint.converters import download, weights
from jinpaint.types import Variables


def load(name: str) -> Variables:
  """Returns the variables of a network that is only read.

  A file `NAME.npz` that `jinpaint convert --network=NAME` has written into the
  cache folder is taken if there is one, else the published file.

  Args:
    name: what the network and its file are called: `vgg16`, `vgg19`, `hed` or
      `ade20k_resnet50_dilated`.

  Raises:
    jinpaint.errors.UsageError: the file is not in the cache and cannot be
      downloaded (the message says where it is published and where to put it),
      or it holds something else.
  """
  converted = download.cache_dir() / f'{name}.npz'
  if converted.is_file():
    return weights.load(converted, name).variables
  return converters.from_file(name, download.fetch(name))
