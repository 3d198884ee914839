"""The training step of any stage: knows no paper, no device and no data."""

from collections.abc import Callable, Collection, Mapping
import functools
from typing import Any
import zlib

from flax import linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax

from jinpaint.errors import UsageError
from jinpaint.nets import input_shapes, Nets
from jinpaint.stage import Stage
from jinpaint.types import Array, Batch, Params, Stats, Terms, Variables

Optimizers = Mapping[str, optax.GradientTransformation]
# (published variables, batch) -> the batch with the edges and sketches that
# are made on the device, see `jinpaint.guidance`.
Guide = Callable[[Variables, Batch], Batch]


@flax.struct.dataclass
class TrainState:
  """Everything that a step reads and changes, keyed by network name.

  Attributes:
    step: how many steps have been made.
    params: the learned weights.
    stats: batch statistics, spectral vectors.
    opt: the optimisers' states, of the networks that are trained.
    averages: moving averages of the weights of the networks that are trained;
      empty where a run keeps none.
  """

  step: Array
  params: Params
  stats: Stats
  opt: Mapping[str, optax.OptState]
  averages: Params = flax.struct.field(default_factory=dict)

  @property
  def variables(self) -> Variables:
    """What is deployed, by network, as `apply` takes it.

    The moving averages of weights where there are some, else the weights.
    """
    return {name: {'params': self.averages.get(name, params),
                   **self.stats[name]}
            for name, params in self.params.items()}


def init(seed: int, stage: Stage, optimizers: Optimizers, batch: Batch, *,
         learned: Variables | None = None, average: float = 0.0
         ) -> TrainState:
  """Returns a fresh state.

  Args:
    seed: decides every initial weight; a network's weights depend on it and
      on the network's name alone.
    stage: whose networks to initialise.
    optimizers: one for each network that the stage trains.
    batch: an example of what the stage reads; only shapes and types matter.
    learned: networks of the stage, by name, that have been learned elsewhere.
    average: above 0, the state holds moving averages of the weights.

  Raises:
    UsageError: a learned network has other weights than the stage's.
  """
  variables = dict(learned or {})
  inputs = _inputs(stage, batch)
  for name, network in stage.networks.items():
    if name not in variables:
      variables[name] = _first_variables(network, _key(seed, name),
                                         inputs[name])
    else:
      expected = _variable_shapes(network, inputs[name])
      if jax.tree.map(jnp.shape, dict(variables[name])) != jax.tree.map(
          jnp.shape, expected):
        raise UsageError(f'the {name} to start with has other layers or widths '
                         'than the one of the config')
  return _state(stage, optimizers, variables, average)


def shapes(stage: Stage, optimizers: Optimizers, batch: Batch, *,
           average: float = 0.0) -> TrainState:
  """Returns the shapes and types of a state, which take no time to compute.

  Arguments as `init`.
  """
  variables = {
      name: _variable_shapes(stage.networks[name], shape)
      for name, shape in _inputs(stage, batch).items()
      if name in stage.networks}
  return jax.eval_shape(
      lambda variables: _state(stage, optimizers, variables, average),
      variables)


def _inputs(stage: Stage, batch: Batch) -> dict[str, Any]:
  """Returns the shapes and types of what each network of a stage reads."""
  def applied(nets: Nets, batch: Batch) -> Any:
    return ([update.terms(nets, batch) for update in stage.updates],
            stage.predict(nets, batch))

  batch = {key: jax.ShapeDtypeStruct(x.shape, x.dtype)
           for key, x in batch.items()}
  return input_shapes({**stage.networks, **stage.published}, applied, batch)


def _key(seed: int, name: str) -> Array:
  return jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))


def _first_variables(network: nn.Module, key: Array, inputs: Any) -> Any:
  """Draws a network's variables.

  `lazy_init` draws weight by weight, without the forward pass: a kernel's
  program is compiled once for each shape, not once for each kernel.
  """
  return dict(network.lazy_init(key, *inputs, train=False))


def _variable_shapes(network: nn.Module, inputs: Any) -> Any:
  return dict(jax.eval_shape(
      functools.partial(network.init, train=False), jax.random.key(0), *inputs))


def _state(stage: Stage, optimizers: Optimizers, variables: Variables,
           average: float) -> TrainState:
  params = {name: variables[name].get('params', {}) for name in stage.networks}
  stats = {name: {collection: value
                  for collection, value in variables[name].items()
                  if collection != 'params'} for name in stage.networks}
  trained = {name: params[name] for name in stage.trained}
  return TrainState(
      jnp.zeros((), jnp.int32), params, stats,
      {name: optimizers[name].init(params[name]) for name in trained},
      # Copies: a step donates the buffers of its state.
      jax.tree.map(jnp.copy, trained) if average else {})


def make_step(
    stage: Stage, optimizers: Optimizers, *,
    mean: Callable[[Any], Any] = lambda tree: tree,
    guide: Guide = lambda published, batch: batch,
    average: float = 0.0, compute: str = 'float32',
    remat: Collection[str] = (),
) -> Callable[[TrainState, Variables, Batch], tuple[TrainState, Terms]]:
  """Returns the step `(state, published, batch) -> (state, logs)`.

  It reads and returns the arrays of one device. `logs` holds the terms and,
  as 'gradient_norm/NETWORK', the norm of each network's gradients.

  Args:
    stage: what is trained.
    optimizers: one for each network that the stage trains.
    mean: averages a tree over devices, see `jinpaint.devices`.
    guide: completes the batch, once a step.
    average: decay of the moving averages of weights; 0 for none.
    compute: the type in which networks compute, see `jinpaint.nets`.
    remat: networks that are computed again in the backward pass.
  """
  modules = {**stage.networks, **stage.published}

  def step(state: TrainState, published: Variables, batch: Batch
           ) -> tuple[TrainState, Terms]:
    batch = guide(published, batch)
    params, stats, opt = dict(state.params), dict(state.stats), dict(state.opt)
    logs: dict[str, Array] = {}
    for update in stage.updates:
      def loss(trained: Params, update: Any = update, params: Any = params,
               stats: Any = stats) -> tuple[Array, Any]:
        variables = {name: {'params': {**params, **trained}[name],
                            **stats[name]} for name in params}
        nets = Nets(modules, {**published, **variables},
                    training=stage.trained, compute=compute, remat=remat)
        terms = update.terms(nets, batch)
        moved = {name: nets.stats[name] for name in params}
        return sum(terms.values(), start=jnp.zeros(())), (moved, terms)

      trained = {name: params[name] for name in update.trains}
      gradients, (moved, terms) = jax.grad(loss, has_aux=True)(trained)
      gradients, moved, terms = mean((gradients, moved, terms))
      # Optax mixes types, which users of strict promotion would have to bear.
      with jax.numpy_dtype_promotion('standard'):
        for name, gradient in gradients.items():
          logs[f'gradient_norm/{name}'] = optax.tree.norm(gradient)
          change, opt[name] = optimizers[name].update(
              gradient, opt[name], params[name])
          params[name] = optax.apply_updates(params[name], change)
      stats |= moved
      logs |= terms
    averages = state.averages
    if average:
      averages = optax.incremental_update(
          {name: params[name] for name in averages}, averages, 1 - average)
    return TrainState(state.step + 1, params, stats, opt, averages), logs
  return step
