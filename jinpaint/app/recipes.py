"""What can be trained: the configs, and how a form becomes one.

All that a form offers is asked of the code that knows it: `jinpaint.configs`
which systems, stages and variants there are, `jinpaint.data` which masks, edges
and sketches, the dataclasses which settings, of which type, and what they mean
(`jinpaint.app.fields`).
"""

from collections.abc import Iterable, Mapping
import functools
import importlib
import itertools
import pkgutil
import re
from types import ModuleType
from typing import Any, NamedTuple

import ml_collections

from jinpaint import configs, runs, systems
from jinpaint.data import edges, mask_drawings, masks, sketches, specs
from jinpaint.errors import unknown, UsageError

# Kinds whose names say too little; the others are called by their names.
_TITLES = {'block': 'Random block', 'canny': 'Canny', 'hed': 'HED',
           'files': 'Files', 'thinned': 'Files, thinned by Canny'}


_SIGMA = 'sigma='


class Guide(NamedTuple):
  """Masks, edges or sketches: what a form says of them.

  Attributes:
    kind: one of the kinds of their grammar.
    options: the text behind it, 'hole=masked'.
    folder: where files are; empty for kinds that read none.
  """

  kind: str
  options: str = ''
  folder: str = ''


def guide_of(spec: str) -> Guide:
  """Returns what a config's spec says; folders of files are left out.

  A config's own folder need not be here, nor below the folder of `--data`. The
  sigma of Canny is left out, too: it is a field, see `jinpaint.app.fields`.
  """
  head = f':{spec}'.partition(':files:')[0]
  kind, *options = head[1:].split(':')
  return Guide(kind or ('files' if spec else ''), ':'.join(
      option for option in options if not option.startswith(_SIGMA)))


def spec_of(what: str, guide: Guide, kinds: Mapping[str, specs.Kind]) -> str:
  """Returns the spec that a form means.

  Args:
    what: what is specified, as an error calls it.
    guide: what the form says; the folder has been checked.
    kinds: those that there are.

  Raises:
    UsageError: there is no such kind or option.
  """
  if guide.kind not in kinds:
    raise unknown(f'kind of {what}', guide.kind, kinds)
  kind = kinds[guide.kind]
  text = ':'.join(filter(None, (guide.kind, guide.options)))
  if not kind.rest:
    # Read before anything splits it: nothing in it can name a file.
    specs.parse(what, text, kinds)
    return text
  specs.parse(what, f'{text}:{kind.rest}', kinds)
  if not guide.folder:
    raise UsageError(f'the path of the {what} is not defined')
  spec = f'{text}:{kind.rest.replace("PATH", guide.folder)}'
  if len(masks.parts(spec)) > 1:  # a folder whose name is part of the grammar
    raise UsageError(f'cannot read the {what} in "{guide.folder}"; rename the '
                     'folder')
  return spec


def names() -> tuple[str, ...]:
  """Returns the names of the configs that can be trained."""
  found = (module.name for module in pkgutil.iter_modules(configs.__path__))
  return tuple(name for name in sorted(found)
               if hasattr(_module(name), 'get_config'))


def variants(name: str) -> tuple[str, ...]:
  """Returns a config's variants, the default one first; ('',) for none.

  Words that may stand behind a variant, as in 'joint,celeba', make further
  ones. The first word of a group is what is meant without.

  Raises:
    UsageError: there is no such config.
  """
  module = _module(name)
  known = tuple(getattr(module, 'VARIANTS', ('',)))
  default = next(iter(module.get_config.__defaults__ or known))
  groups = [('', *list(group)[1:]) for group in getattr(module, 'WORDS', ())]
  return tuple(
      ','.join(filter(None, (variant, *words)))
      for variant in sorted(known, key=lambda one: one != default)
      for words in itertools.product(*groups))


def config_of(name: str, variant: str) -> ml_collections.ConfigDict:
  """Returns a config.

  Raises:
    UsageError: there is no such config or variant.
  """
  known = variants(name)
  if variant not in known:
    raise unknown(f'variant of {name}', variant, known)
  config: ml_collections.ConfigDict = _module(name).get_config(
      *([variant] if variant else []))
  return config


@functools.cache
def described() -> list[dict[str, Any]]:
  """Returns what a form offers: configs, their variants, kinds of guides."""
  return [_described(name) for name in names()]


def _described(name: str) -> dict[str, Any]:
  config = config_of(name, variants(name)[0])
  return {'name': name, 'system': config.system,
          'about': (_module(name).__doc__ or '').splitlines()[0],
          'variants': [_variant(name, variant) for variant in variants(name)]}


def _variant(name: str, variant: str) -> dict[str, Any]:
  config = config_of(name, variant)
  stage = runs.stage_of(config)
  return {
      'name': variant, 'stage': config.stage,
      'title': f'{config.stage.replace("_", " ").title()} Model',
      'trains': list(stage.trained),
      'needs': sorted(stage.networks.keys() - set(stage.trained)),
      # What an earlier run may bring, so that it is gone on with.
      'takes': sorted(stage.networks),
      'mask': guide_of(config.data.mask)._asdict(),
      'edge': (guide_of(config.data.edge)._asdict()
               if 'known_edge' in stage.learns_from else None),
      'sketch': (guide_of(config.data.sketch)._asdict()
                 if 'sketch' in stage.learns_from else None)}


def kinds() -> dict[str, list[dict[str, Any]]]:
  """Returns the kinds of masks, edges and sketches that a form offers."""
  abouts = {kind: (draw.__doc__ or '').splitlines()[0]
            for kind, draw in mask_drawings.KINDS.items()}
  known = {'mask': masks.kinds(), 'edge': edges.KINDS,
           'sketch': sketches.KINDS}
  return {what: [{
      'name': name, 'title': _TITLES.get(name, name.capitalize()),
      'about': abouts.get(name, '') if what == 'mask' else '',
      'options': [value.example.format(option)
                  for option, value in kind.options.items()
                  if not _SIGMA.startswith(option)],
      'reads_files': bool(kind.rest)} for name, kind in known_kinds.items()]
          for what, known_kinds in known.items()}


def guided(config: ml_collections.ConfigDict, guides: Mapping[str, Guide]
           ) -> dict[str, str]:
  """Sets masks, edges and sketches of a config.

  Args:
    config: is changed.
    guides: 'mask', 'edge', 'sketch' -> what the form says; those that it does
      not name stay as they are.

  Returns:
    What is wrong, by the same names.
  """
  wrong = {}
  for what, grammar, title, known in (
      ('mask', masks, 'masks', masks.kinds()),
      ('edge', edges, 'edge maps', edges.KINDS),
      ('sketch', sketches, 'sketches', sketches.KINDS)):
    if what not in guides:
      continue
    guide, before = guides[what], config.data[what]
    try:
      # What the config says may be a union, which a form cannot say.
      if guide != guide_of(before) or (
          guide.kind in known and known[guide.kind].rest):
        if sigma := re.search(f':({_SIGMA}[^:]*)', before):
          guide = _with_sigma(guide, sigma[1], known)
        config.data[what] = spec_of(title, guide, known)
        grammar.parse(config.data[what])
    except UsageError as error:
      wrong[what] = str(error)
  return wrong


def _with_sigma(guide: Guide, sigma: str, kinds: Mapping[str, specs.Kind]
                ) -> Guide:
  """Returns a guide whose Canny has the sigma that the config has."""
  if guide.kind not in kinds or _SIGMA[:-1] not in kinds[guide.kind].options:
    return guide
  return guide._replace(options=':'.join(filter(None, (sigma, guide.options))))


def check_start(config: ml_collections.ConfigDict, given: Iterable[str]
                ) -> None:
  """Checks that a stage has the networks that it does not train.

  Args:
    config: the run's.
    given: the names of the networks that the runs have from which it starts.

  Raises:
    UsageError: it has not.
  """
  stage = runs.stage_of(config)
  missing = stage.networks.keys() - set(stage.trained) - set(given)
  if missing:
    raise UsageError('this stage does not train the '
                     f'{", ".join(sorted(missing))}; choose the run that has '
                     'trained it')


def _module(name: str) -> ModuleType:
  if name not in {module.name for module in pkgutil.iter_modules(
      configs.__path__)}:
    raise unknown('config', name, systems.NAMES)
  return importlib.import_module(f'jinpaint.configs.{name}')
