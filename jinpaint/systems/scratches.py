"""Thin damage, mended from smooth fills: scratches, wires, text and dust.

jinpaint's own system, no paper's. What a hole of a few pixels lacks when it has
been filled smoothly (`jinpaint.layers.smooth_fill`) is little: edges and
texture that go on from both sides. The network of `jinpaint.networks.scratches`
sees two such fills, one that goes on with the slopes around the hole and one
that does not, and learns what the first one lacks. So it begins where classical
methods end, and a hole too wide for it stays near a smooth fill.

The one loss is the mean absolute error in the hole. There is no adversary: it
would paint texture that was not there, into holes that are thin enough to be
known.
"""

import dataclasses

import jax.numpy as jnp

from jinpaint import images, losses, networks
from jinpaint.layers import smooth_fill
from jinpaint.nets import Nets
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.types import Array, Batch, Terms

STAGES = ('inpaint',)


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen.

  Attributes:
    widths: channels at a half, a quarter, an eighth, ... of the size.
    blocks: residual blocks at each of these sizes, twice.
    hole: weight of the L1 loss in the hole.
  """

  widths: tuple[int, ...] = (32, 64, 96)
  blocks: tuple[int, ...] = (1, 2, 1)
  hole: float = 100.0


def stage(name: str, options: Options) -> Stage:
  """Returns the system's only stage, 'inpaint'."""
  del name
  network = networks.create('scratches_mender', widths=options.widths,
                            blocks=options.blocks)

  def mend(nets: Nets, batch: Batch) -> Array:
    # The fills are made outside of the network, in float32, so that bfloat16
    # rounds the difference alone.
    image, mask = batch['image'], batch['mask']
    first = jnp.clip(smooth_fill.biharmonic(image, mask), 0, 1)
    second = smooth_fill.harmonic(image, mask)
    return first + nets('mender', images.stacked(first, second), mask)

  def terms(nets: Nets, batch: Batch) -> Terms:
    return {'hole': options.hole * losses.hole_l1(
        mend(nets, batch), batch['image'], batch['mask'])}

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    return {'image': jnp.clip(mend(nets, batch), 0, 1)}

  keys = ('image', 'mask')
  return Stage(
      networks={'mender': network}, published={},
      learns_from=keys, predicts_from=keys,
      sizes=Sizes(divisor=network.divisor),
      updates=(Update(('mender',), terms),), predict=predict)
