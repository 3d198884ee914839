"""The process of a training, or of an evaluation, that the page has started.

`python -m jinpaint.app.run_process training RUN` goes on with the run whose
config lies in its work directory; `... evaluation RUN DATA` scores it, where
DATA, in JSON, changes the config's `data`. It belongs to nobody: the page and
the server may end. How it stands is in `training.json` or `evaluation.json`,
which only this file writes and reads.
"""

from collections.abc import Callable, Mapping
import dataclasses
import json
import os
from pathlib import Path
import signal
import sys
import time
from typing import Any, NoReturn

import psutil

from jinpaint import errors, runs
from jinpaint.data import files
from jinpaint.errors import RunError, UsageError

TRAINING, EVALUATION = 'training', 'evaluation'
RUNNING, FINISHED, STOPPED = 'running', 'finished', 'stopped'
FAILED, KILLED = 'failed', 'killed'

# Systems know only in which second they were started.
_ROUNDED = 2.0


@dataclasses.dataclass(frozen=True)
class Record:
  """How a training or an evaluation stands.

  Attributes:
    pid: of its process.
    created: when the process was started, see `created`, by which another one
      that has the same number later is told from it.
    began: when this part of it began, in seconds since 1970.
    ended: when it ended; 0 while it runs.
    state: as it was written last; a process that was killed could not write.
    message: why it failed.
    photographs: of an evaluation, how many there are; 0 as long as that is not
      known.
  """

  pid: int
  created: float
  began: float
  ended: float = 0.0
  state: str = RUNNING
  message: str = ''
  photographs: int = 0

  @property
  def runs(self) -> bool:
    """Whether the process is there."""
    if self.state != RUNNING:
      return False
    try:
      process = psutil.Process(self.pid)
      return (abs(created(process) - self.created) < _ROUNDED
              and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
      return False


def created(process: psutil.Process) -> float:
  """Returns when a process was started, in seconds since the machine was.

  Unlike the time of day, setting the clock does not change it.
  """
  return float(process.create_time() - psutil.boot_time())


def record_of(workdir: Path, what: str = TRAINING) -> Record | None:
  """Returns how the training of a run stands, or its evaluation.

  None where the page has started none. One that was ended from outside is
  `KILLED`.
  """
  try:
    record = Record(**json.loads((workdir / f'{what}.json').read_text()))
  except (FileNotFoundError, NotADirectoryError, TypeError, ValueError):
    return None
  if record.state == RUNNING and not record.runs:
    return dataclasses.replace(record, state=KILLED)
  return record


def main(what: str, workdir: Path, data: Mapping[str, str]) -> None:
  """Trains or evaluates, and writes down how that ends.

  Args:
    what: `TRAINING` or `EVALUATION`.
    workdir: of the run.
    data: changes of its config's `data` for an evaluation.

  Raises:
    UsageError, RunError, KeyboardInterrupt, SystemExit: as
      `jinpaint.training.loop.train` and
      `jinpaint.evaluation.evaluate.evaluate`.
  """
  record = Record(os.getpid(), created(psutil.Process()), time.time())

  def note(**changes: Any) -> None:
    nonlocal record
    record = dataclasses.replace(record, **changes)
    files.write_atomically(workdir / f'{what}.json', json.dumps(
        dataclasses.asdict(record)).encode())

  def ended(state: str, message: str = '') -> None:
    note(ended=time.time(), state=state, message=message)

  note()
  try:
    if what == TRAINING:
      is_whole = _train(workdir)
    else:
      is_whole = _evaluate(
          workdir, data, lambda number: note(photographs=number))
  except (UsageError, RunError) as error:
    ended(FAILED, str(error))
    raise
  except (KeyboardInterrupt, SystemExit):
    ended(STOPPED)
    raise
  except BaseException as error:
    ended(FAILED, f'{type(error).__name__}: {str(error).partition(chr(10))[0]}')
    raise
  ended(FINISHED if is_whole else STOPPED)


def _train(workdir: Path) -> bool:
  """Trains; returns whether all steps are made."""
  from jinpaint.training import loop  # imported here: it takes seconds
  config = runs.read_config(workdir)
  state = loop.train(config, workdir)
  # Without `steps`, only a run that has `minutes` may have ended before.
  return int(state.step) >= int(config.steps)


def _evaluate(workdir: Path, data: Mapping[str, str],
              count: Callable[[int], None]) -> bool:
  """Evaluates; returns True. Tells how many photographs there are."""
  signal.signal(signal.SIGTERM, _stop)
  from jinpaint.data import pipeline  # imported here: they take seconds
  from jinpaint.evaluation import evaluate
  config = runs.read_config(workdir)
  config.data.update(data)
  count(len(pipeline.open_held_out(runs.data_of(config))))
  evaluate.evaluate(workdir, data=data)
  return True


def _stop(number: int, frame: object) -> NoReturn:
  del frame
  sys.exit(128 + number)


if __name__ == '__main__':
  # Before TensorFlow and OpenCV are imported, see `jinpaint.commands.program`.
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
  files.hush()
  with errors.exit_in_one_line():
    chosen, folder, *changes = sys.argv[1:]
    main(chosen, Path(folder), json.loads(changes[0]) if changes else {})
