"""What is scored, on what, and how: all that a number depends on, in words.

A score means nothing without the photographs, their size, the holes and the
rules by which pictures are made comparable. `Protocol` pins them, `described`
says them, and every table has these lines below it.
"""

from collections.abc import Mapping
import dataclasses

from jinpaint.data import masks
from jinpaint.data.examples import Data

# How pictures are made comparable; holds for every method alike.
COMPOSITE = ('composites: known pixels are those of the photograph, bit for '
             'bit, pixels of the hole are predicted')
ROUNDING = 'to 8 bits, halves to the even number'
_FILES = 'files:'


@dataclasses.dataclass(frozen=True)
class Protocol:
  """Photographs, sizes and holes of an evaluation.

  Attributes:
    data: what the examples are made of.
    seed: with the number of a photograph it decides its hole and its crop.
    limit: how many of the first photographs; 0 for all.
  """

  data: Data
  seed: int
  limit: int = 0

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
