"""However a file stores its pixels, they come back as others read them."""

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image, ImageCms
import pytest
import tifffile

from jinpaint.data import decoding, encoding


def noise(*shape, dtype=np.uint8):
  return np.random.default_rng(0).integers(
      np.iinfo(dtype).max, size=shape, endpoint=True, dtype=dtype)


def smooth(*channels):
  return cv2.GaussianBlur(noise(40, 60, *channels), (0, 0), 3)


def decoded(encoded):
  return decoding.decode(encoded).pixels


def saved(image, kind, **options):
  """The bytes that Pillow makes of an image."""
  stream = io.BytesIO()
  image.save(stream, kind, **options)
  return stream.getvalue()


def tiff(pixels, **options):
  """The bytes that tifffile makes of an array."""
  stream = io.BytesIO()
  tifffile.imwrite(stream, pixels, metadata=None, **options)
  return stream.getvalue()


def chunk(name, data):
  return (struct.pack('>I', len(data)) + name + data
          + struct.pack('>I', zlib.crc32(name + data)))


def png(bits, kind, width, rows, *chunks):
  """The bytes of a PNG file, by the standard's own words."""
  return b''.join([
      b'\x89PNG\r\n\x1a\n',
      chunk(b'IHDR', struct.pack('>IIBBBBB', width, len(rows), bits, kind, 0, 0,
                                 0)), *chunks,
      chunk(b'IDAT', zlib.compress(b''.join(b'\0' + row for row in rows))),
      chunk(b'IEND', b'')])


# TIFF


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
@pytest.mark.parametrize('compression', [None, 'zlib'])
@pytest.mark.parametrize('byteorder', ['<', '>'])
@pytest.mark.parametrize(('channels', 'options'), [
    ((), {'photometric': 'minisblack'}),
    ((), {'photometric': 'miniswhite'}),
    ((2,), {'photometric': 'minisblack', 'extrasamples': ['unassalpha']}),
    ((3,), {'photometric': 'rgb'}),
    ((3,), {'photometric': 'rgb', 'tile': (16, 16)}),
    ((3,), {'photometric': 'rgb', 'planarconfig': 'separate'}),
    ((4,), {'photometric': 'rgb', 'planarconfig': 'separate',
            'extrasamples': ['unassalpha']}),
    ((4,), {'photometric': 'rgb', 'extrasamples': ['unassalpha']})])
def test_a_tiff_is_read_as_tifffile_reads_it(
    channels, options, byteorder, compression, dtype):
  pixels = noise(20, 30, *channels, dtype=dtype)
  stored = (np.moveaxis(pixels, 2, 0) if 'planarconfig' in options else pixels)
  encoded = tiff(np.ascontiguousarray(stored), compression=compression,
                 byteorder=byteorder, **options)
  white_is_zero = options['photometric'] == 'miniswhite'
  np.testing.assert_array_equal(
      decoded(encoded), np.iinfo(dtype).max - pixels if white_is_zero
      else pixels)


def test_16_bits_compressed_by_lzw_are_read_by_opencv_s_libtiff():
  for pixels in (noise(20, 30, dtype=np.uint16),
                 noise(20, 30, 3, dtype=np.uint16)):
    stored = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    ok, encoded = cv2.imencode('.tif', stored)  # LZW is its default
    assert ok
    assert tifffile.TiffFile(io.BytesIO(encoded)).pages.first.compression == (
        tifffile.COMPRESSION.LZW)
    np.testing.assert_array_equal(decoded(encoded.tobytes()), pixels)


@pytest.mark.parametrize('compression', [
    None, 'tiff_lzw', 'packbits', 'tiff_adobe_deflate'])
@pytest.mark.parametrize('mode', ['1', 'L', 'LA', 'P', 'RGB', 'RGBA'])
def test_a_tiff_is_read_as_pillow_wrote_it(mode, compression):
  image = Image.fromarray(smooth(4)).convert(mode)
  wanted = {'1': 'L', 'P': 'RGB'}.get(mode, mode)
  np.testing.assert_array_equal(
      decoded(saved(image, 'TIFF', compression=compression)),
      np.asarray(image.convert(wanted)))


def test_jpeg_within_tiff_is_read():
  pixels = smooth(3)
  encoded = saved(Image.fromarray(pixels), 'TIFF', compression='jpeg',
                  quality=95)
  np.testing.assert_allclose(decoded(encoded).astype(int), pixels, atol=12)


def test_lab_and_inks_become_rgb_by_their_profiles():
  pixels = smooth(3)
  srgb, lab = map(ImageCms.createProfile, ('sRGB', 'LAB'))
  image = ImageCms.profileToProfile(
      Image.fromarray(pixels), srgb, lab, outputMode='LAB')
  picture = decoding.decode(saved(image, 'TIFF'))
  np.testing.assert_allclose(picture.pixels.astype(int), pixels, atol=4)
  assert picture.note == 'has Lab colours, which become RGB'
  inks = Image.fromarray(pixels).convert('CMYK')
  for kind in ('TIFF', 'JPEG'):
    picture = decoding.decode(saved(inks, kind))
    np.testing.assert_allclose(picture.pixels.astype(int), pixels, atol=12)
    assert picture.note == 'has CMYK colours, which become RGB'


def test_premultiplied_colours_are_divided_by_alpha():
  pixels = noise(20, 30, 4)
  pixels[..., 3] |= 128
  multiplied = pixels.copy()
  multiplied[..., :3] = pixels[..., :3] * (pixels[..., 3:] / 255)
  found = decoding.decode(tiff(multiplied, photometric='rgb',
                               extrasamples=['assocalpha']))
  np.testing.assert_allclose(found.pixels.astype(int), pixels, atol=3)
  assert found.note.endswith('they are divided by it')


def test_a_channel_that_is_no_alpha_is_dropped_and_said():
  for dtype in (np.uint8, np.uint16):
    pixels = noise(20, 30, 4, dtype=dtype)
    picture = decoding.decode(tiff(pixels, photometric='rgb',
                                   extrasamples=['unspecified']))
    np.testing.assert_array_equal(picture.pixels, pixels[..., :3])
    assert picture.note.endswith('which is dropped')


@pytest.mark.parametrize(('encoded', 'says'), [
    (lambda: tiff(np.zeros((4, 5), np.float32)), 'float32 numbers'),
    (lambda: tiff(np.zeros((4, 5, 3), np.float32), photometric='rgb'),
     'float32 numbers'),
    (lambda: tiff(np.zeros((4, 5), np.int16)), 'int16 numbers'),
    (lambda: tiff(np.zeros((4, 5), np.int8)), 'int8 numbers'),
    (lambda: tiff(np.zeros((4, 5), np.uint32)), '32 bits a channel'),
    (lambda: tiff(np.zeros((4, 5, 4), np.uint16), photometric='separated'),
     'SEPARATED of 16 bits'),
    (lambda: tiff(noise(4, 5, 4, dtype=np.uint16), photometric='rgb',
                  extrasamples=['assocalpha']), 'multiplied by alpha'),
    (lambda: tiff(noise(3, 4, 5, 3), photometric='rgb'), '3 pages')])
def test_a_tiff_that_is_not_read_says_why(encoded, says):
  with pytest.raises(decoding.Undecodable, match=says):
    decoded(encoded())


def test_a_thumbnail_is_no_page():
  pixels, stream = noise(20, 30, 3), io.BytesIO()
  with tifffile.TiffWriter(stream) as writer:
    writer.write(pixels, photometric='rgb', metadata=None)
    writer.write(pixels[::4, ::4], photometric='rgb', subfiletype=1,
                 metadata=None)
  np.testing.assert_array_equal(decoded(stream.getvalue()), pixels)


@pytest.mark.parametrize('compression', [None, 'tiff_lzw'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_tiff_of_16_bits_is_upright(orientation, compression):
  pixels = noise(20, 20, dtype=np.uint16)
  exif = Image.Exif()
  exif[274] = orientation
  encoded = saved(Image.fromarray(pixels), 'TIFF', exif=exif,
                  compression=compression)
  np.testing.assert_array_equal(
      decoded(encoded), np.asarray(Image.open(io.BytesIO(encoded))))
  as_8_bits = Image.fromarray((pixels >> 8).astype(np.uint8))
  np.testing.assert_array_equal(
      decoded(encoded) >> 8, decoded(saved(as_8_bits, 'PNG', exif=exif)))


# PNG


@pytest.mark.parametrize(('bits', 'row', 'shade', 'grey'), [
    (1, b'\x50', 1, [0, 255, 0, 255, 0, 0, 0, 0]),
    (2, b'\x1b', 2, [0, 85, 170, 255]),
    (4, b'\x3a', 3, [51, 170]),
    (8, b'\x07\x08', 7, [7, 8]),
    (16, b'\x75\x09\x75\x08', 0x7509, [0x7509, 0x7508])])
def test_a_transparent_shade_of_grey_is_alpha(bits, row, shade, grey):
  found = decoded(png(bits, 0, len(grey), [row],
                      chunk(b'tRNS', struct.pack('>H', shade))))
  np.testing.assert_array_equal(found[0, :, 0], grey)
  opaque = np.iinfo(found.dtype).max
  transparent = {1: 255, 2: 170, 4: 51, 8: 7, 16: 0x7509}[bits]
  np.testing.assert_array_equal(
      found[0, :, 1], [0 if value == transparent else opaque for value in grey])
  np.testing.assert_array_equal(decoded(png(bits, 0, len(grey), [row])), [grey])


@pytest.mark.parametrize('bits', [8, 16])
def test_a_transparent_colour_is_alpha(bits):
  pixels = noise(6, 7, 3, dtype={8: np.uint8, 16: np.uint16}[bits])
  rows = [row.astype(f'>u{bits // 8}').tobytes() for row in pixels]
  colour = pixels[2, 3].astype('>u2').tobytes()
  found = decoded(png(bits, 2, 7, rows, chunk(b'tRNS', colour)))
  np.testing.assert_array_equal(found[..., :3], pixels)
  assert found[2, 3, 3] == 0
  assert (found[..., 3] == 0).sum() == 1


def test_a_palette_has_its_colours_and_its_transparency():
  palette = chunk(b'PLTE', bytes([9, 8, 7, 200, 0, 0]))
  for more, alpha in ((), ()), ((chunk(b'tRNS', b'\x64'),), (255, 100)):
    found = decoded(png(8, 3, 2, [b'\1\0'], palette, *more))
    np.testing.assert_array_equal(
        found, [[[200, 0, 0, *alpha[:1]], [9, 8, 7, *alpha[1:]]]])


def test_16_bits_of_grey_with_alpha_are_kept():
  pixels = noise(6, 7, 2, dtype=np.uint16)
  rows = [row.astype('>u2').tobytes() for row in pixels]
  np.testing.assert_array_equal(decoded(png(16, 4, 7, rows)), pixels)


# Frames


@pytest.mark.parametrize('kind', ['GIF', 'PNG', 'WEBP', 'AVIF'])
def test_an_animation_is_refused(kind):
  frames = [Image.fromarray(noise(20, 30, 3) // (i + 1)) for i in range(3)]
  encoded = saved(frames[0], kind, save_all=True, append_images=frames[1:])
  with pytest.raises(decoding.Undecodable, match='an animation of 3 frames'):
    decoded(encoded)
  assert decoded(saved(frames[0], kind)).shape == (20, 30, 3)


def test_of_the_pictures_that_a_camera_puts_into_one_the_first_is_taken():
  pixels = smooth(3)
  picture = decoding.decode(saved(
      Image.fromarray(pixels), 'MPO', save_all=True, quality=95,
      append_images=[Image.fromarray(pixels[:8, :8])]))
  assert picture.note == 'holds 2 pictures, of which the first is taken'
  np.testing.assert_allclose(picture.pixels.astype(int), pixels, atol=12)


# Whole or not at all


@pytest.mark.parametrize('write', [
    lambda: tiff(noise(20, 30, 3, dtype=np.uint16), photometric='rgb'),
    lambda: tiff(noise(20, 30, dtype=np.uint16), compression='zlib'),
    lambda: encoding.encode('.png', decoding.Picture(
        noise(20, 30, 3, dtype=np.uint16))),
    lambda: saved(Image.fromarray(smooth(3)), 'AVIF')])
def test_a_file_that_was_cut_off_is_refused(write):
  whole = write()
  assert decoded(whole).size
  for end in (*range(1, len(whole), 97), *range(len(whole) - 9, len(whole))):
    with pytest.raises(decoding.Undecodable):
      decoded(whole[:end])


# What a generator of files has found (benchmarks/formats.py)


@pytest.mark.parametrize('compression', [None, 'zlib'])
@pytest.mark.parametrize(('channels', 'options'), [
    (2, {'photometric': 'minisblack', 'extrasamples': ['unassalpha']}),
    (4, {'photometric': 'rgb', 'extrasamples': ['unspecified']})])
def test_planes_that_pillow_mixes_up_are_read_by_tifffile(
    channels, options, compression):
  pixels = noise(20, 30, channels)
  encoded = tiff(np.moveaxis(pixels, -1, 0), planarconfig='separate',
                 compression=compression, **options)
  np.testing.assert_array_equal(
      decoded(encoded), pixels if channels == 2 else pixels[..., :3])


@pytest.mark.parametrize('photometric', ['minisblack', 'miniswhite', 'rgb'])
def test_large_tiff_files_of_either_byte_order_are_read(photometric):
  pixels = noise(20, 30, *([3] if photometric == 'rgb' else []))
  for byteorder in '<>':
    encoded = tiff(pixels, photometric=photometric, bigtiff=True,
                   byteorder=byteorder)
    np.testing.assert_array_equal(
        decoded(encoded),
        255 - pixels if photometric == 'miniswhite' else pixels)


def test_a_tiff_of_other_bytes_than_were_written_is_refused_quietly(capfd):
  whole = saved(Image.fromarray(noise(40, 50, 3)), 'TIFF',
                compression='tiff_adobe_deflate')
  spoiled = bytearray(whole)
  spoiled[len(whole) // 2] ^= 255
  with pytest.raises(decoding.Undecodable):
    decoded(bytes(spoiled))
  assert capfd.readouterr().err == ''


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_png_of_other_bytes_than_were_written_is_refused_quietly(
    dtype, capfd):
  whole = encoding.encode('.png', decoding.Picture(noise(9, 9, 3, dtype=dtype)))
  for place in range(16, len(whole) - 4, 7):
    spoiled = bytearray(whole)
    spoiled[place] ^= 1
    with pytest.raises(decoding.Undecodable):
      decoded(bytes(spoiled))
  assert capfd.readouterr().err == ''
