"""Edges that a network finds, on the device, at the head of every batch.

HED (`jinpaint.networks.hed`) needs the accelerator that trains; Canny and files
do not and are `jinpaint.data.edges`. What reads a batch does not know which of
them its `edge` is from.

The CFS system's authors run HED once, over undamaged images, and keep 8-bit
JPEGs; here sketches stay floats. Where only known pixels may be looked at,
holes are filled with the mean colour of what is known, so that their borders
are no edges; the authors have no such mode.
"""

from collections.abc import Callable, Mapping
import functools
import math
from typing import NamedTuple

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint import images, networks
from jinpaint.data import edges, sketches
from jinpaint.types import Array, Batch, Variables

# Pictures are extended to multiples of it, so that those of similar size share
# one compiled program. HED halves sizes four times.
_BUCKET = 32


class Detector(NamedTuple):
  """What is added to a batch before a stage reads it.

  Attributes:
    networks: the published networks that it runs.
    complete: from their variables and a batch to the batch with `edge`, if
      asked for `known_edge`, and the `sketch` that `bend` makes of the edges.
  """

  networks: Mapping[str, nn.Module]
  complete: Callable[[Variables, Batch], Batch]


# For edges that the batch brings along, and for systems that read none.
NONE = Detector({}, lambda variables, batch: batch)


def hed(*, masked: bool) -> Detector:
  """Returns the detector that runs HED.

  Args:
    masked: whether there is to be a `known_edge` as well, found without looking
      into the hole. `edge` is found in the whole image.
  """
  def complete(variables, batch):
    found = {'edge': _see(variables['hed'], batch['image'])}
    if masked:
      found['known_edge'] = _see_known(variables['hed'], batch)
    if 'edge_cut' in batch:
      found = {key: edges.above(soft, batch['edge_cut'])
               for key, soft in found.items()}
    if 'bend' in batch:
      found['sketch'] = sketches.deform(found['edge'], batch['bend'], jnp)
    return {**batch, **found}

  return Detector({'hed': networks.create('hed')}, complete)


def of_pictures(variables: Variables
                ) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
  """Returns the function that finds the known edges of a picture by HED.

  It takes an image, RGB (H, W, 3) float in [0, 1], and the hole in it, (H, W),
  1 = hole; it returns (H, W) float32, 0 in the hole.

  Args:
    variables: HED's.
  """
  see_known = jax.jit(functools.partial(_see_known, variables))

  def find(image, hole):
    height, width = hole.shape
    size = [math.ceil(n / _BUCKET) * _BUCKET for n in (height, width)]
    pair = {'image': image, 'mask': hole[..., None].astype(np.float32)}
    batch = {key: images.pad_to(array, *size)[None]
             for key, array in pair.items()}
    return images.crop(np.asarray(see_known(batch))[0, ..., 0], height, width)
  return find


def at_head(step: Callable[..., tuple], detector: Detector
            ) -> Callable[..., tuple]:
  """Returns a training step that completes its batch first.

  Args:
    step: `(state, frozen, batch) -> (state, logs)`.
    detector: whose variables `frozen` holds.
  """
  if not detector.networks:
    return step
  return lambda state, frozen, batch: step(
      state, frozen, detector.complete(frozen, batch))


def _see(variables: Variables, image: Array) -> Array:
  """Returns HED's edges (B, H, W, 1), which no gradient reaches."""
  return lax.stop_gradient(networks.create('hed').apply(variables, image))


def _see_known(variables: Variables, batch: Batch) -> Array:
  """Returns HED's edges outside the hole, found without looking into it."""
  image, mask = batch['image'], batch['mask']
  return _see(variables, _filled(image, mask)) * (1 - mask)


def _filled(image: Array, mask: Array) -> Array:
  """Returns images whose holes have the mean colour of the known pixels."""
  known = 1 - mask
  number = jnp.sum(known, axis=(1, 2), keepdims=True)
  mean = jnp.sum(image * known, axis=(1, 2), keepdims=True) / jnp.maximum(
      number, 1)
  return image * known + mean * mask
