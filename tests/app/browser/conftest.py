"""One server and one browser for all tests of a file."""

import shutil

import model_files
import page_server
import pytest

BROWSER = shutil.which('chromium') or shutil.which('chromium-browser')


# While Playwright's browser is open, its event loop runs in the thread of the
# tests, where others could run none: it is closed at the end of each file.
@pytest.fixture(scope='module')
def browser():
  if BROWSER is None:
    pytest.skip('there is no Chromium here (apt-get install chromium)')
  api = pytest.importorskip('playwright.sync_api')
  with api.sync_playwright() as playwright:
    browser = playwright.chromium.launch(
        executable_path=BROWSER, args=['--no-sandbox', '--disable-gpu'])
    yield browser
    browser.close()


@pytest.fixture(scope='module')
def address(browser, tmp_path_factory):
  """The address of a server with the packaged model and one for sketches."""
  folder = tmp_path_factory.mktemp('models')
  model_files.write_sketch_follower(folder / 'follower.npz')
  (folder / 'runs').mkdir()
  with page_server.serving(models=(folder / 'follower.npz',),
                           runs=folder / 'runs') as address:
    yield address


@pytest.fixture
def new_page(browser, address):
  """Returns a function that opens the page for one more visitor.

  No page may break its Content-Security-Policy, print an error or throw one.
  """
  contexts, complaints = [], []

  def open_page(hash='', **options):
    context = browser.new_context(
        viewport={'width': 900, 'height': 600}, **options)
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
