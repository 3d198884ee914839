"""Means of losses, and a clock that counts nothing but training."""

import jax.numpy as jnp
import numpy as np
import pytest

from jinpaint.training import progress


@pytest.fixture
def clock(monkeypatch):
  """A clock that moves only when it is told to."""
  class Clock:
    now = 100.0
  monkeypatch.setattr(progress.time, 'monotonic', lambda: Clock.now)
  return Clock


def test_losses_are_means_since_the_last_lap_over_steps_and_devices(clock):
  with progress.Meter(0, 10, 4) as meter:
    for value in (1.0, 2.0, 6.0):
      meter.add({'l1': jnp.array(value), 'gan': jnp.array([value, 0.0])})
    clock.now += 1
    assert meter.losses() == {'l1': 3.0, 'gan': 1.5}
    meter.lap()
    meter.add({'l1': jnp.array(8.0)})
    assert meter.losses() == {'l1': 8.0}


def test_a_loss_that_is_not_finite_once_makes_its_mean_so(clock):
  with progress.Meter(0, 10, 4) as meter:
    for value in (1.0, np.nan, 1.0):
      meter.add({'l1': jnp.array(value)})
    assert np.isnan(meter.losses()['l1'])


def test_the_speed_is_that_of_a_lap_without_compilation_and_pauses(clock):
  with progress.Meter(20, 30, 4) as meter:
    clock.now += 60  # compiles
    meter.start()
    for _ in range(2):
      clock.now += 3
      meter.add({'l1': jnp.zeros(())})
    with meter.paused():
      clock.now += 100  # evaluates and saves
    assert meter.lap() == {'seconds_per_step': 3.0,
                           'images_per_second': pytest.approx(4 / 3),
                           'seconds_left': 24.0}
    clock.now += 5
    meter.add({'l1': jnp.zeros(())})
    assert meter.lap()['seconds_per_step'] == 5.0


def test_the_bar_goes_away_when_a_training_fails():
  with pytest.raises(ValueError, match='failed'), progress.Meter(
      0, 10, 4) as meter:
    raise ValueError('failed')
  assert meter._bar.disable


def test_a_line_says_step_losses_speed_and_time_left():
  assert progress.line(
      7, 100, {'l1': 0.123456, 'gan': 2.0},
      {'images_per_second': 12.34, 'seconds_left': 3725.4}) == (
          'step 7/100  l1 0.1235  gan 2  12.3 images/s  1:02:05 left')
