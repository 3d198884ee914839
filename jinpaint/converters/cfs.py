"""Sketch and completion generators of the two-stage system of CFS blocks."""

from jinpaint.converters.torch_layout import (
    blocks_in,
    Converter,
    image,
    within,
)

BLOCK = {
    'conv': 'conv2d',
    'output_gate': 'mask_conv2d',
    'input_gate': 'same_conv2d',
    'squeeze_excite/squeeze': 'sqex.linear1',
    'squeeze_excite/excite': 'sqex.linear2',
}
RESIDUAL_BLOCK = {**within('block_1', 'conv1', BLOCK),
                  **within('block_2', 'conv2', BLOCK)}

CONVERTERS = {
    'cfs_sketch_generator': Converter({
        'encoder_{i}': 'enc_{i}.conv',
        'middle_{i}/conv_{j}': 'middle.{i}.conv_block{j}.conv',
        'decoder_{i}': 'dec_{i}.conv',
    }, (image(2), image(1)), found_under=('generator',)),
    'cfs_completion_generator': Converter({
        **within('encoder_{i}', 'enc_{i}', BLOCK),
        **within('middle_{i}', 'middle.{i}', RESIDUAL_BLOCK),
        **within('decoder_{i}', 'dec_{i}', BLOCK),
    }, (image(5),), options=blocks_in(r'middle\.(\d+)\.'),
        found_under=('generator',)),
}

# File -> the networks of a run in it, and what each may be. The trainer writes
# the epoch into the name, and its program reads the name without.
PUBLISHED = {
    f'{model}_{epoch}{ending}.pth': {f'{part}_{player}': (architecture,)}
    for model, part in (('EdgeModel', 'sketch'),
                        ('InpaintingModel', 'completion'))
    for ending, player, architecture in (
        ('gen', 'generator', f'cfs_{part}_generator'),
        ('dis', 'discriminator', 'edgeconnect_discriminator'))
    for epoch in ('', '[0-9]*_')
}
