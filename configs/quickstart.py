"""A model of your own in less than four minutes, without any download.

  python train.py --config=configs/quickstart.py --workdir=runs/quickstart

The system of `configs/scratches.py`, much smaller, from scratch, on the
photographs that scikit-image ships, two of them held out. On two CPU cores it
takes two and a half minutes, and ends about 2 dB of PSNR above OpenCV's methods
inside the holes; on slower machines it stops by time. The same on your own
photographs:

  python train.py --config=configs/quickstart.py --workdir=runs/mine \
    --config.data.source=folder:path/to/photographs

The same command goes on for as long again, until all steps are made.
"""

from jinpaint.configs import common, scratches


def get_config():
  """Returns the quickstart."""
  config = scratches.get_config()
  config.steps = 3000
  config.minutes = 3.0  # the evaluation at the end takes what is left of four
  config.log_every = 100
  config.eval_every = config.save_every = 1000
  config.average = 0.99

  config.data.source = 'photos'
  config.data.size = 64
  # Larger crops, shrunk to 64 px, leave nothing but detail.
  config.data.scales = (0.2, 0.5)
  config.data.mask = 'damage:thickness=1-6:percent=4-20'

  config.options.widths = (32, 64)
  config.options.blocks = (1, 1)
  config.optimizers.mender = common.adam(
      2e-3, 0.9, 0.999, warmup_steps=50, cosine_steps=-1, clip_norm=1.0)
  return config
