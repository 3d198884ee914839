"""The queue of work for the accelerator: fair, bounded, in batches.

One thread works. The sessions take turns, so that nobody waits for all that
somebody else has asked for. Jobs that can be done together are: whoever's turn
it is takes those of all sessions along. Work that nobody asks for any more is
dropped.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
import dataclasses
import itertools
import logging
import secrets
import threading
import time
from typing import Protocol

from starlette.exceptions import HTTPException

from jinpaint.app.settings import Limits
from jinpaint.inference import Stopped

_LOG = logging.getLogger('jinpaint.app')

# Seconds that the work which is given up at the end may still take.
_FAREWELL = 5

_DROPPED = 'nobody asked for this picture any more, so it was dropped'

Stop = Callable[[], bool]
Progress = Callable[[float], None]


class Work(Protocol):
  """What a job does."""

  @property
  def key(self) -> Hashable:
    """Work of equal keys may be done together."""

  @property
  def pixels(self) -> int:
    """The number of pixels of its picture."""

  def room(self) -> int:
    """Returns how many of its key are best done together."""

  def do(self, works: Sequence['Work'], stop: Stop, progress: Progress
         ) -> None:
    """Does this work and others of its key.

    Args:
      works: all that are to be done, this one among them.
      stop: is asked now and then whether to give up.
      progress: is told the share that is done.

    Raises:
      jinpaint.inference.Stopped: `stop` said so.
      ValueError: something given is wrong, which the message says in one line.
    """

  def discard(self) -> None:
    """Deletes the files of this work."""


@dataclasses.dataclass(eq=False)
class Job:
  """Work that waits, runs or has ended.

  Attributes:
    session: the id of the session that it belongs to.
    work: what is to be done.
    state: 'waiting', 'running', 'done', 'failed' or 'cancelled'.
    share: of a running job, what is done.
    message: why it failed or was dropped.
    asked: when somebody last asked for it.
    began: when it began to run.
    seconds: how long it ran.
  """

  session: str
  work: Work
  id: str = dataclasses.field(default_factory=lambda: secrets.token_hex(8))
  state: str = 'waiting'
  share: float = 0.0
  message: str = ''
  asked: float = dataclasses.field(default_factory=time.monotonic)
  began: float = 0.0
  seconds: float = 0.0

  @property
  def ended(self) -> bool:
    """Whether nothing more will happen to it."""
    return self.state not in ('waiting', 'running')


class Jobs:
  """All jobs of a server, and the thread that works."""

  def __init__(self, limits: Limits):
    self._limits = limits
    # By session, in the order of their turns; the jobs of each in their order.
    self._waiting: dict[str, list[Job]] = {}
    self._all: dict[str, Job] = {}
    self._changed = threading.Condition()
    self._closed = False
    self._thread = threading.Thread(target=self._work, name='accelerator',
                                    daemon=True)

  def start(self) -> None:
    """Begins to work."""
    self._thread.start()

  def close(self) -> None:
    """Gives up all jobs, and waits a little for the one that runs to end."""
    with self._changed:
      self._closed = True
      for job in self._all.values():
        self._cancel(job)
      self._changed.notify_all()
    if self._thread.is_alive():
      # A program that is being compiled cannot be stopped.
      self._thread.join(_FAREWELL)

  def add(self, session: str, work: Work) -> Job:
    """Adds work to the queue.

    Raises:
      HTTPException: 429, this session has enough waiting; 503, the queue is
        full.
    """
    with self._changed:
      own = self._waiting.get(session, ())
      if len(own) >= self._limits.waiting_of_session:
        raise HTTPException(429, f'{len(own)} of your pictures are waiting '
                            'already; wait for one of them, or cancel it')
      if sum(map(len, self._waiting.values())) >= self._limits.waiting:
        raise HTTPException(503, 'too many pictures are waiting; try again in '
                            'a minute')
      job = Job(session, work)
      self._all[job.id] = job
      self._waiting.setdefault(session, []).append(job)
      self._changed.notify_all()
    return job

  def of(self, session: str, name: str) -> Job:
    """Returns a job of a session, which is asked for by this.

    Raises:
      HTTPException: 404, it has no such job.
    """
    job = self._all.get(name)
    if job is None or job.session != session:
      raise HTTPException(404, 'there is no such result; it may have been '
                          'deleted')
    job.asked = time.monotonic()
    return job

  def position(self, job: Job) -> int:
    """Returns the place of a waiting job in the queue, 1 for the next."""
    with self._changed:
      order = list(self._order())
      return order.index(job) + 1 if job in order else 0

  def cancel(self, job: Job) -> None:
    """Gives a job up, and deletes its files if it has ended."""
    with self._changed:
      if job.ended:
        self._forget(job)
      else:
        self._cancel(job)

  def end_session(self, session: str) -> None:
    """Gives up and forgets all jobs of a session."""
    with self._changed:
      for job in [job for job in self._all.values() if job.session == session]:
        self._cancel(job)
        if job.state != 'running':
          self._forget(job)

  def sweep(self) -> None:
    """Drops what nobody asks for, and the oldest results of each session."""
    with self._changed:
      for job in list(self._all.values()):
        if not job.ended and self._is_abandoned(job):
          self._cancel(job, _DROPPED)
      ended: dict[str, list[Job]] = {}
      for job in self._all.values():
        if job.ended:
          ended.setdefault(job.session, []).append(job)
      for jobs in ended.values():
        for job in jobs[:-self._limits.results]:
          self._forget(job)

  def _is_abandoned(self, job: Job) -> bool:
    return time.monotonic() - job.asked > self._limits.abandoned

  def _cancel(self, job: Job, message: str = '') -> None:
    """Gives a job up; what runs is told so when it asks."""
    if job.state == 'waiting':
      self._remove(job)
      job.work.discard()
    if not job.ended:
      job.state, job.message = 'cancelled', message

  def _forget(self, job: Job) -> None:
    self._all.pop(job.id, None)
    job.work.discard()

  def _remove(self, job: Job) -> None:
    """Takes a job out of the queue."""
    own = self._waiting[job.session]
    own.remove(job)
    if not own:
      del self._waiting[job.session]

  def _order(self) -> Iterator[Job]:
    """Yields waiting jobs as the sessions take turns."""
    rounds = itertools.zip_longest(*self._waiting.values())
    return (job for turn in rounds for job in turn if job is not None)

  def _work(self) -> None:
    while (first := self._next()) is not None:
      self._do([first, *self._companions(first)])

  def _next(self) -> Job | None:
    """Waits for the job whose turn it is; returns None at the end."""
    with self._changed:
      while not self._closed:
        for job in list(self._order()):
          if not self._is_abandoned(job):
            self._begin(job)
            return job
          self._cancel(job, _DROPPED)
        self._changed.wait()
      return None

  def _companions(self, first: Job) -> list[Job]:
    """Returns the jobs that are done together with one whose turn it is."""
    with self._changed:
      likely = any(job.work.key == first.work.key for job in self._order())
    if not likely:
      return []
    try:
      # Not while the queue is locked: a model is opened and compiled for it.
      room = first.work.room()
    except Exception:  # the work itself will meet it, too, and it is said then
      return []
    companions: list[Job] = []
    with self._changed:
      pixels = first.work.pixels
      for job in list(self._order()):
        if job.work.key != first.work.key or self._is_abandoned(job):
          continue
        pixels += job.work.pixels
        if len(companions) + 1 >= room or (
            pixels > self._limits.pixels_together):
          break
        self._begin(job)
        companions.append(job)
    return companions

  def _begin(self, job: Job) -> None:
    """Takes a job out of the queue; its session has had its turn."""
    self._remove(job)
    job.state, job.began = 'running', time.monotonic()
    if job.session in self._waiting:
      self._waiting[job.session] = self._waiting.pop(job.session)

  def _do(self, jobs: Sequence[Job]) -> None:
    """Does work that is done together."""
    def stop() -> bool:
      return all(job.state == 'cancelled' or self._is_abandoned(job)
                 for job in jobs)

    def progress(share: float) -> None:
      for job in jobs:
        job.share = share

    works = [job.work for job in jobs]
    outcome, message, fault = 'done', '', None
    try:
      works[0].do(works, stop, progress)
    except Stopped:
      outcome, message = 'cancelled', _DROPPED
    except Exception as error:
      outcome, fault = 'failed', error
    if fault is not None and len(jobs) > 1:
      for job in jobs:  # the picture of one shall not spoil the others'
        self._do([job])
      return
    # What was cancelled may have lost its files, and nobody asks why it failed.
    if fault is not None and jobs[0].state == 'running':
      message = _line(fault)
    with self._changed:
      for job in jobs:
        job.seconds = time.monotonic() - job.began
        if job.state == 'running':
          job.state, job.message, job.share = outcome, message, 1.0
        if job.state != 'done':
          job.work.discard()


def _line(error: Exception) -> str:
  """Returns what a user is told of an error; logs what is a fault."""
  if isinstance(error, ValueError) and '\n' not in str(error):
    return str(error)
  _LOG.error('a picture could not be filled', exc_info=error)
  if isinstance(error, MemoryError) or 'RESOURCE_EXHAUSTED' in str(error):
    return ('the memory does not suffice for this picture; choose another '
            'strategy, or shrink it')
  return 'something went wrong in the server; its log says what'
