"""What every run has: the keys that any config may change.

Each config calls `base()` and sets what its paper sets. The command line
overrides any key: `--config.batch_size=4 --config.data.source=folder:photos`.
"""

import ml_collections

# What most papers train on; the validation part is held out.
DATA = {
    'places2': dict(source='tfds:places365_small',
                    test_source='tfds:places365_small:test'),
    'celeba': dict(source='tfds:celeb_a', test_source='tfds:celeb_a:test',
                   precrop=178),
}


def base() -> ml_collections.ConfigDict:
  """Returns the keys that every run has."""
  config = ml_collections.ConfigDict()
  config.system = ''
  config.stage = ''
  # Keywords of the system's `stage`: widths, loss weights.
  config.options = ml_collections.ConfigDict()

  # Runs whose networks this one starts with, 'runs/edge,runs/inpaint'. A stage
  # that reads what an earlier stage has learned needs one.
  config.start_from = ''

  config.steps = 0  # 0: as many as make `epochs`
  config.epochs = 0  # passes over the training photographs
  config.batch_size = 16  # global: of all devices together
  config.seed = 0  # decides weights, order, crops, masks and noise
  config.log_every = 100
  config.eval_every = 1000
  config.eval_examples = 256  # of the held-out ones, each time; 0 for all
  config.edge_threshold = 0.5  # predicted pixels above it count as edges
  config.save_every = 1000
  config.keep = 2  # checkpoints: the latest ones, and the best

  # 'required': a missing VGG, HED or ADE20k file is an error that says where
  # to get it. 'none': what needs it is left out.
  config.pretrained = 'required'

  # What examples are made of, see jinpaint.data.examples.Data.
  config.data = ml_collections.ConfigDict()
  config.data.source = 'photos'
  config.data.eval_source = ''  # to watch training; '': part of `source`
  config.data.test_source = ''  # to report, see evaluate.py --source=test
  config.data.size = 64
  config.data.crop = 'random'
  config.data.scales = (0.25, 1.0)
  config.data.precrop = 0
  config.data.flip = True
  config.data.noise = 0.0
  config.data.mask = 'lines'
  config.data.mask_ratio = ()
  config.data.mask_pairing = 'random'
  config.data.mask_hole = 'white'
  config.data.mask_turn = False
  config.data.mask_reading = 'clean'
  config.data.edge = ''  # for systems that read edges: 'canny'
  config.data.eval_edge = 'masked'
  config.data.edge_cut = ()
  config.data.sketch = ''  # for systems that follow sketches: 'simulated'
  config.data.workers = 0
  config.data.max_bad_images = 10

  # One optimiser a network, see `adam`.
  config.optimizers = ml_collections.ConfigDict()
  return config


def adam(learning_rate: float, b1: float, b2: float, *, cosine_steps: int = 0,
         warmup_steps: int = 0, halve_every: int = 0, clip_norm: float = 0.0
         ) -> ml_collections.ConfigDict:
  """Returns an Adam optimiser.

  Args:
    learning_rate: of the first step.
    b1: decay of the gradients' running mean.
    b2: decay of the squared gradients' running mean.
    cosine_steps: over how many steps the rate falls to 0, along a cosine; 0
      for a constant rate.
    warmup_steps: over how many steps the rate rises, from 0.
    halve_every: after how many steps, each time, the rate is halved; 0 for
      never.
    clip_norm: the largest norm of all gradients of the network together; 0 for
      any.
  """
  return ml_collections.ConfigDict(
      {'learning_rate': learning_rate, 'b1': b1, 'b2': b2,
       'cosine_steps': cosine_steps, 'warmup_steps': warmup_steps,
       'halve_every': halve_every, 'clip_norm': clip_norm})


def variant(arg: str, known: dict) -> dict:
  """Returns the entry of `known` that the config's argument names.

  Raises:
    ValueError: there is no such variant.
  """
  if arg not in known:
    raise ValueError(f'this config has no variant "{arg}"; there are: '
                     f'{", ".join(known)}')
  return known[arg]
