"""ISNet and its ablations, on the paper's data sets.

Siyuan Li, Lu Lu, Zhiqiang Zhang et al., 2020, "Interactive Separation Network
for Image Inpainting", ICIP.

  python train.py --config=configs/isnet.py:places2 --workdir=runs/isnet

| variant       | network         | row of the paper | PSNR  | M     |
|---------------|-----------------|------------------|-------|-------|
| `places2`     | ISNet, 4 blocks | Tables 1 to 3    | 28.53 | 23.63 |
| `celeba`      | ISNet, 4 blocks | Table 4          |       | 23.63 |
| `base`        | BaseModel       | Table 1          | 27.91 | 15.75 |
| `base_fusion` | BaseModel+FF    | Table 1          | 28.28 | 13.93 |
| `unet`        | UNet-like Net   | Table 1          | 25.99 | 23.27 |
| `blocks3`     | ISNet, 3 blocks | Table 2          | 28.47 | 22.08 |
| `blocks2`     | ISNet, 2 blocks | Table 2          | 28.47 | 20.53 |
| `blocks1`     | ISNet, 1 block  | Table 2          | 28.02 | 18.99 |

PSNR on Places2's test set, all masks; M: parameters / 2^20. Tables 3 and 4, by
the share of holes, with their numbers beside those of a run:

  python evaluate.py --workdir=runs/isnet --source=test --table=isnet:places2

Masks: the irregular masks of Liu et al., 2018, arXiv:1804.07723, in the folder
irregular_masks/ (`--config.data.mask=files:PATH` for another), white holes.
Training mirrors and turns them. The authors kept them as JPEG files and took
every pixel above 0 for known, which makes holes smaller and lets the true image
show through at their rims: `--config.data.mask_reading=isnet:jpeg=75` does so
with clean masks, `isnet` with masks that are such files already (with
`--config.data.mask_hole=black`). It raises the scores; clean is the default.

The perceptual and the style loss take VGG-19's ImageNet weights;
`--config.pretrained=none` leaves them out.

From the published example config: sizes, batch, Adam's rates, loss weights
(the paper's equation 2 has the same), 100 x 5,000 steps; the paper says "until
convergence" and names no GPU. From the paper instead: the hinge loss (the
config: nsgan, `--config.options.gan=nsgan`). In the published code's way, not
the paper's: what the discriminator sees (`--config.options.judged=hole` is
equation 3) and the L1 loss per share of holes (`l1_per_hole=False`: plain).
Not from either: Places365 for Places2 (the same photographs at 256 px).
"""

from jinpaint.configs import common

VARIANTS = {
    'places2': ('isnet_generator', 4),
    'celeba': ('isnet_generator', 4),
    'base': ('isnet_base_model', 4),
    'base_fusion': ('isnet_base_model_fusion', 4),
    'unet': ('isnet_unet_like', 4),
    'blocks3': ('isnet_generator', 3),
    'blocks2': ('isnet_generator', 2),
    'blocks1': ('isnet_generator', 1),
}


def get_config(variant: str = 'places2'):
  """Returns a row of the paper's tables."""
  generator, blocks = common.variant(variant, VARIANTS)
  config = common.base('isnet', 'inpaint')
  config.steps = 500_000
  config.batch_size = 6
  config.seed = 10
  config.eval_every = config.save_every = 5000

  config.data.update(common.DATA.get(variant, common.DATA['places2']))
  config.data.size = 256
  config.data.crop = 'center'
  config.data.mask = 'files:irregular_masks'
  config.data.mask_turn = True

  config.options.generator = generator
  config.options.blocks = blocks

  config.optimizers.generator = common.adam(1e-4, 0.0, 0.9)
  config.optimizers.discriminator = common.adam(1e-5, 0.0, 0.9)
  return config
