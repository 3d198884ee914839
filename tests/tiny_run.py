"""A small trained run for tests of what comes after training."""

import functools
from pathlib import Path

from configs import quickstart
from jinpaint import loop


def config(**changes):
  """A run of seconds: two steps of 16 px, four features."""
  made = quickstart.get_config()
  made.steps, made.batch_size = 2, 4
  made.data.size = 16
  made.options.widths = (4,)
  made.options.adversarial = 0.0
  made.eval_examples = 4
  made.update(changes)
  return made


@functools.cache
def trained(base: Path) -> Path:
  """Trains below `base`, once a session; returns the work directory."""
  loop.train(config(), base / 'tiny run')
  return base / 'tiny run'
