"""Signals are put off, once."""

import signal
import threading

import pytest

from jinpaint.training.stopping import Stop


def test_ctrl_c_takes_effect_where_it_is_let():
  stop = Stop()
  stop.put_off()
  signal.raise_signal(signal.SIGINT)
  assert stop.requested
  with pytest.raises(KeyboardInterrupt):
    stop.take_effect()


def test_a_second_ctrl_c_ends_at_once():
  stop = Stop()
  stop.put_off()
  signal.raise_signal(signal.SIGINT)
  with pytest.raises(KeyboardInterrupt):
    signal.raise_signal(signal.SIGINT)


def test_without_a_signal_nothing_ends():
  handler = signal.getsignal(signal.SIGTERM)
  stop = Stop()
  stop.put_off()
  assert signal.getsignal(signal.SIGTERM) is not handler
  assert not stop.requested
  stop.take_effect()
  assert signal.getsignal(signal.SIGTERM) is handler


def test_signals_of_other_threads_are_left_alone():
  stop = Stop()
  thread = threading.Thread(target=stop.put_off)  # signal.signal would raise
  thread.start()
  thread.join()
  with pytest.raises(KeyboardInterrupt):
    signal.raise_signal(signal.SIGINT)
