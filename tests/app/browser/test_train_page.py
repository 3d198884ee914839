"""The Train tab in a browser: checks 4 to 13 of Table 13, and a real training.

Those of the other windows are in `test_table_13.py`.
"""

import json
import re

import cv2
import page_processes
import page_server
from page_steps import noise
import pytest
import report_files

from jinpaint import runs
from jinpaint.app import run_process, trainings

pytestmark = pytest.mark.xdist_group('browser')

# A run of seconds, by the labels of the form.
TINY = {'BATCH_SIZE': '4', 'INPUT_SIZE': '16', 'INPAINT_ADV_LOSS_WEIGHT': '0'}
TINY_MORE = {'widths': '(4,)', 'eval_examples': '4', 'log_every': '1',
             'eval_every': '100'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  """A folder of runs and one of photographs."""
  root = tmp_path_factory.mktemp('train')
  for name in ('runs', 'data/faces', 'data/empty'):
    (root / name).mkdir(parents=True)
  for index in range(3):
    cv2.imwrite(str(root / 'data' / 'faces' / f'{index}.png'),
                noise(seed=index))
  yield root
  page_processes.kill_all(root / 'runs')


@pytest.fixture(scope='module')
def address(browser, folder):
  """The address of a server that can train, in place of the others' one."""
  with page_server.serving(runs=folder / 'runs',
                           data=folder / 'data') as address:
    yield address


@pytest.fixture
def page(new_page):
  """The first step of a training of InpaintGAN."""
  page = new_page('#train')
  page.get_by_label('System', exact=True).select_option('InpaintGAN')
  return page


def choose_faces(page):
  page.get_by_role('button', name='Select Dataset Path').click()
  page.get_by_role('button', name=re.compile('^faces')).click()
  page.get_by_text('3 images: 2 to train on').wait_for()


def go_next(page):
  choose_faces(page)
  page.get_by_role('button', name='Next').click()
  page.get_by_label('LR', exact=True).wait_for()


def chosen(page, label):
  return page.get_by_label(label, exact=True).evaluate(
      'it => it.selectedOptions[0].textContent')


def sent(page):
  """Returns what the form sends when it goes to the next step."""
  with page.expect_request('**/api/recipes/check') as request:
    page.get_by_role('button', name='Next').click()
  return request.value.post_data_json


@pytest.mark.parametrize(('number', 'model', 'trains'), [
    (4, 'Edge Model', 'edge generator'),
    (5, 'Inpaint Model', 'inpaint generator'),
    (6, 'Joint Model', 'edge generator')])
def test_04_05_06_a_model_to_train_is_chosen(number, model, trains, page):
  page.get_by_label('Model to train').select_option(  # another one before
      'Joint Model' if number == 4 else 'Edge Model')
  page.get_by_label('Model to train').select_option(model)
  assert chosen(page, 'Model to train') == model
  assert trains in page.locator('#train-stage-about').inner_text()
  assert sent(page)['variant'] in {4: ('effunet', 'egc', 'egc_svr', 'mec'),
                                   5: ('inpaint',), 6: ('joint',)}[number]


def test_07_random_block_is_chosen(page):
  page.get_by_label('Masking image').select_option('Lines')
  page.get_by_label('Masking image').select_option('Random block')
  assert chosen(page, 'Masking image') == 'Random block'
  assert page.get_by_label('Masking options').input_value() == 'fraction=0.125'
  assert sent(page)['mask']['kind'] == 'block'


def test_08_canny_is_chosen(page):
  page.get_by_label('Edge Detector').select_option('HED')
  page.get_by_label('Edge Detector').select_option('Canny')
  assert chosen(page, 'Edge Detector') == 'Canny'
  assert sent(page)['edge']['kind'] == 'canny'


def test_09_the_path_is_written_below_the_button(page):
  choose_faces(page)
  path = page.locator('#train-path')
  assert path.inner_text() == 'faces'
  button = page.get_by_role('button', name='Select Dataset Path')
  assert path.bounding_box()['y'] > button.bounding_box()['y']
  assert page.locator('#train-data img').count() == 3


def test_10_without_a_folder_a_red_message_says_so(page):
  page.get_by_role('button', name='Next').click()
  message = page.get_by_text('Dataset path is not defined')
  message.wait_for()
  red, green, blue = map(int, re.findall(r'\d+', message.evaluate(
      'it => getComputedStyle(it).color'))[:3])
  assert red > 2 * max(green, blue)
  assert (message.bounding_box()['y']
          > page.locator('#train-path').bounding_box()['y'])
  assert page.get_by_label('LR', exact=True).is_hidden()
  choose_faces(page)
  assert message.is_hidden()


def test_11_next_opens_the_training_configuration(page):
  go_next(page)
  assert page.get_by_role(
      'heading', name='Generator Discriminator configuration').is_visible()
  assert page.locator('#train-configuration').is_hidden()


def test_12_a_learning_rate_is_chosen(page, pretended):
  go_next(page)
  page.get_by_label('LR', exact=True).select_option('0.001')
  page.get_by_label('LR', exact=True).select_option('0.0001')
  assert chosen(page, 'LR') == '0.0001'
  page.get_by_label('LR', exact=True).select_option('0.001')
  page.get_by_role('button', name='Train the model').click()
  page.get_by_role('timer').wait_for()
  assert rates(pretended) == {'generator': 1e-3, 'discriminator': 1e-4}


def test_12_any_other_learning_rate_can_be_written(page, pretended):
  go_next(page)
  page.get_by_label('LR', exact=True).select_option('Another value ...')
  rate = page.get_by_label('LR', exact=True)
  assert rate.input_value() == '0.0001'
  rate.press_sequentially('fast')  # all of it is selected
  page.get_by_role('button', name='Train the model').click()
  page.get_by_text("learning_rate is float, not 'fast'").wait_for()
  rate.fill('0.00007')
  assert page.get_by_text('learning_rate is float').is_hidden()
  page.get_by_role('button', name='Train the model').click()
  page.get_by_role('timer').wait_for()
  assert rates(pretended) == {'generator': 7e-5, 'discriminator': 7e-6}


def rates(started):
  """Returns the learning rates of the edge model that was started."""
  [workdir] = started
  adams = runs.read_config(workdir).optimizers
  return {player: pytest.approx(adams[f'edge_{player}'].learning_rate)
          for player in ('generator', 'discriminator')}


@pytest.fixture
def pretended(monkeypatch):
  """Trainings whose process is this one, and which have made three steps."""
  started = []

  def spawn(self, workdir, what):
    page_processes.pretend(workdir)
    (workdir / 'log.txt').write_text('step 3/50  l1 0.25  1 images/s\n')
    report_files.events(workdir, {
        step: {'l1': 1 / step, 'validation/edge_precision': 0.5851,
               'validation/edge_recall': 0.0507, 'seconds_left': 75.0}
        for step in (1, 2, 3)}, {3: noise()})
    started.append(workdir)

  monkeypatch.setattr(trainings.Trainings, '_spawn', spawn)
  yield started
  for workdir in started:
    record = json.loads((workdir / 'training.json').read_text())
    (workdir / 'training.json').write_text(
        json.dumps(record | {'state': run_process.STOPPED}))


def test_13_train_the_model_opens_the_training_with_a_timer(page, pretended):
  go_next(page)
  page.get_by_label('MAX_ITERS').fill('50')
  page.get_by_role('button', name='Train the model').click()
  timer = page.get_by_role('timer')
  timer.wait_for()
  page.get_by_text('3 of 50').wait_for()
  before = timer.inner_text()
  assert re.fullmatch(r'0:00:\d\d', before)
  page.wait_for_function(
      "before => document.getElementById('train-passed').textContent > before",
      arg=before)
  assert page.locator('#train-left').inner_text() == '0:01:15'
  assert page.locator('#train-precision').inner_text() == '0.5851'
  assert page.locator('#train-recall').inner_text() == '0.0507'
  assert page.locator('.curve-panel canvas').count() >= 1
  assert page.locator('#train-picture').evaluate(
      'it => it.decode().then(() => it.naturalWidth)') == noise().shape[1]
  assert 'step 3/50' in page.locator('#train-log').inner_text()
  # The page stays usable, and a reload comes back to the training.
  page.get_by_role('tab', name='Inpaint').click()
  assert page.get_by_role('button', name='Upload image').is_visible()
  page.get_by_role('tab', name='Train').click()
  page.reload()
  page.get_by_text('3 of 50').wait_for()


@pytest.mark.slow
def test_a_training_is_stopped_resumed_and_its_model_chosen(page, new_page):
  page.get_by_label('System', exact=True).select_option('PConv for lines')
  page.get_by_label('Variant').select_option('photos')
  page.get_by_label('Masking image').select_option('Random block')
  go_next(page)
  page.get_by_text('All other settings').click()
  for label, text in {**TINY, **TINY_MORE, 'MAX_ITERS': '600'}.items():
    page.get_by_label(label, exact=True).fill(text)
  page.get_by_label('Name of the run').fill('mine')
  page.get_by_role('button', name='Train the model').click()
  state = page.locator('#train-state')
  page.locator('.curve-panel canvas').first.wait_for(timeout=120_000)
  page.reload()
  page.get_by_role('button', name='Stop').click(timeout=20_000)
  page.locator('#train-state[data-state=stopped]').wait_for(timeout=120_000)
  made = int(page.locator('#train-step').inner_text().split()[0])
  assert 0 < made < 600
  page.get_by_role('button', name='Resume').click()
  page.locator('#train-state[data-state=finished]').wait_for(timeout=180_000)
  assert page.locator('#train-step').inner_text() == '600 of 600'
  assert f'going on from step {made}' in page.locator('#train-log').inner_text()
  assert state.inner_text() == 'finished'
  page.get_by_role('link', name='Use it under Inpaint').click()
  page.wait_for_function(
      "() => document.getElementById('model').value === 'mine'")
  page.get_by_role('tab', name='Compare').click()
  page.get_by_role('checkbox', name=re.compile('^mine')).check()
  page.get_by_role('button', name='Compare', exact=True).click()
  report = page.frame_locator('#compare-report')
  report.get_by_role('table').first.wait_for(timeout=60_000)
