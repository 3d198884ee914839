"""HED as in Simon Niklaus's file `network-bsds500.pytorch`."""

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
