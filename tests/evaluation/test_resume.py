"""An evaluation that was stopped goes on, and ends as if it had not been."""

import json
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
import time

import pytest
import tiny_run

from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, records
from jinpaint.evaluation.scores import Evaluator

ROOT = Path(__file__).parents[2]
FILES = ('table.md', 'table.tex', 'summary.json', 'images.csv', 'examples.png')


@pytest.fixture
def run(tmp_path, tmp_path_factory):
  return shutil.copytree(tiny_run.trained(tmp_path_factory.getbasetemp()),
                         tmp_path / 'run')


def evaluated(run, **changes):
  evaluate.evaluate(run, **{'limit': 12, 'methods': ['mean'],
                            'write': lambda text: None} | changes)
  return {name: (run / 'evaluation' / name).read_bytes() for name in FILES}


@pytest.fixture
def stopped(run, monkeypatch):
  """A run whose evaluation was stopped after two batches of four."""
  before = (run / 'evaluation/images.csv').read_bytes()

  class Stopping(records.Record):
    noted = 0

    def note(self, part):
      super().note(part)
      self.noted += 1
      if self.noted == 2:
        raise KeyboardInterrupt

  with monkeypatch.context() as patched:
    patched.setattr(evaluate, 'Record', Stopping)
    with pytest.raises(KeyboardInterrupt):
      evaluated(run)
  assert (run / 'evaluation/images.csv').read_bytes() == before
  return run


@pytest.mark.parametrize('cut', [0, 1, 30])
def test_what_was_scored_is_not_scored_again_and_the_end_is_the_same(
    stopped, monkeypatch, cut):
  """Also where the last line is cut off, within its line break or before."""
  path = stopped / 'evaluation/unfinished/images.csv'
  contents = path.read_bytes()
  assert contents.count(b'\n') == 1 + 8
  path.write_bytes(contents[:len(contents) - cut])
  scored = []
  score = Evaluator.score

  def counting(self, model, batch, others):
    scored.extend(batch['index'][batch['weight'] == 1].tolist())
    return score(self, model, batch, others)

  monkeypatch.setattr(Evaluator, 'score', counting)
  resumed = evaluated(stopped, resume=True)
  assert sorted(scored) == list(range(7 if cut else 8, 12))
  assert not path.parent.exists()
  # What is finished is known as well.
  scored.clear()
  assert evaluated(stopped, resume=True) == resumed
  assert not scored
  assert evaluated(stopped) == resumed


@pytest.mark.parametrize(('changes', 'message'), [
    ({'metrics': ['psnr']}, r'measures\.ssim was'),
    ({'seed': 5}, 'seed'),
    ({'limit': 13}, 'number was 12, now it is 13'),
    ({'data': {'mask': 'block'}}, 'holes was lines'),
    ({'methods': ['telea']}, r'methods\.0 was mean'),
    ({'full_size': True}, 'size was')])
def test_an_evaluation_of_something_else_is_not_gone_on_with(
    stopped, changes, message):
  path = stopped / 'evaluation/unfinished/images.csv'
  contents = path.read_bytes()
  with pytest.raises(UsageError, match=message) as caught:
    evaluated(stopped, resume=True, **changes)
  assert '\n' not in str(caught.value)
  assert path.read_bytes() == contents


def test_other_weights_or_a_record_without_its_manifest_are_no_record(stopped):
  manifest = stopped / 'evaluation/unfinished/manifest.json'
  about = json.loads(manifest.read_text())
  about['models'][0]['weights_sha256'] = '0'
  about['computed_on']['host'] = 'elsewhere'  # which does not matter
  manifest.write_text(json.dumps(about))
  with pytest.raises(UsageError, match='weights_sha256 was 0'):
    evaluated(stopped, resume=True)
  manifest.write_text('{')
  with pytest.raises(UsageError, match='cannot go on'):
    evaluated(stopped, resume=True)


def test_an_evaluation_made_before_there_were_manifests_is_not_taken_over(run):
  summary = run / 'evaluation/summary.json'
  about = json.loads(summary.read_text())
  del about['manifest']
  summary.write_text(json.dumps(about))
  with pytest.raises(UsageError, match='evaluation of something else'):
    evaluated(run, resume=True)


@pytest.mark.slow
def test_a_program_that_was_killed_goes_on(run):
  def start(*flags):
    return subprocess.Popen(
        [sys.executable, str(ROOT / 'evaluate.py'), f'--workdir={run}',
         '--batch_size=1', '--methods=mean', *flags], cwd=ROOT,
        stdout=subprocess.DEVNULL, env={**os.environ, 'PYTHONPATH': str(ROOT)})

  record = run / 'evaluation/unfinished/images.csv'
  program = start()
  while not record.exists() or record.read_bytes().count(b'\n') < 6:
    assert program.poll() is None, 'it ended before it could be killed'
    time.sleep(0.01)
  program.send_signal(signal.SIGKILL)
  program.wait()
  assert record.exists()
  assert start('--resume').wait() == 0
  resumed = {name: (run / 'evaluation' / name).read_bytes() for name in FILES}
  assert not record.exists()
  assert start().wait() == 0
  for name in FILES:
    assert (run / 'evaluation' / name).read_bytes() == resumed[name], name
