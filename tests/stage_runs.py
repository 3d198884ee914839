"""Short runs, of one stage after another, on photographs at 64 px."""

import json

import numpy as np

import jinpaint
from jinpaint.data import files, sources
from jinpaint.training import loop


def held_out(folder):
  """Writes two photographs to be evaluated on; returns their source."""
  photographs = sources.Photos('validation')
  for i in range(2):
    files.write(folder / 'held out' / f'{i}.png',
                files.Picture(photographs.read(i)))
  return f'folder:{folder}/held out'


def short(config, folder, *earlier, **options):
  """Returns a config that needs nothing but photographs and little time.

  Args:
    config: of any system.
    folder: below which `held_out` has written.
    *earlier: the runs that this one starts from.
    **options: of the system.
  """
  config.steps, config.batch_size, config.eval_examples = 2, 4, 4
  config.pretrained = 'none'
  config.start_from = ','.join(map(str, earlier))
  config.data.update(source='photos', eval_source=f'folder:{folder}/held out',
                     size=64, crop='random', precrop=0)
  config.options.update(options)
  return config


def trained(config, workdir):
  """Trains three steps, stopping after two; returns the work directory."""
  if not workdir.exists():
    config.steps = 2
    loop.train(config, workdir)
    config.steps = 3
    assert int(loop.train(config, workdir).step) == 3
  return workdir


def scores(workdir, method='jinpaint'):
  """Returns what a run's evaluation says of a method, after three steps."""
  summary = json.loads((workdir / 'evaluation/summary.json').read_text())
  assert summary['step'] == 3
  return summary['methods'].get(method)


def check_it_fills(workdir, **options):
  """Fills a hole of a picture of an odd size; known pixels come back."""
  image = np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8)
  mask = np.zeros((37, 50), np.uint8)
  mask[10:20, 10:20] = 1
  filled = jinpaint.load(workdir, **options)(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  assert (filled[mask == 1] != image[mask == 1]).any()
