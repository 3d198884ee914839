"""Pictures as a part of the page, up to a number of bytes."""

import base64
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from jinpaint.data import files

# Pictures of more than this many pixels a side are shrunk to it.
SIDE = 1024
# A picture that is larger as PNG becomes JPEG.
_PNG_BYTES = 300_000
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 92,
         cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444)


class Shown(NamedTuple):
  """A picture in the page.

  Attributes:
    uri: the file in it, as a data URI.
    width: in pixels.
    height: in pixels.
  """

  uri: str
  width: int
  height: int


class Outline(NamedTuple):
  """The border of holes.

  Attributes:
    path: as SVG writes it, in pixels of the mask.
    width: of the mask.
    height: of the mask.
  """

  path: str
  width: int
  height: int


class Album:
  """Takes pictures until the page is large enough.

  Attributes:
    limit: how many bytes of the page may be pictures.
    notes: one sentence for each thing that was done to pictures or left out.
  """

  def __init__(self, limit: int):
    self.limit = limit
    self._used = 0
    self._full = self._shrunk = self._lossy = 0
    self._unreadable: list[str] = []

  def open(self, path: Path | None) -> np.ndarray | None:
    """Returns a file's pixels, RGB (H, W, 3) uint8; None if it has none."""
    try:
      return None if path is None else files.read_rgb(path)
    except files.UnreadableImage as error:
      self._unreadable.append(str(error))
      return None

  def show(self, pixels: np.ndarray) -> Shown | None:
    """Returns a picture for the page; None where no space is left for it.

    Args:
      pixels: RGB (H, W, 3) uint8.
    """
    height, width = pixels.shape[:2]
    scale = SIDE / max(height, width)
    if scale < 1:
      pixels = cv2.resize(pixels, None, fx=scale, fy=scale,
                          interpolation=cv2.INTER_AREA)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    kind, encoded = 'png', cv2.imencode('.png', bgr)[1]
    if encoded.size > _PNG_BYTES:
      kind, encoded = 'jpeg', cv2.imencode('.jpg', bgr, _JPEG)[1]
    text = base64.b64encode(encoded.tobytes()).decode()
    uri = f'data:image/{kind};base64,{text}'
    if not self._takes(len(uri)):
      return None
    self._shrunk += scale < 1
    self._lossy += kind == 'jpeg'
    return Shown(uri, pixels.shape[1], pixels.shape[0])

  def outline(self, mask: np.ndarray) -> Outline | None:
    """Returns the border of a mask's holes; None where no space is left.

    Args:
      mask: RGB (H, W, 3) uint8, white = hole.
    """
    contours, _ = cv2.findContours(
        (mask[..., 0] > 127).astype(np.uint8), cv2.RETR_CCOMP,
        cv2.CHAIN_APPROX_SIMPLE)
    path = ''.join('M' + 'L'.join(f'{x}.5 {y}.5' for x, y in contour[:, 0]) +
                   'Z' for contour in contours)
    if not self._takes(len(path)):
      return None
    return Outline(path, mask.shape[1], mask.shape[0])

  def _takes(self, size: int) -> bool:
    """Whether there is space for so many bytes, which are then used."""
    if self._used + size > self.limit:
      self._full += 1
      return False
    self._used += size
    return True

  @property
  def notes(self) -> list[str]:
    """What was done to pictures, and which are not there."""
    notes = []
    if self._full:
      notes.append(
          f'Pictures and outlines left out: {self._full}. This page holds '
          f'{self.limit / 2**20:.3g} MiB of them at most.')
    if self._shrunk:
      notes.append(f'Pictures shrunk to {SIDE} pixels on the longer side: '
                   f'{self._shrunk}.')
    if self._lossy:
      notes.append('Pictures that are JPEG of quality 92 here, because they '
                   f'are large: {self._lossy}. The others are exact.')
    notes += [f'Cannot be read: {reason}.' for reason in self._unreadable]
    return notes
