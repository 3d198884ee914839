"""Where edge maps come from: Canny's detector, files, both, or a network.

An edge map is (H, W) float32 in [0, 1], and **1 = edge**. A config's
`data.edge`, which `parse` reads, is one of these:

| spec                 | edges                                             |
|----------------------|---------------------------------------------------|
| `canny`              | Canny's, 0 or 1                                   |
| `files:PATH`         | those in grey files, white = edge, soft as it is  |
| `thinned:files:PATH` | both multiplied: a file's, where Canny finds some |
| `hed`                | HED's, soft, found by `jinpaint.guidance`        |
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
with NMS 0). But pixels in the hole bear on the edges around it. Inference finds
known edges as `hole=masked` does, always, and so does evaluation, to be honest,
unless `data.eval_edge` is `cut`: so published precision and recall were found.
"""

from collections.abc import Callable, Sequence
import dataclasses
from pathlib import Path
import re

import cv2
import numpy as np

from jinpaint import errors
from jinpaint.data import files
from jinpaint.errors import UsageError

_KINDS = ('canny', 'files', 'thinned', 'hed', 'none')
KNOWN = ('cut', 'masked')  # which edges outside the hole are known
_SIGMA = re.compile(r'(\d*\.?\d+)|(\d+)-(\d+)')


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


def above(soft: np.ndarray, cut: float | np.ndarray) -> np.ndarray:
  """Returns 1 where a map, NumPy's or JAX's, is above the cut, else 0."""
  return (soft > cut).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class EdgeMaker:
  """Makes edge maps. See `parse`.

  Attributes:
    sigmas: the lowest and the highest for Canny; empty without Canny.
    masked: whether training knows only edges that are found without the hole.
    maps: the files that edges come from; None without files.
  """

  sigmas: tuple[float, ...]
  masked: bool
  maps: files.Namesakes | None

  def __call__(self, rng: np.random.Generator | None, image: np.ndarray, *,
               soft: np.ndarray | None = None, hole: np.ndarray | None = None
               ) -> np.ndarray:
    """Returns the edges of an image, (H, W) float32 in [0, 1].

    Args:
      rng: draws sigma; None for the middle of its range.
      image: RGB (H, W, 3); uint8, or float in [0, 1].
      soft: what `read` returned, at the image's size; for `maps` only.
      hole: (H, W), 1 = hole. With it: the edges that are known nevertheless,
        none of them in the hole. None: all edges.
    """
    known = None if hole is None else hole == 0
    if self.sigmas:
      edges = canny(image, self._sigma(rng), known)
    else:
      fill = 0 if self.maps is None else 1
      edges = np.full(image.shape[:2], fill, np.float32)
    if self.maps is not None:
      edges *= soft.astype(np.float32) / np.float32(255)
    return edges if known is None else edges * known

  def read(self, name: str, height: int, width: int) -> np.ndarray:
    """Returns the edge map file of a photograph, (height, width) uint8.

    Args:
      name: the photograph's relative path.
      height: the photograph's.
      width: the photograph's.

    Raises:
      UsageError: the file is missing, broken or of another size.
    """
    return self.maps.read(name, _soft, height, width)

  def check(self, names: Sequence[str]) -> None:
    """Raises `UsageError` unless each photograph has what its edges need."""
    if self.maps is not None:
      self.maps.check(names)

  def _sigma(self, rng):
    low, high = self.sigmas
    if low == high:  # it need not be whole
      return low
    return (round((low + high) / 2) if rng is None
            else int(rng.integers(low, high, endpoint=True)))


def _soft(path):
  """Returns the edge map in a file, grey (H, W) uint8."""
  try:
    return cv2.cvtColor(files.read_rgb(path), cv2.COLOR_RGB2GRAY)
  except files.UnreadableImage as error:
    raise UsageError(f'cannot read the edge map {error}') from error


def parse(spec: str) -> EdgeMaker:
  """Reads which edges are wanted.

  Args:
    spec: as in the tables at the head of this file.

  Raises:
    UsageError: no such kind, option, value or folder.
  """
  kind, settings, path = _split(spec)
  options = {}
  if kind in ('canny', 'thinned'):
    options['sigma'] = '2'
  if kind in ('canny', 'thinned', 'hed'):
    options['hole'] = 'cut'
  for setting in settings:
    option, _, value = setting.partition('=')
    if option not in options:
      raise errors.unknown(f'option of {kind}', option, options or ['none'])
    options[option] = value
  sigmas = ()
  if options and options['hole'] not in KNOWN:
    raise errors.unknown('value of hole', options['hole'], KNOWN)
  if 'sigma' in options:
    sigmas = _sigmas(options['sigma'])
    # scikit-image is imported now, not by several threads at once.
    canny(np.zeros((3, 3, 3)), sigmas[0])
  return EdgeMaker(
      sigmas, options.get('hole') == 'masked',
      files.Namesakes('edge maps', Path(path).expanduser()) if path else None)


def by_network(spec: str) -> bool:
  """Returns whether a network is to find the edges, on the device.

  Args:
    spec: as `parse` takes it, or empty for no edges.
  """
  return bool(spec) and _split(spec)[0] == 'hed'


def of_pictures(spec: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
  """Returns the function that finds the known edges of a picture.

  It takes an image, RGB (H, W, 3), uint8 or float in [0, 1], and the hole in
  it, (H, W), 1 = hole; it returns (H, W) float32, 0 in the hole. Where training
  draws sigma, this takes the middle of the range, halves to even.

  Args:
    spec: as `parse` takes it.

  Raises:
    UsageError: as `parse`, or the edges come from files or from a network.
  """
  if by_network(spec) or _split(spec)[2]:
    origin = 'a network' if by_network(spec) else 'files'
    raise UsageError(f'the edges "{spec}" come from {origin}; give one')
  make = parse(spec)
  return lambda image, hole: make(None, image, hole=hole)


def _split(spec):
  """Returns the kind, its settings, and the path, which may be empty."""
  head, _, path = f':{spec}'.partition(':files:')
  kind, *settings = head[1:].split(':') if head else ['files']
  if kind not in _KINDS:
    raise errors.unknown('kind of edges', kind, _KINDS)
  if bool(path) != (kind in ('files', 'thinned')):
    raise UsageError(f'cannot read the edges "{spec}"; those from files are '
                     'files:PATH and thinned:files:PATH')
  return kind, settings, path


def _sigmas(text):
  match = _SIGMA.fullmatch(text)
  low = high = 0
  if match:
    low, high = ((float(match[1]),) * 2 if match[1]
                 else (int(match[2]), int(match[3])))
  if not 0 < low <= high:
    raise UsageError(f'sigma is "{text}"; it must be a number above 0, such as '
                     '1.9, or a range of whole ones, such as 1-4')
  return low, high
