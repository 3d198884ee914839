"""Published files become runs and weights by the page, nothing else does."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from jinpaint import runs
from jinpaint.app import conversions, server
from jinpaint.app.settings import Settings
from jinpaint.converters import weights

GOLDEN = Path(__file__).parents[1] / 'golden'
LAMA = {'kind': 'system', 'name': 'lama'}


@pytest.fixture
def app(tmp_path):
  (tmp_path / 'runs').mkdir()
  return server.create(Settings(runs=tmp_path / 'runs'))


def visit(app):
  page = TestClient(app, base_url='http://127.0.0.1',
                    headers={'X-Jinpaint': '1'})
  page.get('/')
  return page


@pytest.fixture
def page(app):
  with TestClient(app, base_url='http://127.0.0.1',
                  headers={'X-Jinpaint': '1'}) as page:
    page.get('/')
    yield page


def send(page, files, piece=20_000):
  """Uploads files in pieces; returns where they are then."""
  url = f'/api/conversions/{page.post("/api/conversions").json()["id"]}'
  for path, contents in files.items():
    for offset in range(0, len(contents), piece):
      answer = page.post(
          f'{url}/files', params={'path': path, 'offset': offset},
          content=contents[offset:offset + piece])
      assert answer.status_code == 200, answer.json()
  return url


@pytest.fixture
def lama():
  return {name: (GOLDEN / f'lama_lightning_tiny{suffix}').read_bytes()
          for name, suffix in (('models/best.ckpt', '.ckpt'),
                               ('config.yaml', '.yaml'))}


def test_a_folder_of_a_system_becomes_a_run(tmp_path, page, lama):
  url = send(page, lama)
  [found] = page.post(f'{url}/look', json=LAMA).json()['files']
  assert (found['file'], found['network']) == ('models/best.ckpt', 'generator')
  assert 'unknown' in found['licence']  # it is no published file
  assert not list((tmp_path / 'runs').iterdir())  # only looked at
  made = page.post(url, json={**LAMA, 'output': 'mine'}).json()
  assert (made['run'], made['fresh']) == ('mine', ['discriminator'])
  assert made['files'] == [found]
  assert runs.read_config(tmp_path / 'runs' / 'mine').system == 'lama'
  assert 'mine' in [model['name'] for model in
                    page.get('/api/state').json()['models']]
  assert page.post(url, json=LAMA).status_code == 404  # the files are gone


def test_one_file_becomes_weights(tmp_path, page, lama):
  url = send(page, {'best.ckpt': lama['models/best.ckpt']})
  made = page.post(url, json={'kind': 'network', 'name': 'lama_generator',
                              'output': 'mine.npz'}).json()
  assert made['file'] == 'mine.npz'
  written = weights.load(tmp_path / 'runs' / 'mine.npz', 'lama_generator')
  assert written.options['ngf'] == 4


@pytest.mark.parametrize('path', [
    '../x.pth', '/etc/x.pth', 'a/../../x.pth', '.hidden', 'a\0b', '',
    'a/b/c/d/e.pth', '..'])
def test_no_file_is_written_elsewhere(page, path):
  url = send(page, {})
  answer = page.post(f'{url}/files', params={'path': path, 'offset': 0},
                     content=b'x')
  assert answer.status_code == 400
  assert 'is no name for a file' in answer.json()['error']


def test_files_of_another_session_are_not_there(app, page, lama):
  url = send(page, lama)
  other = visit(app)
  for answer in (other.post(f'{url}/look', json=LAMA), other.delete(url),
                 other.post(url, json=LAMA)):
    assert answer.status_code == 404
  assert page.post(f'{url}/look', json=LAMA).status_code == 200
  assert page.delete(url).status_code == 200
  assert page.post(f'{url}/look', json=LAMA).status_code == 404


def test_what_is_too_large_is_refused_piece_by_piece(page, monkeypatch):
  monkeypatch.setattr(conversions, '_BYTES', 50)
  url = send(page, {'a.pth': bytes(40)})
  answer = page.post(f'{url}/files', params={'path': 'b.pth', 'offset': 0},
                     content=bytes(11))
  assert answer.status_code == 413
  answer = page.post(f'{url}/files', params={'path': 'a.pth', 'offset': 7},
                     content=b'x')
  assert answer.status_code == 409


@pytest.mark.parametrize(('form', 'message'), [
    ({'kind': 'network', 'name': 'hed'}, 'x.pth'),
    ({'kind': 'network', 'name': 'hde'}, 'did you mean "hed"'),
    ({'kind': 'system', 'name': 'lama'}, 'the upload holds none of'),
    ({'kind': 'system', 'name': '../..'}, 'unknown system'),
    ({'kind': 'system', 'name': 'quickstart'}, 'unknown system')])
def test_what_is_no_such_file_is_said_in_one_line(
    tmp_path, page, form, message):
  url = send(page, {'x.pth': b'no weights'})
  answer = page.post(url, json={**form, 'output': 'mine'})
  assert answer.status_code == 400
  assert message in answer.json()['error']
  assert str(page.app.state.sessions.folder) not in answer.json()['error']
  assert '\n' not in answer.json()['error']
  assert not list((tmp_path / 'runs').iterdir())
