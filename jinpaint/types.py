"""The words that every module shares: array types and the keys of a batch.

A batch is a mapping from these keys to arrays. Training, evaluation, the
command line and a user's own loader all speak it, and nothing else.

| key          | shape        | type, range     | meaning                      |
|--------------|--------------|-----------------|------------------------------|
| `image`      | (B, H, W, 3) | float32, [0, 1] | RGB, undamaged               |
| `mask`       | (B, H, W, 1) | float32, 0 or 1 | **1 = hole**, to be filled;  |
|              |              |                 | read as `soft`, in between   |
| `edge`       | (B, H, W, 1) | float32, [0, 1] | edges of `image`, maybe soft |
| `known_edge` | (B, H, W, 1) | float32, [0, 1] | known ones, see below        |
| `sketch`     | (B, H, W, 1) | float32, [0, 1] | what a user drew, 0 or 1; in |
|              |              |                 | training bent edges, soft    |
| `noise`      | (B, H, W, 3) | float32         | added to `image` in training |
| `weight`     | (B,)         | float32, 0 or 1 | 0 = padding of a last batch  |

Where a network finds edges (`jinpaint.guidance`), a batch comes without `edge`
and `sketch`, and with what makes them: `edge_cut` (B, 1, 1, 1), above what
edges are 1, and `bend` (B, h, w, 2), see `jinpaint.data.sketches.deform`.

`known_edge`, 0 in the hole, is what can be found of `edge` without looking into
the hole. A batch may have none: then `edge` outside the hole is what is known.

Gray images, damaged images and `valid = 1 - mask` are derived on the device
(`jinpaint.images`), never stored. Published systems differ in polarity, range
and channel order; their own file in `jinpaint.systems` converts, nothing else
does.
"""

from collections.abc import Mapping
from typing import Any

import jax

Array = jax.Array
Batch = Mapping[str, Array]
Params = Mapping[str, Any]  # network -> its learned weights
Stats = Mapping[str, Any]  # network -> its other collections: batch statistics
Variables = Mapping[str, Any]  # network -> {'params': ..., **stats}
Logs = Mapping[str, Array]  # loss term -> scalar
