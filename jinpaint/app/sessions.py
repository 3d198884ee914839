"""Sessions: what a visitor has uploaded and made, kept apart and not for long.

All files lie in one private temporary folder, below it in one folder a session.
Their names are random; nothing that a visitor sends becomes part of a path.
"""

import asyncio
from collections.abc import Callable
import dataclasses
import math
import os
from pathlib import Path
import secrets
import shutil
import sys
import tempfile
import time
from typing import IO

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from jinpaint.app.pictures import Upload
from jinpaint.app.settings import Limits

# Seconds for which the files are not counted again, of which there may be many
# thousands; what is added meanwhile is known.
_COUNTED_FOR = 2.0
# Of the folders of all servers, and the file in each that its server holds.
_PREFIX, _HELD_FILE = 'jinpaint-app-', '.lock'


@dataclasses.dataclass
class Session:
  """One browser's pictures.

  Attributes:
    id: what its cookie holds; nobody else may know it.
    folder: where its files lie.
    images: its uploads by their ids, the oldest first.
    used: when it was last asked for anything.
  """

  id: str
  folder: Path
  images: dict[str, Upload] = dataclasses.field(default_factory=dict)
  used: float = dataclasses.field(default_factory=time.monotonic)

  def new_folder(self) -> tuple[str, Path]:
    """Returns a new id and an empty folder of this name."""
    name = secrets.token_hex(8)
    folder = self.folder / name
    folder.mkdir(parents=True, mode=0o700)
    return name, folder

  def delete(self, folder: Path) -> None:
    """Deletes one of its folders."""
    shutil.rmtree(folder, ignore_errors=True)

  def add(self, upload: Upload, most: int) -> None:
    """Adds an upload; deletes the oldest one if there are too many."""
    self.images[upload.id] = upload
    while len(self.images) > most:
      self.discard(next(iter(self.images)))

  def discard(self, name: str) -> None:
    """Deletes an upload."""
    self.delete(self.images.pop(name).folder)


class Sessions:
  """All sessions of a server."""

  def __init__(self, limits: Limits,
               ended: Callable[[Session], None] = lambda session: None):
    """Makes the folder.

    Args:
      limits: how many there may be, and for how long.
      ended: is told of each session that ends, before its files are deleted.
    """
    self._limits, self._ended = limits, ended
    self._all: dict[str, Session] = {}
    _delete_left_behind()
    self._taken, self._counted = 0, -math.inf
    # Its mode is 0700.
    self.folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    self._held = (self.folder / _HELD_FILE).open('w')
    _hold(self._held)  # until this process ends, however it does

  def greet(self, request: Request, response: Response) -> Session:
    """Returns the session of a visitor, who gets one if there is none."""
    session = self._all.get(request.cookies.get(_cookie_name(request), ''))
    if session is None:
      if len(self._all) >= self._limits.sessions:
        # One without pictures first: it costs nobody anything.
        self._end(min(self._all.values(), key=lambda other: (
            bool(other.images), other.used)))
      name = secrets.token_urlsafe(24)
      session = Session(name, self.folder / secrets.token_hex(8))
      self._all[name] = session
    session.used = time.monotonic()
    response.set_cookie(
        _cookie_name(request), session.id, httponly=True, samesite='strict',
        secure=request.url.scheme == 'https')
    return session

  def of(self, request: Request) -> Session:
    """Returns the session of a request.

    Raises:
      HTTPException: 401, it has none, or one that has ended.
    """
    session = self._all.get(request.cookies.get(_cookie_name(request), ''))
    if session is None:
      raise HTTPException(401, 'your session has ended and its pictures are '
                          'deleted; reload the page')
    session.used = time.monotonic()
    return session

  async def check_disk(self, more: int = 0) -> None:
    """Checks that there is room.

    Args:
      more: the bytes that are going to be written.

    Raises:
      HTTPException: 503, there is none.
    """
    if time.monotonic() - self._counted > _COUNTED_FOR:
      self._counted = time.monotonic()  # others need not count meanwhile
      self._taken = await asyncio.to_thread(self._count)
    if self._taken + more > self._limits.disk:
      raise HTTPException(503, 'the server has no room for more pictures now; '
                          'try again later')
    self._taken += more

  def _count(self) -> int:
    """Returns the bytes of all files."""
    taken = 0
    for folder, _, names in os.walk(self.folder):
      for name in names:
        try:
          taken += os.stat(os.path.join(folder, name)).st_size
        except FileNotFoundError:  # deleted meanwhile
          continue
    return taken

  def sweep(self) -> None:
    """Ends the sessions that nobody has used for long."""
    oldest = time.monotonic() - self._limits.idle
    for session in [one for one in self._all.values() if one.used < oldest]:
      self._end(session)

  def close(self) -> None:
    """Ends all sessions and deletes the folder."""
    for session in list(self._all.values()):
      self._end(session)
    shutil.rmtree(self.folder, ignore_errors=True)
    self._held.close()

  def _end(self, session: Session) -> None:
    self._all.pop(session.id, None)
    self._ended(session)
    shutil.rmtree(session.folder, ignore_errors=True)


def _delete_left_behind() -> None:
  """Deletes the folders of servers that were killed.

  A folder whose server lives is locked by it. Those of others who work on this
  machine are not looked at.
  """
  if sys.platform == 'win32':  # whose temporary folder is the user's own
    return
  for folder in Path(tempfile.gettempdir()).glob(f'{_PREFIX}*'):
    try:
      if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        continue
      with (folder / _HELD_FILE).open('r+') as file:
        if _hold(file):
          shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # it has just been deleted, or is none of ours
      continue


def _hold(file: IO[str]) -> bool:
  """Locks a file for this process; returns whether nobody else has."""
  if sys.platform == 'win32':
    return True
  import fcntl  # imported here: Windows has none
  try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
  except BlockingIOError:
    return False
  return True


def _cookie_name(request: Request) -> str:
  """Returns the name of the cookie: browsers do not keep ports apart."""
  _, port = request.scope['server']
  return f'jinpaint_session_{port}'
