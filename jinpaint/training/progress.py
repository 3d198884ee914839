"""What a running training says: losses, speed, time left."""

import collections
from collections.abc import Iterator
import contextlib
import datetime
import time

import jax
import numpy as np
import tqdm

from jinpaint.types import Terms

# Steps that the host may run ahead of the devices: enough to hide a batch's
# transfer, too few to fill the memory with batches.
_AHEAD = 2

say = tqdm.tqdm.write  # prints a line, above the progress bar if there is one


class Meter:
  """Averages losses and measures speed between two lines of the log.

  Time for evaluation and saving does not count, nor does compilation.
  """

  def __init__(self, step: int, steps: int, batch_size: int):
    self._step, self._steps, self._batch_size = step, steps, batch_size
    self._logs = []
    self._running = collections.deque()
    self._since, self._counted = time.monotonic(), step
    # Only a terminal gets a bar.
    self._bar = tqdm.tqdm(total=steps, initial=step, unit='step', disable=None)

  def start(self) -> None:
    """Starts the clock."""
    self._since, self._counted = time.monotonic(), self._step

  def add(self, logs: Terms) -> None:
    """Takes the logs of a step that may still be running."""
    self._step += 1
    self._logs.append(logs)
    self._running.append(logs)
    if len(self._running) > _AHEAD:
      jax.block_until_ready(self._running.popleft())
    self._bar.update()

  def losses(self) -> dict[str, float]:
    """Returns the mean of each loss since the last `lap`."""
    logs = jax.device_get(self._logs)
    return {name: float(np.mean([np.mean(log[name]) for log in logs]))
            for name in logs[0]}

  def lap(self) -> dict[str, float]:
    """Returns the speed since the last `lap`, and begins anew."""
    seconds = (time.monotonic() - self._since) / (self._step - self._counted)
    self._logs.clear()
    self.start()
    return {'seconds_per_step': seconds,
            'images_per_second': self._batch_size / seconds,
            'seconds_left': (self._steps - self._step) * seconds}

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """Stops the clock, once the devices have nothing left to do."""
    jax.block_until_ready(self._running)
    stopped = time.monotonic()
    yield
    self._since += time.monotonic() - stopped

  def close(self) -> None:
    """Takes the bar away."""
    self._bar.close()


def line(step: int, steps: int, losses: dict[str, float],
         speed: dict[str, float]) -> str:
  """Returns a line of the log."""
  terms = '  '.join(f'{name} {value:.4g}' for name, value in losses.items())
  left = datetime.timedelta(seconds=round(speed['seconds_left']))
  return (f'step {step}/{steps}  {terms}  '
          f'{speed["images_per_second"]:.1f} images/s  {left} left')
