"""EdgeConnect: edges first, then the image, on the paper's data sets.

Kamyar Nazeri, Eric Ng, Tony Joseph, Faisal Qureshi and Mehran Ebrahimi, 2019,
arXiv:1901.00212, "EdgeConnect: Generative Image Inpainting with Adversarial
Edge Learning". Three stages; the first two may be trained side by side:

  python train.py --config=configs/edgeconnect.py:edge --workdir=runs/edge
  python train.py --config=configs/edgeconnect.py:inpaint --workdir=runs/inpaint
  python train.py --config=configs/edgeconnect.py:edge_inpaint \
    --config.start_from=runs/edge,runs/inpaint --workdir=runs/edgeconnect

`joint` goes on with both networks, `--config.start_from=runs/edgeconnect,`
`runs/edge` (the latter has the discriminator of edges); no gain is reported.

After the stage, words joined by commas: `celeba` for the second data set, and
`defaults` for the loss weights that the published code has where its config
file gives none: `edgeconnect.py:inpaint,celeba,defaults`.

On your own photographs, and with mask files as in the paper's tables (the
irregular masks of Liu et al., 2018, arXiv:1804.07723):

  --config.data.source=folder:photos/ --config.data.mask=files:masks/

The inpainting stages take VGG-19's ImageNet weights; `--config.pretrained=none`
leaves the style and the perceptual loss out. The published code trains on one
GPU for up to two million steps.

From the published config: all numbers below. Not from there: the masks, blocks
of half the side (mask type 1; its default, type 3, needs mask files); the crop
of aligned CelebA faces (178, the custom); Places365 for Places2 (the same
photographs at 256 px).
"""

from jinpaint.configs import common

VARIANTS = ('edge', 'inpaint', 'edge_inpaint', 'joint')

WEIGHTS = {
    'paper': {},
    'defaults': dict(style=1.0, perceptual=1.0, adversarial=0.01),
}
WORDS = (common.DATA, WEIGHTS)


def get_config(variant: str = 'edge'):
  """Returns a stage: its name, then words for data set and loss weights."""
  name, data, weights = common.worded(variant, VARIANTS, WORDS)
  config = stage('edgeconnect', name, weights=weights)
  config.data.update(common.DATA[data])
  config.data.mask = 'block:fraction=0.5'
  return config


def stage(system: str, name: str, *, weights: str = 'paper',
          learning_rate: float = 1e-4, sigma: float = 2):
  """Returns a stage with all that EdgeConnect and InpaintGAN share.

  Args:
    system: 'edgeconnect' or 'inpaintgan'.
    name: one of `VARIANTS`.
    weights: the loss weights of the image: 'paper', as in EdgeConnect's config
      file, or 'defaults', as in its code.
    learning_rate: of the generators; the discriminators have a tenth.
    sigma: of Canny's Gaussian, in pixels.
  """
  config = common.base(system, name)
  config.steps = 2_000_000
  config.batch_size = 8
  config.seed = 10
  config.log_every = 10
  config.save_every = 1000

  config.data.size = 256
  config.data.crop = 'center'
  config.data.edge = f'canny:sigma={sigma:g}'

  config.options.update(WEIGHTS[weights])

  ratio = 0.1  # of the learning rates of discriminator and generator
  for player, rate in (('generator', learning_rate),
                       ('discriminator', ratio * learning_rate)):
    for part in ('edge', 'inpaint'):
      config.optimizers[f'{part}_{player}'] = common.adam(rate, 0.0, 0.9)
  return config
