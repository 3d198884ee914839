"""The Convert tab in a browser: published files become a run that fills."""

from pathlib import Path

import page_server
from page_steps import encoded, Inpaint, noise
import pytest

from jinpaint import runs

pytestmark = pytest.mark.xdist_group('browser')

PUBLISHED = Path(__file__).parents[2] / 'fixtures' / 'published'
GENERATOR = (PUBLISHED / 'gated_generator.pth').read_bytes()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  return tmp_path_factory.mktemp('runs')


@pytest.fixture(scope='module')
def address(browser, folder):
  """The address of a server that has runs, in place of the others' one."""
  with page_server.serving(runs=folder) as address:
    yield address


def choose(page, contents, name='states_pt_places2.pth'):
  """Chooses a file for the system whose files are called so."""
  page.get_by_label('What the files hold').select_option('system:gated')
  with page.expect_file_chooser() as chooser:
    page.get_by_role('button', name='Choose files').click()
  chooser.value.set_files({'name': name, 'buffer': contents,
                           'mimeType': 'application/octet-stream'})


def test_a_published_file_becomes_a_run_that_can_be_chosen_at_once(
    folder, new_page):
  page = new_page('#inpaint')
  model = page.get_by_label('Model', exact=True)
  model.locator('option').first.wait_for(state='attached')
  page.get_by_role('tab', name='Convert').click()
  choose(page, GENERATOR)
  found = page.locator('#convert-found')
  found.get_by_role('rowheader', name='states_pt_places2.pth').wait_for()
  assert 'CC BY-NC' in found.inner_text()  # before anything is written
  assert not list(folder.iterdir())
  page.get_by_label('Name of the result').fill('mine')
  page.get_by_role('button', name='Convert', exact=True).click()
  result = page.locator('#convert-result')
  result.get_by_text('The run mine is there').wait_for()
  assert 'CC BY-NC' in result.inner_text()
  assert runs.read_config(folder / 'mine').system == 'gated'
  result.get_by_role('link', name='Use it under Inpaint').click()
  # It is the one in hand, and what is marked is filled with it.
  page.wait_for_function(
      "() => document.getElementById('model').value === 'mine'")
  Inpaint(page).upload(encoded(noise()))
  assert page.get_by_role('button', name='Fill missing regions').is_enabled()


@pytest.mark.parametrize(('name', 'contents', 'message'), [
    ('notes.txt', b'no weights', 'the upload holds none of'),
    ('states_pt_places2.pth', b'no weights', 'states_pt_places2.pth')])
def test_a_wrong_file_is_refused_in_place_and_another_one_can_be_chosen(
    name, contents, message, new_page):
  page = new_page('#convert')
  choose(page, contents, name)
  error = page.locator('#convert-error')
  error.get_by_text(message).wait_for()
  assert page.locator('#convert-go').is_hidden()
  choose(page, GENERATOR)
  page.locator('#convert-found').get_by_role('table').wait_for()
  assert error.is_hidden()
  page.get_by_role('button', name='Cancel').click()
  assert page.locator('#convert-found').inner_text() == ''
  assert all('400' in line for line in new_page.complaints)
  new_page.complaints.clear()
