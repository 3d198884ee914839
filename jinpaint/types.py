"""The words that every module shares: array types and the keys of a batch.

A batch is a mapping from the keys of `KEYS` to arrays (B, H, W, channels) of
float32; `weight` alone is (B,). Training, evaluation, the command line and a
user's own loader all speak it, and no key has two meanings.

Gray images, damaged images and `valid = 1 - mask` are derived on the device
(`jinpaint.images`), never stored. Published systems differ in polarity, range
and channel order; their own file in `jinpaint.systems` converts, and no other
file does.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax

Array = jax.Array
Batch = Mapping[str, Any]  # of NumPy on the host, of JAX on the devices
Params = Mapping[str, Any]  # network -> its learned weights
Stats = Mapping[str, Any]  # network -> its other collections: batch statistics
Variables = Mapping[str, Any]  # network -> {'params': ..., **stats}
Terms = dict[str, Array]  # loss term -> scalar


class Key(NamedTuple):
  """What a key of a batch holds.

  Attributes:
    channels: of its arrays (B, H, W, channels); 0 for `weight`, which is (B,).
    range: of its numbers.
    meaning: what the numbers say.
  """

  channels: int
  range: str
  meaning: str


KEYS: Mapping[str, Key] = {
    'image': Key(3, '[0, 1]', 'RGB, undamaged'),
    'mask': Key(1, '0 or 1', '1 = hole, to be filled; masks that are read as '
                '`soft` have values in between'),
    'true_edge': Key(1, '[0, 1]', 'edges of the undamaged image; there in '
                     'training and scoring only'),
    'known_edge': Key(1, '[0, 1]', 'edges outside the hole, 0 in it; a stage '
                      'that reads edges always has them'),
    'sketch': Key(1, '[0, 1]', 'what a user drew, 0 or 1; in training, bent '
                  'edges, which are soft'),
    'noise': Key(3, 'any', 'added to the image that a network reads, in '
                 'training'),
    'weight': Key(0, '0 or 1', '0 = padding of a last batch'),
}
