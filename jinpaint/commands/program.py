"""What the programs train.py and evaluate.py share: flags and their errors."""

from collections.abc import Callable, Iterable, Sequence
import os

from absl import app, flags, logging

from jinpaint import errors
from jinpaint.errors import UsageError


def run(main: Callable[[], None], *, required: Iterable[str] = ()) -> None:
  """Runs a program of absl flags; how it ends is said in `jinpaint.errors`.

  Args:
    main: the program, called when the flags are parsed.
    required: names of flags that must be given.

  Raises:
    SystemExit: always; its code is the exit status.
  """
  # These must be set before TensorFlow and OpenCV are imported. TensorFlow
  # greets with a page of text, to which oneDNN adds, which only loads images
  # here and is not needed for it. OpenCV comments on every broken image.
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
  def guarded(_: Sequence[str]) -> None:
    logging.set_verbosity(logging.WARNING)
    # Imported here: it imports OpenCV.
    from jinpaint.data import files
    files.hush()
    with errors.exit_in_one_line():
      main()

  def parse(argv: Sequence[str]) -> list[str]:
    with errors.exit_in_one_line():
      return _parse(argv, tuple(required))

  app.run(guarded, flags_parser=parse)


def _parse(argv: Sequence[str], required: Sequence[str]) -> list[str]:
  """Parses the flags; returns the words that belong to none.

  Raises:
    UsageError: a flag, or a key of a config, is unknown, has a wrong value or
      is missing.
  """
  try:
    words = flags.FLAGS(argv)
    values = {name: getattr(flags.FLAGS, name) for name in required}
    for value in values.values():
      # A config whose file could not be loaded raises that error only here,
      # when one of its attributes is read.
      hasattr(value, 'items')
  except flags.UnrecognizedFlagError as error:
    raise errors.unknown('flag', error.flagname, flags.FLAGS) from error
  except KeyError as error:
    raise UsageError(f'unknown config key: {_one_line(error)}') from error
  except AttributeError as error:
    # A config turns the KeyError of a missing attribute into this. Any other
    # one is a fault in the code of the config's file.
    if not isinstance(error.__context__, KeyError):
      raise
    raise UsageError(
        f'unknown config key: {_one_line(error.__context__)}') from error
  except (flags.Error, OSError, TypeError, ValueError) as error:
    raise UsageError(_one_line(_without_traceback(error))) from error
  for name, value in values.items():
    if value is None:
      raise UsageError(f'--{name} is missing')
  if words[1:]:
    raise UsageError(f'cannot read "{words[1]}"; did you forget --?')
  return words


def _without_traceback(error: BaseException) -> BaseException:
  """Returns the error whose message says what is wrong.

  Where a config's own code raises an error, ml_collections raises another one,
  which has the whole traceback as its message. It was raised while the first
  was handled, by which Python finds the first.
  """
  while '\n' in str(error) and error.__context__ is not None:
    error = error.__context__
  return error


def _one_line(error: BaseException) -> str:
  """Returns the message of another library's error in one line."""
  # Of a KeyError, `str` is the `repr` of its message.
  message = error.args[0] if isinstance(error, KeyError) else error
  return ' '.join(str(message).split())
