"""Files of the package index that pip is configured for.

A file is found by the index's simple API, downloaded, and checked; nothing of
it is installed, imported or run. (`pip download` would run the `setup.py` of a
source distribution.) What the user has told pip counts: index, further indexes,
folders of files, hosts to be trusted, certificates, proxy and time limit, in
pip's files and in its environment variables. Names and passwords are taken from
the addresses and from `.netrc`.
"""

import ast
from collections.abc import Iterator, Mapping
import contextlib
import logging
import os
from pathlib import Path
import ssl
import subprocess
import sys
from typing import Any

import httpx2
from tqdm import tqdm
import unearth
from unearth.auth import MultiDomainBasicAuth
from unearth.fetchers.sync import PyPIClient

from jinpaint.errors import FULL, RunError, UsageError

# Of pip's configuration, in the order in which the latter count before the
# former.
_SECTIONS = ('global.', 'install.', 'download.', ':env:.')
_TIMEOUT = '15'  # seconds without an answer; pip's own


def fetch(project: str, file: str, sha256: str, folder: Path, *,
          progress: bool = True) -> Path:
  """Downloads one file of a project.

  Args:
    project: its name in the index.
    file: the name of a wheel or a source distribution.
    sha256: of that file, in hexadecimal.
    folder: where to put it.
    progress: show a bar on stderr if that is a terminal.

  Returns:
    Where it is; a file of a folder that pip is told to look in stays there.

  Raises:
    UsageError: no index can be reached, none has the file, or one sent another
      file. The message says which were asked.
    RunError: the disk is full.
  """
  settings = pip_settings()
  reasons = []
  try:
    finders = _finders(settings)
  except (OSError, ValueError) as error:  # certificates, time limit, proxy
    raise UsageError(f'cannot use pip\'s configuration: {error}') from error
  for finder in finders:
    place = unearth.Link(finder.sources[0]['url']).redacted
    try:
      with _complaints() as complaints:
        link = _link(finder, project, file)
      if link is not None:
        return _download(finder, link, sha256, folder, progress)
      reasons.append(f'{place}: {"; ".join(complaints) or f"has no {file}"}')
    except unearth.HashMismatchError as error:
      raise UsageError(
          f'{place} sent another file than {file}: its SHA-256 is '
          f'{error.actual["sha256"]}, not {sha256}; it was not opened'
          ) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, unearth.UnpackError, OSError,
            ValueError) as error:
      if isinstance(error, OSError) and error.errno in FULL:
        raise RunError(f'cannot write to {folder}: the disk is full') from error
      what = ' '.join(str(error).split()) or type(error).__name__
      reasons.append(f'{place}: {what}')
  raise UsageError(
      ', '.join(reasons) or 'pip is configured to ask no package index')


def pip_settings() -> dict[str, str]:
  """Returns what pip is told by its files and by the environment.

  Where this Python has no pip, there is nobody who knows all of its files: then
  only the environment counts.

  Returns:
    The names of pip's long options, without dashes in front -> value.
  """
  listed = subprocess.run(
      [sys.executable, '-m', 'pip', 'config', 'list',
       '--disable-pip-version-check'],
      capture_output=True, text=True, check=False)
  if listed.returncode:
    return {name.removeprefix('PIP_').lower().replace('_', '-'): value
            for name, value in os.environ.items() if name.startswith('PIP_')}
  lines = [line.split('=', 1) for line in listed.stdout.splitlines()
           if '=' in line]
  return {key.removeprefix(section): ast.literal_eval(value)
          for section in _SECTIONS for key, value in lines
          if key.startswith(section)}


def _finders(settings: Mapping[str, str]) -> list[unearth.PackageFinder]:
  """Returns one finder for each place where pip looks, in its order.

  One for all would say nothing of the others when one place fails.
  """
  indexes: list[list[str]] = []
  if settings.get('no-index', '').lower() not in ('1', 'true', 'yes', 'on'):
    first = settings.get('index-url', '')
    indexes = [[first] if first else [],  # a finder without asks the public one
               *([url] for url in settings.get('extra-index-url', '').split())]
  folders = settings.get('find-links', '').split()
  trusted = settings.get('trusted-host', '').split()
  certificates = settings.get('cert')
  session = PyPIClient(
      trusted_hosts=trusted,
      verify=(ssl.create_default_context(cafile=certificates)
              if certificates else True),
      timeout=float(settings.get('timeout', settings.get(
          'default-timeout', _TIMEOUT))),
      proxy=settings.get('proxy') or None, follow_redirects=True)
  session.auth = MultiDomainBasicAuth(
      prompting=False, index_urls=[url for urls in indexes for url in urls])
  common: dict[str, Any] = {
      'session': session, 'trusted_hosts': trusted,
      'ignore_compatibility': True}  # a file is read, not installed
  return [*(unearth.PackageFinder(index_urls=urls, **common)
            for urls in indexes),
          *(unearth.PackageFinder(find_links=[url], **common)
            for url in folders)]


def _link(finder: unearth.PackageFinder, project: str, file: str
          ) -> unearth.Link | None:
  """Returns where a place has a file."""
  # A file that was withdrawn is still the same file: it is known by its hash.
  for package in finder.find_all_packages(project, allow_yanked=True):
    if package.link.filename == file:
      return package.link
  return None


def _download(finder: unearth.PackageFinder, link: unearth.Link, sha256: str,
              folder: Path, progress: bool) -> Path:
  """Downloads a file and compares its hash."""
  with tqdm(desc=link.filename, unit='B', unit_scale=True,
            disable=None if progress else True) as bar:
    def report(link: unearth.Link, completed: int, total: int | None) -> None:
      del link
      bar.total = total
      bar.update(completed - bar.n)

    return finder.download(link, folder, {'sha256': [sha256]},
                           download_reporter=report)


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
  """Yields what unearth logs, in place of raising it, as it looks for files."""
  messages: list[str] = []

  class Collector(logging.Handler):
    """Keeps messages and prints none."""

    def emit(self, record: logging.LogRecord) -> None:
      messages.append(' '.join(record.getMessage().split()))

  logger = logging.getLogger('unearth')
  handler, propagate = Collector(logging.WARNING), logger.propagate
  logger.addHandler(handler)
  logger.propagate = False
  try:
    yield messages
  finally:
    logger.removeHandler(handler)
    logger.propagate = propagate
