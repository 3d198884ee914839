"""What the programs train.py and evaluate.py share: flags and their errors."""

from collections.abc import Callable, Iterable
import os
import sys

from absl import app, flags, logging

from jinpaint import errors
from jinpaint.errors import UsageError


def run(main: Callable[[], None], *, required: Iterable[str] = ()) -> None:
  """Runs a program of absl flags; an error of use is one line and status 2.

  Args:
    main: the program, called when the flags are parsed.
    required: names of flags that must be given.
  """
  # Before TensorFlow and OpenCV are imported: the one greets with a page, which
  # oneDNN adds to and is not needed to load images; the other comments on every
  # broken image.
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
  # A file's name may be no text; that must not end a run.
  sys.stdout.reconfigure(errors='backslashreplace')

  def guarded(argv):
    del argv
    logging.set_verbosity(logging.WARNING)
    with errors.exit_in_one_line():
      main()

  def parse(argv):
    with errors.exit_in_one_line():
      return _parse(argv, required)

  app.run(guarded, flags_parser=parse)


def _parse(argv, required):
  known = flags.FLAGS
  try:
    positional = known(argv)
    values = {name: getattr(known, name) for name in required}
    # A config that could not be loaded raises when it is looked at.
    any(hasattr(value, 'keys') for value in values.values())
  except flags.UnrecognizedFlagError as error:
    raise errors.unknown('flag', error.flagname, known) from error
  except (AttributeError, KeyError) as error:
    # A locked config's: a KeyError of the key and of the nearest, if any; the
    # last of several keys has it wrapped.
    reason = str(getattr(error.args[0], 'args', error.args)[0])
    raise UsageError('unknown config key ' + '; '.join(
        reason.splitlines()).replace('Did', 'did')) from error
  except (flags.Error, OSError, TypeError, ValueError) as error:
    raise UsageError(_reason(str(error))) from error
  for name, value in values.items():
    if value is None:
      raise UsageError(f'--{name} is missing')
  if positional[1:]:
    raise UsageError(f'cannot read "{positional[1]}"; did you forget --?')
  return positional


def _reason(message):
  """Returns the line that says why, of what ml_collections hands on."""
  lines = [line.strip() for line in message.splitlines() if line.strip()]
  return lines[-1] if 'Traceback' in message else ' '.join(lines)
