"""The process that serves: its socket, its patience, its end."""

import asyncio
import contextlib
import errno
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from jinpaint import devices
from jinpaint.app import server, trainings
from jinpaint.app.settings import Settings
from jinpaint.errors import UsageError

# Seconds in which a connection must ask for something.
_PATIENCE = 20
# Seconds that requests have to end in when the server does.
_GRACE = 5


def serve(settings: Settings) -> None:
  """Serves the page until the process is told to end.

  Raises:
    UsageError: a model cannot be used, or the address cannot be taken.
  """
  devices.keep_programs()
  if settings.runs is not None:
    trainings.share_memory()
  app = server.create(settings)
  listener = _listen(settings.host, settings.port)
  host, port = listener.getsockname()[:2]
  shown = f'[{host}]' if ':' in host else host
  logging.basicConfig(level=logging.WARNING,
                      format='%(asctime)s %(levelname)s %(message)s')
  config = uvicorn.Config(
      app, http=Patient, ws='none', lifespan='on', log_config=None,
      access_log=False, server_header=False, proxy_headers=False,
      limit_concurrency=settings.limits.connections,
      timeout_keep_alive=_PATIENCE, timeout_graceful_shutdown=_GRACE)
  print(f'jinpaint is at http://{shown}:{port}/ and ends with Ctrl-C',
        flush=True)
  # Ctrl-C is raised once more when all is closed, unless it is ignored, as in
  # what a shell's script has put into the background.
  with listener, contextlib.suppress(KeyboardInterrupt):
    uvicorn.Server(config).run(sockets=[listener])
  print('stopped')


def _listen(host: str, port: int) -> socket.socket:
  """Returns a socket that listens.

  Raises:
    UsageError: the address cannot be taken.
  """
  family = socket.AF_INET6 if ':' in host else socket.AF_INET
  listener = socket.socket(family)
  listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
  try:
    listener.bind((host, port))
    # Who comes before all is ready waits instead of being refused.
    listener.listen()
  except OSError as error:
    listener.close()
    if error.errno == errno.EADDRINUSE:
      raise UsageError(f'--port={port} is in use; choose another one, or '
                       '--port=0 for any that is free') from error
    raise UsageError(f'cannot serve at {host}, port {port}: '
                     f'{error.strerror or error}') from error
  return listener


class Patient(H11Protocol):
  """A connection that is closed if it does not ask for anything in time.

  Uvicorn waits for ever for the first request of a connection, and for the
  rest of one that has begun.
  """

  _deadline: asyncio.TimerHandle | None = None

  def connection_made(self, transport: Any) -> None:
    """Begins to wait."""
    super().connection_made(transport)
    self._wait()

  def data_received(self, data: bytes) -> None:
    """Reads; waits on unless a whole head of a request has come."""
    super().data_received(data)
    if self.cycle is None or self.cycle.response_complete:
      self._wait()
    elif self._deadline is not None:
      self._deadline.cancel()
      self._deadline = None

  def connection_lost(self, exc: Exception | None) -> None:
    """Waits no more."""
    if self._deadline is not None:
      self._deadline.cancel()
    super().connection_lost(exc)

  def _wait(self) -> None:
    if self._deadline is None:
      self._deadline = self.loop.call_later(_PATIENCE, self._give_up)

  def _give_up(self) -> None:
    self._deadline = None
    if (self.cycle is None or self.cycle.response_complete) and (
        not self.transport.is_closing()):
      self.transport.close()
