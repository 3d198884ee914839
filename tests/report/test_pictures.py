"""Pictures are what their files hold, as far as there is space."""

import base64

import cv2
import numpy as np

from jinpaint.report import pictures


def decoded(shown):
  kind, _, text = shown.uri.partition(';base64,')
  pixels = cv2.imdecode(
      np.frombuffer(base64.b64decode(text), np.uint8), cv2.IMREAD_COLOR)
  return kind, pixels[..., ::-1]


def test_a_small_picture_is_exact():
  pixels = np.random.default_rng(0).integers(256, size=(9, 7, 3), dtype='uint8')
  shown = pictures.Album(10_000).show(pixels)
  kind, read = decoded(shown)
  assert kind == 'data:image/png'
  np.testing.assert_array_equal(read, pixels)
  assert (shown.width, shown.height) == (7, 9)


def test_a_large_picture_is_shrunk_and_compressed_and_that_is_said():
  album = pictures.Album(10**7)
  pixels = np.random.default_rng(0).integers(
      256, size=(600, 2 * pictures.SIDE, 3), dtype='uint8')
  shown = album.show(pixels)
  kind, read = decoded(shown)
  assert kind == 'data:image/jpeg'
  assert read.shape == (300, pictures.SIDE, 3)
  assert album.notes == [
      'Pictures shrunk to 1024 pixels on the longer side: 1.',
      'Pictures that are JPEG of quality 92 here, because they are large: 1. '
      'The others are exact.']


def test_what_finds_no_space_is_counted():
  pixels = np.zeros((8, 8, 3), np.uint8)
  size = len(pictures.Album(10_000).show(pixels).uri)
  album = pictures.Album(2 * size + size // 2)
  assert [album.show(pixels) is None for _ in range(4)] == [
      False, False, True, True]
  [note] = album.notes
  assert note.startswith('Pictures and outlines left out: 2. ')


def test_an_outline_runs_along_the_border_pixels_of_the_hole():
  mask = np.zeros((20, 30, 3), np.uint8)
  mask[4:8, 10:15] = 255
  outline = pictures.Album(1000).outline(mask)
  assert outline.path == 'M10.5 4.5L10.5 7.5L14.5 7.5L14.5 4.5Z'
  assert (outline.width, outline.height) == (30, 20)
  assert pictures.Album(1000).outline(np.zeros_like(mask)).path == ''
