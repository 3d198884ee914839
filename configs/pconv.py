"""Partial convolutions for irregular holes, on Places2.

Guilin Liu et al., 2018, arXiv:1804.07723. In two parts:

  python train.py --config=configs/pconv.py:train --workdir=runs/train
  python train.py --config=configs/pconv.py:finetune \
    --config.start_from=runs/train --workdir=runs/pconv

The numbers are naoto0804's (github.com/naoto0804/
pytorch-inpainting-with-partial-conv), whose weights exist: 256 px, 7 levels,
500,000 steps each, batch 16, Adam's rates. Loss weights are the paper's, too.
The paper has 512 px and 8 levels: `--config.data.size=512
--config.options.levels=8`. Masks are random walks, drawn at the image's size.
The author drew them at 512 px, kept them as files and resized them softly, and
his weights work badly with others: `jinpaint masks --kind=walk --size=512
--count=10000 --output=walks/`, then `--config.data.mask=files:walks
--config.data.mask_reading=soft --config.options.normalize=sum`.

VGG-16's ImageNet weights are needed; `--config.pretrained=none` leaves the
perceptual and the style loss out.
"""

from jinpaint.configs import common

VARIANTS = ('train', 'finetune')


def get_config(variant: str = 'train'):
  """Returns a part of the training."""
  common.variant(variant, dict.fromkeys(VARIANTS))
  config = common.base('pconv', variant)
  config.steps = 500_000
  config.batch_size = 16
  config.eval_every, config.save_every = 5000, 5000

  config.data.update(common.DATA['places2'])
  config.data.size = 256
  config.data.crop = 'squash'
  config.data.flip = False
  config.data.mask = 'walk'

  config.optimizers.generator = common.adam(
      {'train': 2e-4, 'finetune': 5e-5}[variant], 0.9, 0.999)
  return config
