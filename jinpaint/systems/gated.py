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

import dataclasses

from jax import lax
import jax.numpy as jnp

from jinpaint import errors, images, losses, networks
from jinpaint.nets import Nets
from jinpaint.stage import Sizes, Stage, Update
from jinpaint.types import Array, Batch, Terms

STAGES = ('inpaint',)


@dataclasses.dataclass(frozen=True)
class Options:
  """What can be chosen; the weights are those of the published configs.

  Attributes:
    width: share of the published generator's channels, for small runs.
    padding: which of the published codes' networks, generator and
      discriminator: 'same' or (1, 1), see `jinpaint.networks.gated`.
    align_corners: which pixels stand for smaller maps in the attention, see
      `jinpaint.layers.attention.contextual_attention`.
    fuse: whether neighbouring scores of the attention vote together.
    mask_steps: by which factors the attention makes the mask smaller.
    colours: in which order networks read and paint them, 'rgb' or 'bgr'.
    sketch: whether a sketch leads the filling.
    gan: the adversarial loss, 'hinge' or 'lsgan'.
    adversarial: weight of the adversarial loss.
    coarse: weight of the L1 loss of the coarse image, over all pixels.
    refined: weight of the L1 loss of the refined image, over all pixels.
  """

  width: float = 1.0
  padding: tuple[int, int] | str = 'same'
  align_corners: bool = True
  fuse: bool = True
  mask_steps: tuple[int, ...] = (4, 2)
  colours: str = 'rgb'
  sketch: bool = False
  gan: str = 'hinge'
  adversarial: float = 1.0
  coarse: float = 1.0
  refined: float = 1.0

  def __post_init__(self) -> None:
    errors.check_option('padding', self.padding, ('same', (1, 1)))
    errors.check_option('gan', self.gan, ('hinge', 'lsgan'))
    errors.check_option('colours', self.colours, ('rgb', 'bgr'))


def stage(name: str, options: Options) -> Stage:
  """Returns the system's only stage, 'inpaint'."""
  del name
  generator = networks.create(
      'gated_generator', padding=options.padding,
      align_corners=options.align_corners, fuse=options.fuse,
      mask_steps=options.mask_steps, width=options.width)
  discriminator = networks.create(
      'gated_discriminator',
      padding='same' if options.padding == 'same' else (2, 2))
  adversary = losses.ADVERSARIAL[options.gan]

  def reordered(image: Array) -> Array:
    """Returns RGB in the networks' order of colours, and back."""
    return image if options.colours == 'rgb' else image[..., ::-1]

  def encoded(image: Array) -> Array:
    """Returns images as networks read them: in [-1, 1]."""
    return 2 * reordered(image) - 1

  def inputs(batch: Batch) -> tuple[Array, Array]:
    mask = batch['mask']
    sketch = [jnp.asarray(batch['sketch'] > 0.6, jnp.float32) * mask
              ] if options.sketch else []
    return images.stacked(images.damage(encoded(batch['image']), mask),
                          *sketch, jnp.ones_like(mask), mask), mask

  def judged(prediction: Array, batch: Batch) -> Array:
    """Returns what the discriminator is shown of a prediction."""
    return images.stacked(
        images.composite(prediction, encoded(batch['image']), batch['mask']),
        batch['mask'])

  def discriminator_terms(nets: Nets, batch: Batch) -> Terms:
    # The generator's pass of the next update: XLA computes it once.
    refined, _ = nets.fork()('generator', *inputs(batch))
    real = images.stacked(encoded(batch['image']), batch['mask'])
    both = jnp.concatenate([real, lax.stop_gradient(judged(refined, batch))])
    scores, _ = nets('discriminator', both)  # one batch: one power iteration
    real_scores, fake_scores = jnp.split(scores, 2)
    return {'discriminator': (adversary.real(real_scores)
                              + adversary.fake(fake_scores)) / 2}

  def generator_terms(nets: Nets, batch: Batch) -> Terms:
    image = encoded(batch['image'])
    refined, coarse = nets('generator', *inputs(batch))
    scores, _ = nets('discriminator', judged(refined, batch))
    return {'coarse': options.coarse * losses.l1(coarse, image),
            'refined': options.refined * losses.l1(refined, image),
            'adversarial': options.adversarial * adversary.generator(scores)}

  def predict(nets: Nets, batch: Batch) -> dict[str, Array]:
    refined, _ = nets('generator', *inputs(batch))
    return {'image': reordered((refined + 1) / 2)}

  keys = ('image', 'mask', *(('sketch',) if options.sketch else ()))
  return Stage(
      networks={'generator': generator, 'discriminator': discriminator},
      published={}, learns_from=keys, predicts_from=keys,
      sizes=Sizes(divisor=8),
      updates=(Update(('discriminator',), discriminator_terms),
               Update(('generator',), generator_terms)),
      predict=predict)
