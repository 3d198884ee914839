"""What is scored, on what, and how: all that a number depends on, in words.

A score means nothing without the photographs, their size, the holes and the
rules by which pictures are made comparable. `Protocol` pins them, `described`
says them, and every table has these lines below it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
import dataclasses
import math
from typing import Protocol as Interface

import numpy as np

from jinpaint import devices
from jinpaint.data import masks, pipeline, sources, whole
from jinpaint.data.examples import Data, HostGuidance

# How pictures are made comparable; holds for every method alike.
COMPOSITE = ('composites: known pixels are those of the photograph, bit for '
             'bit, pixels of the hole are predicted')
ROUNDING = 'to 8 bits, halves to the even number'
_FILES = 'files:'


class Batches(Interface):
  """Batches of held-out examples, each of one size.

  Attributes:
    source: whose photographs these are.
    skipped: those that could not be read so far.
  """

  @property
  def source(self) -> 'sources.Source | pipeline.TfdsStream':
    """See above."""
    ...

  @property
  def skipped(self) -> tuple[str, ...]:
    """See above."""
    ...

  def __iter__(self) -> Iterator[dict[str, np.ndarray]]: ...


@dataclasses.dataclass(frozen=True)
class Protocol:
  """Photographs, sizes and holes of an evaluation.

  Attributes:
    data: what the examples are made of.
    seed: with the number of a photograph it decides its hole and its crop.
    batch_size: examples a batch, at most; a number that cannot be dealt out to
      the devices is rounded up. It changes no score.
    limit: how many of the first photographs; 0 for all.
    full_size: whether each photograph is scored at its own size.
    pixels: of all images of a batch at full size, at most, where that leaves
      one for each device; 0 for any number.
  """

  data: Data
  seed: int
  batch_size: int
  limit: int = 0
  full_size: bool = False
  pixels: int = 0

  def batches(self, guidance: HostGuidance | None, *,
              done: Collection[int] = (),
              holding: Callable[[int, int], whole.Size] = lambda *size: size
              ) -> Batches:
    """Returns the batches that are scored.

    Args:
      guidance: adds the edges and sketches that a stage reads.
      done: numbers of photographs that are left out.
      holding: from a photograph's size to the one that it takes in a network,
        see `jinpaint.stage.Sizes.holding`.

    Raises:
      UsageError: the photographs, the masks or the limit cannot be used.
    """
    if self.full_size:
      return whole.WholeBatches(
          self.data, seed=self.seed, limit=self.limit, guidance=guidance,
          done=done, batch_size=self._at_full_size, holding=holding)
    return pipeline.eval_batches(
        self.data, batch_size=_dealt_out(self.batch_size), seed=self.seed,
        limit=self.limit, guidance=guidance, done=done)

  def _at_full_size(self, size: whole.Size, most: int) -> int:
    """Returns how many examples of a size are scored at once.

    Args:
      size: height and width in a network.
      most: how many photographs of one size there are at most.
    """
    number = min(self.batch_size, most)
    if self.pixels:
      number = min(number, self.pixels // math.prod(size))
    return _dealt_out(number)

  def described(self) -> dict[str, str]:
    """Returns what a reader must know of the scores, by subject."""
    return {'photographs': self._photographs(), 'size': self._size(),
            'holes': self._holes(), **self._guides(),
            'scored': COMPOSITE, 'rounded': ROUNDING}

  def _photographs(self) -> str:
    data = self.data
    source = data.eval_source or f'the held-out part of {data.source}'
    return f'{source}, the first {self.limit}' if self.limit else source

  def _size(self) -> str:
    data = self.data
    if self.full_size:
      return "each photograph's own, all of it"
    part = {
        'center': 'the middle square',
        'squash': 'all of the photograph, distorted',
        'random': 'a square at a place drawn from (seed, number of the '
                  'photograph), its side {:g} to {:g} of the shorter '
                  'one'.format(*data.scales)}[data.crop]
    cut = f'of the middle {data.precrop} x {data.precrop}, ' * bool(
        data.precrop)
    return (f'{cut}{part}, resized to {data.size} x {data.size} (means of '
            'areas when it shrinks, bilinear when it grows)')

  def _holes(self) -> str:
    data = self.data
    ratio = (' with {:g} to {:g} % of hole pixels'.format(
        *(100 * share for share in data.mask_ratio)) if data.mask_ratio else '')
    rules = []
    kinds = masks.parts(data.mask)
    if data.mask_pairing == 'random' or not all(
        kind.startswith(_FILES) for kind in kinds):
      rules.append('a function of (kind, seed, number of the photograph), seed '
                   f'{self.seed}')
    if any(kind.startswith(_FILES) for kind in kinds):
      rules.append(f'files paired by {data.mask_pairing}, holes '
                   f'{data.mask_hole}, read {data.mask_reading}')
    return f'{data.mask}{ratio}; {"; ".join(rules)}'

  def _guides(self) -> Mapping[str, str]:
    """Returns what is said of edges and sketches, if there are any."""
    data = self.data
    said = {}
    if data.edge:
      known = ('found without looking into the hole'
               if data.eval_edge == 'masked' else
               'found in the whole image and cut out at the hole')
      said['edges'] = f'{data.edge}; known ones are {known}'
    if data.sketch:
      said['sketches'] = data.sketch
    return said


def _dealt_out(number: int) -> int:
  """Returns the next number of examples that all devices can share."""
  return devices.count() * max(1, math.ceil(number / devices.count()))
