"""Filling: what the page asks for, and what it gets back."""

import asyncio
import dataclasses
from pathlib import Path, PurePosixPath
import time

import numpy as np
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from jinpaint.app import drawings, pictures, uploads
from jinpaint.app.jobs import Job, Work
from jinpaint.app.models import Model
from jinpaint.app.pictures import Upload
from jinpaint.app.threads import in_thread
from jinpaint.app.works import Edges, Fill, Maps
from jinpaint.data import encoding, files

STRATEGIES = {
    'auto': 'As a whole where that fits the memory, else in windows',
    'original': 'As a whole, as the published programs do',
    'tile': 'In windows of 1,024 pixels around the holes',
    'crop': 'In one window around each hole',
    'resize': 'Made smaller, and the holes made larger again'}
# What is drawn for a picture, and what of it need not be black or white.
_DRAWN, _SOFT = ('mask', 'sketch', 'edges'), ('edges',)
_POLL = 0.1


async def _post(request: Request) -> Response:
  """Asks for a picture to be filled."""
  state = request.app.state
  session = state.sessions.of(request)
  async with request.form(max_files=3, max_fields=3, max_part_size=2**16
                          ) as form:
    upload = uploads.named(session, _text(form, 'image'))
    model = await asyncio.to_thread(state.models.named, _text(form, 'model'))
    strategy = _text(form, 'strategy') or 'auto'
    if strategy not in STRATEGIES:
      raise HTTPException(400, f'there is no strategy {strategy}')
    await state.sessions.check_disk(
        upload.height * upload.width * (upload.channels * upload.bits // 8 + 3))
    _, folder = session.new_folder()
    try:
      for what in _DRAWN:
        await _keep_drawing(request, form, what, folder, upload, model)
      fill = Fill(folder, upload, model, strategy, state.models)
      pictures.link(upload.folder, fill.before)
      job = state.jobs.add(session.id, fill)
    except BaseException:
      session.delete(folder)
      raise
  return JSONResponse({'job': job.id})


def _text(form: FormData, name: str) -> str:
  value = form.get(name, '')
  if not isinstance(value, str):
    raise HTTPException(400, f'{name} must be text')
  return value


async def _keep_drawing(request: Request, form: FormData, what: str,
                        folder: Path, upload: Upload, model: Model) -> None:
  """Checks and keeps what is drawn for a picture."""
  drawing = form.get(what)
  if drawing is None or (isinstance(drawing, str) and not drawing):
    if what == 'mask':
      raise HTTPException(400, 'draw a mask first: it says what is filled')
    if what == 'edges' and model.about.needs_edge_map:
      raise HTTPException(400, f'{model.title} needs edges: draw them, or '
                          'open a file that has them')
    return
  if not isinstance(drawing, UploadFile):
    raise HTTPException(400, f'the {what} must be a file')
  path = folder / f'{what}.png'
  path.write_bytes(await drawing.read())
  pixels = await in_thread(request, drawings.read, path, what,
                           (upload.height, upload.width), soft=what in _SOFT)
  path.unlink()
  if what == 'mask' and not pixels.any():
    raise HTTPException(400, 'the mask is empty: nothing would be filled')
  if what == 'sketch' and not model.about.follows_sketches:
    raise HTTPException(400, f'{model.title} follows no sketches')
  if what == 'edges' and not model.about.reads_edges:
    raise HTTPException(400, f'{model.title} reads no edges')
  np.save(folder / f'{what}.npy', pixels)


def _job(request: Request) -> Job:
  """Returns the job that a request's path names."""
  state = request.app.state
  job: Job = state.jobs.of(state.sessions.of(request).id,
                           request.path_params['job'])
  return job


def _filled(request: Request) -> Fill:
  """Returns the filled picture that a request's path names."""
  job = _job(request)
  if job.state != 'done' or not isinstance(job.work, Fill):
    raise HTTPException(409, 'this picture is not filled yet')
  return job.work


async def _get(request: Request) -> Response:
  """Says how far a job is."""
  job = _job(request)
  jobs = request.app.state.jobs
  if not isinstance(job.work, Fill):
    raise HTTPException(404, 'there is no such result')
  fill = job.work
  seconds = (time.monotonic() - job.began if job.state == 'running'
             else job.seconds)
  return JSONResponse({
      'state': job.state, 'position': jobs.position(job), 'done': job.share,
      'message': job.message, 'seconds': round(seconds, 2),
      'plan': fill.plan, 'maps': fill.maps if job.state == 'done' else []})


async def _delete(request: Request) -> Response:
  """Cancels a job, or deletes its result."""
  request.app.state.jobs.cancel(_job(request))
  return Response(status_code=204)


async def _view(request: Request) -> Response:
  """Shows a result."""
  fill = _filled(request)
  path = await in_thread(request, pictures.view, fill.after)
  return FileResponse(path, media_type='image/png')


async def _map(request: Request) -> Response:
  """Shows an intermediate map, which is computed when it is first asked for."""
  fill, name = _filled(request), request.path_params['name']
  if name not in fill.maps:
    raise HTTPException(404, f'{fill.model.title} makes no map {name}')
  path = fill.folder / f'{name}.png'
  if not path.exists():
    await _finish(request, Maps(fill))
  return FileResponse(path, media_type='image/png')


async def _find_edges(request: Request) -> Response:
  """Shows the edges that a model would be given, to be drawn on."""
  upload, state = uploads.of(request), request.app.state
  model = await asyncio.to_thread(
      state.models.named, request.query_params.get('model', ''))
  session = state.sessions.of(request)
  _, folder = session.new_folder()
  try:
    await uploads.receive(request, folder / 'mask')
    mask = await in_thread(request, drawings.read, folder / 'mask', 'mask',
                           (upload.height, upload.width))
  finally:
    session.delete(folder)
  work = Edges(upload, model, state.models, mask)
  await _finish(request, work)
  return Response(work.found, media_type='image/png')


async def _finish(request: Request, work: Work) -> None:
  """Waits until work is done, as long as somebody waits for the answer.

  Raises:
    HTTPException: it could not be done.
  """
  jobs = request.app.state.jobs
  session = request.app.state.sessions.of(request)
  job = jobs.add(session.id, work)
  try:
    while not job.ended:
      await asyncio.sleep(_POLL)
      job.asked = time.monotonic()
      if await request.is_disconnected():
        break
  finally:
    jobs.cancel(job)
  if job.state != 'done':
    raise HTTPException(409, job.message or 'this was given up')


async def _file(request: Request) -> Response:
  """Hands a result out as a file."""
  fill = _filled(request)
  wanted = request.query_params.get('as', 'png')
  if wanted not in ('png', 'original'):
    raise HTTPException(400, 'as=png or as=original')
  name = PurePosixPath(fill.upload.name)
  suffix = '.png' if wanted == 'png' else fill.upload.suffix
  path = fill.folder / f'file{suffix}'
  if not path.exists():
    await in_thread(request, _write, fill.after, path)
  stem = name.stem if name.suffix.lower() in files.SUFFIXES else name.name
  return FileResponse(path, filename=f'{stem}_filled{suffix}',
                      media_type='application/octet-stream')


def _write(folder: Path, path: Path) -> None:
  """Writes the file of a result."""
  try:
    encoded = encoding.encode(path.suffix, pictures.picture_in(folder))
  except encoding.Unencodable as error:
    raise HTTPException(400, f'{path.suffix}: {error}') from error
  files.write_atomically(path, encoded)


async def _reuse(request: Request) -> Response:
  """Makes a result one of the session's pictures, with all its metadata."""
  state = request.app.state
  fill, session = _filled(request), state.sessions.of(request)
  name, folder = session.new_folder()
  pictures.link(fill.after, folder)
  upload = dataclasses.replace(fill.upload, id=name, folder=folder)
  session.add(upload, state.settings.limits.images)
  return JSONResponse(upload.described())


ROUTES = [
    Route('/api/images/result/{job}', _reuse, methods=['POST']),
    Route('/api/images/{id}/edges', _find_edges, methods=['POST']),
    Route('/api/fills', _post, methods=['POST']),
    Route('/api/fills/{job}', _get),
    Route('/api/fills/{job}', _delete, methods=['DELETE']),
    Route('/api/fills/{job}/view', _view),
    Route('/api/fills/{job}/maps/{name}', _map),
    Route('/api/fills/{job}/file', _file),
]
