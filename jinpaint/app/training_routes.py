"""What the Train tab asks of the server."""

import asyncio
from collections.abc import Callable, Mapping
import threading
from typing import Any

import ml_collections
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jinpaint import runs
from jinpaint.app import datasets, fields, forms, live, recipes
from jinpaint.app.bodies import json_of, texts_of
from jinpaint.app.settings import Settings
from jinpaint.app.threads import in_thread
from jinpaint.app.trainings import Trainings
from jinpaint.data import sources
from jinpaint.errors import UsageError

# TensorBoard's readers, which several threads would import at once.
_LOCK = threading.Lock()


async def _recipes(request: Request) -> Response:
  """What can be trained, and on what."""
  settings, trainings = _shared(request)

  def answer() -> dict[str, Any]:
    return {
        'recipes': recipes.described(), 'kinds': recipes.kinds(),
        'photos': forms.PHOTOS,
        'photos_images': sum(map(len, sources.PHOTOS.values())),
        'folders': datasets.folders(settings.data) if settings.data else None,
        'runs': _startable(trainings)}

  return JSONResponse(await asyncio.to_thread(answer))


def _startable(trainings: Trainings) -> list[dict[str, Any]]:
  """Returns the runs that others can start from."""
  return [{key: run[key] for key in ('name', 'system', 'stage', 'networks')}
          for run in trainings.all() if run['saved']]


async def _folder(request: Request) -> Response:
  """What is in a folder of photographs."""
  return JSONResponse(await asyncio.to_thread(
      datasets.inspected, _data(request), request.query_params['path']))


async def _thumbnail(request: Request) -> Response:
  """A small picture of a photograph."""
  query = request.query_params
  return Response(await in_thread(
      request, datasets.thumbnail, _data(request), query['path'],
      query['image']), media_type='image/png')


async def _check(request: Request) -> Response:
  """What is wrong with the first step of the form, or the second step."""
  def second_step(config: ml_collections.ConfigDict, form: Mapping[str, Any],
                  _: Trainings) -> dict[str, Any]:
    return {'wrong': {}, 'name': _suggested(form), 'fields': [
        field.described(config) for field in fields.fields_of(config)]}

  return await _drafted(request, second_step)


async def _start(request: Request) -> Response:
  """Starts a training, or says what is wrong with the form."""
  def start(config: ml_collections.ConfigDict, form: Mapping[str, Any],
            trainings: Trainings) -> dict[str, Any]:
    wrong = fields.changed(config, texts_of(form.get('values', {})))
    if wrong:
      return {'wrong': wrong}
    return {'wrong': {}, 'name': trainings.start(
        config, str(form.get('name') or _suggested(form)))}

  return await _drafted(request, start)


async def _drafted(
    request: Request, then: Callable[
        [ml_collections.ConfigDict, Mapping[str, Any], Trainings],
        dict[str, Any]]) -> Response:
  """Answers what is wrong with a form's first step, or what follows from it.

  Args:
    request: brings the form.
    then: from the config that the form means, the form and the trainings to
      the answer.
  """
  form = await json_of(request)
  settings, trainings = _shared(request)

  def answer() -> dict[str, Any]:
    config, wrong = _draft(form, settings, trainings)
    if config is None or wrong:
      return {'wrong': wrong}
    return then(config, form, trainings)

  return JSONResponse(await asyncio.to_thread(answer))


async def _all(request: Request) -> Response:
  """The runs, and how each of them stands."""
  _, trainings = _shared(request)
  return JSONResponse({'runs': await asyncio.to_thread(trainings.all)})


async def _one(request: Request) -> Response:
  """A run: how it stands, and what is new since the page last asked."""
  _, trainings = _shared(request)
  name, query = request.path_params['name'], request.query_params

  def answer() -> dict[str, Any]:
    workdir = trainings.workdir(name)
    # The state first: what was written before it ended is then read.
    described = trainings.described(workdir)
    start = query.get('log', '')
    with _LOCK:
      news = trainings.live(workdir).news(query.get('cursor', ''))
    return {'run': described, 'news': news._asdict(),
            'log': live.log(workdir, int(start) if start.isdigit() else 0)}

  return JSONResponse(await asyncio.to_thread(answer))


async def _picture(request: Request) -> Response:
  """The sample pictures of a step."""
  _, trainings = _shared(request)
  workdir = trainings.workdir(request.path_params['name'])
  file = await asyncio.to_thread(trainings.live(workdir).picture,
                                 request.path_params['step'])
  if file is None:
    raise HTTPException(404, 'these sample pictures are no longer kept')
  return Response(file, media_type='image/png')


async def _stop(request: Request) -> Response:
  """Asks a training to save its step and to end."""
  _, trainings = _shared(request)
  await asyncio.to_thread(trainings.stop, request.path_params['name'])
  return JSONResponse({})


async def _go_on(request: Request) -> Response:
  """Goes on with a training."""
  _, trainings = _shared(request)
  await asyncio.to_thread(trainings.go_on, request.path_params['name'])
  return JSONResponse({})


def _draft(form: Mapping[str, Any], settings: Settings, trainings: Trainings
           ) -> tuple[ml_collections.ConfigDict | None, dict[str, str]]:
  """Returns the config that the first step describes, and what is wrong."""
  try:
    config = recipes.config_of(str(form.get('recipe', '')),
                               str(form.get('variant', '')))
  except UsageError as error:
    return None, {'recipe': str(error)}
  wrong: dict[str, str] = {}
  try:
    config.data.source = forms.source_of(str(form.get('data') or ''), settings)
    config.data.eval_source = config.data.test_source = ''
  except UsageError as error:
    wrong['data'] = str(error)
  guides = {}
  for what in ('mask', 'edge', 'sketch'):
    try:
      if isinstance(said := form.get(what), dict):
        guides[what] = forms.guide_of(said, settings)
    except UsageError as error:
      wrong[what] = str(error)
  wrong |= recipes.guided(config, guides)
  try:
    _start_from(config, form, trainings)
  except UsageError as error:
    wrong['start_from'] = str(error)
  return config, wrong


def _start_from(config: ml_collections.ConfigDict, form: Mapping[str, Any],
                trainings: Trainings) -> None:
  """Sets the runs from which a run starts."""
  names = form.get('start_from')
  workdirs = [trainings.workdir(str(name)) for name in names or ()]
  given = {network for workdir in workdirs for network in
           runs.stage_of(runs.read_config(workdir)).networks}
  recipes.check_start(config, given)
  config.start_from = ','.join(str(path.absolute()) for path in workdirs)


def _suggested(form: Mapping[str, Any]) -> str:
  """Returns what a run is called if nobody has named it."""
  return '-'.join(str(form[key]) for key in ('recipe', 'variant')
                  if form.get(key)).replace(',', '-')


def _shared(request: Request) -> tuple[Settings, Trainings]:
  return request.app.state.settings, request.app.state.trainings


def _data(request: Request) -> Any:
  if 'path' not in request.query_params:
    raise UsageError(forms.NO_DATA)
  return forms.root_of(request.app.state.settings)


ROUTES = [
    Route('/api/recipes', _recipes),
    Route('/api/recipes/check', _check, methods=['POST']),
    Route('/api/datasets/folder', _folder),
    Route('/api/datasets/thumbnail', _thumbnail),
    Route('/api/trainings', _all),
    Route('/api/trainings', _start, methods=['POST']),
    Route('/api/trainings/{name}', _one),
    Route('/api/trainings/{name}/pictures/{step:int}', _picture),
    Route('/api/trainings/{name}/stop', _stop, methods=['POST']),
    Route('/api/trainings/{name}/go-on', _go_on, methods=['POST']),
]
