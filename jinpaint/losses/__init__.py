"""The losses of all systems: pure functions of images, features and scores.

No network is called here: features and scores are arguments. All functions
return a scalar unless they say otherwise. All may be jitted and differentiated;
they and their gradients stay finite where a mask is all hole or has no hole.
Their arguments:

  prediction, target: (B, H, W, C) floats of one shape; the range is free.
  mask: (B, H, W, 1) or (B, H, W, C) floats in [0, 1], 1 = hole.
  sketch: (B, H, W, 1) floats in [0, 1], 1 = stroke.
  features: an array (B, H, W, C), or several in a tuple, list or dict.
  scores: the output of a discriminator, of any shape.

Shapes that do not fit and integers raise a ValueError: nothing is broadcast
silently. A mean runs over all elements of the batch. On many devices, the
average of the devices' losses is the loss of the global batch.
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
