"""Scoring: one value for each measure, image and method, and their means.

An `Evaluator` computes the values on the device, in jitted batches. Filled
images are scored as a saved file would hold them: composites, rounded to 8
bits. Edges are scored as they are predicted. The padding of a last batch counts
nowhere.
"""

import collections
from collections.abc import Iterable, Mapping
import dataclasses
import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices
from jinpaint.evaluation import measures
from jinpaint.evaluation.baselines import Method
from jinpaint.guidance import Guidance
from jinpaint.images import composite
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


def row_of(stage: Stage) -> str:
  """Returns the name of a stage's row in tables of scores."""
  return WITH_TRUE_EDGES if stage.needs_true_edges else SYSTEM


@dataclasses.dataclass(frozen=True)
class Summary:
  """The mean of a measure over images, and how many it leaves out.

  Attributes:
    mean: of the finite values; nan if there are none.
    count: how many values are finite.
    infinite: how many are infinite: the PSNR of identical images.
    undefined: how many are nan: a measure of the hole, of an image without one.
  """

  mean: float
  count: int
  infinite: int
  undefined: int


def average(values: np.ndarray, weight: np.ndarray | None = None) -> Summary:
  """Averages the collected values of a measure, in double precision.

  Args:
    values: (N,).
    weight: (N,), not negative; a value of weight 0 counts nowhere. None: all
      values weigh the same.

  Raises:
    ValueError: values and weights do not fit together.
  """
  values = np.asarray(values, np.float64)
  weight = (np.ones(values.shape) if weight is None
            else np.asarray(weight, np.float64))
  if (values.ndim != 1 or weight.shape != values.shape
      or not (weight >= 0).all()):
    raise ValueError(f'values {values.shape} must be (N,) and weight '
                     f'{weight.shape} (N,), not negative')
  values, weight = values[weight > 0], weight[weight > 0]
  finite = np.isfinite(values)
  return Summary(
      float(np.average(values[finite], weights=weight[finite]))
      if finite.any() else float('nan'),
      int(finite.sum()), int(np.isinf(values).sum()),
      int(np.isnan(values).sum()))


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
    protocol: what the scores depend on, by subject, see
      `jinpaint.evaluation.protocol`.
  """

  methods: Mapping[str, Scores]
  images: tuple[str, ...]
  indices: np.ndarray
  holes: np.ndarray
  measures: Mapping[str, Measure]
  remarks: Mapping[str, str] = dataclasses.field(default_factory=dict)
  broken: tuple[str, ...] = ()
  protocol: Mapping[str, str] = dataclasses.field(default_factory=dict)

  @property
  def system(self) -> str:
    """The name of the first method, the system that was evaluated."""
    return next(iter(self.methods))

  def summary(self, method: str) -> dict[str, Summary]:
    """Returns measure -> its mean over the images, see `average`."""
    scores = self.methods[method]
    return {key: average(values, self._weight(scores, key))
            for key, values in scores.items()}

  def _weight(self, scores: Scores, key: str) -> np.ndarray | None:
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
    chosen = self.indices < limit
    return dataclasses.replace(
        self,
        methods={method: {key: values[chosen]
                          for key, values in scores.items()}
                 for method, scores in self.methods.items()},
        images=tuple(name for name, is_chosen in zip(
            self.images, chosen, strict=True) if is_chosen),
        indices=self.indices[chosen], holes=self.holes[chosen])


class Evaluator:
  """Scores a stage, compiled once for as many evaluations as wanted.

  Attributes:
    stage: the stage.
    measures: what is measured of it, by key, in the order of a table's columns:
      of filled images, of edges, and what the stage adds.
  """

  def __init__(self, stage: Stage, *, guidance: Guidance,
               published: Variables | None = None,
               of_images: Mapping[str, Measure] | None = None,
               edge_threshold: float = 0.5, compute: str = 'float32'):
    """Compiles nothing yet: the first batch does.

    Args:
      stage: whose `predict` is scored.
      guidance: makes the edges and sketches of the batches.
      published: the variables of the guidance's networks.
      of_images: what is measured of filled images; None for what
        `jinpaint.evaluation.measures.choose` returns by default.
      edge_threshold: pixels of edge maps above it are edges.
      compute: the type in which networks compute, see `jinpaint.nets`.
    """
    if of_images is None:
      of_images = measures.choose()
    self.stage = stage
    self.measures: Mapping[str, Measure] = {
        **(of_images if stage.fills else {}),
        **(measures.of_edges(edge_threshold) if 'edge' in stage.makes else {}),
        **stage.measures}

    def predict(variables: Variables, batch: Batch) -> dict[str, Array]:
      nets = Nets(stage.networks, variables, compute=compute)
      return complete(stage.predict(nets, batch), batch)

    def score(columns: Mapping[str, Measure], modules: Mapping[str, nn.Module],
              variables: Variables, batch: Batch,
              completed: Mapping[str, Array]) -> dict[str, Array]:
      nets = Nets(modules, variables, compute=compute)
      return measures.apply(columns, nets, batch, _as_saved(completed, batch))

    self._published = devices.everywhere(published or {})
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

    Args:
      variables: the stage's networks.
      batch: what `guide` returned.
    """
    return self._predict(variables, batch)

  def __call__(self, variables: Variables, batches: Iterable[HostBatch], *,
               names: tuple[str, ...] = (),
               others: Mapping[str, Method] | None = None) -> Evaluation:
    """Scores the system and other methods.

    Args:
      variables: the system's networks.
      batches: with what the stage reads, `weight` and `index`, see
        `jinpaint.data.pipeline.eval_batches`. If there is an attribute
        `skipped`, it names the images that could not be read.
      names: the images' names by `index`; empty if they have none.
      others: further rows of the table, see `jinpaint.evaluation.baselines`.
        Beside a stage that makes no image, there are none.
    """
    variables = devices.everywhere(variables)
    system = row_of(self.stage)
    others = others if others and self.stage.fills else {}
    parts: dict[str, list[Scores]] = collections.defaultdict(list)
    indices, holes = [], []
    for batch in batches:
      real = np.asarray(batch['weight']) == 1
      indices.append(np.asarray(batch['index'])[real])
      holes.append(np.mean(np.asarray(batch['mask'])[real], axis=(1, 2, 3)))
      inputs = self.guide(batch)
      scores = {system: self._score(
          variables, inputs, self.predict(variables, inputs))}
      for name, method in others.items():
        filled = devices.spread(_fill_each(method, batch))
        scores[name] = self._score_other(inputs, {'image': filled})
      for name, values in scores.items():
        parts[name].append({key: np.asarray(array)[real]
                            for key, array in values.items()})
    joined = np.concatenate(indices)
    return Evaluation(
        methods={name: self._joined(scores) for name, scores in parts.items()},
        images=tuple(names[i] if names else str(i) for i in joined),
        indices=joined, holes=np.concatenate(holes), measures=self.measures,
        remarks={system: _TRUE_EDGES_REMARK}
        if self.stage.needs_true_edges else {},
        broken=tuple(getattr(batches, 'skipped', ())))

  def _joined(self, parts: list[Scores]) -> Scores:
    """Joins the scores of batches; measures are in the order of columns."""
    return {key: np.concatenate([scores[key] for scores in parts])
            for key in self.measures if key in parts[0]}


def _as_saved(completed: Mapping[str, Array], batch: Batch
              ) -> Mapping[str, Array]:
  """Returns what was completed, with the image as a saved file holds it.

  It is rounded to 8 bits, and its known pixels are those of the true image.
  """
  if 'image' not in completed:
    return completed
  rounded = jnp.round(completed['image'] * 255) / 255
  return {**completed, 'image': composite(
      rounded, batch['image'], batch['mask'])}


def _fill_each(method: Method, batch: HostBatch) -> np.ndarray:
  """Returns the images of a batch as a method fills them, float32 in [0, 1]."""
  images, masks = (np.asarray(batch[key]) for key in ('image', 'mask'))
  filled = [
      method(np.rint(image * 255).astype(np.uint8),
             (mask[..., 0] > 0.5).astype(np.uint8))
      for image, mask in zip(images, masks, strict=True)]
  return np.stack(filled).astype(np.float32) / np.float32(255)
