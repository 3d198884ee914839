"""Systems and classical methods, scored on the same photographs and holes."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
import dataclasses

import numpy as np

from jinpaint.data import pipeline
from jinpaint.evaluation import gallery
from jinpaint.evaluation.baselines import Method
from jinpaint.evaluation.protocol import Batches, Protocol
from jinpaint.evaluation.scores import (
    as_saved,
    Evaluation,
    fill_each,
    Model,
    Part,
    score_all,
)
from jinpaint.guidance import Guidance
from jinpaint.types import Array, Batch


@dataclasses.dataclass(frozen=True)
class Contest:
  """What is scored, and on what.

  Attributes:
    models: the systems; the first one is the one that is evaluated.
    guidances: what makes the edges and sketches of each of them; systems that
      read the same share one.
    others: classical methods, by the titles of their rows.
    protocol: photographs, sizes and holes.
  """

  models: Sequence[Model]
  guidances: Sequence[Guidance]
  others: Mapping[str, Method]
  protocol: Protocol

  def batches(self, guidance: Guidance, done: Collection[int] = ()) -> Batches:
    """Returns batches with all that systems of a guidance read.

    Args:
      guidance: theirs.
      done: numbers of photographs that are left out.
    """
    return self.protocol.batches(
        guidance, done=done, holding=lambda *size:
        self.models[0].evaluator.stage.sizes.holding(*size))

  def score(self, *, known: Part | None = None,
            note: Callable[[Part], None] = lambda part: None) -> Evaluation:
    """Scores all methods on all photographs.

    Args:
      known: scores that are known already; these photographs are not read.
      note: is given the scores of each batch.
    """
    done = () if known is None else known.indices.tolist()
    shared = {id(guidance): self.batches(guidance, done)
              for guidance in self.guidances}
    streams = [shared[id(guidance)] for guidance in self.guidances]
    evaluation = score_all(
        self.models, streams, names=streams[0].source.names,
        others=self.others, known=known, note=note)
    return dataclasses.replace(
        evaluation.in_order(), protocol=self.protocol.described())

  def columns(self) -> dict[str, list[str]]:
    """Returns method -> the keys of what is measured of it, in order."""
    measured = {model.name: list(model.evaluator.measures)
                for model in self.models}
    first = self.models[0].evaluator
    if first.stage.fills:
      measured |= {method: list(first.of_images) for method in self.others}
    order = dict.fromkeys(key for keys in measured.values() for key in keys)
    return {method: [key for key in order if key in keys]
            for method, keys in measured.items()}

  def names(self) -> tuple[str, ...]:
    """Returns the photographs' names by number; empty if they have none."""
    return pipeline.open_held_out(self.protocol.data).names

  def shown(self, done: Collection[int] = ()
            ) -> Iterator[tuple[Batch, Mapping[str, Array]]]:
    """Yields batches, and what the first system makes of them.

    Args:
      done: numbers of photographs that are left out.
    """
    system = self.models[0]
    for batch in self.batches(self.guidances[0], done):
      examples = system.evaluator.guide(batch)
      yield examples, system.evaluator.predict(system.variables, examples)

  def pictures(self, indices: Collection[int]
               ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Yields the pictures of some photographs, as they were scored.

    Args:
      indices: the photographs' numbers.

    Returns:
      The number, and 'truth', RGB, 'mask', 255 = hole, and each method's, RGB.
    """
    number = len(pipeline.open_held_out(self.protocol.data))
    done = set(range(number)) - set(indices)
    shared = {id(guidance): self.batches(guidance, done)
              for guidance in self.guidances}
    for batches in zip(*shared.values(), strict=True):
      batch_of = dict(zip(shared, batches, strict=True))
      first = batches[0]
      filled: dict[str, np.ndarray] = {}
      for model, guidance in zip(self.models, self.guidances, strict=True):
        inputs = model.evaluator.guide(batch_of[id(guidance)])
        completed = model.evaluator.predict(model.variables, inputs)
        filled[model.name] = np.asarray(as_saved(completed, inputs)['image'])
      for name, method in self.others.items():
        filled[name] = fill_each(method, first)
      for i in np.flatnonzero(first['weight'] == 1):
        yield int(first['index'][i]), {
            'truth': gallery.eight_bits(first['image'][i]),
            'mask': gallery.eight_bits(first['mask'][i, ..., 0]),
            **{name: gallery.eight_bits(images[i])
               for name, images in filled.items()}}

  def compiled(self) -> str:
    """Returns how many programs were compiled, in words."""
    counts = ', '.join(
        f'{model.name} {model.evaluator.compiled["network"]} for its network '
        f'and {model.evaluator.compiled["scores"]} for its scores'
        for model in self.models)
    batches = self.batches(self.guidances[0])
    sizes = getattr(batches, 'sizes', ())
    holding = self.models[0].evaluator.stage.sizes.holding
    taken = {holding(*size) for size in sizes}
    return (f'photographs of {len(sizes)} sizes, which the network takes as '
            f'{len(taken)}; compiled programs: {counts}')
