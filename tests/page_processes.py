"""Ends what the page has started, which outlives its server but not tests."""

import os
import signal

from jinpaint.app import training_process


def kill_all(runs):
  """Kills the trainings of a folder of runs."""
  for path in runs.iterdir():
    record = training_process.record_of(path)
    if record and record.state == training_process.RUNNING and (
        record.pid != os.getpid()):
      os.kill(record.pid, signal.SIGKILL)
