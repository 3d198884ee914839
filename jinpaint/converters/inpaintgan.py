"""The edge generators of InpaintGAN.

No weights were published for the EfficientNet in a U-Net, so that it has no
converter.
"""

from jinpaint.converters import edgeconnect
from jinpaint.converters.edgeconnect import GENERATOR, RESIDUAL_BLOCKS
from jinpaint.converters.torch_layout import (
    Converter,
    image,
    Transposed,
    within,
)

ENHANCED_GATED_ENCODER = {
    'gate_1': 'Ginput.conv',
    'mask_1': 'Ginput.mask_conv',
    'gated_{i}/attention': 'EGC_layer_{i}.conv1',
    'gated_{i}/conv': 'EGC_layer_{i}.conv2',
    'gated_{i}/gate': 'EGC_layer_{i}.gate_conv',
    'gated_{i}/mask': 'EGC_layer_{i}.mask_conv',
}

CONVERTERS = {
    'inpaintgan_egc_edge_generator': Converter({
        **within('encoder', 'encoder', ENHANCED_GATED_ENCODER),
        **RESIDUAL_BLOCKS,
        'decoder/up_1': Transposed('decoder.0'),
        'decoder/up_2': Transposed('decoder.3'),
        'decoder/up_3': Transposed('decoder.6'),
        'decoder/up_4': Transposed('decoder.9'),
        'decoder/up_5': Transposed('decoder.12'),
        'decoder/output': 'decoder.16',
    }, (image(2), image(1)), found_under=('generator',)),
    'inpaintgan_mec_edge_generator': Converter({
        **GENERATOR, 'up_{i}': Transposed('upsample{i}.0'),
    }, (image(3),), found_under=('generator',)),
}

# The files are called like EdgeConnect's. Earlier ones hold its edge generator.
PUBLISHED = {
    **edgeconnect.PUBLISHED,
    'EdgeModel_gen.pth': {'edge_generator': (
        'inpaintgan_mec_edge_generator', 'inpaintgan_egc_edge_generator',
        'edgeconnect_edge_generator')},
}
