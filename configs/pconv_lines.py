"""Partial convolutions for irregular line masks, on the paper's data sets.

Chang Shu and Burak Sahinkaya, UC San Diego, "Image Inpainting for Irregular
Lines Using Partial Convolutions".

  python train.py --config=configs/pconv_lines.py:flowers102 --workdir=runs/f

| variant      | trained on                | watched on          | size |
|--------------|---------------------------|---------------------|------|
| `flowers102` | 80 % of all 8,189 flowers | 10 %                | 64   |
| `celeba`     | 6,400 of CelebA's `train` | `validation`        | 128  |
| `dtd`        | Describable Textures:     | `test`              | 128  |
|              | `train` and `validation`  |                     |      |
| `dtd_all`    | all of its 5,640 images   | `test`              | 128  |
| `photos`     | scikit-image's            | two of them         | 64   |

`python evaluate.py --workdir=runs/f --source=test` scores and draws images to
test on: the last 10 % of the flowers, 640 of CelebA's `test`, the textures'
`test`. The paper trains on all textures, and then there are none to test on.
`dtd` has no others to watch: `--checkpoint=best` would flatter itself there.

`photos` is no data set of the paper: a small run of minutes, without any
download and without the perceptual loss.

Training takes VGG-16's ImageNet weights; `--config.pretrained=none` leaves the
perceptual loss out. The paper reports 15.5 minutes for one such run on a GPU
that it does not name, and no table: its results are figures 4 and 7.

From the text (sections 3.3 to 4.3): data sets and sizes, 6,400 faces, 40
epochs, lines of random thickness and end points, Gaussian noise, the three
losses, Adam. Not in the text, and chosen here: batch sizes; Adam's rates
(Pathak et al., 2016, with DCGAN's betas); the noise's deviation; the faces'
crop (178, the custom for aligned CelebA); DTD's split (its own first, so that
test numbers are honest); Flowers102's split (its own training split has 1,020
images). Loss weights: see jinpaint/systems/pconv_lines.py.
"""

from jinpaint.configs import common


def _flowers(part):
  """Returns a part of all of Flowers102, whose own three splits are merged."""
  return 'tfds:oxford_flowers102:' + '+'.join(
      f'{split}[{part}]' for split in ('train', 'validation', 'test'))


VARIANTS = {
    'flowers102': dict(
        source=_flowers(':80%'), eval_source=_flowers('80%:90%'),
        test_source=_flowers('90%:'), size=64, batch_size=64),
    'celeba': dict(
        source='tfds:celeb_a:train[:6400]', eval_source='',
        test_source='tfds:celeb_a:test[:640]',
        size=128, batch_size=32, precrop=178),
    'dtd': dict(
        source='tfds:dtd:train+validation', eval_source='',
        test_source='tfds:dtd:test', size=128, batch_size=32),
    'dtd_all': dict(
        source='tfds:dtd:train+validation+test', eval_source='tfds:dtd:test',
        test_source='', size=128, batch_size=32),
    'photos': dict(
        source='photos', eval_source='', test_source='', size=64,
        batch_size=16),
}


def get_config(variant: str = 'flowers102'):
  """Returns the run on one of the paper's data sets, or on few photographs."""
  chosen = common.variant(variant, VARIANTS)
  config = common.base('pconv_lines', 'inpaint')
  config.epochs = 40  # section 4.3
  config.batch_size = chosen['batch_size']

  for key in ('source', 'eval_source', 'test_source', 'size'):
    config.data[key] = chosen[key]
  config.data.crop = 'center'
  config.data.precrop = chosen.get('precrop', 0)
  config.data.noise = 0.05
  config.data.mask = 'lines'

  if chosen['size'] == 128:  # one more layer brings it down to 4 x 4
    config.options.discriminator_widths = (64, 128, 256, 512, 512)

  config.optimizers.generator = common.adam(2e-4, 0.5, 0.999)
  config.optimizers.discriminator = common.adam(2e-4, 0.5, 0.999)
  return _small(config) if variant == 'photos' else config


def _small(config):
  """Returns the config with a smaller network and a run of 400 steps."""
  config.steps, config.epochs = 400, 0
  config.log_every = 40
  config.eval_every = 200
  config.save_every = 100
  config.pretrained = 'none'
  config.data.crop = 'random'
  # Larger crops, shrunk to 64 px, leave nothing but detail.
  config.data.scales = (0.2, 0.5)
  # Half as wide as the paper's: a quarter of the time a step.
  config.options.widths = (16, 32, 64, 128)
  config.options.discriminator_widths = (32, 64, 128, 256)
  config.options.perceptual = 0.0
  # So short a run is not the place for a strong opponent.
  config.options.adversarial = 1e-4
  # Twenty times the rate of the others, falling to 0.
  config.optimizers.generator = common.adam(
      4e-3, 0.5, 0.999, cosine_steps=-1)  # the whole run
  return config
