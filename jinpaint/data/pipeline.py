"""Batches for training and evaluation, by tf.data.

The only file that imports TensorFlow. The stream of training examples has
positions 0, 1, 2, ...; the example at a position depends on the seed and the
position alone, so any number of workers gives the same batches, and a run that
goes on at position P goes on as if it had never stopped.
"""

from collections.abc import Iterator
import functools
from pathlib import Path
import re
import sys
import threading
import weakref

import numpy as np
import tensorflow as tf

from jinpaint import errors
from jinpaint.data import files, sources, specs
from jinpaint.data.examples import Data, Examples, HostGuidance
from jinpaint.errors import UsageError

# The accelerators are JAX's.
tf.config.set_visible_devices([], 'GPU')

# Images of a TFDS stream that are shuffled together. TFDS has shuffled them
# once, when it wrote them.
_SHUFFLE_BUFFER = 10_000


class Batches:
  """An iterator of batches that knows what it had to skip.

  Attributes:
    source: whose photographs these are: `len` of it is an epoch, its `names`
      are empty where photographs have none.
  """

  def __init__(self, dataset: tf.data.Dataset, work: '_Work',
               source: 'sources.Source | _TfdsStream'):
    self._iterator = dataset.prefetch(2).as_numpy_iterator()
    self._work = work
    self.source = source
    self.close = weakref.finalize(self, _drain, self._iterator, work)

  @property
  def skipped(self) -> tuple[str, ...]:
    """The broken images met so far, sorted."""
    return tuple(sorted(self._work.broken))

  def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
    return self

  def __next__(self) -> dict[str, np.ndarray]:
    try:
      return next(self._iterator)
    except tf.errors.OpError:
      # tf.data wraps what a worker raised in a page of its own.
      if self._work.failure is None:
        raise
      raise self._work.failure from None


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
  work = _Work(data.max_bad_images, len(source))
  dataset = _dataset(data, source, examples, work, position)
  dataset = dataset.batch(batch_size, drop_remainder=True)
  return Batches(
      dataset.map(lambda batch: {
          **{key: batch[key] for key in examples.shapes},
          'position': batch['position'][-1] + 1}),
      work, source)


def eval_batches(data: Data, *, batch_size: int, seed: int, limit: int = 0,
                 guidance: HostGuidance | None = None) -> Batches:
  """Returns the held-out examples, once, each with its fixed crop and mask.

  Args:
    data: what the examples are made of.
    batch_size: examples a batch; the last one is padded.
    seed: with an example's index it decides its crop and its mask.
    limit: the first so many photographs only; 0 for all.
    guidance: adds edges and sketches to the examples.

  Returns:
    Batches of `image`, `mask`, what `guidance` adds, `weight` (0 = padding) and
    `index`.

  Raises:
    UsageError: as `train_batches`.
  """
  if limit < 0:
    raise UsageError(f'the limit is {limit}; it must be 0 (all) or more')
  source = (_open(data.eval_source, None) if data.eval_source
            else _open(data.source, 'validation'))
  examples = Examples(data, seed=seed, training=False, names=source.names,
                      guidance=guidance)
  work = _Work(data.max_bad_images, len(source), limit)
  dataset = _dataset(data, source, examples, work, None)

  def pad(batch):
    missing = batch_size - tf.shape(batch['index'])[0]
    batch['weight'] = tf.ones_like(batch['index'], tf.float32)
    return {key: tf.ensure_shape(
        tf.pad(value, [[0, missing]] + [[0, 0]] * (value.shape.rank - 1)),
        (batch_size, *value.shape[1:]))
        for key, value in batch.items() if key != 'position'}

  return Batches(dataset.batch(batch_size).map(pad), work, source)


def _drain(iterator, work):
  """Lets the workers end.

  An iterator must not be destroyed while a worker waits for Python's lock: its
  destructor holds the lock and waits for the worker. So no new examples are
  begun, and those that were are taken out and thrown away.
  """
  work.closed = True
  # Whoever lets go of the last reference may be building a graph.
  with tf.init_scope():
    work.end.assign(0)
    while True:
      try:
        next(iterator)
      except StopIteration:
        return
      except tf.errors.OpError:
        pass  # it has been reported, or nobody wants it any more


def _dataset(data, source, examples, work, position):
  """Returns the examples from a position on; None: each once, in order."""
  training = position is not None
  first, last = (position, np.iinfo(np.int64).max) if training else (
      0, len(source))
  dataset = tf.data.Dataset.range(first, last).take_while(
      lambda position: position < work.end)
  keys = tuple(examples.shapes)

  def example(position, image=None):
    """Returns (found, index, *arrays); runs in any thread."""
    try:
      return found_and_made(position, image)
    except Exception as error:
      work.failure = error
      raise

  def found_and_made(position, image):
    epoch, rank = divmod(int(position), len(source))
    index = rank
    nothing = (False, index, *(
        np.zeros(shape, np.float32) for shape in examples.shapes.values()))
    if work.closed:
      return nothing
    if image is None:
      if training:
        index = int(order(epoch)[rank])
      try:
        image = source.read(index)
      except files.UnreadableImage as error:
        work.add_broken(str(error))
        return nothing
    made = examples.make(files.as_rgb8(image), epoch, index)
    return True, index, *(made[key] for key in keys)

  order = functools.lru_cache(maxsize=2)(
      lambda epoch: examples.order(epoch, len(source)))

  def in_graph(position, *image):
    types = [tf.bool, tf.int64, *[tf.float32] * len(keys)]
    found, index, *arrays = tf.numpy_function(
        example, (position, *image), types, stateful=False)
    named = {'found': found, 'index': index, 'position': position}
    for name in named:
      named[name] = tf.ensure_shape(named[name], ())
    for key, array in zip(keys, arrays, strict=True):
      named[key] = tf.ensure_shape(array, examples.shapes[key])
    return named

  if isinstance(source, _TfdsStream):
    images = source.images(examples, position)
    dataset = tf.data.Dataset.zip(dataset, images)
  options = tf.data.Options()
  options.deterministic = True
  if data.workers:
    options.threading.private_threadpool_size = data.workers
  dataset = dataset.with_options(options).map(
      in_graph, num_parallel_calls=data.workers or tf.data.AUTOTUNE)
  dataset = dataset.filter(lambda example: example['found'])
  return dataset.map(lambda example: {
      key: value for key, value in example.items() if key != 'found'})


class _Work:
  """What the workers, in any thread, have met, and whether they go on.

  Attributes:
    broken: the broken images met so far.
    failure: what a worker has raised.
    closed: whether nobody wants examples any more.
    end: the position at which the stream ends.
  """

  def __init__(self, max_broken, count, limit=0):
    self.broken = set()
    self.failure = None
    self.closed = False
    self.end = tf.Variable(limit or tf.int64.max, dtype=tf.int64)
    self._max_broken, self._count = max_broken, min(count, limit or count)
    self._lock = threading.Lock()

  def add_broken(self, name):
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


_SOURCES = {'photos': specs.Kind(), 'folder': specs.Kind(rest='PATH'),
            'tfds': specs.Kind(rest='NAME[:SPLIT]')}
# A data set may name its version, 'mnist:3.*.*'.
_TFDS = re.compile(r'(?P<name>[\w/.-]+(:[\d.*]+(?=:|$))?)(:(?P<split>.+))?')


def _open(spec: str, split: str | None) -> 'sources.Source | _TfdsStream':
  """Opens a source; `split` None: all that `spec` names."""
  kind, _, rest = specs.parse('source', spec, _SOURCES)
  if kind == 'photos':
    return sources.Photos(split or 'validation')
  if kind == 'folder':
    return sources.folder(Path(rest).expanduser(), split)
  match = _TFDS.fullmatch(rest)
  if not match:
    raise UsageError(f'cannot read the source "{spec}"; write '
                     'tfds:NAME[:SPLIT]')
  return _TfdsStream(match['name'], match['split'], split)


class _TfdsStream:
  """A TFDS data set: read in its stored order, shuffled through a buffer."""

  names = ()

  def __init__(self, name, split, side):
    # Imported here: it is slow, and only this source needs it.
    import tensorflow_datasets as tfds
    self._tfds = tfds
    try:
      self._builder = tfds.builder(name)
      self._builder.download_and_prepare()
    except tfds.core.registered.DatasetNotFoundError as error:
      raise UsageError(f'there is no TFDS data set {name}') from error
    except Exception as error:  # whatever a download raises
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

  def __len__(self):
    return self._count

  def images(self, examples, position):
    """Returns the decoded images from a position on, see `_dataset`."""
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

  def _encoded(self):
    dataset = self._builder.as_dataset(
        split=self._split, shuffle_files=False,
        decoders={'image': self._tfds.decode.SkipDecoding()})
    return dataset.map(lambda example: example['image'])

  def _side(self, name, split, side):
    """Returns the split that one side reads.

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
    except Exception as error:  # whatever TFDS raises
      raise UsageError(f'cannot read the split {chosen} of {name}: '
                       f'{_first_line(error)}') from error
    if not count:
      raise UsageError(f'no image in the split {chosen} of {name}')
    return chosen


def _first_line(error):
  return f'{type(error).__name__}: {str(error).partition(chr(10))[0]}'
