"""Scores pictures that were made elsewhere, with the measures of every table.

Pictures, true images and masks are paired by name, as all files here are
(`jinpaint.data.files.Namesakes`). Each is read at its own size, and nothing is
resized, put back or rounded: what is scored is what the files hold.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
import dataclasses
from pathlib import Path

import jax
import numpy as np

from jinpaint import devices, networks
from jinpaint.data import files, heads
from jinpaint.data.examples import Data, Draft
from jinpaint.errors import UsageError
from jinpaint.evaluation import gallery, measures, needs
from jinpaint.evaluation.needs import Available
from jinpaint.evaluation.protocol import Batches, Protocol
from jinpaint.evaluation.scores import Evaluation, joined, Part
from jinpaint.nets import Nets
from jinpaint.types import Array, Batch, Variables

_BATCH = 16
_SCORED = {'scored': 'pictures as their files hold them, known pixels as well',
           'rounded': 'by whoever wrote the files'}


class Pictures:
  """Adds pictures to the examples of the true images that they belong to.

  It is a `jinpaint.data.examples.HostGuidance`.
  """

  def __init__(self, folders: Mapping[str, Path], targets: Path,
               masks: Path | None):
    """Lists the files.

    Args:
      folders: row -> the folder of its pictures.
      targets: the folder of the true images.
      masks: the folder of their masks; None if there are none.

    Raises:
      UsageError: there is no such folder, or no image in it.
    """
    self._targets, self._masked = targets, masks is not None
    self._pictures = {row: files.Namesakes('pictures', folder)
                      for row, folder in folders.items()}
    self._masks = files.Namesakes('masks', masks) if masks else None

  def shapes(self, size: int) -> Mapping[str, tuple[int, ...]]:
    """Is not asked: whole images have no shape that could be told."""
    raise NotImplementedError

  def check(self, names: Sequence[str]) -> None:
    """Checks that each image has its files, all of one size.

    Raises:
      UsageError: a picture or a mask is missing, has no true image, or is of
        another size than its true image.
    """
    for what, namesakes in (*((f'picture of {row}', pictures)
                              for row, pictures in self._pictures.items()),
                            *((('mask', self._masks),) if self._masks else ())):
      taken = {namesakes.of(name): name for name in names}
      rest = sorted(set(namesakes.names) - taken.keys())
      if rest and what != 'mask':
        raise UsageError(f'{namesakes.root / rest[0]} has no true image of its '
                         f'name in {self._targets}')
      for file, name in taken.items():
        size, true = (_size(path) for path in (
            namesakes.root / file, self._targets / name))
        if size != true:
          raise UsageError(
              f'the {what} {namesakes.root / file} is {size[0]} x {size[1]}, '
              f'its true image {true[0]} x {true[1]}')

  def on_host(self, draft: Draft) -> Mapping[str, np.ndarray]:
    """Returns the pictures of an image, by row, float32 in [0, 1]."""
    added = {}
    for row, namesakes in self._pictures.items():
      path = namesakes.root / namesakes.of(draft.name)
      try:
        pixels = files.read_rgb(path)
      except files.UnreadableImage as error:
        raise UsageError(f'cannot read the picture {error}') from error
      added[_key(row)] = pixels.astype(np.float32) / np.float32(255)
    if not self._masked:
      added['mask'] = np.zeros((*draft.hole.shape, 1), np.float32)
    return added


def _key(row: str) -> str:
  """Returns the key of a batch that has the pictures of a row."""
  return f'picture of {row}'


def _size(path: Path) -> tuple[int, int]:
  try:
    return heads.size(path)
  except files.UnreadableImage as error:
    raise UsageError(f'cannot read {error}') from error


@dataclasses.dataclass(frozen=True)
class Made:
  """Pictures that are scored, and on what.

  Attributes:
    rows: their names in the table.
    columns: what is measured of them, and by which networks.
    masked: whether there are masks.
    pictures: adds them to the examples.
    protocol: the true images.
  """

  rows: tuple[str, ...]
  columns: Available
  masked: bool
  pictures: Pictures
  protocol: Protocol

  def batches(self, done: Collection[int] = ()) -> Batches:
    """Returns the true images with their pictures."""
    return self.protocol.batches(self.pictures, done=done)

  def described(self) -> dict[str, str]:
    """Returns what a reader must know of the scores, by subject."""
    said = {**self.protocol.described(), **_SCORED}
    if not self.masked:
      said['holes'] = 'unknown; only whole images are measured'
    return said

  def score(self) -> Evaluation:
    """Scores all of them."""
    batches = self.batches()
    columns, needed, left_out = self.columns
    readers = {name: networks.create(name) for name in needed}

    @jax.jit
    def score(needed: Variables, truth: Batch, completed: Batch
              ) -> dict[str, Array]:
      return measures.apply(columns, Nets({}, {}), truth, completed,
                            published=Nets(readers, needed))

    needed = devices.everywhere(needed)
    parts = []
    for batch in batches:
      real = np.asarray(batch['weight']) == 1
      spread = devices.spread(dict(batch))
      truth = {key: spread[key] for key in ('image', 'mask')}
      methods = {}
      for row in self.rows:
        values = score(needed, truth, {'image': spread[_key(row)]})
        methods[row] = {key: np.asarray(values[key])[real] for key in columns}
      holes = np.mean(batch['mask'][real], axis=(1, 2, 3))
      parts.append(Part(
          batch['index'][real],
          holes if self.masked else np.full_like(holes, np.nan), methods))
    indices, holes, scores = joined(parts)
    return Evaluation(
        methods=scores,
        images=tuple(batches.source.names[i] for i in indices),
        indices=indices, holes=holes, measures=columns, left_out=left_out,
        broken=batches.skipped, protocol=self.described()).in_order()

  def shown(self, done: Collection[int] = ()
            ) -> Iterator[tuple[Mapping[str, np.ndarray],
                                Mapping[str, np.ndarray]]]:
    """Yields batches, and the pictures of the first row."""
    for batch in self.batches(done):
      yield batch, {'image': batch[_key(self.rows[0])]}

  def drawn(self, indices: Collection[int]
            ) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Yields pictures of some images, see `Contest.pictures`."""
    others = set(range(len(self.batches().source))) - set(indices)
    for batch in self.batches(others):
      for i in np.flatnonzero(batch['weight'] == 1):
        keys = {'truth': 'image', **{row: _key(row) for row in self.rows}}
        yield int(batch['index'][i]), {
            'mask': gallery.eight_bits(batch['mask'][i, ..., 0]),
            **{name: gallery.eight_bits(batch[key][i])
               for name, key in keys.items()}}


def made(predictions: Sequence[Path], targets: Path, masks: Path | None = None,
         *, names: Sequence[str] = (), metric_set: str = '',
         mask_hole: str = 'white', limit: int = 0, batch_size: int = 0) -> Made:
  """Returns what is to be scored.

  Args:
    predictions: folders of pictures, a row each.
    targets: the folder of the true images; the pictures have their names.
    masks: the folder of their masks; without, whole images alone are measured.
    names: what is measured, see `jinpaint.evaluation.measures.choose`.
    metric_set: a set of measures, see there.
    mask_hole: colour of a hole, white or black.
    limit: how many of the first true images; 0 for all.
    batch_size: examples a batch; 0 for a number that suits small images.

  Raises:
    UsageError: there is no such folder or measure, or a measure needs masks
      and there are none.
  """
  columns = measures.choose(names, metric_set)
  if masks is None:
    for name in names:
      if columns[name].of_hole:
        raise UsageError(f'the metric {name} is of holes; give --masks')
    columns = {key: measure for key, measure in columns.items()
               if not measure.of_hole}
    if not columns:
      raise UsageError(f'all metrics of {metric_set} are of holes; give '
                       '--masks')
  short = [folder.resolve().name for folder in predictions]
  rows = {str(folder) if short.count(name) > 1 else name: folder
          for name, folder in zip(short, predictions, strict=True)}
  if len(rows) < len(predictions):
    raise UsageError('each folder of predictions needs a name of its own, not '
                     f'{", ".join(rows)}')
  data = Data(eval_source=f'folder:{targets}', mask_hole=mask_hole,
              mask=f'files:{masks}' if masks else 'half',
              mask_pairing='stem' if masks else 'random', max_bad_images=0)
  return Made(tuple(rows), needs.load(columns), masks is not None,
              Pictures(rows, targets, masks),
              Protocol(data, 0, batch_size or _BATCH, limit=limit,
                       full_size=True, pixels=0 if batch_size else 2**22))
