"""What people do in the Inpaint tab, and pictures to do it with."""

import io

import numpy as np
from PIL import Image

from jinpaint.data import decoding

HEIGHT, WIDTH = 48, 64


def noise(*shape, seed=0, dtype=np.uint8):
  """Returns a picture that no model fills as it was."""
  least, most = (1, 255) if dtype == np.uint8 else (300, 65_000)
  return np.random.default_rng(seed).integers(
      least, most, shape or (HEIGHT, WIDTH, 3), dtype)


def encoded(pixels, kind='PNG', **options):
  """Returns the bytes of a file."""
  stream = io.BytesIO()
  Image.fromarray(pixels).save(stream, kind, **options)
  return stream.getvalue()


def pixels_of(contents):
  """Returns the upright pixels of a file."""
  return decoding.decode(contents).pixels


class Inpaint:
  """The Inpaint tab of a page."""

  def __init__(self, page):
    self.page = page
    self.stage = page.locator('#stage')
    self.size = HEIGHT, WIDTH

  def upload(self, contents, name='photo.png'):
    """Opens a file by its dialog and waits until it is seen."""
    with self.page.expect_file_chooser() as chooser:
      self.page.get_by_role('button', name='Upload image').click()
    chooser.value.set_files({'name': name, 'mimeType': 'image/png',
                             'buffer': contents})
    self.page.locator('#opened-name', has_text=name).wait_for()
    self.painted()
    return self

  def painted(self):
    """Waits until the picture is drawn again."""
    self.page.evaluate('''() => new Promise(resolve => requestAnimationFrame(
        () => requestAnimationFrame(resolve)))''')

  def scale(self):
    """Returns how many pixels of the page one of the picture takes."""
    return self.page.evaluate(
        "Number.parseInt(document.getElementById('zoom').textContent) / 100")

  def at(self, x, y, scale=None):
    """Returns where a place of the picture is, which lies in the middle."""
    box = self.stage.bounding_box()
    width, height = box['width'] - 2, box['height'] - 2  # without its border
    scale = scale or min(width / self.size[1], height / self.size[0])
    return (box['x'] + 1 + width / 2 + (x - self.size[1] / 2) * scale,
            box['y'] + 1 + height / 2 + (y - self.size[0] / 2) * scale)

  def draw(self, *places, scale=None, tool=None):
    """Draws from place to place, with the tool in hand or another one."""
    if tool:
      self.page.get_by_role('radio', name=tool, exact=True).check()
    mouse = self.page.mouse
    mouse.move(*self.at(*places[0], scale))
    mouse.down()
    for place in places[1:]:
      mouse.move(*self.at(*place, scale))
    mouse.up()
    mouse.move(5, 5)
    return self

  def drawn(self, layer='mask'):
    """Returns what is drawn, (H, W) bool, by the file that saves it."""
    self.page.locator('#marking details').evaluate('it => it.open = true')
    with self.page.expect_download() as download:
      self.page.get_by_role('button', name=f'Save {layer}').click()
    pixels = np.asarray(Image.open(download.value.path()))
    assert set(np.unique(pixels)) <= {0, 255}
    return pixels > 0

  def fill(self):
    """Fills and waits for the result."""
    self.page.get_by_role('button', name='Fill missing regions').click()
    self.page.get_by_role('link', name='Save image').wait_for(timeout=60_000)
    return self

  def saved(self):
    """Returns the file of the result."""
    with self.page.expect_download() as download:
      self.page.get_by_role('link', name='Save image').click()
    return download.value.path().read_bytes()


def changed(before, after):
  """Returns where two pictures differ, (H, W) bool."""
  assert before.shape == after.shape
  assert before.dtype == after.dtype
  return np.atleast_3d(before != after).any(2)
