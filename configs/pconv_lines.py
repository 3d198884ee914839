"""Partial convolutions for irregular line masks, on the paper's data sets.

Chang Shu and Burak Sahinkaya, UC San Diego, "Image Inpainting for Irregular
Lines Using Partial Convolutions".

  python train.py --config=configs/pconv_lines.py:flowers102 --workdir=runs/f

| variant      | data                                              | size |
|--------------|---------------------------------------------------|------|
| `flowers102` | Flowers102, 80 % of all its 8,189 images          | 64   |
| `celeba`     | CelebA, the first 6,400 training images           | 128  |
| `dtd`        | Describable Textures, train and validation, 3,760 | 128  |
| `dtd_all`    | Describable Textures, all 5,640, as in the text   | 128  |

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

from configs import common

_VARIANTS = {
    'flowers102': dict(
        source=('tfds:oxford_flowers102:train[:80%]+validation[:80%]'
                '+test[:80%]'),
        eval_source=('tfds:oxford_flowers102:train[90%:]+validation[90%:]'
                     '+test[90%:]'),
        size=64, batch_size=64),
    'celeba': dict(
        source='tfds:celeb_a:train[:6400]',
        eval_source='tfds:celeb_a:test[:640]',
        size=128, batch_size=32, precrop=178),
    'dtd': dict(
        source='tfds:dtd:train+validation', eval_source='tfds:dtd:test',
        size=128, batch_size=32),
    'dtd_all': dict(
        source='tfds:dtd:train+validation+test', eval_source='tfds:dtd:test',
        size=128, batch_size=32),
}


def get_config(variant: str = 'flowers102'):
  """Returns the run on one of the paper's data sets."""
  chosen = common.variant(variant, _VARIANTS)
  config = common.base()
  config.system, config.stage = 'pconv_lines', 'inpaint'
  config.epochs = 40  # section 4.3
  config.batch_size = chosen['batch_size']

  config.data.source = chosen['source']
  config.data.eval_source = chosen['eval_source']
  config.data.size = chosen['size']
  config.data.crop = 'center'
  config.data.precrop = chosen.get('precrop', 0)
  config.data.noise = 0.05
  config.data.mask = 'lines'

  small = chosen['size'] == 64
  config.options.widths = (32, 64, 128, 256)
  config.options.discriminator_widths = (
      (64, 128, 256, 512) if small else (64, 128, 256, 512, 512))
  config.options.l2 = 1.0
  config.options.adversarial = 0.001
  config.options.perceptual = 0.05
  config.options.judged = 'prediction'

  config.optimizers.generator = common.adam(2e-4, 0.5, 0.999)
  config.optimizers.discriminator = common.adam(2e-4, 0.5, 0.999)
  return config
