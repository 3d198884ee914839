"""Trainings that the page starts, stops and goes on with.

Each is a process of its own in a session of its own, with its log in the run's
folder. One is at work at a time: two would share the same devices, and each
would be slower than one after the other.
"""

import contextlib
import os
from pathlib import Path
import subprocess
import sys
import threading
import time
from typing import Any

import ml_collections
import psutil

from jinpaint import runs
from jinpaint.app import live, places, training_process
from jinpaint.app.training_process import RUNNING
from jinpaint.errors import UsageError
from jinpaint.runs import checkpoints

# How many runs' numbers are kept in memory.
_OPEN = 4
# A process takes three quarters of a GPU's memory when it first uses it, unless
# it is told a share: filling and the training beside it would not both fit.
_SHARE = 'XLA_CLIENT_MEM_FRACTION'
_OF_FILLING, _OF_TRAINING = '0.25', '0.7'


def share_memory() -> None:
  """Leaves a GPU's memory to trainings, before this process first uses it.

  Nothing is changed where shares were given from outside.
  """
  if 'XLA_PYTHON_CLIENT_MEM_FRACTION' not in os.environ:  # its older name
    os.environ.setdefault(_SHARE, _OF_FILLING)


def _environment() -> dict[str, str]:
  """Returns the environment of a training."""
  given = {**os.environ, 'PYTHONUNBUFFERED': '1'}
  if given.get(_SHARE) == _OF_FILLING:
    given[_SHARE] = _OF_TRAINING
  return given


class Trainings:
  """The runs of a folder, and the training that is at work there."""

  def __init__(self, folder: Path | None):
    """Takes the folder of runs; None where nothing can be trained."""
    self._folder = folder
    self._lock = threading.Lock()
    self._started: tuple[Path, subprocess.Popen[bytes]] | None = None
    self._live: dict[Path, live.Live] = {}

  @property
  def folder(self) -> Path:
    """The folder of runs.

    Raises:
      UsageError: the server was started without.
    """
    if self._folder is None:
      raise UsageError('start jinpaint app with --runs=DIR, the folder where '
                       'runs are kept')
    return self._folder

  def start(self, config: ml_collections.ConfigDict, name: str) -> str:
    """Starts a training in a new run.

    Args:
      config: what is trained.
      name: of the run; a number is added if that is taken.

    Returns:
      The run's name.

    Raises:
      UsageError: another training is at work, or there can be no such run.
    """
    with self._lock:
      self._check_none()
      workdir = places.free(self.folder, name)
      runs.claim(workdir, config)
      self._spawn(workdir)
      return workdir.name

  def go_on(self, name: str) -> None:
    """Goes on with a run that was stopped, or killed.

    Raises:
      UsageError: there is no such run, or a training is at work.
    """
    with self._lock:
      workdir = self.workdir(name)
      self._check_none()
      runs.read_config(workdir)
      self._spawn(workdir)

  def stop(self, name: str) -> None:
    """Asks a training to save its step and to end; the second time, to end.

    Raises:
      UsageError: there is no such training at work.
    """
    workdir = self.workdir(name)
    record = training_process.record_of(workdir)
    if record is None or record.state != RUNNING:
      raise UsageError(f'no training is at work in {name}')
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
      psutil.Process(record.pid).terminate()

  def workdir(self, name: str) -> Path:
    """Returns the work directory of a run.

    Raises:
      UsageError: there is none of this name.
    """
    workdir = places.below(self.folder, name, '--runs')
    if not (workdir / 'config.json').is_file():
      raise UsageError(f'there is no run "{name}"')
    return workdir

  def live(self, workdir: Path) -> live.Live:
    """Returns what reads the numbers of a run."""
    with self._lock:
      if workdir not in self._live:
        self._live[workdir] = live.Live(workdir)
      while len(self._live) > _OPEN:
        del self._live[next(iter(self._live))]
      return self._live[workdir]

  def all(self) -> list[dict[str, Any]]:
    """Returns how each run of the folder stands, the latest first."""
    found = [path.parent for path in self.folder.glob('*/config.json')
             if places.is_inside(self.folder, path)]
    found.sort(key=lambda path: (path / 'config.json').stat().st_mtime,
               reverse=True)
    described = []
    for workdir in found:
      try:
        described.append(self.described(workdir))
      except UsageError:  # of another version, or no run of ours
        continue
    return described

  def described(self, workdir: Path) -> dict[str, Any]:
    """Returns how a run stands.

    Raises:
      UsageError: its config cannot be read.
    """
    config = runs.read_config(workdir)
    stage = runs.stage_of(config)
    record = training_process.record_of(workdir)
    starting = self._is_starting(workdir)
    state = RUNNING if starting else record.state if record else ''
    step, steps = live.progress(workdir) or (0, config.steps)
    ended = record.ended if record and not starting else 0.0
    began = record.began if record and not starting else time.time()
    return {
        'name': workdir.relative_to(self.folder).as_posix(), 'state': state,
        'message': record.message if record and not starting else '',
        'system': config.system, 'stage': config.stage,
        'source': config.data.source.removeprefix('folder:'),
        'step': step, 'steps': steps,
        'passed': max((ended or time.time()) - began, 0) if state else 0,
        'networks': sorted(stage.networks), 'fills': stage.fills,
        'evaluated': (workdir / 'evaluation' / 'summary.json').is_file(),
        'saved': checkpoints.exist(workdir)}

  def _is_starting(self, workdir: Path) -> bool:
    """Whether its process is there and has not yet written that it is."""
    if self._started is None or self._started[0] != workdir:
      return False
    process = self._started[1]
    if process.poll() is not None:  # which also lets the system forget it
      return False
    record = training_process.record_of(workdir)
    return record is None or record.pid != process.pid

  def _check_none(self) -> None:
    """Raises `UsageError` if a training is at work."""
    for path in self.folder.iterdir():
      record = training_process.record_of(path)
      if self._is_starting(path) or (record and record.state == RUNNING):
        raise UsageError(f'{path.name} is being trained; wait for it or stop '
                         'it: one training is at work at a time')

  def _spawn(self, workdir: Path) -> None:
    with (workdir / live.LOG).open('ab') as log:
      process = subprocess.Popen(
          [sys.executable, '-m', 'jinpaint.app.training_process',
           str(workdir)], stdin=subprocess.DEVNULL, stdout=log,
          stderr=subprocess.STDOUT, start_new_session=True,
          env=_environment())
    self._started = workdir, process
