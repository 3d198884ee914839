"""Weights of a stage at which every part of it has an influence."""

import flax.traverse_util
import jax
import numpy as np

from jinpaint import training


def draw(shapes: training.TrainState) -> training.TrainState:
  """Returns a state with weights at which every part has an influence.

  First weights may have none: some scales begin at 0. To compile what draws
  them would take longer than all else here.

  Args:
    shapes: what `training.shapes` returned.
  """
  rng = np.random.default_rng(1)
  normal = lambda shape: rng.standard_normal(shape, np.float32)

  def weight(path: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    if len(shape) > 1:
      return normal(shape) * np.sqrt(np.float32(2 / np.prod(shape[:-1])))
    start = 0 if path[-1] == 'bias' else 1
    return np.float32(start) + np.float32(0.5) * normal(shape)

  params, stats = (flax.traverse_util.flatten_dict(tree)
                   for tree in (shapes.params, shapes.stats))
  params = {path: weight(path, leaf.shape) for path, leaf in params.items()}
  for path, leaf in stats.items():
    network, collection, *layer, name = path
    if collection == 'batch_stats':
      stats[path] = np.full(leaf.shape, {'mean': 0, 'var': 1}[name], np.float32)
    else:
      assert collection == 'spectral', path
      stats[path] = _spectral(params[network, *layer, 'kernel'])[name]
  params, stats = map(flax.traverse_util.unflatten_dict, (params, stats))
  # Networks without weights or statistics have an empty entry.
  zeros = lambda leaf: np.zeros(leaf.shape, leaf.dtype)
  return training.TrainState(
      np.zeros((), np.int32), {**shapes.params, **params},
      {**shapes.stats, **stats}, jax.tree.map(zeros, shapes.opt))


def _spectral(kernel: np.ndarray) -> dict[str, np.ndarray]:
  """Returns the spectral vectors of a kernel, see `jinpaint.layers.norm`."""
  matrix = kernel.reshape(-1, kernel.shape[-1])
  u = np.ones(matrix.shape[1], np.float32)
  for _ in range(10):
    v = matrix @ u
    v /= np.linalg.norm(v)
    u = v @ matrix
    u /= np.linalg.norm(u)
  return {'u': u, 'v': np.moveaxis(v.reshape(kernel.shape[:-1]), -1, 0).ravel()}
