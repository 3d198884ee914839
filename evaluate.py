"""Scores a run on held-out photographs, beside classical inpainting.

python evaluate.py --workdir=runs/quickstart
"""

from pathlib import Path

from absl import flags

from jinpaint import program

_WORKDIR = flags.DEFINE_string('workdir', None, 'The run.')
_CHECKPOINT = flags.DEFINE_string('checkpoint', 'last', 'last, best or a step.')
_SOURCE = flags.DEFINE_string(
    'source', '', 'Photographs to score on, e.g. folder:PATH; by default the '
    "run's own held-out ones.")
_LIMIT = flags.DEFINE_integer('limit', 0, 'The first so many; 0 for all.')


def main():
  """Evaluates."""
  from jinpaint import evaluation  # after the flags: it imports TensorFlow
  evaluation.evaluate(Path(_WORKDIR.value), checkpoint=_CHECKPOINT.value,
                      source=_SOURCE.value, limit=_LIMIT.value)


if __name__ == '__main__':
  program.run(main, required=('workdir',))
