"""The process of a training that the page has started.

`python -m jinpaint.app.training_process RUN` goes on with the run whose config
lies in its work directory. It belongs to nobody: the page and the server may
end. How it stands is in `training.json`, which only this file writes and reads.
"""

import dataclasses
import json
import os
from pathlib import Path
import sys
import time

import psutil

from jinpaint import errors, runs
from jinpaint.data import files
from jinpaint.errors import RunError, UsageError

RUNNING, FINISHED, STOPPED = 'running', 'finished', 'stopped'
FAILED, KILLED = 'failed', 'killed'

_RECORD = 'training.json'


@dataclasses.dataclass(frozen=True)
class Record:
  """How a training stands.

  Attributes:
    pid: of its process.
    created: when the process was started, by which another one that has the
      same number later is told from it.
    began: when this part of the training began, in seconds since 1970.
    ended: when it ended; 0 while it runs.
    state: as it was written last; a process that was killed could not write.
    message: why it failed.
  """

  pid: int
  created: float
  began: float
  ended: float = 0.0
  state: str = RUNNING
  message: str = ''

  @property
  def runs(self) -> bool:
    """Whether the process is there."""
    if self.state != RUNNING:
      return False
    try:
      process = psutil.Process(self.pid)
      # Seconds since the machine was started, in hundredths, are behind it.
      return (abs(process.create_time() - self.created) < 0.1
              and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
      return False


def record_of(workdir: Path) -> Record | None:
  """Returns how the training of a run stands.

  None where the page has started none. One that was ended from outside is
  `KILLED`.
  """
  try:
    record = Record(**json.loads((workdir / _RECORD).read_text()))
  except (FileNotFoundError, NotADirectoryError, TypeError, ValueError):
    return None
  if record.state == RUNNING and not record.runs:
    return dataclasses.replace(record, state=KILLED)
  return record


def main(workdir: Path) -> None:
  """Trains, and writes down how it ends.

  Raises:
    UsageError, RunError, KeyboardInterrupt, SystemExit: as
      `jinpaint.training.loop.train`.
  """
  record = Record(os.getpid(), psutil.Process().create_time(), time.time())
  _write(workdir, record)

  def ended(state: str, message: str = '') -> None:
    _write(workdir, dataclasses.replace(
        record, ended=time.time(), state=state, message=message))

  try:
    from jinpaint.training import loop  # imported here: it takes seconds
    config = runs.read_config(workdir)
    state = loop.train(config, workdir)
  except (UsageError, RunError) as error:
    ended(FAILED, str(error))
    raise
  except (KeyboardInterrupt, SystemExit):
    ended(STOPPED)
    raise
  except BaseException as error:
    ended(FAILED, f'{type(error).__name__}: {str(error).partition(chr(10))[0]}')
    raise
  # Without `steps`, only a run that has `minutes` may have ended before.
  ended(STOPPED if int(state.step) < config.steps else FINISHED)


def _write(workdir: Path, record: Record) -> None:
  files.write_atomically(workdir / _RECORD, json.dumps(
      dataclasses.asdict(record)).encode())


if __name__ == '__main__':
  # Before TensorFlow and OpenCV are imported, see `jinpaint.commands.program`.
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  os.environ.setdefault('OPENCV_LOG_LEVEL', 'SILENT')
  files.hush()
  with errors.exit_in_one_line():
    main(Path(sys.argv[1]))
