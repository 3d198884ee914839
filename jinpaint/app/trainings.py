"""Trainings that the page starts, stops and goes on with, and evaluations.

Each is a process of its own in a session of its own, with its log in the run's
folder. One of them all is at work at a time: two would share the same devices,
and each would be slower than one after the other.
"""

from collections.abc import Mapping
import contextlib
import json
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
from jinpaint.app import live, places, run_process
from jinpaint.app.run_process import EVALUATION, Record, RUNNING, TRAINING
from jinpaint.errors import UsageError
from jinpaint.runs import checkpoints

# How many runs' numbers are kept in memory.
_OPEN = 4
# What is at work, and where its words go.
_LOGS = {TRAINING: live.LOG, EVALUATION: live.EVALUATION_LOG}
_DOING = {TRAINING: 'trained', EVALUATION: 'evaluated'}
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
  """Returns the environment of a training, or of an evaluation."""
  given = {**os.environ, 'PYTHONUNBUFFERED': '1'}
  if given.get(_SHARE) == _OF_FILLING:
    given[_SHARE] = _OF_TRAINING
  return given


class Trainings:
  """The runs of a folder, and what is at work there."""

  def __init__(self, folder: Path | None):
    """Takes the folder of runs; None where nothing can be trained."""
    self._folder = folder
    self._lock = threading.Lock()
    self._started: tuple[Path, str, subprocess.Popen[bytes]] | None = None
    self._live: dict[Path, live.Live] = {}

  @property
  def folder(self) -> Path:
    """The folder of runs.

    Raises:
      UsageError: the server was started without.
    """
    return places.given(self._folder, '--runs', 'runs are kept')

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
      self._spawn(workdir, TRAINING)
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
      self._spawn(workdir, TRAINING)

  def evaluate(self, name: str, data: Mapping[str, str]) -> None:
    """Evaluates a run anew, as `evaluate.py` does.

    Args:
      name: of the run.
      data: changes of its config's `data`, see
        `jinpaint.evaluation.evaluate.evaluate`.

    Raises:
      UsageError: there is no such run, it has not been saved yet, or something
        else is at work.
    """
    with self._lock:
      workdir = self.workdir(name)
      self._check_none()
      if not checkpoints.exist(workdir):
        raise UsageError(f'{name} has nothing to evaluate yet: no step of it '
                         'is saved')
      self._spawn(workdir, EVALUATION, json.dumps(dict(data)))

  def stop(self, name: str, what: str = TRAINING) -> None:
    """Asks a training to save its step and to end; the second time, to end.

    An evaluation ends at once.

    Raises:
      UsageError: there is no such training or evaluation at work.
    """
    workdir = self.workdir(name)
    record = run_process.record_of(workdir, what)
    if record is None or record.state != RUNNING:
      raise UsageError(f'no {what} is at work in {name}')
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
      psutil.Process(record.pid).terminate()

  def workdir(self, name: str) -> Path:
    """Returns the work directory of a run.

    Raises:
      UsageError: there is none of this name.
    """
    workdir = places.below(self.folder, name, '--runs')
    # What lies deeper is not looked at when something is to be at work alone.
    if workdir.parent != self.folder or not (
        workdir / 'config.json').is_file():
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
    # A run that was not trained here has no log.
    step, steps = live.progress(workdir) or (
        checkpoints.last_step(workdir) or 0, config.steps)
    return {
        'name': workdir.relative_to(self.folder).as_posix(),
        **self._stands(workdir, TRAINING),
        'system': config.system, 'stage': config.stage,
        'source': config.data.source.removeprefix('folder:'),
        'step': step, 'steps': steps,
        'networks': sorted(stage.networks), 'fills': stage.fills,
        'evaluated': (workdir / 'evaluation' / 'summary.json').is_file(),
        'evaluation': self._stands(workdir, EVALUATION),
        'saved': checkpoints.exist(workdir)}

  def evaluation(self, name: str) -> dict[str, Any]:
    """Returns how the evaluation of a run stands, and what it has scored.

    Raises:
      UsageError: there is no such run.
    """
    workdir = self.workdir(name)
    record = self._record(workdir, EVALUATION)
    return {'run': name, **self._stands(workdir, EVALUATION),
            'photographs': record.photographs if record else 0,
            'scored': live.scored(workdir, record.began) if record else 0}

  def _record(self, workdir: Path, what: str) -> Record | None:
    """Returns what a process has written of itself; None before it has."""
    return (None if self._is_starting(workdir, what)
            else run_process.record_of(workdir, what))

  def _stands(self, workdir: Path, what: str) -> dict[str, Any]:
    """Returns the state of a training or an evaluation, and since when."""
    record = self._record(workdir, what)
    if record is None:
      starting = self._is_starting(workdir, what)
      return {'state': RUNNING if starting else '', 'message': '', 'passed': 0}
    return {'state': record.state, 'message': record.message,
            'passed': max((record.ended or time.time()) - record.began, 0)}

  def _is_starting(self, workdir: Path, what: str) -> bool:
    """Whether its process is there and has not yet written that it is."""
    if self._started is None or self._started[:2] != (workdir, what):
      return False
    process = self._started[2]
    if process.poll() is not None:  # which also lets the system forget it
      return False
    record = run_process.record_of(workdir, what)
    return record is None or record.pid != process.pid

  def _check_none(self) -> None:
    """Raises `UsageError` if a training or an evaluation is at work."""
    for path in self.folder.iterdir():
      for what in _LOGS:
        if self._stands(path, what)['state'] == RUNNING:
          raise UsageError(
              f'{path.name} is being {_DOING[what]}; wait for it or stop it: '
              'one training or evaluation is at work at a time')

  def _spawn(self, workdir: Path, what: str, *args: str) -> None:
    with (workdir / _LOGS[what]).open('ab') as log:
      process = subprocess.Popen(
          [sys.executable, '-m', 'jinpaint.app.run_process', what,
           str(workdir), *args], stdin=subprocess.DEVNULL, stdout=log,
          stderr=subprocess.STDOUT, start_new_session=True,
          env=_environment())
    self._started = workdir, what, process
