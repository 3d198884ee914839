"""A checkpoint is whole and finite, or it is not there; the best one stays."""

import logging
from pathlib import Path
import resource
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from jinpaint.errors import RunError, UsageError
from jinpaint.runs import checkpoints
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.training import TrainState

ROOT = Path(__file__).parents[2]
PROGRESS = {'seed': 0, 'position': 0}


def state_of(step, *, size=8, averages=None):
  """A state whose every number is its step."""
  params = {'kernel': np.full(size, step, np.float32)}
  stats = {'batch_stats': {'mean': np.full(size, step, jnp.bfloat16)}}
  opt = jax.tree.map(np.asarray, optax.adam(1e-3).init(params))
  return TrainState(np.int32(step), {'generator': params},
                    {'generator': stats}, {'generator': opt}, averages or {})


def steps_on_disk(workdir):
  return sorted(path.name for path in (workdir / 'checkpoints').iterdir())


def planted(state, where, value):
  """The state with one number of one array replaced."""
  def plant(path, array):
    name = jax.tree_util.keystr(path, simple=True, separator='.')
    if name == where:
      array = np.array(array)
      array[-1] = value
    return array
  return jax.tree_util.tree_map_with_path(plant, state)


@pytest.mark.parametrize('value', [np.nan, -np.inf])
@pytest.mark.parametrize('where', [
    'params.generator.kernel', 'stats.generator.batch_stats.mean',
    'opt.generator.0.nu.kernel', 'averages.generator.kernel'])
def test_a_state_that_is_not_finite_is_not_saved_and_the_array_is_named(
    tmp_path, where, value):
  averages = {'generator': {'kernel': np.ones(8, np.float32)}}
  with Checkpoints(tmp_path, keep=2) as saved:
    saved.save(state_of(1), PROGRESS)
    with pytest.raises(RunError) as caught:
      saved.save(planted(state_of(2, averages=averages), where, value),
                 PROGRESS)
  assert not isinstance(caught.value, UsageError)
  assert str(caught.value) == (
      f'{where} is no longer finite after step 2, which is not saved; the last '
      'good checkpoint is step 1')
  assert steps_on_disk(tmp_path) == ['1']


def test_a_first_state_that_is_not_finite_leaves_no_checkpoint(tmp_path):
  bad = planted(state_of(1), 'params.generator.kernel', np.nan)
  with (pytest.raises(RunError, match='last good checkpoint is none'),
        Checkpoints(tmp_path, keep=1) as saved):
    saved.save(bad, PROGRESS)
  assert not checkpoints.exist(tmp_path)


@pytest.mark.parametrize('reason', [RuntimeError('a bug'), KeyboardInterrupt()])
def test_whatever_ends_a_training_the_step_that_is_being_saved_gets_whole(
    tmp_path, reason):
  size = 4_000_000  # takes a while to write

  def train():
    with Checkpoints(tmp_path, keep=2) as saved:
      saved.save(state_of(1, size=size), PROGRESS)
      saved.save(state_of(2, size=size), PROGRESS)
      raise reason

  with pytest.raises(type(reason)):
    train()
  assert steps_on_disk(tmp_path) == ['1', '2']
  variables, step = checkpoints.variables_of(tmp_path)
  assert step == 2
  np.testing.assert_array_equal(variables['generator']['params']['kernel'],
                                np.full(size, 2, np.float32))


# Interrupts itself at one of many places in a save, each time.
SAVE_UNTIL_INTERRUPTED = """
import signal, sys
from pathlib import Path
import numpy as np
from jinpaint import errors
from jinpaint.runs.checkpoints import Checkpoints
from jinpaint.training import TrainState
# A shell starts programs in the background with interrupts ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))

def save_until_interrupted(seconds):
  with Checkpoints(Path(sys.argv[1]), keep=2) as saved:
    step = saved.latest or 0
    # Again after a second: Python ignores what is raised in a destructor.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1)
    while True:
      step += 1
      weights = {'generator': {'kernel': np.full(100_000, step, np.float32)}}
      saved.save(TrainState(np.int32(step), weights, {'generator': {}},
                            weights), {'seed': 0, 'position': step})

for round in range(12):
  try:
    save_until_interrupted(0.001 + 0.01 * round)
  except KeyboardInterrupt:
    signal.setitimer(signal.ITIMER_REAL, 0)
    print('interrupted')
with errors.exit_in_one_line():
  try:
    save_until_interrupted(0.05)
  finally:
    signal.setitimer(signal.ITIMER_REAL, 0)
"""


def test_ctrl_c_at_any_place_of_a_save_leaves_a_whole_step_and_one_line(
    tmp_path):
  ended = subprocess.run(
      [sys.executable, '-c', SAVE_UNTIL_INTERRUPTED, tmp_path], cwd=ROOT,
      text=True, capture_output=True, check=False, timeout=120)
  assert ended.returncode == 130
  assert ended.stderr.splitlines()[-1] == 'stopped'
  assert ended.stdout == 12 * 'interrupted\n'
  assert all(name.isdigit() for name in steps_on_disk(tmp_path))
  variables, step = checkpoints.variables_of(tmp_path)
  kernel = variables['generator']['params']['kernel']
  np.testing.assert_array_equal(kernel, np.full_like(kernel, step))


def noise_of(step, size):
  """A state that cannot be compressed."""
  noise = np.random.default_rng(step).standard_normal(size, np.float32)
  weights = {'generator': {'kernel': noise, 'bias': noise[:size // 2]}}
  return TrainState(np.int32(step), weights, {'generator': {}}, weights)


def test_a_file_that_the_disk_refuses_ends_in_one_line_and_loses_nothing(
    tmp_path, capfd):
  before = resource.getrlimit(resource.RLIMIT_FSIZE)
  with Checkpoints(tmp_path, keep=1) as saved:
    saved.save(noise_of(1, 1000), PROGRESS)
    assert saved.latest == 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, before[1]))
    try:
      saved.save(noise_of(2, 400_000), PROGRESS)
      with pytest.raises(RunError) as caught:
        saved.save(noise_of(3, 1000), PROGRESS)
    finally:
      resource.setrlimit(resource.RLIMIT_FSIZE, before)
  assert str(caught.value) == (
      f'cannot write {tmp_path / "checkpoints"}: File too large; the last '
      'whole checkpoint is step 1')
  assert checkpoints.variables_of(tmp_path)[1] == 1
  assert capfd.readouterr() == ('', '')


FILL_THE_DISK = """
import subprocess, sys
from pathlib import Path
import numpy as np
workdir = Path(sys.argv[1])
subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', workdir],
               check=True)
from jinpaint.errors import RunError
from jinpaint.runs import checkpoints
from jinpaint.runs.checkpoints import Checkpoints
sys.path.insert(0, 'tests/runs')
from test_checkpoints import noise_of, PROGRESS
try:
  with Checkpoints(workdir, keep=9) as saved:
    for step in range(1, 9):
      saved.save(noise_of(step, 100_000), PROGRESS)
except RunError as error:
  print(error)
print(checkpoints.variables_of(workdir)[1])
"""


def test_a_full_disk_ends_in_one_line_and_loses_nothing(tmp_path):
  in_namespace = ['unshare', '--user', '--map-root-user', '--mount']
  try:
    subprocess.run([*in_namespace, 'mount', '-t', 'tmpfs', 'tmpfs', tmp_path],
                   check=True, capture_output=True)
  except (FileNotFoundError, subprocess.CalledProcessError):
    pytest.skip('this system lets users mount no file system of their own')
  ended = subprocess.run(
      [*in_namespace, sys.executable, '-c', FILL_THE_DISK, tmp_path], cwd=ROOT,
      text=True, capture_output=True, check=False, timeout=120)
  assert (ended.returncode, ended.stderr) == (0, '')
  message, last = ended.stdout.splitlines()
  assert message == (
      f'cannot write {tmp_path / "checkpoints"}: No space left on device; the '
      f'last whole checkpoint is step {last}')
  assert int(last) >= 1


def test_a_step_that_was_left_unfinished_is_removed_by_the_next_training(
    tmp_path):
  unfinished = tmp_path / 'checkpoints' / '3.orbax-checkpoint-tmp'
  (unfinished / 'model').mkdir(parents=True)
  assert not checkpoints.exist(tmp_path)
  with Checkpoints(tmp_path):
    assert unfinished.is_dir()
  with Checkpoints(tmp_path, keep=1) as saved:
    assert saved.latest is None
    assert not unfinished.exists()
    saved.save(state_of(3), PROGRESS)
  assert steps_on_disk(tmp_path) == ['3']


def test_a_directory_that_cannot_be_written_to_is_one_line(tmp_path):
  (tmp_path / 'checkpoints').write_text('a file')
  with pytest.raises(RunError, match=r'cannot write .*: File exists; '):
    Checkpoints(tmp_path, keep=1)


def test_what_others_log_is_still_heard(tmp_path, caplog):
  with Checkpoints(tmp_path, keep=1):
    logging.getLogger('absl').error('heard')
  assert [record.message for record in caplog.records] == ['heard']


@pytest.mark.parametrize('name', checkpoints.BEST)
def test_the_best_evaluated_step_is_kept_and_what_is_not_a_number_never_wins(
    tmp_path, name):
  with Checkpoints(tmp_path, keep=1) as saved:
    for step, metrics in enumerate([
        {name: 10.0}, None, {name: 30.0, 'ssim': np.nan}, {name: np.nan},
        {name: 20.0}, {name: None}, {'ssim': 99.0}, {name: np.inf}], start=1):
      saved.save(state_of(step), PROGRESS, metrics)
  assert steps_on_disk(tmp_path) == ['3', '8']
  assert checkpoints.variables_of(tmp_path, 'best')[1] == 3
  assert checkpoints.variables_of(tmp_path, 'last')[1] == 8


def test_another_metric_never_stands_in_for_the_one_that_decides(tmp_path):
  with Checkpoints(tmp_path, keep=5) as saved:
    saved.save(state_of(1), PROGRESS, {'edge_f1': 0.5, 'psnr_hole': 0.1})
    saved.save(state_of(2), PROGRESS, {'edge_f1': 0.9, 'psnr_hole': np.nan})
  assert checkpoints.variables_of(tmp_path, 'best')[1] == 1


def test_a_run_that_was_never_evaluated_has_no_best_step(tmp_path):
  with Checkpoints(tmp_path, keep=2) as saved:
    saved.save(state_of(1), PROGRESS)
  with pytest.raises(UsageError, match='no checkpoint "best"; there are: 1'):
    checkpoints.variables_of(tmp_path, 'best')


def test_moving_averages_are_saved_and_are_what_a_reader_gets(tmp_path):
  averages = {'generator': {'kernel': np.full(8, 0.5, np.float32)}}
  state = state_of(3, averages=averages)
  with Checkpoints(tmp_path, keep=1) as saved:
    saved.save(state, {'seed': 1, 'position': 12})
    restored, progress = saved.restore(like=state)
  assert progress == {'seed': 1, 'position': 12}
  jax.tree.map(np.testing.assert_array_equal, restored, state)
  variables, _ = checkpoints.variables_of(tmp_path)
  np.testing.assert_array_equal(variables['generator']['params']['kernel'],
                                averages['generator']['kernel'])
  np.testing.assert_array_equal(variables['generator']['batch_stats']['mean'],
                                np.full(8, 3, jnp.bfloat16))


def test_a_run_without_moving_averages_is_saved_as_it_always_was(tmp_path):
  state = state_of(3)
  with Checkpoints(tmp_path, keep=1) as saved:
    saved.save(state, PROGRESS)
    restored, _ = saved.restore(like=jax.eval_shape(lambda: state))
  assert restored.averages == {}
  jax.tree.map(np.testing.assert_array_equal, restored, state)
  with ocp.StandardCheckpointer() as reader:
    model = reader.restore(tmp_path / 'checkpoints' / '3' / 'model')
  assert model.keys() == {'step', 'params', 'stats'}
