"""Scores a system on held-out examples, beside what a user would else pick.

One value an image and a metric, computed on the device in jitted batches:
images as composites rounded to 8 bits, as a saved file would be; edges as they
are predicted. Padding counts nowhere.
"""

import collections
from collections.abc import Callable, Iterable, Mapping
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices
from jinpaint.evaluation import metrics
from jinpaint.guidance import Guidance
from jinpaint.nets import Nets
from jinpaint.stage import complete, Measure, Stage
from jinpaint.types import Array, Batch, Variables

Scores = dict[str, np.ndarray]  # metric -> (N,), one value an image
OURS = 'jinpaint'  # the row of the system that is evaluated


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """Scores of one or more methods on the same images and holes.

  Attributes:
    methods: method -> metric -> (N,); `jinpaint`, the first, has every metric.
    images: the images' names, N of them.
    holes: (N,) share of hole pixels.
    measures: what each metric means, by key.
  """

  methods: dict[str, Scores]
  images: tuple[str, ...]
  holes: np.ndarray
  measures: Mapping[str, metrics.Metric | Measure]

  def summary(self, method: str) -> dict[str, metrics.Summary]:
    """Returns each metric's mean over the images, see `metrics.average`."""
    scores = self.methods[method]
    def weight(name):
      weights = [scores[by] for by in self.measures[name].weighted_by]
      return np.sum(weights, axis=0) if weights else None
    return {name: metrics.average(values, weight(name))
            for name, values in scores.items()}

  def means(self, method: str = OURS) -> dict[str, float]:
    """Returns each metric's mean over the images where it is finite."""
    return {name: summary.mean
            for name, summary in self.summary(method).items()}


class Evaluator:
  """Scores a stage, compiled once for as many evaluations as wanted."""

  def __init__(self, stage: Stage, *, guidance: Guidance,
               published: Variables | None = None,
               columns: Iterable[str] = metrics.METRIC_SETS['default'],
               edge_threshold: float = 0.5, compute: str = 'float32'):
    """Compiles nothing yet: the first batch does.

    Args:
      stage: whose `predict` is scored.
      guidance: makes the edges and sketches of the batches.
      published: the variables that it reads.
      columns: what is measured of images, keys of `metrics.METRICS`.
      edge_threshold: pixels above it are edges.
      compute: the type in which networks compute, see `jinpaint.nets`.
    """
    columns = tuple(columns)
    self._order = (*columns, *metrics.METRIC_SETS['edges'], *stage.measures,
                   *metrics.METRICS)

    def nets_of(variables: Variables) -> Nets:
      return Nets(stage.networks, variables, compute=compute)

    def predict(variables: Variables, batch: Batch) -> dict[str, Array]:
      return complete(stage.predict(nets_of(variables), batch), batch)

    def score_image(batch: Batch, image: Array) -> dict[str, Array]:
      rounded = jnp.round(image * 255) / 255
      return metrics.evaluate_all(rounded, batch['image'], batch['mask'],
                                  names=columns)

    def score(variables: Variables, batch: Batch, completed: Batch
              ) -> dict[str, Array]:
      scores = {}
      if 'image' in completed:
        scores |= score_image(batch, completed['image'])
      if 'edge' in completed:
        edges = (jnp.asarray(edge > edge_threshold, jnp.float32)
                 for edge in (completed['edge'], batch['true_edge']))
        scores |= metrics.evaluate_all(
            *edges, batch['mask'], names=metrics.METRIC_SETS['edges'])
      nets = nets_of(variables)
      return scores | {name: measure.of_images(nets, batch, completed)
                       for name, measure in stage.measures.items()}

    self.stage = stage
    self._published = devices.everywhere(published or {})
    self._guide = jax.jit(guidance.on_device)
    self._score_image = jax.jit(score_image)
    self._score = jax.jit(score)
    self._predict = jax.jit(predict)

  def guide(self, batch: Batch) -> Batch:
    """Returns a batch with all that the stage reads, on the devices."""
    return self._guide(self._published, devices.spread(dict(batch)))

  def predict(self, variables: Variables, batch: Batch) -> dict[str, Array]:
    """Returns what the stage predicts, see `jinpaint.stage.complete`.

    Args:
      variables: the stage's networks.
      batch: what `guide` returned.
    """
    return self._predict(variables, batch)

  def __call__(self, variables: Variables, batches: Iterable[Batch], *,
               names: tuple[str, ...] = (),
               others: Mapping[str, Callable[..., np.ndarray]] | None = None
               ) -> Evaluation:
    """Scores the system and other methods.

    Args:
      variables: the system's networks.
      batches: of what the stage reads, `weight` and `index`, see
        `jinpaint.data.pipeline.eval_batches`.
      names: the images' names by `index`; empty if they have none.
      others: further rows of the table: name -> function of one image
        (H, W, 3) and mask (H, W), uint8, as in `jinpaint.evaluation.baselines`;
        beside a stage that makes no image, there are none.
    """
    variables = devices.everywhere(variables)
    parts = collections.defaultdict(list)
    indices, holes = [], []
    for batch in batches:
      real = np.asarray(batch['weight']) == 1
      indices.extend(np.asarray(batch['index'])[real])
      holes.append(np.mean(batch['mask'][real], axis=(1, 2, 3)))
      inputs = self.guide(batch)
      completed = self._predict(variables, inputs)
      scores = {OURS: self._score(variables, inputs, completed)}
      if 'image' in completed:
        scores |= {method: self._score_image(
            inputs, devices.spread(_fill_each(fill, batch)))
                   for method, fill in (others or {}).items()}
      for method, columns in scores.items():
        parts[method].append({column: np.asarray(values)[real]
                              for column, values in columns.items()})
    return Evaluation(
        {method: {column: np.concatenate([scores[column] for scores in scored])
                  for column in sorted(scored[0], key=self._order.index)}
         for method, scored in parts.items()},
        tuple(names[i] if names else str(i) for i in indices),
        np.concatenate(holes), {**metrics.METRICS, **self.stage.measures})


def _fill_each(fill, batch):
  to_8_bits = lambda x: np.rint(np.asarray(x) * 255).astype(np.uint8)
  return np.stack([
      fill(to_8_bits(image), mask[..., 0].astype(np.uint8))
      for image, mask in zip(batch['image'], batch['mask'], strict=True)
  ]).astype(np.float32) / np.float32(255)
