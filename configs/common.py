"""What every run has: the keys that any config may change.

Each config calls `base` and sets only what its paper changes. The command line
overrides any key: `--config.batch_size=4 --config.data.source=folder:photos`.
"""

from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import itertools
from typing import Any

import ml_collections

from jinpaint import systems
from jinpaint.data.examples import Data
from jinpaint.training.optimizer import Adam

# What most papers train on; the validation part is held out.
DATA = {
    'places2': dict(source='tfds:places365_small',
                    test_source='tfds:places365_small:test'),
    'celeba': dict(source='tfds:celeb_a', test_source='tfds:celeb_a:test',
                   precrop=178),
}


def base(system: str, stage: str) -> ml_collections.ConfigDict:
  """Returns a config with all keys, and a system's own options.

  Args:
    system: one of `jinpaint.systems.NAMES`.
    stage: one of the system's stages.
  """
  config = ml_collections.ConfigDict()
  config.system = system
  config.stage = stage
  # See `Options` in the system's file: widths, loss weights.
  config.options = ml_collections.ConfigDict(systems.default_options(system))
  for name in systems.options_of_several_types(system):
    config.options[name] = ml_collections.FieldReference(
        config.options[name], field_type=object)

  # Runs whose networks this one starts with, 'runs/edge,runs/inpaint'. A stage
  # that reads what an earlier stage has learned needs one.
  config.start_from = ''

  config.steps = 0  # 0: as many as make `epochs`
  config.epochs = 0  # passes over the training photographs
  config.minutes = 0.0  # the run stops after them, to be gone on with; 0: never
  config.batch_size = 16  # global: of all devices together
  config.seed = 0  # decides weights, order, crops, masks and noise
  config.compute = 'float32'  # or 'bfloat16'; weights stay float32
  config.remat = ''  # networks computed again in the backward pass, 'a,b'
  config.average = 0.0  # decay of moving averages of weights; 0: none
  config.log_every = 100
  config.eval_every = 1000  # an evaluation is saved, too
  config.eval_examples = 256  # of the held-out ones, each time; 0 for all
  config.edge_threshold = 0.5  # predicted pixels above it count as edges
  config.save_every = 1000
  config.keep = 2  # checkpoints: the latest ones, and the best

  # 'required': a missing VGG, HED or ADE20k file is an error that says where
  # to get it. 'none': what needs it is left out.
  config.pretrained = 'required'

  # What examples are made of, see jinpaint.data.examples.Data.
  config.data = ml_collections.ConfigDict(dataclasses.asdict(Data()))

  # One optimiser a network, see `adam`.
  config.optimizers = ml_collections.ConfigDict()
  return config


def adam(learning_rate: float, b1: float, b2: float, **schedule
         ) -> ml_collections.ConfigDict:
  """Returns an Adam optimiser, see `jinpaint.training.optimizer.Adam`."""
  return ml_collections.ConfigDict(dataclasses.asdict(Adam(
      learning_rate=learning_rate, b1=b1, b2=b2, **schedule)))


def variant(arg: str, known: dict) -> dict:
  """Returns the entry of `known` that the config's argument names.

  Raises:
    ValueError: there is no such variant.
  """
  if arg not in known:
    raise ValueError(f'this config has no variant "{arg}"; there are: '
                     f'{", ".join(known)}')
  return known[arg]


def worded(arg: str, names: Iterable[str],
           words: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
  """Returns a variant's name, and the word of each group that is chosen.

  Args:
    arg: the config's argument, such as 'joint,celeba'.
    names: of the variants.
    words: groups of words that may stand behind the name, in any order; of a
      group that is not named the first word is meant.

  Raises:
    ValueError: there is no such name or word.
  """
  name, *given = arg.split(',')
  variant(name, dict.fromkeys(names))
  for word in given:
    variant(word, dict.fromkeys(itertools.chain(*words)))
  return name, *(next((word for word in given if word in group),
                      next(iter(group))) for group in words)
