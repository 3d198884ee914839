"""Image files come back upright and whole, and are written whole or not."""

import io

import cv2
import numpy as np
from PIL import Image, ImageCms
import pytest

from jinpaint.data import files
from jinpaint.errors import RunError, UsageError

ORIENTATION = 0x112  # the EXIF tag
LOSSLESS = ('.png', '.webp', '.bmp', '.tif', '.tiff')
PILLOW = {'.jpg': 'JPEG', '.png': 'PNG', '.webp': 'WEBP', '.bmp': 'BMP',
          '.tif': 'TIFF'}
# Pillow's words for the pixels that a format holds, other than RGB.
MODES = {
    '.jpg': ('L', 'CMYK'), '.png': ('1', 'L', 'LA', 'P', 'RGBA', 'I;16'),
    '.webp': ('RGBA',), '.bmp': ('1', 'L', 'P', 'RGBA'),
    '.tif': ('1', 'L', 'LA', 'P', 'RGBA', 'CMYK', 'I;16')}


def photograph(height=40, width=64):
  """A smooth picture of which no turn, flip or channel looks like another."""
  y, x = np.mgrid[:height, :width]
  return np.stack([255 * x / width, 255 * y / height,
                   127 + 127 * np.sin(x * y / 400)], axis=2).astype(np.uint8)


def noise(*shape, dtype=np.uint8):
  return np.random.default_rng(0).integers(
      np.iinfo(dtype).max, size=shape, endpoint=True, dtype=dtype)


def save(path, pixels, **options):
  image = Image.fromarray(pixels)
  if 'orientation' in options:
    exif = Image.Exif()
    exif[ORIENTATION] = options.pop('orientation')
    options['exif'] = exif
  image.save(path, **options)
  return path


def profile(space='sRGB'):
  made = ImageCms.ImageCmsProfile(ImageCms.createProfile(space))
  return np.frombuffer(made.tobytes(), np.uint8)


# Reading


@pytest.mark.parametrize('suffix', sorted(files.SUFFIXES))
@pytest.mark.parametrize('change', [str.lower, str.upper, str.title])
def test_every_suffix_in_every_case_is_found_and_read(
    suffix, change, tmp_path):
  path = tmp_path / 'deep' / 'er' / f'photo{change(suffix)}'
  files.write(path, files.Picture(photograph()))
  assert files.names(tmp_path) == (f'deep/er/{path.name}',)
  # The best JPEG is off by a few grey levels.
  np.testing.assert_allclose(files.read_rgb(path), photograph(), atol=4)


@pytest.mark.filterwarnings('ignore:.*not images by their suffix')
def test_only_image_files_are_found_in_sorted_order(tmp_path):
  for name in ('b.png', 'a b/ü.JPG', 'a.png/c.tif', 'notes.txt', 'png'):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b'')
  (tmp_path / 'folder.png').mkdir()
  (tmp_path / 'link.png').symlink_to('b.png')
  (tmp_path / 'dangling.png').symlink_to('nowhere.png')
  (tmp_path / 'loop').symlink_to('.')
  assert files.names(tmp_path) == ('a b/ü.JPG', 'a.png/c.tif', 'b.png',
                                   'link.png')


def touch(*paths):
  for path in paths:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_hidden_files_and_folders_are_no_images(tmp_path, recwarn):
  root = tmp_path / '.hidden' / 'photos'  # what the user names is meant
  touch(root / 'a.png', root / '._a.png', root / '.DS_Store',
        root / '.ipynb_checkpoints' / 'a-checkpoint.png')
  assert files.names(root) == ('a.png',)
  assert not recwarn


def test_links_to_folders_are_followed_and_none_counts_twice(tmp_path):
  touch(tmp_path / 'elsewhere' / 'b.png', tmp_path / 'photos' / 'z' / 'a.png')
  for name, target in (('albums', '../elsewhere'), ('again', '../elsewhere'),
                       ('a', 'z'), ('z/round', '..'), ('self', 'self')):
    (tmp_path / 'photos' / name).symlink_to(target)
  assert files.names(tmp_path / 'photos') == ('again/b.png', 'z/a.png')


def test_a_folder_of_results_is_left_out_of_the_photographs(tmp_path):
  touch(tmp_path / 'a.png', tmp_path / 'out' / 'a.png')
  assert files.names(tmp_path) == ('a.png', 'out/a.png')
  assert files.names(tmp_path, without=(tmp_path / 'b/../out', None)) == (
      'a.png',)
  assert files.names(tmp_path / 'out', without=(tmp_path / 'out',)) == (
      'a.png',)


def test_what_is_left_out_for_its_suffix_is_named_in_one_line(tmp_path):
  touch(tmp_path / 'a.png', *(tmp_path / f'{i}.psd' for i in range(5)))
  with pytest.warns(UserWarning, match='not images by their suffix, and left '
                    r'out: 0\.psd, 1\.psd, 2\.psd and 2 more$') as warned:
    files.names(tmp_path)
  assert len(warned) == 1


@pytest.mark.parametrize(('suffix', 'channels'), [
    (suffix, channels) for suffix in ('.jpg', '.png', '.webp', '.tif')
    for channels in ('L', 'RGB', 'RGBA') if (suffix, channels) != (
        '.jpg', 'RGBA')])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_photograph_is_upright_by_its_exif_orientation(
    suffix, channels, orientation, tmp_path):
  upright = np.asarray(Image.fromarray(photograph()).convert(channels))
  if channels == 'RGBA':
    upright = np.dstack([upright[..., :3], noise(40, 64)])
  # What the camera stores, by the standard's words for rows and columns.
  stored = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1],
            4: upright[::-1], 5: upright.swapaxes(0, 1),
            6: np.rot90(upright), 7: np.rot90(upright, 2).swapaxes(0, 1),
            8: np.rot90(upright, -1)}[orientation]
  path = tmp_path / f'camera{suffix}'
  options = {'.jpg': {'quality': 100, 'subsampling': 0},
             '.webp': {'lossless': True, 'exact': True}}.get(suffix, {})
  save(path, np.ascontiguousarray(stored), orientation=orientation, **options)
  atol = 4 if suffix == '.jpg' else 0
  rgb = np.asarray(Image.fromarray(photograph()).convert(
      channels).convert('RGB')) if channels == 'L' else upright[..., :3]
  np.testing.assert_allclose(files.read_rgb(path), rgb, atol=atol)
  kept = files.read(path).pixels
  np.testing.assert_allclose(
      kept, rgb if channels == 'L' and suffix == '.webp' else upright,
      atol=atol)


def test_broken_exif_is_no_reason_to_refuse_a_photograph(tmp_path):
  for exif in (b'Exif\0\0MM\0*\xff\xff\xff\xff', b'Exif\0\0II*\0\x08\0\0\0\xff',
               b'Exif\0\0nonsense'):
    path = tmp_path / 'photo.jpg'
    Image.fromarray(photograph()).save(path, exif=exif)
    assert files.read_rgb(path).shape == (40, 64, 3)


@pytest.mark.parametrize(('suffix', 'mode'), [
    (suffix, mode) for suffix, modes in MODES.items() for mode in modes])
def test_every_kind_of_pixel_becomes_8_bit_rgb(suffix, mode, tmp_path):
  path = tmp_path / f'photo{suffix}'
  if mode == 'I;16':
    grey = photograph()[..., 0]
    Image.fromarray(grey.astype(np.uint16) * 257).save(path)
    expected = np.dstack([grey, grey, grey])
  else:
    Image.fromarray(photograph()).convert(mode).save(path)
    expected = np.asarray(Image.open(path).convert('RGB'))
  read = files.read_rgb(path)
  assert read.dtype == np.uint8
  # Ink to light is a matter of rounding.
  np.testing.assert_allclose(read, expected, atol=3 if mode == 'CMYK' else 0)


def test_alpha_does_not_darken_colours(tmp_path):
  # libtiff multiplies by alpha when it is asked for 8-bit RGBA.
  rgba = np.dstack([photograph(), np.full((40, 64), 100, np.uint8)])
  rgba[:20, :, 3] = 0
  for suffix in ('.png', '.tif', '.bmp'):
    path = save(tmp_path / f'a{suffix}', rgba)
    np.testing.assert_array_equal(files.read_rgb(path), photograph())
    if suffix != '.bmp':
      np.testing.assert_array_equal(files.read(path).pixels, rgba)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_grey_with_alpha_stays_grey_with_alpha(suffix, dtype, tmp_path):
  grey = noise(5, 7, 2, dtype=dtype)
  files.write(tmp_path / f'a{suffix}', files.Picture(grey))
  read = files.read(tmp_path / f'a{suffix}').pixels
  if (suffix, dtype) == ('.png', np.uint16):  # OpenCV writes it as RGBA
    read = read[..., ::3]
  np.testing.assert_array_equal(read, grey)


def test_depth_and_channels_are_kept(tmp_path):
  cases = {'grey.jpg': noise(5, 7), 'grey.png': noise(5, 7, dtype=np.uint16),
           'rgb.png': noise(5, 7, 3), 'rgba.png': noise(5, 7, 4)}
  for name, pixels in cases.items():
    if name == 'rgb.png':
      save(tmp_path / name, pixels)
    else:
      files.write(tmp_path / name, files.Picture(pixels))
    read = files.read(tmp_path / name).pixels
    assert (read.shape, read.dtype) == (pixels.shape, pixels.dtype)
  np.testing.assert_array_equal(files.read(tmp_path / 'rgb.png').pixels,
                                cases['rgb.png'])


def encoded(name):
  pixels = cv2.GaussianBlur(noise(64, 80, 3), (0, 0), 1)
  options = {'progressive.jpg': {'progressive': True},
             'lossless.webp': {'lossless': True},
             'lzw.tif': {'compression': 'tiff_lzw'}}.get(name, {})
  image = Image.fromarray(pixels)
  if name == 'palette.png':
    image = image.convert('P')
  if name == 'alpha.png':
    image.putalpha(100)
  stream = io.BytesIO()
  image.save(stream, PILLOW['.' + name.split('.')[1]], **options)
  return stream.getvalue()


@pytest.mark.parametrize('name', [
    'plain.jpg', 'progressive.jpg', 'plain.png', 'palette.png', 'alpha.png',
    'plain.webp', 'lossless.webp', 'plain.bmp', 'plain.tif', 'lzw.tif'])
def test_a_file_that_was_cut_off_is_unreadable_wherever_the_cut(
    name, tmp_path):
  whole, path = encoded(name), tmp_path / name
  path.write_bytes(whole)
  assert files.read_rgb(path).shape == (64, 80, 3)
  ends = {0, 1, 8, 100, len(whole) // 4, len(whole) // 2,
          9 * len(whole) // 10, len(whole) - 8, len(whole) - 2, len(whole) - 1}
  for end in sorted(ends):
    path.write_bytes(whole[:end])
    for read in (files.read, files.read_rgb):
      with pytest.raises(files.UnreadableImage) as caught:
        read(path)
      assert str(path) in str(caught.value)
      assert '\n' not in str(caught.value)


def test_what_is_no_image_is_unreadable_and_named(tmp_path):
  Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / 'floats.tif')
  (tmp_path / 'text.png').write_text('hello')
  # Decodes, says its header, to 10 gigapixels.
  (tmp_path / 'huge.png').write_bytes(b'P5 100000 100000 255 ' + bytes(99))
  (tmp_path / 'folder.png').mkdir()
  for name in ('floats.tif', 'text.png', 'huge.png', 'folder.png', 'none.png'):
    with pytest.raises(files.UnreadableImage, match=name):
      files.read_rgb(tmp_path / name)


# Writing


@pytest.mark.parametrize('suffix', LOSSLESS)
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('channels', [(), (3,), (4,)])
def test_lossless_formats_give_every_bit_back(
    suffix, dtype, channels, tmp_path):
  path = tmp_path / f'photo{suffix}'
  pixels = noise(13, 17, *channels, dtype=dtype)
  if channels == (4,):
    pixels[:5, :, 3] = 0  # what transparency hides is kept, too
  if dtype == np.uint16 and suffix in ('.webp', '.bmp'):
    with pytest.raises(UsageError, match=r'16 bits; name the output \.png'):
      files.write(path, files.Picture(pixels))
    assert not list(tmp_path.iterdir())
    return
  files.write(path, files.Picture(pixels))
  if suffix == '.webp' and not channels:  # it knows no grey
    pixels = np.repeat(pixels[..., None], 3, axis=2)
  read = files.read(path).pixels
  np.testing.assert_array_equal(read, pixels)
  assert read.dtype == dtype
  if suffix != '.tiff' and dtype == np.uint8:  # another library's opinion
    np.testing.assert_array_equal(np.asarray(Image.open(path)), pixels)


@pytest.mark.parametrize(('suffix', 'channels'), [
    ('.jpg', 3), ('.png', 3), ('.png', 4), ('.webp', 3), ('.webp', 4),
    ('.tif', 3), ('.avif', 3)])
def test_a_colour_profile_is_kept(suffix, channels, tmp_path):
  source = save(tmp_path / f'in{suffix}', noise(8, 8, channels),
                icc_profile=profile().tobytes())
  picture = files.read(source)
  assert picture.metadata['icc_profile'] == profile().tobytes()
  files.write(tmp_path / f'out{suffix}', picture)
  kept = Image.open(tmp_path / f'out{suffix}').info['icc_profile']
  assert kept == profile().tobytes()


def test_a_profile_that_no_longer_fits_is_dropped(tmp_path):
  # A profile of RGB says nothing about grey.
  Image.fromarray(photograph()).convert('L').save(
      tmp_path / 'grey.jpg', icc_profile=profile().tobytes())
  assert 'icc_profile' not in files.read(tmp_path / 'grey.jpg').metadata


@pytest.mark.parametrize('suffix', ['.jpg', '.JPEG'])
def test_jpeg_of_what_it_cannot_hold_is_refused(suffix, tmp_path):
  for picture in (files.Picture(noise(8, 8, 4)), files.Picture(noise(8, 8, 2)),
                  files.Picture(noise(8, 8, 3, dtype=np.uint16))):
    with pytest.raises(UsageError, match=r'name the output \.png'):
      files.write(tmp_path / f'photo{suffix}', picture)
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('suffix', 'side'), [
    ('.webp', 16384), ('.jpg', 65501), ('.avif', 65537)])
def test_a_side_that_is_too_long_is_refused_before_it_is_filled(
    suffix, side, tmp_path):
  picture = files.Picture(np.zeros((1, side, 3), np.uint8))
  with pytest.raises(UsageError, match=r'pixels a side; name the output \.png'):
    files.check_holds(tmp_path / f'a{suffix}', picture)


def test_an_unknown_format_is_refused(tmp_path):
  for name in ('photo.gif', 'photo', 'photo.png.txt'):
    with pytest.raises(UsageError, match=r'its suffix is none of \.avif'):
      files.write(tmp_path / name, files.Picture(noise(8, 8)))
  assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file_and_no_part(tmp_path, monkeypatch):
  path = tmp_path / 'photo.png'
  path.write_bytes(b'old')

  def full(part, path):
    raise OSError(28, 'No space left on device')
  monkeypatch.setattr(files.os, 'replace', full)
  with pytest.raises(RunError, match=r'photo\.png: No space left on'):
    files.write(path, files.Picture(noise(8, 8)))
  assert [p.name for p in tmp_path.iterdir()] == ['photo.png']
  assert path.read_bytes() == b'old'


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
  path = tmp_path / f'{"ü" * 125}.png'  # 254 bytes
  files.write(path, files.Picture(noise(8, 8)))
  assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path):
  (tmp_path / 'file').write_text('')
  (tmp_path / 'folder.png').mkdir()
  for name in ('file/photo.png', 'file/deeper/photo.png', 'folder.png'):
    with pytest.raises(UsageError, match=f'cannot write .*{name}'):
      files.write(tmp_path / name, files.Picture(noise(8, 8)))
  assert {p.name for p in tmp_path.iterdir()} == {'file', 'folder.png'}


def test_folders_are_made_and_files_replaced(tmp_path):
  path = tmp_path / 'a' / 'b' / 'photo.png'
  for pixels in (noise(8, 8, 3), photograph()):
    files.write(path, files.Picture(pixels))
    np.testing.assert_array_equal(files.read_rgb(path), pixels)
  assert [p.name for p in path.parent.iterdir()] == ['photo.png']
