"""The model that comes with jinpaint: thin damage of photographs.

  python benchmarks/photographs.py --output=photographs
  python train.py --config=configs/scratches.py --workdir=runs/scratches \
    --config.data.source=folder:photographs

What it was trained on and what it reaches: docs/models/scratches.md.
"""

from jinpaint.configs import common


def get_config():
  """Returns the recipe."""
  config = common.base('scratches', 'inpaint')
  config.steps = 2200
  config.batch_size = 16
  config.eval_every = config.save_every = 250
  config.average = 0.999
  config.pretrained = 'none'

  config.data.source = 'folder:photographs'
  config.data.size = 128
  config.data.crop = 'random'
  config.data.scales = (0.2, 1.0)
  # Denser than real damage: only holes teach.
  config.data.mask = 'damage:percent=3-12'

  config.optimizers.mender = common.adam(
      3e-4, 0.9, 0.999, warmup_steps=100, cosine_steps=-1)
  return config
