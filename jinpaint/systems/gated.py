"""Free-form inpainting with gated convolution, "DeepFill v2" (Yu et al.).

Jiahui Yu et al., 2019, arXiv:1806.03589, "Free-Form Image Inpainting with Gated
Convolution", with the networks of `jinpaint.networks.gated`: a coarse and a
refined image, an L1 loss for both and the hinge loss of an SN-PatchGAN for the
composite of the refined one.

Where the codes differ, this follows the PyTorch port: the discriminator moves
first, and the generator learns from the moved one, in one step, of one batch.
Where this follows neither: each image has its own hole, in a batch, too.
`sketch=True` is the guided network, of which no weights were published: edges
in the hole are another channel, cut at 0.6.
"""

from jax import lax
import jax.numpy as jnp

from jinpaint import errors, images, losses, networks
from jinpaint.stage import Bound, InputSpec, Stage, Update

STAGES = ('inpaint',)

_GANS = ('hinge', 'lsgan')


def stage(
    name: str,
    *,
    width: float = 1.0,
    padding: tuple[int, int] | str = 'same',
    align_corners: bool = True,
    fuse: bool = True,
    mask_steps: tuple[int, ...] = (4, 2),
    colours: str = 'rgb',
    sketch: bool = False,
    gan: str = 'hinge',
    adversarial: float = 1.0,
    coarse: float = 1.0,
    refined: float = 1.0,
    pretrained: bool = True,
) -> Stage:
  """Returns the system's only stage, `inpaint`.

  Args:
    name: 'inpaint'.
    width: share of the published generator's channels, for small runs.
    padding: which of the published codes' networks, see
      `jinpaint.networks.gated`; of the discriminator, too.
    align_corners: likewise.
    fuse: likewise.
    mask_steps: likewise.
    colours: in which order networks see them, 'rgb' or 'bgr'.
    sketch: whether a sketch leads the filling.
    gan: the adversarial loss, 'hinge' or 'lsgan'.
    adversarial: weight of the adversarial loss.
    coarse: weight of the L1 loss of the coarse image, over all pixels.
    refined: weight of the L1 loss of the refined image, over all pixels.
    pretrained: nothing here needs pretrained weights.
  """
  del pretrained
  errors.check_option('gan', gan, _GANS)
  errors.check_option('colours', colours, ('rgb', 'bgr'))
  nets = {
      'generator': networks.create(
          'gated_generator', padding=padding, align_corners=align_corners,
          fuse=fuse, mask_steps=mask_steps, width=width),
      'discriminator': networks.create(
          'gated_discriminator',
          padding='same' if padding == 'same' else (2, 2)),
  }
  adversary = losses.ADVERSARIAL[gan]

  def seen(image):
    """Returns images as networks see them: in [-1, 1]."""
    return 2 * (image if colours == 'rgb' else image[..., ::-1]) - 1

  def shown(prediction):
    image = (prediction + 1) / 2
    return image if colours == 'rgb' else image[..., ::-1]

  def feed(batch):
    mask = batch['mask']
    drawn = [jnp.asarray(batch['sketch'] > 0.6, jnp.float32) * mask
             ] if sketch else []
    return images.stacked(images.damage(seen(batch['image']), mask), *drawn,
                          jnp.ones_like(mask), mask), mask

  def composite(prediction, batch):
    """Returns what the discriminator is shown of a prediction."""
    return images.stacked(
        images.composite(prediction, seen(batch['image']), batch['mask']),
        batch['mask'])

  def judge(params, stats, frozen, batch):
    del frozen
    # The same as in the next update: XLA computes it once.
    made, _ = Bound(nets, params, stats)('generator', *feed(batch))
    net = Bound(nets, params, stats)
    real = images.stacked(seen(batch['image']), batch['mask'])
    both = jnp.concatenate([real, lax.stop_gradient(composite(made, batch))])
    scores, _ = net('discriminator', both)  # one batch: one power iteration
    real_scores, fake_scores = jnp.split(scores, 2)
    logs = {'discriminator': (adversary.real(real_scores)
                              + adversary.fake(fake_scores)) / 2}
    return sum(logs.values()), (net.stats, logs)

  def learn_to_paint(params, stats, frozen, batch):
    del frozen
    net, image = Bound(nets, params, stats), seen(batch['image'])
    fine, rough = net('generator', *feed(batch))
    scores, _ = net('discriminator', composite(fine, batch))
    logs = {'coarse': coarse * losses.l1(rough, image),
            'refined': refined * losses.l1(fine, image),
            'adversarial': adversarial * adversary.generator(scores)}
    return sum(logs.values()), (net.stats, logs)

  def predict(variables, batch):
    fine, _ = nets['generator'].apply(variables['generator'], *feed(batch))
    prediction = shown(fine)
    return {'prediction': prediction, 'image': images.composite(
        prediction, batch['image'], batch['mask'])}

  def feeds(batch):
    return {'generator': feed(batch),
            'discriminator': (images.stacked(batch['image'], batch['mask']),)}

  keys = ('image', 'mask', *(('sketch',) if sketch else ()))
  return Stage(
      networks=nets, frozen={}, spec=InputSpec(keys, divisor=8, smallest=16),
      feeds=feeds,
      updates=(Update(('discriminator',), judge),
               Update(('generator',), learn_to_paint)),
      predict=predict)
