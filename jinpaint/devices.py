"""Where a step runs: the only file that knows `pmap` and its axis.

It imports nothing of jinpaint, so that any layer or loss may ask for `mean`.
"""

from collections.abc import Callable
import contextvars
from typing import Any

import jax
from jax import lax, sharding
import numpy as np

_AXIS = 'devices'
_in_parallel_step = contextvars.ContextVar('in_parallel_step', default=False)


def mean(tree: Any) -> Any:
  """Averages over the devices of the running step; outside one, the identity.

  With it a mean over a batch is a mean over the *global* batch: batch norms
  and losses give the same numbers on one device and on many.
  """
  return lax.pmean(tree, _AXIS) if _in_parallel_step.get() else tree


def size() -> int:
  """Returns how many devices share the running step; outside one, 1."""
  return lax.psum(1, _AXIS) if _in_parallel_step.get() else 1


def data_parallel(step: Callable[..., Any]) -> Callable[..., Any]:
  """Returns `step(state, frozen, batch)` compiled for all local devices.

  Args:
    step: reads and returns the arrays of one device; `mean` averages over all.

  Returns:
    The same function of `replicate(state)`, `replicate(frozen)` and
    `split(batch)`. It donates the buffers of `state`.
  """
  return jax.pmap(_announced(step), axis_name=_AXIS, donate_argnums=0)


def _announced(step):
  """Lets `mean` know, while `step` is traced, that there is an axis."""
  def traced(*args):
    token = _in_parallel_step.set(True)
    try:
      return step(*args)
    finally:
      _in_parallel_step.reset(token)
  return traced


def count() -> int:
  """Returns the number of local devices."""
  return jax.local_device_count()


def replicate(tree: Any) -> Any:
  """Copies every array of a tree to every local device, on a new first axis."""
  n = count()
  return jax.tree.map(
      lambda x: jax.device_put(
          np.broadcast_to(np.asarray(x), (n, *np.shape(x))), _by_device()),
      tree)


def unreplicate(tree: Any) -> Any:
  """Returns the first device's copy of a replicated tree, as NumPy arrays."""
  return jax.tree.map(lambda x: np.asarray(x.addressable_data(0)[0]), tree)


def split(batch: Any) -> Any:
  """Deals a batch (B, ...) out to the devices: (devices, B / devices, ...).

  The transfer is asynchronous: called ahead of the step, it is hidden.
  """
  n = count()
  return jax.tree.map(
      lambda x: jax.device_put(
          np.reshape(x, (n, x.shape[0] // n, *x.shape[1:])), _by_device()),
      batch)


def spread(batch: Any) -> Any:
  """Shards a batch (B, ...) along its first axis, for a jitted function."""
  return jax.device_put(batch, _by_device())


def everywhere(tree: Any) -> Any:
  """Places a tree whole on every local device, for a jitted function."""
  return jax.device_put(
      tree, sharding.NamedSharding(_mesh(), sharding.PartitionSpec()))


def _mesh():
  return sharding.Mesh(np.asarray(jax.local_devices()), (_AXIS,))


def _by_device():
  return sharding.NamedSharding(_mesh(), sharding.PartitionSpec(_AXIS))
