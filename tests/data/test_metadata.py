"""What a file says about its picture is in the result as well."""

import io

import numpy as np
from PIL import Image, ImageCms, JpegImagePlugin
import pytest
from skimage import data
import tifffile

from jinpaint.data import files
from jinpaint.data.decoding import decode
from jinpaint.data.encoding import encode

ORIENTATION, ARTIST, MAKE, EXIF, EXPOSURE, GPS, LATITUDE = (
    0x112, 0x13b, 0x10f, 0x8769, 0x829a, 0x8825, 2)


@pytest.fixture(scope='module')
def photograph():
  return data.astronaut()[:200, :301]


def camera(orientation=1):
  exif = Image.Exif()
  exif[ORIENTATION], exif[ARTIST], exif[MAKE] = orientation, 'Ada', 'Camera'
  exif[EXIF] = {EXPOSURE: 0.004}
  exif[GPS] = {LATITUDE: (52.0, 31.0, 0.0)}
  return exif


def saved(pixels, kind, **options):
  stream = io.BytesIO()
  Image.fromarray(pixels).save(stream, kind, **options)
  return stream.getvalue()


def filled(encoded, suffix):
  """A file as it comes back when some of its pixels were filled."""
  picture = decode(encoded)
  pixels = picture.pixels.copy()
  pixels[50:90, 60:120] = pixels[50:90, 60:120] // 2
  return Image.open(io.BytesIO(encode(
      suffix, picture._replace(pixels=pixels))))


@pytest.mark.parametrize(('kind', 'suffix'), [
    ('JPEG', '.jpg'), ('PNG', '.png'), ('WEBP', '.webp'), ('TIFF', '.tif'),
    ('AVIF', '.avif'), ('JPEG', '.png')])
def test_exif_is_kept_and_the_orientation_is_done(kind, suffix, photograph):
  result = filled(saved(
      photograph, kind, exif=camera(orientation=6).tobytes()), suffix)
  assert result.size == (200, 301)
  exif = result.getexif()
  assert exif.get(ORIENTATION, 1) == 1
  assert (exif[ARTIST], exif[MAKE]) == ('Ada', 'Camera')
  assert float(exif.get_ifd(EXIF)[EXPOSURE]) == pytest.approx(0.004)
  assert exif.get_ifd(GPS)[LATITUDE] == (52.0, 31.0, 0.0)


def test_a_thumbnail_would_show_what_was_removed(photograph):
  # Pillow writes none, so this EXIF is put together by hand: an empty directory
  # and a second one, which has a thumbnail.
  thumbnail = saved(photograph[::8, ::8], 'JPEG')
  tag = lambda number, value: (
      number.to_bytes(2, 'little') + b'\4\0\1\0\0\0'
      + value.to_bytes(4, 'little'))
  exif = (b'Exif\0\0II*\0\x08\0\0\0' + b'\1\0' + tag(0x100, 7)
          + (26).to_bytes(4, 'little') + b'\2\0' + tag(0x201, 56)
          + tag(0x202, len(thumbnail)) + bytes(4) + thumbnail)
  encoded = saved(photograph, 'JPEG', exif=exif)
  assert thumbnail in encoded
  kept = encode('.jpg', decode(encoded))
  assert Image.open(io.BytesIO(kept)).getexif()[0x100] == 7
  assert thumbnail not in kept


@pytest.mark.parametrize(('kind', 'suffix'), [
    ('JPEG', '.jpg'), ('PNG', '.png'), ('TIFF', '.tif'), ('BMP', '.bmp'),
    ('JPEG', '.png')])
def test_the_resolution_is_kept(kind, suffix, photograph):
  result = filled(saved(photograph, kind, dpi=(300, 150)), suffix)
  assert result.info['dpi'] == pytest.approx((300, 150), abs=0.1)


def test_a_resolution_that_is_none_is_no_reason_to_refuse(photograph):
  stream = io.BytesIO()
  tifffile.imwrite(stream, photograph, photometric='rgb', metadata=None,
                   resolution=(0, 0), resolutionunit='INCH')
  for suffix in ('.tif', '.png', '.jpg'):
    assert filled(stream.getvalue(), suffix).size == (301, 200)


CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('channels', [(), (3,), (4,)])
def test_a_png_keeps_what_its_colours_mean(channels, dtype):
  profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
  exif = camera()
  given = {'gamma': 0.45455, 'chromaticity': CHROMATICITY, 'dpi': (300, 300),
           'exif': exif.tobytes()}
  if channels:
    given['icc_profile'] = profile
  pixels = np.random.default_rng(0).integers(
      np.iinfo(dtype).max, size=(9, 8, *channels), dtype=dtype)
  first = encode('.png', files.Picture(pixels, given))
  # Twice: what is written is what is read.
  picture = decode(encode('.png', decode(first)))
  np.testing.assert_array_equal(picture.pixels, pixels)
  found = Image.open(io.BytesIO(encode('.png', picture)))
  assert found.info['gamma'] == 0.45455
  assert found.info['chromaticity'] == pytest.approx(CHROMATICITY)
  assert found.info['dpi'] == pytest.approx((300, 300), abs=0.1)
  assert found.getexif()[ARTIST] == 'Ada'
  assert found.info.get('icc_profile') == (profile if channels else None)


def test_a_png_keeps_that_it_is_srgb():
  for intent in range(4):
    picture = files.Picture(np.zeros((3, 3, 3), np.uint8), {'srgb': intent})
    assert decode(encode('.png', picture)).metadata['srgb'] == intent


def test_a_tiff_of_16_bits_keeps_profile_resolution_and_author():
  profile = ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes()
  stream = io.BytesIO()
  tifffile.imwrite(
      stream, np.zeros((9, 8, 3), np.uint16), photometric='rgb', metadata=None,
      resolution=(300, 150), resolutionunit='INCH', iccprofile=profile,
      extratags=[(ARTIST, 's', 0, 'Ada', True)])
  result = encode('.tif', decode(stream.getvalue()))
  page = tifffile.TiffFile(io.BytesIO(result)).pages.first
  assert page.iccprofile == profile
  assert page.get_resolution(tifffile.RESUNIT.INCH) == (300, 150)
  assert page.tags[ARTIST].value == 'Ada'


@pytest.mark.parametrize('quality', [30, 75, 95])
@pytest.mark.parametrize('subsampling', [0, 1, 2])
@pytest.mark.parametrize('progressive', [False, True])
def test_a_jpeg_stays_as_large_and_as_good_as_it_was(
    progressive, subsampling, quality, photograph):
  encoded = saved(photograph, 'JPEG', quality=quality, subsampling=subsampling,
                  progressive=progressive)
  before, result = Image.open(io.BytesIO(encoded)), filled(encoded, '.jpg')
  assert result.quantization == before.quantization
  assert JpegImagePlugin.get_sampling(result) == subsampling
  assert bool(result.info.get('progressive')) == progressive
  assert result.fp.seek(0, 2) < 1.1 * len(encoded)
  known = np.s_[:, 140:]
  np.testing.assert_allclose(np.asarray(result)[known].astype(int),
                             np.asarray(before)[known], atol=32)
  assert np.abs(np.asarray(result)[known].astype(int)
                - np.asarray(before)[known]).mean() < 0.7


def test_a_grey_jpeg_stays_grey(photograph):
  encoded = saved(photograph[..., 0], 'JPEG', quality=60)
  result = filled(encoded, '.jpeg')
  assert result.mode == 'L'
  assert result.quantization == Image.open(io.BytesIO(encoded)).quantization


def test_a_jpeg_of_something_else_has_the_best_quality(photograph):
  result = filled(saved(photograph, 'PNG'), '.jfif')
  assert max(result.quantization[0]) == 1
  assert JpegImagePlugin.get_sampling(result) == 0


def test_a_large_profile_fits_into_a_jpeg(photograph):
  profile = bytearray(ImageCms.ImageCmsProfile(
      ImageCms.createProfile('sRGB')).tobytes())
  profile += bytes(100_000)
  result = filled(saved(photograph, 'PNG', icc_profile=bytes(profile)), '.jpg')
  assert result.info['icc_profile'] == bytes(profile)
