"""Edges and sketches, wherever they come from: one thing for all who use them.

`data.edge` and `data.sketch` of a config say which edges and sketches there
are. A `Guidance` makes them in two halves. The host's half runs where examples
are made: Canny's detector, files, thinning, bending. The device's half runs at
the head of every step: HED (`jinpaint.networks.hed`), which needs the
accelerator that trains, and the bending of its edges. Training, scoring and
inference know nothing else of edges and sketches.

The CFS system's authors run HED once, over undamaged images, and keep 8-bit
JPEGs; here edges stay floats. Where only known pixels may be looked at, holes
are filled with the mean colour of what is known, so that their borders are no
edges; the authors have no such mode.
"""

from collections.abc import Mapping, Sequence
import math

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint import images, networks
from jinpaint.data import edges, sketches
from jinpaint.data.examples import Choice, Data, Draft
from jinpaint.errors import UsageError
from jinpaint.types import Array, Batch, Variables

# Pictures are extended to multiples of it before HED sees them, so that those
# of similar size share one compiled program. HED halves sizes four times.
_BUCKET = 32


class Guidance:
  """Makes the edges and sketches of a run's batches and pictures.

  Attributes:
    published: the published networks that the device's half runs.
    edges: which edges there are; None if there are none.
    sketches: which sketches there are; None if there are none.
  """

  def __init__(self, data: Data, *, training: bool):
    """Reads what is wanted.

    Args:
      data: whose `edge`, `edge_cut`, `eval_edge` and `sketch` count.
      training: whether `data.edge` says which edges are known; in evaluation
        `data.eval_edge` does.

    Raises:
      UsageError: one of them cannot be read, or they do not fit together.
    """
    self._data = data
    self.edges = edges.parse(data.edge) if data.edge else None
    self.sketches = sketches.parse(data.sketch) if data.sketch else None
    by_network = self.edges is not None and self.edges.by_network
    self.published: Mapping[str, nn.Module] = (
        {'hed': networks.create('hed')} if by_network else {})
    self._finds_known = self.edges is not None and (
        self.edges.masked if training else data.eval_edge == 'masked')
    if self.sketches and self.sketches.bends:
      if not data.edge:
        raise UsageError('data.sketch simulates sketches from edges; data.edge '
                         'says which, e.g. canny')
      if self.sketches.thin and by_network:
        raise UsageError('data.sketch thins edges that are found where '
                         f'examples are made, not those of {data.edge}')

  def shapes(self, size: int) -> dict[str, tuple[int, ...]]:
    """Returns the keys that the host's half adds, and the shapes of arrays.

    `edge_cut` and `bend` are for the device's half alone: above what edges are
    1, and the field that bends edges to sketches.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    one_channel = (size, size, 1)
    if self.published and self._data.edge_cut:
      shapes['edge_cut'] = (1, 1, 1)
    if self.edges and not self.published:
      shapes['true_edge'] = one_channel
      if self._finds_known:
        shapes['known_edge'] = one_channel
    if self.sketches and self.sketches.bends and self.published:
      shapes['bend'] = (sketches.GRID, sketches.GRID, 2)
    elif self.sketches:
      shapes['sketch'] = one_channel
    return shapes

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each photograph, named, has its files."""
    for source in (self.edges, self.sketches):
      if source and source.maps:
        source.maps.check(names)

  def on_host(self, draft: Draft) -> dict[str, np.ndarray]:
    """Returns what the host's half adds to an example, float32.

    Args:
      draft: the example so far.
    """
    made: dict[str, np.ndarray] = {}
    cut = None
    if self._data.edge_cut:
      cut = draft.generator(Choice.CUT).uniform(*self._data.edge_cut)
    shapes = self.shapes(len(draft.image))
    if 'edge_cut' in shapes:
      made['edge_cut'] = np.full((1, 1, 1), cut, np.float32)
    if 'true_edge' in shapes:
      made |= self._edges_on_host(draft, cut)
    if 'bend' in shapes:
      made['bend'] = self.sketches.field(draft.generator(Choice.SKETCH),
                                         *draft.hole.shape)
    elif 'sketch' in shapes:
      made['sketch'] = self._sketch_on_host(draft, made)
    return made

  def _edges_on_host(self, draft: Draft, cut: float | None
                     ) -> dict[str, np.ndarray]:
    drawn = None
    if self.edges.maps:
      file = self.edges.maps.read(draft.name, edges.read_map, *draft.size)
      drawn = draft.view(file).astype(np.float32) / np.float32(255)
    holes = {'true_edge': None}
    if self._finds_known:
      holes['known_edge'] = draft.hole
    made = {}
    for key, hole in holes.items():
      # A new generator for each, so that both have one sigma.
      edge = self.edges.find(draft.image, rng=draft.generator(Choice.EDGE),
                             drawn=drawn, hole=hole)
      made[key] = (edge if cut is None else edges.above(edge, cut))[..., None]
    return made

  def _sketch_on_host(self, draft: Draft, made: Mapping[str, np.ndarray]
                      ) -> np.ndarray:
    if self.sketches.bends:
      return self.sketches.simulate(
          draft.generator(Choice.SKETCH), made['true_edge'][..., 0])[..., None]
    if self.sketches.maps:
      file = self.sketches.maps.read(draft.name, sketches.read_map,
                                     *draft.size)
      return edges.above(
          draft.view(file.astype(np.float32)), 0.5)[..., None]
    return np.zeros((*draft.hole.shape, 1), np.float32)

  def on_device(self, variables: Variables, batch: Batch) -> Batch:
    """Returns a batch with all edges and sketches that a stage may read.

    No gradient reaches them.

    Args:
      variables: of the `published` networks.
      batch: what the host's half made, or a user's own loader.
    """
    if not self.edges:
      return batch
    made = dict(batch)
    if self.published and 'true_edge' not in batch:
      made['true_edge'] = _hed(variables['hed'], batch['image'])
      if self._finds_known:
        made['known_edge'] = _known_hed(variables['hed'], batch)
      if 'edge_cut' in batch:
        made |= {key: edges.above(made[key], batch['edge_cut'])
                 for key in ('true_edge', 'known_edge') if key in made}
    if 'bend' in batch:
      made['sketch'] = sketches.deform(made['true_edge'], batch['bend'], jnp)
    if 'known_edge' not in made:
      made['known_edge'] = jnp.where(batch['mask'] > 0.5, 0.0,
                                     made['true_edge'])
    return {key: value for key, value in made.items()
            if key not in ('edge_cut', 'bend')}

  def of_picture(self, variables: Variables, image: np.ndarray,
                 hole: np.ndarray | None,
                 edge_map: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Returns the edges of a picture that is to be filled.

    Where training draws sigma or a cut, the middle of the range is taken;
    sigma is then rounded, halves to even.

    Args:
      variables: of the `published` networks.
      image: RGB (H, W, 3), float32 in [0, 1].
      hole: (H, W), 1 = hole; None for a picture without one.
      edge_map: (H, W) in [0, 1], edges that a user gives, inside the hole, too;
        they take the place of those that would be found.

    Returns:
      `known_edge` (H, W, 1), 0 in the hole; with an edge map, `true_edge` as
      well.

    Raises:
      UsageError: the edges come from files, and there is no map.
    """
    holes: dict[str, np.ndarray | None] = {'known_edge': hole}
    if edge_map is not None:
      holes['true_edge'] = None
    cut = sum(self._data.edge_cut) / 2 if self._data.edge_cut else None
    made = {}
    for key, unknown in holes.items():
      edge = self._edge_of_picture(variables, image, unknown, edge_map)
      made[key] = (edge if cut is None else edges.above(edge, cut))[..., None]
    return made

  def _edge_of_picture(self, variables: Variables, image: np.ndarray,
                       hole: np.ndarray | None, edge_map: np.ndarray | None
                       ) -> np.ndarray:
    if edge_map is not None:
      if self.edges.sigmas and self.edges.maps:  # thinned by Canny
        return self.edges.find(image, drawn=edge_map, hole=hole)
      edge = edge_map.astype(np.float32)
      return edge if hole is None else edge * (hole == 0)
    if self.edges.maps:
      raise UsageError(
          f'the edges "{self._data.edge}" come from files; give edge maps, '
          '--edge=files:PATH, or a detector, --edge=canny')
    if self.published:
      return _known_hed_of_picture(variables['hed'], image, hole)
    return self.edges.find(image, hole=hole)


def _hed(variables: Variables, image: Array) -> Array:
  """Returns HED's edges (B, H, W, 1), which no gradient reaches."""
  return lax.stop_gradient(networks.create('hed').apply(variables, image))


def _known_hed(variables: Variables, batch: Batch) -> Array:
  """Returns HED's edges outside the hole, found without looking into it."""
  image, mask = batch['image'], batch['mask']
  return _hed(variables, _with_mean_in_hole(image, mask)) * (1 - mask)


_known_hed_jitted = jax.jit(_known_hed)


def _known_hed_of_picture(variables: Variables, image: np.ndarray,
                          hole: np.ndarray | None) -> np.ndarray:
  height, width = image.shape[:2]
  hole = np.zeros((height, width)) if hole is None else hole
  size = [math.ceil(n / _BUCKET) * _BUCKET for n in (height, width)]
  pair = {'image': image, 'mask': hole[..., None].astype(np.float32)}
  batch = {key: images.pad_to(array, *size)[None]
           for key, array in pair.items()}
  edge = np.asarray(_known_hed_jitted(variables, batch))[0, ..., 0]
  return images.crop(edge, height, width)


def _with_mean_in_hole(image: Array, mask: Array) -> Array:
  """Returns images whose holes have the mean colour of the known pixels."""
  known = 1 - mask
  number = jnp.sum(known, axis=(1, 2), keepdims=True)
  mean = jnp.sum(image * known, axis=(1, 2), keepdims=True) / jnp.maximum(
      number, 1)
  return image * known + mean * mask
