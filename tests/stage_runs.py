"""Short runs, of one stage after another, on photographs at 32 px.

What every stage promises is in `test_stages.py`; a run adds files, resuming,
evaluation, and what a later stage takes from an earlier one.
"""

import json

import jax
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
  config.steps, config.batch_size, config.eval_examples = 1, 4, 4
  config.pretrained = 'none'
  config.start_from = ','.join(map(str, earlier))
  config.data.update(source='photos', eval_source=f'folder:{folder}/held out',
                     size=32, crop='random', precrop=0)
  config.options.update(options)
  return config


def trained(config, workdir, *, resumed=False):
  """Trains one step; returns the work directory.

  Args:
    config: the run's.
    workdir: where it is written.
    resumed: whether the same command is given again. It goes on from the very
      state that the step left, of weights, statistics and optimisers: the next
      step could not but be the same. It makes none, which would take as long as
      all else here; `training/test_loop.py` holds what comes of the steps.
  """
  if not workdir.exists():
    state = loop.train(config, workdir)
    if resumed:
      again = loop.train(config, workdir)
      assert int(again.step) == 1
      jax.tree.map(_check_same, state, again)
  return workdir


def _check_same(array, other):
  assert array.dtype == other.dtype
  np.testing.assert_array_equal(array, other)


def scores(workdir, method='jinpaint'):
  """Returns what a run's last evaluation says of a method."""
  summary = json.loads((workdir / 'evaluation/summary.json').read_text())
  assert summary['step'] == json.loads(
      (workdir / 'config.json').read_text())['steps']
  return summary['methods'].get(method)


def check_it_fills(workdir, edge_map=False, **options):
  """Fills a hole of a picture of an odd size; known pixels come back.

  Args:
    workdir: of a run.
    edge_map: whether a drawing of the edges is given.
    **options: of `jinpaint.load`.
  """
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (37, 50, 3), np.uint8)
  mask = np.zeros((37, 50), np.uint8)
  mask[10:20, 10:20] = 1
  given = {'edge_map': np.uint8(255 * (rng.random((37, 50)) > 0.9))
           } if edge_map else {}
  inpaint = jinpaint.load(workdir, **options)
  filled = inpaint(image, mask, **given)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  assert (filled[mask == 1] != image[mask == 1]).any()
  # From the files to the result, nothing looks into the hole.
  other = np.where(mask[..., None] == 1, 255 - image, image)
  np.testing.assert_array_equal(inpaint(other, mask, **given), filled)


def check_it_trains_and_fills(config, workdir):
  """Trains a run that is stopped and goes on, is scored, and fills a hole.

  Args:
    config: as `short` returns it, of a stage that makes an image.
    workdir: where the run is written.
  """
  trained(config, workdir, resumed=True)
  assert 'psnr_hole' in scores(workdir)
  check_it_fills(workdir)
