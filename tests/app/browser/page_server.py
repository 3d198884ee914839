"""Serves the page from a thread of the tests."""

import contextlib
import socket
import threading

import pytest


@contextlib.contextmanager
def serving(**settings):
  """Yields the address of a server, see `jinpaint.app.settings.Settings`."""
  uvicorn = pytest.importorskip('uvicorn')
  pytest.importorskip('python_multipart')
  from jinpaint.app import server
  from jinpaint.app.settings import Settings
  listener = socket.create_server(('127.0.0.1', 0))
  served = uvicorn.Server(uvicorn.Config(
      server.create(Settings(**settings)), log_config=None,
      timeout_graceful_shutdown=2))
  thread = threading.Thread(target=served.run, args=([listener],))
  thread.start()
  try:
    yield f'http://127.0.0.1:{listener.getsockname()[1]}'
  finally:
    served.should_exit = True
    thread.join(20)
  assert not thread.is_alive(), 'the server does not end'
