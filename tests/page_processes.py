"""Ends what the page has started, which outlives its server but not tests."""

import os
import signal

from jinpaint.app import run_process


def kill_all(runs):
  """Kills the trainings and evaluations of a folder of runs."""
  for path in runs.iterdir():
    for what in (run_process.TRAINING, run_process.EVALUATION):
      record = run_process.record_of(path, what)
      if record and record.state == run_process.RUNNING and (
          record.pid != os.getpid()):
        os.kill(record.pid, signal.SIGKILL)
