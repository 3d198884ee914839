"""The contract: a stage of a system is plain data and pure functions.

As an optax `GradientTransformation` is a tuple of `init` and `update`, a
`Stage` is a tuple of networks, of updates (which networks learn from which
loss) and of `predict`. Nothing is inherited, nothing is overridden.
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple, Protocol

from flax import linen as nn
from jax import lax

from jinpaint.types import Array, Batch, Logs, Params, Stats, Variables


class LossFn(Protocol):
  """A pure function from weights and a batch to the loss of one update."""

  def __call__(
      self, params: Params, stats: Stats, frozen: Variables, batch: Batch
  ) -> tuple[Array, tuple[Stats, Logs]]:
    """Returns the scalar loss, the new statistics and the terms to log."""


class Update(NamedTuple):
  """One optimiser move.

  *One* update that trains generator and discriminator moves both from the
  same weights, after one forward pass of the generator: their losses are
  summed, and `stop_gradient` and `Bound(..., learn=False)` keep the gradients
  apart. *Two* updates alternate: the second sees what the first has changed.
  """

  trains: tuple[str, ...]  # the networks that learn
  loss: LossFn


@dataclasses.dataclass(frozen=True)
class InputSpec:
  """What is read from a batch, and the sizes that are accepted.

  Attributes:
    keys: the batch keys, e.g. `('image', 'mask')`.
    divisor: height and width must be multiples of it.
    smallest: height and width must be at least that.
  """

  keys: tuple[str, ...]
  divisor: int
  smallest: int = 1


class Stage(NamedTuple):
  """One trainable stage of a system.

  Attributes:
    networks: the networks that a run saves; their names are the checkpoint's
      keys. Those that no update trains come from an earlier stage's run and
      stay as they are.
    frozen: the published networks that losses read: VGG-16, HED.
    spec: the batch keys and sizes that the stage reads.
    feeds: from a batch, the arguments of each of `networks`, for `init`.
    updates: the optimiser moves of a step, in order.
    predict: `(variables, batch) -> {'image': ..., ...}`; `variables` holds
      `networks`. Known pixels are copied back in `'image'`, and in `'edge'`,
      which is there if the stage completes edges.
    fills: whether `predict` returns an `'image'`.
    scores: `(variables, batch, predicted) -> {metric: (B,)}`, what evaluation
      shows beside the metrics of what was predicted; their names are keys of
      `jinpaint.evaluation.metrics.METRICS`.
  """

  networks: Mapping[str, nn.Module]
  frozen: Mapping[str, nn.Module]
  spec: InputSpec
  feeds: Callable[[Batch], Mapping[str, tuple[Any, ...]]]
  updates: tuple[Update, ...]
  predict: Callable[[Variables, Batch], Mapping[str, Array]]
  fills: bool = True
  scores: Callable[[Variables, Batch, Mapping[str, Array]],
                   Mapping[str, Array]] = lambda *_: {}

  @property
  def trained(self) -> tuple[str, ...]:
    """The networks that some update trains."""
    return tuple(name for name in self.networks if any(
        name in update.trains for update in self.updates))


class Bound:
  """A stage's networks bound to their weights inside one loss.

  Batch statistics and spectral vectors are carried from call to call, as the
  published training loops carry them; `stats` holds where they stand.
  """

  def __init__(self, networks: Mapping[str, nn.Module], params: Params,
               stats: Stats):
    self._networks = networks
    self._params = params
    self.stats = dict(stats)

  def __call__(self, name: str, *args: Any, learn: bool = True,
               train: bool = True) -> Any:
    """Applies a network.

    Args:
      name: which network.
      *args: its inputs.
      learn: if False, gradients pass through the network, not into its
        weights.
      train: if False, statistics and spectral vectors stay as they are.
    """
    params = self._params[name]
    if not learn:
      params = lax.stop_gradient(params)
    if not train:
      return self._networks[name].apply(
          {'params': params, **self.stats[name]}, *args)
    outputs, self.stats[name] = self._networks[name].apply(
        {'params': params, **self.stats[name]}, *args, train=True,
        mutable=list(self.stats[name]))
    return outputs
