"""The best, the median and the worst images of an evaluation, as pictures."""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
import re
from typing import Any

import numpy as np

from jinpaint.data import files
from jinpaint.evaluation.scores import Evaluation

_EACH = 3  # images a rank
_BY = 'psnr_hole'
_FOLDER = 'pictures'
_OWN = re.compile(r'\d{6}_.+\.png')

# From numbers of photographs to, for each of them, its pictures by name:
# 'truth' and 'mask', (H, W, 3) and (H, W) uint8, and those of the methods.
Draw = Callable[[Collection[int]],
                Iterator[tuple[int, Mapping[str, np.ndarray]]]]


def ranked(evaluation: Evaluation) -> list[tuple[str, int]]:
  """Returns the images that are shown: rank and place in the evaluation.

  They are ranked by the first method's PSNR in the hole; where that is not
  measured, by the first measure that has a better direction. Images whose value
  is not finite are left out. Best ones begin with the best, worst ones with the
  worst; of few images, one may have more than one rank.
  """
  scores = evaluation.methods[evaluation.system]
  keys = [key for key in (_BY, *scores)
          if key in scores and evaluation.measures[key].better]
  if not keys:
    return []
  sign = -1 if evaluation.measures[keys[0]].better == 'higher' else 1
  values = sign * scores[keys[0]]
  order = [int(i) for i in np.argsort(values, kind='stable')
           if np.isfinite(values[i])]
  middle = max(0, (len(order) - _EACH) // 2)
  chosen = {'best': order[:_EACH], 'median': order[middle:middle + _EACH],
            'worst': order[::-1][:_EACH]}
  return [(rank, place) for rank, places in chosen.items() for place in places]


def write(evaluation: Evaluation, directory: Path, draw: Draw
          ) -> list[dict[str, Any]]:
  """Writes the pictures below `pictures/`; returns the gallery for the JSON.

  Args:
    evaluation: whose images.
    directory: of the evaluation.
    draw: makes the pictures again, at the size at which they were scored.

  Returns:
    For each image of each rank `image`, `index`, `rank` and `files`: 'truth',
    'mask' (white = hole) and each method, and where its picture is, from the
    directory on.
  """
  ranks = ranked(evaluation)
  indices = {int(evaluation.indices[place]) for _, place in ranks}
  paths: dict[int, dict[str, str]] = {}
  for index, pictures in draw(indices) if indices else ():
    paths[index] = {
        name: f'{_FOLDER}/{index:06d}_{place}_{_plain(name)}.png'
        for place, name in enumerate(pictures)}
    for name, pixels in pictures.items():
      files.write(directory / paths[index][name], files.Picture(pixels))
  _remove_others(directory, {path for by_name in paths.values()
                             for path in by_name.values()})
  return [{'image': evaluation.images[place],
           'index': int(evaluation.indices[place]), 'rank': rank,
           'files': paths[int(evaluation.indices[place])]}
          for rank, place in ranks]


def eight_bits(image: np.ndarray) -> np.ndarray:
  """Returns floats in [0, 1] as uint8."""
  return np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)


def _plain(name: str) -> str:
  """Returns a name that any file system takes."""
  return re.sub('[^a-z0-9]+', '_', name.lower()).strip('_') or 'method'


def _remove_others(directory: Path, kept: Collection[str]) -> None:
  """Removes the pictures of an earlier evaluation."""
  for path in (directory / _FOLDER).glob('*.png'):
    if _OWN.fullmatch(path.name) and f'{_FOLDER}/{path.name}' not in kept:
      path.unlink()
