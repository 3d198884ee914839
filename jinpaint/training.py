"""The training step of any stage: knows no paper, no device and no data."""

from collections.abc import Callable, Mapping
import functools
from typing import Any
import zlib

import flax
import jax
import jax.numpy as jnp
import optax

from jinpaint.stage import Stage
from jinpaint.types import Array, Batch, Logs, Params, Stats, Variables

Optimizers = Mapping[str, optax.GradientTransformation]


@flax.struct.dataclass
class TrainState:
  """Everything that a step reads and changes, keyed by network name.

  Attributes:
    step: how many steps have been made.
    params: the learned weights.
    stats: batch statistics, spectral vectors.
    opt: the optimisers' states.
  """

  step: Array
  params: Params
  stats: Stats
  opt: Mapping[str, optax.OptState]

  @property
  def variables(self) -> Variables:
    """Weights and statistics merged by network, as `apply` takes them."""
    return {name: {'params': params, **self.stats[name]}
            for name, params in self.params.items()}


def init(seed: int, stage: Stage, optimizers: Optimizers,
         batch: Batch) -> TrainState:
  """Returns a fresh state.

  Args:
    seed: decides every initial weight; a network's weights depend on it and
      on the network's name alone.
    stage: whose networks to initialise.
    optimizers: one for each of the stage's networks.
    batch: an example of what the stage reads; only shapes and types matter.
  """
  # Runs once: compiled in a tenth of the time, without optimisations.
  @functools.partial(jax.jit, compiler_options={
      'xla_backend_optimization_level': 0})
  def start(batch):
    params, stats, opt = {}, {}, {}
    for name, feed in stage.feeds(batch).items():
      key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
      variables = stage.networks[name].init(key, *feed, train=False)
      params[name] = variables.pop('params')
      stats[name] = variables
      opt[name] = optimizers[name].init(params[name])
    return TrainState(jnp.zeros((), jnp.int32), params, stats, opt)
  return start(batch)


def make_step(
    stage: Stage, optimizers: Optimizers,
    mean: Callable[[Any], Any] = lambda tree: tree,
) -> Callable[[TrainState, Variables, Batch], tuple[TrainState, Logs]]:
  """Returns the step `(state, frozen, batch) -> (state, logs)` of one device.

  Args:
    stage: what is trained.
    optimizers: one for each of the stage's networks.
    mean: averages a tree over devices, see `jinpaint.devices`.
  """
  def step(state, frozen, batch):
    params, stats, opt = dict(state.params), dict(state.stats), dict(state.opt)
    logs = {}
    for update in stage.updates:
      def loss(trained, update=update, params=params, stats=stats):
        return update.loss(params | trained, stats, frozen, batch)
      trained = {name: params[name] for name in update.trains}
      grads, (new_stats, new_logs) = jax.grad(loss, has_aux=True)(trained)
      grads, new_stats, new_logs = mean((grads, new_stats, new_logs))
      # Optax mixes types, which users of strict promotion would have to bear.
      with jax.numpy_dtype_promotion('standard'):
        for name, grad in grads.items():
          delta, opt[name] = optimizers[name].update(
              grad, opt[name], params[name])
          params[name] = optax.apply_updates(params[name], delta)
      stats |= new_stats
      logs |= new_logs
    return TrainState(state.step + 1, params, stats, opt), logs
  return step
