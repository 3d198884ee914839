"""The tests of a graphical program that the InpaintGAN report plans: Table 13.

Those of its training windows, 4 to 13, are in `test_train_page.py`.
"""

import io

import numpy as np
import page_steps
from page_steps import Inpaint
from PIL import Image
import pytest

pytestmark = pytest.mark.xdist_group('browser')


@pytest.fixture
def page(new_page):
  return new_page()


@pytest.fixture
def inpaint(new_page):
  """A page with a picture."""
  return Inpaint(new_page('#inpaint')).upload(
      page_steps.encoded(page_steps.noise()))


@pytest.mark.parametrize(('number', 'tab', 'panel'), [
    (1, 'Home', 'home'), (2, 'Train', 'train'), (3, 'Inpaint', 'inpaint')])
def test_01_02_03_a_tab_opens_its_window(number, tab, panel, new_page):
  page = new_page('#convert' if number == 1 else '')
  page.get_by_role('tab', name=tab).click()
  assert page.locator('[role=tabpanel]:visible').get_attribute(
      'id') == f'panel-{panel}'
  assert page.url.endswith(f'#{panel}')


def test_14_upload_image_opens_the_file_dialog(page):
  page.get_by_role('tab', name='Inpaint').click()
  with page.expect_file_chooser() as chooser:
    page.get_by_role('button', name='Upload image').click()
  assert not chooser.value.is_multiple()


def test_15_a_new_file_takes_the_place_of_the_one_before(inpaint):
  inpaint.draw((10, 10), (30, 20))
  second = page_steps.noise(seed=1)
  inpaint.upload(page_steps.encoded(second), 'second.png')
  assert 'photo.png, whose marks are gone' in inpaint.page.locator(
      '#status').inner_text()
  assert not inpaint.drawn().any()
  assert inpaint.page.get_by_role('button', name='Undo').is_disabled()
  inpaint.draw((10, 10), (30, 20))
  mask = inpaint.drawn()
  result = page_steps.pixels_of(inpaint.fill().saved())
  np.testing.assert_array_equal(result[~mask], second[~mask])


def test_16_mask_image_goes_to_the_marking(inpaint):
  assert inpaint.page.evaluate('document.activeElement.id') != 'stage'
  inpaint.page.get_by_role('button', name='Mask image').click()
  assert inpaint.page.locator('#step-mark').get_attribute('aria-current') == (
      'step')
  assert inpaint.page.evaluate('document.activeElement.id') == 'stage'


@pytest.mark.parametrize('ratio', [1, 2])
def test_17_what_is_erased_is_white_with_nothing_under_it(ratio, new_page):
  inpaint = Inpaint(new_page('#inpaint', device_scale_factor=ratio)).upload(
      page_steps.encoded(page_steps.noise()))
  inpaint.draw((20, 20.5), (40, 20.5))
  (left, top), (right, bottom) = inpaint.at(20, 15), inpaint.at(40, 26)
  inpaint.painted()
  shot = np.asarray(Image.open(io.BytesIO(inpaint.page.screenshot(clip={
      'x': left, 'y': top, 'width': right - left, 'height': bottom - top}))))
  assert (shot[..., :3] == 255).all()


def test_18_what_is_drawn_is_kept(inpaint):
  inpaint.draw((20.5, 20.5), (40.5, 20.5))
  for tab in ('Home', 'Inpaint'):
    inpaint.page.get_by_role('tab', name=tab).click()
  mask = inpaint.drawn()
  assert mask[14:27, 20:41].all()
  assert mask.sum() == pytest.approx(13 * 20 + np.pi * 6.5**2, rel=0.02)


def test_19_a_line_is_as_wide_as_the_width_that_is_chosen(inpaint):
  assert inpaint.page.get_by_role('radio', name='13', exact=True).is_checked()
  inpaint.page.get_by_role('radio', name='7', exact=True).check()
  inpaint.draw((20, 20.5), (40, 20.5))
  assert list(np.flatnonzero(inpaint.drawn()[:, 30])) == [*range(17, 24)]


def test_20_clear_area_takes_all_lines_away(inpaint):
  inpaint.draw((10, 10), (30, 10)).draw((10, 30), (30, 40))
  inpaint.page.get_by_role('button', name='Clear area').click()
  assert not inpaint.drawn().any()
  inpaint.page.get_by_role('button', name='Undo').click()
  assert inpaint.drawn().any()


def test_21_fill_missing_regions_shows_that_it_fills_and_then_the_result(
    inpaint):
  page = inpaint.draw((10, 10), (30, 20)).page
  page.get_by_role('button', name='Fill missing regions').click()
  page.get_by_role('heading', name='Filling missing regions').wait_for()
  page.get_by_role('slider', name='Border between before and after').wait_for()
  assert page.get_by_role('heading', name='Filling missing regions').is_hidden()
  assert 'Filled as a whole' in page.locator('#result-text').inner_text()


def test_22_save_image_saves_a_file(inpaint):
  inpaint.draw((10, 10), (30, 20)).fill()
  with inpaint.page.expect_download() as download:
    inpaint.page.get_by_role('link', name='Save image').click()
  assert download.value.suggested_filename == 'photo_filled.png'
  assert Image.open(download.value.path()).size == (64, 48)
