"""A small trained run for tests of what comes after training."""

import fcntl
import os
from pathlib import Path

from jinpaint.configs import pconv_lines
from jinpaint.training import loop


def config(**changes):
  """A run of seconds: two steps of 16 px, four features."""
  made = pconv_lines.get_config('photos')
  made.steps, made.batch_size = 2, 4
  made.data.size = 16
  made.options.widths = (4,)
  made.options.adversarial = 0.0
  made.eval_examples = 4
  made.update(changes)
  return made


def trained(base: Path) -> Path:
  """Trains below pytest's base folder, once; returns the work directory."""
  if 'PYTEST_XDIST_WORKER' in os.environ:
    base = base.parent  # which the processes of a session share
  workdir = base / 'tiny run'
  with (base / 'tiny run.lock').open('w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not (workdir / 'evaluation' / 'summary.json').exists():
      loop.train(config(), workdir)
  return workdir
