"""The settings of a training as fields of a form, and back.

A field has the text of one setting. Reading a text goes through the types that
the dataclasses declare, and what they refuse is said at the field. Those that
the InpaintGAN report has in its Table 14 have its names and explanations; all
others are called as in the config and explained by its documentation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses
import inspect
import re
from typing import Any, TypeAlias

import ml_collections

from jinpaint import losses, runs, systems
from jinpaint.data import edges, examples
from jinpaint.errors import UsageError
from jinpaint.nets import COMPUTE_TYPES
from jinpaint.runs import build
from jinpaint.systems.shared import options as shared_options
from jinpaint.training.optimizer import Adam

Config: TypeAlias = ml_collections.ConfigDict

# What the keys of a run mean; those of data, options and optimisers say it in
# their dataclasses.
_RUN = {
    'epochs': 'passes over the photographs; counts where MAX_ITERS is 0',
    'minutes': 'the training stops after them, to be gone on with; 0: never',
    'seed': 'decides weights, order, crops, masks and noise',
    'compute': 'the type in which networks compute; weights stay float32',
    'remat': 'networks that are computed twice, to spare memory: a,b',
    'average': 'decay of the moving averages of weights, which fill holes '
               'then; 0: none',
    'log_every': 'steps between two points of the curves',
    'eval_every': 'steps between two rounds of scores and sample pictures',
    'save_every': 'steps between two checkpoints',
    'eval_examples': 'held-out photographs of each round; 0 for all',
    'keep': 'checkpoints: the latest ones, and the best',
    'pretrained': 'required: losses and edge detectors read the networks that '
                  'others have trained; none: what needs them is left out',
}
# Learning rates that are usual with Adam; any other one can be written.
_RATES = (1e-3, 3e-4, 2e-4, 1e-4, 5e-5, 1e-5)
# Paths and what the form says elsewhere.
_ELSEWHERE = frozenset({
    'source', 'eval_source', 'test_source', 'mask', 'edge', 'sketch'})
# Table 14, where one option of the system is meant: name -> option, meaning.
_WEIGHTS = {
    'L1_LOSS_WEIGHT': ('l1', 'l1 loss weight'),
    'FM_LOSS_WEIGHT': ('feature_matching', 'feature-matching loss weight'),
    'STYLE_LOSS_WEIGHT': ('style', 'style loss weight'),
    'CONTENT_LOSS_WEIGHT': ('perceptual', 'perceptual loss weight'),
    'INPAINT_ADV_LOSS_WEIGHT': ('adversarial', 'adversarial loss weight'),
    'GAN_LOSS': ('gan', 'nsgan: non-saturating GAN, lsgan: least squares GAN, '
                 'hinge: hinge loss GAN'),
}


@dataclasses.dataclass(frozen=True)
class Field:
  """A setting in a form.

  Attributes:
    name: what the form calls it.
    explanation: what it means.
    keys: of the config, which it sets.
    read: returns the text of its value in a config.
    write: sets it in a config to what a text says, or raises `UsageError`.
    choices: what it may be; empty for anything that can be read.
    in_table: whether it is one of the report's Table 14.
    usual: what it mostly is, to choose from; any other text can be written.
  """

  name: str
  explanation: str
  keys: tuple[str, ...]
  read: Callable[[Config], str]
  write: Callable[[Config, str], None]
  choices: tuple[str, ...] = ()
  in_table: bool = True
  usual: tuple[float, ...] = ()

  def described(self, config: Config) -> dict[str, Any]:
    """Returns what the page is told of it."""
    value = self.read(config)
    usual = sorted({*self.usual, float(value)}, reverse=True
                   ) if self.usual else ()
    return {'name': self.name, 'explanation': self.explanation,
            'keys': list(self.keys), 'value': value,
            'choices': list(self.choices), 'in_table': self.in_table,
            'usual': [_text(number) for number in usual]}


def fields_of(config: Config) -> list[Field]:
  """Returns the fields of a config, those of Table 14 first, in its order."""
  table = list(_table(config))
  taken = {key for field in table for key in field.keys}
  return table + [field for field in _others(config)
                  if not taken.intersection(field.keys)]


def changed(config: Config, texts: Mapping[str, str]) -> dict[str, str]:
  """Sets what a form says.

  Args:
    config: is changed.
    texts: name of a field -> text. Fields that are not named stay as they are.

  Returns:
    What is wrong: name of a field -> one line; '' for what is wrong with
    several fields together. Then nothing is changed.
  """
  wrong: dict[str, str] = {}
  known = fields_of(config)
  differing = [field for field in known if field.name in texts
               and texts[field.name] != field.read(config)]
  for name in texts.keys() - {field.name for field in known}:
    wrong[name] = f'this training has no setting {name}'
  # Each alone, so that a message stands at the field that it is about.
  before = _fault(config, [], texts)
  for field in differing:
    if (fault := _fault(config, [field], texts)) and fault != before:
      wrong[field.name] = fault
  if not wrong and (fault := _fault(config, differing, texts)):
    wrong[_name_of(fault, known)] = fault
  if not wrong:
    for field in differing:
      field.write(config, texts[field.name])
  return wrong


def _fault(config: Config, fields: Sequence[Field], texts: Mapping[str, str]
           ) -> str:
  """Returns what is wrong with a config once fields are set; '' if nothing."""
  tried = config.copy_and_resolve_references()
  try:
    for field in fields:
      field.write(tried, texts[field.name])
    _check(tried)
  except UsageError as error:
    return str(error)
  return ''


def _name_of(fault: str, known: Sequence[Field]) -> str:
  """Returns the field whose key a message begins with; '' for none."""
  return next((field.name for field in known if any(
      fault.startswith(f'config.{key} ') for key in field.keys)), '')


def _check(config: Config) -> None:
  stage = runs.stage_of(config)
  runs.data_of(config)
  runs.optimizers_of(config, stage)
  runs.computing_of(config, stage)
  runs.check(config, stage)
  if not 0 <= config.edge_threshold <= 1:
    raise UsageError(f'edge_threshold is {config.edge_threshold}; it must be '
                     'within 0 and 1')


# --- the fields of Table 14 ---


def _table(config: Config) -> Iterator[Field]:
  stage = runs.stage_of(config)
  judges = [name for name in stage.trained if 'discriminator' in name]
  others = [name for name in stage.trained if name not in judges]
  yield from _of_networks('LR', 'learning rate', 'learning_rate', config,
                          others, judges)
  if judges and others:
    yield _ratio(others[0], judges)
  for name, key, meaning in (('BETA1', 'b1', 'adam optimizer beta1'),
                             ('BETA2', 'b2', 'adam optimizer beta2')):
    yield from _of_networks(name, meaning, key, config, list(stage.trained))
  yield _plain('BATCH_SIZE', 'input batch size', 'batch_size')
  yield _plain('INPUT_SIZE', 'input image size for training', 'data.size')
  if 'known_edge' in stage.learns_from and config.data.edge and (
      'sigma' in edges.KINDS[config.data.edge.partition(':')[0]].options):
    yield Field('SIGMA', 'standard deviation of the Gaussian filter used in '
                'the Canny edge detector; 1-4 draws a whole number for each '
                'example', ('data.edge',), _read_sigma, _write_sigma)
  yield _plain('MAX_ITERS', 'maximum number of iterations to train the model'
               + ('; 0: as many as make the epochs below' if config.epochs
                  else ''), 'steps')
  if 'edge' in stage.makes:
    yield _plain('EDGE_THRESHOLD', 'edge detection threshold: predicted pixels '
                 'above it count as edges in precision and recall',
                 'edge_threshold')
  for name, (option, meaning) in _WEIGHTS.items():
    if option in config.options:
      choices = _gans(config.system) if option == 'gan' else ()
      yield _plain(name, meaning, f'options.{option}', choices)


def _of_networks(name: str, meaning: str, key: str, config: Config,
                 networks: list[str], judges: list[str] | None = None
                 ) -> Iterator[Field]:
  """Yields the field of all networks, or of each if their values differ."""
  values = {config.optimizers[network][key] for network in networks}
  groups = ([(name, networks)] if len(values) == 1 else
            [(f'{name} ({network})', [network]) for network in networks])
  for title, group in groups:
    def write(config: Config, text: str, group: list[str] = group) -> None:
      before = config.optimizers[group[0]][key]
      for network in group:
        _set(config, f'optimizers.{network}.{key}', text)
      if key == 'learning_rate' and before and group[0] == networks[0]:
        for judge in judges or ():  # the ratio stays as it is
          config.optimizers[judge][key] *= (
              config.optimizers[group[0]][key] / before)
    yield Field(title, meaning, tuple(
        f'optimizers.{network}.{key}' for network in group),
                _reader(f'optimizers.{group[0]}.{key}'), write,
                usual=_RATES if key == 'learning_rate' else ())


def _ratio(player: str, judges: list[str]) -> Field:
  """Returns the field of the learning rates of discriminators."""
  def read(config: Config) -> str:
    rate, judged = (config.optimizers[name].learning_rate
                    for name in (player, judges[0]))
    # Six digits: 0.1, not 0.10000000000000002.
    return _text(float(f'{judged / rate:.6g}') if rate else 0.0)

  def write(config: Config, text: str) -> None:
    ratio = _parsed(Adam, 'learning_rate', text, 'setting')
    for judge in judges:
      config.optimizers[judge].learning_rate = (
          ratio * config.optimizers[player].learning_rate)

  return Field('D2G_LR', 'discriminator/generator learning rate ratio', tuple(
      f'optimizers.{judge}.learning_rate' for judge in judges), read, write)


def _gans(system: str) -> tuple[str, ...]:
  """Returns the adversarial losses that a system knows."""
  def knows(name: str) -> bool:
    try:
      systems.stage(system, systems.stages(system)[-1], gan=name)
    except ValueError:
      return False
    return True
  return tuple(filter(knows, losses.ADVERSARIAL))


def _read_sigma(config: Config) -> str:
  match = re.search(r':sigma=([^:]*)', config.data.edge)
  return match[1] if match else '2'  # the default, see `jinpaint.data.edges`


def _write_sigma(config: Config, text: str) -> None:
  form = edges.KINDS['canny'].options['sigma']
  try:
    form.read(text)
  except ValueError as error:
    raise UsageError(f'SIGMA is "{text}"; write '
                     f'{form.example.format("SIGMA")}') from error
  spec = re.sub(r':sigma=[^:]*', '', config.data.edge, count=1)
  kind, colon, rest = spec.partition(':')
  config.data.edge = f'{kind}:sigma={text}{colon}{rest}'


# --- all other fields ---


def _others(config: Config) -> Iterator[Field]:
  for key, meaning in _RUN.items():
    choices = {'compute': tuple(COMPUTE_TYPES),
               'pretrained': build.PRETRAINED}.get(key, ())
    yield dataclasses.replace(_plain(key, meaning, key, choices),
                              in_table=False)
  stage = runs.stage_of(config)
  sections: list[tuple[str, type]] = [
      ('data', examples.Data),
      ('options', systems.options_class(config.system))]
  sections += [(f'optimizers.{name}', Adam) for name in stage.trained]
  for section, declared in sections:
    meanings = documented(declared)
    for field in dataclasses.fields(declared):
      if section == 'data' and field.name in _ELSEWHERE:
        continue
      choices = {'crop': examples.CROPS, 'eval_edge': edges.KNOWN}.get(
          field.name, ())
      key = f'{section}.{field.name}'
      if isinstance(_value(config, key), bool):
        choices = ('True', 'False')
      yield dataclasses.replace(
          _plain(key, meanings.get(field.name, ''), key, choices),
          in_table=False)


def documented(declared: type) -> dict[str, str]:
  """Returns what the docstring of a dataclass says of its attributes."""
  meanings: dict[str, str] = {}
  for part in reversed(declared.__mro__):
    _, _, text = (inspect.getdoc(part) or '').partition('Attributes:\n')
    for name, meaning in re.findall(
        r'^  (\w+): (.*(?:\n    .*)*)', text.partition('\n\n')[0], re.M):
      # People read it who know the page alone.
      meanings[name] = re.sub(r',? see `jinpaint[^`]*`', '', ' '.join(
          meaning.split())).replace('`', '')
  return meanings


def _plain(name: str, meaning: str, key: str, choices: tuple[str, ...] = ()
           ) -> Field:
  """Returns the field of one key of the config."""
  return Field(name, meaning, (key,), _reader(key),
               lambda config, text: _set(config, key, text), choices)


def _reader(key: str) -> Callable[[Config], str]:
  return lambda config: _text(_value(config, key))


def _value(config: Config, key: str) -> Any:
  for part in key.split('.'):
    config = config[part]
  return config


def _text(value: Any) -> str:
  if isinstance(value, float):  # 1, 0.0001, 0.3333333333333333
    return repr(value).removesuffix('.0')
  return str(tuple(value) if isinstance(value, list) else value)


def _set(config: Config, key: str, text: str) -> None:
  """Sets a key to what a text says.

  Raises:
    UsageError: the key has values of another type.
  """
  section, _, leaf = key.rpartition('.')
  if section == 'options':
    declared: type = systems.options_class(config.system)
  elif section == 'data':
    declared = examples.Data
  elif section:
    declared = Adam
  else:  # what the config has there says the type
    declared = dataclasses.make_dataclass('Run', [(leaf, type(config[leaf]))])
  place = _value(config, section) if section else config
  place[leaf] = _parsed(declared, leaf, text, 'setting')


def _parsed(declared: type, name: str, text: str, kind: str) -> Any:
  return shared_options.parsed(declared, [f'{name}={text.strip()}'], kind)[name]
