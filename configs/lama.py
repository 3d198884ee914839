"""LaMa: large holes are filled by fast Fourier convolutions, on Places2.

Roman Suvorov et al., 2021, arXiv:2109.07161, "Resolution-robust Large Mask
Inpainting with Fourier Convolutions".

  python train.py --config=configs/lama.py:fourier --workdir=runs/lama
  python evaluate.py --workdir=runs/lama --source=test --mask=lama:holes=thick

`fourier` has 9 blocks, `big` 18; the authors' weights are a run by

  jinpaint convert big-lama/ --system=lama --output=runs/big-lama

`--config.data.source=folder:PATH` takes other photographs. What the paper
measures with, from narrow to wide, are the masks `lama:holes=thin`, `medium`
and `thick`, and `thin_512`, `medium_512` and `thick_512` for pictures of 512
px; the authors left out those with more than half of the pixels.

Numbers of the published configs: loss weights, rates, 256 px, 25,000 batches an
"epoch", 40 of them, an evaluation after each. The batch is 10 on each GPU: 30
in the authors' run of LaMa-Fourier (their issue 62). That of Big LaMa had 120,
and its released weights are those after 575,000 steps, with at most three boxes
a mask instead of four (issue 96, its config.yaml). Gradients of each network
are clipped to the norm 1, here exactly: the published min(1, 1 / (norm + 1e-6))
differs by a millionth.

Of the published augmentation there are mirroring, random squares and a zoom of
up to 1.3. The published squares are cut from large photographs that are not
resized; here the shorter side of each is resized to 256 px. Left out are its
perspective, affine and optical distortions and its changes of contrast,
brightness and colour.

The ADE20k encoder's weights are needed; `--config.pretrained=none` leaves the
perceptual loss out. `--config.options.perceptual_bn=batch` computes that loss
as the published trainer did.
"""

from jinpaint.configs import common

# Blocks, and the batch of all the authors' GPUs.
VARIANTS = {'fourier': (9, 30), 'big': (18, 120)}


def get_config(variant: str = 'fourier'):
  """Returns LaMa-Fourier or Big LaMa."""
  config = common.base('lama', 'inpaint')
  config.options.blocks, config.batch_size = common.variant(variant, VARIANTS)
  config.steps = 1_000_000
  config.eval_every = 25_000
  config.save_every = 5000

  config.data.update(common.DATA['places2'])
  config.data.size = 256
  config.data.crop = 'random'
  config.data.scales = (1 / 1.3, 1.0)
  config.data.mask = 'lama'

  config.optimizers.generator = common.adam(1e-3, 0.9, 0.999, clip_norm=1.0)
  config.optimizers.discriminator = common.adam(
      1e-4, 0.9, 0.999, clip_norm=1.0)
  return config
