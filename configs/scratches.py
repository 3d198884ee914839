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
  config.steps = 14_000
  config.batch_size = 8
  config.eval_every = config.save_every = 1000
  config.average = 0.999
  config.pretrained = 'none'

  config.data.source = 'folder:photographs'
  config.data.size = 96
  config.data.crop = 'random'
  config.data.scales = (0.15, 0.8)
  # Denser than real damage: only holes teach.
  config.data.mask = 'damage:percent=3-12'

  config.optimizers.mender = common.adam(
      6e-4, 0.9, 0.99, warmup_steps=300, cosine_steps=-1, clip_norm=2.0)
  return config
