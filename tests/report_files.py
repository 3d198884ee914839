"""Folders of evaluations and of runs, as those programs write them."""

import csv
import json
import math
from pathlib import Path

from clu import metric_writers
import numpy as np

from jinpaint.data import files

HOSTILE = '<img src=x>.png'
METHODS = ('jinpaint', 'OpenCV Telea', 'a & "b": <script>alert(1)</script>')
IMAGES = ('a.png', HOSTILE, 'c, "d".png', 'e.png', 'f.png', 'g.png')
HOLES = (0.05, 0.051, 0.152, 0.153, 0.154, 1.0)
MEASURES = {
    'psnr': {'name': 'PSNR', 'definition': 'ten logarithms',
             'better': 'higher', 'unit': 'dB'},
    'lpips': {'name': 'LPIPS', 'definition': 'distance of <features>',
              'better': 'lower', 'unit': ''}}


def scores(method, key):
  """(N,); the first method is infinite once."""
  place = METHODS.index(method) + 10 * list(MEASURES).index(key)
  values = np.random.default_rng(place).uniform(10, 30, len(IMAGES)).round(6)
  if method == METHODS[0] and key == 'psnr':
    values[2] = math.inf
  return values


def summary():
  """What `summary.json` holds; each number in it is another one."""
  rng = np.random.default_rng(1)
  interval = lambda mean: {
      'mean': mean, 'low': mean - rng.uniform(1, 2),
      'high': mean + rng.uniform(1, 2)}
  means = {}
  for method in METHODS:
    means[method] = {}
    for key in MEASURES:
      values = scores(method, key)
      finite = values[np.isfinite(values)]
      means[method][key] = interval(float(finite.mean())) | {
          'count': finite.size, 'infinite': values.size - finite.size,
          'undefined': 0}
  return {
      'protocol': {},
      'step': 77, 'system': 'pconv', 'stage': 'train', 'seed': 3,
      'data': {'mask': 'strokes', 'source': 'folder:/<b>photos'},
      'images': len(IMAGES), 'mean_hole_fraction': 0.2593,
      'remarks': {METHODS[1]: 'it looks & <guesses>'},
      'methods': means, 'measures': MEASURES,
      'differences': {
          method: {key: interval(float(rng.uniform(-5, 5))) for key in MEASURES}
          for method in METHODS[1:]},
      'sets': {method: {'kid': float(rng.uniform(0.1, 0.9))}
               for method in METHODS},
      'set_measures': {'kid': {'name': 'KID', 'better': 'lower',
                               'definition': 'of <all>'}},
      'left_out': {'fid/clean': 'no <weights> here'},
      'bins': [{'low': low, 'high': high, 'images': images, 'methods': {
          method: {key: interval(float(rng.uniform(10, 30)))
                   for key in MEASURES} for method in METHODS}}
               for low, high, images in ((0, 0.1, 2), (0.1, 1, 4))],
      'manifest': {'weights': {'generator': 'ab12cd'}, 'host': '<host>'}}


def picture(size=24, seed=0):
  return np.random.default_rng(seed).integers(
      256, size=(size, size, 3), dtype=np.uint8)


def evaluation(directory, content=None, *, gallery=True):
  """Writes an evaluation; returns what `summary.json` holds."""
  content = content or summary()
  if gallery:
    mask = np.zeros((24, 24, 3), np.uint8)
    mask[6:12, 6:18] = 255
    pixels = {'truth': picture(), 'mask': mask, **{
        method: picture(seed=i) for i, method in enumerate(METHODS)}}
    for i, array in enumerate(pixels.values()):
      files.write(directory / f'gallery/{i}.png', files.Picture(array))
    content['gallery'] = [
        {'image': image, 'index': IMAGES.index(image), 'rank': rank,
         'files': {name: f'gallery/{i}.png' for i, name in enumerate(pixels)}}
        for image, rank in ((HOSTILE, 'best'), ('e.png', 'worst'))]
  files.write_atomically(directory / 'summary.json',
                         json.dumps(content).encode())
  columns = [(method, key) for method in METHODS for key in MEASURES]
  with (directory / 'images.csv').open('w', newline='') as file:
    writer = csv.writer(file)
    writer.writerow(['image', 'hole_fraction', *map(': '.join, columns)])
    for i, image in enumerate(IMAGES):
      writer.writerow([image, HOLES[i], *(
          f'{scores(method, key)[i]:.6f}' for method, key in columns)])
  files.write(directory / 'examples.png', files.Picture(picture(40, 9)))
  return content


def events(workdir, numbers, pictures=None):
  """Writes one event file.

  Args:
    workdir: the run's directory.
    numbers: step -> {name: value}.
    pictures: step -> RGB (H, W, 3) uint8.
  """
  Path(workdir).mkdir(exist_ok=True)
  before = set(workdir.iterdir())
  writer = metric_writers.SummaryWriter(str(workdir))
  for step, values in numbers.items():
    writer.write_scalars(step, values)
    if step in (pictures or {}):
      writer.write_images(step, {'examples': pictures[step][None]})
  writer.close()
  [file] = set(workdir.iterdir()) - before
  return file


def run(workdir, *, learning_rate=0.1):
  """Writes what a training leaves."""
  events(workdir, {
      step: {'l1': 1 / step, 'adversarial': -0.5, 'gradient_norm/net': 2.0,
             'learning_rate/net': learning_rate, 'validation/psnr': 20 + step,
             'seconds_per_step': 0.25, 'seconds_left': 10.0}
      for step in range(1, 6)}, {2: picture(16, 2), 4: picture(16, 4)})
  config = {'system': 'pconv', 'data': {'source': 'folder:/<i>x'},
            'learning_rate': learning_rate}
  (workdir / 'config.json').write_text(json.dumps(config))
  (workdir / 'parameters.txt').write_text('net/kernel | (3, 3) | <9>\n')
  return workdir
