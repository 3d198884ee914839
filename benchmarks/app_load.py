"""Loads the page's server with many clients, and watches its memory.

  python benchmarks/app_load.py --clients=20 --seconds=120

A server runs as a process of its own, on the loopback. One client alone comes
first, and meets every size, so that all programs are compiled; then all come at
once. Each has pictures of its own: noise that no other one has, with its number
in a corner. It draws a new mask each time, and checks that what it gets back is
its own picture, known pixels bit for bit. Prints a Markdown table; ends with
status 1 if a picture was not answered, or was somebody else's.
"""

import argparse
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
    height, width, _ = self._pixels.shape
    mask = np.zeros((height, width), np.uint8)
    mask[self._rng.integers(4, height - 4)] = 255
    mask[:, self._rng.integers(4, width - 4)] = 255
    response = self._http.post(
        '/api/fills', files={'mask': ('mask.png', encoded(mask))},
        data={'image': self._image, 'model': 'scratches', 'strategy': 'auto'})
    response.raise_for_status()
    job = response.json()['job']
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


def seconds(answers: list[Answer]) -> str:
  """Returns the median and the 95th percentile of some answers."""
  times = [answer.seconds for answer in answers]
  return ' | '.join(f'{np.percentile(times, share):.2f}' for share in (50, 95))


def main() -> int:
  """Prints the table; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--clients', type=int, default=20)
  parser.add_argument('--seconds', type=float, default=120)
  parser.add_argument('--alone', type=float, default=10,
                      help='seconds that the first client has for itself')
  args = parser.parse_args()
  server = subprocess.Popen(
      [sys.executable, '-m', 'jinpaint', 'app', '--port=0'], text=True,
      cwd=Path(__file__).parents[1], stdout=subprocess.PIPE,
      env={**os.environ, 'PYTHONUNBUFFERED': '1'})
  megabytes: list[tuple[float, float]] = []
  ended = threading.Event()
  try:
    address = re.search(r'http://[\d.:]+', server.stdout.readline()).group()
    warming = Client(255, address)
    warming.work(0, SIZES)
    alone = Client(254, address)
    alone.work(time.monotonic() + args.alone, SIZES)
    watcher = threading.Thread(target=watch,
                               args=(server.pid, megabytes, ended))
    watcher.start()
    clients = [Client(number, address) for number in range(args.clients)]
    until = time.monotonic() + args.seconds
    threads = [threading.Thread(target=client.work, args=(
        until, (SIZES[number % len(SIZES)],)))
               for number, client in enumerate(clients)]
    for thread in threads:
      thread.start()
    for thread in threads:
      thread.join()
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
        f'{seconds(alone.answers)} |')
  print(f'| {args.clients} | {len(answers) - failed} | {failed} | {mixed} | '
        f'{seconds(answers)} |')
  print('\nMemory of the server: ' + ', '.join(
      f'{size:.0f} MB at {at:.0f} s' for at, size in megabytes[::10]))
  for fault in sorted({answer.fault for answer in answers if answer.fault}):
    print(fault, file=sys.stderr)
  return int(bool(failed or mixed))


if __name__ == '__main__':
  sys.exit(main())
