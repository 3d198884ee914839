"""A run trains, stops anywhere, goes on, and ends as if never stopped."""

import itertools
import json
import os
from pathlib import Path
import re
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
import tiny_run

from jinpaint import inference, runs
from jinpaint.configs import pconv_lines
from jinpaint.errors import RunError, UsageError
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.training import loop

ROOT = Path(__file__).parents[2]
STEPS = 9


def small_config(**changes):
  config = pconv_lines.get_config('photos')
  config.steps, config.batch_size = STEPS, 4
  config.data.size = 16
  config.options.widths = (4, 8)
  config.options.discriminator_widths = (4, 8)
  config.log_every, config.save_every, config.eval_every = 1, 2, 6
  config.eval_examples = 4
  config.update(changes)
  return config


def flags(config, workdir):
  return ['train.py', '--config=configs/pconv_lines.py:photos',
          f'--workdir={workdir}',
          *(f'--config.{key}={value}' for key, value in {
              'steps': config.steps, 'batch_size': config.batch_size,
              'data.size': config.data.size,
              'options.widths': config.options.widths,
              'options.discriminator_widths':
                  config.options.discriminator_widths,
              'log_every': config.log_every, 'save_every': config.save_every,
              'eval_every': config.eval_every,
              'eval_examples': config.eval_examples}.items())]


def run(workdir, kill_at=None):
  """Runs train.py; kills it right after it has reported a step."""
  with subprocess.Popen(
      [sys.executable, '-u', *flags(small_config(), workdir)], cwd=ROOT,
      env={**os.environ, 'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'},
      text=True, stdout=subprocess.PIPE) as process:
    output = []
    for line in process.stdout:
      output.append(line)
      if kill_at and line.startswith(f'step {kill_at}/'):
        process.kill()
        break
  assert kill_at or process.returncode == 0, output
  return ''.join(output)


def saved_arrays(workdir):
  """Returns every array of the last checkpoint, and its progress."""
  saved = Checkpoints(workdir)
  assert saved.latest == STEPS
  items = saved._manager.restore(STEPS)
  saved.close()
  return items


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
  workdir = tmp_path_factory.mktemp('run')
  return workdir, loop.train(small_config(), workdir)


@pytest.mark.slow
def test_a_run_that_was_killed_twice_ends_with_the_same_bytes(
    finished, tmp_path):
  whole, killed = finished[0], tmp_path / 'killed'
  run(killed, kill_at=3)
  # Saved every 2 steps, in the background: step 2 may not have been whole.
  second = run(killed, kill_at=5)
  going_on = re.search(r'going on from step (\d+)', second)
  assert going_on is None or int(going_on[1]) in (2, 3)
  third = run(killed)
  assert int(re.search(r'going on from step (\d+)', third)[1]) in (2, 4)
  expected, found = saved_arrays(whole), saved_arrays(killed)
  assert expected['progress'] == found['progress'] == {
      'seed': 0, 'position': 4 * STEPS}
  for item in ('model', 'optimizer'):
    assert len(jax.tree.leaves(expected[item])) > 20
    jax.tree.map(np.testing.assert_array_equal, expected[item], found[item])
  # The scores, too: the evaluation's masks and crops are fixed.
  tables = [(w / 'evaluation' / 'images.csv').read_bytes()
            for w in (whole, killed)]
  assert tables[0] == tables[1]


def test_a_run_leaves_what_the_documentation_says(finished):
  workdir, _ = finished
  names = {path.relative_to(workdir).as_posix() for path in workdir.rglob('*')}
  assert {'config.json', 'parameters.txt', f'checkpoints/{STEPS}',
          'evaluation/table.md', 'evaluation/summary.json',
          'evaluation/images.csv', 'evaluation/examples.png'} <= names
  assert any(name.startswith('events.out.tfevents') for name in names)
  summary = json.loads((workdir / 'evaluation/summary.json').read_text())
  assert summary['step'] == STEPS
  assert set(summary['methods']) == {
      'jinpaint', 'OpenCV Telea', 'OpenCV Navier-Stokes',
      'mean of known pixels'}
  rows = (workdir / 'evaluation/images.csv').read_text().splitlines()
  assert len(rows) == 1 + summary['images'] == 65


def test_the_last_checkpoint_is_what_training_returned(finished):
  workdir, state = finished
  saved = Checkpoints(workdir)
  variables, step = saved.variables()
  _, best = saved.variables('best')
  with pytest.raises(UsageError, match=r'no checkpoint "77"; there are: .*9'):
    saved.variables('77')
  saved.close()
  assert step == STEPS
  assert best in (6, 9)
  jax.tree.map(np.testing.assert_array_equal, dict(state.variables), variables)


def test_reading_a_run_leaves_what_training_is_writing(finished, tmp_path):
  workdir, _ = finished
  writing = workdir / 'checkpoints' / '11.orbax-checkpoint-tmp'
  writing.mkdir()
  inference.load(workdir)
  assert writing.is_dir()
  writing.rmdir()
  with pytest.raises(UsageError, match='no checkpoint yet'):
    Checkpoints(tmp_path)
  assert not list(tmp_path.iterdir())


def test_tensorboard_gets_losses_scores_and_pictures(finished):
  from tensorboard.backend.event_processing import event_accumulator
  workdir, _ = finished
  events = event_accumulator.EventAccumulator(
      str(workdir), size_guidance={'tensors': 0})
  events.Reload()
  tags = set(events.Tags()['tensors'])
  assert {'l2', 'adversarial', 'discriminator', 'gradient_norm/generator',
          'learning_rate/generator', 'images_per_second',
          'validation/psnr_hole', 'examples'} <= tags
  assert [e.step for e in events.Tensors('l2')] == list(range(1, STEPS + 1))


def test_a_loaded_run_fills_holes_and_keeps_known_pixels(finished):
  workdir, _ = finished
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (37, 50, 3), np.uint8)
  mask = (rng.random((37, 50)) < 0.2).astype(np.uint8)
  filled = inference.load(workdir)(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  assert (filled[mask == 1] != image[mask == 1]).mean() > 0.9


def test_another_config_is_refused_and_says_what_differs(finished):
  workdir, _ = finished
  with pytest.raises(UsageError, match=r'seed 0 -> 1'):
    runs.claim(workdir, small_config(seed=1))
  assert runs.read_config(workdir).seed == 0


def test_a_run_of_before_a_key_was_there_goes_on_with_its_default(
    finished, tmp_path):
  config = json.loads((finished[0] / 'config.json').read_text())
  del config['data']['mask_turn']
  (tmp_path / 'config.json').write_text(json.dumps(config))
  assert runs.read_config(tmp_path).data.mask_turn is False
  runs.claim(tmp_path, small_config())


def test_a_finished_run_can_be_made_longer(finished, tmp_path):
  workdir, _ = finished
  runs.claim(workdir, small_config(steps=STEPS + 1))
  assert runs.read_config(workdir).steps == STEPS + 1
  runs.claim(workdir, small_config())


def test_a_loader_of_the_caller_s_own_is_used(tmp_path):
  asked = []

  def batches(position):
    asked.append(position)
    rng = np.random.default_rng(0)
    while True:
      yield {'image': rng.random((4, 16, 16, 3), np.float32),
             'mask': np.ones((4, 16, 16, 1), np.float32)}

  state = loop.train(tiny_run.config(steps=2), tmp_path, batches)
  assert int(state.step) == 2
  loop.train(tiny_run.config(steps=3), tmp_path, batches)
  assert asked == [0, 8]


def test_a_run_stops_by_time_and_goes_on(tmp_path, monkeypatch, capsys):
  whole = loop.train(tiny_run.config(steps=3), tmp_path / 'whole')
  now = 0.0

  def seconds():  # every look at the clock takes a minute
    nonlocal now
    now += 60
    return now

  config = tiny_run.config(steps=3, minutes=1.0)
  monkeypatch.setattr(loop.time, 'monotonic', seconds)
  for step in (1, 2, 3):
    assert int(loop.train(config, tmp_path / 'cut').step) == step
    out = capsys.readouterr().out
    assert (f'1 minutes are over at step {step} of 3; the same command goes on'
            in out) == (step < 3)
  cut = loop.train(config, tmp_path / 'cut')
  jax.tree.map(np.testing.assert_array_equal, whole.params, cut.params)


def test_a_run_that_is_asked_to_stop_saves_its_step_and_goes_on(
    tmp_path, capsys):
  def batches(position, stop_at=None):
    for step in itertools.count(position // 4):
      if step == stop_at:
        signal.raise_signal(signal.SIGTERM)
      rng = np.random.default_rng(step)
      yield {'image': rng.random((4, 16, 16, 3), np.float32),
             'mask': np.ones((4, 16, 16, 1), np.float32)}

  config = tiny_run.config(steps=4)  # would save nothing before its end
  whole = loop.train(config, tmp_path / 'whole', batches)
  handler = signal.getsignal(signal.SIGTERM)
  with pytest.raises(SystemExit, match='143'):
    loop.train(config, tmp_path / 'cut',
               lambda position: batches(position, stop_at=2))
  assert signal.getsignal(signal.SIGTERM) is handler
  assert ('stopped at step 3 of 4, which is saved; the same command goes on'
          in capsys.readouterr().out)
  assert not (tmp_path / 'cut' / 'evaluation').exists()
  cut = loop.train(config, tmp_path / 'cut', batches)
  assert 'going on from step 3' in capsys.readouterr().out
  jax.tree.map(np.testing.assert_array_equal, whole.params, cut.params)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_it(tmp_path):
  def batches(position):
    del position
    while True:
      yield {'image': np.full((4, 16, 16, 3), np.nan, np.float32),
             'mask': np.zeros((4, 16, 16, 1), np.float32)}

  with pytest.raises(RunError, match=r'loss l2 is nan at step 1; .* is none'):
    loop.train(tiny_run.config(log_every=1), tmp_path, batches)
  assert not list((tmp_path / 'checkpoints').iterdir())


@pytest.mark.parametrize(('changes', 'message'), [
    ({'batch_size': 3}, 'batch_size is 3.* 4 devices'),
    ({'pretrained': 'maybe'}, 'unknown value of pretrained "maybe"'),
    ({'steps': 0}, 'steps is 0 and config.epochs 0'),
    ({'steps': -1}, 'steps is -1'),
    ({'save_every': 0}, 'save_every is 0'),
    ({'minutes': -1.0}, 'minutes is -1'),
    ({'system': 'pconv_linse'}, 'did you mean "pconv_lines"')])
def test_a_config_that_cannot_be_used_is_refused(tmp_path, changes, message):
  with pytest.raises(UsageError, match=message):
    loop.train(small_config(**changes), tmp_path)
  assert not list(tmp_path.iterdir())


def test_a_size_that_the_system_cannot_take_is_refused(tmp_path):
  config = small_config()
  config.data.size = 18
  with pytest.raises(UsageError, match=r'size is 18.* multiples of 4'):
    loop.train(config, tmp_path)
