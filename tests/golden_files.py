"""Golden files: what published networks computed, and their weights again.

`NAME.json` lists a network's state dict and how each array of it was made,
`NAME.npz` holds inputs, outputs, a probe and gradients. Other files of a folder
with the same suffix are losses, training logs and key lists. $JINPAINT_GOLDEN
names the folder.
"""

import functools
import json
import math
import os
from pathlib import Path
import re

from golden import fill as recipe
import numpy as np

FOLDER = Path(os.environ.get('JINPAINT_GOLDEN')
              or Path(__file__).parent / 'golden')


class Golden:
  """One network's golden file."""

  def __init__(self, path):
    manifest = json.loads(path.read_text())
    with np.load(path.with_suffix('.npz')) as arrays:
      arrays = dict(arrays)
    self.name = manifest['name']
    self.seed = manifest['seed']
    self.params = manifest['params']
    self.grad_norms = manifest['grad_norms']
    self.features = manifest.get('features', {})
    self.output_names = [name for name in manifest['outputs']
                         if name != 'second']  # of another call
    self.shapes = {key: tuple(shape) for key, shape, _ in manifest['weights']}
    self.sources = {key: source for key, _, source in manifest['weights']}
    self.probe = arrays['probe']
    part = lambda name: {key.removeprefix(f'{name}/'): value for key, value
                         in arrays.items() if key.startswith(f'{name}/')}
    # In the order of the network's arguments.
    self.inputs = {key: part('in')[key] for key in manifest['inputs']}
    self.outputs, self.input_grads = part('out'), part('grad')
    assert self.outputs
    assert self.input_grads

  @property
  def width(self):
    """Channels of the first output."""
    return self.probe.shape[-1]

  @property
  def blank(self):
    """A state dict of the right shapes, all zero."""
    return {key: np.broadcast_to(np.float32(0), shape)
            for key, shape in self.shapes.items()}

  def fill(self, key, shape):
    """Returns an array that was made as weights are."""
    return recipe.fill(key, shape, self.seed)

  def state_dict(self, output_axis):
    """Returns the published network's weights, see `made`."""
    return made(self.shapes, self.sources, self.seed, output_axis)

  def count_unused(self, used):
    """Returns how many trainable numbers belong to keys that are not used.

    Some published networks have layers that nothing reads; they count.
    """
    return sum(
        math.prod(shape) for key, shape in self.shapes.items()
        if key not in used
        and not self.sources[key].startswith(('spectral', 'alias', 'fill / '))
        and not re.search(
            r'running_|num_batches|(mask_conv\.|fuse_)weight$', key))


def made(shapes, sources, seed, output_axis):
  """Returns a state dict.

  Args:
    shapes: key -> shape.
    sources: key -> how its value is made.
    seed: of the whole file.
    output_axis: weight's key -> which of its axes counts output channels, for
      those where it isn't 0.
  """
  @functools.cache
  def value(key):
    shape, source = shapes[key], sources[key]
    if original := re.fullmatch('alias of (.+)', source):
      return value(original[1])
    if source == 'spectral':
      stem, which = re.fullmatch(r'(.*)_([uv])', key).groups()
      vectors = recipe.spectral_vectors(
          value(f'{stem}_orig'), output_axis.get(f'{stem}_orig', 0))
      return vectors['uv'.index(which)]
    if source == 'kept':
      zero = key.endswith(('bias', 'running_mean', 'num_batches_tracked'))
      return np.full(shape, 0 if zero else 1, np.float32)
    filled = recipe.fill(key, shape, seed)
    if source == 'fill':
      return filled
    if source == 'fill / L2 norm':
      norm = np.linalg.norm(filled.astype(np.float64))
      return (filled / norm).astype(np.float32)
    if factor := re.fullmatch(r'fill \* ([\d.]+)', source):
      return filled * np.float32(factor[1])
    raise ValueError(f'{key}: no recipe for "{source}"')

  state = {key: value(key) for key in shapes}
  for key, array in state.items():
    assert array.shape == tuple(shapes[key]), key
  return state


def training(system):
  """Returns the recorded steps of a published training."""
  return json.loads((FOLDER / f'{system}_training.json').read_text())


def listed(weights, seed, output_axis=None):
  """Returns a state dict out of a list of keys, shapes and sources.

  Args:
    weights: the list, as manifests and recorded trainings have it.
    seed: of the whole file.
    output_axis: as `made` takes it.
  """
  return made({key: tuple(shape) for key, shape, _ in weights},
              {key: source for key, _, source in weights}, seed,
              output_axis or {})


def vgg19(seed):
  """Returns the convolutions of VGG-19, under torchvision's names."""
  state, read = {}, 3
  for position, made in zip(
      (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
      [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8, strict=True):
    for part, shape in (('weight', (made, read, 3, 3)), ('bias', (made,))):
      key = f'features.{position}.{part}'
      state[key] = recipe.fill(key, shape, seed)
    read = made
  return state


def networks():
  """Returns the manifests of networks, and the files that are no manifest."""
  return _of_form(lambda manifest: not (
      _is_losses(manifest) or _holds(manifest, 'steps', 'state_dict')))


def losses():
  """Returns the manifests of losses and metrics."""
  return _of_form(_is_losses)


def _of_form(form):
  found = []
  for path in sorted(FOLDER.glob('*.json')):
    try:
      manifest = dict(json.loads(path.read_text()))
    except (TypeError, ValueError):
      manifest = {}  # the test of networks reads it again, and says so
    if form(manifest):
      found.append(path)
  return found


def _is_losses(manifest):
  return {'style', 'perceptual', 'adversarial'} <= manifest.keys()


def _holds(manifest, *names):
  """Whether it is about several things, with one of these for each."""
  return any(isinstance(value, dict) and value.keys() & set(names)
             for value in manifest.values())
