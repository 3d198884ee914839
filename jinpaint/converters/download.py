"""Where published weights are, under which licence, and how they get here.

`TABLE` lists them; `fetch` brings one into the cache, `find` only looks there.
Files that lie behind a page (Google Drive, mega) have to be fetched by hand:
the error says from where, and where to put them.

Downloads are resumed: the bytes that have arrived are kept in a `.part` file,
and the next try, or the next run, asks for the rest (an HTTP range). The usual
library for this, pooch, checks and renames files as is done here, but starts
again at the first byte whenever a connection breaks, and the largest of these
files is 670 MB. Two processes must not fetch the same file at the same time.
"""

import dataclasses
import hashlib
import http.client
import os
from pathlib import Path
import time
import urllib.error
import urllib.request

from tqdm import tqdm

from jinpaint.errors import FULL, RunError, unknown, UsageError

_TRIES = 4
_PAUSE = 1.0  # seconds before the second try, longer before each further one
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16  # bytes
# Answers after which another try may succeed, beside every 5xx: the request
# took too long, or there were too many.
_TEMPORARY = (408, 429)


@dataclasses.dataclass(frozen=True)
class PublishedFile:
  """A file of weights that somebody published.

  Attributes:
    name: what jinpaint calls it.
    file: its path inside the cache folder.
    url: the file, or the page that leads to it if `by_hand`.
    licence: as its publisher states it.
    origin: who made it, and the paper.
    about: what else to know about it.
    sha256: its SHA-256 in hexadecimal, or the first digits if only those are
      known; None if none are.
    by_hand: whether a person must download it, because no address gives the
      file itself.
  """

  name: str
  file: str
  url: str
  licence: str
  origin: str
  about: str = ''
  sha256: str | None = None
  by_hand: bool = False


def cache_dir() -> Path:
  """Returns the folder for downloads: $JINPAINT_CACHE or ~/.cache/jinpaint."""
  return Path(os.environ.get('JINPAINT_CACHE') or '~/.cache/jinpaint'
              ).expanduser()


def find(name: str) -> Path:
  """Returns where a published file lies in the cache; downloads nothing.

  Raises:
    UsageError: there is no such name, the file is not there, or it has another
      checksum than the published one. The message says where to get the file
      and where to put it.
  """
  published, path = _look_up(name)
  if not path.is_file():
    raise UsageError(f'{path}: no such file; {_advice(published, path)}')
  if (digest := _other_digest(path, published)) is not None:
    raise UsageError(f'{path}: damaged or another file (its SHA-256 is '
                     f'{digest}); {_advice(published, path)}')
  return path


def fetch(name: str, *, progress: bool = True) -> Path:
  """Returns where a published file lies in the cache; downloads it if need be.

  Args:
    name: a key of `TABLE`.
    progress: show a bar on stderr if that is a terminal.

  Raises:
    UsageError: there is no such name, the file has to be fetched by hand, it
      could not be downloaded, or what was sent has another checksum.
    RunError: the disk is full.
  """
  published, path = _look_up(name)
  if published.by_hand:
    return find(name)
  if path.is_file() and _other_digest(path, published) is None:
    return path
  part = path.with_name(f'{path.name}.part')
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    _download(published.url, part, progress)
    digest = _other_digest(part, published)
    if digest is None:
      part.replace(path)
      return path
    part.unlink()
  except (OSError, http.client.HTTPException, ValueError) as error:
    if _is_full_disk(error):
      raise RunError(f'cannot write {part}: the disk is full') from error
    reason = ' '.join(str(getattr(error, 'reason', '') or error).split())
    if isinstance(error, urllib.error.HTTPError):
      reason = f'HTTP {error.code} {reason}'
    raise UsageError(f'could not download {name}: {reason}; '
                     f'{_advice(published, path)}') from error
  raise UsageError(f'{published.url} sent another file than "{name}": its '
                   f'SHA-256 is {digest}, not {published.sha256}')


def _look_up(name: str) -> tuple[PublishedFile, Path]:
  """Returns what is known of a file, and its place in the cache."""
  if name not in TABLE:
    raise unknown('published file', name, TABLE)
  return TABLE[name], cache_dir() / TABLE[name].file


def sha256_of(path: Path) -> str:
  """Returns the SHA-256 of a file in hexadecimal."""
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()


def advice(name: str) -> str:
  """Returns what a person can do to have a published file."""
  return _advice(*_look_up(name))


def _advice(published: PublishedFile, path: Path) -> str:
  known = [published.about] if published.about else []
  known += [f'SHA-256 {published.sha256}'] if published.sha256 else []
  about = f' ({", ".join(known)})' if known else ''
  return f'get it from {published.url}{about} and put it at {path}'


def _other_digest(path: Path, published: PublishedFile) -> str | None:
  """Returns the SHA-256 of a file if it is not the published one."""
  if published.sha256 is None:
    return None
  digest = sha256_of(path)
  return None if digest.startswith(published.sha256) else digest


def _download(url: str, part: Path, progress: bool) -> None:
  """Completes the file `part`; tries again after errors that may pass."""
  for tries_left in reversed(range(_TRIES)):
    try:
      return _append_rest(url, part, progress)
    except (OSError, http.client.HTTPException) as error:
      lasting = (error.code < 500 and error.code not in _TEMPORARY
                 if isinstance(error, urllib.error.HTTPError)
                 else _is_full_disk(error))
      if lasting or not tries_left:
        raise
    time.sleep(_PAUSE * (_TRIES - tries_left))


def _is_full_disk(error: Exception) -> bool:
  return isinstance(error, OSError) and error.errno in FULL


def _append_rest(url: str, part: Path, progress: bool) -> None:
  """Downloads what `part` lacks, or all if the server cannot send the rest.

  Raises:
    OSError: the connection broke or the server refused; another try may help.
    ValueError: the server sent a page in place of a file.
  """
  have = part.stat().st_size if part.exists() else 0
  # A compressed transfer has other byte positions than the file.
  headers = {'User-Agent': 'jinpaint', 'Accept-Encoding': 'identity'}
  if have:
    headers['Range'] = f'bytes={have}-'
  try:
    response = urllib.request.urlopen(
        urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
  except urllib.error.HTTPError as error:
    # 416: the file does not reach beyond the bytes that are here.
    if error.code != 416 or not have:
      raise
    if error.headers['Content-Range'] == f'bytes */{have}':
      return  # it is whole: an earlier run ended before it was renamed
    part.unlink()
    return _append_rest(url, part, progress)
  with response:
    if response.headers.get_content_type() == 'text/html':
      raise ValueError('the server sent a web page')
    resumed = response.status == 206
    if resumed and not response.headers.get('Content-Range', '').startswith(
        f'bytes {have}-'):
      part.unlink()
      raise ConnectionError('the server sent another range than asked for')
    have = have if resumed else 0
    total = None if response.length is None else have + response.length
    with part.open('ab' if resumed else 'wb') as file, tqdm(
        desc=part.stem, total=total, initial=have, unit='B', unit_scale=True,
        disable=None if progress else True) as bar:
      while chunk := response.read(_CHUNK):
        file.write(chunk)
        bar.update(len(chunk))
  if total is not None and part.stat().st_size != total:
    raise ConnectionError(
        f'cut off after {part.stat().st_size} of {total} bytes')


_VGG = 'Simonyan and Zisserman 2014, arXiv 1409.1556; trained by torchvision'
_EDGECONNECT = 'Nazeri et al. 2019, arXiv 1901.00212'
_INPAINTGAN = 'Yehoshua and Peretz 2023, InpaintGAN'
_SKETCHREFINER = 'Liu et al. 2023, arXiv 2306.00407'
_GATED = 'Yu et al. 2018, arXiv 1806.03589'
_LAMA = 'Suvorov et al. 2021, arXiv 2109.07161'
_CFS_PAGE = 'https://github.com/GuardSkill/Feature-Selection-Inpainting'
_NC = 'CC BY-NC 4.0 (not for commercial use)'

_FILES = [
    PublishedFile(
        'vgg16', 'vgg16-397923af.pth',
        'https://download.pytorch.org/models/vgg16-397923af.pth',
        'BSD-3-Clause (torchvision)', _VGG, sha256='397923af8e79cdbb6a7127f1'
        '2361acd7a2f83e06b05044ddf496e83de57a5bf0'),
    PublishedFile(
        'vgg19', 'vgg19-dcbb9e9d.pth',
        'https://download.pytorch.org/models/vgg19-dcbb9e9d.pth',
        'BSD-3-Clause (torchvision)', _VGG, sha256='dcbb9e9dad569fff7a846263'
        'a77324fc34978fea2bfb039c012d710e1776ae44'),
    PublishedFile(
        'hed', 'network-bsds500.pytorch',
        'http://content.sniklaus.com/github/pytorch-hed/'
        'network-bsds500.pytorch', 'GPL-3.0 (the conversion)',
        'Xie and Tu 2015, arXiv 1504.06375; converted by Simon Niklaus'),
    PublishedFile(
        'ade20k_resnet50_dilated',
        'ade20k-resnet50dilated-ppm_deepsup/encoder_epoch_20.pth',
        'http://sceneparsing.csail.mit.edu/model/pytorch/'
        'ade20k-resnet50dilated-ppm_deepsup/encoder_epoch_20.pth',
        'BSD-3-Clause (MIT CSAIL)', 'Zhou et al. 2016, arXiv 1608.05442'),
    PublishedFile(
        'fid_inception', 'pt_inception-2015-12-05-6726825d.pth',
        'https://github.com/mseitzer/pytorch-fid/releases/download/'
        'fid_weights/pt_inception-2015-12-05-6726825d.pth',
        'Apache-2.0', 'Szegedy et al. 2015, arXiv 1512.00567; trained by '
        'Google, converted for pytorch-fid', '95,628,359 bytes; torch-fidelity '
        'has it as weights-inception-2015-12-05-6726825d.pth',
        sha256='6726825d0af5f729cebd5821db510b11'
        'b1cfad8faad88a03f1befd49fb9129b2'),
    PublishedFile(
        'pconv_unet', 'pconv/1000000.pth',
        'https://github.com/naoto0804/pytorch-inpainting-with-partial-conv/'
        'releases/download/v0.0.0/1000000.pth', 'MIT',
        'Liu et al. 2018, arXiv 1804.07723; trained by Naoto Inoue',
        'not the authors\' own; trained with soft masks'),
    *(PublishedFile(
        f'edgeconnect_{data}_{part}', f'edgeconnect-{data}/{file}',
        'https://github.com/knazeri/edge-connect#getting-started', _NC,
        _EDGECONNECT, f'{file} of {called}', by_hand=True)
      for data, called in [('places2', 'Places2'), ('celeba', 'CelebA'),
                           ('psv', 'Paris-StreetView')]
      for part, file in [('edge', 'EdgeModel_gen.pth'),
                         ('inpaint', 'InpaintingModel_gen.pth')]),
    *(PublishedFile(
        f'inpaintgan_{part}', f'inpaintgan/{file}',
        'https://github.com/MoshPe/InpaintGAN/raw/'
        f'19008fa3b0de8422c1848b3034710baa5b3b53c9/weights/{file}',
        'Apache-2.0 (made with CC BY-NC 4.0 code of EdgeConnect)', _INPAINTGAN)
      for part, file in [
          ('edge', 'EdgeModel_gen.pth'),
          ('edge_discriminator', 'EdgeModel_dis.pth'),
          ('inpaint', 'InpaintingModel_gen.pth'),
          ('inpaint_discriminator', 'InpaintingModel_dis.pth')]),
    *(PublishedFile(
        f'isnet_{data}', f'isnet-{data}/InpaintingModel_gen.pth',
        'https://github.com/GuardSkill/Large-Scale-Feature-Inpainting'
        '#getting-started', _NC, 'Li et al. 2020, ISNet, ICIP',
        f'pretrained on {called}', by_hand=True)
      for data, called in [('places2', 'Places2'), ('celeba', 'CelebA')]),
    *(PublishedFile(
        f'cfs_{part}', f'cfs/{file}', f'{_CFS_PAGE}#getting-started', _NC,
        f'CFS: {_CFS_PAGE}', 'its links lead to files of EdgeConnect: ask its '
        f'authors for {file}', by_hand=True)
      for part, file in [('sketch', 'EdgeModel_gen.pth'),
                         ('completion', 'InpaintingModel_gen.pth')]),
    *(PublishedFile(
        f'sketchrefiner_{part}', f'sketchrefiner/{Path(file).name}',
        'https://huggingface.co/AlonzoLeeeooo/SketchRefiner/resolve/main/'
        f'{file}', 'MIT', _SKETCHREFINER, about)
      for part, file, about in [
          ('registration', 'sketch-refinement-networks/registrator.pth',
           '7.3 MB'),
          ('enhancement', 'sketch-refinement-networks/connector.pth',
           '24.4 MB'),
          *((data, f'sketch-conditional-inpaintor/{data}.pth',
             '670 MB: both networks and their optimisers')
            for data in ('celebahq', 'places', 'imagenet'))]),
    *(PublishedFile(
        f'gated_{kind}{data}', f'gated/states_{short}_{data}.pth',
        'https://github.com/nipponjo/deepfillv2-pytorch#pretrained-models',
        licence, _GATED, f'{called} weights', by_hand=True)
      for kind, short, licence, called in [
          ('', 'tf', f'{_NC}, of the TensorFlow original', 'converted'),
          ('symmetric_', 'pt', 'none stated; fine-tuned from CC BY-NC 4.0',
           'fine-tuned')]
      for data in ('places2', 'celebahq')),
    PublishedFile(
        'lama_big', 'big-lama/models/best.ckpt',
        'https://huggingface.co/smartywu/big-lama', 'Apache-2.0', _LAMA,
        'in big-lama.zip, beside its config.yaml', by_hand=True,
        sha256='fccb7adffd53ec0974ee5503c3731c2c'
        '2f1e7e07856fd9228cdcc0b46fd5d423'),
]

TABLE: dict[str, PublishedFile] = {entry.name: entry for entry in _FILES}
