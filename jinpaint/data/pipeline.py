"""Batches for training and evaluation, by tf.data.

This is the only file that imports TensorFlow. The stream of training examples
has positions 0, 1, 2, ...; the example at a position depends on the seed and
the position alone. So any number of workers gives the same batches, and a run
that goes on at position P goes on as if it had never stopped.
"""

from collections.abc import Iterator
import functools
import re
import sys
import threading
from typing import Any
import weakref

import numpy as np
import tensorflow as tf

from jinpaint import errors
from jinpaint.data import files, sources, specs
from jinpaint.data.examples import Data, Examples, HostGuidance
from jinpaint.errors import UsageError

# The accelerators belong to JAX.
tf.config.set_visible_devices([], 'GPU')

# Images of a TFDS stream that are shuffled together. TFDS has shuffled them
# once, when it wrote them.
_SHUFFLE_BUFFER = 10_000


class Batches:
  """An iterator of batches that knows which images it had to skip.

  Attributes:
    source: whose photographs these are: `len` of it is an epoch, its `names`
      are empty where photographs have none.
    close: ends the workers; called at the latest when this object is dropped.
  """

  def __init__(self, dataset: tf.data.Dataset, workers: '_Workers',
               source: 'sources.Source | _TfdsStream'):
    self._iterator = dataset.prefetch(2).as_numpy_iterator()
    self._workers = workers
    self.source = source
    self.close = weakref.finalize(
        self, _end_workers, self._iterator, workers)

  @property
  def skipped(self) -> tuple[str, ...]:
    """The broken images met so far, sorted."""
    return tuple(sorted(self._workers.broken))

  def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
    return self

  def __next__(self) -> dict[str, np.ndarray]:
    try:
      return next(self._iterator)
    except tf.errors.OpError:
      # tf.data buries what a worker raised in an error of many lines.
      if self._workers.failure is None:
        raise
      raise self._workers.failure from None


def train_batches(data: Data, *, batch_size: int, seed: int,
                  position: int = 0, guidance: HostGuidance | None = None
                  ) -> Batches:
  """Returns the endless stream of training batches.

  Args:
    data: what the examples are made of.
    batch_size: examples a batch.
    seed: decides every random choice.
    position: where to go on: the `position` that came with the last batch.
    guidance: adds edges and sketches to the examples.

  Returns:
    Batches of `image`, `mask`, what `guidance` adds, `noise` (if `data.noise`
    is not 0) and `position`, a scalar: where the stream goes on after this
    batch.

  Raises:
    UsageError: the source does not exist or is empty; later on: too many
      broken images.
  """
  source = _open(data.source, 'train')
  examples = Examples(data, seed=seed, training=True, names=source.names,
                      guidance=guidance)
  workers = _Workers(source, examples, data.max_bad_images, shuffles=True)
  dataset = _dataset(data, source, examples, workers, position)
  dataset = dataset.batch(batch_size, drop_remainder=True)
  return Batches(
      dataset.map(lambda batch: {
          **{key: batch[key] for key in examples.shapes},
          'position': batch['position'][-1] + 1}),
      workers, source)


def eval_batches(data: Data, *, batch_size: int, seed: int, limit: int = 0,
                 guidance: HostGuidance | None = None) -> Batches:
  """Returns the held-out examples, once, each with its fixed crop and mask.

  Args:
    data: what the examples are made of.
    batch_size: examples a batch; the last one is padded.
    seed: with an example's index it decides its crop and its mask.
    limit: how many photographs to take, from the first one on; 0 for all.
    guidance: adds edges and sketches to the examples.

  Returns:
    Batches of `image`, `mask`, what `guidance` adds, `weight` (0 = padding) and
    `index`, the photograph's number.

  Raises:
    UsageError: for the reasons of `train_batches`, or the limit is negative.
  """
  if limit < 0:
    raise UsageError(f'the limit is {limit}; it must be 0 (all) or more')
  source = (_open(data.eval_source, None) if data.eval_source
            else _open(data.source, 'validation'))
  examples = Examples(data, seed=seed, training=False, names=source.names,
                      guidance=guidance)
  workers = _Workers(source, examples, data.max_bad_images, limit=limit)
  dataset = _dataset(data, source, examples, workers, None)

  def padded(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    missing = batch_size - tf.shape(batch['index'])[0]
    batch['weight'] = tf.ones_like(batch['index'], tf.float32)
    return {key: tf.ensure_shape(
        tf.pad(value, [[0, missing]] + [[0, 0]] * (value.shape.rank - 1)),
        (batch_size, *value.shape[1:]))
        for key, value in batch.items() if key != 'position'}

  return Batches(dataset.batch(batch_size).map(padded), workers, source)


def _dataset(data: Data, source: 'sources.Source | _TfdsStream',
             examples: Examples, workers: '_Workers', position: int | None
             ) -> tf.data.Dataset:
  """Returns the examples that can be read, one by one.

  Args:
    data: what they are made of.
    source: the photographs.
    examples: gives the shapes of the arrays.
    workers: makes an example.
    position: where the endless stream of training goes on; None for each
      photograph once, in order.

  Returns:
    A data set of the keys of `examples.shapes`, `index` and `position`.
  """
  first, end = ((0, len(source)) if position is None
                else (position, np.iinfo(np.int64).max))
  dataset = tf.data.Dataset.range(first, end).take_while(
      lambda position: position < workers.end)
  if isinstance(source, _TfdsStream):
    dataset = tf.data.Dataset.zip(dataset, source.images(examples, position))

  def in_graph(position: tf.Tensor, *image: tf.Tensor) -> dict[str, tf.Tensor]:
    readable, index, *arrays = tf.numpy_function(
        workers.example, (position, *image),
        [tf.bool, tf.int64, *[tf.float32] * len(examples.shapes)],
        stateful=False)
    scalars = {'readable': readable, 'index': index, 'position': position}
    return {key: tf.ensure_shape(value, ()) for key, value in scalars.items()
            } | {key: tf.ensure_shape(array, shape)
                 for (key, shape), array in zip(
                     examples.shapes.items(), arrays, strict=True)}

  options = tf.data.Options()
  options.deterministic = True
  if data.workers:
    options.threading.private_threadpool_size = data.workers
  dataset = dataset.with_options(options).map(
      in_graph, num_parallel_calls=data.workers or tf.data.AUTOTUNE)
  dataset = dataset.filter(lambda example: example['readable'])
  return dataset.map(lambda example: {
      key: value for key, value in example.items() if key != 'readable'})


class _Workers:
  """The threads that make examples: what they do, and what they have met.

  Attributes:
    broken: the broken images met so far.
    failure: what a worker has raised; None if all is well.
    stopped: whether nobody wants examples any more.
    end: the position at which the stream ends.
  """

  def __init__(self, source: 'sources.Source | _TfdsStream', examples: Examples,
               max_broken: int, *, limit: int = 0, shuffles: bool = False):
    """Takes what examples are made of.

    Args:
      source: the photographs.
      examples: makes an example of a photograph.
      max_broken: more broken images than that are an error.
      limit: the position at which the stream ends; 0 for none.
      shuffles: whether each epoch visits the photographs in an order of its
        own. A TFDS stream has its order already.
    """
    self.broken: set[str] = set()
    self.failure: Exception | None = None
    self.stopped = False
    self.end = tf.Variable(limit or tf.int64.max, dtype=tf.int64)
    self._source, self._examples = source, examples
    self._max_broken = max_broken
    self._count = min(len(source), limit or len(source))
    self._shuffles = shuffles
    self._order = functools.lru_cache(maxsize=2)(
        lambda epoch: examples.order(epoch, len(source)))
    self._lock = threading.Lock()

  def example(self, position: np.ndarray, image: Any = None
              ) -> tuple[Any, ...]:
    """Makes the example at a position; runs in any thread.

    Args:
      position: of the stream, an integer.
      image: the photograph, an array, if the source is a stream of TFDS.

    Returns:
      Whether the photograph can be read, its index, and the arrays of the
      example; zeros if it cannot.
    """
    try:
      return self._example(int(position), image)
    except Exception as error:
      self.failure = error
      raise

  def _example(self, position: int, image: Any) -> tuple[Any, ...]:
    epoch, index = divmod(position, len(self._source))
    shapes = self._examples.shapes
    nothing = (False, index, *(
        np.zeros(shape, np.float32) for shape in shapes.values()))
    if self.stopped:
      return nothing
    if not isinstance(self._source, _TfdsStream):
      if self._shuffles:
        index = int(self._order(epoch)[index])
      try:
        image = self._source.read(index)
      except files.UnreadableImage as error:
        self._add_broken(str(error))
        return nothing
    example = self._examples.make(files.as_rgb8(image), epoch, index)
    return True, index, *(example[key] for key in shapes)

  def _add_broken(self, name: str) -> None:
    """Notes and prints a broken image; raises when it is one too many."""
    with self._lock:
      if name not in self.broken:
        self.broken.add(name)
        print(f'skipped a broken image: {name}', file=sys.stderr)
      if len(self.broken) == self._count:
        raise UsageError(f'not one image can be read; the last is {name}')
      if len(self.broken) > self._max_broken:
        raise UsageError(
            f'{len(self.broken)} broken images, and data.max_bad_images is '
            f'{self._max_broken}; the last is {name}')


def _end_workers(iterator: Iterator[Any], workers: _Workers) -> None:
  """Lets the threads of an iterator end.

  An iterator must not be destroyed while a worker waits for Python's lock: its
  destructor holds the lock and waits for the worker. So no new examples are
  begun, and those that were begun are taken out and thrown away.
  """
  workers.stopped = True
  # The last reference may have been dropped while a graph is built.
  with tf.init_scope():
    workers.end.assign(0)
    while True:
      try:
        next(iterator)
      except StopIteration:
        return
      except tf.errors.OpError:
        pass  # It has been reported already, or nobody reads any more.


_SOURCES = {'photos': specs.Kind(), 'folder': specs.Kind(rest='PATH'),
            'tfds': specs.Kind(rest='NAME[:SPLIT]')}
# The name of a data set may end with its version, 'mnist:3.*.*'.
_TFDS = re.compile(r'(?P<name>[\w/.-]+(:[\d.*]+(?=:|$))?)(:(?P<split>.+))?')


def _open(spec: str, side: str | None) -> 'sources.Source | _TfdsStream':
  """Opens a source.

  Args:
    spec: which one, see `jinpaint.data.examples.Data.source`.
    side: 'train' or 'validation', the part of it to open; None for all that
      `spec` names.
  """
  parsed = specs.parse('source', spec, _SOURCES)
  if parsed.kind == 'photos':
    return sources.Photos(side or 'validation')
  if parsed.kind == 'folder':
    return sources.folder(parsed.path, side)
  match = _TFDS.fullmatch(parsed.rest)
  if not match:
    raise UsageError(f'cannot read the source "{spec}"; write '
                     'tfds:NAME[:SPLIT]')
  return _TfdsStream(match['name'], match['split'], side)


class _TfdsStream:
  """A TFDS data set: read in its stored order, shuffled through a buffer.

  `tfds.data_source` reads at random, but only data sets that were prepared as
  array_record files. Those that users have prepared before, and those that TFDS
  offers for download ready made, are tfrecord files, which have no index.

  Attributes:
    names: empty; the images have no names.
  """

  names: tuple[str, ...] = ()

  def __init__(self, name: str, split: str | None, side: str | None):
    """Opens a data set, and downloads and prepares it if need be.

    Args:
      name: of the data set, perhaps with a version.
      split: which split the user named; None for none.
      side: 'train' or 'validation'; None for all of the split.

    Raises:
      UsageError: there is no such data set or split, or it has no images.
    """
    # Imported here: it is slow, and only this source needs it.
    import tensorflow_datasets as tfds
    self._tfds = tfds
    try:
      self._builder = tfds.builder(name)
      self._builder.download_and_prepare()
    except tfds.core.registered.DatasetNotFoundError as error:
      raise UsageError(f'there is no TFDS data set {name}') from error
    except Exception as error:  # A download can raise anything.
      raise UsageError(
          f'TFDS could not prepare {name}: {_first_line(error)}') from error
    features = self._builder.info.features
    if 'image' not in features or not isinstance(
        image := features['image'], tfds.features.Image):
      raise UsageError(f'TFDS data set {name} has no feature "image"')
    if image.np_dtype not in (np.uint8, np.uint16):
      raise UsageError(f'the images of TFDS data set {name} are '
                       f'{np.dtype(image.np_dtype)}, not 8 or 16 bits')
    self._decode = image.decode_example
    self._split = self._side(name, split, side)
    self._count = int(self._encoded().cardinality())

  def __len__(self) -> int:
    return self._count

  def images(self, examples: Examples, position: int | None) -> tf.data.Dataset:
    """Returns the decoded images from a position on.

    Args:
      examples: whose seed decides how they are shuffled.
      position: where the endless stream goes on; None for each image once, in
        the stored order.
    """
    encoded = stored = self._encoded()
    if position is not None:
      first, offset = divmod(position, len(self))
      encoded = tf.data.Dataset.range(first, np.iinfo(np.int64).max).flat_map(
          lambda epoch: stored.shuffle(
              min(len(self), _SHUFFLE_BUFFER),
              seed=epoch + examples.seed * 2**20,
              reshuffle_each_iteration=False,
          ).skip(tf.where(epoch == first, np.int64(offset), np.int64(0))))
    return encoded.map(self._decode, num_parallel_calls=tf.data.AUTOTUNE)

  def _encoded(self) -> tf.data.Dataset:
    """Returns the images of the split as they are stored: encoded."""
    dataset = self._builder.as_dataset(
        split=self._split, shuffle_files=False,
        decoders={'image': self._tfds.decode.SkipDecoding()})
    return dataset.map(lambda example: example['image'])

  def _side(self, name: str, split: str | None, side: str | None) -> str:
    """Returns the split, in TFDS's own words, that one side reads.

    Training reads the named split (or `train`). Evaluation reads `validation`
    or `test`, whichever training does not, else the last tenth of `train`,
    which training then leaves out. A named split that is all for one side, as
    `data.eval_source`, is read whole.
    """
    known = self._builder.info.splits
    if split is None and 'train' not in known:
      raise UsageError(f'TFDS data set {name} has no split train, only '
                       f'{", ".join(known)}; name one: tfds:{name}:SPLIT')
    named = {part.partition('[')[0] for part in (split or 'train').split('+')}
    for part in named - {*known, 'all'}:
      raise errors.unknown(f'split of {name}', part, known)
    held_out = [other for other in ('validation', 'test')
                if other in known and not named & {other, 'all'}]
    if split and side is None:
      chosen = split
    elif split in (None, 'train') and not held_out:
      chosen = 'train[:90%]' if side == 'train' else 'train[90%:]'
    elif side == 'train':
      chosen = split or 'train'
    elif held_out:
      chosen = held_out[0]
    else:
      raise UsageError(f'training on {split} of {name} leaves nothing to '
                       'evaluate on; name a data.eval_source')
    try:
      count = known[chosen].num_examples
    except Exception as error:  # What TFDS raises is documented nowhere.
      raise UsageError(f'cannot read the split {chosen} of {name}: '
                       f'{_first_line(error)}') from error
    if not count:
      raise UsageError(f'no image in the split {chosen} of {name}')
    return chosen


def _first_line(error: Exception) -> str:
  return f'{type(error).__name__}: {str(error).partition(chr(10))[0]}'
