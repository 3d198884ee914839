"""What the page is started with: models, folders, address and limits."""

import dataclasses
from pathlib import Path

from jinpaint.errors import UsageError

LOOPBACK = ('127.0.0.1', 'localhost', '::1')


@dataclasses.dataclass(frozen=True)
class Limits:
  """How much a visitor, and all visitors together, may take.

  Attributes:
    bytes: of one upload.
    pixels: of one picture.
    disk: bytes of all uploads and results together.
    images: uploads that a session keeps; the oldest is deleted.
    results: results that a session keeps; the oldest is deleted.
    sessions: that there are at once; the one unused for longest is deleted.
    idle: seconds after which a session that is not used is deleted.
    waiting: jobs that wait at once.
    waiting_of_session: jobs of one session that wait at once.
    abandoned: seconds after which a job that nobody asks for is dropped.
    models: that are kept open at once.
    programs: compiled ones that a model may keep, one for each size.
    pixels_together: of the pictures that are filled at once.
    connections: that are open at once.
    stall: seconds that a client may keep the server waiting.
  """

  bytes: int = 256 * 2**20
  pixels: int = 100_000_000
  disk: int = 16 * 2**30
  images: int = 24
  results: int = 24
  sessions: int = 500
  idle: float = 2 * 3600
  waiting: int = 64
  waiting_of_session: int = 4
  # Browsers let the timers of pages that are not seen run once a minute.
  abandoned: float = 90
  models: int = 3
  programs: int = 24
  pixels_together: int = 4_000_000
  connections: int = 200
  stall: float = 30


@dataclasses.dataclass(frozen=True)
class Settings:
  """What the page is started with.

  Attributes:
    models: runs' work directories and packed models that can be chosen, beside
      the one that comes with jinpaint.
    runs: a folder of runs, which can be chosen as soon as they can fill.
    data: the folder below which trainings find their photographs.
    host: the address at which the server listens.
    port: its port.
    names: by which it is reached beside its own, such as a proxy's.
    user: who must sign in; empty if nobody must.
    password: of that user.
    limits: how much may be taken.
  """

  models: tuple[Path, ...] = ()
  runs: Path | None = None
  data: Path | None = None
  host: str = LOOPBACK[0]
  port: int = 7860
  names: tuple[str, ...] = ()
  user: str = ''
  password: str = ''
  limits: Limits = Limits()

  def __post_init__(self) -> None:
    """Raises `UsageError` unless all that is named exists."""
    for path in self.models:
      if not path.exists():
        raise UsageError(f'--model={path}: there is no such run or file')
    for flag, folder in (('runs', self.runs), ('data', self.data)):
      if folder is not None and not folder.is_dir():
        raise UsageError(f'--{flag}={folder}: there is no such folder')
    if not 0 <= self.port < 65536:
      raise UsageError(f'--port={self.port}: a port is a number up to 65535')
    if self.user and not self.password:
      raise UsageError(f'--user={self.user} needs a password')
