"""Batches for training and evaluation, by tf.data.

This is the only file that imports TensorFlow. The stream of training examples
has positions 0, 1, 2, ...; the example at a position depends on the seed and
the position alone. So any number of workers gives the same batches, and a run
that goes on at position P goes on as if it had never stopped.
"""

from collections.abc import Collection, Iterator
import functools
import re
from typing import Any
import weakref

import numpy as np
import tensorflow as tf

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
               source: 'sources.Source | TfdsStream'):
    self._iterator = dataset.prefetch(2).as_numpy_iterator()
    self._workers = workers
    self.source = source
    self.close = weakref.finalize(
        self, _end_workers, self._iterator, workers)

  @property
  def skipped(self) -> tuple[str, ...]:
    """The broken images met so far, sorted."""
    return tuple(sorted(self._workers.broken.names))

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
  dataset = _dataset(workers, position, data.workers)
  dataset = dataset.batch(batch_size, drop_remainder=True)
  return Batches(
      dataset.map(lambda batch: {
          **{key: batch[key] for key in examples.shapes},
          'position': batch['position'][-1] + 1}),
      workers, source)


def eval_batches(data: Data, *, batch_size: int, seed: int, limit: int = 0,
                 guidance: HostGuidance | None = None,
                 done: Collection[int] = ()) -> Batches:
  """Returns the held-out examples, once, each with its fixed crop and mask.

  Args:
    data: what the examples are made of.
    batch_size: examples a batch; the last one is padded.
    seed: with an example's index it decides its crop and its mask.
    limit: how many photographs to take, from the first one on; 0 for all.
    guidance: adds edges and sketches to the examples.
    done: numbers of photographs that are left out, and not read.

  Returns:
    Batches of `image`, `mask`, what `guidance` adds, `weight` (0 = padding) and
    `index`, the photograph's number.

  Raises:
    UsageError: for the reasons of `train_batches`, or the limit is negative.
  """
  if limit < 0:
    raise UsageError(f'the limit is {limit}; it must be 0 (all) or more')
  source = open_held_out(data)
  examples = Examples(data, seed=seed, training=False, names=source.names,
                      guidance=guidance)
  workers = _Workers(source, examples, data.max_bad_images, limit=limit)
  dataset = _dataset(workers, None, data.workers, done)

  def padded(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    missing = batch_size - tf.shape(batch['index'])[0]
    batch['weight'] = tf.ones_like(batch['index'], tf.float32)
    return {key: tf.ensure_shape(
        tf.pad(value, [[0, missing]] + [[0, 0]] * (value.shape.rank - 1)),
        (batch_size, *value.shape[1:]))
        for key, value in batch.items() if key != 'position'}

  return Batches(dataset.batch(batch_size).map(padded), workers, source)


def open_held_out(data: Data) -> 'sources.Source | TfdsStream':
  """Opens the photographs that are evaluated on, see `Data.eval_source`."""
  return (_open(data.eval_source, None) if data.eval_source
          else _open(data.source, 'validation'))


def _dataset(workers: '_Workers', position: int | None, threads: int,
             done: Collection[int] = ()) -> tf.data.Dataset:
  """Returns the examples that can be read, one by one.

  Args:
    workers: make them.
    position: where the endless stream of training goes on; None for each
      photograph once, in order.
    threads: number of threads; 0 lets tf.data choose.
    done: positions that are left out.

  Returns:
    A data set of the keys of the examples, `index` and `position`.
  """
  source, examples = workers.source, workers.examples
  first, end = ((0, len(source)) if position is None
                else (position, np.iinfo(np.int64).max))
  dataset = tf.data.Dataset.range(first, end).take_while(
      lambda position: position < workers.end)
  if isinstance(source, TfdsStream):
    dataset = tf.data.Dataset.zip(dataset, source.images(examples, position))
  if done:
    is_done = tf.constant(np.isin(np.arange(end), list(done)))
    dataset = dataset.filter(
        lambda position, *image: tf.logical_not(tf.gather(is_done, position)))
  shapes = {'index': (), 'position': (), **examples.shapes}

  def in_graph(position: tf.Tensor, *image: tf.Tensor
               ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    readable, index, *arrays = tf.numpy_function(
        workers.example, (position, *image),
        [tf.bool, tf.int64, *[tf.float32] * len(examples.shapes)],
        stateful=False)
    example = zip(shapes.items(), (index, position, *arrays), strict=True)
    return tf.ensure_shape(readable, ()), {
        key: tf.ensure_shape(value, shape) for (key, shape), value in example}

  options = tf.data.Options()
  options.deterministic = True
  if threads:
    options.threading.private_threadpool_size = threads
  dataset = dataset.with_options(options).map(
      in_graph, num_parallel_calls=threads or tf.data.AUTOTUNE)
  return dataset.filter(lambda readable, example: readable).map(
      lambda readable, example: example)


class _Workers:
  """The threads that make examples: what they do, and what they have met.

  Attributes:
    source: the photographs.
    examples: makes an example of a photograph.
    broken: the broken images that they have met.
    failure: what a worker has raised; None if all is well.
    stopped: whether nobody wants examples any more.
    end: the position at which the stream ends.
  """

  def __init__(self, source: 'sources.Source | TfdsStream', examples: Examples,
               max_broken: int, *, limit: int = 0, shuffles: bool = False):
    """Takes what examples are made of.

    Args:
      source: see above.
      examples: see above.
      max_broken: more broken images than that are an error.
      limit: the position at which the stream ends; 0 for none.
      shuffles: whether each epoch visits the photographs in an order of its
        own. A TFDS stream has its order already.
    """
    self.broken = sources.BrokenImages(
        max_broken, min(len(source), limit or len(source)))
    self.failure: Exception | None = None
    self.stopped = False
    self.end = tf.Variable(limit or tf.int64.max, dtype=tf.int64)
    self.source, self.examples = source, examples
    self._shuffles = shuffles
    self._order = functools.lru_cache(maxsize=2)(
        lambda epoch: examples.order(epoch, len(source)))

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
    epoch, index = divmod(position, len(self.source))
    shapes = self.examples.shapes
    nothing = (False, index, *(
        np.zeros(shape, np.float32) for shape in shapes.values()))
    if self.stopped:
      return nothing
    if not isinstance(self.source, TfdsStream):
      if self._shuffles:
        index = int(self._order(epoch)[index])
      try:
        image = self.source.read(index)
      except files.UnreadableImage as error:
        self.broken.add(str(error))
        return nothing
    example = self.examples.make(files.as_rgb8(image), epoch, index)
    return True, index, *(example[key] for key in shapes)


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


# The name of a data set may end with its version, 'mnist:3.*.*'.
_TFDS = re.compile(r'(?P<name>[\w/.-]+(:[\d.*]+(?=:|$))?)(:(?P<split>.+))?')


def _open(spec: str, side: str | None) -> 'sources.Source | TfdsStream':
  """Opens a source.

  Args:
    spec: which one, see `jinpaint.data.examples.Data.source`.
    side: 'train' or 'validation', the part of it to open; None for all that
      `spec` names.
  """
  parsed = specs.parse('source', spec, sources.KINDS)
  if parsed.kind == 'photos':
    return sources.Photos(side or 'validation')
  if parsed.kind == 'folder':
    return sources.folder(parsed.path, side)
  match = _TFDS.fullmatch(parsed.rest)
  if not match:
    raise UsageError(f'cannot read the source "{spec}"; write '
                     'tfds:NAME[:SPLIT]')
  return TfdsStream(match['name'], match['split'], side)


class TfdsStream:
  """A TFDS data set: read in its stored order, shuffled through a buffer.

  `tfds.data_source` could read it at random, but only if it was prepared as
  array_record files. TFDS prepares tfrecord files, unless it is told otherwise,
  so that the data sets that users have already would have to be prepared anew.

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
    self._split = sources.tfds_split(
        name, split, side, tuple(self._builder.info.splits))
    self._check(name, self._split)
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

  def _check(self, name: str, split: str) -> None:
    """Raises `UsageError` unless a split can be read and has images."""
    try:
      count = self._builder.info.splits[split].num_examples
    except Exception as error:  # What TFDS raises is documented nowhere.
      raise UsageError(f'cannot read the split {split} of {name}: '
                       f'{_first_line(error)}') from error
    if not count:
      raise UsageError(f'no image in the split {split} of {name}')


def _first_line(error: Exception) -> str:
  return f'{type(error).__name__}: {str(error).partition(chr(10))[0]}'
