"""The two-stage system of HED sketches and CFS blocks, on Places2.

The paper whose code is published as
github.com/GuardSkill/Feature-Selection-Inpainting: "Comprehensive Feature
Selection" blocks. The sketch first, then the image along it:

  python train.py --config=configs/cfs.py:sketch --workdir=runs/sketch
  python train.py --config=configs/cfs.py:completion \
    --config.start_from=runs/sketch --workdir=runs/cfs

`completion_true_sketch` trains the second network on true sketches, `joint`
goes on with both (`--config.start_from=runs/cfs,runs/sketch`). After a comma,
`paper` takes the loss weights of equations 11 and 14 instead of those of the
published config: `cfs.py:completion,paper`.

The paper's Table 1 to reach, PSNR on Places2 by the share of holes: 30.85 (10
to 20 %), 26.87, 24.17, 21.74 (40 % and more), on one GTX 1080 Ti; of its
sketches, 77 % are right. `python evaluate.py --workdir=runs/cfs
--table=isnet:places2` measures by the same definitions.

Sketches are HED's, of the undamaged image and cut at the hole, in evaluation
too (`data.eval_edge=cut`): what is next to a hole knows of it.
`--config.data.edge=hed:hole=masked --config.data.eval_edge=masked` finds them
in what is known, as a deployed system must. `files:PATH` reads sketches that
were made before; with `--config.pretrained=none` Canny takes HED's place and
the perceptual and the style loss are left out. Masks as in configs/isnet.py.

From the published config: sizes, batch (one GPU), Adam's rates, loss weights,
100 x 3,000 steps. From the paper instead: 8 residual blocks (the code: 4), the
hinge loss (the code: nsgan).
"""

from jinpaint.configs import common

VARIANTS = ('sketch', 'completion', 'completion_true_sketch', 'joint')

_WEIGHTS = {
    'code': {},
    'paper': dict(sketch_adversarial=0.1, perceptual=300.0, style=300.0),
}
WORDS = (_WEIGHTS,)


def get_config(variant: str = 'sketch'):
  """Returns a stage: its name, then perhaps the word for the loss weights."""
  name, weights = common.worded(variant, VARIANTS, WORDS)

  config = common.base('cfs', name)
  config.steps = 300_000
  config.batch_size = 6
  config.seed = 10
  config.eval_every = config.save_every = 3000

  config.data.update(common.DATA['places2'])
  config.data.size = 256
  config.data.crop = 'center'
  config.data.mask = 'files:irregular_masks'
  config.data.mask_turn = True
  config.data.edge = 'hed'
  config.data.eval_edge = 'cut'

  config.options.update(_WEIGHTS[weights])

  for part in ('sketch', 'completion'):
    config.optimizers[f'{part}_generator'] = common.adam(1e-4, 0.0, 0.9)
    config.optimizers[f'{part}_discriminator'] = common.adam(1e-5, 0.0, 0.9)
  return config
