"""A wrong call of train.py or evaluate.py: one line, and exit status 2."""

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny_run

from jinpaint import runs
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, measures
from jinpaint.training import loop

ROOT = Path(__file__).parents[2]
QUICK = '--config=configs/pconv_lines.py:photos'
WORK = '--workdir=nowhere/run'


def run(program, *words):
  # What importing JAX in this process has set is not the program's own.
  env = {key: value for key, value in os.environ.items()
         if key != 'TF_CPP_MIN_LOG_LEVEL'}
  return subprocess.run(
      [sys.executable, program, *map(str, words)], cwd=ROOT, check=False,
      text=True, capture_output=True, env=env)


def assert_refused(done, *words):
  assert done.returncode == 2, done.stderr
  assert done.stdout == ''
  [line] = done.stderr.splitlines()
  assert line.startswith('error: ')
  for word in words:
    assert str(word) in line


# Flags: these need neither JAX nor TensorFlow


def test_a_tilde_is_the_home_of_the_user(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  assert_refused(run('evaluate.py', '--workdir=~/run'), tmp_path / 'run')


@pytest.mark.parametrize(('words', 'message'), [
    ([QUICK], '--workdir is missing'),
    ([WORK], '--config is missing'),
    ([QUICK, WORK, '--config.batchsize=4'],
     """unknown config key: 'batchsize' Did you mean "batch_size\""""),
    ([QUICK, WORK, '--config.data.souce=photos', '--config.seed=1'],
     """unknown config key: 'souce' Did you mean "source\""""),
    ([QUICK, WORK, '--config.dta.source=photos'],
     """unknown config key: 'dta' Did you mean "data\""""),
    ([QUICK, WORK, '--config.elephant=1'], "unknown config key: 'elephant'"),
    ([QUICK, WORK, '--config.steps=many'], "'many'"),
    ([QUICK, WORK, '--config.data.size=1.5'], "'1.5'"),
    (['--config=configs/pconv_lines.py:flower', WORK],
     'error: this config has no variant "flower"; there are: flowers102, '
     'celeba'),
    (['--config=configs/none.py', WORK], 'configs/none.py'),
    ([QUICK, WORK, '--wrokdir=x'], 'unknown flag "wrokdir"; did you mean '
     '"workdir"'),
    ([QUICK, WORK, 'stray'], 'cannot read "stray"')])
def test_wrong_words_for_training_are_one_line(words, message):
  assert_refused(run('train.py', *words), message)
  assert not (ROOT / 'nowhere').exists()


def test_a_fault_in_the_code_of_a_config_keeps_its_traceback(tmp_path):
  config = tmp_path / 'mine.py'
  config.write_text('import math\n\ndef get_config():\n  return math.tau2\n')
  done = run('train.py', f'--config={config}', WORK)
  assert done.returncode == 1
  assert done.stderr.startswith('Traceback')
  assert 'return math.tau2' in done.stderr


@pytest.mark.parametrize(('words', 'message'), [
    ([], '--workdir is missing'),
    ([WORK, '--limit=few'], 'few'),
    ([WORK, '--chekpoint=best'], 'did you mean "checkpoint"')])
def test_wrong_words_for_evaluation_are_one_line(words, message):
  assert_refused(run('evaluate.py', *words), message)


def test_the_help_of_evaluation_names_every_metric_and_every_set():
  words = re.findall(r'\w+', run('evaluate.py', '--help').stdout)
  for name in (*measures.MEASURES, *measures.SETS):
    assert name in words, name


# What training and evaluation find out is no more than a line either


def test_a_source_that_does_not_exist_is_one_line(tmp_path):
  assert_refused(
      run('train.py', QUICK, f'--workdir={tmp_path}/run',
          f'--config.data.source=folder:{tmp_path}/none'),
      f'there is no folder {tmp_path}/none')
  assert not list(tmp_path.iterdir())


def test_what_a_worker_thread_finds_out_is_one_line(tmp_path):
  # Others are at work when this is said: none may outlive the program.
  assert_refused(
      run('train.py', QUICK, f'--workdir={tmp_path}/run',
          '--config.data.mask_ratio=(0.95,0.99)'),
      'hole ratio of 0.95 to 0.99')


def test_an_unknown_metric_on_the_command_line_is_one_line(workdir):
  assert_refused(
      run('evaluate.py', f'--workdir={workdir}', '--metrics=psnr,simm'),
      'unknown metric of images "simm"; did you mean "ssim"?')


# The same errors, where no process need be started


def test_a_work_directory_of_another_config_says_which_key(workdir):
  before = (workdir / 'config.json').read_bytes()
  config = tiny_run.config(seed=7)
  config.data.mask = 'strokes'
  with pytest.raises(UsageError, match=(
      r'tiny run holds a run with another config \(data\.mask lines -> '
      r'strokes, seed 0 -> 7\); choose another --workdir')):
    loop.train(config, workdir)
  assert (workdir / 'config.json').read_bytes() == before


@pytest.mark.parametrize(('key', 'value', 'message'), [
    ('data.source', 'folder:{}/empty', 'no image in .*/empty'),
    ('data.source', 'folder:{}/file', 'there is no folder .*/file'),
    ('data.eval_source', 'folder:{}/none', 'there is no folder .*/none'),
    ('data.source', 'folder:{}/broken', 'not one image can be read'),
    ('data.source', 'phtos', 'did you mean "photos"'),
    ('data.mask', 'files:{}/none', 'none'),
    ('data.size', 17, 'size is 17; pconv_lines takes multiples of 2'),
    ('batch_size', 6, 'batch_size is 6; it is dealt out to 4 devices'),
    ('batch_size', 0, 'batch_size is 0'),
    ('seed', -1, 'seed is -1'),
    ('eval_examples', -1, 'the limit is -1')])
def test_what_a_run_cannot_use_is_said_before_it_begins(
    key, value, message, tmp_path):
  (tmp_path / 'empty').mkdir()
  (tmp_path / 'file').write_text('')
  for name in 'ab':
    path = tmp_path / f'broken/{name}.png'
    files.write(path, files.Picture(np.zeros((4, 4), np.uint8)))
    path.write_bytes(b'')
  config = tiny_run.config()
  if isinstance(value, str):
    value = value.format(tmp_path)
  config.update_from_flattened_dict({key: value})
  with pytest.raises(UsageError, match=message) as caught:
    loop.train(config, tmp_path / 'run')
  assert '\n' not in str(caught.value)
  assert not (tmp_path / 'run').exists()


def test_a_work_directory_that_cannot_be_made_is_one_line(tmp_path):
  (tmp_path / 'file').write_text('')
  with pytest.raises(UsageError, match=r'cannot write .*file'):
    loop.train(tiny_run.config(), tmp_path / 'file' / 'run')


@pytest.mark.parametrize(('changes', 'message'), [
    ({'checkpoint': '77'}, 'no checkpoint "77"; there are: 2'),
    ({'checkpoint': 'frist'}, 'no checkpoint "frist"'),
    ({'data': {'eval_source': 'folder:none'}}, 'there is no folder none'),
    ({'data': {'eval_source': 'phtos'}}, 'did you mean "photos"'),
    ({'data': {'eval_source': 'test'}}, 'has no photographs to test on'),
    ({'metrics': ['psnr_grey']}, 'did you mean "psnr_gray"'),
    ({'metric_set': 'edgeconect'}, 'did you mean "edgeconnect"'),
    ({'limit': -1}, 'the limit is -1')])
def test_what_cannot_be_evaluated_is_one_line(
    changes, message, workdir):
  before = (workdir / 'evaluation/summary.json').read_bytes()
  with pytest.raises(UsageError, match=message) as caught:
    evaluate.evaluate(workdir, **changes)
  assert '\n' not in str(caught.value)
  assert (workdir / 'evaluation/summary.json').read_bytes() == before


def test_an_empty_work_directory_cannot_be_evaluated(tmp_path):
  with pytest.raises(UsageError, match=f'{tmp_path} holds no run'):
    evaluate.evaluate(tmp_path)
  assert not list(tmp_path.iterdir())


def test_the_test_part_is_scored_where_it_is_asked_for(workdir, tmp_path):
  (tmp_path / 'test').mkdir()
  pixels = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
  files.write(tmp_path / 'test/only.png', files.Picture(pixels))
  run = shutil.copytree(workdir, tmp_path / 'run',
                        ignore=shutil.ignore_patterns('evaluation'))
  config = runs.read_config(run)
  config.data.test_source = f'folder:{tmp_path}/test'
  runs.claim(run, config)  # a run may go on with it

  evaluate.evaluate(run, data={'eval_source': 'test'})
  lines = (run / 'evaluation/images.csv').read_text().splitlines()
  assert [line.split(',')[0] for line in lines[1:]] == ['only.png']
