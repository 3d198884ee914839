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

# File -> the networks of a run in it, and what each may be.
PUBLISHED = {
    'EdgeModel_gen.pth': {'sketch_generator': ('cfs_sketch_generator',)},
    'EdgeModel_dis.pth': {
        'sketch_discriminator': ('edgeconnect_discriminator',)},
    'InpaintingModel_gen.pth': {
        'completion_generator': ('cfs_completion_generator',)},
    'InpaintingModel_dis.pth': {
        'completion_discriminator': ('edgeconnect_discriminator',)},
}
