"""Measures that apply a published network, and what happens without it."""

import dataclasses
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny_run

import jinpaint
from jinpaint.converters import pretrained
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, measures, needs, reports, scores
from jinpaint.guidance import Guidance
from jinpaint.stage import Sizes, Stage

LPIPS = 'lpips_alex'
REASON = 'no weights of lpips_alex: the package index cannot be reached'


@pytest.fixture(scope='module')
def variables():
  image = jnp.zeros((1, 32, 32, 3))
  return jax.jit(jinpaint.create(LPIPS).init)(jax.random.key(0), image, image)


@pytest.fixture
def here(monkeypatch, variables):
  """The weights are here; what was loaded."""
  loaded = []

  def load(name):
    loaded.append(name)
    return variables

  monkeypatch.setattr(pretrained, 'load', load)
  return loaded


@pytest.fixture
def missing(monkeypatch):
  def load(name):
    del name
    raise UsageError(REASON)
  monkeypatch.setattr(pretrained, 'load', load)


def evaluator(names, **options):
  """Of a stage that fills with grey, and computes in bfloat16."""
  def grey(nets, batch):
    del nets
    return {'image': jnp.full_like(batch['image'], 0.501)}
  stage = Stage(networks={}, published={}, learns_from=(),
                predicts_from=('image', 'mask'), sizes=Sizes(), updates=(),
                predict=grey)
  available = needs.load(measures.choose(names))
  return scores.Evaluator(
      stage, guidance=Guidance(Data(), training=False), compute='bfloat16',
      of_images=available.measures, needed=available.networks,
      left_out=available.left_out, **options)


@pytest.fixture
def batch():
  rng = np.random.default_rng(0)
  return {'image': np.float32(rng.integers(0, 256, (4, 32, 32, 3)) / 255),
          'mask': np.float32(rng.random((4, 32, 32, 1)) < 0.4),
          'weight': np.ones(4, np.float32), 'index': np.arange(4)}


def black(image, mask):
  return np.where(mask[..., None] == 1, 0, image).astype(np.uint8)


def test_lpips_is_of_composites_of_8_bits_in_float32_and_of_every_row(
    here, batch, variables):
  evaluation = evaluator(['psnr', LPIPS])({}, [batch], others={'black': black})
  assert here == [LPIPS]
  distance = jax.jit(jinpaint.create(LPIPS).apply)
  for row, fill in (('jinpaint', np.float32(128 / 255)), ('black', 0)):
    filled = np.where(batch['mask'] == 1, np.float32(fill), batch['image'])
    expected = distance(variables, filled, batch['image'])
    assert np.abs(expected).min() > 0
    np.testing.assert_allclose(
        evaluation.methods[row][LPIPS], expected, rtol=1e-5)
  assert not evaluation.left_out


def test_a_network_that_is_missing_costs_its_column_alone(missing, batch):
  with_it, without = (evaluator(names)({}, [batch], others={'black': black})
                      for names in (['psnr', LPIPS], ['psnr']))
  assert list(with_it.measures) == ['psnr']
  for row in ('jinpaint', 'black'):
    np.testing.assert_array_equal(with_it.methods[row]['psnr'],
                                  without.methods[row]['psnr'])
  assert with_it.left_out == {LPIPS: REASON}
  assert dataclasses.replace(with_it, left_out={}).measures == without.measures
  lines = reports.table(with_it).splitlines()
  assert f'- {LPIPS} left out: {REASON}.' in lines
  assert [line for line in lines if LPIPS not in line] == (
      reports.table(without).splitlines())


def test_images_that_are_too_small_are_one_line(here, batch):
  small = {key: x[:, :16] if x.ndim == 4 else x for key, x in batch.items()}
  with pytest.raises(UsageError, match=r'^LPIPS by AlexNet needs .* 31 x 31 '):
    evaluator([LPIPS])({}, [small])


def test_where_nothing_is_left_to_measure_that_is_the_error(missing):
  with pytest.raises(UsageError, match=REASON):
    needs.load(measures.choose([LPIPS]))


def test_a_network_is_loaded_once_and_none_where_none_is_needed(here):
  needs.load(measures.choose())
  assert not here
  twice = {key: measures.MEASURES[LPIPS] for key in ('a', 'b')}
  assert needs.load(twice).networks.keys() == {LPIPS}
  assert here == [LPIPS]


def test_an_evaluation_writes_what_it_left_out(
    missing, tmp_path, tmp_path_factory):
  workdir = shutil.copytree(
      tiny_run.trained(tmp_path_factory.getbasetemp()), tmp_path / 'run')
  said = []
  evaluate.evaluate(workdir, metrics=['psnr', LPIPS], limit=2,
                    write=said.append)
  assert f'- {LPIPS} left out: {REASON}.' in said[0]
  summary = json.loads((workdir / 'evaluation/summary.json').read_text())
  assert summary['left_out'] == {LPIPS: REASON}
