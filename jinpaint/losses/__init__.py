"""The losses of all systems: pure functions of images, features and scores.

No network is called here: what VGG or a discriminator makes of an image is an
argument. All functions return a scalar unless they say otherwise; all may be
jitted and differentiated, and stay finite, as do their gradients, where a mask
is all hole or has no hole. Their arguments:

  prediction, target: (B, H, W, C) floats of one shape; the range is free.
  mask: (B, H, W, 1) or (B, H, W, C) floats in [0, 1], 1 = hole.
  sketch: (B, H, W, 1) floats in [0, 1], 1 = stroke.
  features: an array (B, H, W, C), or several in a tuple, list or dict.
  scores: what a discriminator returns, of any shape.

Shapes that do not fit and integers are a ValueError: nothing is broadcast
silently. A mean runs over all elements, those of the batch included. On many
devices the average of the devices' losses is that of the global batch.
"""

from jinpaint.losses.adversarial import (
    ADVERSARIAL,
    Adversarial,
    fake_in_hole,
    gradient_penalty,
)
from jinpaint.losses.features import (
    feature_matching,
    gram,
    perceptual,
    squared_frobenius,
    style,
)
from jinpaint.losses.reconstruction import (
    hole_l1,
    hole_total_variation,
    l1,
    l1_per_hole,
    l2,
    masked_l1,
    spatially_variant,
    spatially_variant_weight,
    total_variation,
    valid_l1,
)
from jinpaint.losses.sketch import (
    consistency,
    cross_correlation,
    gradient_magnitude,
    multi_scale,
    pearson,
    smoothness,
    sparsity,
)

__all__ = [
    'ADVERSARIAL', 'Adversarial', 'consistency', 'cross_correlation',
    'fake_in_hole', 'feature_matching', 'gradient_magnitude',
    'gradient_penalty', 'gram', 'hole_l1', 'hole_total_variation', 'l1',
    'l1_per_hole', 'l2', 'masked_l1', 'multi_scale', 'pearson', 'perceptual',
    'smoothness', 'sparsity', 'spatially_variant',
    'spatially_variant_weight', 'squared_frobenius', 'style',
    'total_variation', 'valid_l1',
]
