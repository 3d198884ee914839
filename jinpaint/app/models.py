"""The models that can be chosen, opened when they are needed."""

from collections import OrderedDict
from collections.abc import Iterator
import os
from pathlib import Path
import threading
from typing import Any, NamedTuple

import ml_collections

from jinpaint import errors, runs
from jinpaint.app.settings import Settings
from jinpaint.errors import UsageError
from jinpaint.inference import Inpainter, open_inpainter
from jinpaint.runs import checkpoints, packed
from jinpaint.stage import Stage

OWN = 'scratches'
_OWN_TITLE = 'Scratches, wires, text (built in)'
_OWN_NOTE = ('is for thin damage: scratches, wires, text; holes wider than 32 '
             'pixels are only filled smoothly')
# How deep below the folder of runs a run may lie.
_DEPTH = 3


class Model(NamedTuple):
  """A model that can be chosen.

  Attributes:
    name: by which it is chosen; no two have the same.
    title: what people read.
    path: the run's work directory, or the packed file.
    system: the system's name.
    stage_name: what its stage is called.
    stage: the stage.
    about: says what it reads: it has no weights, and fills nothing.
    note: what must be known before it is used.
  """

  name: str
  title: str
  path: Path
  system: str
  stage_name: str
  stage: Stage
  about: Inpainter
  note: str = ''

  def described(self) -> dict[str, Any]:
    """Returns what the page is told of it."""
    return {'name': self.name, 'title': self.title, 'system': self.system,
            'stage': self.stage_name,
            'follows_sketches': self.about.follows_sketches,
            'reads_edges': self.about.reads_edges,
            'finds_edges': self.about.finds_edges,
            'needs_edge_map': self.about.needs_edge_map, 'note': self.note}

  @property
  def maps(self) -> list[str]:
    """The intermediate maps that it makes."""
    made = [key for key in self.stage.makes if key != 'image']
    return ['raw_image', *made]


class Models:
  """All models, those that are open among them."""

  def __init__(self, settings: Settings):
    """Looks at the models that were named.

    Raises:
      UsageError: one of them fills no pictures, or is none.
    """
    self._settings = settings
    self._looked_at: dict[Path, tuple[float, Model | None]] = {}
    self._open: OrderedDict[tuple[Path, float], Inpainter] = OrderedDict()
    self._lock = threading.Lock()
    for path in settings.models:
      if not _stage(path)[1].fills:
        raise UsageError(f'--model={path} was trained for a stage that makes '
                         'no image')

  def all(self) -> dict[str, Model]:
    """Returns the models that there are now, by name."""
    found: dict[str, Model] = {}
    named = [(OWN, packed.OWN), *((path.stem if path.is_file() else path.name,
                                   path) for path in self._settings.models)]
    for name, path in (*named, *self.run_folders()):
      if any(path.resolve() == model.path.resolve()
             for model in found.values()):
        continue
      model = self._look(path)
      if model is not None:
        name = _free(name, found)
        title, note = ((_OWN_TITLE, _OWN_NOTE) if name == OWN else (name, ''))
        found[name] = model._replace(name=name, title=title, note=note)
    return found

  def named(self, name: str) -> Model:
    """Returns a model.

    Raises:
      UsageError: there is none of this name.
    """
    found = self.all()
    if name not in found:
      raise errors.unknown('model', name, found)
    return found[name]

  def open(self, model: Model) -> Inpainter:
    """Returns a model that fills; only the accelerator's thread asks for it.

    A run that has been trained on is opened anew. So is a model that holds
    many programs: there is one for each size of pictures, and nothing else
    bounds them.

    Raises:
      UsageError: it cannot be opened.
    """
    limits, key = self._settings.limits, (model.path, _changed(model.path))
    inpaint = self._open.pop(key, None)
    if inpaint is None or inpaint.programs > limits.programs:
      while len(self._open) >= limits.models:
        self._open.popitem(last=False)
      inpaint = open_inpainter(model.path)
    self._open[key] = inpaint
    return inpaint

  def _look(self, path: Path) -> Model | None:
    """Returns the model at a place, if it can fill."""
    try:
      changed = _changed(path)
      with self._lock:
        before = self._looked_at.get(path)
      if before and before[0] == changed:
        return before[1]
      config, stage = _stage(path)
      fills = stage.fills and (path.is_file() or checkpoints.exist(path))
      model = None
      if fills:
        reads_edges = {'known_edge', 'true_edge'} & set(stage.predicts_from)
        config.data.sketch = ''  # each picture brings its own
        guidance = (runs.guidance_of(config, training=False) if reads_edges
                    else None)
        model = Model('', '', path, config.system, config.stage, stage,
                      Inpainter(stage, {}, guidance=guidance))
    except (OSError, UsageError):  # not a run, or not yet a whole one
      return None
    with self._lock:
      self._looked_at[path] = changed, model
    return model

  def run_folders(self) -> Iterator[tuple[str, Path]]:
    """Yields the runs below the folder, none of which lies outside of it."""
    root = self._settings.runs
    if root is None:
      return
    real = root.resolve()
    for folder, names, files in os.walk(root):
      place = Path(folder)
      depth = len(place.relative_to(root).parts)
      if 'config.json' in files or depth >= _DEPTH:
        names.clear()
      config = place / 'config.json'
      if 'config.json' in files and config.resolve().is_relative_to(real):
        yield place.relative_to(root).as_posix().strip('.') or root.name, place
      names[:] = sorted(name for name in names if not name.startswith('.'))


def _changed(path: Path) -> float:
  """Returns when a model was last written."""
  folder = path / 'checkpoints'
  return (folder if folder.is_dir() else path).stat().st_mtime


def _stage(path: Path) -> tuple[ml_collections.ConfigDict, Stage]:
  """Returns the config and the stage of a model."""
  config = (packed.load(path)[0] if path.is_file()
            else runs.read_config(path))
  return config, runs.stage_of(config)


def _free(name: str, taken: dict[str, Model]) -> str:
  """Returns a name that no other model has."""
  free, number = name, 2
  while free in taken:
    free, number = f'{name}-{number}', number + 1
  return free
