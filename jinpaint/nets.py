"""The one way to apply networks: in training, scoring, inference and export."""

from collections.abc import Callable, Collection, Mapping
import copy
from typing import Any

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp

from jinpaint.types import Array, Stats, Variables

COMPUTE_TYPES = ('float32', 'bfloat16')


class Nets:
  """Networks bound to their weights: `nets('generator', x)` applies one.

  Batch statistics and spectral vectors are carried from call to call, as the
  published training loops carry them; `stats` holds where they stand.

  With the compute type bfloat16, inputs are cast to it and outputs back to
  float32. Layers compute in the type of their input, but weights, statistics,
  norms and what losses read stay float32.
  """

  def __init__(self, modules: Mapping[str, nn.Module], variables: Variables, *,
               training: Collection[str] = (), compute: str = 'float32',
               remat: Collection[str] = ()):
    """Binds networks to weights.

    Args:
      modules: the networks, by name.
      variables: their weights and statistics, by name.
      training: the networks that run in training mode: they normalise by the
        batch, and their statistics and spectral vectors move. All others run
        as they are deployed: those of earlier stages and published ones.
      compute: one of `COMPUTE_TYPES`.
      remat: networks whose intermediate results are computed again in the
        backward pass, which takes time and spares memory.
    """
    self._modules = modules
    self._params = {name: variables[name].get('params', {})
                    for name in modules if name in variables}
    self.stats: Stats = {
        name: {key: value for key, value in variables[name].items()
               if key != 'params'}
        for name in self._params}
    self._training = training
    self._compute = jnp.dtype(compute)
    self._remat = remat

  def __call__(self, name: str, *inputs: Any, learn: bool = True) -> Any:
    """Applies a network.

    Args:
      name: which network.
      *inputs: its inputs, arrays or trees of them.
      learn: if False, gradients pass through the network to its inputs, and
        not into its weights.

    Returns:
      What the network returns, float32.
    """
    params = self._params[name]
    if not learn:
      params = lax.stop_gradient(params)
    module, stats = self._modules[name], self.stats[name]
    mode: dict[str, Any] = {}
    if name in self._training:
      mode = {'train': True, 'mutable': list(stats)}

    def apply(params: Any, stats: Any, inputs: Any) -> Any:
      return module.apply({'params': params, **stats}, *inputs, **mode)

    if name in self._remat:
      apply = jax.checkpoint(apply)
    result = apply(params, stats, _cast(inputs, self._compute))
    if mode:
      result, moved = result
      self.stats = {**self.stats, name: moved}
    return _cast(result, jnp.dtype('float32'))

  def fork(self) -> 'Nets':
    """Returns the same networks, whose statistics move apart from these."""
    return copy.copy(self)  # `stats` is replaced and never changed


def _cast(tree: Any, dtype: jnp.dtype) -> Any:
  """Returns a tree whose floating-point arrays have a type."""
  def cast(x: Array) -> Array:
    floats = jnp.issubdtype(x.dtype, jnp.floating)
    return x.astype(dtype) if floats and x.dtype != dtype else x
  return jax.tree.map(cast, tree)


def input_shapes(modules: Mapping[str, nn.Module], use: Callable[..., Any],
                 *arguments: Any) -> dict[str, tuple[Any, ...]]:
  """Returns what each network is fed with, without computing anything.

  Args:
    modules: the networks, by name.
    use: `(nets, *arguments)`, applies networks; it is traced.
    *arguments: arrays, or their shapes and types.

  Returns:
    Name -> the shapes and types of the first inputs that a network meets.
  """
  recorder = _Recorder(modules)
  jax.eval_shape(lambda *arguments: use(recorder, *arguments), *arguments)
  return recorder.inputs


class _Recorder(Nets):
  """Networks that only note the shapes of their inputs and return zeros."""

  def __init__(self, modules: Mapping[str, nn.Module]):
    super().__init__(modules, {})
    self.stats = {name: {} for name in modules}
    self.inputs: dict[str, tuple[Any, ...]] = {}
    self._outputs: dict[Any, Any] = {}

  def __call__(self, name: str, *inputs: Any, learn: bool = True) -> Any:
    """Returns zeros of the shapes that the network would return."""
    del learn
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), inputs)
    self.inputs.setdefault(name, shapes)
    key = name, str(shapes)
    if key not in self._outputs:
      outputs, _ = jax.eval_shape(
          self._modules[name].init_with_output, jax.random.key(0), *shapes)
      self._outputs[key] = outputs
    return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype),
                        self._outputs[key])
