"""Processes that the page starts: pretended ones, and the end of real ones."""

import dataclasses
import json
import os
import signal
import time

import psutil

from jinpaint.app import run_process
from jinpaint.app.run_process import Record, TRAINING


def pretend(workdir, what=TRAINING, **changes):
  """Writes down that this very process trains, or evaluates, a run."""
  process = psutil.Process()
  record = Record(process.pid, run_process.created(process), time.time())
  (workdir / f'{what}.json').write_text(json.dumps(dataclasses.asdict(
      dataclasses.replace(record, **changes))))


def kill_all(runs):
  """Kills the trainings and evaluations of a folder of runs.

  They outlive the server, but not tests.
  """
  for path in runs.iterdir():
    for what in (run_process.TRAINING, run_process.EVALUATION):
      record = run_process.record_of(path, what)
      if record and record.state == run_process.RUNNING and (
          record.pid != os.getpid()):
        os.kill(record.pid, signal.SIGKILL)
