"""The Compare tab: runs are evaluated, and their reports shown.

An evaluation is what `evaluate.py` makes, in a process of its own; a report is
that of `jinpaint report`, inside the page.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
import tempfile
import threading
from typing import Any

from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
)
from starlette.routing import Route

from jinpaint import report, runs
from jinpaint.app import forms, live, recipes
from jinpaint.app.bodies import json_of
from jinpaint.app.run_process import EVALUATION
from jinpaint.app.settings import Settings
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


async def _evaluate(request: Request) -> Response:
  """Evaluates a run, or says what is wrong with the form."""
  form = await json_of(request)
  state = request.app.state
  return JSONResponse(await asyncio.to_thread(
      _begun, form, state.settings, state.trainings))


def _begun(form: Mapping[str, Any], settings: Settings, trainings: Trainings
           ) -> dict[str, Any]:
  """Begins an evaluation; returns what is wrong, by the form's fields.

  Raises:
    UsageError: there is no such run, or something is at work.
  """
  name, data, wrong = str(form.get('run', '')), {}, {}
  config = runs.read_config(trainings.workdir(name))
  try:
    if chosen := str(form.get('data') or ''):
      data['eval_source'] = forms.source_of(chosen, settings)
  except UsageError as error:
    wrong['data'] = str(error)
  try:
    if isinstance(said := form.get('mask'), dict):
      wrong |= recipes.guided(config, {'mask': forms.guide_of(said, settings)})
      data['mask'] = config.data.mask
  except UsageError as error:
    wrong['mask'] = str(error)
  if not wrong:
    trainings.evaluate(name, data)
  return {'wrong': wrong}


async def _evaluation(request: Request) -> Response:
  """How the evaluation of a run stands, and its log from where it was read."""
  trainings: Trainings = request.app.state.trainings
  name = request.path_params['name']
  start = request.query_params.get('log', '')

  def answer() -> dict[str, Any]:
    workdir = trainings.workdir(name)
    return {'evaluation': trainings.evaluation(name), 'log': live.log(
        workdir, int(start) if start.isdigit() else 0, live.EVALUATION_LOG)}

  return JSONResponse(await asyncio.to_thread(answer))


async def _stop(request: Request) -> Response:
  """Ends the evaluation of a run."""
  await asyncio.to_thread(request.app.state.trainings.stop,
                          request.path_params['name'], EVALUATION)
  return JSONResponse({})


async def _style(request: Request) -> Response:
  """The style sheet that the page shares with reports."""
  del request
  return FileResponse(report.SHARED_STYLE)


ROUTES = [
    Route('/api/reports', _report),
    Route('/api/evaluations', _evaluate, methods=['POST']),
    Route('/api/evaluations/{name}', _evaluation),
    Route('/api/evaluations/{name}/stop', _stop, methods=['POST']),
    Route('/static/shared.css', _style),
]
