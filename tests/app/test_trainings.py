"""Trainings are processes that outlive the server, and are told apart."""

import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import page_processes
import psutil
import pytest
import report_files
from starlette.testclient import TestClient

from jinpaint import runs
from jinpaint.app import live, run_process, server, trainings
from jinpaint.app.settings import Settings
from jinpaint.configs import pconv_lines

# A run of seconds, by the names of the form's fields.
TINY = {'MAX_ITERS': '4', 'BATCH_SIZE': '4', 'INPUT_SIZE': '16',
        'options.widths': '(4,)', 'INPAINT_ADV_LOSS_WEIGHT': '0',
        'eval_examples': '4', 'log_every': '1', 'eval_every': '2'}
FORM = {'recipe': 'pconv_lines', 'variant': 'photos', 'data': 'faces',
        'mask': {'kind': 'block', 'options': 'fraction=0.5'}, 'values': TINY}


@pytest.fixture
def root(tmp_path):
  """A folder of runs and one of photographs, and one that is nobody's."""
  for name in ('runs', 'data/faces', 'secret'):
    (tmp_path / name).mkdir(parents=True)
  for index in range(3):
    for folder in ('data/faces', 'secret'):
      cv2.imwrite(str(tmp_path / folder / f'{index}.png'),
                  report_files.picture(seed=index))
  yield tmp_path
  page_processes.kill_all(tmp_path / 'runs')


def open_page(root):
  return TestClient(
      server.create(Settings(runs=root / 'runs', data=root / 'data')),
      base_url='http://127.0.0.1', headers={'X-Jinpaint': '1'})


@pytest.fixture
def page(root):
  with open_page(root) as client:
    client.get('/')
    yield client


def ask(page, name, **query):
  return page.get(f'/api/trainings/{name}', params=query).json()


def until(page, name, *states, seconds=120):
  """Waits until a run is in one of some states; returns all of it."""
  end = time.monotonic() + seconds
  while (answer := ask(page, name))['run']['state'] not in states:
    assert time.monotonic() < end, answer['log']['text']
    time.sleep(0.2)
  return answer


# --- the form ---


def test_without_a_folder_the_path_is_not_defined(page):
  for data in ('', None):
    answer = page.post('/api/recipes/check', json={**FORM, 'data': data})
    assert answer.json() == {'wrong': {'data': 'Dataset path is not defined'}}


def test_the_first_step_leads_to_the_settings(page):
  answer = page.post('/api/recipes/check', json=FORM).json()
  assert answer['wrong'] == {}
  assert answer['name'] == 'pconv_lines-photos'
  worded = {**FORM, 'recipe': 'edgeconnect', 'variant': 'edge,celeba'}
  assert page.post('/api/recipes/check', json=worded).json()['name'] == (
      'edgeconnect-edge-celeba')
  table = [field['name'] for field in answer['fields'] if field['in_table']]
  assert table[:3] == ['LR', 'D2G_LR', 'BETA1']


@pytest.mark.parametrize('path', [
    '..', '../secret', 'faces/../../secret', '/etc', '~', 'out', 'in/out',
    'faces/.hidden', '', 'nowhere', 'faces\0'])
def test_no_path_leads_out_of_the_folder_of_photographs(root, page, path):
  (root / 'data' / 'out').symlink_to(root / 'secret')
  (root / 'data' / 'in').mkdir()
  (root / 'data' / 'in' / 'out').symlink_to(root / 'secret')
  (root / 'data' / 'faces' / '.hidden').mkdir()
  form = {**FORM, 'data': path}
  assert 'data' in page.post('/api/recipes/check', json=form).json()['wrong']
  answer = page.post('/api/trainings', json=form).json()
  assert 'data' in answer['wrong']
  assert not list((root / 'runs').iterdir())
  for url in ('folder', 'thumbnail'):
    answer = page.get(f'/api/datasets/{url}',
                      params={'path': path, 'image': '0.png'})
    assert answer.status_code == 400
  answer = page.get('/api/datasets/thumbnail',
                    params={'path': 'faces', 'image': f'../{path}/0.png'})
  assert answer.status_code == 400
  form = {**FORM, 'mask': {'kind': 'files', 'folder': path}}
  assert 'mask' in page.post('/api/recipes/check', json=form).json()['wrong']


def test_a_link_within_a_folder_leads_nowhere_either(root, page):
  (root / 'data' / 'faces' / 'more').symlink_to(root / 'secret')
  answer = page.post('/api/recipes/check', json=FORM).json()
  assert 'leads out of the folder of --data' in answer['wrong']['data']


@pytest.mark.parametrize('name', ['..', '../x', 'a/b', '.hidden', 'x' * 99])
def test_a_run_cannot_be_called_like_a_path(root, page, name):
  answer = page.post('/api/trainings', json={**FORM, 'name': name})
  assert answer.status_code == 400
  assert 'is no name for a run' in answer.json()['error']
  assert not list((root / 'runs').iterdir())


def test_a_folder_is_shown_and_checked(root, page):
  (root / 'data' / 'faces' / 'broken.jpg').write_bytes(b'no picture')
  (root / 'data' / 'faces' / 'notes.txt').write_text('')
  [folder, faces] = page.get('/api/recipes').json()['folders']
  assert (folder['path'], folder['images']) == ('.', 4)
  assert (faces['path'], faces['images']) == ('faces', 4)
  about = page.get('/api/datasets/folder', params={'path': 'faces'}).json()
  height, width = report_files.picture(seed=0).shape[:2]
  assert about['images'] == 4
  assert about['train'] + about['validation'] == 4
  assert about['smallest'] == about['largest'] == [height, width]
  assert [name.split(' ')[0] for name in about['broken']] == ['broken.jpg']
  assert 'notes.txt' in about['notes'][0]
  png = page.get('/api/datasets/thumbnail',
                 params={'path': 'faces', 'image': '0.png'}).content
  small = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
  assert min(small.shape[:2]) == 96


# --- the process ---


def write(workdir, **changes):
  """Writes down how a training stands: that of this very process."""
  runs.claim(workdir, pconv_lines.get_config('photos'))
  page_processes.pretend(workdir, **changes)


def test_another_process_of_the_same_number_is_no_training(root, page):
  created = run_process.created(psutil.Process())
  write(root / 'runs' / 'old', created=created - 60)
  assert ask(page, 'old')['run']['state'] == 'killed'
  answer = page.post('/api/trainings/old/stop')  # or this test would end here
  assert answer.status_code == 400
  assert 'no training is at work' in answer.json()['error']


def test_of_a_run_that_was_trained_elsewhere_the_saved_step_is_shown(
    root, page):
  runs.claim(root / 'runs' / 'old', pconv_lines.get_config('photos'))
  (root / 'runs' / 'old' / 'checkpoints' / '7').mkdir(parents=True)
  shown = ask(page, 'old')['run']
  assert (shown['state'], shown['step'], shown['steps']) == ('', 7, 400)


def test_a_training_is_at_work_although_the_clock_was_set(
    root, page, monkeypatch):
  write(root / 'runs' / 'old')
  booted = psutil.boot_time()
  monkeypatch.setattr(psutil, 'boot_time', lambda: booted + 500)
  made = psutil.Process.create_time
  monkeypatch.setattr(psutil.Process, 'create_time',
                      lambda process: made(process) + 500)
  assert ask(page, 'old')['run']['state'] == 'running'


def test_a_process_that_is_gone_was_killed(root, page):
  with subprocess.Popen([sys.executable, '-c', '']) as process:
    created = run_process.created(psutil.Process(process.pid))
  write(root / 'runs' / 'old', pid=process.pid, created=created)
  assert ask(page, 'old')['run']['state'] == 'killed'


def test_one_training_is_at_work_at_a_time(root, page):
  write(root / 'runs' / 'first')
  assert ask(page, 'first')['run']['state'] == 'running'
  answer = page.post('/api/trainings', json=FORM)
  assert answer.status_code == 400
  assert 'first is being trained' in answer.json()['error']
  assert not (root / 'runs' / 'pconv_lines-photos').exists()


@pytest.mark.parametrize(('given', 'filling', 'training'), [
    ({}, '0.25', '0.7'), ({'XLA_CLIENT_MEM_FRACTION': '0.4'}, '0.4', '0.4'),
    ({'XLA_PYTHON_CLIENT_MEM_FRACTION': '0.4'}, None, None)])
def test_filling_leaves_a_gpu_s_memory_to_the_training_beside_it(
    given, filling, training, monkeypatch):
  monkeypatch.setattr(os, 'environ', dict(given))
  trainings.share_memory()
  assert os.environ.get('XLA_CLIENT_MEM_FRACTION') == filling
  assert trainings._environment().get('XLA_CLIENT_MEM_FRACTION') == training


@pytest.mark.slow
def test_a_training_stops_goes_on_and_survives_the_server(root):
  with open_page(root) as page:
    page.get('/')
    values = {**TINY, 'MAX_ITERS': '2000'}
    name = page.post('/api/trainings', json={**FORM, 'values': values}
                     ).json()['name']
    assert name == 'pconv_lines-photos'
    assert ask(page, name)['run']['state'] == 'running'
    end = time.monotonic() + 120
    while not (seen := ask(page, name))['news']['latest']:
      assert time.monotonic() < end, seen['log']['text']
      time.sleep(0.2)
  record = run_process.record_of(root / 'runs' / name)
  # A session of its own: what ends the server's terminal does not reach it.
  assert os.getsid(record.pid) == record.pid
  with open_page(root) as page:  # a new server finds what the old one started
    page.get('/')
    seen = ask(page, name)
    assert seen['run']['state'] == 'running'
    assert seen['run']['steps'] == 2000
    later = ask(page, name, cursor=seen['news']['cursor'],
                log=seen['log']['next'])
    assert not later['news']['anew']
    page.post(f'/api/trainings/{name}/stop')
    stopped = until(page, name, 'stopped', 'failed', 'killed')
    assert stopped['run']['state'] == 'stopped', stopped
    assert 'which is saved; the same command' in stopped['log']['text']
    step = stopped['run']['step']
    assert 0 < step < 2000
    # It goes on from there; killed, it is not taken for one that runs.
    page.post(f'/api/trainings/{name}/go-on')
    until(page, name, 'running')
    end = time.monotonic() + 120
    while ask(page, name)['run']['step'] <= step:
      assert time.monotonic() < end
      time.sleep(0.2)
    assert f'going on from step {step}' in ask(page, name)['log']['text']
    os.kill(run_process.record_of(root / 'runs' / name).pid,
            signal.SIGKILL)
    assert until(page, name, 'killed')['run']['step'] > step


@pytest.mark.slow
def test_a_finished_training_can_fill_at_once(root, page):
  name = page.post('/api/trainings', json={**FORM, 'name': 'mine'}
                   ).json()['name']
  done = until(page, name, 'finished', 'failed', 'killed')
  assert done['run']['state'] == 'finished', done['log']['text']
  assert (done['run']['step'], done['run']['evaluated']) == (4, True)
  assert done['news']['numbers']['l2'][0] == [1, 2, 3, 4]
  assert done['news']['groups']['validation/psnr_hole'] == (
      'Scores on held-out images')
  assert done['news']['pictures'] == [2, 4]
  png = page.get(f'/api/trainings/{name}/pictures/4')
  assert png.content.startswith(b'\x89PNG')
  assert 'mine' in [model['name'] for model in
                    page.get('/api/state').json()['models']]
  config = runs.read_config(root / 'runs' / 'mine')
  assert config.data.source == f'folder:{root / "data" / "faces"}'
  assert config.data.mask == 'block:fraction=0.5'
  report = page.get('/api/reports', params={'run': 'mine'})
  assert report.status_code == 200
  assert 'psnr' in report.text.lower()
  policy = report.headers['content-security-policy']
  assert 'sandbox allow-scripts' in policy
  assert "frame-ancestors 'self'" in policy
  # Another one of the same name gets another folder.
  second = page.post('/api/trainings', json={
      **FORM, 'name': 'mine', 'values': {**TINY, 'LR': '1e38'}}).json()['name']
  assert second == 'mine-2'
  failed = until(page, second, 'failed', 'finished', 'killed')
  assert failed['run']['state'] == 'failed'
  assert 'the last good checkpoint is' in failed['run']['message']


# --- what it writes ---


def test_numbers_come_once(tmp_path):
  report_files.events(tmp_path, {1: {'l1': 4.0}, 2: {'l1': float('nan')}})
  reading = live.Live(tmp_path)
  first = reading.news()
  assert first.anew
  assert first.numbers == {'l1': ([1, 2], [4.0, None])}
  assert reading.news(first.cursor).numbers == {}
  later = report_files.events(tmp_path, {3: {'l1': 2.0}})
  later.rename(tmp_path / 'events.out.tfevents.9999999999.host.1.0.v2')
  news = reading.news(first.cursor)
  assert not news.anew
  assert news.numbers == {'l1': ([3], [2.0])}
  assert news.latest == {'l1': 2.0}
  assert reading.news('5:1').anew  # of another server


def test_a_long_training_is_thinned_and_sent_anew(tmp_path, monkeypatch):
  monkeypatch.setattr(live, '_NUMBERS', 50)
  report_files.events(tmp_path, {step: {'l1': float(step)}
                                 for step in range(1, 61)})
  reading = live.Live(tmp_path)
  news = reading.news('0:10')
  assert news.anew
  assert news.numbers['l1'][0] == list(range(1, 61, 2))


def test_a_log_is_read_on_from_where_it_was_left(tmp_path):
  assert live.log(tmp_path, 0) == {'text': '', 'next': 0}
  (tmp_path / 'log.txt').write_text('step 1/9  l1 2\n')
  part = live.log(tmp_path, 0)
  with (tmp_path / 'log.txt').open('a') as file:
    file.write('step 2/9  l1 1\n')
  assert live.log(tmp_path, part['next'])['text'] == 'step 2/9  l1 1\n'
  assert live.progress(tmp_path) == (2, 9)
