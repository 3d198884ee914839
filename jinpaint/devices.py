"""Where a step runs: the only file that knows `pmap`, meshes and their axis.

It imports nothing of jinpaint, so that any layer or loss may ask for `mean`.
"""

from collections.abc import Callable, Sequence
import contextlib
import contextvars
import os
from pathlib import Path
import tempfile
from typing import Any
import warnings

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
_KEPT_BYTES = 2 << 30  # of compiled programs
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


def everywhere(tree: Any, among: Sequence[jax.Device] | None = None) -> Any:
  """Places a tree whole on every device.

  Args:
    tree: of arrays.
    among: the devices; None for all local ones.
  """
  return jax.device_put(
      tree, sharding.NamedSharding(_mesh(among), sharding.PartitionSpec()))


def on_first(tree: Any) -> Any:
  """Returns the first device's copy of what `everywhere` returned."""
  return jax.tree.map(lambda x: x.addressable_shards[0].data, tree)


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


def compiled(function: Callable[[Any, Any], Any], whole: Any, batch: Any,
             among: Sequence[jax.Device]) -> Any:
  """Compiles a function of a batch, of which each device computes its share.

  No device waits for another, whatever the function does: it sees the images
  of one device.

  Args:
    function: `(whole, batch) -> tree of arrays (B, ...)`.
    whole: arrays that `everywhere` has placed on these devices; with a single
      device, arrays that lie on it.
    batch: shapes and types of arrays (B, ...), B a multiple of the number of
      devices.
    among: the devices.

  Returns:
    The program, see `jax.stages.Compiled`; it takes arrays of the host.
  """
  if len(among) == 1:
    return jax.jit(function).lower(whole, batch).compile()
  part = sharding.PartitionSpec(_AXIS)
  mapped = jax.shard_map(
      function, mesh=_mesh(among), in_specs=(sharding.PartitionSpec(), part),
      out_specs=part, check_vma=False)
  dealt = jax.tree.map(lambda x: jax.ShapeDtypeStruct(
      x.shape, x.dtype, sharding=_by_device(among)), batch)
  return jax.jit(mapped).lower(whole, dealt).compile()


def bytes_of(program: jax.stages.Compiled) -> int:
  """Returns how many bytes a program takes on each device, as XLA counts."""
  usage: Any = program.memory_analysis()
  return int(usage.temp_size_in_bytes + usage.argument_size_in_bytes
             + usage.output_size_in_bytes)


def _mesh(among: Sequence[jax.Device] | None = None) -> sharding.Mesh:
  return sharding.Mesh(np.asarray(among or jax.local_devices()), (_AXIS,))


def _by_device(among: Sequence[jax.Device] | None = None
               ) -> sharding.NamedSharding:
  return sharding.NamedSharding(_mesh(among), sharding.PartitionSpec(_AXIS))


def share_memory(among: Sequence[jax.Device]) -> bool:
  """Returns whether devices take their memory from one and the same: CPUs."""
  return among[0].platform == 'cpu'


def free_memory(device: jax.Device | None = None) -> int:
  """Returns how many bytes a device may still take.

  On CPUs it is what the operating system could give without swapping, or the
  limit of the container that this process runs in, if that is less.

  Args:
    device: which device; None for the first.
  """
  stats = (device or jax.local_devices()[0]).memory_stats()
  if stats and 'bytes_limit' in stats:
    return int(stats['bytes_limit'] - stats.get('bytes_in_use', 0))
  free = psutil.virtual_memory().available
  for limit, used in _CONTAINER:
    with contextlib.suppress(OSError, ValueError):  # no container, or no limit
      free = min(free, int(limit.read_text()) - int(used.read_text()))
  return max(0, free)


def keep_programs(folder: Path | None = None) -> None:
  """Keeps compiled programs in a folder, for processes to come.

  Compiling for a size of images takes seconds to minutes, reading a program
  that was kept a part of a second. The oldest are deleted when there are more
  than 2 GB. A warning says so if the folder cannot be written to; then nothing
  is kept.

  Args:
    folder: where; None for `programs` in jinpaint's cache, $JINPAINT_CACHE or
      ~/.cache/jinpaint. What the user has told JAX, by the variable
      JAX_COMPILATION_CACHE_DIR or in his program, comes before.
  """
  settings: Any = jax.config
  if settings.jax_compilation_cache_dir:
    return
  if folder is None:
    cache = os.environ.get('JINPAINT_CACHE') or '~/.cache/jinpaint'
    folder = Path(cache, 'programs').expanduser()
  try:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
      pass
  except OSError as error:
    warnings.warn(f'compiled programs are not kept: {folder}: {error.strerror}',
                  stacklevel=2)
    return
  for setting, value in {
      'jax_compilation_cache_dir': str(folder),
      'jax_compilation_cache_max_size': _KEPT_BYTES,
      'jax_persistent_cache_min_compile_time_secs': 0.0,
      'jax_persistent_cache_min_entry_size_bytes': -1}.items():
    jax.config.update(setting, value)
