"""Edges and sketches, wherever they come from: one thing for all who use them.

`data.edge` and `data.sketch` of a config say which edges and sketches there
are. A `Guidance` makes them in two halves. The host's half runs where examples
are made: Canny's detector, files, thinning, bending. The device's half runs at
the head of every step: HED (`jinpaint.networks.hed`), which needs the
accelerator that trains, and the bending of its edges. Training, scoring and
inference know nothing else of edges and sketches.

The authors of the CFS system run HED once, over undamaged images, and keep
8-bit JPEGs; here its edges stay floats. Where HED may look at known pixels
only, the hole is filled with their mean colour, so that its border is no edge;
the authors have no such mode.
"""

from collections.abc import Mapping, Sequence

from flax import linen as nn
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices, images, networks
from jinpaint.data import edges, sketches
from jinpaint.data.examples import Choice, Data, Draft
from jinpaint.errors import UsageError
from jinpaint.nets import Nets
from jinpaint.types import Array, Batch, Variables

# Keys that the host's half adds to a batch for the device's half alone: the
# number above which edges are 1, and the field that bends edges to sketches.
_FOR_DEVICE = ('edge_cut', 'bend')


class Guidance:
  """Makes the edges and sketches of a run's batches and pictures.

  Attributes:
    published: the published networks that the device's half runs.
    edges: which edges there are; None if there are none.
    sketches: which sketches there are; None if there are none.
  """

  def __init__(self, data: Data, *, training: bool):
    """Reads which edges and sketches are wanted.

    Args:
      data: its `edge`, `eval_edge`, `edge_cut` and `sketch` are read.
      training: whether batches are to be trained on. Then `data.edge` says
        which edges are known, else `data.eval_edge` does.

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
    if self.sketches is not None and self.sketches.bends:
      if self.edges is None:
        raise UsageError('data.sketch simulates sketches from edges; data.edge '
                         'says which, e.g. canny')
      if self.sketches.thin and by_network:
        raise UsageError('data.sketch thins edges that are found where '
                         f'examples are made, not those of {data.edge}')

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each photograph, named, has its files."""
    for source in (self.edges, self.sketches):
      if source is not None and source.maps is not None:
        source.maps.check(names)

  # The host's half.

  def shapes(self, size: int) -> dict[str, tuple[int, ...]]:
    """Returns the keys that `on_host` adds to an example, and their shapes.

    Args:
      size: height and width of the example.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    one_channel = (size, size, 1)
    if self.published and self._data.edge_cut:
      shapes['edge_cut'] = (1, 1, 1)
    if self.edges is not None and not self.published:
      shapes['true_edge'] = one_channel
      if self._finds_known:
        shapes['known_edge'] = one_channel
    if self.sketches is not None:
      if self.sketches.bends and self.published:
        shapes['bend'] = (sketches.GRID, sketches.GRID, 2)
      else:
        shapes['sketch'] = one_channel
    return shapes

  def on_host(self, draft: Draft) -> dict[str, np.ndarray]:
    """Returns what the host's half adds to an example.

    Args:
      draft: the example so far.

    Returns:
      The keys of `shapes`, float32.
    """
    added: dict[str, np.ndarray] = {}
    if self.edges is not None:
      added |= self._edges_of(draft, self.edges)
    if self.sketches is not None:
      added |= self._sketch_of(draft, self.sketches, added.get('true_edge'))
    return added

  def _edges_of(self, draft: Draft, wanted: edges.Edges
                ) -> dict[str, np.ndarray]:
    """Returns an example's edges, or the cut for those found on the device."""
    cut = None
    if self._data.edge_cut:
      low, high = self._data.edge_cut
      cut = draft.generator(Choice.CUT).uniform(low, high)
    if wanted.by_network:
      return {} if cut is None else {
          'edge_cut': np.full((1, 1, 1), cut, np.float32)}
    drawn = None
    if wanted.maps is not None:
      file = wanted.maps.read(draft.name, edges.read_map,
                              *draft.photograph_size)
      drawn = draft.view(file).astype(np.float32) / np.float32(255)
    holes: dict[str, np.ndarray | None] = {'true_edge': None}
    if self._finds_known:
      holes['known_edge'] = draft.hole
    edge_maps = {}
    for key, hole in holes.items():
      # Each has a new generator, so that both have the same sigma.
      edge = wanted.find(draft.image, rng=draft.generator(Choice.EDGE),
                         drawn=drawn, hole=hole)
      edge = edge if cut is None else edges.above(edge, cut)
      edge_maps[key] = edge[..., None]
    return edge_maps

  def _sketch_of(self, draft: Draft, wanted: sketches.Sketches,
                 true_edge: np.ndarray | None) -> dict[str, np.ndarray]:
    """Returns an example's sketch, or the field that bends edges to one."""
    size = draft.hole.shape
    if wanted.bends:
      rng = draft.generator(Choice.SKETCH)
      if true_edge is None:  # They are found on the device, and bent there.
        return {'bend': wanted.field(rng, *size)}
      sketch = wanted.simulate(rng, true_edge[..., 0])
    elif wanted.maps is not None:
      file = wanted.maps.read(draft.name, sketches.read_map,
                              *draft.photograph_size)
      sketch = edges.above(draft.view(file.astype(np.float32)), 0.5)
    else:
      sketch = np.zeros(size, np.float32)
    return {'sketch': sketch[..., None]}

  # The device's half.

  def on_device(self, variables: Variables, batch: Batch) -> dict[str, Array]:
    """Returns a batch with all edges and sketches that a stage may read.

    Where a batch has true edges, it has known edges afterwards: if nothing else
    has made them, they are the true ones outside the hole. No gradient flows
    through HED to the image.

    Args:
      variables: those of the `published` networks. They are arguments of a
        compiled program, not constants of it.
      batch: what the host's half made, or a user's own loader.
    """
    completed = {key: array for key, array in batch.items()
                 if key not in _FOR_DEVICE}
    if self.published and 'true_edge' not in batch:
      nets = Nets(self.published, variables)
      edge_maps = {'true_edge': _hed(nets, batch['image'])}
      if self._finds_known:
        edge_maps['known_edge'] = known_hed(nets, batch)
      if 'edge_cut' in batch:
        edge_maps = {key: edges.above(edge, batch['edge_cut'])
                     for key, edge in edge_maps.items()}
      completed |= edge_maps
    if 'bend' in batch:
      completed['sketch'] = sketches.deform(
          completed['true_edge'], batch['bend'], jnp)
    if 'true_edge' in completed and 'known_edge' not in completed:
      completed['known_edge'] = jnp.where(
          batch['mask'] > 0.5, 0.0, completed['true_edge'])
    return completed

  # Pictures.

  @property
  def cut(self) -> float | None:
    """The number above which a picture's edges are 1; None if they stay soft.

    Training draws it from `data.edge_cut`; this is the middle of that range.
    """
    return sum(self._data.edge_cut) / 2 if self._data.edge_cut else None

  @property
  def needs_map(self) -> str:
    """Why a picture must have an edge map; empty if edges can be found."""
    if self.edges is None or self.edges.maps is None:
      return ''
    return (f'the edges "{self.edges.spec}" come from files; give edge maps, '
            '--edge=files:PATH, or a detector, --edge=canny')

  def of_picture(self, variables: Variables, image: np.ndarray,
                 hole: np.ndarray | None,
                 edge_map: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Returns the edges of a picture that is to be filled.

    Where training draws sigma or a cut, the middle of the range is taken;
    sigma is then rounded, halves to the even number.

    Args:
      variables: those of the `published` networks.
      image: RGB (H, W, 3), float32 in [0, 1]. What it has in the hole is not
        looked at.
      hole: (H, W), 1 = hole; None for a picture without one.
      edge_map: (H, W) in [0, 1], the edges that a user gives, those in the hole
        as well; they take the place of those that would be found.

    Returns:
      `known_edge`, (H, W, 1) float32, 0 in the hole; with an edge map also
      `true_edge`, which has that map's edges in the hole.

    Raises:
      UsageError: the edges come from files, and there is no map.
      ValueError: this guidance has no edges.
    """
    known = self._known_edge(variables, image, hole, edge_map)
    edge_maps = {'known_edge': known}
    if edge_map is not None:
      edge_maps['true_edge'] = known if hole is None else np.where(
          hole == 0, known, edge_map.astype(np.float32))
    if self.cut is not None:
      edge_maps = {key: edges.above(edge, self.cut)
                   for key, edge in edge_maps.items()}
    return {key: edge[..., None] for key, edge in edge_maps.items()}

  def bytes_for(self, variables: Variables, height: int, width: int) -> int:
    """Returns the bytes that finding the edges of a picture takes.

    It counts what a network takes; Canny's detector takes little.

    Args:
      variables: those of the `published` networks.
      height: the picture's.
      width: the picture's.
    """
    if not self.published:
      return 0
    batch = {key: jax.ShapeDtypeStruct((1, *_held(height, width), channels),
                                       np.float32)
             for key, channels in (('image', 3), ('mask', 1))}
    return devices.bytes_of(_known_hed_compiled.lower(
        variables, batch).compile())

  def _known_edge(self, variables: Variables, image: np.ndarray,
                  hole: np.ndarray | None, edge_map: np.ndarray | None
                  ) -> np.ndarray:
    """Returns the edges (H, W) of a picture outside its hole, not yet cut."""
    if self.edges is None:
      raise ValueError('these data have no edges: data.edge is empty')
    if self.edges.maps is not None:
      if edge_map is None:
        raise UsageError(self.needs_map)
      return self.edges.find(image, drawn=edge_map, hole=hole)
    if edge_map is not None:
      known = edge_map if hole is None else edge_map * (hole == 0)
      return known.astype(np.float32)
    if self.edges.by_network:
      return _known_hed_of_picture(variables, image, hole)
    return self.edges.find(image, hole=hole)


def _hed(nets: Nets, image: Array) -> Array:
  """Returns HED's edges (B, H, W, 1), which no gradient reaches."""
  return lax.stop_gradient(nets('hed', image))


def known_hed(nets: Nets, batch: Batch) -> Array:
  """Returns HED's edges outside the hole, found without looking into it.

  Args:
    nets: have the network `hed`.
    batch: its `image` (B, H, W, 3) and `mask` (B, H, W, 1) are read.

  Returns:
    (B, H, W, 1) in [0, 1].
  """
  image, mask = batch['image'], batch['mask']
  return _hed(nets, _with_mean_in_hole(image, mask)) * (1 - mask)


@jax.jit
def _known_hed_compiled(variables: Variables, batch: Batch) -> Array:
  """Returns what `known_hed` returns; compiled once for each size."""
  return known_hed(Nets({'hed': networks.create('hed')}, variables), batch)


def _known_hed_of_picture(variables: Variables, image: np.ndarray,
                          hole: np.ndarray | None) -> np.ndarray:
  """Returns HED's edges (H, W) of a picture of any size, outside its hole."""
  height, width = image.shape[:2]
  hole = np.zeros((height, width)) if hole is None else hole
  padded = _held(height, width)
  arrays = {'image': image, 'mask': hole[..., None].astype(np.float32)}
  batch = {key: images.pad_to(array, *padded)[None]
           for key, array in arrays.items()}
  edge = np.asarray(_known_hed_compiled(variables, batch))[0, ..., 0]
  return images.crop(edge, height, width)


def _held(height: int, width: int) -> tuple[int, int]:
  """Returns the size, at least a picture's own, that HED is given."""
  smallest = networks.create('hed').smallest
  return max(height, smallest), max(width, smallest)


def _with_mean_in_hole(image: Array, mask: Array) -> Array:
  """Returns images whose holes have the mean colour of the known pixels."""
  known = 1 - mask
  number = jnp.sum(known, axis=(1, 2), keepdims=True)
  mean = jnp.sum(image * known, axis=(1, 2), keepdims=True) / jnp.maximum(
      number, 1)
  return image * known + mean * mask
