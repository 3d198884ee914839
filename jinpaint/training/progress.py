"""What a running training reports: losses, speed, time left."""

import collections
from collections.abc import Iterator, Mapping
import contextlib
import datetime
import time
from types import TracebackType
from typing import Self

import jax
import numpy as np
import tqdm

from jinpaint.types import Terms

# Steps that the host may run ahead of the devices: enough to hide a batch's
# transfer, too few to fill the memory with batches.
_AHEAD = 2

say = tqdm.tqdm.write  # prints a line, above the progress bar if there is one


class Meter:
  """Averages losses and measures the speed of a training.

  Both begin anew with each `lap`. Time for evaluation and saving does not
  count (`paused`), nor does compilation (`start`). A terminal gets a progress
  bar, which leaving the context takes away:

      with Meter(step, steps, batch_size) as meter:
        meter.start()
        meter.add(logs)
  """

  def __init__(self, step: int, steps: int, batch_size: int):
    """Starts to measure.

    Args:
      step: how many steps have been made already.
      steps: how many there are in all.
      batch_size: examples in a batch, over all devices.
    """
    self._step, self._steps, self._batch_size = step, steps, batch_size
    self._logs: list[Terms] = []
    self._running: collections.deque[Terms] = collections.deque()
    self._lap_began, self._lap_step = time.monotonic(), step
    self._bar = tqdm.tqdm(total=steps, initial=step, unit='step',
                          disable=None)  # None: only a terminal gets a bar

  def __enter__(self) -> Self:
    return self

  def __exit__(self, kind: type[BaseException] | None,
               error: BaseException | None,
               traceback: TracebackType | None) -> None:
    self.close()

  def start(self) -> None:
    """Starts the clock at this step."""
    self._lap_began, self._lap_step = time.monotonic(), self._step

  def add(self, logs: Terms) -> None:
    """Takes the logs of a step, which the devices may still be computing."""
    self._step += 1
    self._logs.append(logs)
    self._running.append(logs)
    if len(self._running) > _AHEAD:
      jax.block_until_ready(self._running.popleft())
    self._bar.update()

  def losses(self) -> dict[str, float]:
    """Returns the mean of each loss over the steps since the last `lap`."""
    logs = jax.device_get(self._logs)
    return {name: float(np.mean([np.mean(log[name]) for log in logs]))
            for name in logs[0]}

  def lap(self) -> dict[str, float]:
    """Returns the speed since the last `lap`, and begins a new one.

    Returns:
      `seconds_per_step`; `images_per_second`; `seconds_left`, to the last step
      at this speed.
    """
    seconds = time.monotonic() - self._lap_began
    seconds_per_step = seconds / (self._step - self._lap_step)
    self._logs.clear()
    self.start()
    return {'seconds_per_step': seconds_per_step,
            'images_per_second': self._batch_size / seconds_per_step,
            'seconds_left': (self._steps - self._step) * seconds_per_step}

  @contextlib.contextmanager
  def paused(self) -> Iterator[None]:
    """Stops the clock, once the devices have nothing left to do."""
    jax.block_until_ready(self._running)
    stopped = time.monotonic()
    yield
    self._lap_began += time.monotonic() - stopped

  def close(self) -> None:
    """Takes the progress bar away."""
    self._bar.close()


def line(step: int, steps: int, losses: Mapping[str, float],
         speed: Mapping[str, float]) -> str:
  """Returns a line of the log.

  Args:
    step: the step that it is about.
    steps: how many there are in all.
    losses: what `Meter.losses` returned; names with a slash, such as the norms
      of gradients, are for TensorBoard and are left out.
    speed: what `Meter.lap` returned.
  """
  terms = '  '.join(f'{name} {value:.4g}' for name, value in losses.items()
                    if '/' not in name)
  left = datetime.timedelta(seconds=round(speed['seconds_left']))
  return (f'step {step}/{steps}  {terms}  '
          f'{speed["images_per_second"]:.1f} images/s  {left} left')
