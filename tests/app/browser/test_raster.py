"""Strokes, undo and files of the page's two-valued layers, without a screen."""

import base64
import io
import json

import numpy as np
from PIL import Image
import pytest
from scipy import ndimage

pytestmark = pytest.mark.xdist_group('browser')
HEIGHT, WIDTH = 40, 60


@pytest.fixture(scope='module')
def run(browser, address):
  """Returns what runs a function body with a new layer, and gives the layer.

  What the body returns becomes the second value.
  """
  page = browser.new_page()
  page.goto(address)

  def run(body, **given):
    data, value = page.evaluate(f'''async given => {{
      const raster = await import('/static/raster.js');
      const {{History, difference}} = await import('/static/history.js');
      const png = await import('/static/png.js');
      const layer = raster.createLayer({WIDTH}, {HEIGHT});
      const {{{', '.join(given)}}} = given;
      const value = await (async () => {{{body}}})();
      return [[...layer.data], value ?? null];
    }}''', given)
    return np.reshape(data, (HEIGHT, WIDTH)) > 0, value

  yield run
  page.close()


def distances(start, end):
  """Returns how far pixels' middles are from a straight line."""
  y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
  (ax, ay), (bx, by) = start, end
  length = (bx - ax)**2 + (by - ay)**2
  t = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length or 1),
              0, 1)
  return np.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay))


@pytest.mark.parametrize('width', [1, 2, 5, 7, 12, 13, 15])
@pytest.mark.parametrize('line', [
    ((30.2, 20.7), (30.2, 20.7)), ((10, 20), (50, 20)), ((20, 5), (20, 33)),
    ((5.3, 7.9), (51.2, 30.4)), ((50.5, 10.5), (13.5, 36.5)),
    ((-20, -5), (80, 60))])
def test_a_stroke_is_all_pixels_within_half_its_width(width, line, run):
  drawn, box = run('return raster.drawLine(layer, start, end, width, 1);',
                   start=dict(zip('xy', line[0], strict=True)),
                   end=dict(zip('xy', line[1], strict=True)), width=width)
  snap = ((lambda v: np.floor(v) + 0.5) if width % 2
          else lambda v: np.floor(v + 0.5))
  expected = distances(*(tuple(map(snap, place)) for place in line)
                       ) <= width / 2 + 1e-6
  np.testing.assert_array_equal(drawn, expected)
  rows, columns = np.nonzero(drawn)
  assert box['left'] <= columns.min()
  assert box['right'] > columns.max()
  assert box['top'] <= rows.min()
  assert box['bottom'] > rows.max()


def test_a_lasso_holds_what_it_goes_around(run):
  drawn, _ = run('''raster.drawPolygon(layer, [
      {x: 10, y: 5}, {x: 50, y: 5}, {x: 50, y: 35}, {x: 30, y: 15},
      {x: 10, y: 35}], 1);''')
  assert drawn[6:15, 11:50].all()
  assert drawn[30, 12]
  assert drawn[30, 47]
  assert not drawn[25:, 27:33].any()
  # A loop that crosses itself holds both of its halves.
  drawn, _ = run('''raster.drawPolygon(layer, [
      {x: 10, y: 10}, {x: 50, y: 30}, {x: 50, y: 10}, {x: 10, y: 30}], 1);''')
  assert drawn[20, 12]
  assert drawn[20, 48]


@pytest.mark.parametrize('pixels', [1, 4, -1, -3])
def test_growing_and_shrinking_go_by_distance(pixels, run):
  draw = '''raster.drawLine(layer, {x: 5, y: 0}, {x: 40, y: 30}, 9, 1);
            raster.drawRectangle(layer, {x: 50, y: 30}, {x: 59, y: 39}, 1);'''
  before, _ = run(draw)
  after, _ = run(draw + 'raster.grow(layer, pixels);', pixels=pixels)
  if pixels > 0:
    expected = ndimage.distance_transform_edt(~before) <= pixels
  else:
    expected = ndimage.distance_transform_edt(before) > -pixels
  np.testing.assert_array_equal(after, expected)


def test_any_number_of_steps_is_undone_and_done_again(run):
  _, states = run('''
    const history = new History();
    const states = [[...layer.data].join('')];
    for (let i = 0; i < 30; i++) {
      const before = layer.data.slice();
      const place = () => ({x: (i * 37) % 60, y: (i * 23) % 40});
      const to = {x: (i * 17) % 70, y: (i * 29) % 50};
      const box = i % 7 === 6 ? raster.invert(layer) :
        raster.drawLine(layer, place(), to, 1 + i % 9, (i % 3) ? 1 : 0) ||
        raster.whole(layer);
      history.add('mask', difference(before, layer, box));
      const state = [...layer.data].join('');
      if (state !== states.at(-1)) states.push(state);
    }
    const back = [[...layer.data].join('')];
    while (history.canUndo) {
      history.undo({mask: layer});
      back.unshift([...layer.data].join(''));
    }
    while (history.canRedo) history.redo({mask: layer});
    return JSON.stringify([states, back, [...layer.data].join('')]);
  ''')
  forward, back, last = json.loads(states)
  assert len(forward) > 20
  assert forward == back
  assert last == forward[-1]


def test_the_history_forgets_the_oldest_steps_when_it_is_full(run):
  _, (steps, used) = run('''
    const history = new History(1000);
    for (let i = 0; i < 100; i++) {
      const before = layer.data.slice();
      raster.drawLine(layer, {x: i % 60, y: 5}, {x: 30, y: 30}, 3, i % 2);
      history.add('mask', difference(before, layer, raster.whole(layer)));
    }
    return [history.changes.length, history.used];''')
  assert 1 <= steps < 20
  assert used <= 1000


def test_a_layer_is_a_grey_png_of_two_values_and_comes_back(run):
  drawn, (encoded, is_equal) = run('''
    raster.drawLine(layer, {x: 5, y: 3}, {x: 55, y: 38}, 7, 1);
    const blob = await png.encode(layer);
    const back = await png.decode(blob);
    const bytes = new Uint8Array(await blob.arrayBuffer());
    return [btoa(String.fromCharCode(...bytes)),
            back.data.every((value, i) => value === layer.data[i])];''')
  image = Image.open(io.BytesIO(base64.b64decode(encoded)))
  assert image.mode == 'L'
  np.testing.assert_array_equal(np.asarray(image), 255 * drawn)
  assert is_equal
