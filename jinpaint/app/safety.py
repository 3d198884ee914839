"""Who may ask the server for what, before any route is looked at.

| what is refused                          | why                             |
|------------------------------------------|---------------------------------|
| a Host that is no name of this server    | DNS rebinding                   |
| a change that another site asks for      | cross-site posts                |
| a change without the header `X-Jinpaint` | forms can send everything else  |
| anyone but the user, if there is one     | HTTP Basic                      |
| one who guesses passwords, for a while   | ten a minute for each address   |
| a body that is too large                 | before and while it is read     |
| a client that keeps the server waiting   | it would hold a connection      |
"""

import base64
import binascii
from collections.abc import Collection
import contextlib
import hmac
import ipaddress
import math
import socket
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jinpaint.app.guesses import Guesses
from jinpaint.app.settings import LOOPBACK, Settings

# What a form brings along beside its files.
_ENVELOPE = 2**16
_UNCHANGING = ('GET', 'HEAD', 'OPTIONS')
HEADERS = {
    'Content-Security-Policy': '; '.join((
        "default-src 'none'", "script-src 'self'", "style-src 'self'",
        "img-src 'self' blob:", "connect-src 'self'", "font-src 'self'",
        "base-uri 'none'", "form-action 'none'", "frame-src 'self'",
        "frame-ancestors 'none'")),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
}


class _Stalled(Exception):
  """A client does not read its answer."""


class Guard:
  """Refuses requests, bounds bodies, and adds the headers of safety."""

  def __init__(self, app: ASGIApp, settings: Settings):
    self._app, self._settings = app, settings
    self._hosts = {*_names(settings.host),
                   *(name.lower() for name in settings.names)}
    self._most = settings.limits.bytes + _ENVELOPE
    self._guesses = Guesses()

  async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
    """Answers one request."""
    if scope['type'] != 'http':
      if scope['type'] == 'lifespan':
        await self._app(scope, receive, send)
      return
    send = self._with_headers(send)
    if refusal := self._refusal(scope, Headers(scope=scope)):
      await refusal(scope, receive, send)
      return
    with contextlib.suppress(_Stalled):  # the connection is closed then
      await self._app(scope, self._bounded(receive), send)

  def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
    """Returns the answer to a request that is refused, or None."""
    method, host = scope['method'], headers.get('host', '')
    if not _is_named(host, self._hosts):
      return refuse(403, 'this server is not known by the name of that address')
    if refusal := self._refused_user(
        (scope.get('client') or ('',))[0], headers.get('authorization', '')):
      return refusal
    if method not in _UNCHANGING:
      origin = headers.get('origin')
      if origin is not None and not _is_same(origin, host):
        return refuse(403, 'this request comes from another site')
      if headers.get('sec-fetch-site', 'none') not in ('same-origin', 'none'):
        return refuse(403, 'this request comes from another site')
      if 'x-jinpaint' not in headers:
        return refuse(403, 'this request lacks the header X-Jinpaint')
    length = headers.get('content-length', '0')
    if not length.isascii() or not length.isdigit():
      return refuse(400, 'the length of this request is no number')
    if int(length) > self._most:
      return refuse(413, too_large(self._settings.limits.bytes))
    return None

  def _refused_user(self, address: str, authorization: str) -> Response | None:
    """Returns the answer to all but the user, if there has to be one."""
    if not self._settings.user:
      return None
    if authorization and (seconds := math.ceil(self._guesses.wait(address))):
      # The right password, too: or guessing would go on meanwhile.
      response = refuse(429, 'too many wrong passwords came from your address; '
                        f'wait {seconds} seconds')
      response.headers['Retry-After'] = str(seconds)
      return response
    if self._is_user(authorization):
      return None
    if authorization:  # browsers ask without before they ask their user
      self._guesses.note(address)
    response = refuse(401, 'sign in with the user and the password that the '
                      'server was started with')
    response.headers['WWW-Authenticate'] = (
        'Basic realm="jinpaint", charset="UTF-8"')
    return response

  def _is_user(self, authorization: str) -> bool:
    """Returns whether the request is the user's."""
    scheme, _, encoded = authorization.partition(' ')
    try:
      given = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
      given = b''
    expected = f'{self._settings.user}:{self._settings.password}'.encode()
    # In the same time whatever was given, so that nothing can be learnt by it.
    return hmac.compare_digest(given, expected) and scheme.lower() == 'basic'

  def _bounded(self, receive: Receive) -> Receive:
    """Returns a `receive` that refuses what is too large or too slow."""
    stall, done, read = self._settings.limits.stall, False, 0

    async def bounded() -> Message:
      nonlocal done, read
      if done:  # what is awaited now is only that the client goes away
        return await receive()
      try:
        with anyio.fail_after(stall):
          message = await receive()
      except TimeoutError:
        raise HTTPException(408, 'the upload stood still') from None
      read += len(message.get('body', b''))
      if read > self._most:
        raise HTTPException(413, too_large(self._settings.limits.bytes))
      done = not message.get('more_body', False)
      return message

    return bounded

  def _with_headers(self, send: Send) -> Send:
    """Returns a `send` that adds headers and does not wait for ever."""
    stall = self._settings.limits.stall

    async def with_headers(message: Message) -> None:
      if message['type'] == 'http.response.start':
        headers = MutableHeaders(scope=message)
        for name, value in HEADERS.items():
          headers.setdefault(name, value)
      try:
        with anyio.fail_after(stall):
          await send(message)
      except TimeoutError:
        raise _Stalled from None

    return with_headers


def refuse(status: int, line: str) -> JSONResponse:
  """Returns the answer to what is refused, with one line that says why."""
  return JSONResponse({'error': line}, status)


def too_large(most: int) -> str:
  """Returns the line for an upload that is too large."""
  return f'an upload may have {most / 2**20:,.0f} MiB at most'


def _names(host: str) -> Collection[str]:
  """Returns the names by which a server may be called, but for addresses."""
  names = {'localhost', host.lower()}
  if host not in LOOPBACK:
    names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
  return names


def _is_named(host: str, names: Collection[str]) -> bool:
  """Returns whether a request's Host is this server.

  Addresses are: who rebinds a name to this machine still sends the name.
  """
  try:
    name = urlsplit(f'//{host}').hostname or ''
  except ValueError:
    return False
  if name in names:
    return True
  try:
    ipaddress.ip_address(name)
  except ValueError:
    return False
  return True


def _is_same(origin: str, host: str) -> bool:
  """Returns whether an Origin is the site that the request goes to."""
  scheme, separator, place = origin.partition('://')
  return bool(separator) and scheme in ('http', 'https') and (
      place.lower() == host.lower())
