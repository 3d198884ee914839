"""Scoring: one value for each measure, image and method, and their means.

An `Evaluator` computes the values on the device, in jitted batches. Filled
images are scored as a saved file would hold them: composites, rounded to 8
bits. Edges are scored as they are predicted. The padding of a last batch counts
nowhere.
"""

import collections
from collections.abc import Callable, Iterable, Mapping, Sequence
import dataclasses
import functools
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices, images, networks
from jinpaint.evaluation import measures
from jinpaint.evaluation.baselines import Method
from jinpaint.evaluation.means import average, Summary
from jinpaint.guidance import Guidance
from jinpaint.nets import Nets
from jinpaint.stage import complete, Measure, Stage
from jinpaint.types import Array, Batch, Variables

Scores = dict[str, np.ndarray]  # measure -> (N,), one value for each image
HostBatch = Mapping[str, Array | np.ndarray]  # wherever its arrays are

# The row of the system that is evaluated, and that of a stage that reads edges
# which only an undamaged image has.
SYSTEM = 'jinpaint'
WITH_TRUE_EDGES = f'{SYSTEM}, with the true edges'
_TRUE_EDGES_REMARK = (
    'this stage was given the edges of the undamaged image, inside the hole as '
    'well. A damaged picture does not have them, so these scores cannot be '
    'compared with those of a method that fills a picture by itself')


def row_of(stage: Stage, name: str = SYSTEM) -> str:
  """Returns the name of a stage's row in tables of scores."""
  return f'{name}, with the true edges' if stage.needs_true_edges else name


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """Scores of one or more methods on the same N images and holes.

  Attributes:
    methods: method -> measure -> (N,). The first method is the system; it has
      every measure, other methods have those of images.
    images: the names of the images.
    indices: (N,), the place of each image among the held-out ones. Images that
      cannot be read leave gaps.
    holes: (N,), the share of hole pixels.
    measures: what was measured, by key, in the order of a table's columns.
    remarks: method -> what a reader must know of its scores.
    broken: the held-out images that cannot be read, which were left out.
    left_out: what could not be measured -> why.
    protocol: what the scores depend on, by subject, see
      `jinpaint.evaluation.protocol`.
    sets: method -> measure of sets -> its value, see
      `jinpaint.evaluation.sets`.
    set_measures: these measures, by key.
  """

  methods: Mapping[str, Scores]
  images: tuple[str, ...]
  indices: np.ndarray
  holes: np.ndarray
  measures: Mapping[str, Measure]
  remarks: Mapping[str, str] = dataclasses.field(default_factory=dict)
  broken: tuple[str, ...] = ()
  left_out: Mapping[str, str] = dataclasses.field(default_factory=dict)
  protocol: Mapping[str, str] = dataclasses.field(default_factory=dict)
  sets: Mapping[str, Mapping[str, float]] = dataclasses.field(
      default_factory=dict)
  set_measures: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  @property
  def system(self) -> str:
    """The name of the first method, the system that was evaluated."""
    return next(iter(self.methods))

  def summary(self, method: str) -> dict[str, Summary]:
    """Returns measure -> its mean over the images, see `average`."""
    scores = self.methods[method]
    return {key: average(values, self.weight(method, key))
            for key, values in scores.items()}

  def weight(self, method: str, key: str) -> np.ndarray | None:
    """Returns what each image weighs in a mean, (N,); None: all the same."""
    scores = self.methods[method]
    weights = [scores[other] for other in self.measures[key].weighted_by]
    return np.sum(weights, axis=0) if weights else None

  def means(self) -> dict[str, float]:
    """Returns the system's means over the images where they are finite."""
    return {key: summary.mean
            for key, summary in self.summary(self.system).items()}

  def first(self, limit: int) -> 'Evaluation':
    """Returns the evaluation of the first held-out images alone.

    It is what an evaluation with that `limit` gives (see
    `jinpaint.data.pipeline.eval_batches`): the order of the images is fixed.

    Args:
      limit: how many; images that cannot be read count. 0 for all.
    """
    if not limit:
      return self
    return self._of(np.flatnonzero(self.indices < limit))

  def in_order(self) -> 'Evaluation':
    """Returns the evaluation with its images in the order of their places."""
    return self._of(np.argsort(self.indices, kind='stable'))

  def within(self, low: float, high: float) -> 'Evaluation':
    """Returns the evaluation of images with a share of holes in [low, high).

    Args:
      low: the lowest share of hole pixels.
      high: the share from which on images do not belong; 1 itself belongs to
        the range that ends there.
    """
    holes = self.holes.astype(np.float32)
    return self._of(np.flatnonzero(
        (holes >= np.float32(low)) & (
            (holes < np.float32(high)) | (high >= 1))))

  def _of(self, places: np.ndarray) -> 'Evaluation':
    """Returns the evaluation of the images at some places of the arrays."""
    return dataclasses.replace(
        self,
        methods={method: {key: values[places]
                          for key, values in scores.items()}
                 for method, scores in self.methods.items()},
        images=tuple(self.images[i] for i in places),
        indices=self.indices[places], holes=self.holes[places])


class Part(NamedTuple):
  """The scores of some of the images.

  Attributes:
    indices: (n,), see `Evaluation`.
    holes: (n,), the share of hole pixels.
    methods: method -> measure -> (n,).
  """

  indices: np.ndarray
  holes: np.ndarray
  methods: Mapping[str, Scores]


class Model(NamedTuple):
  """A system with its weights: a row of a table.

  Attributes:
    name: of the row.
    evaluator: of its stage.
    variables: the stage's networks.
  """

  name: str
  evaluator: 'Evaluator'
  variables: Variables


class Evaluator:
  """Scores a stage, compiled once for as many evaluations as wanted.

  Attributes:
    stage: the stage.
    measures: what is measured of it, by key, in the order of a table's columns:
      of filled images, of edges, and what the stage adds.
    of_images: what is measured of other methods' images.
    compiled: how many programs have been compiled: 'network', which predict,
      one for each size that the stage accepts, and 'scores', one for each size
      of images.
  """

  def __init__(self, stage: Stage, *, guidance: Guidance,
               published: Variables | None = None,
               of_images: Mapping[str, Measure] | None = None,
               needed: Variables | None = None,
               left_out: Mapping[str, str] | None = None,
               edge_threshold: float = 0.5, compute: str = 'float32'):
    """Compiles nothing yet: the first batch does.

    Args:
      stage: whose `predict` is scored.
      guidance: makes the edges and sketches of the batches.
      published: the variables of the guidance's networks.
      of_images: what is measured of filled images; None for what
        `jinpaint.evaluation.measures.choose` returns by default.
      needed: the variables of the networks that these measures need.
      left_out: what was asked for and cannot be measured -> why.
      edge_threshold: pixels of edge maps above it are edges.
      compute: the type in which networks compute, see `jinpaint.nets`.
    """
    if of_images is None:
      of_images = measures.choose()
    self.stage = stage
    self.of_images: Mapping[str, Measure] = of_images
    self.left_out = dict(left_out or {})
    needed = needed or {}
    readers = {name: networks.create(name) for name in needed}
    self.measures: Mapping[str, Measure] = {
        **(of_images if stage.fills else {}),
        **(measures.of_edges(edge_threshold) if 'edge' in stage.makes else {}),
        **stage.measures}

    self.compiled: collections.Counter[str] = collections.Counter()

    # These two run only while they are traced, which is once for each program.
    def predict(variables: Variables, batch: Batch) -> dict[str, Array]:
      self.compiled['network'] += 1
      nets = Nets(stage.networks, variables, compute=compute)
      return complete(stage.predict(nets, batch), batch)

    def score(columns: Mapping[str, Measure], modules: Mapping[str, nn.Module],
              variables: Variables, needed: Variables, batch: Batch,
              completed: Mapping[str, Array]) -> dict[str, Array]:
      self.compiled['scores'] += columns is self.measures
      nets = Nets(modules, variables, compute=compute)
      return measures.apply(columns, nets, batch, as_saved(completed, batch),
                            published=Nets(readers, needed))

    self._published = devices.everywhere(published or {})
    self._needed = devices.everywhere(needed)
    self._guide = jax.jit(guidance.on_device)
    self._predict = jax.jit(predict)
    self._score = jax.jit(functools.partial(
        score, self.measures, stage.networks))
    # Other methods have no networks that a measure could apply.
    self._score_other = jax.jit(functools.partial(score, of_images, {}, {}))

  def guide(self, batch: HostBatch) -> Batch:
    """Returns a batch with all that the stage reads, on the devices."""
    return self._guide(self._published, devices.spread(dict(batch)))

  def predict(self, variables: Variables, batch: Batch) -> dict[str, Array]:
    """Returns what the stage predicts, see `jinpaint.stage.complete`.

    Images of a size that the stage does not accept are extended at the bottom
    and on the right, as little as possible, and what is predicted is cut again:
    so does `jinpaint.inference`.

    Args:
      variables: the stage's networks.
      batch: what `guide` returned.
    """
    # Wherever they were before: one program serves them all.
    variables = devices.everywhere(variables)
    height, width = batch['image'].shape[1:3]
    padded = self.stage.sizes.holding(height, width)
    if padded == (height, width):
      return self._predict(variables, devices.spread(batch))
    extended = devices.spread(_padded(batch, *padded))
    return _cropped(self._predict(variables, extended), height, width)

  def score(self, model: Model, batch: HostBatch,
            others: Mapping[str, Method]) -> dict[str, dict[str, Array]]:
    """Returns the scores of a batch: method -> measure -> (B,).

    Args:
      model: the system, whose evaluator this is.
      batch: with what the stage reads.
      others: further methods.
    """
    inputs = self.guide(batch)
    scores = {model.name: self._score(
        model.variables, self._needed, inputs,
        self.predict(model.variables, inputs))}
    for name, method in others.items():
      filled = devices.spread(fill_each(method, batch))
      scores[name] = self._score_other(
          self._needed, inputs, {'image': filled})
    return scores

  def __call__(self, variables: Variables, batches: Iterable[HostBatch], *,
               names: tuple[str, ...] = (),
               others: Mapping[str, Method] | None = None) -> Evaluation:
    """Scores the system and other methods; see `score_all`."""
    model = Model(row_of(self.stage), self, variables)
    return score_all([model], [batches], names=names, others=others)


def score_all(models: Sequence[Model], streams: Sequence[Iterable[HostBatch]],
              *, names: tuple[str, ...] = (),
              others: Mapping[str, Method] | None = None,
              known: Part | None = None,
              note: Callable[[Part], None] = lambda part: None) -> Evaluation:
  """Scores systems and other methods on the same images and holes.

  Args:
    models: the systems; the first one is `Evaluation.system`.
    streams: for each model batches with what its stage reads, `weight` and
      `index`, see `jinpaint.data.pipeline.eval_batches`. All have the same
      images and holes; models that read the same may share a stream. If there
      is an attribute `skipped`, it names the images that could not be read.
    names: the images' names by `index`; empty if they have none.
    others: further rows of the table, see `jinpaint.evaluation.baselines`.
      Beside a stage that makes no image, there are none.
    known: scores that are known already, of images that are not in the streams.
    note: is given the scores of each batch.
  """
  models = [model._replace(variables=devices.everywhere(model.variables))
            for model in models]
  columns = {key: measure for model in models
             for key, measure in model.evaluator.measures.items()}
  others = others if others and models[0].evaluator.stage.fills else {}
  parts = [known] if known is not None else []
  shared = {id(stream): stream for stream in streams}
  for batches in zip(*shared.values(), strict=True):
    batch_of = dict(zip(shared, batches, strict=True))
    real = np.asarray(batches[0]['weight']) == 1
    scores: dict[str, dict[str, Array]] = {}
    for i, (model, stream) in enumerate(zip(models, streams, strict=True)):
      scores |= model.evaluator.score(
          model, batch_of[id(stream)], {} if i else others)
    ordered = [model.name for model in models] + list(others)
    parts.append(Part(
        np.asarray(batches[0]['index'])[real],
        np.mean(np.asarray(batches[0]['mask'])[real], axis=(1, 2, 3)),
        {name: {key: np.asarray(scores[name][key])[real]
                for key in columns if key in scores[name]}
         for name in ordered}))
    note(parts[-1])
  indices, holes, methods = joined(parts)
  return Evaluation(
      methods=methods,
      images=tuple(names[i] if names else str(i) for i in indices),
      indices=indices, holes=holes, measures=columns,
      remarks={model.name: _TRUE_EDGES_REMARK for model in models
               if model.evaluator.stage.needs_true_edges},
      broken=tuple(getattr(streams[0], 'skipped', ())),
      left_out=models[0].evaluator.left_out)


def joined(parts: Sequence[Part]) -> Part:
  """Returns the scores of all images of all parts."""
  return Part(
      np.concatenate([part.indices for part in parts]),
      np.concatenate([part.holes for part in parts]),
      {name: {key: np.concatenate([part.methods[name][key] for part in parts])
              for key in scores}
       for name, scores in parts[0].methods.items()})


@functools.partial(jax.jit, static_argnames=('height', 'width'))
def _padded(batch: Batch, height: int, width: int) -> Batch:
  """Returns a batch extended as `jinpaint.images.pad_to` extends an image."""
  rows, columns = (
      images.pad_to(np.arange(extent)[:, None], padded, 1)[:, 0]
      for extent, padded in zip(
          batch['image'].shape[1:3], (height, width), strict=True))
  return {key: array[:, rows][:, :, columns] if array.ndim == 4 else array
          for key, array in batch.items()}


@functools.partial(jax.jit, static_argnames=('height', 'width'))
def _cropped(completed: Mapping[str, Array], height: int, width: int
             ) -> dict[str, Array]:
  """Returns the top left part of all that was predicted."""
  return {key: array[:, :height, :width] for key, array in completed.items()}


def as_saved(completed: Mapping[str, Array], batch: Batch
              ) -> Mapping[str, Array]:
  """Returns what was completed, with the image as a saved file holds it.

  It is rounded to 8 bits, and its known pixels are those of the true image.
  """
  if 'image' not in completed:
    return completed
  rounded = jnp.round(completed['image'] * 255) / 255
  return {**completed, 'image': images.composite(
      rounded, batch['image'], batch['mask'])}


def fill_each(method: Method, batch: HostBatch) -> np.ndarray:
  """Returns the images of a batch as a method fills them, float32 in [0, 1]."""
  images, masks = (np.asarray(batch[key]) for key in ('image', 'mask'))
  filled = [
      method(np.rint(image * 255).astype(np.uint8),
             (mask[..., 0] > 0.5).astype(np.uint8))
      for image, mask in zip(images, masks, strict=True)]
  return np.stack(filled).astype(np.float32) / np.float32(255)
