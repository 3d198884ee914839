"""Ctrl-C and SIGTERM, put off to where a training can end without loss."""

import signal
import sys
import threading
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
  """Notes that the training is asked to end.

  It is asked once: a second Ctrl-C or SIGTERM ends the process at once, as
  ever. Only the main thread hears signals; in another one nothing is put off.

      stop = Stop()
      stop.put_off()
      ...
      if stop.requested:  # at the end of a step, and saved
        stop.take_effect()
  """

  def __init__(self) -> None:
    self._number: int | None = None
    self._handlers: dict[signal.Signals, Any] = {}

  @property
  def requested(self) -> bool:
    """Whether a signal has come since `put_off`."""
    return self._number is not None

  def put_off(self) -> None:
    """From now on the signals are only noted."""
    if threading.current_thread() is not threading.main_thread():
      return
    for number in SIGNALS:
      handler = signal.getsignal(number)
      # SIGINT is ignored in a background job of a shell; and a handler that is
      # not Python's (None) could not be put back.
      if handler not in (None, signal.SIG_IGN):
        self._handlers[number] = signal.signal(number, self._note)

  def _note(self, number: int, frame: FrameType | None) -> None:
    del frame
    self._number = number
    self.close()

  def close(self) -> None:
    """From now on the signals take effect at once, as before."""
    for number, handler in self._handlers.items():
      signal.signal(number, handler)
    self._handlers.clear()

  def take_effect(self) -> None:
    """Ends the program by the signal that has come, if one has.

    Raises:
      KeyboardInterrupt: it was Ctrl-C.
      SystemExit: it was SIGTERM; the exit status is 143.
    """
    self.close()
    if self._number == signal.SIGINT:
      raise KeyboardInterrupt
    if self._number == signal.SIGTERM:
      sys.exit(128 + signal.SIGTERM)
