"""Where edge maps come from: Canny's detector, files, both, or a network.

An edge map is (H, W) float32 in [0, 1], and **1 = edge**. A config's
`data.edge`, which `parse` reads, is one of these:

| spec                 | edges                                             |
|----------------------|---------------------------------------------------|
| `canny`              | Canny's, 0 or 1                                   |
| `files:PATH`         | those in grey files, white = edge, soft as it is  |
| `thinned:files:PATH` | both multiplied: a file's, where Canny finds some |
| `hed`                | HED's, soft, found by `jinpaint.guidance`         |
| `none`               | none anywhere                                     |

`PATH`, all that follows, is a folder, of which everything below counts. A
photograph's edge map has the photograph's size and name, but for the suffix
(see `jinpaint.data.files.Namesakes`), and is cropped, resized and flipped with
it. Canny looks at the result.

`canny`, `thinned` and `hed` have options, `canny:sigma=1-4:hole=masked`,
`thinned:sigma=1.9:files:PATH`, `hed:hole=masked`:

| option        | meaning                                              |
|---------------|------------------------------------------------------|
| `sigma=2`     | deviation of Canny's Gaussian filter, in pixels; not |
|               | of `hed`                                             |
| `sigma=1-4`   | a whole number, drawn uniformly for each example     |
| `hole=cut`    | training knows all edges of the undamaged image that |
|               | are outside the hole                                 |
| `hole=masked` | training knows the edges that can be found without   |
|               | looking into the hole                                |

The defaults, `sigma=2` and `hole=cut`, are those that EdgeConnect was published
with (Nazeri et al., 2019, arXiv:1901.00212, and its code; there `sigma=1-4` is
SIGMA 0, `none` SIGMA -1, `thinned:files:PATH` EDGE 2, and `files:PATH` that
with NMS 0). But with `hole=cut` the pixels in the hole have an influence on the
edges around it. So inference always finds known edges as `hole=masked` does,
and so does evaluation, unless `data.eval_edge` is `cut`: this is how the
published precision and recall were measured.
"""

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from jinpaint.data import files, specs
from jinpaint.errors import UsageError

KNOWN = ('cut', 'masked')  # which edges outside the hole are known


def _sigmas(text: str) -> tuple[float, float]:
  """Reads the lowest and the highest sigma; a range is of whole numbers."""
  form = specs.WHOLE_RANGE if '-' in text else specs.NUMBER_RANGE
  low, high = form.read(text)
  if not low > 0:
    raise ValueError(f'{low} is not above 0')
  return low, high


_SIGMA = specs.Value(_sigmas, '{0}=1.9, a number above 0, or {0}=1-4, a range '
                     'of whole numbers')
_HOLE = specs.choice(*KNOWN)
KINDS = {
    'canny': specs.Kind({'sigma': _SIGMA, 'hole': _HOLE}),
    'files': specs.Kind(rest='PATH'),
    'thinned': specs.Kind({'sigma': _SIGMA, 'hole': _HOLE}, rest='files:PATH'),
    'hed': specs.Kind({'hole': _HOLE}),
    'none': specs.Kind(),
}


def canny(image: np.ndarray, sigma: float, known: np.ndarray | None = None
          ) -> np.ndarray:
  """Finds edges with scikit-image's Canny detector, as EdgeConnect does.

  Args:
    image: RGB (H, W, 3); uint8, or float in [0, 1].
    sigma: standard deviation of the Gaussian filter, in pixels.
    known: (H, W) bool. All other pixels count for nothing, whatever they hold,
      and edges keep one pixel away from them. None: all are known.

  Returns:
    (H, W) float32, 0 or 1.
  """
  # Imported here: it is slow, and most systems read no edges.
  from skimage import color, feature, util
  gray = color.rgb2gray(util.img_as_float64(image))
  return feature.canny(gray, sigma, mask=known).astype(np.float32)


def above(soft: Any, cut: Any) -> Any:
  """Returns 1 where a soft map is above the cut, else 0.

  Args:
    soft: a map of any shape, an array of NumPy or of JAX.
    cut: a number, or an array that has one for each map of a batch.

  Returns:
    An array like `soft`, float32.
  """
  return (soft > cut).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Edges:
  """Which edges are wanted, and how they are found. See `parse`.

  Attributes:
    spec: the text that says so.
    kind: one of the kinds in the table at the head of this file.
    sigmas: the lowest and the highest sigma of Canny; empty without Canny.
    masked: whether training knows only the edges that can be found without
      looking into the hole.
    maps: the files that edges come from; None without files.
  """

  spec: str
  kind: str
  sigmas: tuple[float, ...] = ()
  masked: bool = False
  maps: files.Namesakes | None = None

  @property
  def by_network(self) -> bool:
    """Whether a network finds the edges, on the device: `jinpaint.guidance`."""
    return self.kind == 'hed'

  def find(self, image: np.ndarray, *, rng: np.random.Generator | None = None,
           drawn: np.ndarray | None = None, hole: np.ndarray | None = None
           ) -> np.ndarray:
    """Returns the edges of an image, (H, W) float32 in [0, 1].

    Args:
      image: RGB (H, W, 3); uint8, or float in [0, 1].
      rng: draws sigma; None for the middle of its range.
      drawn: the edge map in the image's file, (H, W) in [0, 1]; where edges
        come from files.
      hole: (H, W), 1 = hole. If it is given, only those edges are returned that
        can be found without looking into the hole, and none in it.

    Raises:
      ValueError: a network finds these edges, not this function; or they come
        from files, and there is no map.
    """
    if self.by_network:
      raise ValueError('the edges of HED are found on the device, by '
                       'jinpaint.guidance')
    if self.maps is not None and drawn is None:
      raise ValueError('these edges come from files; give the map as `drawn`')
    known = None if hole is None else hole == 0
    if self.sigmas:
      edges = canny(image, self._sigma(rng), known)
      edges = edges if drawn is None else edges * drawn
    else:
      edges = np.zeros(image.shape[:2]) if drawn is None else drawn
    edges = edges if known is None else edges * known
    return edges.astype(np.float32)

  def _sigma(self, rng: np.random.Generator | None) -> float:
    """Returns a sigma of the range; only a single one need not be whole."""
    low, high = self.sigmas
    if low == high:
      return low
    if rng is None:
      return round((low + high) / 2)
    return int(rng.integers(int(low), int(high), endpoint=True))


def read_map(path: Path) -> np.ndarray:
  """Returns the edge map in a file, grey (H, W) uint8, 255 = edge.

  EdgeConnect's and CFS's programs read grey files so, SketchRefiner's those of
  three equal channels. They then resize a map of another size than its picture.

  Args:
    path: the file; a map in colour is made grey.

  Raises:
    UsageError: the file cannot be read.
  """
  try:
    return cv2.cvtColor(files.read_rgb(path), cv2.COLOR_RGB2GRAY)
  except files.UnreadableImage as error:
    raise UsageError(f'cannot read the edge map {error}') from error


def parse(spec: str) -> Edges:
  """Reads which edges are wanted.

  Args:
    spec: as in the tables at the head of this file.

  Raises:
    UsageError: no such kind, option, value or folder.
  """
  parsed = specs.parse('edges', spec, KINDS)
  sigmas: tuple[float, ...] = ()
  if 'sigma' in KINDS[parsed.kind].options:
    sigmas = parsed.options.get('sigma', (2, 2))
    # scikit-image is imported now, not by several threads at once.
    canny(np.zeros((3, 3, 3)), sigmas[0])
  return Edges(
      spec, parsed.kind, sigmas,
      masked=parsed.options.get('hole') == 'masked',
      maps=files.Namesakes('edge maps', parsed.path) if parsed.rest else None)
