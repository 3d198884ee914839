"""Arrays, Pillow's images and files may be given, alone or in lists."""

import doctest
from pathlib import Path

import numpy as np
from PIL import Image
import pytest

import jinpaint
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.inference import Inpainter, inpainter
from jinpaint.stage import Sizes, Stage


@pytest.fixture(scope='module')
def negative():
  """An inpainter that fills with the negative of what is hidden."""
  stage = Stage({}, {}, (), ('image', 'mask', 'sketch'), Sizes(8), (),
                lambda nets, batch: {
                    'image': (1 - batch['image']) * (1 - batch['sketch'])})
  return Inpainter(stage, {})


def picture(*form, dtype=np.uint8):
  return np.random.default_rng(len(form)).integers(
      1, np.iinfo(dtype).max, (24, 30, *form)).astype(dtype)


HOLE = np.zeros((24, 30), bool)
HOLE[5:9, 3:] = True


def test_the_examples_of_the_documentation_are_right():
  results = doctest.testmod(inpainter, extraglobs={'jinpaint': jinpaint})
  assert results.attempted > 8
  assert results.failed == 0


@pytest.mark.parametrize(('mode', 'form', 'dtype'), [
    ('L', (), np.uint8), ('LA', (2,), np.uint8), ('RGB', (3,), np.uint8),
    ('RGBA', (4,), np.uint8), ('I;16', (), np.uint16)])
def test_what_pillow_opened_comes_back_as_such(negative, mode, form, dtype):
  image = picture(*form, dtype=dtype)
  given = Image.fromarray(image)
  given.info['dpi'] = (300, 300)
  filled = negative(given, Image.fromarray(HOLE))
  assert (filled.mode, filled.info) == (mode, {'dpi': (300, 300)})
  np.testing.assert_array_equal(np.asarray(filled), negative(image, HOLE))


def test_palettes_become_colours_and_other_modes_are_refused(negative):
  image = Image.fromarray(picture(3))
  palette = image.quantize(16)
  filled = np.asarray(negative(palette, HOLE))
  np.testing.assert_array_equal(
      filled[~HOLE], np.asarray(palette.convert('RGB'))[~HOLE])
  palette.info['transparency'] = 0
  assert negative(palette, HOLE).mode == 'RGBA'
  with pytest.raises(UsageError, match="mode CMYK; convert it to RGB first"):
    negative(image.convert('CMYK'), HOLE)


def test_files_are_read_as_the_commands_read_them(negative, tmp_path):
  image = picture(3, dtype=np.uint16)
  drawing = np.zeros_like(HOLE)
  drawing[6, 10:] = True
  for name, pixels in (('a.png', image), ('mask.png', HOLE * np.uint8(255)),
                       ('sketch.png', drawing * np.uint8(255))):
    files.write(tmp_path / name, files.Picture(pixels))
  expected = negative(image, HOLE, drawing)
  assert (expected[6, 10:] == 0).all()
  for kind in (str, Path):
    np.testing.assert_array_equal(expected, negative(*(
        kind(tmp_path / name) for name in ('a.png', 'mask.png',
                                           'sketch.png'))))
  with pytest.raises(UsageError, match='cannot read the image'):
    negative(tmp_path / 'b.png', HOLE)
  with pytest.raises(UsageError, match='cannot read the mask'):
    negative(image, tmp_path / 'b.png')


def test_what_was_understood_of_a_strange_mask_is_a_warning(negative):
  red = Image.fromarray(HOLE[..., None] * np.uint8([255, 0, 0]))
  with pytest.warns(UserWarning, match='colour'):
    filled = negative(picture(), red)
  np.testing.assert_array_equal(filled, negative(picture(), HOLE))
  soft = Image.fromarray(np.where(HOLE, 200, 20).astype(np.uint8))
  with pytest.warns(UserWarning, match='720 of 720 pixels of the mask'):
    filled = negative(picture(), soft)
  np.testing.assert_array_equal(filled, negative(picture(), HOLE))


def test_lists_share_a_mask_or_have_one_each(negative):
  images = [picture(3), Image.fromarray(picture(4))]
  filled = negative(images, HOLE)
  assert [type(one) for one in filled] == [np.ndarray, Image.Image]
  each = negative(tuple(images), [HOLE, ~HOLE], [None, HOLE])
  np.testing.assert_array_equal(each[0], filled[0])
  np.testing.assert_array_equal(np.asarray(each[1]),
                                negative(picture(4), ~HOLE, HOLE))
  with pytest.raises(ValueError, match='2 images and 3 masks; give one'):
    negative(images, [HOLE] * 3)
  assert negative([], HOLE) == []
