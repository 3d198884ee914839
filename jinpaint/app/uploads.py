"""The pictures that a visitor brings: kept as bytes, shown, deleted."""

import functools
import io
from pathlib import Path
from urllib.parse import quote, unquote

from PIL import Image
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from jinpaint.app import drawings, headers
from jinpaint.app.pictures import as_text, picture_in, png, Upload, view
from jinpaint.app.safety import too_large
from jinpaint.app.sessions import Session
from jinpaint.app.threads import in_thread
from jinpaint.data import encoding, files, sources
from jinpaint.data.decoding import Picture, Undecodable

_THUMBNAIL = 240
# scikit-image's name of a photograph -> what people read.
SAMPLES = {'chelsea': 'Cat', 'astronaut': 'Astronaut', 'coffee': 'Coffee',
           'rocket': 'Rocket', 'motorcycle_left': 'Motorcycle'}


async def receive(request: Request, path: Path) -> None:
  """Writes the body of a request to a file, piece by piece.

  Raises:
    HTTPException: it is too large, or there is no room; nothing is left.
  """
  limits = request.app.state.settings.limits
  length = request.headers.get('content-length', '0')
  await request.app.state.sessions.check_disk(int(length))
  size = 0
  try:
    with path.open('wb') as file:
      async for piece in request.stream():
        size += len(piece)
        if size > limits.bytes:
          raise HTTPException(413, too_large(limits.bytes))
        file.write(piece)
    if not size:
      raise HTTPException(400, 'the file is empty')
  except BaseException:
    path.unlink(missing_ok=True)
    raise


def keep(session: Session, name: str, folder: Path, most_pixels: int,
         most_images: int) -> Upload:
  """Looks at the file in a folder and makes it one of the session's pictures.

  Raises:
    HTTPException: 413, it is too large; 415, it is no picture that is read.
  """
  try:
    head = headers.read(folder / 'source', most_pixels)
    picture = picture_in(folder)
  except headers.TooLarge as error:
    raise HTTPException(413, f'{name}: {error}') from error
  except Undecodable as error:
    raise HTTPException(415, f'{name}: {error}') from error
  height, width = picture.pixels.shape[:2]
  upload = Upload(
      folder.name, folder, name, head.suffix, height, width,
      1 if picture.pixels.ndim == 2 else picture.pixels.shape[2],
      8 * picture.pixels.itemsize, head.kind, picture.note)
  session.add(upload, most_images)
  return upload


def of(request: Request) -> Upload:
  """Returns the picture that a request's path names.

  Raises:
    HTTPException: 404, the session has no such picture.
  """
  session = request.app.state.sessions.of(request)
  return named(session, request.path_params['id'])


def named(session: Session, name: str) -> Upload:
  """Returns a picture of a session.

  Raises:
    HTTPException: 404, it has no such picture.
  """
  if name not in session.images:
    raise HTTPException(404, 'there is no such picture; it may have been '
                        'deleted')
  return session.images[name]


async def _post(request: Request) -> Response:
  """Takes the bytes of a file."""
  session = request.app.state.sessions.of(request)
  limits = request.app.state.settings.limits
  name = as_text(unquote(request.headers.get('x-file-name', 'picture')))
  _, folder = session.new_folder()
  try:
    await receive(request, folder / 'source')
    upload = await in_thread(request, keep, session, name, folder,
                             limits.pixels, limits.images)
  except BaseException:
    session.delete(folder)
    raise
  return JSONResponse(upload.described())


async def _post_sample(request: Request) -> Response:
  """Makes a sample photograph one of the session's pictures."""
  session = request.app.state.sessions.of(request)
  limits = request.app.state.settings.limits
  sample = _sample(request)
  _, folder = session.new_folder()

  def write() -> Upload:
    files.write_atomically(folder / 'source', encoding.encode(
        '.png', Picture(sources.photograph(sample))))
    return keep(session, f'{sample}.png', folder, limits.pixels, limits.images)

  return JSONResponse((await in_thread(request, write)).described())


async def _thumbnail(request: Request) -> Response:
  """Shows a sample photograph in small."""
  encoded = await in_thread(request, _small, _sample(request))
  return Response(encoded, media_type='image/png')


def _sample(request: Request) -> str:
  name = str(request.path_params['name'])
  if name not in SAMPLES:
    raise HTTPException(404, 'there is no such sample')
  return name


@functools.cache
def _small(name: str) -> bytes:
  image = Image.fromarray(sources.photograph(name))
  image.thumbnail((_THUMBNAIL, _THUMBNAIL))
  stream = io.BytesIO()
  image.save(stream, 'PNG')
  return stream.getvalue()


async def _view(request: Request) -> Response:
  """Shows a picture, upright and of 8 bits."""
  path = await in_thread(request, view, of(request).folder)
  return FileResponse(path, media_type='image/png')


async def _delete(request: Request) -> Response:
  """Deletes a picture."""
  upload = of(request)
  request.app.state.sessions.of(request).discard(upload.id)
  return Response(status_code=204)


async def _read_drawing(request: Request) -> Response:
  """Reads a mask or a sketch in any form that people make them in."""
  upload, what = of(request), request.query_params.get('what', 'mask')
  hole = request.query_params.get('hole', 'auto')
  if what not in ('mask', 'sketch'):
    raise HTTPException(400, 'what=mask or what=sketch')
  session = request.app.state.sessions.of(request)
  _, folder = session.new_folder()
  try:
    await receive(request, folder / 'source')
    drawn, note = await in_thread(
        request, drawings.read_as_meant, folder / 'source', what, hole,
        (upload.height, upload.width),
        request.app.state.settings.limits.pixels)
  finally:
    session.delete(folder)
  return Response(png(drawn), media_type='image/png',
                  headers={'X-Note': quote(note)})


ROUTES = [
    Route('/api/images', _post, methods=['POST']),
    Route('/api/images/sample/{name}', _post_sample, methods=['POST']),
    Route('/api/samples/{name}', _thumbnail),
    Route('/api/images/{id}/view', _view),
    Route('/api/images/{id}', _delete, methods=['DELETE']),
    Route('/api/images/{id}/mask', _read_drawing, methods=['POST']),
]
