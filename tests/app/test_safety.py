"""What is refused, each in one line, and what that leaves behind: nothing."""

import base64
import io
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

import anyio
import numpy as np
import pytest
from starlette.testclient import TestClient
import tifffile
import uvicorn
from visitors import ask, encoded, hole, LIGHT, noise, serving, upload, visitor

from jinpaint.app import guesses, pictures, server
from jinpaint.app import serving as serving_module
from jinpaint.app.settings import Limits, Settings
from jinpaint.errors import UsageError

PICTURE = encoded(noise(8, 8, 3))


@pytest.fixture(scope='module')
def app():
  with serving() as made:
    yield made


@pytest.fixture
def client(app):
  return visitor(app)


def files_of(app):
  return [path for path in app.state.sessions.folder.rglob('*')
          if path.is_file() and path.name != '.lock']


def refused(response, status, *words):
  """Checks a refusal: one clear line."""
  assert response.status_code == status, response.text
  line = response.json()['error']
  assert line
  assert '\n' not in line
  for word in words:
    assert word in line
  return True


def chunk(name, contents):
  return (struct.pack('>I', len(contents)) + name + contents
          + struct.pack('>I', zlib.crc32(name + contents)))


def png(width, height, *chunks):
  """Returns a PNG file of grey, with any chunks."""
  header = struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0)
  return b''.join([b'\x89PNG\r\n\x1a\n', chunk(b'IHDR', header), *chunks,
                   chunk(b'IEND', b'')])


def inflating(megabytes):
  """Returns few bytes that inflate to many zeros."""
  deflate = zlib.compressobj(9)
  return b''.join([*(deflate.compress(bytes(2**20)) for _ in range(megabytes)),
                   deflate.flush()])


def post_of(client, length=100):
  """Returns the head of an upload, as a server hands it on."""
  cookies = '; '.join(f'{name}={value}'
                      for name, value in client.cookies.items())
  return {
      'type': 'http', 'method': 'POST', 'path': '/api/images',
      'raw_path': b'/api/images', 'query_string': b'', 'scheme': 'http',
      'http_version': '1.1', 'root_path': '', 'client': ('127.0.0.1', 1),
      'server': ('127.0.0.1', 7860), 'headers': [
          (b'host', b'127.0.0.1:7860'), (b'x-jinpaint', b'1'),
          (b'content-length', str(length).encode()),
          (b'cookie', cookies.encode())]}


# A foreign Host.


@pytest.mark.parametrize('host', [
    'evil.example', 'evil.example:7860', '127.0.0.1.evil.example', '', '[::1'])
def test_a_foreign_host_is_refused(client, host):
  for path in ('/', '/api/state', '/static/app.js'):
    assert refused(client.get(path, headers={'Host': host}), 403)


@pytest.mark.parametrize('host', ['localhost:7860', '127.0.0.1', '[::1]:7860'])
def test_the_names_of_this_machine_are_taken(client, host):
  assert client.get('/', headers={'Host': host}).status_code == 200


def test_a_proxy_is_named_to_be_known():
  with serving(names=('Photos.example',)) as app:
    client = visitor(app)
    response = client.post('/api/images', content=PICTURE, headers={
        'Host': 'photos.example', 'Origin': 'https://photos.example'})
    assert response.status_code == 200
    assert refused(client.get('/', headers={'Host': 'evil.example'}), 403)


# A foreign Origin.


@pytest.mark.parametrize('headers', [
    {'Origin': 'http://evil.example'}, {'Origin': 'null'},
    {'Origin': 'http://127.0.0.1:9999'}, {'Sec-Fetch-Site': 'cross-site'},
    {'Sec-Fetch-Site': 'same-site'}], ids=str)
def test_what_another_site_asks_for_is_refused(app, client, headers):
  before = files_of(app)
  assert refused(client.post('/api/images', content=PICTURE, headers=headers),
                 403, 'another site')
  image = upload(client, PICTURE)['id']
  assert refused(client.delete(f'/api/images/{image}', headers=headers), 403)
  assert len(files_of(app)) == len(before) + 1


def test_what_the_page_asks_for_is_not_refused(client):
  response = client.post('/api/images', content=PICTURE, headers={
      'Origin': 'http://127.0.0.1:7860', 'Sec-Fetch-Site': 'same-origin'})
  assert response.status_code == 200


def test_a_form_of_another_page_lacks_a_header_and_is_refused(app):
  client = visitor(app)
  del client.headers['X-Jinpaint']
  assert refused(client.post('/api/images', content=PICTURE), 403, 'X-Jinpaint')


# `../` and symbolic links.


@pytest.mark.parametrize('path', [
    '/static/../server.py', '/static/%2e%2e/server.py',
    '/static/..%2fserver.py', '/static//etc/passwd', '/static/%2fetc%2fpasswd',
    '/api/images/..%2f..%2fserver.py/view', '/api/samples/..%2fscratches',
    '/api/samples/__class__'])
def test_no_path_leads_out_of_the_folders(client, path):
  request = client.build_request('GET', path)
  request.url = request.url.copy_with(raw_path=path.encode())
  assert client.send(request).status_code == 404


def test_a_model_is_chosen_by_a_name_and_not_by_a_path(client):
  image = upload(client, PICTURE)['id']
  for name in ('../scratches', '/etc/passwd', 'runs/../..'):
    assert refused(ask(client, image, hole(8, 8), model=name), 400, 'unknown')


def test_links_do_not_lead_out_of_the_folder_of_runs(tmp_path):
  outside, runs = tmp_path / 'outside', tmp_path / 'runs'
  (outside / 'run').mkdir(parents=True)
  (outside / 'run' / 'config.json').write_text('{}')
  runs.mkdir()
  (runs / 'linked').symlink_to(outside)
  (runs / 'one').symlink_to(outside / 'run')
  (runs / 'own').mkdir()
  (runs / 'own' / 'config.json').symlink_to(outside / 'run' / 'config.json')
  models = server.create(Settings(runs=runs)).state.models
  assert list(models.run_folders()) == []


def test_links_do_not_lead_out_of_the_static_files(client, tmp_path,
                                                   monkeypatch):
  secret = tmp_path / 'secret.txt'
  secret.write_text('secret')
  static = tmp_path / 'static'
  static.mkdir()
  (static / 'link.txt').symlink_to(secret)
  monkeypatch.setattr(server, '_HERE', tmp_path)
  served = TestClient(server.create(Settings()),
                      base_url='http://127.0.0.1')
  assert served.get('/static/link.txt').status_code == 404


# Sizes.


def test_a_png_header_of_60000_pixels_a_side_is_refused(app, client):
  bomb = png(60_000, 60_000, chunk(b'IDAT', zlib.compress(b'\0' * 60_001)))
  before = files_of(app)
  start = time.monotonic()
  assert refused(client.post('/api/images', content=bomb), 413,
                 'million pixels at most')
  image = upload(client, PICTURE)['id']
  assert refused(client.post(f'/api/images/{image}/mask', content=bomb), 413)
  mask = {'mask': ('mask.png', bomb, 'image/png')}
  assert refused(client.post('/api/fills', files=mask, data={
      'image': image, 'model': 'scratches'}), 400, 'the mask')
  assert time.monotonic() - start < 1
  assert len(files_of(app)) == len(before) + 1


def test_pixels_above_the_limit_are_refused_before_they_are_decoded():
  with serving(limits=Limits(pixels=99)) as app:
    client = visitor(app)
    upload(client, encoded(noise(9, 11, 3)))
    large = noise(10, 10, 3)
    for contents in (*(encoded(large, kind) for kind in (
        'PNG', 'JPEG', 'WEBP', 'AVIF', 'BMP', 'TIFF')),
                     tiff(large.astype(np.uint16), photometric='rgb')):
      assert refused(client.post('/api/images', content=contents), 413,
                     '10 x 10')


def tiff(*pages, **options):
  stream = io.BytesIO()
  with tifffile.TiffWriter(stream) as file:
    for page in pages:
      file.write(page, **options)
  return stream.getvalue()


def test_tiffs_of_huge_tiles_or_endless_pages_are_refused(client):
  small = np.zeros((8, 8), np.uint8)
  tiles = tiff(small, tile=(4096, 4096), compression='zlib')
  assert refused(client.post('/api/images', content=tiles), 413, 'tiles')
  pages = tiff(*[small] * 40)
  assert refused(client.post('/api/images', content=pages), 415, 'pages')


def test_an_upload_of_two_gigabytes_is_refused_before_it_is_read(app, client):
  sent = []
  async def receive():
    raise AssertionError('its body was read')
  async def send(message):
    sent.append(message)
  anyio.run(app, post_of(client, 2 * 2**30), receive, send)
  assert sent[0]['status'] == 413
  assert b'256 MiB' in sent[1]['body']


def test_an_upload_that_does_not_say_its_size_ends_where_it_is_too_large():
  with serving(limits=Limits(bytes=100_000)) as app:
    client, pieces = visitor(app), []
    def body():
      for _ in range(1000):
        pieces.append(1)
        yield bytes(10_000)
    response = client.post('/api/images', content=body())
    assert refused(response, 413)
    assert not files_of(app)
    image = upload(client, PICTURE)['id']
    assert refused(client.post(f'/api/images/{image}/mask', content=body()),
                   413)
    assert refused(client.post('/api/images', content=bytes(100_001)), 413)
    assert len(files_of(app)) == 1


def test_files_of_a_form_are_bounded_too():
  with serving(limits=Limits(bytes=1000)) as app:
    client = visitor(app)
    image = upload(client, PICTURE)['id']
    form = client.build_request(
        'POST', '/api/fills', data={'image': image, 'model': 'scratches'},
        files={'mask': ('mask.png', bytes(200_000), 'image/png')})
    assert refused(client.send(form), 413)
    kind = {'Content-Type': form.headers['content-type']}
    # The same without its length.
    assert refused(client.post('/api/fills', content=iter([form.read()]),
                               headers=kind), 413)


def test_bombs_of_png_and_tiff_take_no_memory(tmp_path):
  large = inflating(200)
  page = tiff(np.zeros((64, 64), np.uint16), compression='zlib',
              photometric='minisblack')
  with tifffile.TiffFile(io.BytesIO(page)) as file:
    first = file.pages.first
    tag = first.tags['StripByteCounts']
  # The strip's bytes come at the end instead, and there are many of them.
  moved = bytearray(page + large)
  offsets = first.tags['StripOffsets']
  struct.pack_into('<I', moved, offsets.valueoffset, len(page))
  struct.pack_into('<I' if tag.dtype == 4 else '<H', moved, tag.valueoffset,
                   len(large) if tag.dtype == 4 else 65535)
  bombs = {
      'pixels.png': png(8, 8, chunk(b'IDAT', large)),
      'text.png': png(8, 8, chunk(b'zTXt', b'a\0\0' + large)),
      'unicode.png': png(8, 8, chunk(b'iTXt', b'a\0\1\0\0\0' + large)),
      'profile.png': png(8, 8, chunk(b'iCCP', b'a\0\0' + large)),
      'strip.tif': bytes(moved)}
  for name, contents in bombs.items():
    (tmp_path / name).write_bytes(contents)
  code = (
      'import pathlib, resource, sys\n'
      'from jinpaint.app import headers\n'
      'from jinpaint.data import decoding, files\n'
      'files.hush()\n'
      'peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n'
      'before = peak()\n'
      'for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n'
      '  try:\n'
      '    headers.read(path, 10**6)\n'
      '    decoding.decode(path.read_bytes())\n'
      '  except (headers.TooLarge, decoding.Undecodable): pass\n'
      '  print(path.name, (peak() - before) // 1024)\n')
  printed = subprocess.run([sys.executable, '-c', code, tmp_path], text=True,
                           check=True, stdout=subprocess.PIPE).stdout
  growth = {line.split()[0]: int(line.split()[1])
            for line in printed.splitlines()}
  assert growth.keys() == bombs.keys()
  assert max(growth.values()) < 60, growth


def test_a_zip_bomb_of_a_png_is_refused_or_is_no_more_than_it_declares(client):
  bomb = png(8, 8, chunk(b'zTXt', b'a\0\0' + inflating(20)),
             chunk(b'IDAT', zlib.compress(bytes(72))))
  assert refused(client.post('/api/images', content=bomb), 415)
  longer = upload(client, png(8, 8, chunk(b'IDAT', inflating(20))))
  assert (longer['width'], longer['height']) == (8, 8)


# Clients that keep the server waiting.


def test_an_upload_that_stands_still_is_given_up():
  with serving(limits=Limits(stall=0.1)) as app:
    client, sent = visitor(app), []
    async def receive():
      await anyio.sleep(60)
    async def send(message):
      sent.append(message)
    start = time.monotonic()
    anyio.run(app, post_of(client), receive, send)
    assert time.monotonic() - start < 5
    assert sent[0]['status'] == 408
    assert not files_of(app)


def test_an_answer_that_nobody_reads_is_given_up():
  with serving(limits=Limits(stall=0.1)) as app:
    async def receive():
      return {'type': 'http.request', 'body': b'', 'more_body': False}
    async def send(message):
      await anyio.sleep(60)
    start = time.monotonic()
    anyio.run(app, {**post_of(visitor(app)), 'method': 'GET', 'path': '/'},
              receive, send)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize('said', [b'', b'GET / HTTP/1.1\r\nHost: x'])
def test_a_connection_that_asks_for_nothing_is_closed(said, monkeypatch):
  monkeypatch.setattr(serving_module, '_PATIENCE', 0.3)
  async def answer(scope, receive, send):
    await send({'type': 'http.response.start', 'status': 204, 'headers': []})
    await send({'type': 'http.response.body'})
  listener = serving_module._listen('127.0.0.1', 0)
  running = uvicorn.Server(uvicorn.Config(
      answer, http=serving_module.Patient, ws='none', lifespan='off',
      timeout_keep_alive=1, log_config=None))
  thread = threading.Thread(target=running.run,
                            kwargs={'sockets': [listener]})
  thread.start()
  try:
    with socket.create_connection(listener.getsockname()) as connection:
      connection.settimeout(10)
      # A request that is whole is answered, however long it takes then.
      connection.sendall(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
      assert connection.recv(1000).startswith(b'HTTP/1.1 204')
      start = time.monotonic()
      connection.sendall(said)
      assert connection.recv(1000) == b''
      assert time.monotonic() - start < 5
    with socket.create_connection(listener.getsockname()) as connection:
      connection.settimeout(10)
      connection.sendall(said)
      assert connection.recv(1000) == b''
  finally:
    running.should_exit = True
    thread.join()
    listener.close()


# Names and types.


def test_a_script_in_the_name_of_a_file_stays_text(app, client):
  name = '..%2F%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%0D%0AX-Bad%3A%201.png'
  shown = '<img src=x onerror=alert(1)>X-Bad: 1.png'
  image = upload(client, PICTURE, name)
  assert image['name'] == shown
  assert 'onerror' not in client.get('/').text
  assert not [path for path in files_of(app) if 'onerror' in path.name]
  assert pictures.as_text('..\\..\\a.png') == 'a.png'
  assert pictures.as_text('\u202egnp.exe') == 'gnp.exe'
  assert pictures.as_text('../') == 'picture'


def test_the_type_is_that_of_the_contents_and_not_of_the_name(client):
  assert upload(client, encoded(noise(8, 8, 3), 'JPEG'), 'a.png'
                )['format'] == 'JPEG'
  for contents in (b'<script>alert(1)</script>', b'GIF89a', b'%PDF-1.4',
                   b'<svg xmlns="http://www.w3.org/2000/svg"/>'):
    assert refused(client.post('/api/images', content=contents, headers={
        'X-File-Name': 'a.png'}), 415, 'a.png')
  assert refused(client.post('/api/images', content=b''), 400, 'empty')


# Headers and passwords.


@pytest.mark.parametrize('path', ['/', '/api/state', '/nowhere',
                                  '/static/app.js', '/api/samples/coffee'])
def test_every_answer_carries_the_headers_of_safety(client, path):
  headers = client.get(path).headers
  policy = headers['content-security-policy'].split('; ')
  assert "default-src 'none'" in policy
  assert "script-src 'self'" in policy
  assert "frame-ancestors 'none'" in policy
  assert not [rule for rule in policy if 'unsafe' in rule or '*' in rule]
  assert headers['x-content-type-options'] == 'nosniff'
  assert headers['referrer-policy'] == 'no-referrer'
  assert headers['cross-origin-opener-policy'] == 'same-origin'
  assert headers['cache-control'] == 'no-store'


def test_a_session_is_a_secret_that_scripts_and_other_sites_do_not_get(app):
  cookie = visitor(app).get('/').headers['set-cookie'].lower()
  assert 'httponly' in cookie
  assert 'samesite=strict' in cookie


def test_with_a_user_nobody_else_gets_anything():
  with serving(user='ann', password='schlüssel') as app:
    client = TestClient(app, base_url='http://127.0.0.1', headers=LIGHT)
    def status(text, scheme='Basic'):
      given = base64.b64encode(text.encode()).decode()
      return client.get('/', headers={'Authorization': f'{scheme} {given}'}
                        ).status_code
    for path in ('/', '/api/state', '/static/app.js'):
      answer = client.get(path)
      assert refused(answer, 401)
      assert answer.headers['www-authenticate'].startswith('Basic')
    assert status('ann:wrong') == status('bob:schlüssel') == 401
    assert status('ann:schlüssel', 'Bearer') == status('ann:') == 401
    assert client.get('/', headers={'Authorization': 'Basic ###'}
                      ).status_code == 401
    assert status('ann:schlüssel') == 200
  with pytest.raises(UsageError, match='needs a password'):
    Settings(user='ann')


def test_passwords_cannot_be_guessed_fast():
  with serving(user='ann', password='right') as app:
    def sign_in(password, address):
      given = base64.b64encode(f'ann:{password}'.encode()).decode()
      client = TestClient(app, base_url='http://127.0.0.1', headers=LIGHT,
                          client=(address, 50_000))
      return client.get('/api/state', headers={
          'Authorization': f'Basic {given}'} if password else {})
    for guess in range(10):
      assert sign_in(str(guess), '10.0.0.1').status_code == 401
    answer = sign_in('right', '10.0.0.1')  # as any other guess
    assert refused(answer, 429, 'wait')
    assert 0 < int(answer.headers['retry-after']) <= 6
    assert sign_in('', '10.0.0.1').status_code == 401  # not a guess
    assert sign_in('right', '10.0.0.2').status_code == 200


def test_guesses_are_forgiven_and_few_addresses_are_remembered():
  now = [100.0]
  wrong = guesses.Guesses(lambda: now[0])
  for _ in range(10):
    assert wrong.wait('10.0.0.1') == 0
    wrong.note('10.0.0.1')
  assert wrong.wait('10.0.0.1') == pytest.approx(6)
  now[0] += 6
  assert wrong.wait('10.0.0.1') == 0
  wrong.note('10.0.0.1')
  assert wrong.wait('10.0.0.1') == pytest.approx(6)
  for guess in range(10):  # one host of a network that is its own
    wrong.note(f'2001:db8::{guess}')
  assert wrong.wait('2001:db8::ffff') > 0
  for number in range(5000):
    wrong.note(f'10.1.{number // 250}.{number % 250}')
  assert len(wrong._forgiven) == guesses._ADDRESSES


# Sessions.


def test_nobody_sees_the_pictures_of_others(client, app):
  image, other = upload(client, PICTURE)['id'], visitor(app)
  assert client.get(f'/api/images/{image}/view').status_code == 200
  assert refused(other.get(f'/api/images/{image}/view'), 404)
  assert refused(other.delete(f'/api/images/{image}'), 404)
  assert refused(ask(other, image, hole(8, 8)), 404)
  assert client.get(f'/api/images/{image}/view').status_code == 200


def test_without_a_session_nothing_is_kept(app):
  client = visitor(app)
  client.cookies.clear()
  before = files_of(app)
  assert refused(client.post('/api/images', content=PICTURE), 401, 'reload')
  assert files_of(app) == before


def test_a_session_keeps_a_bounded_number_of_pictures():
  with serving(limits=Limits(images=2)) as app:
    client = visitor(app)
    first, *rest = (upload(client, PICTURE)['id'] for _ in range(3))
    assert refused(client.get(f'/api/images/{first}/view'), 404)
    for image in rest:
      assert client.get(f'/api/images/{image}/view').status_code == 200
    client.delete(f'/api/images/{rest[0]}')
    assert refused(client.get(f'/api/images/{rest[0]}/view'), 404)


def test_all_sessions_together_take_a_bounded_room():
  with serving(limits=Limits(disk=1500)) as app:
    upload(visitor(app), encoded(noise(16, 16, 3)))
    before = files_of(app)
    assert refused(visitor(app).post(
        '/api/images', content=encoded(noise(16, 16, 3))), 503, 'room')
    assert files_of(app) == before


def test_what_is_uploaded_is_deleted_with_its_session_and_with_the_server():
  with serving(limits=Limits(idle=0.3)) as app:
    folder = app.state.sessions.folder
    assert folder.stat().st_mode & 0o777 == 0o700
    client = visitor(app)
    image = upload(client, PICTURE)['id']
    app.state.sessions.sweep()
    assert files_of(app)
    time.sleep(0.4)
    app.state.sessions.sweep()
    assert not files_of(app)
    assert refused(client.get(f'/api/images/{image}/view'), 401)
    upload(visitor(app), PICTURE)
    assert files_of(app)
  assert not folder.exists()


def test_what_a_killed_server_has_left_is_deleted_by_the_next_one(
    tmp_path, monkeypatch):
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
  code = ('import os, signal\n'
          'from jinpaint.app import sessions, settings\n'
          'made = sessions.Sessions(settings.Limits())\n'
          '(made.folder / "picture").write_text("secret")\n'
          'os.kill(os.getpid(), signal.SIGKILL)\n')
  subprocess.run([sys.executable, '-c', code], check=False,
                 env={**os.environ, 'TMPDIR': str(tmp_path)})
  [left] = tmp_path.iterdir()
  with serving() as first, serving():
    assert not left.exists()
    assert first.state.sessions.folder.exists()
  assert not list(tmp_path.iterdir())
