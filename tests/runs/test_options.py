"""Every option of every system, in each of its types, from words to a stage."""

import importlib
import importlib.util
import itertools
from pathlib import Path
import typing

from absl import flags
from ml_collections import config_flags
import numpy as np
import pytest

from jinpaint import converters, networks, runs, systems
from jinpaint.configs import common
from jinpaint.converters import torch_file
from jinpaint.errors import UsageError
from jinpaint.systems.shared import options as shared

FIXTURES = Path(__file__).parents[1] / 'fixtures' / 'published'
SAMPLES = {bool: False, int: 3, float: 0.5, str: 'word'}


def samples(hint):
  """Returns one value of each type that an option may have."""
  if hint in SAMPLES:
    return [SAMPLES[hint]]
  parts = typing.get_args(hint)
  if typing.get_origin(hint) is tuple:
    return [tuple(samples(part)[0] for part in parts if part is not ...)]
  return [value for part in parts for value in samples(part)]


def declared(system):
  return systems._module(system).Options


OPTIONS = [
    pytest.param(system, name, value, id=f'{system}-{name}-{value}')
    for system in systems.NAMES
    for name, hint in typing.get_type_hints(declared(system)).items()
    for value in samples(hint)]


def from_command_line(config, *words):
  """Returns a config as train.py has it after these words."""
  argv, values = ['train.py', *words], flags.FlagValues()
  config_flags.DEFINE_config_dict('config', config, flag_values=values,
                                  lock_config=True, sys_argv=argv)
  values(argv)
  return values.config


@pytest.mark.parametrize(('system', 'name', 'value'), OPTIONS)
def test_an_option_comes_through_config_and_command_line(
    tmp_path, monkeypatch, system, name, value):
  said = []
  monkeypatch.setattr(systems, 'stage', lambda *_, pretrained, **options:
                      said.append(options[name]))

  config = common.base(system, '')
  config.options.update({name: value})  # as adoption does
  runs.stage_of(config)
  runs.claim(tmp_path, config)
  runs.stage_of(runs.read_config(tmp_path))

  word = f'--config.options.{name}={value}'
  runs.stage_of(from_command_line(common.base(system, ''), word))

  said.append(systems.parsed_options(system, [f'{name}={value}'])[name])
  assert said == 4 * [value]
  assert {type(found) for found in said} == {type(value)}
  shared.check(declared(system), {name: value}, 'option')


def test_an_option_may_change_its_type_again():
  config = from_command_line(
      common.base('gated', 'inpaint'), '--config.options.padding=(1, 1)',
      '--config.options.fuse=false')
  config.options.padding = 'same'
  config.options.padding = (1, 1)
  assert (config.options.padding, config.options.fuse) == ((1, 1), False)


@pytest.mark.parametrize(('system', 'text', 'message'), [
    ('gated', 'padding=3', r'the option of gated padding is tuple\[int, int\] '
     r'\| str, not 3'),
    ('gated', 'padding=(1, 1, 1)', r'not \(1, 1, 1\)'),
    ('gated', 'fuse=maybe', "fuse is bool, not 'maybe'"),
    ('gated', 'fuse=1', 'fuse is bool, not 1'),
    ('gated', 'width=True', 'width is float, not True'),
    ('gated', 'mask_steps=a', r"mask_steps is tuple\[int, ...\], not 'a'"),
    ('gated', 'fues=True', 'unknown option of gated "fues"; did you mean "fu'),
    ('gated', 'fuse', '"fuse" is no NAME=VALUE'),
    ('pconv', 'levels=7.0', 'levels is int, not 7.0')])
def test_a_value_of_another_type_is_refused(system, text, message):
  with pytest.raises(UsageError, match=message):
    systems.parsed_options(system, [text])
  if '=' in text:
    name, value = text.split('=')
    with pytest.raises(UsageError, match=message):
      systems.stage(system, systems.stages(system)[0],
                    **{name: shared._parsed(value, None)})


@pytest.mark.parametrize(('text', 'value'), [
    ('mask_steps=8', (8,)), ('mask_steps=[4, 2]', (4, 2)),
    ('mask_steps=4,2', (4, 2)), ('width=1', 1.0), ('fuse=false', False),
    ('padding=same', 'same'), ("padding='same'", 'same'),
    ('colours=bgr', 'bgr')])
def test_values_may_be_written_in_several_ways(text, value):
  ((_, found),) = systems.parsed_options('gated', [text]).items()
  assert (found, type(found)) == (value, type(value))


def decided():
  """Yields each system and what a published file of it decides."""
  for system in systems.NAMES:
    name = f'jinpaint.converters.{system}'
    module = (importlib.import_module(name)
              if importlib.util.find_spec(name) else None)
    for held in getattr(module, 'PUBLISHED', {}).values():
      for architecture in itertools.chain(*held.values()):
        yield system, architecture


@pytest.mark.parametrize(('system', 'architecture'), sorted(set(decided())))
def test_what_a_published_file_decides_is_an_option_of_its_system(
    system, architecture):
  path = FIXTURES / f'{architecture}.pth'
  options = converters.options_of(architecture, torch_file.read(path))
  config = common.base(system, '')
  config.options.update(options)
  assert {name: config.options[name] for name in options} == options
  shared.check(declared(system), options, 'option')


def test_what_the_port_s_own_gated_weights_decide_is_an_option():
  options = converters.options_of('gated_generator', {
      'G': {'stage1.conv1.conv.weight': np.zeros(1)}})
  assert options['padding'] == (1, 1)
  shared.check(declared('gated'), options, 'option')


@pytest.mark.parametrize('name', networks.REGISTRY)
def test_options_of_networks_are_held_to_their_types(name):
  network = type(networks.create(name))
  for text in ('kernel_init=zeros', 'name=a', 'parent=None'):
    with pytest.raises(UsageError):
      shared.parsed(network, [text], f'option of {name}')
