"""The Convert tab: what `jinpaint convert` does, with files that are uploaded.

A file of weights may be larger than any request may be, so that it comes in
pieces. Files lie in the session's folder, and go with it.
"""

import asyncio
from collections.abc import Iterator, Mapping
import contextlib
from pathlib import Path, PurePosixPath
import re
import shutil
import threading
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from jinpaint import converters, networks, systems
from jinpaint.app import places
from jinpaint.app.bodies import json_of, texts_of
from jinpaint.app.trainings import Trainings
from jinpaint.converters import weights
from jinpaint.errors import UsageError
from jinpaint.runs import adoption, published
from jinpaint.systems.shared import options

# Bytes of the files of one conversion, and how many there may be.
_BYTES = 4 * 2**30
_FILES = 64
# Folder below an upload's own, by which it is told from a picture's.
_FILES_FOLDER = 'published'
_PART = re.compile(r'[\w][\w.()+@ =-]{0,119}')
# Weights are read into memory as a whole.
_LOCK = threading.Lock()


async def _known(request: Request) -> Response:
  """What files can be converted."""
  del request
  return JSONResponse(await asyncio.to_thread(lambda: {
      'systems': [{'name': name, 'about': systems.description(name),
                   # The other patterns are those of numbered snapshots.
                   'files': [pattern for pattern in published.patterns(name)
                             if '[' not in pattern]}
                  for name in systems.NAMES if published.patterns(name)],
      'networks': [name for name in networks.REGISTRY if _is_known(name)],
      'bytes': _BYTES}))


def _is_known(network: str) -> bool:
  try:
    converters.converter_of(network)
  except UsageError:
    return False
  return True


async def _begin(request: Request) -> Response:
  """Makes a folder for files to come."""
  session = request.app.state.sessions.of(request)
  name, folder = session.new_folder()
  (folder / _FILES_FOLDER).mkdir()
  return JSONResponse({'id': name})


async def _receive(request: Request) -> Response:
  """Appends a piece to a file."""
  folder, query = _folder(request), request.query_params
  path = _target(folder, query.get('path', ''))
  sessions = request.app.state.sessions
  await sessions.check_disk(int(request.headers.get('content-length', 0)))
  taken = {file: file.stat().st_size for file in folder.rglob('*')
           if file.is_file()}
  if path not in taken and len(taken) >= _FILES:
    raise HTTPException(413, f'a conversion takes {_FILES} files at most')
  if query.get('offset') != str(taken.get(path, 0)):
    raise HTTPException(409, f'{path.name}: pieces are missing; choose the '
                        'files again')
  path.parent.mkdir(parents=True, exist_ok=True)
  total = sum(taken.values())
  with path.open('ab') as file:
    async for piece in request.stream():
      total += len(piece)
      if total > _BYTES:
        raise HTTPException(413, 'the files of a conversion may have '
                            f'{_BYTES / 2**30:g} GiB at most')
      file.write(piece)
  return JSONResponse({'bytes': path.stat().st_size})


async def _look(request: Request) -> Response:
  """What the files are, and under which licence; nothing is written."""
  folder, form = _folder(request), texts_of(await json_of(request))
  return JSONResponse(await asyncio.to_thread(_looked_at, folder, form))


async def _convert(request: Request) -> Response:
  """Converts the files; they are deleted then."""
  folder, form = _folder(request), texts_of(await json_of(request))
  trainings: Trainings = request.app.state.trainings
  answer = await asyncio.to_thread(_converted, folder, form, trainings)
  await asyncio.to_thread(shutil.rmtree, folder.parent)
  return JSONResponse(answer)


async def _forget(request: Request) -> Response:
  """Deletes the files."""
  await asyncio.to_thread(shutil.rmtree, _folder(request).parent)
  return JSONResponse({})


def _looked_at(folder: Path, form: Mapping[str, str]) -> dict[str, Any]:
  with _LOCK, _named(folder):
    if form.get('kind') == 'system':
      found, _ = published.read_folder(form.get('name', ''), folder,
                                       form.get('key', ''))
      return {'files': [_file(adopted) for adopted in found]}
    converters.converter_of(form.get('name', ''))
    path = _only(folder)
    licence, origin, sha256 = weights.provenance(form['name'], path)
    return {'files': [{'file': path.name, 'network': form['name'],
                       'licence': licence, 'origin': origin,
                       'sha256': sha256}]}


def _converted(folder: Path, form: Mapping[str, str], trainings: Trainings
               ) -> dict[str, Any]:
  name, key = form.get('name', ''), form.get('key', '')
  texts = form.get('options', '').split()
  root, output = trainings.folder, form.get('output', '')
  with _LOCK, _named(folder):
    if form.get('kind') == 'system':
      workdir = places.free(root, output or name)
      stage, found, fresh = adoption.adopt(
          name, folder, workdir, key=key,
          options=systems.parsed_options(name, texts))
      return {'run': workdir.name, 'stage': stage, 'fresh': fresh,
              'files': [_file(adopted) for adopted in found]}
    converters.converter_of(name)
    path = _only(folder)
    target = places.free(root, f'{(output or name).removesuffix(".npz")}.npz')
    chosen = options.parsed(type(networks.create(name)), texts,
                            f'option of {name}')
    written = weights.convert(name, path, target, key=key, **chosen)
    return {'file': target.name, 'fresh': [], 'files': [{
        'file': path.name, 'network': written.network,
        'licence': written.licence, 'origin': written.origin,
        'sha256': written.sha256}]}


@contextlib.contextmanager
def _named(folder: Path) -> Iterator[None]:
  """Calls files in errors as those called them who brought them."""
  try:
    yield
  except UsageError as error:
    raise UsageError(str(error).replace(f'{folder}/', '').replace(
        str(folder), 'the upload')) from error


def _file(adopted: published.Adopted) -> dict[str, Any]:
  return {'file': adopted.file, 'network': adopted.network,
          'licence': adopted.licence, 'origin': adopted.origin,
          'sha256': adopted.sha256}


def _only(folder: Path) -> Path:
  """Returns the only file of an upload."""
  found = [path for path in folder.rglob('*') if path.is_file()]
  if len(found) != 1:
    raise UsageError(f'choose one file of weights, not {len(found)}; several '
                     'are converted as those of a system')
  return found[0]


def _folder(request: Request) -> Path:
  """Returns the folder of an upload of this session."""
  session = request.app.state.sessions.of(request)
  name = request.path_params['name']
  folder: Path = session.folder / name / _FILES_FOLDER
  if not re.fullmatch(r'[0-9a-f]+', name) or not folder.is_dir():
    raise HTTPException(404, 'these files are no longer here; choose them '
                        'again')
  return folder


def _target(folder: Path, name: str) -> Path:
  """Returns the path of a file within an upload.

  Raises:
    HTTPException: 400, it cannot be called so.
  """
  parts = PurePosixPath(name).parts
  if not 0 < len(parts) <= 4 or not all(map(_PART.fullmatch, parts)):
    raise HTTPException(400, f'"{name}" is no name for a file of weights')
  return folder.joinpath(*parts)


ROUTES = [
    Route('/api/conversions', _known),
    Route('/api/conversions', _begin, methods=['POST']),
    Route('/api/conversions/{name}/files', _receive, methods=['POST']),
    Route('/api/conversions/{name}/look', _look, methods=['POST']),
    Route('/api/conversions/{name}', _convert, methods=['POST']),
    Route('/api/conversions/{name}', _forget, methods=['DELETE']),
]
