"""The server: its routes, and what they share."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
import contextlib
from pathlib import Path

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import jinpaint
from jinpaint.app import (
    conversions,
    fills,
    reports,
    safety,
    training_routes,
    uploads,
)
from jinpaint.app.jobs import Jobs
from jinpaint.app.models import Models
from jinpaint.app.sessions import Sessions
from jinpaint.app.settings import Settings
from jinpaint.app.trainings import Trainings
from jinpaint.errors import UsageError

_HERE = Path(__file__).parent
# Pictures that are decoded or encoded at once, and seconds between sweeps.
_THREADS, _SWEEP = 2, 2


def create(settings: Settings) -> Starlette:
  """Returns the server.

  What its routes share lies on `app.state`: `settings`, `sessions`, `jobs`,
  `models`, `trainings`, `threads` and `templates`.

  Raises:
    UsageError: a model that the settings name cannot be used.
  """
  app = Starlette(
      routes=[
          Route('/', _page),
          Route('/api/state', _state),
          *uploads.ROUTES,
          *fills.ROUTES,
          *training_routes.ROUTES,
          *reports.ROUTES,
          *conversions.ROUTES,
          Mount('/static', StaticFiles(directory=_HERE / 'static',
                                       check_dir=False)),
      ],
      middleware=[Middleware(safety.Guard, settings=settings)],
      exception_handlers={HTTPException: _refused, UsageError: _misused,
                          ClientDisconnect: _gone, 500: _failed},
      lifespan=_lifespan)
  app.state.settings = settings
  app.state.templates = jinja2.Environment(
      loader=jinja2.FileSystemLoader(_HERE / 'templates'), autoescape=True,
      undefined=jinja2.StrictUndefined)
  app.state.models = Models(settings)
  app.state.trainings = Trainings(settings.runs)
  return app


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
  """Runs what works beside the routes, and deletes all files at the end."""
  state, limits = app.state, app.state.settings.limits
  state.jobs = Jobs(limits)
  state.sessions = Sessions(
      limits, ended=lambda session: state.jobs.end_session(session.id))
  state.threads = ThreadPoolExecutor(_THREADS)
  state.jobs.start()
  sweeping = asyncio.create_task(_sweep(app))
  try:
    yield
  finally:
    sweeping.cancel()
    await asyncio.to_thread(state.jobs.close)
    state.threads.shutdown(cancel_futures=True)
    state.sessions.close()


async def _sweep(app: Starlette) -> None:
  """Ends what nobody uses any more, now and then."""
  while True:
    await asyncio.sleep(_SWEEP)
    app.state.jobs.sweep()
    app.state.sessions.sweep()


async def _page(request: Request) -> Response:
  """The page."""
  template = request.app.state.templates.get_template('index.html')
  response = HTMLResponse(template.render(
      version=jinpaint.__version__, tabs=_tabs(request)))
  request.app.state.sessions.greet(request, response)
  return response


async def _state(request: Request) -> Response:
  """What there is to choose from."""
  settings, models = request.app.state.settings, request.app.state.models
  found = await asyncio.to_thread(models.all)
  return JSONResponse({
      'version': jinpaint.__version__,
      'models': [model.described() for model in found.values()],
      'samples': _named(uploads.SAMPLES),
      'strategies': _named(fills.STRATEGIES),
      'limits': {'bytes': settings.limits.bytes,
                 'pixels': settings.limits.pixels},
      'tabs': _tabs(request), 'data': settings.data is not None})


def _tabs(request: Request) -> dict[str, bool]:
  """Returns which tabs have something to work on."""
  there = request.app.state.settings.runs is not None
  return {'train': there, 'compare': there}


def _named(titles: dict[str, str]) -> list[dict[str, str]]:
  return [{'name': name, 'title': title} for name, title in titles.items()]


async def _refused(request: Request, error: Exception) -> Response:
  assert isinstance(error, HTTPException)
  return safety.refuse(error.status_code, error.detail)


async def _misused(request: Request, error: Exception) -> Response:
  return safety.refuse(400, str(error))


async def _failed(request: Request, error: Exception) -> Response:
  response = safety.refuse(500, 'something went wrong in the server; its log '
                           'says what')
  response.headers.update(safety.HEADERS)
  return response


async def _gone(request: Request, error: Exception) -> Response:
  """Answers nobody: the client has gone while it sent its request."""
  return Response(status_code=400)
