"""What is drawn is what is filled, and nothing else changes."""

import io

import cv2
import numpy as np
from page_steps import changed, encoded, Inpaint, noise, pixels_of
from PIL import Image
import pytest

pytestmark = pytest.mark.xdist_group('browser')


@pytest.fixture
def inpaint(new_page):
  """A page without a picture."""
  return Inpaint(new_page('#inpaint'))


def check_result(inpaint, before, mask):
  """Known pixels come back bit for bit; the hole is filled; alpha is kept."""
  after = pixels_of(inpaint.saved())
  differs = changed(before, after)
  np.testing.assert_array_equal(after[~mask], before[~mask])
  assert differs[mask].mean() > 0.95
  if before.ndim == 3 and before.shape[2] in (2, 4):
    np.testing.assert_array_equal(after[..., -1], before[..., -1])


def turned():
  """Returns a JPEG file whose EXIF says that it lies on its side."""
  exif = Image.Exif()
  exif[0x0112] = 6
  smooth = cv2.resize(noise(8, 6, 3), (48, 64))
  return encoded(smooth, 'JPEG', exif=exif)


FILES = {
    'photo.png': lambda: encoded(noise()),
    'grey.png': lambda: encoded(noise(48, 64)),
    'alpha.png': lambda: encoded(noise(48, 64, 4)),
    'deep.png': lambda: cv2.imencode(
        '.png', noise(48, 64, 3, dtype=np.uint16))[1].tobytes(),
    'photo.jpg': lambda: encoded(noise(), 'JPEG'),
    'turned.jpg': turned}


@pytest.mark.parametrize('name', FILES)
def test_the_drawn_mask_reaches_the_model_and_known_pixels_come_back(
    name, inpaint):
  contents = FILES[name]()
  before = pixels_of(contents)
  assert before.shape[:2] == (48, 64)
  inpaint.upload(contents, name).draw((10, 10), (30, 20), (50, 15))
  mask = inpaint.drawn()
  assert 0.05 < mask.mean() < 0.5
  inpaint.fill()
  check_result(inpaint, before, mask)
  has_original = inpaint.page.get_by_role('link', name='Save as JPEG')
  assert has_original.is_visible() == name.endswith('.jpg')


def test_strokes_are_in_pixels_of_the_picture_at_every_zoom(inpaint):
  before = noise()
  page = inpaint.upload(encoded(before)).page
  inpaint.draw((10.5, 20.5), (50.5, 20.5))
  fitted = inpaint.drawn()
  page.get_by_role('button', name='Clear area').click()
  page.get_by_role('button', name='Zoom to 100 %').click()
  inpaint.painted()
  assert inpaint.scale() == 1
  inpaint.draw((10.5, 20.5), (50.5, 20.5), scale=1)
  np.testing.assert_array_equal(inpaint.drawn(), fitted)
  inpaint.fill()
  check_result(inpaint, before, fitted)


def test_a_result_can_be_filled_again(inpaint):
  before = noise()
  inpaint.upload(encoded(before)).draw((10, 10), (30, 10))
  first = inpaint.drawn()
  once = pixels_of(inpaint.fill().saved())
  inpaint.page.get_by_role('button', name='Fill again').click()
  inpaint.page.locator('#status', has_text='The result is').wait_for()
  assert not inpaint.drawn().any()
  inpaint.draw((10, 40), (30, 40))
  second = inpaint.drawn()
  twice = pixels_of(inpaint.fill().saved())
  np.testing.assert_array_equal(twice[first], once[first])
  np.testing.assert_array_equal(changed(once, twice) & ~second, False)
  assert changed(once, twice)[second].mean() > 0.95


def test_two_pages_at_once_do_not_disturb_each_other(new_page):
  pictures = [noise(seed=seed) for seed in (1, 2)]
  pages = [Inpaint(new_page('#inpaint')).upload(encoded(picture))
           for picture in pictures]
  for page, row in zip(pages, (10, 35), strict=True):
    page.draw((10, row), (50, row))
  masks = [page.drawn() for page in pages]
  for page in pages:
    page.page.get_by_role('button', name='Fill missing regions').click()
  for page, picture, mask in zip(pages, pictures, masks, strict=True):
    page.page.get_by_role('link', name='Save image').wait_for()
    check_result(page, picture, mask)


def test_the_eraser_takes_away_what_is_left_after_undo(inpaint):
  page = inpaint.upload(encoded(noise())).page
  inpaint.draw((10, 10), (50, 10))
  one = inpaint.drawn()
  inpaint.draw((10, 30), (50, 30))
  page.keyboard.press('Control+z')
  inpaint.draw((30, 4), (30, 20), tool='Eraser')
  mask = inpaint.drawn()
  assert not mask[:, 26:35].any()
  np.testing.assert_array_equal(mask[:, :23], one[:, :23])
  assert page.get_by_role('button', name='Redo').is_disabled()
  page.keyboard.press('Control+z')
  np.testing.assert_array_equal(inpaint.drawn(), one)


def test_a_sketch_leads_a_run_that_follows_sketches(inpaint):
  before = noise()
  page = inpaint.upload(encoded(before)).page
  assert page.get_by_role('radio', name='Sketch').is_hidden()
  page.get_by_label('Model', exact=True).select_option('follower')
  inpaint.draw((10, 10), (50, 40), tool='Rectangle')
  mask = inpaint.drawn()
  without = pixels_of(inpaint.fill().saved())
  page.get_by_role('button', name='Back to marking').click()
  page.get_by_role('radio', name='Sketch').check()
  inpaint.draw((20, 12), (30, 35), tool='Line')
  assert inpaint.drawn('sketch').any()
  result = pixels_of(inpaint.fill().saved())
  differs = changed(without, result)
  assert differs[mask].any()
  np.testing.assert_array_equal(result[~mask], before[~mask])
  for name in ('Raw', 'Sketch'):
    page.get_by_role('radio', name=name, exact=True).check()


def test_edges_are_shown_and_those_that_are_drawn_reach_the_model(inpaint):
  page = inpaint.upload(encoded(np.kron(
      noise(6, 8, 3), np.ones((8, 8, 1), np.uint8)))).page
  page.get_by_label('Model', exact=True).select_option('follower')
  inpaint.draw((10, 10), (50, 40), tool='Rectangle')
  mask = inpaint.drawn()
  without = pixels_of(inpaint.fill().saved())
  page.get_by_role('button', name='Back to marking').click()
  page.get_by_role('button', name='Show edges').click()
  page.get_by_role('radio', name='Edges').and_(
      page.locator(':checked')).wait_for()
  edges = inpaint.drawn('edge map')
  assert edges[~mask].any()
  assert not edges[12:38, 12:48].any()
  same = pixels_of(inpaint.fill().saved())
  np.testing.assert_array_equal(same, without)
  page.get_by_role('button', name='Back to marking').click()
  inpaint.draw((2, 4), (60, 4), tool='Line')
  differs = changed(without, pixels_of(inpaint.fill().saved()))
  assert differs[mask].any()
  assert not differs[~mask].any()


def test_a_mask_file_is_read_and_what_was_understood_is_said(inpaint):
  page = inpaint.upload(encoded(noise())).page
  drawing = np.zeros((48, 64, 4), np.uint8)
  drawing[10:20, 30:50] = 255, 0, 0, 255
  page.locator('#marking details').evaluate('it => it.open = true')
  with page.expect_file_chooser() as chooser:
    page.get_by_role('button', name='Open mask file').click()
  chooser.value.set_files({'name': 'red.png', 'mimeType': 'image/png',
                           'buffer': encoded(drawing)})
  page.locator('#layer-said', has_text='red.png is open').wait_for()
  np.testing.assert_array_equal(inpaint.drawn(), drawing[..., 3] > 0)


def test_what_is_refused_is_said_in_place(new_page):
  inpaint = Inpaint(new_page('#inpaint'))
  page = inpaint.page
  page.locator('#file').set_input_files(
      {'name': 'notes.png', 'mimeType': 'image/png', 'buffer': b'no picture'})
  page.locator('#open-error', has_text='notes.png').wait_for()
  inpaint.upload(encoded(noise()))
  assert page.locator('#open-error').is_hidden()
  page.get_by_role('button', name='Fill missing regions').click()
  assert 'Nothing is marked' in page.get_by_role('alert').inner_text()
  # The browser itself reports the refusal (415), and nothing else.
  assert all('415' in line for line in new_page.complaints)
  new_page.complaints.clear()


def test_a_picture_is_filled_by_the_keyboard_alone(new_page):
  page = new_page()
  press = page.keyboard.press

  def tab_to(id):
    for _ in range(60):
      press('Tab')
      if page.evaluate('document.activeElement.id') == id:
        return
    raise AssertionError(f'Tab never reaches {id}')

  page.get_by_role('tab', name='Home').focus()
  press('ArrowRight')
  page.locator('#samples button').first.wait_for()
  tab_to('upload')
  with page.expect_file_chooser() as chooser:
    page.evaluate('0')  # by now the browser hands its dialog over
    press('Enter')
  before = noise()
  chooser.value.set_files({'name': 'a.png', 'mimeType': 'image/png',
                           'buffer': encoded(before)})
  page.locator('#opened-name', has_text='a.png').wait_for()
  tab_to('stage')
  for key in ('Enter', 'ArrowRight', 'ArrowDown', 'Enter'):
    press(key)
  tab_to('fill')
  press('Enter')
  page.get_by_role('link', name='Save image').wait_for()
  inpaint = Inpaint(page)
  differs = changed(before, pixels_of(inpaint.saved()))
  # From the middle 13 pixels to the right and 13 down, with a brush of 13.
  assert differs[18:38, 39:51].mean() > 0.7
  assert not differs[:17].any()
  tab_to('divider')
  press('ArrowLeft')
  assert page.get_by_role('slider').first.get_attribute('aria-valuenow') == '48'


def test_two_fingers_zoom_and_draw_nothing(new_page):
  inpaint = Inpaint(new_page('#inpaint', has_touch=True))
  page = inpaint.upload(encoded(noise())).page
  before = inpaint.scale()
  session = page.context.new_cdp_session(page)
  (x, y) = inpaint.at(32, 24)

  def touch(kind, *offsets):
    session.send('Input.dispatchTouchEvent', {'type': kind, 'touchPoints': [
        {'x': x + offset, 'y': y, 'id': finger}
        for finger, offset in enumerate(offsets)]})

  touch('touchStart', -40)
  touch('touchMove', -45)
  touch('touchStart', -45, 40)
  for step in range(1, 6):
    touch('touchMove', -45 - 10 * step, 40 + 10 * step)
  touch('touchEnd')
  inpaint.painted()
  assert inpaint.scale() > 1.5 * before
  assert not inpaint.drawn().any()
  touch('touchStart', -40)
  touch('touchMove', 40)
  touch('touchEnd')
  assert inpaint.drawn().any()


def test_letters_choose_tools_but_not_while_a_number_is_typed(inpaint):
  page = inpaint.upload(encoded(noise())).page
  eraser = page.get_by_role('radio', name='Eraser')
  width = page.get_by_label('Any line width')
  width.focus()
  page.keyboard.press('e')
  page.keyboard.press(']')
  assert not eraser.is_checked()
  assert width.input_value() != '15'
  inpaint.stage.focus()
  page.keyboard.press('e')
  page.keyboard.press(']')
  assert eraser.is_checked()
  assert width.input_value() == '15'


@pytest.mark.parametrize('hash', ['#home', '#inpaint'])
def test_nothing_is_cut_off_on_a_phone(hash, new_page):
  page = new_page(hash)
  page.set_viewport_size({'width': 360, 'height': 740})
  if hash == '#inpaint':
    Inpaint(page).upload(encoded(noise()))
  assert page.evaluate('document.documentElement.scrollWidth') == 360
  assert page.evaluate('''() => {
    const tabs = document.querySelector('[role=tablist]');
    return tabs.scrollWidth <= tabs.clientWidth;
  }''')


def test_the_hole_may_be_tinted_instead_of_white(inpaint):
  page = inpaint.upload(encoded(noise())).draw((20, 20), (40, 20)).page
  page.locator('#marking details').evaluate('it => it.open = true')
  page.get_by_label('White holes').uncheck()
  inpaint.painted()
  x, y = inpaint.at(30, 20)
  shot = np.asarray(Image.open(io.BytesIO(page.screenshot(
      clip={'x': x - 20, 'y': y - 10, 'width': 40, 'height': 20}))))
  assert len(np.unique(shot[..., :3].reshape(-1, 3), axis=0)) > 3


@pytest.mark.parametrize('way', ['drop', 'paste'])
def test_a_picture_may_be_dropped_or_pasted(way, inpaint):
  page = inpaint.page
  page.evaluate('''([way, bytes]) => {
    const transfer = new DataTransfer();
    transfer.items.add(
        new File([Uint8Array.from(bytes)], 'given.png', {type: 'image/png'}));
    const stage = document.getElementById('stage');
    stage.dispatchEvent(way === 'drop' ?
        new DragEvent('drop', {dataTransfer: transfer, bubbles: true}) :
        new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true}));
  }''', [way, list(encoded(noise()))])
  page.locator('#opened-name', has_text='given.png').wait_for()


def test_the_place_in_the_queue_is_shown_and_waiting_can_be_given_up(inpaint):
  page = inpaint.upload(encoded(noise())).draw((10, 10), (30, 20)).page
  deleted = []

  def answer(route):
    if route.request.method == 'DELETE':
      deleted.append(route.request.url)
      route.continue_()
    else:
      route.fulfill(json={'state': 'waiting', 'position': 3, 'done': 0,
                          'message': '', 'seconds': 0, 'plan': '', 'maps': []})

  page.route('**/api/fills/*', answer)
  page.get_by_role('button', name='Fill missing regions').click()
  page.locator('#progress-text', has_text='place 3 in the queue').wait_for()
  with page.expect_request(
      lambda request: request.method == 'DELETE'):
    page.get_by_role('button', name='Cancel').click()
  assert 'cancelled' in page.locator('#status').inner_text()
  assert page.get_by_role('button', name='Fill missing regions').is_enabled()
  page.unroute('**/api/fills/*')
  inpaint.fill()
  assert len(deleted) == 1
