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

from jinpaint import devices, guidance
from jinpaint.evaluation import metrics
from jinpaint.guidance import Detector
from jinpaint.stage import Stage
from jinpaint.types import Batch, Variables

Scores = dict[str, np.ndarray]  # metric -> (N,), one value an image


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """Scores of one or more methods on the same images and holes.

  Attributes:
    methods: method -> metric -> (N,); `jinpaint`, the first, has every metric.
    images: the images' names, N of them.
    holes: (N,) share of hole pixels.
  """

  methods: dict[str, Scores]
  images: tuple[str, ...]
  holes: np.ndarray

  def summary(self, method: str) -> dict[str, metrics.Summary]:
    """Returns each metric's mean over the images, see `metrics.average`."""
    scores = self.methods[method]
    def weight(name):
      weights = [scores[by] for by in metrics.METRICS[name].weighted_by]
      return np.sum(weights, axis=0) if weights else None
    return {name: metrics.average(values, weight(name))
            for name, values in scores.items()}

  def means(self, method: str = 'jinpaint') -> dict[str, float]:
    """Returns each metric's mean over the images where it is finite."""
    return {name: summary.mean
            for name, summary in self.summary(method).items()}


class Evaluator:
  """Scores a stage, compiled once for as many evaluations as wanted.

  Attributes:
    predict: the stage's, compiled.
  """

  def __init__(self, stage: Stage, *,
               detector: Detector = guidance.NONE,
               published: Variables | None = None,
               columns: Iterable[str] = metrics.METRIC_SETS['default'],
               edge_threshold: float = 0.5):
    """Prepares.

    Args:
      stage: whose `predict` is scored.
      detector: what completes the batches.
      published: the variables that it reads.
      edge_threshold: pixels above it are edges.
      columns: what is measured of images, keys of `metrics.METRICS`.
    """
    columns = tuple(columns)
    self._order = (*columns, *metrics.METRIC_SETS['edges'], *metrics.METRICS)

    def score_image(batch, prediction):
      shown = jnp.round(prediction * 255) / 255
      return metrics.evaluate_all(shown, batch['image'], batch['mask'],
                                  names=columns)

    def score(variables, batch, predicted):
      scores = {}
      if 'image' in predicted:
        scores |= score_image(batch, predicted['image'])
      if 'edge' in predicted:
        edges = (jnp.asarray(edge > edge_threshold, jnp.float32)
                 for edge in (predicted['edge'], batch['edge']))
        scores |= metrics.evaluate_all(
            *edges, batch['mask'], names=metrics.METRIC_SETS['edges'])
      return scores | stage.scores(variables, batch, predicted)

    self._complete = jax.jit(detector.complete) if detector.networks else None
    self._published = devices.everywhere(published or {})
    self._score_image = jax.jit(score_image)
    self._score = jax.jit(score)
    self.predict = jax.jit(stage.predict)

  def complete(self, batch: Batch) -> Batch:
    """Returns a batch with all that the stage reads, on the devices."""
    batch = devices.spread(dict(batch))
    return self._complete(self._published, batch) if self._complete else batch

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
        (H, W, 3) and mask (H, W), uint8, as in `jinpaint.baselines`; of a
        stage that makes no image, there are none.
    """
    variables = devices.everywhere(variables)
    found = collections.defaultdict(list)
    indices, holes = [], []
    for batch in batches:
      real = np.asarray(batch['weight']) == 1
      indices.extend(np.asarray(batch['index'])[real])
      holes.append(np.mean(batch['mask'][real], axis=(1, 2, 3)))
      inputs = self.complete(batch)
      predicted = self.predict(variables, inputs)
      scores = {'jinpaint': self._score(variables, inputs, predicted)}
      if 'image' in predicted:
        scores |= {method: self._score_image(
            inputs, devices.spread(_fill_each(fill, batch)))
                   for method, fill in (others or {}).items()}
      for method, columns in scores.items():
        found[method].append({column: np.asarray(values)[real]
                              for column, values in columns.items()})
    return Evaluation(
        {method: {column: np.concatenate([scores[column] for scores in parts])
                  for column in sorted(parts[0], key=self._order.index)}
         for method, parts in found.items()},
        tuple(names[i] if names else str(i) for i in indices),
        np.concatenate(holes))


def _fill_each(fill, batch):
  to_8_bits = lambda x: np.rint(np.asarray(x) * 255).astype(np.uint8)
  return np.stack([
      fill(to_8_bits(image), mask[..., 0].astype(np.uint8))
      for image, mask in zip(batch['image'], batch['mask'], strict=True)
  ]).astype(np.float32) / np.float32(255)
