"""How black and white is read: grey, alpha, JPEG, as ISNet's authors did."""

import cv2
import numpy as np
import pytest

from jinpaint.data import mask_drawings, mask_files, masks
from jinpaint.errors import UsageError


def rng(*key):
  return np.random.default_rng([20, *key])


def write(path, pixels):
  path.parent.mkdir(parents=True, exist_ok=True)
  assert cv2.imwrite(str(path), pixels)
  return path


# Grey masks.


@pytest.mark.parametrize(('values', 'dtype', 'holes', 'grey'), [
    ([0, 1, 127, 128, 254, 255], np.uint8, [0, 0, 0, 1, 1, 1], 4),
    ([0, 255, 0, 255], np.uint8, [0, 1, 0, 1], 0),
    ([0, 1, 1, 0], np.uint8, [0, 1, 1, 0], 0),
    ([0, 0], np.uint8, [0, 0], 0),
    ([0, 128, 255, 32767, 32768, 65535], np.uint16, [0, 0, 0, 0, 1, 1], 4),
    ([0, 1], np.uint16, [0, 1], 0),
    ([False, True], bool, [0, 1], 0),
    ([0, .49, .51, 1], np.float32, [0, 0, 1, 1], 2),
    ([0, .003, 1], np.float64, [0, 0, 1], 1),
])
def test_a_mask_is_cut_at_half_and_its_grey_pixels_are_counted(
    values, dtype, holes, grey):
  mask = np.asarray([values], dtype)
  for shaped in (mask, mask[..., None], np.stack([mask] * 3, -1)):
    found, count = mask_files.binarise(shaped)
    np.testing.assert_array_equal(found, [holes])
    assert found.dtype == np.uint8
    assert count == grey
    inverted, count = mask_files.binarise(shaped, hole='black')
    np.testing.assert_array_equal(inverted, [[1 - hole for hole in holes]])
    assert count == grey


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_where_alpha_is_0_is_no_hole(dtype):
  full = np.iinfo(dtype).max
  for hole, colour in (('white', full), ('black', 0)):
    for channels in (2, 4):
      mask = np.full((1, 3, channels), colour, dtype)
      mask[..., -1] = 0, full, full // 3
      found, grey = mask_files.binarise(mask, hole=hole)
      np.testing.assert_array_equal(found, [[0, 1, 0]])
      assert grey == 1
  label = np.asarray([[[0, 0, 0, full], [1, 1, 1, full]]], dtype)
  np.testing.assert_array_equal(mask_files.binarise(label)[0], [[0, 1]])


def test_a_coloured_pixel_is_grey():
  mask = np.asarray([[[255, 0, 0], [255, 255, 255], [0, 0, 0]]], np.uint8)
  found, grey = mask_files.binarise(mask)
  np.testing.assert_array_equal(found, [[0, 1, 0]])
  assert grey == 1


@pytest.mark.parametrize(('mask', 'says'), [
    (np.zeros((4, 4, 5), np.uint8), r'\(4, 4, 5\)'),
    (np.zeros(4, np.uint8), r'\(4,\)'),
    (np.zeros((1, 4, 4, 1), np.uint8), r'\(1, 4, 4, 1\)'),
    (np.zeros((0, 4), np.uint8), r'\(0, 4\)'),
    (np.zeros((4, 4), np.int64), 'int64'),
    (np.full((4, 4), 255.), '255'),
    (np.full((4, 4), -.5), '-0.5'),
    (np.full((4, 4), np.nan), 'nan')])
def test_what_is_no_mask_is_refused(mask, says):
  with pytest.raises(UsageError, match=says):
    mask_files.binarise(mask)


def test_an_unknown_colour_of_holes_names_the_nearest():
  with pytest.raises(UsageError, match='did you mean "black"'):
    mask_files.binarise(np.zeros((2, 2), np.uint8), hole='blak')
  with pytest.raises(UsageError, match='did you mean "white"'):
    masks.parse('lines', hole='whit')


# One file.


@pytest.mark.parametrize('suffix', ['png', 'PNG', 'bmp', 'tif', 'TIFF', 'webp'])
def test_a_black_and_white_file_is_read_without_a_warning(
    tmp_path, recwarn, suffix):
  mask = mask_drawings.half(rng(), 16, 32)
  path = write(tmp_path / f'mask.{suffix}', np.zeros((16, 32), np.uint8))
  if suffix == 'webp':
    cv2.imwrite(str(path), mask * 255, [cv2.IMWRITE_WEBP_QUALITY, 101])
  else:
    write(path, mask * 255)
  for given in (path, str(path)):
    np.testing.assert_array_equal(mask_files.read(given, strict=True), mask)
    np.testing.assert_array_equal(
        mask_files.read(given, hole='black'), 1 - mask)
  assert not recwarn


def test_grey_pixels_in_a_file_are_counted_in_one_warning(tmp_path):
  path = write(tmp_path / 'm.png',
               np.asarray([[0, 1, 127, 128, 254, 255]], np.uint8))
  with pytest.warns(UserWarning, match='4 of 6 pixels.*m.png') as warned:
    mask = mask_files.read(path)
  assert len(warned) == 1
  assert '\n' not in str(warned[0].message)
  np.testing.assert_array_equal(mask, [[0, 0, 0, 1, 1, 1]])
  with pytest.raises(UsageError, match='4 of 6 pixels'):
    mask_files.read(path, strict=True)


def test_jpeg_noise_neither_grows_nor_shrinks_a_hole(tmp_path):
  clean = mask_drawings.lines(rng(1), 128, 128)
  for hole, mask in (('white', clean), ('black', 1 - clean)):
    path = tmp_path / 'mask.jpg'
    cv2.imwrite(str(path), mask * 255, [cv2.IMWRITE_JPEG_QUALITY, 75])
    with pytest.warns(UserWarning, match='grey'):
      read = mask_files.read(path, hole=hole)
    assert (read != clean).mean() < .01
    # Not a matter of course: "more than 0" makes much of it a hole.
    raw = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert ((raw > 0) != mask).mean() > .02


def test_16_bits_are_cut_at_half_of_their_range(tmp_path):
  values = np.asarray([[0, 255, 32767, 32768, 65535]], np.uint16)
  with pytest.warns(UserWarning, match='3 of 5'):
    mask = mask_files.read(write(tmp_path / 'm.png', values))
  np.testing.assert_array_equal(mask, [[0, 0, 0, 1, 1]])


def test_a_painted_layer_is_a_mask(tmp_path):
  # As drawing programs save it: white on transparent white.
  layer = np.full((4, 4, 4), 255, np.uint8)
  layer[:2, :, 3] = 0
  mask = mask_files.read(write(tmp_path / 'layer.png', layer), strict=True)
  np.testing.assert_array_equal(mask, [[0] * 4] * 2 + [[1] * 4] * 2)


def test_a_broken_file_is_named(tmp_path):
  whole = write(tmp_path / 'whole.png', np.eye(64, dtype=np.uint8))
  cut = tmp_path / 'cut.png'
  cut.write_bytes(whole.read_bytes()[:40])
  (tmp_path / 'empty.png').touch()
  for name in ('cut.png', 'empty.png', 'missing.png'):
    with pytest.raises(UsageError, match=name) as raised:
      mask_files.read(tmp_path / name)
    assert '\n' not in str(raised.value)
  with pytest.raises(UsageError, match=r'cut\.png'):
    masks.parse(f'files:{cut}')(rng(), 8, 8)


# As ISNet's authors had them.


def isnet_masks():
  """Clean masks of 512 px, as files of the irregular masks are."""
  return [mask_drawings.lines(rng(i), 512, 512, count=(5, 15),
                              thickness=(24, 44)) for i in range(12)]


@pytest.mark.parametrize('hole', mask_files.HOLES)
def test_isnet_takes_a_pixel_for_a_hole_if_it_sees_nothing_known(
    tmp_path, hole):
  mask = isnet_masks()[0]
  path = write(tmp_path / 'm.png',
               255 * (mask if hole == 'white' else 1 - mask))
  found = masks.parse(f'files:{path}', hole=hole, reading='isnet')(
      rng(), 256, 256)
  # Halving by the triangle filter, a pixel sees 4 x 4 of the file's.
  known = np.pad(1 - mask, 1)
  seen = sum(known[i:i + 512:2, j:j + 512:2] for i in range(4)
             for j in range(4))
  np.testing.assert_array_equal(found, seen == 0)
  assert 0 < found.sum() < masks.parse(f'files:{path}', hole=hole)(
      rng(), 256, 256).sum()


@pytest.mark.parametrize(('quality', 'expected'), [
    # Share of the clean hole's area that the authors' code left of strokes as
    # wide as these.
    (75, 0.75), (95, 0.81), (0, 0.91)])
def test_isnet_s_jpeg_masks_have_smaller_holes(quality, expected):
  clean = isnet_masks()
  found = [mask_files.as_isnet_reads(255 * mask, 256, 256, jpeg=quality)[0]
           for mask in clean]
  assert np.mean(found) / np.mean(clean) == pytest.approx(expected, abs=0.02)


def test_isnet_s_masks_are_sorted_by_the_zeros_of_their_file(tmp_path):
  mask = isnet_masks()[3]
  write(tmp_path / 'm.png', 255 * mask)
  share = mask.mean()
  maker = lambda low, high: masks.parse(
      f'files:{tmp_path}', reading='isnet', ratio=(low, high))
  assert maker(share - .001, share + .001)(
      rng(), 256, 256).mean() < share - .001
  with pytest.raises(UsageError, match=r'no mask in .* has a hole ratio'):
    maker(0, share - .001)(rng(), 256, 256)
  _, sorted_by = mask_files.as_isnet_reads(255 * mask, 256, 256, jpeg=75)
  assert 0.8 * share < sorted_by < share


def test_isnet_crops_masks_that_are_not_square():
  wide = np.zeros((64, 96), np.uint8)
  wide[:, 16:24], wide[:, :16] = 255, 255
  found, _ = mask_files.as_isnet_reads(wide, 64, 64)
  np.testing.assert_array_equal(found[0], np.arange(64) < 8)
  np.testing.assert_array_equal(
      mask_files.as_isnet_reads(wide.T, 64, 64)[0], found.T)


@pytest.mark.parametrize(('reading', 'says'), [
    ('isnet:jpeg=0', 'cannot read "jpeg=0" .* write jpeg=75 (1 to 100)'),
    ('isnet:jpeg=101', 'cannot read "jpeg=101" .* write jpeg=75 (1 to 100)'),
    ('isnet:jpeg', 'cannot read "jpeg=" .* write jpeg=75 (1 to 100)'),
    ('isnet:png=3', 'unknown option of isnet "png"; did you mean "jpeg"?'),
    ('clean:x', 'cannot read the reading of mask files "clean:x"; nothing may '
     'follow "clean"'),
    ('isnt', 'unknown kind of reading of mask files "isnt"; did you mean '
     '"isnet"?')])
def test_a_reading_that_is_misspelt_is_one_clear_line(reading, says):
  before, _, after = says.partition(' .* ')
  with pytest.raises(UsageError) as raised:
    masks.parse('lines', reading=reading)
  assert str(raised.value).startswith(before)
  assert str(raised.value).endswith(after)
  assert '\n' not in str(raised.value)


def test_soft_masks_stay_soft(tmp_path):
  write(tmp_path / 'a.png', np.uint8(255 * (np.indices((8, 8))[1] < 3)))
  made = masks.parse(f'files:{tmp_path}', reading='soft')(rng(), 4, 4)
  np.testing.assert_allclose(made, np.tile([1, 0.5, 0, 0], (4, 1)), atol=1e-6)
  assert made.dtype == np.float32
