"""The contract: a stage of a system is plain data and pure functions.

As an optax `GradientTransformation` is a tuple of `init` and `update`, a
`Stage` is a tuple of networks, of updates (which networks learn from which
terms) and of `predict`. Nothing is inherited, nothing is overridden.
"""

from collections.abc import Callable, Mapping
import math
from typing import NamedTuple

from flax import linen as nn

from jinpaint import errors, images
from jinpaint.nets import Nets
from jinpaint.types import Array, Batch, KEYS, Terms

Predict = Callable[[Nets, Batch], Mapping[str, Array]]


class Update(NamedTuple):
  """One optimiser move.

  *One* update that trains generator and discriminator moves both from the
  same weights, after one forward pass of the generator: their terms are
  summed, and `stop_gradient` and `learn=False` keep the gradients apart. *Two*
  updates alternate: the second one sees what the first has changed.

  Attributes:
    trains: the networks that learn.
    terms: `(nets, batch) -> {name: scalar}`, the weighted terms whose sum is
      the loss.
  """

  trains: tuple[str, ...]
  terms: Callable[[Nets, Batch], Terms]


class Sizes(NamedTuple):
  """The sizes of images that a stage accepts: those of its networks.

  Attributes:
    divisor: height and width must be multiples of it.
    smallest: height and width must be at least that.
  """

  divisor: int = 1
  smallest: int = 1

  def holding(self, height: int, width: int) -> tuple[int, int]:
    """Returns the smallest accepted size that an image fits into.

    An accepted size is its own: what is added to an image reaches far into its
    holes, through instance norms, attention and wide windows. What it is added
    by is `jinpaint.images.pad_to`.

    Args:
      height: the image's, 1 or more.
      width: the image's, 1 or more.
    """
    rows, columns = (
        self.divisor * math.ceil(max(extent, self.smallest) / self.divisor)
        for extent in (height, width))
    return rows, columns


class Measure(NamedTuple):
  """A column of a table of scores: one value for each image, and its meaning.

  Attributes:
    name: the head of the column.
    definition: what is printed below the table, without a full stop.
    of_images: `(nets, batch, completed) -> (B,)`; it is jitted. `completed` is
      what `complete` returned, with the 'image' rounded to 8 bits as in a saved
      file. `nets` holds the stage's networks, or, if `needs` names any, those.
    better: 'higher' or 'lower'; '' where neither is better.
    unit: 'dB', '%' or ''.
    of_hole: whether it reads the mask: pictures without one do not have it.
    weighted_by: keys of the measures whose sum is the weight of an image in the
      mean: a share of pixels that is weighted by their number is the share of
      all images' pixels. Empty where all images weigh the same.
    needs: the published networks that it applies, in float32 whatever the type
      in which the stage computes. Where they cannot be had, the column is left
      out. Not for a stage's own measures.
  """

  name: str
  definition: str
  of_images: Callable[[Nets, Batch, Mapping[str, Array]], Array]
  better: str = 'higher'
  unit: str = ''
  of_hole: bool = False
  weighted_by: tuple[str, ...] = ()
  needs: tuple[str, ...] = ()


class Stage(NamedTuple):
  """One trainable stage of a system.

  Attributes:
    networks: the networks that a run saves; their names are the checkpoint's
      keys. Those that no update trains come from an earlier stage's run and
      stay as they are.
    published: the networks that losses only read, whose weights were published:
      VGG-16, VGG-19, ADE20k's ResNet.
    learns_from: the batch keys that the updates read.
    predicts_from: the batch keys that `predict` reads.
    sizes: the sizes of images that it accepts.
    updates: the optimiser moves of a step, in order.
    predict: `(nets, batch) -> predictions`, raw: an 'image' in RGB, an 'edge'
      map, a refined 'sketch'. Who calls it puts the known pixels back, with
      `complete`.
    makes: the keys that `predict` returns.
    measures: what the stage adds to a table of scores, by key.
  """

  networks: Mapping[str, nn.Module]
  published: Mapping[str, nn.Module]
  learns_from: tuple[str, ...]
  predicts_from: tuple[str, ...]
  sizes: Sizes
  updates: tuple[Update, ...]
  predict: Predict
  makes: tuple[str, ...] = ('image',)
  measures: Mapping[str, Measure] = {}

  @property
  def trained(self) -> tuple[str, ...]:
    """The networks that some update trains."""
    return tuple(name for name in self.networks if any(
        name in update.trains for update in self.updates))

  @property
  def keys(self) -> tuple[str, ...]:
    """The batch keys that updates or `predict` read."""
    return tuple(dict.fromkeys((*self.learns_from, *self.predicts_from)))

  @property
  def fills(self) -> bool:
    """Whether `predict` returns an image."""
    return 'image' in self.makes

  @property
  def needs_true_edges(self) -> bool:
    """Whether `predict` reads edges that only an undamaged image has.

    Such a stage cannot fill a damaged picture by itself, and its scores are
    not those of a system that could.
    """
    return 'true_edge' in self.predicts_from


# Prediction -> the batch key whose known pixels take its place.
_KNOWN = {'image': 'image', 'edge': 'known_edge'}


def complete(predictions: Mapping[str, Array], batch: Batch
             ) -> dict[str, Array]:
  """Returns predictions with the known pixels put back, bit for bit.

  This is the only place where composites of results are made.

  Args:
    predictions: what `Stage.predict` returned.
    batch: what it read.

  Returns:
    The predictions; 'image' and 'edge' are composites, and what was predicted
    for all pixels, known ones included, is under 'raw_image' and 'raw_edge'.
  """
  completed = dict(predictions)
  for key, known in _KNOWN.items():
    if key in predictions:
      completed[f'raw_{key}'] = predictions[key]
      completed[key] = images.composite(
          predictions[key], batch[known], batch['mask'])
  return completed


def check_batch(batch: Batch, keys: tuple[str, ...]) -> None:
  """Checks that a batch has what a stage reads.

  Args:
    batch: its arrays.
    keys: the keys that are read.

  Raises:
    UsageError: a key is missing, or its array has another form.
  """
  if missing := [key for key in keys if key not in batch]:
    raise errors.UsageError(
        f'a batch of this stage needs "{missing[0]}" '
        f'({KEYS[missing[0]].meaning}); it has {", ".join(sorted(batch))}')
  for key in keys:
    expected = (*batch['mask'].shape[:3], KEYS[key].channels)
    if batch[key].shape != expected:
      raise errors.UsageError(
          f'"{key}" of a batch is {batch[key].shape}; it must be {expected}')
