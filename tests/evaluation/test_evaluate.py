"""A run is evaluated: what is measured, what is written, what is refused."""

import csv
import json
import shutil

import jax
import numpy as np
import optax
import pytest
import stage_runs
import tiny_run

from jinpaint import runs, training
from jinpaint.configs import edgeconnect
from jinpaint.converters import pretrained
from jinpaint.data import files, pipeline
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, reports
from jinpaint.runs import checkpoints, packed
from jinpaint.types import KEYS

BINS = ('10-20', '20-30', '30-40', '40-50')


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  return tiny_run.trained(tmp_path_factory.getbasetemp())


def untrained(config):
  """Returns networks of a config's stage that nothing was drawn for."""
  stage = runs.stage_of(config)
  size = config.data.size
  example = {key: np.zeros((1, size, size, KEYS[key].channels), np.float32)
             for key in stage.keys}
  optimizers = {name: optax.sgd(0.0) for name in stage.trained}
  shapes = training.shapes(stage, optimizers, example).variables
  return jax.tree.map(lambda x: np.full(x.shape, 0.01, x.dtype), shapes)


# --- what is measured ---


def test_metrics_and_sets_that_are_named_are_the_columns(workdir, tmp_path):
  run = shutil.copytree(workdir, tmp_path / 'run')
  before = json.loads((run / 'evaluation/summary.json').read_text())
  said = []
  evaluate.evaluate(run, metrics=['relative_l1', 'psnr'], metric_set='isnet',
                    write=said.append)
  summary = json.loads((run / 'evaluation/summary.json').read_text())
  for scores in summary['methods'].values():
    assert list(scores) == ['psnr', 'ssim_gaussian', 'l1_percent',
                            'relative_l1']
  head, *_ = said[0].splitlines()
  assert [cell.strip() for cell in head.strip('|').split('|')] == [
      'method', 'PSNR', 'SSIM, ISNet and LaMa', 'L1 %', 'mae, EdgeConnect']
  for method, scores in before['methods'].items():
    assert scores['psnr'] == summary['methods'][method]['psnr']


def test_the_table_says_on_what_it_was_measured_and_a_seed_changes_holes(
    workdir, tmp_path):
  run = shutil.copytree(workdir, tmp_path / 'run')
  masks = tmp_path / 'masks'
  for i in range(3):
    hole = np.full((16, 16), 255 * (i == 1), np.uint8)
    files.write(masks / f'{i}.png', files.Picture(hole))
    files.write(tmp_path / f'photos/{i}.png', files.Picture(
        np.repeat(hole[..., None], 3, axis=2)))

  def holes(**changes):
    said = []
    evaluate.evaluate(run, limit=3, write=said.append, **changes)
    with (run / 'evaluation/images.csv').open() as file:
      return said[0], [float(image['hole_fraction'])
                       for image in csv.DictReader(file)]

  text, own = holes()
  assert ('- holes: lines; a function of (kind, seed, number of the '
          'photograph), seed 0.') in text
  assert '- photographs: the held-out part of photos, the first 3.' in text
  for words in ('- size: a square at a place drawn from (seed,', '16 x 16',
                '- scored: composites: ', '- rounded: to 8 bits'):
    assert words in text
  assert holes(seed=0)[1] == own
  assert holes(seed=1)[1] != own
  # As published tests do: mask i belongs to photograph i.
  text, paired = holes(data={'eval_source': f'folder:{tmp_path}/photos',
                             'mask': f'files:{masks}',
                             'mask_pairing': 'order'})
  assert 'files paired by order, holes white, read clean' in text
  assert 'seed, number of the photograph), seed' not in text.partition(
      '- holes')[2]
  assert paired == [0, 1, 0]


@pytest.mark.parametrize(('changes', 'message'), [
    ({'metrics': ['psnr', 'simm']}, 'unknown metric of images "simm"; did you '
     'mean "ssim"'),
    ({'metric_set': 'isent'}, 'unknown set of metrics "isent"; did you mean '
     '"isnet"'),
    ({'metrics': ['psnr'], 'table': 'isnet:places2'}, 'the table isnet:places2 '
     'says what is measured')])
def test_metrics_that_cannot_be_measured_are_one_line(
    workdir, changes, message):
  with pytest.raises(UsageError, match=message) as caught:
    evaluate.evaluate(workdir, **changes)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('changes', 'message'), [
    ({'metrics': ['psnr']}, 'makes no image, which metrics are about'),
    ({'table': 'isnet:places2'},
     'makes no image, which the table isnet:places2 is about')])
def test_a_stage_of_edges_refuses_metrics_of_images(
    tmp_path, changes, message):
  runs.claim(tmp_path, stage_runs.short(
      edgeconnect.get_config('edge'), tmp_path))
  with pytest.raises(UsageError, match=message):
    evaluate.evaluate(tmp_path, **changes)


# --- the row of a stage that is given true edges ---


def test_scores_with_the_true_edges_say_so_wherever_they_are(tmp_path):
  stage_runs.held_out(tmp_path)
  config = stage_runs.short(edgeconnect.get_config('inpaint'), tmp_path,
                            width=1 / 16, blocks=1)
  said = []
  evaluation = evaluate.report(
      config, tmp_path / 'evaluation', untrained(config), step=0,
      write=said.append)
  row = 'jinpaint, with the true edges'
  assert evaluation.system == row
  table, *_ = said
  assert f'\n| {row} ' in table
  assert '| jinpaint ' not in table
  assert (f'\n- {row}: this stage was given the edges of the undamaged image'
          in table)
  assert (tmp_path / 'evaluation/table.md').read_text() == table + '\n'
  summary = json.loads((tmp_path / 'evaluation/summary.json').read_text())
  assert list(summary['methods']) == [
      row, 'OpenCV Telea', 'OpenCV Navier-Stokes', 'mean of known pixels']
  assert row in summary['remarks']
  with (tmp_path / 'evaluation/images.csv').open() as file:
    columns = csv.DictReader(file).fieldnames
  assert f'{row}: psnr_hole' in columns
  assert 'jinpaint: psnr_hole' not in columns


# --- what training asks for ---


def test_the_first_scores_are_what_validation_after_the_last_step_would_find(
    workdir):
  config = runs.read_config(workdir)
  variables, _ = checkpoints.variables_of(workdir)
  evaluator = evaluate.evaluator_of(config, runs.stage_of(config))
  whole = evaluate.score(config, variables, evaluator=evaluator)
  assert len(whole.images) > 1
  alone = evaluator(variables, pipeline.eval_batches(
      runs.data_of(config), batch_size=config.batch_size, seed=config.seed,
      limit=1, guidance=runs.guidance_of(config, training=False)))
  assert whole.first(1).means() == alone.means()
  assert whole.first(1).means() != whole.means()


def test_a_report_of_scores_that_are_known_scores_nothing_again(
    workdir, tmp_path):
  config = runs.read_config(workdir)
  variables, step = checkpoints.variables_of(workdir)
  evaluator = evaluate.evaluator_of(config, runs.stage_of(config))
  evaluation = evaluate.score(config, variables, evaluator=evaluator)

  class Painter:
    """Only draws examples."""

    guide, predict = evaluator.guide, evaluator.predict
    measures = evaluator.measures

  said = []
  assert evaluate.report(
      config, tmp_path / 'known', variables, step=step, evaluator=Painter(),
      evaluation=evaluation, write=said.append) is evaluation
  evaluate.report(config, tmp_path / 'scored', variables, step=step,
                  evaluator=evaluator, write=lambda text: None)
  assert said == [reports.table(evaluation), f'written to {tmp_path}/known']
  for name in ('table.md', 'summary.json', 'images.csv', 'examples.png'):
    assert (tmp_path / 'known' / name).read_bytes() == (
        tmp_path / 'scored' / name).read_bytes()


def test_images_that_cannot_be_read_are_named_below_the_table(
    workdir, tmp_path):
  pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
  for name in 'abc':
    files.write(tmp_path / f'photos/{name}.png', files.Picture(pixels))
  (tmp_path / 'photos/a.png').write_bytes(b'no picture')
  run = shutil.copytree(workdir, tmp_path / 'run')
  said = []
  evaluate.evaluate(run, data={'eval_source': f'folder:{tmp_path}/photos'},
                    limit=2, write=said.append)
  assert '\n1 images, ' in said[0]
  [broken] = said[1:-1]
  assert broken.startswith('not evaluated, broken: ')
  assert 'a.png' in broken
  assert files.read_rgb(run / 'evaluation/examples.png').shape[0] == 16


def test_published_weights_that_are_loaded_already_are_not_loaded_again(
    monkeypatch):
  loaded = []
  def load(name):
    loaded.append(name)
    return {'params': {}}
  monkeypatch.setattr(pretrained, 'load', load)
  config = edgeconnect.get_config('edge')
  config.data.edge = 'hed'
  stage = runs.stage_of(config)
  evaluate.evaluator_of(config, stage)
  assert loaded == ['hed']
  evaluate.evaluator_of(config, stage, published={
      'hed': {'params': {}}, 'vgg19': {'params': {}}})
  assert loaded == ['hed']


# --- several runs ---


def test_runs_are_compared_on_the_same_photographs_and_holes(
    workdir, tmp_path):
  other = tmp_path / 'other'
  tiny_run.loop.train(tiny_run.config(seed=3), other)
  packed.pack(workdir, tmp_path / 'packed.npz')
  run = shutil.copytree(workdir, tmp_path / 'run')
  said = []
  evaluate.evaluate(run, compare=[other, tmp_path / 'packed.npz'], limit=6,
                    metrics=['psnr', 'psnr_hole'], methods=['mean'],
                    write=said.append)
  with (run / 'evaluation/images.csv').open() as file:
    rows = list(csv.DictReader(file))
  assert list(rows[0]) == ['image', 'hole_fraction', *(
      f'{row}: {key}' for row in (
          'jinpaint', 'other', 'packed', 'mean of known pixels')
      for key in ('psnr', 'psnr_hole'))]
  for row in rows:  # it is the same model, of another file
    assert row['packed: psnr'] == row['jinpaint: psnr']
    assert row['other: psnr'] != row['jinpaint: psnr']
  # The other run scores as it does by itself, with the first one's holes.
  evaluate.evaluate(other, limit=6, seed=runs.read_config(run).seed,
                    metrics=['psnr'], write=lambda text: None)
  with (other / 'evaluation/images.csv').open() as file:
    for alone, row in zip(csv.DictReader(file), rows, strict=True):
      assert float(alone['jinpaint: psnr']) == pytest.approx(
          float(row['other: psnr']), rel=1e-6)
  assert 'Differences to jinpaint on the same images' in said[0]
  made = json.loads((run / 'evaluation/summary.json').read_text())['manifest']
  assert [model['row'] for model in made['models']] == [
      'jinpaint', 'other', 'packed']
  first, second, _ = (model['weights_sha256'] for model in made['models'])
  assert first != second
  assert made['photographs'] == {'source': 'photos', 'number': 6}


@pytest.mark.parametrize(('paths', 'message'), [
    (['nowhere'], 'nowhere holds no run'),
    (['evaluation/table.md'], 'table.md'),
    (['.', '.'], 'two rows would be called')])
def test_what_cannot_be_compared_is_one_line(workdir, paths, message):
  with pytest.raises(UsageError, match=message) as caught:
    evaluate.evaluate(workdir, compare=[workdir / path for path in paths])
  assert '\n' not in str(caught.value)


# --- a paper's table ---


def test_the_table_has_the_paper_s_layout_and_this_run_s_numbers(workdir):
  said = []
  evaluate.evaluate(workdir, table='isnet:places2', limit=4,
                      data={'mask': 'strokes'}, write=said.append)
  directory = workdir / 'evaluation' / 'isnet_places2'
  text = (directory / 'table.md').read_text()
  assert said == [text.rstrip('\n'), f'written to {directory}']
  lines = text.splitlines()
  rows = [[cell.strip() for cell in line.strip('|').split('|')]
          for line in lines if line.startswith('|')]
  assert rows[0] == ['mask', 'metric', 'CA', 'GLCIC', 'PConv', 'EdgeConnect',
                     'ISNet', 'jinpaint', 'OpenCV Telea',
                     'OpenCV Navier-Stokes', 'mean of known pixels']
  assert rows[2][:7] == ['10-20%', 'PSNR', '24.36', '23.49', '28.02', '27.95',
                         '31.41']
  assert [row[0] for row in rows[2:]] == [
      label for ratio in BINS for label in (f'{ratio}%', '', '')]
  assert [row[1] for row in rows[2:]] == ['PSNR', 'SSIM', 'L1(%)'] * 4

  for i, ratio in enumerate(BINS):
    low, high = (float(percent) / 100 for percent in ratio.split('-'))
    with (directory / ratio / 'images.csv').open() as file:
      images = list(csv.DictReader(file))
    assert len(images) == 4
    assert all(low <= float(image['hole_fraction']) <= high
               for image in images)
    summary = json.loads((directory / ratio / 'summary.json').read_text())
    assert summary['data']['mask'] == 'strokes'
    for j, (name, digits) in enumerate((
        ('psnr', 2), ('ssim_gaussian', 3), ('l1_percent', 2))):
      for column, method in enumerate(summary['methods'], start=7):
        mean = np.mean([float(image[f'{method}: {name}']) for image in images])
        assert float(rows[2 + 3 * i + j][column]) == pytest.approx(
            mean, abs=0.51 * 10**-digits)
        assert summary['methods'][method][name]['mean'] == pytest.approx(
            mean, abs=1e-5)
  assert 'ICIP, Table 3' in text
  assert '**Warning.**' in text
  assert 'photos, 16 x 16, masks strokes (clean)' in text


@pytest.mark.parametrize(('changes', 'message'), [
    ({'table': 'isnet:places'}, 'did you mean "isnet:places2"'),
    ({'table': 'isnet:celeba', 'data': {'mask': 'half'}},
     r'no half mask .* hole ratio of 0\.1 to 0\.2')])
def test_a_table_that_cannot_be_made_is_one_line(workdir, changes, message):
  with pytest.raises(UsageError, match=message) as caught:
    evaluate.evaluate(workdir, limit=2, **changes)
  assert '\n' not in str(caught.value)
  assert not (workdir / 'evaluation' / 'isnet_celeba').exists()
