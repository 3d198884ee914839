"""HED: soft edges of an image, which CFS and others use as its sketch.

Saining Xie and Zhuowen Tu, 2015, arXiv:1504.06375, "Holistically-Nested Edge
Detection": VGG-16 with a score after each of its five blocks, and their fusion.
This is the form of Simon Niklaus's conversion, pytorch-hed, which made the
sketches that CFS learnt from. It differs from the Caffe original:
- Images are padded by 1 px in each convolution, not by 35 px at the start.
- Pooling leaves out an odd last row or column instead of padding it.
- Scores are resized to the image's size (bilinear, pixel centres aligned)
  instead of enlarged by fixed deconvolutions and cropped. Both give the same
  inside of the image, but not at its border.
"""

from flax import linen as nn
import jax
import jax.numpy as jnp

from jinpaint.networks.vgg import VGG16
from jinpaint.types import Array

# The mean of ImageNet's images in Caffe: blue, green, red in [0, 255].
_MEAN = (104.00698793, 116.66876762, 122.67891434)
_SIDES = ('relu1_2', 'relu2_2', 'relu3_3', 'relu4_3', 'relu5_3')


class HED(nn.Module):
  """Detects edges in images of 16 x 16 pixels or more, of any size.

  Attributes:
    logits: whether to return the fused score before the sigmoid.
  """

  logits: bool = False

  smallest = 16  # of height and width: they are halved four times

  @nn.compact
  def __call__(self, x: Array, train: bool = False) -> Array:
    """Returns edges (B, H, W, 1) in (0, 1) of RGB images (B, H, W, 3).

    Args:
      x: RGB in [0, 1].
      train: changes nothing: the network has no batch statistics.
    """
    del train
    blue_first = x[..., ::-1] * 255 - jnp.asarray(_MEAN, x.dtype)
    features = VGG16(layers=_SIDES, normalize=False, name='vgg')(blue_first)
    scores = []
    for i, side in enumerate(_SIDES, start=1):
      score = nn.Conv(1, (1, 1), dtype=x.dtype, name=f'score{i}')(
          features[side])
      scores.append(jax.image.resize(score, (*x.shape[:3], 1), 'bilinear'))
    fused = nn.Conv(1, (1, 1), dtype=x.dtype, name='fuse')(
        jnp.concatenate(scores, axis=-1))
    return fused if self.logits else nn.sigmoid(fused)
