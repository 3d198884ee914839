"""SketchRefiner: inpainting that follows a drawn sketch.

Chang Liu, Shunxin Xu, Jialun Peng, Kaidong Zhang and Dong Liu, 2023,
arXiv:2306.00407. One stage after the other; the first two serve any data set:

  python train.py --config=configs/sketchrefiner.py:registration \
    --workdir=runs/registration
  python train.py --config=configs/sketchrefiner.py:enhancement \
    --config.start_from=runs/registration --workdir=runs/enhancement
  python train.py --config=configs/sketchrefiner.py:inpaint \
    --config.start_from=runs/enhancement --workdir=runs/sketchrefiner

  jinpaint inpaint --model=runs/sketchrefiner --image=photo.png \
    --mask=mask.png --sketch=sketch.png --output=filled.png

CelebA-HQ is read from the folder celebahq/ (`--config.data.source=folder:PATH`
for other photographs); after a comma, `places2` takes Places2.

The repository has no table of numbers. What its users report of its released
weights, with free-form masks and simulated sketches: 24.5 dB on CelebA-HQ, 22.8
dB on Places2 (its issue 14).

Sketches are simulated from edges, drawn masks are free-form strokes, both
fixed by the seed in evaluation: its protocol. Edges are HED's, cut at 0.65 to
0.75, of the whole image, in evaluation too (`data.eval_edge=cut`). The authors
took BDCN's and say that HED's may replace them; `files:PATH` reads theirs, and
`--config.pretrained=none` takes Canny's and leaves the perceptual loss out.
`--config.data.sketch=files:PATH --config.options.refines=False` trains the last
stage on sketches that were refined before, as the authors did.

From the published code: sizes, batches, rates, loss weights; steps are its
500,003 and 800,001 images divided by the batch. It draws the strength of the
simulated bending once a run, this for each example. `summary`, after a comma
(`sketchrefiner.py:inpaint,summary,places2`), is the design of a summary of the
paper that circulates, with its numbers: see jinpaint/systems/sketchrefiner.py.
Its "threshold of 0.5" of Canny's edges has no one meaning: these are Canny's as
everywhere here.
"""

from jinpaint.configs import common

VARIANTS = ('registration', 'enhancement', 'inpaint')

_DATA = {
    'celebahq': dict(source='folder:celebahq'),
    'places2': common.DATA['places2'],
}
_PRESETS = {
    'official': {},
    'summary': dict(
        l1=0.0, correlation='pearson',
        registration_correlation=0.1,  # alpha
        enhancement_correlation=0.1,
        smoothness=0.01,  # beta
        sparsity=0.001,  # gamma
        consistency=1e-4,  # delta
        gradient=1e-5,  # epsilon
        scales=(4, 2, 1),  # num_scales, 3
        modulation='adain', gan='hinge', known_l1=0.0,
        adversarial=0.1,  # phi
        r1=0.0, feature_matching=0.0, perceptual=0.0,
        content=10.0,  # eta
        style=250.0),  # theta
}
WORDS = (_PRESETS, _DATA)


def get_config(variant: str = 'registration'):
  """Returns a stage: its name, then words for preset and data set."""
  name, preset, data = common.worded(variant, VARIANTS, WORDS)

  config = common.base('sketchrefiner', name)
  config.steps = {'inpaint': 32_000}.get(name, 50_000)
  config.batch_size = {'inpaint': 25}.get(name, 10)

  config.data.update(_DATA[data])
  config.data.size = 256
  config.data.crop = 'squash'
  config.data.flip = False
  config.data.mask = 'strokes'
  config.data.edge = 'hed'
  config.data.eval_edge = 'cut'
  config.data.edge_cut = (0.65, 0.75)
  config.data.sketch = 'simulated:move=30-100'

  config.options.update(_PRESETS[preset])

  for module in ('registration', 'enhancement'):
    config.optimizers[module] = common.adam(1e-4, 0.9, 0.999)
  late = dict(halve_every=400_000)
  config.optimizers.generator = common.adam(3e-4, 0.9, 0.999, **late)
  config.optimizers.sketch_encoder = common.adam(
      3e-4, 0.9, 0.999, warmup_steps=2000, **late)
  config.optimizers.discriminator = common.adam(1e-4, 0.9, 0.999, **late)
  if preset == 'summary':  # num_iter, batch_size, lr_g, lr_d, clipping
    config.steps, config.batch_size = 10_000, 16
    config.data.edge = 'canny'
    config.data.sketch = 'simulated:move=30-100:thin=yes'
    for module in config.optimizers:
      config.optimizers[module] = common.adam(2e-4, 0.9, 0.999, clip_norm=1.0)
  return config
