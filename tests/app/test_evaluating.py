"""Runs are evaluated by the page as by `evaluate.py`, one at a time."""

import contextlib
import json
import shutil
import time

import cv2
import page_processes
import pytest
import report_files
from starlette.testclient import TestClient
import tiny_run

from jinpaint import runs
from jinpaint.app import run_process, server
from jinpaint.app.run_process import EVALUATION, TRAINING
from jinpaint.app.settings import Settings
from jinpaint.configs import pconv_lines
from jinpaint.evaluation import evaluate
from jinpaint.runs import checkpoints


@pytest.fixture
def root(tmp_path):
  """A folder of runs, one of photographs, and one that is nobody's."""
  for name in ('runs', 'data/faces', 'secret'):
    (tmp_path / name).mkdir(parents=True)
  for folder in ('data/faces', 'secret'):
    for index in range(3):
      cv2.imwrite(str(tmp_path / folder / f'{index}.png'),
                  report_files.picture(seed=index))
  runs.claim(tmp_path / 'runs' / 'mine', pconv_lines.get_config('photos'))
  yield tmp_path
  page_processes.kill_all(tmp_path / 'runs')


@pytest.fixture
def page(root):
  app = server.create(Settings(runs=root / 'runs', data=root / 'data'))
  with TestClient(app, base_url='http://127.0.0.1',
                  headers={'X-Jinpaint': '1'}) as client:
    client.get('/')
    yield client


@pytest.fixture
def spawned(monkeypatch, page):
  """The evaluations that were asked for, of a run that is saved."""
  asked = []
  monkeypatch.setattr(checkpoints, 'exist', lambda workdir: True)
  monkeypatch.setattr(
      page.app.state.trainings, '_spawn', lambda *args: asked.append(args))
  return asked


def begin(page, **form):
  return page.post('/api/evaluations', json={'run': 'mine', **form})


def test_photographs_and_holes_are_those_of_the_form(root, page, spawned):
  assert begin(page).json() == {'wrong': {}}
  assert begin(page, data='faces', mask={
      'kind': 'block', 'options': 'fraction=0.5'}).json() == {'wrong': {}}
  assert begin(page, mask={'kind': 'files', 'folder': 'faces'}
               ).json() == {'wrong': {}}
  folder = root / 'data' / 'faces'
  assert [(path.name, what, json.loads(data))
          for path, what, data in spawned] == [
      ('mine', EVALUATION, {}),
      ('mine', EVALUATION, {'eval_source': f'folder:{folder}',
                            'mask': 'block:fraction=0.5'}),
      ('mine', EVALUATION, {'mask': f'files:{folder}'})]


@pytest.mark.parametrize('path', ['..', '../secret', '/etc', 'out', 'nowhere'])
def test_no_path_leads_out_of_the_folder_of_photographs(
    root, page, spawned, path):
  (root / 'data' / 'out').symlink_to(root / 'secret')
  assert 'data' in begin(page, data=path).json()['wrong']
  wrong = begin(page, mask={'kind': 'files', 'folder': path}).json()['wrong']
  assert 'mask' in wrong
  wrong = begin(page, mask={'kind': 'lines', 'options': 'count=1+files:/etc'}
                ).json()['wrong']
  assert 'mask' in wrong
  answer = begin(page, run=f'../{path}', mask={'kind': 'lines'})
  assert answer.status_code == 400
  assert spawned == []


@pytest.mark.parametrize('what', [TRAINING, EVALUATION])
def test_nothing_else_is_at_work_beside_it(what, root, page, spawned):
  page_processes.pretend(root / 'runs' / 'mine', what)
  for answer in (begin(page), page.post('/api/trainings/mine/go-on')):
    assert answer.status_code == 400
    assert 'at a time' in answer.json()['error']
  assert spawned == []
  [run] = page.get('/api/trainings').json()['runs']
  states = {TRAINING: run['state'], EVALUATION: run['evaluation']['state']}
  assert states.pop(what) == 'running'
  assert list(states.values()) == ['']


def test_a_run_in_a_folder_below_is_none_of_the_page_s(root, page, spawned):
  runs.claim(root / 'runs' / 'old' / 'mine', pconv_lines.get_config('photos'))
  answer = begin(page, run='old/mine')
  assert answer.status_code == 400
  assert 'there is no run "old/mine"' in answer.json()['error']
  assert spawned == []


def test_a_run_without_a_checkpoint_is_not_evaluated(page):
  answer = begin(page)
  assert answer.status_code == 400
  assert 'no step of it is saved' in answer.json()['error']


@pytest.mark.parametrize(('ends', 'state', 'message'), [
    (None, 'finished', ''), (SystemExit(143), 'stopped', ''),
    (MemoryError('no room'), 'failed', 'MemoryError: no room')])
def test_how_an_evaluation_ends_is_written_down(
    ends, state, message, root, page, monkeypatch):
  seen = []

  def scoring(workdir, data):
    seen.append(page.get('/api/evaluations/mine').json()['evaluation'])
    (workdir / 'evaluation' / 'unfinished').mkdir(parents=True)
    (workdir / 'evaluation' / 'unfinished' / 'images.csv').write_text(
        'image\n0.png\n')
    seen.append(page.get('/api/evaluations/mine').json()['evaluation'])
    if ends is not None:
      raise ends

  monkeypatch.setattr(evaluate, 'evaluate', scoring)
  monkeypatch.setattr(run_process.signal, 'signal', lambda *args: None)
  data = {'eval_source': f'folder:{root / "data" / "faces"}'}
  with contextlib.nullcontext() if ends is None else pytest.raises(
      type(ends)):
    run_process.main(EVALUATION, root / 'runs' / 'mine', data)
  assert [(one['state'], one['scored'], one['photographs'])
          for one in seen] == [('running', 0, 3), ('running', 1, 3)]
  ended = page.get('/api/evaluations/mine').json()['evaluation']
  assert (ended['state'], ended['message']) == (state, message)


def until(page, *states, seconds=120):
  end = time.monotonic() + seconds
  while (answer := page.get('/api/evaluations/mine').json()
         )['evaluation']['state'] not in states:
    assert time.monotonic() < end, answer
    time.sleep(0.2)
  return answer


@pytest.mark.slow
def test_an_evaluation_outlives_the_server_can_be_stopped_and_is_compared(
    root, tmp_path_factory):
  workdir = root / 'runs' / 'mine'
  shutil.rmtree(workdir)
  shutil.copytree(tiny_run.trained(tmp_path_factory.getbasetemp()), workdir)
  shutil.rmtree(workdir / 'evaluation')
  folder = root / 'data' / 'faces'

  def open_page():
    return TestClient(
        server.create(Settings(runs=root / 'runs', data=root / 'data')),
        base_url='http://127.0.0.1', headers={'X-Jinpaint': '1'})

  with open_page() as page:
    page.get('/')
    assert begin(page, data='faces').json() == {'wrong': {}}
    assert until(page, 'running')
    while not run_process.record_of(workdir, EVALUATION):
      time.sleep(0.1)
  with open_page() as page:  # a new server finds what the old one started
    page.get('/')
    assert page.post('/api/evaluations/mine/stop').status_code == 200
    assert until(page, 'stopped', 'failed', 'killed', 'finished')[
        'evaluation']['state'] == 'stopped'
    assert not (workdir / 'evaluation' / 'summary.json').exists()
    assert begin(page, data='faces', mask={'kind': 'lines'}
                 ).json() == {'wrong': {}}
    done = until(page, 'finished', 'failed', 'killed', 'stopped')
    assert done['evaluation']['state'] == 'finished', done['log']['text']
    assert done['evaluation']['photographs'] == 3
    assert 'psnr' in done['log']['text'].lower()
    summary = json.loads((workdir / 'evaluation' / 'summary.json').read_text())
    assert summary['data']['eval_source'] == f'folder:{folder}'
    assert summary['data']['mask'] == 'lines'
    [run] = page.get('/api/trainings').json()['runs']
    assert run['evaluated']
    assert page.get('/api/reports', params={'run': 'mine'}).status_code == 200
