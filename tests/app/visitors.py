"""Visitors of the page, without a browser and without a socket."""

import contextlib
import io
import time

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from jinpaint.app import server
from jinpaint.app.settings import Settings

ADDRESS = 'http://127.0.0.1:7860'
LIGHT = {'X-Jinpaint': '1'}


@contextlib.contextmanager
def serving(**settings):
  """Runs a server; yields it."""
  app = server.create(Settings(**settings))
  with TestClient(app, base_url=ADDRESS):  # which starts and ends it
    yield app


def visitor(app, **headers):
  """Returns a browser that has opened the page."""
  client = TestClient(app, base_url=ADDRESS, headers={**LIGHT, **headers},
                      raise_server_exceptions=False)
  assert client.get('/').status_code == 200
  return client


def encoded(pixels, kind='PNG', **options):
  stream = io.BytesIO()
  Image.fromarray(pixels).save(stream, kind, **options)
  return stream.getvalue()


def noise(*shape, seed=0):
  return np.random.default_rng(seed).integers(
      255, size=shape, endpoint=True, dtype=np.uint8)


def hole(height, width):
  """Two lines, as the page sends them."""
  mask = np.zeros((height, width), np.uint8)
  mask[height // 2:height // 2 + 2, 3:-3] = 255
  mask[2:-2, width // 3] = 255
  return mask


def upload(client, contents, name='picture.png'):
  response = client.post('/api/images', content=contents,
                         headers={'X-File-Name': name})
  assert response.status_code == 200, response.text
  return response.json()


def ask(client, image, mask, **fields):
  """Asks for a picture to be filled; returns the response."""
  drawn = {what: (f'{what}.png', encoded(pixels), 'image/png')
           for what, pixels in {'mask': mask, **fields.pop('drawn', {})}.items()
           if pixels is not None}
  return client.post('/api/fills', files=drawn, data={
      'image': image, 'model': 'scratches', 'strategy': 'auto', **fields})


def fill(client, image, mask, **fields):
  """Fills a picture; returns the job."""
  response = ask(client, image, mask, **fields)
  assert response.status_code == 200, response.text
  job = response.json()['job']
  state = wait(client, job)
  assert state['state'] == 'done', state
  return job


def wait(client, job, seconds=120):
  """Waits for the end of a job; returns what is said of it."""
  end = time.monotonic() + seconds
  while time.monotonic() < end:
    state = client.get(f'/api/fills/{job}').json()
    if state['state'] not in ('waiting', 'running'):
      return state
    time.sleep(0.05)
  raise AssertionError(state)
