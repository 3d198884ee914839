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

from configs import pconv_lines


def get_config():
  """Returns the quickstart."""
  config = pconv_lines.get_config('flowers102')
  config.steps, config.epochs = 800, 0
  config.batch_size = 16
  config.log_every = 50
  config.eval_every = 400
  config.save_every = 200
  config.pretrained = 'none'
  config.data.source = 'photos'
  config.data.eval_source = ''
  config.data.crop = 'random'
  config.options.perceptual = 0.0
  return config
