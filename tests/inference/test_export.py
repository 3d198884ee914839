"""Exported files fill as the run does, with nothing but jax and NumPy."""

import datetime
import importlib
import io
import json
from pathlib import Path
import pickle
import subprocess
import sys
import zipfile

import jax
import numpy as np
import optax
import pytest
import stage_weights
import test_stages

import jinpaint
from jinpaint import inference, runs, training
from jinpaint.converters import pretrained
from jinpaint.errors import UsageError
from jinpaint.inference import export
from jinpaint.layers import smooth_fill
from jinpaint.networks import hed
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.types import KEYS

ROOT = Path(__file__).parents[2]


def run_of(folder, system, variant, **changes):
  """Writes a small run, not trained; returns its work directory."""
  config = importlib.import_module(
      f'jinpaint.configs.{system}').get_config(variant)
  config.pretrained = 'none'
  config.options.update(test_stages.SMALL[system])
  config.update(changes)
  stage = runs.stage_of(config)
  batch = {key: np.zeros((1, 64, 64, KEYS[key].channels), np.float32)
           for key in stage.keys}
  runs.claim(folder, config)
  with Checkpoints(folder, keep=1) as saved:
    saved.save(stage_weights.draw(training.shapes(
        stage, {name: optax.sgd(1.0) for name in stage.trained}, batch)),
               {'seed': 0, 'position': 0})
  return folder


def picture(height, width, *channels):
  return np.random.default_rng(0).integers(
      0, 256, (height, width, *channels), np.uint8)


def holes(height, width):
  """A block, a line on the border, a lone pixel."""
  mask = np.zeros((height, width), np.uint8)
  mask[height // 4:height // 2 + 1, width // 3:width // 2 + 1] = 1
  mask[-1] = 1
  mask[0, 0] = 1
  return mask


@pytest.fixture(scope='module')
def any_size(tmp_path_factory):
  """A run that can be exported for any size, and its exported file."""
  folder = tmp_path_factory.mktemp('any size')
  run = run_of(folder / 'run', 'pconv_lines', 'photos')
  export.write(run, folder / 'file.jinpaint', platforms=('cpu', 'cuda', 'tpu'))
  return run, folder / 'file.jinpaint'


@pytest.fixture(scope='module')
def packaged(tmp_path_factory):
  """The model that comes with jinpaint, exported for two small sizes."""
  path = tmp_path_factory.mktemp('packaged') / 'file.jinpaint'
  export.write(None, path, sizes=((192, 192), (128, 128)), platforms=('cpu',))
  return path


def changed(source, path, *, without=(), **entries):
  """Copies a zip, with some entries replaced or left out."""
  with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, 'w') as new:
    for name in old.namelist():
      if name not in entries and name not in without:
        new.writestr(name, old.read(name))
    for name, content in entries.items():
      new.writestr(name, content)
  return path


def about_of(path):
  return json.loads(zipfile.ZipFile(path).read('about.json'))


def refused(path):
  """Returns the one line by which a file is refused."""
  with pytest.raises(UsageError) as raised:
    jinpaint.load(path)
  assert '\n' not in str(raised.value)
  return str(raised.value)


# What is filled


@pytest.mark.parametrize(('size', 'form'), [
    ((70, 93), (3,)), ((70, 93), ()), ((65, 96), (2,)), ((65, 96), (4,))])
def test_a_file_for_any_size_fills_as_the_run_does(any_size, size, form):
  run, path = any_size
  image, mask = picture(*size, *form), holes(*size)
  filled = jinpaint.load(path)(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  expected = jinpaint.load(run)(image, mask)
  assert np.ptp(expected[mask == 1].astype(int)) > 100
  np.testing.assert_allclose(filled.astype(int), expected, atol=1)


def test_the_packaged_model_fills_its_sizes_as_before(packaged):
  image, mask = picture(128, 128, 3), holes(128, 128)
  filled = jinpaint.load(packaged)(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  np.testing.assert_allclose(
      filled.astype(int), jinpaint.load()(image, mask), atol=1)


def test_the_packaged_model_becomes_one_program_for_any_size(
    tmp_path, monkeypatch):
  monkeypatch.setattr(smooth_fill, '_MOST_HALVINGS', 5)  # which is faster
  path = tmp_path / 'f.jinpaint'
  assert not export.write(None, path, platforms=('cpu',)).sizes
  image, mask = picture(29, 31, 3), holes(29, 31)
  filled = jinpaint.load(path)(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  np.testing.assert_allclose(
      filled.astype(int), jinpaint.load()(image, mask), atol=1)


@pytest.mark.parametrize('size', [(33, 50), (128, 129), (210, 61)])
def test_other_sizes_are_filled_in_windows(packaged, size):
  # Where colours go over into each other evenly, any window shows the same.
  image = np.stack(np.broadcast_arrays(
      np.linspace(20, 200, size[0])[:, None], np.linspace(90, 130, size[1]),
      100), axis=-1).astype(np.uint8)
  mask = np.zeros(size, np.uint8)
  mask[::17] = 1
  mask[5:25, -2:] = 1
  inpaint = jinpaint.load(packaged)
  filled = inpaint(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  np.testing.assert_allclose(filled.astype(int), image, atol=6)
  if max(size) > 128:
    with pytest.raises(UsageError, match='128x128 or 192x192 pixels'):
      inpaint(image, mask, strategy='original')


def test_pictures_of_a_size_that_was_asked_for_are_filled_as_the_run_does(
    tmp_path):
  path = tmp_path / 'f.jinpaint'
  about = export.write(None, path, sizes=((29, 45), (45, 29)),
                       platforms=('cpu',))
  assert sorted(about.sizes) == [(32, 48), (48, 32)]
  inpaint = jinpaint.load(path)
  for size in ((29, 45), (45, 29)):
    image, mask = picture(*size, 3), holes(*size)
    np.testing.assert_allclose(
        inpaint(image, mask).astype(int), jinpaint.load()(image, mask), atol=1)
  with pytest.raises(UsageError, match='and nothing else'):
    inpaint(picture(45, 45, 3), holes(45, 45))


def test_a_hole_wider_than_a_window_takes_a_larger_one_or_is_refused(packaged):
  inpaint = jinpaint.load(packaged)
  for width in (180, 400):
    image, mask = picture(130, width, 3), np.zeros((130, width), np.uint8)
    mask[:, 10:width - 10] = 1
    if width == 180:
      filled = inpaint(image, mask)
      np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
    else:
      with pytest.raises(UsageError, match='wider than the windows of 192'):
        inpaint(image, mask)
  with pytest.raises(UsageError, match='a size of 64 is too small'):
    export.write(None, packaged.with_name('g.jinpaint'), sizes=((64, 64),))


@pytest.mark.parametrize(('system', 'variant', 'sizes', 'size'), [
    ('edgeconnect', 'joint', (), (99, 70)),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in [
        ('gated', 'places2', ((128, 136),), (125, 133)),
        ('lama', 'fourier', ((128, 144),), (128, 144)),
        ('isnet', 'places2', (), (70, 93)),
        ('pconv', 'train', (), (70, 93)),
        ('cfs', 'joint', ((128, 160),), (128, 160)),
        ('inpaintgan', 'joint', (), (150, 131)),
        ('sketchrefiner', 'inpaint', ((128, 136),), (125, 133))])])
def test_every_system_fills_as_its_run_does(
    tmp_path, system, variant, sizes, size):
  run, path = run_of(tmp_path / 'run', system, variant), tmp_path / 'f.jinpaint'
  about = export.write(run, path, sizes=sizes, platforms=('cpu',))
  assert about.sizes == sizes
  inpaint, opened = inference.load(run), jinpaint.load(path)
  for name in ('follows_sketches', 'sketch_cut', 'reads_edges', 'finds_edges',
               'needs_edge_map'):
    assert getattr(opened, name) == getattr(inpaint, name), name
  image, mask = picture(*size, 3), holes(*size)
  drawing = np.zeros(size, np.uint8)
  drawing[10:60, 20:24] = 255
  given = {'sketch': drawing} if inpaint.follows_sketches else {}
  cases = [given]
  if inpaint.reads_edges:
    cases.append({**given, 'edge_map': drawing})
  results = []
  for case in cases:
    results.append(opened(image, mask, **case))
    expected = inpaint(image, mask, **case)
    np.testing.assert_array_equal(results[-1][mask == 0], image[mask == 0])
    np.testing.assert_allclose(results[-1].astype(int), expected, atol=1)
  assert len(cases) == 1 or (results[0] != results[1]).any()


@pytest.mark.slow
def test_hed_finds_the_edges_within_the_file(tmp_path, monkeypatch):
  run = run_of(tmp_path / 'run', 'cfs', 'joint', pretrained='required')
  shapes = jax.eval_shape(hed.HED().init, jax.random.key(0),
                          np.zeros((1, 64, 64, 3), np.float32))
  rng = np.random.default_rng(0)
  weights = jax.tree.map(lambda leaf: rng.uniform(
      -0.05, 0.06, leaf.shape).astype(np.float32), shapes)
  monkeypatch.setattr(pretrained, 'load', lambda name: weights)
  export.write(run, tmp_path / 'f.jinpaint', sizes=((128, 128),),
               platforms=('cpu',))
  image, mask = picture(128, 128, 3), holes(128, 128)
  inpaint, opened = inference.load(run), jinpaint.load(tmp_path / 'f.jinpaint')
  assert opened.finds_edges.startswith('hed')
  found = opened(image, mask)
  np.testing.assert_allclose(found.astype(int), inpaint(image, mask), atol=1)
  drawing = np.zeros((128, 128), np.uint8)
  drawn = opened(image, mask, edge_map=drawing)
  np.testing.assert_allclose(
      drawn.astype(int), inpaint(image, mask, edge_map=drawing), atol=1)
  assert (found != drawn).any()


# What is refused


def test_what_does_not_fit_is_one_line(any_size, packaged):
  inpaint, mask = jinpaint.load(any_size[1]), holes(40, 40)
  with pytest.raises(ValueError, match='follows no sketches'):
    inpaint(picture(40, 40, 3), mask, mask)
  with pytest.raises(ValueError, match='reads no edges'):
    inpaint(picture(40, 40, 3), mask, edge_map=mask)
  with pytest.raises(ValueError, match='grey values'):
    inpaint(picture(40, 40, 3), picture(40, 40))
  with pytest.raises(UsageError, match='8 bits a channel'):
    inpaint(picture(40, 40, 3).astype(np.uint16), mask)
  with pytest.raises(UsageError, match='was exported'):
    jinpaint.load(packaged, '7')
  with pytest.raises(UsageError, match=r'jinpaint\.load\(FILE\) opens it'):
    inference.open_inpainter(packaged)


def test_a_prediction_that_is_not_finite_is_an_error(packaged, tmp_path):
  name = 'weights/mender/params/difference/bias.npy'
  npy = io.BytesIO()
  np.save(npy, np.full(12, np.nan, np.float32))
  path = changed(packaged, tmp_path / 'f.jinpaint', **{name: npy.getvalue()})
  with pytest.raises(UsageError, match='not finite'):
    jinpaint.load(path)(picture(128, 128, 3), holes(128, 128))


def test_broken_and_foreign_files_are_one_line(packaged, tmp_path):
  whole = packaged.read_bytes()
  path = tmp_path / 'f.jinpaint'
  for content in (b'', whole[:len(whole) // 2], b'no zip', b'[]'):
    path.write_bytes(content)
    assert refused(path) == (
        f'{path} is broken, or was not written by jinpaint export')
  program = 'programs/cpu/128x128.stablehlo'
  about = about_of(packaged)
  for entries in ({'about.json': b'{'}, {'about.json': b'{}'},
                  {'about.json': b'[1]'},
                  {'about.json': json.dumps(about | {'more': 1})}):
    assert 'is broken, or' in refused(changed(packaged, path, **entries))
  assert 'is broken, or' in refused(changed(packaged, path, without=[program]))
  assert 'cannot read its programs; export it anew' in refused(
      changed(packaged, path, **{program: b'ML\xefR nonsense'}))
  assert 'does not read; export it anew' in refused(changed(
      packaged, path, **{'about.json': json.dumps(about | {'format': 1})}))
  assert f'jax {jax.__version__} cannot call it' in refused(changed(
      packaged, path, **{'about.json': json.dumps(
          about | {'calling_convention': 1})}))
  assert 'has programs for tpu, none for cpu' in refused(changed(
      packaged, path, **{'about.json': json.dumps(
          about | {'platforms': ['tpu']})}))


class Trap:
  """Runs code when it is unpickled."""

  def __reduce__(self):
    return pytest.fail, ('a file was unpickled',)


def test_nothing_in_a_file_is_unpickled(packaged, tmp_path):
  npy = io.BytesIO()
  np.save(npy, np.array([Trap()], object), allow_pickle=True)
  path = tmp_path / 'f.jinpaint'
  assert 'is broken, or' in refused(changed(
      packaged, path, **{'weights/mender/more.npy': npy.getvalue()}))
  path.write_bytes(pickle.dumps(Trap()))
  assert 'is broken, or' in refused(path)


# When and where it runs


def test_a_file_past_its_time_is_opened_with_a_warning(packaged, tmp_path):
  about = about_of(packaged)
  today = datetime.date.today()
  assert about['exported'] == today.isoformat()
  days = datetime.date.fromisoformat(about['guaranteed_until']) - today
  assert 181 <= days.days <= 184
  path = changed(packaged, tmp_path / 'f.jinpaint', **{
      'about.json': json.dumps(about | {'guaranteed_until': '2020-02-29'})})
  with pytest.warns(UserWarning, match='until 2020-02-29; export it anew'):
    inpaint = jinpaint.load(path)
  assert inpaint.about.guaranteed_until == '2020-02-29'


@pytest.mark.parametrize(('date', 'later'), [
    ('2026-08-31', '2027-02-28'), ('2026-11-27', '2027-05-27'),
    ('2026-06-30', '2026-12-30'), ('2027-08-30', '2028-02-29')])
def test_six_months_end_on_the_same_day_or_the_last(date, later):
  assert export.months_after(
      datetime.date.fromisoformat(date), 6).isoformat() == later


def test_each_platform_has_a_program_of_its_own(any_size):
  # What the forms of convolutions are is in tests/layers/test_conv.py.
  with np.load(any_size[1]) as archive:
    cpu, cuda, tpu = (bytes(archive[f'programs/{platform}/any.stablehlo'])
                      for platform in ('cpu', 'cuda', 'tpu'))
  assert cuda == tpu != cpu


def test_a_file_is_opened_and_filled_with_jax_and_numpy_alone(
    any_size, packaged):
  code = f'''
import sys
from importlib.machinery import PathFinder
class Few(PathFinder):
  @classmethod
  def find_spec(cls, name, path=None, target=None):
    first = name.partition('.')[0]
    # Some of the standard library, such as _sysconfigdata, is not in its list.
    if first.startswith('_') or first in sys.stdlib_module_names | {{
        'jax', 'jaxlib', 'jinpaint', 'numpy',
        'ml_dtypes', 'opt_einsum', 'scipy'}}:  # which jax needs
      return super().find_spec(name, path, target)
sys.meta_path = [Few if finder is PathFinder else finder
                 for finder in sys.meta_path]
import numpy as np
import jinpaint
mask = np.eye(40, dtype=np.uint8)
for path in {[str(any_size[1]), str(packaged)]!r}:
  image = np.full((40, 40, 3), 90, np.uint8)
  filled = jinpaint.load(path)(image, mask)
  assert (filled[mask == 0] == image[mask == 0]).all()
try:
  jinpaint.load()
except ModuleNotFoundError:
  print('refused')
'''
  done = subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT,
                        capture_output=True, text=True)
  assert done.stdout == 'refused\n'
