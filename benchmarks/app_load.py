"""Loads the page's server with many clients, and watches its memory.

  python benchmarks/app_load.py --clients=20 --seconds=120

A server runs as a process of its own, on the loopback. One client alone comes
first, and meets every size, so that all programs are compiled; then all come at
once. Each has pictures of its own: noise that no other one has, with its number
in a corner. It draws a new mask each time, and checks that what it gets back is
its own picture, known pixels bit for bit. Prints a Markdown table; ends with
status 1 if a picture was not answered, or was somebody else's.

  python benchmarks/app_load.py --clients=4 --seconds=60 --sizes=64,512,2000

gives the clients squares of these sizes. One more visitor opens the page
again and again meanwhile, and looks how its own picture stands: what these two
take shows whether the page answers while large pictures are filled.
"""

import argparse
from concurrent import futures
import io
import os
from pathlib import Path
import re
import signal
import subprocess
import sys
import threading
import time
from typing import NamedTuple

import httpx
from machine import processor
import numpy as np
from PIL import Image
import psutil

# Height and width; a client's is the one that its number falls on.
SIZES = ((64, 64), (96, 64), (64, 128), (128, 128))
POLL = 0.3
# Seconds between two visits of the one who only looks.
PAUSE = 0.5
# Pictures that a client fills before it brings a new one.
REUSED = 4


class Answer(NamedTuple):
  """How a picture was answered: after seconds, and what was wrong if any."""

  seconds: float
  fault: str


class Client:
  """A visitor that fills one picture after the other."""

  def __init__(self, number: int, address: str):
    self.answers: list[Answer] = []
    self._number, self._rng = number, np.random.default_rng(number)
    self._http = httpx.Client(base_url=address, timeout=60,
                              headers={'X-Jinpaint': '1'})
    self._http.get('/').raise_for_status()
    self._image, self._pixels = '', np.zeros((0, 0, 3), np.uint8)

  def work(self, until: float, sizes: tuple[tuple[int, int], ...]) -> None:
    """Fills pictures until a time has come, each size at least once."""
    turn = 0
    while time.monotonic() < until or turn < len(sizes):
      if turn % REUSED == 0 or len(sizes) > 1:
        self._bring(*sizes[turn % len(sizes)])
      start = time.monotonic()
      try:
        fault = self._fill()
      except httpx.HTTPError as error:
        fault = f'failed: {error!r}'
      self.answers.append(Answer(time.monotonic() - start, fault))
      turn += 1

  def look(self, ended: threading.Event) -> dict[str, list[float]]:
    """Opens the page and asks for a job, until told to end; returns seconds."""
    took: dict[str, list[float]] = {'opening the page': [],
                                    "a picture's place in the queue": []}
    self._bring(*SIZES[0])
    job = self._ask(self._mask())
    while not ended.wait(PAUSE):
      for what, path in zip(took, ('/', f'/api/fills/{job}'), strict=True):
        start = time.monotonic()
        answer = self._http.get(path).raise_for_status()
        took[what].append(time.monotonic() - start)
      if answer.json()['state'] not in ('waiting', 'running'):
        job = self._ask(self._mask())
    return took

  def _bring(self, height: int, width: int) -> None:
    """Uploads a new picture."""
    self._pixels = self._rng.integers(256, size=(height, width, 3),
                                      dtype=np.uint8)
    self._pixels[:2, :2] = self._number
    response = self._http.post('/api/images', content=encoded(self._pixels),
                               headers={'X-File-Name': f'{self._number}.png'})
    response.raise_for_status()
    self._image = response.json()['id']

  def _fill(self) -> str:
    """Has the picture filled; returns what was wrong, '' if nothing was."""
    mask = self._mask()
    job = self._ask(mask)
    while True:
      state = self._http.get(f'/api/fills/{job}').raise_for_status().json()
      if state['state'] not in ('waiting', 'running'):
        break
      time.sleep(POLL)
    if state['state'] != 'done':
      return f'failed: {state["state"]} {state["message"]}'
    saved = self._http.get(f'/api/fills/{job}/file').raise_for_status()
    result = np.asarray(Image.open(io.BytesIO(saved.content)))
    if result.shape != self._pixels.shape or (
        result[:2, :2] != self._number).any() or (
            (result != self._pixels)[mask == 0].any()):
      return 'mixed up'
    return ''

  def _mask(self) -> np.ndarray:
    """Returns two lines, drawn anew."""
    height, width, _ = self._pixels.shape
    mask = np.zeros((height, width), np.uint8)
    mask[self._rng.integers(4, height - 4)] = 255
    mask[:, self._rng.integers(4, width - 4)] = 255
    return mask

  def _ask(self, mask: np.ndarray) -> str:
    """Asks for the picture to be filled; returns the job."""
    response = self._http.post(
        '/api/fills', files={'mask': ('mask.png', encoded(mask))},
        data={'image': self._image, 'model': 'scratches', 'strategy': 'auto'})
    return str(response.raise_for_status().json()['job'])


def encoded(pixels: np.ndarray) -> bytes:
  """Returns a PNG file."""
  stream = io.BytesIO()
  Image.fromarray(pixels).save(stream, 'PNG')
  return stream.getvalue()


def watch(process: int, megabytes: list[tuple[float, float]],
          ended: threading.Event) -> None:
  """Notes the memory of a process, once a second."""
  server, start = psutil.Process(process), time.monotonic()
  while not ended.wait(1):
    megabytes.append((time.monotonic() - start,
                      server.memory_info().rss / 2**20))


def percentiles(times: list[float]) -> str:
  """Returns the median and the 95th percentile."""
  return ' | '.join(f'{np.percentile(times, share):.2f}' for share in (50, 95))


def main() -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--clients', type=int, default=20)
  parser.add_argument('--seconds', type=float, default=120)
  parser.add_argument('--alone', type=float, default=10,
                      help='seconds that the first client has for itself')
  parser.add_argument('--sizes', default='', metavar='SIDE,SIDE',
                      help='sides of squares, in place of small pictures')
  args = parser.parse_args()
  sizes = tuple((side, side) for side in map(int, args.sizes.split(','))
                ) if args.sizes else SIZES
  server = subprocess.Popen(
      [sys.executable, '-m', 'jinpaint', 'app', '--port=0'], text=True,
      cwd=Path(__file__).parents[1], stdout=subprocess.PIPE,
      env={**os.environ, 'PYTHONUNBUFFERED': '1'})
  megabytes: list[tuple[float, float]] = []
  ended = threading.Event()
  try:
    address = re.search(r'http://[\d.:]+', server.stdout.readline()).group()
    warming = Client(255, address)
    warming.work(0, sizes)
    alone = Client(254, address)
    alone.work(time.monotonic() + args.alone, sizes)
    watcher = threading.Thread(target=watch,
                               args=(server.pid, megabytes, ended))
    watcher.start()
    clients = [Client(number, address) for number in range(args.clients)]
    until = time.monotonic() + args.seconds
    threads = [threading.Thread(target=client.work, args=(
        until, (sizes[number % len(sizes)],)))
               for number, client in enumerate(clients)]
    with futures.ThreadPoolExecutor(1) as looking:
      done = threading.Event()
      looks = looking.submit(Client(253, address).look, done)
      for thread in threads:
        thread.start()
      for thread in threads:
        thread.join()
      done.set()
  finally:
    ended.set()
    server.send_signal(signal.SIGINT)
    server.wait(30)
  answers = [answer for client in clients for answer in client.answers]
  mixed = sum(answer.fault == 'mixed up' for answer in answers)
  failed = sum(bool(answer.fault) for answer in answers) - mixed
  print(f'{processor()}, {os.cpu_count()} cores; {args.clients} clients, '
        f'{args.seconds:g} s\n')
  print('| clients | answered | failed | mixed up | p50 (s) | p95 (s) |')
  print('|---|---|---|---|---|---|')
  print(f'| 1 | {len(alone.answers)} | '
        f'{sum(bool(answer.fault) for answer in alone.answers)} | 0 | '
        f'{percentiles([one.seconds for one in alone.answers])} |')
  print(f'| {args.clients} | {len(answers) - failed} | {failed} | {mixed} | '
        f'{percentiles([one.seconds for one in answers])} |')
  print('\n| meanwhile | times | p50 (s) | p95 (s) |\n|---|---|---|---|')
  for what, took in looks.result().items():
    print(f'| {what} | {len(took)} | {percentiles(took)} |')
  print('\nMemory of the server: ' + ', '.join(
      f'{size:.0f} MB at {at:.0f} s' for at, size in megabytes[::10]))
  for fault in sorted({answer.fault for answer in answers if answer.fault}):
    print(fault, file=sys.stderr)
  return int(bool(failed or mixed))


if __name__ == '__main__':
  sys.exit(main())
