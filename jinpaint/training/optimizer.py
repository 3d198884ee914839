"""Adam as the papers have it: its rates, schedules and clipping."""

import dataclasses
import math

import optax

from jinpaint.errors import UsageError

WHOLE_RUN = -1  # of `cosine_steps`
# Halved so often, a learning rate moves no float32 weight any more.
_HALVINGS = 24


@dataclasses.dataclass(frozen=True, kw_only=True)
class Adam:
  """An Adam optimiser; an entry of the `optimizers` section of every config.

  Attributes:
    learning_rate: of the first step, or of the first one after the warm-up.
    b1: decay of the gradients' running mean.
    b2: decay of the squared gradients' running mean.
    cosine_steps: over how many steps the rate falls to 0, along a cosine; -1
      for as many as the run has; 0 for a constant rate.
    warmup_steps: over how many steps the rate rises, from 0.
    halve_every: after how many steps, each time, the rate is halved; 0 for
      never.
    clip_norm: the largest norm of all gradients of the network together; 0 for
      any.
  """

  learning_rate: float
  b1: float
  b2: float
  cosine_steps: int = 0
  warmup_steps: int = 0
  halve_every: int = 0
  clip_norm: float = 0.0

  def __post_init__(self) -> None:
    if not 0 <= self.learning_rate < math.inf:  # False of NaN as well
      raise UsageError(f'learning_rate is {self.learning_rate}; it must be 0 '
                       'or more')
    for name in ('b1', 'b2'):
      if not 0 <= getattr(self, name) < 1:
        raise UsageError(f'{name} is {getattr(self, name)}; it must be at '
                         'least 0 and below 1')
    if self.cosine_steps < WHOLE_RUN:
      raise UsageError(f'cosine_steps is {self.cosine_steps}; it must be a '
                       'number of steps, 0 for none, or -1 for all of the run')
    if self.cosine_steps and self.halve_every:
      raise UsageError(f'cosine_steps is {self.cosine_steps} and halve_every '
                       f'{self.halve_every}; one of the two must be 0')

  def schedule(self, steps: int) -> optax.Schedule:
    """Returns the learning rate of each step.

    Args:
      steps: how many the run has.
    """
    if self.cosine_steps:
      rate = optax.cosine_decay_schedule(
          self.learning_rate,
          steps if self.cosine_steps == WHOLE_RUN else self.cosine_steps)
    elif self.halve_every:
      rate = optax.exponential_decay(
          self.learning_rate, self.halve_every, 0.5, staircase=True)
    else:
      rate = optax.constant_schedule(self.learning_rate)
    if not self.warmup_steps:
      return rate
    rise = optax.linear_schedule(0.0, 1.0, self.warmup_steps)
    return lambda step: rise(step) * rate(step)

  def transformation(self, steps: int) -> optax.GradientTransformation:
    """Returns the optimiser.

    Args:
      steps: how many the run has.
    """
    adam = optax.adam(self.schedule(steps), self.b1, self.b2)
    return (optax.chain(optax.clip_by_global_norm(self.clip_norm), adam)
            if self.clip_norm else adam)

  def misfit(self, steps: int) -> str | None:
    """Returns what to say where the schedule does not fit the run, or None.

    Args:
      steps: how many the run has.
    """
    if 0 < self.cosine_steps < steps:
      return (f'is 0 from step {self.cosine_steps} on, but the run has {steps} '
              'steps: see cosine_steps')
    if not self.cosine_steps and 0 < self.halve_every * _HALVINGS < steps:
      return (f'is halved {steps // self.halve_every} times in the {steps} '
              'steps of the run, nearly to 0: see halve_every')
    if self.warmup_steps >= max(steps, 1):
      return (f'is still rising when the run ends, after {steps} steps: see '
              'warmup_steps')
    return None
