"""Masks, sketches and edge maps: drawn in the page, or brought as files."""

from pathlib import Path

import numpy as np
from starlette.exceptions import HTTPException

from jinpaint.app import headers
from jinpaint.data import mask_files, mask_recognition
from jinpaint.data.decoding import decode, Undecodable
from jinpaint.errors import UsageError


def read(path: Path, what: str, size: tuple[int, int], *, soft: bool = False
         ) -> np.ndarray:
  """Returns what was drawn in the page, (H, W) uint8, 255 = drawn.

  Args:
    path: a PNG file, grey or of equal channels, opaque, in pixels of the image.
    what: what errors call it: 'mask'.
    size: height and width of the image.
    soft: whether it may have values other than 0 and 255.

  Raises:
    HTTPException: 400, it is something else.
  """
  height, width = size
  try:
    if headers.read(path, height * width).kind != 'PNG':
      raise HTTPException(400, f'the {what} is no PNG file')
    pixels = decode(path.read_bytes()).pixels
  except (headers.TooLarge, Undecodable) as error:
    raise HTTPException(400, f'the {what}: {error}') from error
  if pixels.shape[:2] != size:
    raise HTTPException(400, f'the {what} is {_size(pixels.shape)}, its '
                        f'picture {_size(size)}')
  layers = np.atleast_3d(pixels)
  if layers.shape[2] in (2, 4):
    if (layers[..., -1] != 255).any():
      raise HTTPException(400, f'the {what} is transparent somewhere')
    layers = layers[..., :-1]
  drawn = layers[..., 0]
  if pixels.dtype != np.uint8 or (layers != drawn[..., None]).any() or not (
      soft or np.isin(drawn, (0, 255)).all()):
    raise HTTPException(400, f'the {what} has other values than black and '
                        'white')
  return np.ascontiguousarray(drawn)


def read_as_meant(path: Path, what: str, hole: str, size: tuple[int, int],
                  most_pixels: int) -> tuple[np.ndarray, str]:
  """Returns a mask or a sketch in a file, however it was made.

  Args:
    path: the file.
    what: 'mask' or 'sketch'.
    hole: which part of a mask is the hole, one of `mask_recognition.HOLES`.
    size: height and width of the image.
    most_pixels: that the file may have.

  Returns:
    What is drawn, (H, W) uint8, 255 = drawn; and what was understood.

  Raises:
    HTTPException: it is no image, too large, of another size, or may be
      understood in several ways.
  """
  try:
    headers.read(path, most_pixels)
    pixels = decode(path.read_bytes()).pixels
    painted, colour, note = (
        mask_recognition.recognise(pixels, hole) if what == 'mask' else
        (pixels, 'white', ''))
    drawn, grey = mask_files.binarise(painted, hole=colour)
  except headers.TooLarge as error:
    raise HTTPException(413, f'the {what}: {error}') from error
  except Undecodable as error:
    raise HTTPException(415, f'the {what}: {error}') from error
  except UsageError as error:
    line = str(error).replace('--mask-hole=', 'hole=')
    raise HTTPException(400, f'the {what}: {line}') from error
  if drawn.shape != size:
    raise HTTPException(400, f'the {what} is {_size(drawn.shape)}, its '
                        f'picture {_size(size)}; they must have one size')
  notes = [note, mask_recognition.doubt(float(drawn.mean()), 'white'),
           f'{grey} grey pixels are cut at half' if grey else '']
  return drawn * np.uint8(255), '; '.join(filter(None, notes))


def _size(shape: tuple[int, ...]) -> str:
  """Returns a size as people say it."""
  return f'{shape[1]} x {shape[0]}'
