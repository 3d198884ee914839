"""Batches of whole photographs, each at its own size, for evaluation.

Photographs of one size come together, so that a program compiled for a size is
used for all of them. A first pass reads no more of a file than its size, and
only a few batches are in memory at a time. The hole of a photograph is that of
(kind, seed, index), as in `jinpaint.data.pipeline`, drawn at its own size.
"""

import collections
from collections.abc import Callable, Collection, Iterator
from concurrent import futures
import os

import numpy as np

from jinpaint.data import files, pipeline, sources
from jinpaint.data.examples import Data, Examples, HostGuidance
from jinpaint.errors import RunError, UsageError

# Batches that are made while another one is scored.
_AHEAD = 2

Size = tuple[int, int]  # height and width
Example = dict[str, np.ndarray]


class WholeBatches:
  """An iterator of batches (B, H, W, channels), all of one size each.

  Attributes:
    source: whose photographs these are.
    sizes: the sizes of those that can be read.
  """

  def __init__(self, data: Data, *, seed: int, limit: int = 0,
               guidance: HostGuidance | None = None,
               done: Collection[int] = (),
               batch_size: Callable[[Size, int], int],
               holding: Callable[[int, int], Size] = lambda *size: size):
    """Reads the sizes of the photographs.

    Args:
      data: what the examples are made of; its size and crop are not read.
      seed: with a photograph's number it decides its hole.
      limit: how many of the first photographs; 0 for all.
      guidance: adds edges and sketches.
      done: numbers of photographs that are left out.
      batch_size: from the size that a batch of photographs takes in a network,
        and from how many of them there are at most, to the number of examples
        a batch. It is the same for all photographs that take this size, so that
        one program serves them.
      holding: from a photograph's size to the one that it takes in a network.

    Raises:
      UsageError: the photographs are a stream, which cannot be sorted by size;
        or as `jinpaint.data.pipeline.eval_batches`.
    """
    if limit < 0:
      raise UsageError(f'the limit is {limit}; it must be 0 (all) or more')
    source = pipeline.open_held_out(data)
    if isinstance(source, pipeline.TfdsStream):
      raise UsageError('photographs of a TFDS data set cannot be scored at '
                       'full size: they cannot be sorted by size; write them '
                       'to a folder')
    self.source = source
    count = min(len(source), limit or len(source))
    self._examples = Examples(data, seed=seed, training=False, whole=True,
                              names=source.names, guidance=guidance)
    self._broken = sources.BrokenImages(data.max_bad_images, count)
    self._threads = data.workers or os.cpu_count() or 1
    of_size = collections.defaultdict[Size, list[int]](list)
    for index in range(count):
      try:
        of_size[source.size(index)].append(index)
      except files.UnreadableImage as error:
        self._broken.add(str(error))
    self.sizes: tuple[Size, ...] = tuple(sorted(of_size))
    most = collections.defaultdict[Size, int](int)
    for size, indices in of_size.items():
      most[holding(*size)] = max(most[holding(*size)], len(indices))
    self._plan = []
    known = frozenset(done)
    for size in self.sizes:
      each = batch_size(holding(*size), most[holding(*size)])
      left = [index for index in of_size[size] if index not in known]
      self._plan += [(size, left[first:first + each], each)
                     for first in range(0, len(left), each)]

  @property
  def skipped(self) -> tuple[str, ...]:
    """The broken images met so far, sorted."""
    return tuple(sorted(self._broken.names))

  def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
    """Yields batches of `image`, `mask`, `weight`, `index`, and guidance.

    Padding is at the end of a batch: zeros, of `weight` 0.

    Raises:
      UsageError: too many broken images, or a mask or map is missing.
      RunError: a photograph has changed since its size was read.
    """
    with futures.ThreadPoolExecutor(self._threads) as threads:
      waiting = collections.deque[
          tuple[list[int], int, list[futures.Future[Example | None]]]]()
      plan = iter(self._plan)
      try:
        while True:
          while len(waiting) <= _AHEAD and (item := next(plan, None)):
            size, indices, each = item
            waiting.append((indices, each, [
                threads.submit(self._example, index, size)
                for index in indices]))
          if not waiting:
            return
          indices, each, made = waiting.popleft()
          if batch := _batch(indices, [one.result() for one in made], each):
            yield batch
      finally:
        threads.shutdown(wait=False, cancel_futures=True)

  def _example(self, index: int, size: Size) -> Example | None:
    """Returns the example of a photograph; None if it cannot be read."""
    try:
      photograph = files.as_rgb8(self.source.read(index))
    except files.UnreadableImage as error:
      self._broken.add(str(error))
      return None
    if photograph.shape[:2] != size:
      raise RunError(f'{self.source.names[index]} has changed while it was '
                     'being evaluated')
    return self._examples.make(photograph, 0, index)


def _batch(indices: list[int], examples: list[Example | None], each: int
           ) -> dict[str, np.ndarray]:
  """Returns a batch, padded to its full number; nothing if it has no example.

  Args:
    indices: the numbers of its photographs.
    examples: theirs; None for those that cannot be read.
    each: examples a batch.
  """
  kept = {index: example for index, example in
          zip(indices, examples, strict=True) if example is not None}
  if not kept:
    return {}
  padding = each - len(kept)
  first = next(iter(kept.values()))
  batch = {key: np.stack([example[key] for example in kept.values()]
                         + [np.zeros_like(first[key])] * padding)
           for key in first}
  return {**batch,
          'weight': np.repeat(np.array([1, 0], np.float32),
                              [len(kept), padding]),
          'index': np.pad(np.array([*kept], np.int64), (0, padding))}
