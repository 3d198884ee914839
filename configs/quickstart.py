"""A model of your own in under five minutes, without any download.

  python train.py --config=configs/quickstart.py --workdir=runs/quickstart

The system of `configs/pconv_lines.py` at 64 px, on the photographs that
scikit-image ships, two of them held out. Without the perceptual loss, so that
it needs no pretrained weights. The same on your own photographs:

  python train.py --config=configs/quickstart.py --workdir=runs/mine \
    --config.data.source=folder:path/to/photographs

Two CPU cores: about four minutes; inside the holes of the held-out photographs
it should end more than 5 dB of PSNR above filling with the mean colour.
"""

from jinpaint.configs import common, pconv_lines


def get_config():
  """Returns the quickstart."""
  config = pconv_lines.get_config('flowers102')
  config.steps, config.epochs = 400, 0
  config.batch_size = 16
  config.log_every = 40
  config.eval_every = 200
  config.save_every = 100
  config.pretrained = 'none'
  config.data.source = 'photos'
  config.data.eval_source = config.data.test_source = ''
  config.data.crop = 'random'
  # Larger crops, shrunk to 64 px, leave nothing but detail.
  config.data.scales = (0.2, 0.5)
  # Half as wide as the paper's: a quarter of the time a step.
  config.options.widths = (16, 32, 64, 128)
  config.options.discriminator_widths = (32, 64, 128, 256)
  config.options.perceptual = 0.0
  # So short a run is not the place for a strong opponent.
  config.options.adversarial = 1e-4
  # Twenty times the paper configs' rate, falling to 0.
  config.optimizers.generator = common.adam(
      4e-3, 0.5, 0.999, cosine_steps=-1)  # the whole run
  return config
