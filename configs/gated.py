"""Free-form inpainting with gated convolution, on Places2 or CelebA-HQ.

Jiahui Yu et al., 2019, arXiv:1806.03589.

  python train.py --config=configs/gated.py:places2 --workdir=runs/gated

`celebahq` reads the folder celebahq/ (`--config.data.source=folder:PATH` for
other photographs). From the published configs: 256 px, batch 16, Adam's rates,
loss weights, 1,000,000 steps (the PyTorch port's; the TensorFlow code is
stopped by hand). Masks are the official code's, a box and strokes: `deepfill`.

The network is the official TensorFlow code's, on RGB. For published weights
`jinpaint convert` takes the row of the program that they were published for:
the second for official weights in the PyTorch port's files, the third for the
port's own. `--option` chooses others: `--option=fuse=True
--option="mask_steps=(4, 2)" --option=colours=bgr` makes the first.

| weights     | `padding` | `align_corners` | `mask_steps` | `fuse` | colours |
|-------------|-----------|-----------------|--------------|--------|---------|
| official    | 'same'    | True            | (4, 2)       | True   | 'bgr'   |
| in the port | 'same'    | True            | (8,)         | False  | 'rgb'   |
| the port's  | (1, 1)    | False           | (8,)         | True   | 'rgb'   |

The second row is how the PyTorch port's author ran the official weights, which
saw BGR; whether the port's conversion turned them round cannot be told without
its files: look at both.
"""

from jinpaint.configs import common

VARIANTS = {
    'places2': dict(**common.DATA['places2'], crop='random'),
    'celebahq': dict(source='folder:celebahq', crop='squash'),
}


def get_config(variant: str = 'places2'):
  """Returns the run on one of the paper's data sets."""
  config = common.base('gated', 'inpaint')
  config.steps = 1_000_000
  config.batch_size = 16
  config.eval_every = config.save_every = 5000

  config.data.update(common.variant(variant, VARIANTS))
  config.data.size = 256
  config.data.scales = (1.0, 1.0)
  config.data.flip = False
  config.data.mask = 'deepfill'

  for name in ('generator', 'discriminator'):
    config.optimizers[name] = common.adam(1e-4, 0.5, 0.999)
  return config
