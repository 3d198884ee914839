"""Scores a system on held-out examples, beside what a user would else pick.

One value an image and a metric, computed on the device in jitted batches, on
composites rounded to 8 bits as a saved file would be. Padding counts nowhere.
"""

from collections.abc import Callable, Iterable, Mapping
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices, metrics
from jinpaint.stage import Stage
from jinpaint.types import Batch, Variables

Scores = dict[str, np.ndarray]  # metric -> (N,), one value an image


@dataclasses.dataclass(frozen=True)
class Evaluation:
  """Scores of one or more methods on the same images and holes.

  Attributes:
    methods: method -> metric -> (N,).
    images: the images' names, N of them.
    holes: (N,) share of hole pixels.
  """

  methods: dict[str, Scores]
  images: tuple[str, ...]
  holes: np.ndarray

  def summary(self, method: str) -> dict[str, metrics.Summary]:
    """Returns each metric's mean over the images, see `metrics.average`."""
    return {name: metrics.average(values)
            for name, values in self.methods[method].items()}

  def means(self, method: str = 'jinpaint') -> dict[str, float]:
    """Returns each metric's mean over the images where it is finite."""
    return {name: summary.mean
            for name, summary in self.summary(method).items()}


class Evaluator:
  """Scores a stage, compiled once for as many evaluations as wanted."""

  def __init__(self, stage: Stage, *,
               columns: Iterable[str] = metrics.METRIC_SETS['default']):
    """Prepares.

    Args:
      stage: whose `predict` is scored.
      columns: keys of `metrics.METRICS`.
    """
    self._columns = columns = tuple(columns)

    def score(image, mask, prediction):
      shown = jnp.round(prediction * 255) / 255
      return metrics.evaluate_all(shown, image, mask, names=columns)

    self._score = jax.jit(score)
    self.predict = jax.jit(stage.predict)

  def __call__(self, variables: Variables, batches: Iterable[Batch], *,
               names: tuple[str, ...] = (),
               others: Mapping[str, Callable[..., np.ndarray]] | None = None
               ) -> Evaluation:
    """Scores the system and other methods.

    Args:
      variables: the system's networks.
      batches: of `image`, `mask`, `weight`, `index`, see
        `jinpaint.data.pipeline.eval_batches`.
      names: the images' names by `index`; empty if they have none.
      others: further rows of the table: name -> function of one image
        (H, W, 3) and mask (H, W), uint8, as in `jinpaint.baselines`.
    """
    variables = devices.everywhere(variables)
    others = others or {}
    found = {method: [] for method in ('jinpaint', *others)}
    indices, holes = [], []
    for batch in batches:
      real = np.asarray(batch['weight']) == 1
      indices.extend(np.asarray(batch['index'])[real])
      holes.append(np.mean(batch['mask'][real], axis=(1, 2, 3)))
      inputs = devices.spread({k: batch[k] for k in ('image', 'mask')})
      filled = {'jinpaint': self.predict(variables, inputs)['image']}
      for method, fill in others.items():
        filled[method] = devices.spread(_fill_each(fill, batch))
      for method, prediction in filled.items():
        scores = self._score(inputs['image'], inputs['mask'], prediction)
        found[method].append({column: np.asarray(scores[column])[real]
                              for column in self._columns})
    return Evaluation(
        {method: {column: np.concatenate([scores[column] for scores in parts])
                  for column in self._columns}
         for method, parts in found.items()},
        tuple(names[i] if names else str(i) for i in indices),
        np.concatenate(holes))


def _fill_each(fill, batch):
  to_8_bits = lambda x: np.rint(np.asarray(x) * 255).astype(np.uint8)
  return np.stack([
      fill(to_8_bits(image), mask[..., 0].astype(np.uint8))
      for image, mask in zip(batch['image'], batch['mask'], strict=True)
  ]).astype(np.float32) / np.float32(255)
