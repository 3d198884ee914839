"""One server and one browser for all tests of the page."""

import shutil
import socket
import threading

import model_files
import pytest

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


@pytest.fixture(scope='session')
def browser():
  if BROWSER is None:
    pytest.skip('there is no Chromium here (apt-get install chromium)')
  api = pytest.importorskip('playwright.sync_api')
  with api.sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=BROWSER, args=['--no-sandbox', '--disable-gpu'])
    yield browser
    browser.close()


@pytest.fixture(scope='session')
def address(browser, tmp_path_factory):
  """The address of a server with the packaged model and one for sketches."""
  uvicorn = pytest.importorskip('uvicorn')
  pytest.importorskip('python_multipart')
  from jinpaint.app import server, settings
  follower = tmp_path_factory.mktemp('models') / 'follower.npz'
  model_files.write_sketch_follower(follower)
  listener = socket.create_server(('127.0.0.1', 0))
  serving = uvicorn.Server(uvicorn.Config(
      server.create(settings.Settings(models=(follower,))),
      log_config=None, timeout_graceful_shutdown=2))
  thread = threading.Thread(target=serving.run, args=([listener],))
  thread.start()
  yield f'http://127.0.0.1:{listener.getsockname()[1]}'
  serving.should_exit = True
  thread.join(20)
  assert not thread.is_alive(), 'the server does not end'


@pytest.fixture
def new_page(browser, address):
  """Returns a function that opens the page for one more visitor.

  No page may break its Content-Security-Policy, print an error or throw one.
  """
  contexts, complaints = [], []

  def open_page(hash='', **options):
    context = browser.new_context(
        viewport={'width': 1280, 'height': 800}, **options)
    context.set_default_timeout(20_000)
    contexts.append(context)
    page = context.new_page()
    page.on('pageerror', lambda error: complaints.append(str(error)))
    page.on('console', lambda message: complaints.append(message.text)
            if message.type in ('error', 'warning') else None)
    page.goto(f'{address}/{hash}')
    return page

  open_page.complaints = complaints
  yield open_page
  for context in contexts:
    context.close()
  assert complaints == []
