"""The Compare tab in a browser: a run is evaluated, and its report is shown."""

import json
import time

import cv2
import page_processes
import page_server
from page_steps import noise
import pytest
import report_files

from jinpaint import runs
from jinpaint.app import run_process, trainings
from jinpaint.app.run_process import EVALUATION
from jinpaint.configs import pconv_lines
from jinpaint.runs import checkpoints

pytestmark = pytest.mark.xdist_group('browser')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A folder of one run, which has not been evaluated, and of photographs."""
  root = tmp_path_factory.mktemp('compare')
  (root / 'data' / 'faces').mkdir(parents=True)
  for index in range(3):
    cv2.imwrite(str(root / 'data' / 'faces' / f'{index}.png'),
                noise(seed=index))
  runs.claim(root / 'runs' / 'mine', pconv_lines.get_config('photos'))
  return root


@pytest.fixture(scope='module')
def address(browser, folder):
  """The address of a server of that run, in place of the others' one."""
  with page_server.serving(runs=folder / 'runs',
                           data=folder / 'data') as address:
    yield address


class Pretended:
  """An evaluation whose process is this one."""

  def __init__(self, workdir):
    self.workdir = workdir
    self.began = time.time()

  def write(self, **changes):
    page_processes.pretend(self.workdir, EVALUATION, began=self.began,
                           photographs=3, **changes)


@pytest.fixture
def pretended(monkeypatch, folder):
  evaluation = Pretended(folder / 'runs' / 'mine')
  asked = []

  def spawn(self, workdir, what, data):
    asked.append((workdir.name, what, json.loads(data)))
    evaluation.write()

  monkeypatch.setattr(trainings.Trainings, '_spawn', spawn)
  monkeypatch.setattr(checkpoints, 'exist', lambda workdir: True)
  evaluation.asked = asked
  yield evaluation
  evaluation.write(state=run_process.STOPPED)


def test_a_run_is_evaluated_and_its_report_follows_the_theme(
    folder, new_page, pretended):
  page = new_page('#compare', color_scheme='light')
  page.get_by_label('Photographs', exact=True).select_option('faces')
  page.get_by_label('Holes', exact=True).select_option('Random block')
  page.get_by_label('Options of the holes').fill('fraction=2')
  page.get_by_role('button', name='Evaluate').click()
  page.locator('#evaluate-mask-error').get_by_text('fraction').wait_for()
  assert pretended.asked == []
  page.get_by_label('Options of the holes').fill('fraction=0.5')
  page.get_by_role('button', name='Evaluate').click()
  page.get_by_text('0 of 3 photographs').wait_for()
  assert pretended.asked == [('mine', EVALUATION, {
      'eval_source': f'folder:{folder / "data" / "faces"}',
      'mask': 'block:fraction=0.5'})]
  (pretended.workdir / 'evaluation' / 'unfinished').mkdir(parents=True)
  (pretended.workdir / 'evaluation' / 'unfinished' / 'images.csv').write_text(
      'image\n0.png\n1.png\n')
  page.reload()  # it goes on, and the page finds it again
  page.get_by_text('2 of 3 photographs').wait_for()
  report_files.evaluation(pretended.workdir / 'evaluation')
  pretended.write(state=run_process.FINISHED, ended=time.time())
  page.get_by_role('checkbox', name='mine').wait_for()
  page.get_by_role('button', name='Compare', exact=True).click()
  body = page.frame_locator('#compare-report').locator('body')
  body.get_by_role('table').first.wait_for()
  colour = lambda place: place.evaluate(
      'it => getComputedStyle(it).backgroundColor')
  light = colour(body)
  assert light == colour(page.locator('body'))
  page.get_by_label('Theme').select_option('dark')
  page.locator(':root[data-theme=dark]').wait_for()
  assert colour(page.locator('body')) != light
  body.evaluate('''(it, light) => new Promise(resolve => {
    const look = () => getComputedStyle(it).backgroundColor !== light ?
      resolve() : requestAnimationFrame(look);
    look();
  })''', light)
  assert colour(body) == colour(page.locator('body'))


def test_an_evaluation_is_stopped(new_page, pretended, monkeypatch):
  stopped = []

  def stop(self, name, what):
    stopped.append((name, what))
    pretended.write(state=run_process.STOPPED, ended=time.time())

  monkeypatch.setattr(trainings.Trainings, 'stop', stop)
  page = new_page('#compare')
  page.get_by_role('button', name='Evaluate').click()
  page.get_by_role('button', name='Stop').click()
  page.locator('#evaluate-state[data-state=stopped]').wait_for()
  assert stopped == [('mine', EVALUATION)]
  assert page.get_by_role('button', name='Stop').is_hidden()
