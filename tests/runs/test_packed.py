"""A run in one file fills what the run fills."""

import json

import numpy as np
import pytest
import tiny_run

import jinpaint
from jinpaint import inference, runs
from jinpaint.errors import UsageError
from jinpaint.runs import packed


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return tiny_run.trained(tmp_path_factory.getbasetemp())


@pytest.fixture
def case():
  rng = np.random.default_rng(0)
  mask = np.zeros((37, 50), np.uint8)
  mask[10:20, 10:20] = 1
  return rng.integers(0, 256, (37, 50, 3), np.uint8), mask


def test_a_packed_run_fills_as_the_run_does(workdir, case, tmp_path):
  file = tmp_path / 'model.npz'
  assert packed.pack(workdir, file) == 2
  np.testing.assert_array_equal(
      inference.load(file)(*case), inference.load(workdir)(*case))


def test_half_precision_rounds_and_discriminators_stay_behind(
    workdir, case, tmp_path):
  sizes = {}
  for dtype in ('float32', 'float16'):
    file = tmp_path / f'{dtype}.npz'
    packed.pack(workdir, file, dtype=dtype)
    with np.load(file) as arrays:
      names = set(arrays.files) - {'about'}
      assert {name.partition('/')[0] for name in names} == {'generator'}
      assert {arrays[name].dtype for name in names} == {np.dtype(dtype)}
      sizes[dtype] = sum(arrays[name].nbytes for name in names)
  assert sizes['float16'] * 2 == sizes['float32']
  filled = inference.load(tmp_path / 'float16.npz')(*case).astype(int)
  assert np.abs(filled - inference.load(workdir)(*case)).max() <= 2


def test_no_path_of_the_training_machine_is_packed(workdir, tmp_path):
  file = tmp_path / 'model.npz'
  packed.pack(workdir, file)
  with np.load(file) as arrays:
    about = json.loads(arrays['about'].item())
  assert set(about['config']['data']) == {
      'size', 'edge', 'eval_edge', 'edge_cut'}
  assert not {'start_from', 'optimizers'} & set(about['config'])
  assert str(tmp_path) not in json.dumps(about)


def test_what_cannot_be_packed_or_read_is_said(workdir, tmp_path):
  with pytest.raises(UsageError, match=r'name the output \.npz'):
    packed.pack(workdir, tmp_path / 'model.zip')
  taken = tmp_path / 'taken.npz'
  taken.write_bytes(b'mine')
  with pytest.raises(UsageError, match='exists; --overwrite replaces it'):
    packed.pack(workdir, taken)
  assert taken.read_bytes() == b'mine'
  with pytest.raises(UsageError, match=r'taken\.npz'):
    packed.load(taken)
  np.savez(tmp_path / 'other.npz', x=np.zeros(2))
  with pytest.raises(UsageError, match='was not written by jinpaint pack'):
    inference.load(tmp_path / 'other.npz')
  packed.pack(workdir, taken, overwrite=True)
  with pytest.raises(UsageError, match='it has no checkpoint best'):
    inference.load(taken, 'best')
  with pytest.raises(UsageError, match='no run'):
    packed.pack(tmp_path, tmp_path / 'new.npz')


def test_a_stage_that_makes_no_image_is_not_packed(
    workdir, tmp_path, monkeypatch):
  config = runs.read_config(workdir)
  stage = runs.stage_of(config)._replace(makes=('edge',))
  monkeypatch.setattr(runs.build, 'stage_of', lambda config: stage)
  with pytest.raises(UsageError, match='makes no image'):
    packed.pack(workdir, tmp_path / 'model.npz')


def test_the_model_that_comes_with_jinpaint_is_better_than_a_smooth_fill():
  """On a photograph that it was not trained on, with thin damage."""
  from skimage import data

  from jinpaint.data import masks
  from jinpaint.evaluation import baselines
  image = data.coffee()[60:316, 100:420]
  mask = masks.parse('damage:percent=4-5')(
      np.random.default_rng(0), *image.shape[:2])
  def error(filled):
    hole = mask == 1
    return np.square(filled[hole].astype(float) - image[hole]).mean()
  ours = error(jinpaint.load()(image, mask))
  for row in baselines.ROWS.values():
    assert ours < error(row.fill(image, mask)), row.title
