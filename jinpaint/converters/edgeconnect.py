"""The generators of EdgeConnect, and what InpaintGAN's share with them."""

from jinpaint.converters.torch_layout import Converter, image, Transposed

RESIDUAL_BLOCKS = {
    'middle/block_{i}/conv_1': 'middle.{i}.conv_block.1',
    'middle/block_{i}/conv_2': 'middle.{i}.conv_block.5',
}
GENERATOR = {
    'encoder/conv_1': 'encoder.1',
    'encoder/conv_2': 'encoder.4',
    'encoder/conv_3': 'encoder.7',
    **RESIDUAL_BLOCKS,
    'decoder/up_1': Transposed('decoder.0'),
    'decoder/up_2': Transposed('decoder.3'),
    'decoder/output': 'decoder.7',
}

CONVERTERS = {
    'edgeconnect_edge_generator': Converter(
        GENERATOR, (image(3),), found_under=('generator',)),
    'edgeconnect_inpaint_generator': Converter(
        GENERATOR, (image(4),), found_under=('generator',)),
}

# File -> the networks of a run in it, and what each may be.
PUBLISHED = {
    'EdgeModel_gen.pth': {'edge_generator': ('edgeconnect_edge_generator',)},
    'EdgeModel_dis.pth': {'edge_discriminator': ('edgeconnect_discriminator',)},
    'InpaintingModel_gen.pth': {
        'inpaint_generator': ('edgeconnect_inpaint_generator',)},
    'InpaintingModel_dis.pth': {
        'inpaint_discriminator': ('edgeconnect_discriminator',)},
}
