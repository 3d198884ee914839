"""The Compare tab: the report of `jinpaint report`, inside the page."""

import asyncio
from pathlib import Path
import tempfile
import threading

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from jinpaint import report
from jinpaint.app.trainings import Trainings
from jinpaint.errors import UsageError

# Runs that one report compares.
_RUNS = 8
# The report says itself which script and which style it has. Here it has no
# origin: its script reaches nothing of the page, nor any server.
_HEADERS = {
    'Content-Security-Policy': '; '.join((
        "default-src 'none'", "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'", 'img-src data:', "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'self'",
        'sandbox allow-scripts')),
    'X-Frame-Options': 'SAMEORIGIN',
}
# A report takes the memory of all its pictures.
_LOCK = threading.Lock()


async def _report(request: Request) -> Response:
  """The report of some runs."""
  trainings: Trainings = request.app.state.trainings
  html = await asyncio.to_thread(
      _written, trainings, request.query_params.getlist('run'))
  return HTMLResponse(html, headers=_HEADERS)


def _written(trainings: Trainings, names: list[str]) -> str:
  """Returns the report of some runs.

  Raises:
    UsageError: there is no such run, or there are too many.
  """
  if not 0 < len(names) <= _RUNS:
    raise UsageError(f'choose at least one run, and {_RUNS} at most')
  workdirs = [trainings.workdir(name) for name in dict.fromkeys(names)]
  with _LOCK, tempfile.TemporaryDirectory(prefix='jinpaint-report-') as folder:
    path = Path(folder) / 'report.html'
    report.write(workdirs, path)
    return path.read_text()


async def _style(request: Request) -> Response:
  """The style sheet that the page shares with reports."""
  del request
  return FileResponse(report.SHARED_STYLE)


ROUTES = [Route('/api/reports', _report), Route('/static/shared.css', _style)]
