"""The training step of any stage: knows no paper, no device and no data."""

from collections.abc import Callable, Mapping
import functools
from typing import Any
import zlib

import flax
import jax
import jax.numpy as jnp
import optax

from jinpaint.errors import UsageError
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
    opt: the optimisers' states, of the networks that are trained.
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


def init(seed: int, stage: Stage, optimizers: Optimizers, batch: Batch,
         learned: Variables | None = None) -> TrainState:
  """Returns a fresh state.

  Args:
    seed: decides every initial weight; a network's weights depend on it and
      on the network's name alone.
    stage: whose networks to initialise.
    optimizers: one for each network that the stage trains.
    batch: an example of what the stage reads; only shapes and types matter.
    learned: networks of the stage, by name, that have been learned elsewhere.

  Raises:
    UsageError: a learned network has other weights than the stage's.
  """
  fresh = functools.partial(_fresh, seed, stage, optimizers, batch)
  learned = dict(learned or {})
  if learned:
    expected = shapes(stage, optimizers, batch).variables
    of_arrays = functools.partial(jax.tree.map, jnp.shape)
    for name, variables in learned.items():
      if of_arrays(variables) != of_arrays(expected[name]):
        raise UsageError(f'the {name} to start with has other layers or widths '
                         'than the one of the config')
  # Runs once: compiled in a tenth of the time, without optimisations.
  return jax.jit(fresh, compiler_options={
      'xla_backend_optimization_level': 0})(learned)


def shapes(stage: Stage, optimizers: Optimizers, batch: Batch) -> TrainState:
  """Returns the shapes and types of a state, which take no time to compute."""
  return jax.eval_shape(
      functools.partial(_fresh, 0, stage, optimizers, batch), {})


def _fresh(seed, stage, optimizers, batch, learned):
  params, stats, opt = {}, {}, {}
  feeds = stage.feeds({key: jnp.zeros(value.shape, value.dtype)
                       for key, value in batch.items()})
  for name, net in stage.networks.items():
    key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
    stats[name] = dict(learned[name] if name in learned else net.init(
        key, *feeds[name], train=False))
    params[name] = stats[name].pop('params')
    if name in stage.trained:
      opt[name] = optimizers[name].init(params[name])
  return TrainState(jnp.zeros((), jnp.int32), params, stats, opt)


def make_step(
    stage: Stage, optimizers: Optimizers,
    mean: Callable[[Any], Any] = lambda tree: tree,
) -> Callable[[TrainState, Variables, Batch], tuple[TrainState, Logs]]:
  """Returns the step `(state, frozen, batch) -> (state, logs)` of one device.

  Args:
    stage: what is trained.
    optimizers: one for each network that the stage trains.
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
