"""What is saved is the picture that was brought, but for its holes."""

import io
import time

import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest
from visitors import (
  ask,
  encoded,
  fill,
  hole,
  noise,
  serving,
  upload,
  visitor,
  wait,
)

import jinpaint
from jinpaint.app import models
from jinpaint.app.settings import Settings
from jinpaint.data import decoding, encoding
from jinpaint.data.decoding import Picture
from jinpaint.data.examples import Data
from jinpaint.guidance import Guidance
from jinpaint.inference import Inpainter
from jinpaint.runs import packed
from jinpaint.stage import Sizes, Stage

# One size, so that one program is compiled.
HEIGHT, WIDTH = 32, 48
MASK = hole(HEIGHT, WIDTH)


@pytest.fixture(scope='module')
def app():
  with serving() as made:
    yield made


@pytest.fixture(scope='module')
def client(app):
  return visitor(app)


@pytest.fixture(scope='module')
def inpaint():
  return jinpaint.load()


def saved(client, job, kind='png'):
  response = client.get(f'/api/fills/{job}/file', params={'as': kind})
  assert response.status_code == 200, response.text
  return response


def deep(*shape):
  return np.random.default_rng(1).integers(65536, size=shape, dtype=np.uint16)


PICTURES = {
    'rgb.png': Picture(noise(HEIGHT, WIDTH, 3)),
    'rgba.png': Picture(noise(HEIGHT, WIDTH, 4)),
    'grey.png': Picture(noise(HEIGHT, WIDTH)),
    'rgb16.png': Picture(deep(HEIGHT, WIDTH, 3)),
    'rgba16.png': Picture(deep(HEIGHT, WIDTH, 4)),
    'rgb16.tif': Picture(deep(HEIGHT, WIDTH, 3)),
    'rgb.webp': Picture(noise(HEIGHT, WIDTH, 3)),
}


@pytest.mark.parametrize('name', PICTURES)
def test_a_saved_png_has_every_known_pixel_bit_for_bit(name, client, inpaint):
  picture = PICTURES[name]
  contents = encoding.encode(f'.{name.split(".")[1]}', picture)
  image = upload(client, contents, name)
  assert (image['width'], image['height']) == (WIDTH, HEIGHT)
  assert image['bits'] == 8 * picture.pixels.itemsize
  job = fill(client, image['id'], MASK)
  pixels = decoding.decode(saved(client, job).content).pixels
  assert pixels.dtype == picture.pixels.dtype
  assert pixels.shape == picture.pixels.shape
  known = MASK == 0
  np.testing.assert_array_equal(pixels[known], picture.pixels[known])
  # The mask that was drawn, and no other one, has reached the model.
  np.testing.assert_array_equal(pixels, inpaint(picture.pixels, MASK))
  assert (pixels != picture.pixels)[MASK > 0].any()
  if name.startswith('rgba'):
    np.testing.assert_array_equal(pixels[..., 3], picture.pixels[..., 3])


def test_a_picture_that_exif_turns_is_shown_and_filled_upright(client):
  exif = Image.Exif()
  exif[0x112], exif[0x10f] = 6, 'a camera'
  lying = noise(WIDTH, HEIGHT, 3)
  image = upload(client, encoded(lying, exif=exif))
  assert (image['width'], image['height']) == (WIDTH, HEIGHT)
  upright = np.rot90(lying, -1)
  view = client.get(f'/api/images/{image["id"]}/view').content
  np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(view))),
                                upright)
  job = fill(client, image['id'], MASK)
  with Image.open(io.BytesIO(saved(client, job).content)) as result:
    assert result.getexif().get(0x112, 1) == 1
    assert result.getexif()[0x10f] == 'a camera'
    np.testing.assert_array_equal(np.asarray(result)[MASK == 0],
                                  upright[MASK == 0])


def test_the_original_format_keeps_its_metadata_and_the_quality(client):
  exif = Image.Exif()
  exif[0x10f] = 'a camera'
  jpeg = encoded(noise(HEIGHT, WIDTH, 3), 'JPEG', quality=71, dpi=(300, 300),
                 exif=exif)
  image = upload(client, jpeg, 'Mein%20Fot%C3%B6.JPG')
  assert image['lossy']
  job = fill(client, image['id'], MASK)
  response = saved(client, job, 'original')
  assert response.headers['content-disposition'] == (
      "attachment; filename*=utf-8''Mein%20Fot%C3%B6_filled.jpg")
  with Image.open(io.BytesIO(jpeg)) as before, Image.open(
      io.BytesIO(response.content)) as after:
    assert after.format == 'JPEG'
    assert after.quantization == before.quantization
    assert after.info['dpi'] == before.info['dpi']
    assert after.getexif()[0x10f] == 'a camera'
  # A result that is filled again is still that picture.
  again = client.post(f'/api/images/result/{job}').json()
  assert again['name'] == image['name']
  job = fill(client, again['id'], MASK)
  with Image.open(io.BytesIO(saved(client, job, 'original').content)) as after:
    assert after.quantization == Image.open(io.BytesIO(jpeg)).quantization


def test_a_result_becomes_a_new_picture_and_leaves_the_old_one_alone(client):
  pixels = noise(HEIGHT, WIDTH, 3)
  image = upload(client, encoded(pixels))['id']
  first = fill(client, image, MASK)
  new = client.post(f'/api/images/result/{first}').json()['id']
  other = np.zeros_like(MASK)
  other[5, 5] = 255
  second = fill(client, new, other)
  once, twice = (decoding.decode(saved(client, job).content).pixels
                 for job in (first, second))
  np.testing.assert_array_equal(once[other == 0], twice[other == 0])
  assert (once[5, 5] != twice[5, 5]).any()
  shown = client.get(f'/api/images/{new}/view').content
  np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(shown))), once)
  kept = client.get(f'/api/images/{image}/view').content
  np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(kept))),
                                pixels)


def test_a_result_outlives_the_picture_that_it_is_made_of(client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  job = fill(client, image, MASK)
  assert client.delete(f'/api/images/{image}').status_code == 204
  assert saved(client, job).content
  assert client.get(f'/api/fills/{job}/view').status_code == 200
  assert client.delete(f'/api/fills/{job}').status_code == 204
  assert client.get(f'/api/fills/{job}').status_code == 404


def test_the_maps_of_a_picture_are_shown(client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  job = fill(client, image, MASK)
  state = client.get(f'/api/fills/{job}').json()
  assert (state['plan'], state['maps']) == ('as a whole', ['raw_image'])
  raw, filled = (np.asarray(Image.open(io.BytesIO(client.get(
      f'/api/fills/{job}/{what}').content))) for what in (
          'maps/raw_image', 'view'))
  np.testing.assert_allclose(raw[MASK > 0], filled[MASK > 0], atol=1)
  assert (raw != filled)[MASK == 0].any()
  assert client.get(f'/api/fills/{job}/maps/edge').status_code == 404


def test_results_are_nobody_elses(app, client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  job = fill(client, image, MASK)
  other = visitor(app)
  for path in ('', '/view', '/file', '/maps/raw_image'):
    assert other.get(f'/api/fills/{job}{path}').status_code == 404
  assert other.delete(f'/api/fills/{job}').status_code == 404
  assert other.post(f'/api/images/result/{job}').status_code == 404


def test_a_page_that_is_closed_drops_its_picture():
  with serving() as app:
    client = visitor(app)
    image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
    job = ask(client, image, MASK).json()['job']
    assert client.delete(f'/api/fills/{job}').status_code == 204
    assert wait(client, job)['state'] == 'cancelled'
    assert client.get(f'/api/fills/{job}/view').status_code == 409


class Painter(models.Models):
  """One model, which paints what it is given: mask, sketch, edges."""

  def __init__(self):
    super().__init__(Settings())
    # Of the edges, those three pixels to the left, which are known.
    paint = lambda _, batch: {
        'image': jnp.concatenate([
            batch['mask'], batch['sketch'],
            jnp.roll(batch['known_edge'], 3, axis=2)], axis=3),
        'edge': batch['known_edge']}
    stage = Stage({}, {}, (), ('image', 'mask', 'sketch', 'known_edge'),
                  Sizes(), (), paint, makes=('image', 'edge'))
    self.painter = models.Model(
        'painter', 'Painter', packed.OWN, 'none', 'none', stage, Inpainter(
            stage, {}, guidance=Guidance(Data(edge='canny'), training=False)))

  def all(self):
    return {'painter': self.painter}

  def open(self, model):
    return model.about


def test_sketch_and_edges_reach_the_model_as_they_were_drawn():
  with serving() as app:
    app.state.models = Painter()
    client = visitor(app)
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:, 28:] = 200
    image = upload(client, encoded(pixels))['id']
    mask, sketch, edges = (np.zeros((HEIGHT, WIDTH), np.uint8)
                           for _ in range(3))
    mask[4:28, 30:33] = 255
    sketch[10:12, 20:40] = 255
    edges[15:18, 20:30] = 255
    def result(**drawn):
      job = fill(client, image, mask, model='painter', drawn=drawn)
      return job, decoding.decode(saved(client, job).content).pixels
    job, filled = result(sketch=sketch, edges=edges)
    hole = mask > 0
    assert (filled[hole][:, 0] == 255).all()
    np.testing.assert_array_equal(filled[..., 1][hole], sketch[hole])
    np.testing.assert_array_equal(filled[..., 2][hole],
                                  np.roll(edges, 3, 1)[hole])
    assert client.get(f'/api/fills/{job}').json()['maps'] == [
        'raw_image', 'edge']
    shown = client.get(f'/api/fills/{job}/maps/edge')
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(
        shown.content)))[~hole], edges[~hole])
    # Without edges, the model is given those that the page can show before.
    response = client.post(f'/api/images/{image}/edges?model=painter',
                           content=encoded(mask))
    found = np.asarray(Image.open(io.BytesIO(response.content)))
    assert np.roll(found, 3, 1)[hole].any()
    for drawn in ({}, {'edges': found}):
      _, filled = result(**drawn)
      np.testing.assert_array_equal(filled[..., 2][hole],
                                    np.roll(found, 3, 1)[hole])
      assert not filled[..., 1][hole].any()


GREY, EMPTY = MASK // 2, np.zeros_like(MASK)
SOFT = np.dstack([MASK, MASK, MASK, MASK])


@pytest.mark.parametrize(('mask', 'line'), [
    (MASK[1:], 'the mask is 48 x 31, its picture 48 x 32'),
    (GREY, 'other values than black and white'), (EMPTY, 'the mask is empty'),
    (SOFT, 'transparent'), (None, 'draw a mask first')],
    ids=['size', 'grey', 'empty', 'alpha', 'none'])
def test_a_mask_that_the_page_would_not_send_is_refused(mask, line, client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  response = ask(client, image, mask)
  assert response.status_code == 400
  assert line in response.json()['error']


def test_what_a_model_does_not_read_is_refused(client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  for what, line in (('sketch', 'follows no sketches'),
                     ('edges', 'reads no edges')):
    response = ask(client, image, MASK, drawn={what: MASK})
    assert response.status_code == 400
    assert line in response.json()['error']
  response = client.post(f'/api/images/{image}/edges?model=scratches',
                         content=encoded(MASK))
  assert response.status_code == 409
  assert 'reads no edges' in response.json()['error']
  assert ask(client, image, MASK, strategy='magic').status_code == 400


def test_masks_are_read_as_people_make_them(client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  red = np.dstack([MASK, EMPTY, EMPTY])
  erased = np.dstack([noise(HEIGHT, WIDTH, 3), 255 - MASK])
  for contents, note in ((encoded(MASK), ''), (encoded(red), 'coloured'),
                         (encoded(erased), 'transparent'),
                         (encoded(EMPTY), 'marks no pixel')):
    response = client.post(f'/api/images/{image}/mask', content=contents)
    assert response.status_code == 200
    assert note.replace(' ', '%20') in response.headers['x-note']
    read = np.asarray(Image.open(io.BytesIO(response.content)))
    np.testing.assert_array_equal(
        read, EMPTY if note.startswith('marks') else MASK)
  response = client.post(f'/api/images/{image}/mask',
                         content=encoded(MASK[:-1]))
  assert response.status_code == 400
  assert '48 x 31' in response.json()['error']


def test_samples_are_photographs(client):
  state = client.get('/api/state').json()
  for sample in state['samples'][:2]:
    image = client.post(f'/api/images/sample/{sample["name"]}').json()
    assert image['channels'] == 3
    small = Image.open(io.BytesIO(client.get(
        f'/api/samples/{sample["name"]}').content))
    assert max(small.size) == 240
  assert client.post('/api/images/sample/nobody').status_code == 404


def test_what_takes_long_does_not_keep_others_waiting(app, client):
  image = upload(client, encoded(noise(HEIGHT, WIDTH, 3)))['id']
  job = ask(client, image, MASK).json()['job']
  start = time.monotonic()
  assert visitor(app).get('/api/state').status_code == 200
  assert time.monotonic() - start < 1
  wait(client, job)
