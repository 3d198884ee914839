"""Pictures kept on disk: a file's own bytes, and later pixels beside them."""

import dataclasses
import os
from pathlib import Path
import re
from typing import Any
import unicodedata

import cv2
import numpy as np

from jinpaint.data import files
from jinpaint.data.decoding import decode, Picture

_NAME_LENGTH = 120


@dataclasses.dataclass(frozen=True)
class Upload:
  """A picture that is kept on disk.

  Attributes:
    id: what the page calls it.
    folder: its own.
    name: what its file was called, as text; it is no path.
    suffix: of its format.
    height: of the upright picture.
    width: of the upright picture.
    channels: 1 to 4.
    bits: 8 or 16.
    kind: its format: 'JPEG'.
    note: what of the file is not kept.
  """

  id: str
  folder: Path
  name: str
  suffix: str
  height: int
  width: int
  channels: int
  bits: int
  kind: str
  note: str

  def described(self) -> dict[str, Any]:
    """Returns what the page is told of it."""
    return {'id': self.id, 'name': self.name, 'width': self.width,
            'height': self.height, 'channels': self.channels,
            'bits': self.bits, 'format': self.kind, 'note': self.note,
            'lossy': self.suffix in files.LOSSY}

  def picture(self) -> Picture:
    """Returns its pixels and metadata."""
    return picture_in(self.folder)


def picture_in(folder: Path) -> Picture:
  """Returns the picture that a folder keeps.

  The bytes of a file that somebody brought; of a result also its own pixels,
  which take the place of the file's.
  """
  picture = decode((folder / 'source').read_bytes())
  pixels = folder / 'pixels.npy'
  return (picture._replace(pixels=np.load(pixels)) if pixels.exists()
          else picture)


def keep_changed(source: Path, target: Path, pixels: np.ndarray) -> None:
  """Keeps a picture with other pixels in another folder."""
  target.mkdir(exist_ok=True)
  if not (target / 'source').exists():
    os.link(source / 'source', target / 'source')
  np.save(target / 'pixels.npy', pixels)


def link(source: Path, target: Path) -> None:
  """Keeps the picture of one folder in another one, too, at no cost."""
  target.mkdir(exist_ok=True)
  for name in ('source', 'pixels.npy'):
    if (source / name).exists():
      os.link(source / name, target / name)


def as_text(name: str) -> str:
  """Returns the name of a file as text that may be shown and saved under."""
  name = unicodedata.normalize('NFC', re.split(r'[/\\]', name)[-1])
  name = ''.join(letter for letter in name
                 if unicodedata.category(letter)[0] != 'C')
  return name.strip(' .')[-_NAME_LENGTH:] or 'picture'


def png(pixels: np.ndarray) -> bytes:
  """Returns a PNG file of 8 bits, for display."""
  if pixels.dtype == np.uint16:
    pixels = (pixels >> 8).astype(np.uint8)
  if pixels.shape[2:] == (2,):
    pixels = pixels[..., [0, 0, 0, 1]]
  if pixels.ndim == 3:
    pixels = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4
                          else cv2.COLOR_RGB2BGR)
  return cv2.imencode('.png', pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1]
                      )[1].tobytes()


def view(folder: Path) -> Path:
  """Returns the file that shows the picture of a folder."""
  path = folder / 'view.png'
  if not path.exists():
    files.write_atomically(path, png(picture_in(folder).pixels))
  return path
