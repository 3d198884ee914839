"""Where a step runs: the only file that knows `pmap` and its axis.

It imports nothing of jinpaint, so that any layer or loss may ask for `mean`.
"""

from collections.abc import Callable
import contextlib
import contextvars
from pathlib import Path
from typing import Any

import jax
from jax import lax, sharding
import numpy as np
import psutil

_AXIS = 'devices'
# Where Linux says a container's limit of memory, and how much it uses.
_CONTAINER = tuple(
    (Path('/sys/fs/cgroup', limit), Path('/sys/fs/cgroup', used))
    for limit, used in (('memory.max', 'memory.current'),
                        ('memory/memory.limit_in_bytes',
                         'memory/memory.usage_in_bytes')))
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
  """Returns `step(state, published, batch)` compiled for all local devices.

  Args:
    step: reads and returns the arrays of one device; `mean` averages over all,
      so that every device returns the same state and the same logs.

  Returns:
    The same function of `everywhere(state)`, `everywhere(published)` and
    `split(batch)`; state and logs have no axis of devices. It donates the
    buffers of `state`.
  """
  # A state has many arrays. If all arguments had only three together, pmap
  # would take these axes for theirs (jax 0.10 to 0.12).
  return jax.pmap(
      _announced(step), axis_name=_AXIS, in_axes=(None, None, 0),
      out_axes=(None, None), donate_argnums=0)


def _announced(step: Callable[..., Any]) -> Callable[..., Any]:
  """Lets `mean` know, while `step` is traced, that there is an axis."""
  def traced(*args: Any) -> Any:
    token = _in_parallel_step.set(True)
    try:
      return step(*args)
    finally:
      _in_parallel_step.reset(token)
  return traced


def count() -> int:
  """Returns the number of local devices."""
  return jax.local_device_count()


def everywhere(tree: Any) -> Any:
  """Places a tree whole on every local device."""
  return jax.device_put(
      tree, sharding.NamedSharding(_mesh(), sharding.PartitionSpec()))


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


def _mesh() -> sharding.Mesh:
  return sharding.Mesh(np.asarray(jax.local_devices()), (_AXIS,))


def _by_device() -> sharding.NamedSharding:
  return sharding.NamedSharding(_mesh(), sharding.PartitionSpec(_AXIS))


def free_memory() -> int:
  """Returns how many bytes the first device may still take.

  On CPUs it is what the operating system could give without swapping, or the
  limit of the container that this process runs in, if that is less.
  """
  stats = jax.local_devices()[0].memory_stats()
  if stats and 'bytes_limit' in stats:
    return int(stats['bytes_limit'] - stats.get('bytes_in_use', 0))
  free = psutil.virtual_memory().available
  for limit, used in _CONTAINER:
    with contextlib.suppress(OSError, ValueError):  # no container, or no limit
      free = min(free, int(limit.read_text()) - int(used.read_text()))
  return max(0, free)
