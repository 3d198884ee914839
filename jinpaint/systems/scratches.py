"""Thin damage, mended from a smooth fill: scratches, wires, text and dust.

jinpaint's own system, no paper's. What a hole of a few pixels lacks when it has
been filled smoothly (`jinpaint.layers.harmonic`) is little: edges and texture
that go on from both sides. The network of `jinpaint.networks.scratches` learns
that difference alone, so it begins where classical methods end, and a hole too
wide for it stays near the smooth fill.

The one loss is the PSNR in the hole, of the composite, but for a floor. There
is no adversary: it would paint texture that was not there, into holes that are
thin enough to be known.
"""

import dataclasses

import jax.numpy as jnp

from jinpaint import losses, networks
from jinpaint.layers.harmonic import harmonic_fill
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
    floor: error in the hole below which the loss hardly falls any further, in
      units of [0, 1]. Without it, smooth skies would decide what is learned.
  """

  widths: tuple[int, ...] = (48, 96, 128)
  blocks: tuple[int, ...] = (2, 2, 2)
  floor: float = 0.01


def stage(name: str, options: Options) -> Stage:
  """Returns the system's only stage, 'inpaint'."""
  del name
  network = networks.create('scratches_mender', widths=options.widths,
                            blocks=options.blocks)

  def mend(nets: Nets, batch: Batch) -> Array:
    # The smooth fill is made outside of the network, in float32, so that
    # bfloat16 rounds the difference alone.
    smooth = harmonic_fill(batch['image'], batch['mask'])
    return smooth + nets('mender', smooth, batch['mask'])

  def terms(nets: Nets, batch: Batch) -> Terms:
    return {'hole': losses.log_hole_error(
        mend(nets, batch), batch['image'], batch['mask'], floor=options.floor)}

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    return {'image': jnp.clip(mend(nets, batch), 0, 1)}

  keys = ('image', 'mask')
  return Stage(
      networks={'mender': network}, published={},
      learns_from=keys, predicts_from=keys,
      sizes=Sizes(divisor=network.divisor),
      updates=(Update(('mender',), terms),), predict=predict)
