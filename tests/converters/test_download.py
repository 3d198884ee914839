"""Published weights: whole, checked, resumed; a clear line when they fail."""

import errno
import hashlib
import http.server
import re
import socket
import threading

import pytest

from jinpaint.converters import download
from jinpaint.errors import RunError, UsageError

CONTENT = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
  """Serves CONTENT in the way that the test asks of the server."""

  def do_GET(self):
    server, range_ = self.server, self.headers['Range']
    server.ranges.append(range_)
    if server.failures:
      return self.send_error(server.failures.pop())
    start = 0
    if range_ and server.knows_ranges:
      start = int(re.fullmatch(r'bytes=(\d+)-', range_)[1])
      if start >= len(CONTENT):
        self.send_response(416)
        self.send_header('Content-Range', f'bytes */{len(CONTENT)}')
        self.end_headers()
        return None
      self.send_response(206)
      self.send_header('Content-Range', 'bytes '
                       f'{start + server.range_error}-{len(CONTENT) - 1}'
                       f'/{len(CONTENT)}')
    else:
      self.send_response(200)
    self.send_header('Content-Type', server.content_type)
    self.send_header('Content-Length', str(len(CONTENT) - start))
    self.end_headers()
    end = start + server.cuts.pop() if server.cuts else len(CONTENT)
    self.wfile.write(CONTENT[start:end])
    return None

  def log_message(self, *_):
    pass


@pytest.fixture
def server():
  """A server on this machine; its attributes say how it behaves."""
  with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as server:
    server.ranges = []  # what each request asked for
    server.failures = []  # HTTP statuses of the next answers, last first
    server.cuts = []  # bytes after which the next answers break, last first
    server.knows_ranges = True
    server.range_error = 0
    server.content_type = 'application/octet-stream'
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
  monkeypatch.setenv('JINPAINT_CACHE', str(tmp_path / 'cache'))
  monkeypatch.setenv('no_proxy', '*')
  monkeypatch.setattr(download, '_PAUSE', 0.0)
  return tmp_path / 'cache'


@pytest.fixture
def publish(server, monkeypatch):
  """Puts a file of this server into the table; returns where it will lie."""
  def put(**changes):
    entry = download.PublishedFile(**{
        'name': 'tiny', 'file': 'some/tiny.pth', 'licence': 'MIT',
        'url': f'http://127.0.0.1:{server.server_port}/tiny.pth',
        'origin': 'this test', 'sha256': SHA256} | changes)
    monkeypatch.setitem(download.TABLE, 'tiny', entry)
  put()
  return put


@pytest.fixture
def path(cache, publish):
  return cache / 'some' / 'tiny.pth'


@pytest.fixture
def part(path):
  path.parent.mkdir(parents=True)
  return path.with_name('tiny.pth.part')


def refusal(call=download.fetch):
  with pytest.raises(UsageError) as caught:
    call('tiny')
  assert '\n' not in str(caught.value)
  return str(caught.value)


def test_file_is_downloaded_once(server, path, capfd):
  assert download.fetch('tiny') == path
  assert download.fetch('tiny') == path
  assert path.read_bytes() == CONTENT
  assert [item.name for item in path.parent.iterdir()] == ['tiny.pth']
  assert server.ranges == [None]
  assert capfd.readouterr() == ('', '')  # no bar where no terminal is


def test_connection_that_breaks_is_taken_up_where_it_broke(server, path):
  server.cuts = [70_000, 100_000]
  assert download.fetch('tiny', progress=False).read_bytes() == CONTENT
  assert server.ranges == [None, 'bytes=100000-', 'bytes=170000-']


def test_download_of_an_earlier_run_is_resumed(server, path, part):
  part.write_bytes(CONTENT[:1000])
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert server.ranges == ['bytes=1000-']
  assert not part.exists()


def test_server_that_ignores_ranges_sends_all_again(server, path, part):
  server.knows_ranges = False
  part.write_bytes(CONTENT[:1000])
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert server.ranges == ['bytes=1000-']


def test_other_range_than_asked_for_is_not_appended(server, path, part):
  server.range_error = -7
  part.write_bytes(CONTENT[:1000])
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert server.ranges == ['bytes=1000-', None]


def test_part_that_is_whole_is_not_downloaded_again(server, path, part):
  part.write_bytes(CONTENT)
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert server.ranges == [f'bytes={len(CONTENT)}-']


def test_part_that_is_too_long_is_thrown_away(server, path, part):
  part.write_bytes(CONTENT + b'more')
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert server.ranges == [f'bytes={len(CONTENT) + 4}-', None]


def test_connection_that_breaks_each_time_is_given_up_and_its_part_kept(
    server, path):
  server.cuts = [10_000] * download._TRIES
  message = refusal()
  assert f'cut off after 40000 of {len(CONTENT)} bytes' in message
  assert str(path) in message
  assert not path.exists()
  part = path.with_name('tiny.pth.part')
  assert part.read_bytes() == CONTENT[:40_000]
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert server.ranges[-1] == 'bytes=40000-'


def test_busy_server_is_asked_again(server, path):
  server.failures = [503, 429]
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert len(server.ranges) == 3


def test_wrong_checksum_leaves_nothing_behind(server, path, publish):
  publish(sha256='0' * 64)
  message = refusal()
  assert SHA256 in message
  assert '0' * 64 in message
  assert not list(path.parent.iterdir())


def test_damaged_part_is_found_by_the_checksum(server, path, part):
  part.write_bytes(b'x' * 1000)
  assert 'SHA-256' in refusal()
  assert not part.exists()
  assert download.fetch('tiny').read_bytes() == CONTENT


def test_first_digits_of_a_checksum_are_checked(server, path, publish):
  publish(sha256=SHA256[:8])
  assert download.fetch('tiny') == path
  publish(sha256='00000000')
  assert 'SHA-256' in refusal()


def test_file_without_known_checksum_is_taken_as_it_is(server, path, publish):
  publish(sha256=None)
  assert download.fetch('tiny').read_bytes() == CONTENT


def test_damaged_file_in_the_cache_is_downloaded_again(server, path, part):
  path.write_bytes(CONTENT[:-1])
  assert 'damaged' in refusal(download.find)
  assert download.fetch('tiny').read_bytes() == CONTENT
  assert download.find('tiny') == path


def test_missing_page_says_what_to_get_and_where_to_put_it(server, path):
  server.failures = [404]
  message = refusal()
  assert 'HTTP 404' in message
  assert f'http://127.0.0.1:{server.server_port}/tiny.pth' in message
  assert str(path) in message
  assert server.ranges == [None]  # another try would not help
  assert not path.exists()


def test_web_page_in_place_of_the_file_is_not_kept(server, path, publish):
  publish(sha256=None)
  server.content_type = 'text/html; charset=utf-8'
  assert 'web page' in refusal()
  assert not list(path.parent.iterdir())


def test_no_network_says_what_to_get_and_where_to_put_it(path, publish):
  with socket.socket() as taken:  # bound, but it listens to nobody
    taken.bind(('127.0.0.1', 0))
    url = f'http://127.0.0.1:{taken.getsockname()[1]}/tiny.pth'
    publish(url=url)
    message = refusal()
  assert 'refused' in message
  assert url in message
  assert str(path) in message


def test_cache_that_cannot_be_written_is_a_usage_error(cache, publish):
  cache.write_text('a file where the folder should be')
  assert 'could not download tiny' in refusal()


def test_a_full_disk_is_no_error_of_use_and_not_tried_again(
    path, part, monkeypatch):
  tries = []

  def fill(*arguments):
    tries.append(arguments)
    raise OSError(errno.ENOSPC, 'No space left on device')
  monkeypatch.setattr(download, '_append_rest', fill)
  with pytest.raises(RunError, match=f'cannot write {part}: the disk is full'):
    download.fetch('tiny')
  assert len(tries) == 1


def test_file_behind_a_page_is_asked_for_by_hand(server, path, publish):
  publish(by_hand=True, about='the second link')
  message = refusal()
  assert (f'{server.server_port}/tiny.pth (the second link, SHA-256 '
          in message)
  assert str(path) in message
  assert server.ranges == []
  path.parent.mkdir(parents=True)
  path.write_bytes(CONTENT)
  assert download.fetch('tiny') == path


def test_finding_never_downloads(server, path):
  assert str(path) in refusal(download.find)
  assert server.ranges == []


def test_unknown_name_tells_the_nearest():
  with pytest.raises(UsageError, match='did you mean "isnet_celeba"'):
    download.fetch('isnet_celebA')


def test_cache_is_under_home_unless_the_environment_says_otherwise(
    tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  monkeypatch.delenv('JINPAINT_CACHE', raising=False)
  assert download.cache_dir() == tmp_path / '.cache' / 'jinpaint'
  monkeypatch.setenv('JINPAINT_CACHE', '~/weights')
  assert download.cache_dir() == tmp_path / 'weights'


def test_table_is_consistent():
  files = [entry.file for entry in download.TABLE.values()]
  assert len(files) == len(set(files))
  for name, entry in download.TABLE.items():
    assert name == entry.name
    assert entry.licence
    assert entry.origin
    assert re.match(r'https?://', entry.url)
    assert not entry.file.startswith(('/', '.'))
    if entry.by_hand:
      assert not entry.url.endswith('.pth')
    # torchvision puts the first eight digits into the name.
    if published := re.search(r'vgg\d+-([0-9a-f]{8})\.pth', entry.file):
      assert re.fullmatch('[0-9a-f]{64}', entry.sha256)
      assert entry.sha256.startswith(published[1])
