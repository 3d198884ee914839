"""What a training says and keeps: schedules, rates, data, the best step."""

import contextlib
import os

import numpy as np
import pytest
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util
import tiny_run

from jinpaint.data import files
from jinpaint.errors import RunError, UsageError
from jinpaint.runs import hold
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.training import loop


@pytest.fixture(scope='module')
def watched(tmp_path_factory):
  """A run of five steps on a folder, evaluated where it is not saved."""
  folder = tmp_path_factory.mktemp('photographs')
  rng = np.random.default_rng(0)
  for i in range(6):
    files.write(folder / f'{i}.png', files.Picture(
        rng.integers(0, 256, (24, 24, 3), np.uint8)))
  workdir = tmp_path_factory.mktemp('watched')
  config = tiny_run.config(
      steps=5, log_every=1, eval_every=2, save_every=100, keep=1)
  config.data.source = f'folder:{os.path.relpath(folder)}'
  config.optimizers.generator.cosine_steps = 3
  output = record(lambda: loop.train(config, workdir))
  return workdir, folder, config, output


def record(run):
  """Returns what a run prints."""
  lines = []
  with contextlib.ExitStack() as stack:
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.setattr(loop, 'say', lines.append)
    run()
  return '\n'.join(lines)


def test_the_best_step_is_kept_wherever_there_was_an_evaluation(watched):
  workdir, *_ = watched
  with Checkpoints(workdir) as saved:
    _, best = saved.variables('best')
    _, last = saved.variables('last')
  assert best in (2, 4, 5)
  assert last == 5


def test_a_schedule_that_is_shorter_than_the_run_is_said(watched):
  *_, output = watched
  assert ('the learning rate of the generator is 0 from step 3 on, but the run '
          'has 5 steps') in output


def test_learning_rates_and_gradient_norms_are_logged(watched):
  workdir, *_ = watched
  events = event_accumulator.EventAccumulator(
      str(workdir), size_guidance={'tensors': 0})
  events.Reload()
  value = lambda tag: [float(tensor_util.make_ndarray(event.tensor_proto))
                       for event in events.Tensors(tag)]
  rates = value('learning_rate/generator')
  # A cosine of three steps, from 4e-3 to 0.
  np.testing.assert_allclose(rates, [4e-3, 3e-3, 1e-3, 0, 0], atol=1e-9)
  norms = value('gradient_norm/generator')
  assert len(norms) == 5
  assert min(norms) > 0


def test_changed_photographs_are_said_when_a_run_goes_on(watched):
  workdir, folder, config, _ = watched
  files.write(folder / 'new.png', files.Picture(
      np.zeros((24, 24, 3), np.uint8)))
  longer = config.copy_and_resolve_references()
  longer.steps = 6
  output = record(lambda: loop.train(longer, workdir))
  assert 'are not those of the start' in output
  assert 'going on from step 5' in output


def test_a_work_directory_in_use_is_refused_and_left_alone(tmp_path):
  with hold(tmp_path), pytest.raises(UsageError, match='is training in'):
    loop.train(tiny_run.config(steps=1), tmp_path)
  assert [path.name for path in tmp_path.iterdir()] == ['.lock']


def test_weights_that_are_no_longer_finite_are_not_saved(tmp_path):
  # The loss is computed before the update that breaks the weights.
  config = tiny_run.config(steps=1)
  config.optimizers.generator.learning_rate = 1e39
  with pytest.raises(RunError, match='is no longer finite after step 1, which '
                     'is not saved; the last good checkpoint is none'):
    loop.train(config, tmp_path)
  with Checkpoints(tmp_path) as saved:
    assert saved.latest is None


def test_a_loader_without_a_length_needs_steps_not_epochs(tmp_path):
  def batches(position):
    del position
    while True:
      yield {'image': np.zeros((4, 16, 16, 3), np.float32),
             'mask': np.ones((4, 16, 16, 1), np.float32)}

  with pytest.raises(UsageError, match=r'give config\.steps'):
    loop.train(tiny_run.config(steps=0, epochs=1), tmp_path / 'run', batches)
  assert not (tmp_path / 'run').exists()


def test_a_batch_that_lacks_what_the_stage_reads_is_one_line(tmp_path):
  def batches(position):
    del position
    yield {'image': np.zeros((4, 16, 16, 3), np.float32)}

  with pytest.raises(UsageError, match='needs "mask"'):
    loop.train(tiny_run.config(), tmp_path / 'run', batches)
