"""The queue is fair and bounded, and drops what nobody waits for."""

import contextlib
import dataclasses
import threading
import time

import pytest
from starlette.exceptions import HTTPException

from jinpaint.app import jobs
from jinpaint.app.settings import Limits
from jinpaint.inference import Stopped


@dataclasses.dataclass
class Task:
  """Work that notes what was done together, when it is let."""

  name: str
  done: list
  key: object = None
  pixels: int = 1
  most: int = 1
  gate: threading.Event | None = None
  error: Exception | None = None
  discarded: bool = False

  def __post_init__(self):
    self.key = self.key or self.name

  def room(self):
    return self.most

  def do(self, works, stop, progress):
    self.done.append([work.name for work in works])
    for work in works:
      if work.error:
        raise work.error
    while self.gate and not self.gate.wait(0.01):
      if stop():
        raise Stopped
    progress(1.0)

  def discard(self):
    self.discarded = True


@contextlib.contextmanager
def queue(**limits):
  """A queue whose thread is kept busy until its gate is opened."""
  made = jobs.Jobs(Limits(**limits))
  gate = threading.Event()
  made.start()
  busy = made.add('nobody', Task('busy', [], gate=gate))
  until(lambda: busy.state == 'running')
  try:
    yield made, gate
  finally:
    gate.set()
    made.close()


def until(condition):
  end = time.monotonic() + 10
  while not condition():
    assert time.monotonic() < end
    time.sleep(0.005)


def ended(made, *some):
  until(lambda: all(job.ended for job in some))
  return [job.state for job in some]


def test_sessions_take_turns_whoever_asks_first():
  done = []
  with queue() as (made, gate):
    greedy = [made.add('a', Task(f'a{i}', done)) for i in range(3)]
    other = made.add('b', Task('b0', done))
    assert [made.position(job) for job in (*greedy, other)] == [1, 3, 4, 2]
    gate.set()
    ended(made, *greedy, other)
  assert done == [['a0'], ['b0'], ['a1'], ['a2']]


def test_pictures_of_one_size_are_filled_together_as_far_as_they_fit():
  done = []
  with queue(pixels_together=100) as (made, gate):
    some = [made.add(session, Task(session + size, done, key=size, most=3,
                                   pixels=pixels))
            for session, size, pixels in (
                ('a', 'small', 1), ('b', 'large', 90), ('c', 'small', 1),
                ('d', 'small', 1), ('e', 'small', 1), ('f', 'large', 90))]
    gate.set()
    assert set(ended(made, *some)) == {'done'}
  assert done == [['asmall', 'csmall', 'dsmall'], ['blarge'], ['esmall'],
                  ['flarge']]


def test_a_full_queue_refuses_in_one_line():
  with queue(waiting=3, waiting_of_session=2) as (made, _):
    for session in ('a', 'a', 'b'):
      made.add(session, Task('x', []))
    with pytest.raises(HTTPException) as own:
      made.add('a', Task('x', []))
    with pytest.raises(HTTPException) as full:
      made.add('c', Task('x', []))
  assert own.value.status_code == 429
  assert '2 of your pictures' in own.value.detail
  assert full.value.status_code == 503


def test_a_waiting_job_that_is_cancelled_is_never_done():
  done = []
  with queue() as (made, gate):
    first, second = (made.add('a', Task(name, done)) for name in '12')
    made.cancel(first)
    assert first.work.discarded
    gate.set()
    assert ended(made, first, second) == ['cancelled', 'done']
  assert done == [['2']]


def test_a_running_job_that_is_cancelled_is_stopped():
  with queue() as (made, gate):
    gate.set()
    job = made.add('a', Task('long', [], gate=threading.Event()))
    until(lambda: job.state == 'running')
    made.cancel(job)
    after = made.add('a', Task('after', []))
    assert ended(made, job, after) == ['cancelled', 'done']
    until(lambda: job.work.discarded)


@pytest.mark.parametrize('running', [False, True])
def test_a_job_that_nobody_asks_for_is_dropped(running):
  with queue(abandoned=0.1) as (made, gate):
    if running:
      gate.set()
    job = made.add('a', Task('long', [], gate=threading.Event()))
    until(lambda: made.sweep() or job.ended)
    assert job.state == 'cancelled'
    assert 'dropped' in job.message
    until(lambda: job.work.discarded)


def test_a_job_that_is_asked_for_is_not_dropped():
  with queue(abandoned=0.2) as (made, gate):
    job = made.add('a', Task('long', []))
    for _ in range(10):
      time.sleep(0.04)
      made.of('a', job.id)
      made.sweep()
    gate.set()
    assert ended(made, job) == ['done']


def test_a_fault_of_one_picture_does_not_spoil_those_beside_it(caplog):
  done = []
  with queue() as (made, gate):
    some = [made.add(session, Task(session, done, key='one', most=8,
                                   error=error))
            for session, error in (
                ('a', None), ('b', ValueError('the mask is wrong')),
                ('c', RuntimeError('a secret of the code')))]
    gate.set()
    assert ended(made, *some) == ['done', 'failed', 'failed']
  assert some[1].message == 'the mask is wrong'
  assert some[2].message == ('something went wrong in the server; its log says '
                             'what')
  assert 'a secret of the code' in caplog.text
  assert 'Traceback' in caplog.text
  assert 'the mask is wrong' not in caplog.text


def test_the_oldest_results_of_a_session_are_deleted():
  with queue(results=2) as (made, gate):
    gate.set()
    some = [made.add('a', Task(str(i), [])) for i in range(3)]
    ended(made, *some)
    made.sweep()
    assert [job.work.discarded for job in some] == [True, False, False]
    with pytest.raises(HTTPException) as gone:
      made.of('a', some[0].id)
  assert gone.value.status_code == 404


def test_a_session_that_ends_takes_its_jobs_along():
  with queue() as (made, gate):
    mine, other = made.add('a', Task('1', [])), made.add('b', Task('2', []))
    made.end_session('a')
    gate.set()
    assert ended(made, mine, other) == ['cancelled', 'done']
    assert mine.work.discarded
