"""Trains a stage of a system, or goes on with a run.

python train.py --config=configs/quickstart.py --workdir=runs/quickstart
"""


from absl import flags
from ml_collections import config_flags

from jinpaint.commands import parsers, program

_CONFIG = config_flags.DEFINE_config_file('config', lock_config=True)
_WORKDIR = flags.DEFINE_string('workdir', None, 'Where the run is written.')


def main():
  """Trains."""
  from jinpaint.training import loop
  loop.train(_CONFIG.value, parsers.path(_WORKDIR.value))


if __name__ == '__main__':
  program.run(main, required=('config', 'workdir'))
