"""What somebody meant who painted a mask: which part of it is the hole.

White on black is what jinpaint asks for. Editors make other masks easily: they
erase the hole, paint it into an empty layer, or paint it in red. Each of these
is recognised where there is one sensible reading, and refused where there are
two.
"""

import numpy as np

from jinpaint import errors
from jinpaint.data import files
from jinpaint.errors import UsageError

HOLES = ('auto', 'white', 'black', 'transparent')

# Channels that are further apart than this share of the range make a colour.
# JPEG's noise and the tints of paper do not.
_COLOUR = 0.25
# The share of coloured pixels that makes a mask coloured, and that of pixels
# that may be neither, such as those at the rim of a stroke.
_COLOURED, _RIM = 0.001, 0.01
_ALL_BUT_ALL = 0.7


def recognise(mask: np.ndarray, hole: str) -> tuple[np.ndarray, str, str]:
  """Finds out which part of a mask is the hole.

  Args:
    mask: as `jinpaint.data.files.Picture.pixels`.
    hole: 'white', 'black' or 'transparent', if somebody has said it; else
      'auto': white, unless the mask has transparent parts or colours.

  Returns:
    A mask and the colour of its holes, as `jinpaint.data.mask_files.binarise`
    takes them; and a note of what was understood, as a sentence, which is empty
    where it is what was asked for or white on black.

  Raises:
    UsageError: there is no such word; there are several readings; or nothing is
      transparent.
  """
  if hole not in HOLES:
    raise errors.unknown('colour of holes', hole, HOLES)
  colours, alpha = files.split_alpha(mask)
  if hole == 'transparent':
    if alpha is None:
      raise UsageError('it has no transparency')
    return np.iinfo(alpha.dtype).max - alpha, 'white', ''
  if hole != 'auto':
    return mask, hole, ''
  colours = np.atleast_3d(colours)
  if alpha is not None:
    opaque = alpha >= np.iinfo(alpha.dtype).max / 2
    if opaque.any() and not opaque.all():
      return _recognise_layer(mask, colours[opaque], opaque)
  return _recognise_colours(mask, colours)


def doubt(share: float, hole: str) -> str:
  """Returns a note if the share of holes in a mask is a strange one.

  Args:
    share: of hole pixels.
    hole: as `recognise` takes it.
  """
  if share == 0:
    return 'it marks no pixel, so nothing is filled'
  if share == 1:
    return 'it marks every pixel, so nothing is known'
  if hole == 'auto' and share > _ALL_BUT_ALL:
    return ('most of it is the hole; if black is meant to be, give '
            '--mask-hole=black')
  return ''


def _recognise_layer(mask: np.ndarray, colours: np.ndarray, opaque: np.ndarray
                     ) -> tuple[np.ndarray, str, str]:
  """Recognises the hole of a mask that is partly transparent.

  Args:
    mask: the mask.
    colours: of its opaque pixels, (N, C).
    opaque: (H, W) bool.
  """
  full = np.iinfo(mask.dtype).max
  erased = ~opaque * np.uint8(255), 'white', (
      'what is transparent is taken for the hole')
  spread = np.ptp(colours.astype(np.int32), axis=0).max()
  grey = colours.mean(axis=1) / full
  if spread > _COLOUR * full:
    # Of several colours: black and white, or else a picture.
    extreme = np.minimum(grey, 1 - grey) < _COLOUR / 2
    if not _has_colour(colours).any() and extreme.mean() > 1 - _RIM:
      return mask, 'white', (
          'what is white is taken for the hole, what is transparent for known')
    return erased
  painted = opaque * np.uint8(255), 'white', (
      'what is painted is taken for the hole, what is transparent for known')
  black = grey.mean() < 0.5 and not _has_colour(colours).any()
  if black and opaque.mean() > 0.5:
    return erased
  if black or opaque.mean() > 0.5:
    raise UsageError('it is partly transparent and has one colour elsewhere, '
                     f'on {opaque.mean():.0%} of it; either may be the hole, '
                     'give --mask-hole=transparent, white or black')
  return painted


def _recognise_colours(mask: np.ndarray, colours: np.ndarray
                       ) -> tuple[np.ndarray, str, str]:
  """Recognises the hole of an opaque mask; `colours` are (H, W, C)."""
  coloured = _has_colour(colours)
  if coloured.mean() <= _COLOURED:
    return mask, 'white', ''
  rest = colours[~coloured].mean(axis=1) if not coloured.all() else np.ones(1)
  if (rest < np.iinfo(mask.dtype).max / 2).mean() < 1 - _RIM:
    raise UsageError('it is neither white on black nor a colour on black; '
                     '--mask-hole=white or black cuts its brightness at half')
  return coloured * np.uint8(255), 'white', (
      'what is coloured is taken for the hole, black for known')


def _has_colour(colours: np.ndarray) -> np.ndarray:
  """Returns where colours (..., C) are not grey."""
  full = np.iinfo(colours.dtype).max
  return np.ptp(colours.astype(np.int32), axis=-1) > _COLOUR * full
