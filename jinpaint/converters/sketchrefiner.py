"""SketchRefiner's four networks, and the files that its authors published.

Its discriminator's converter is in `jinpaint.converters.patchgan`.
"""

from jinpaint.converters.torch_layout import (
    blocks_in,
    Converter,
    image,
    Transposed,
    within,
)

FOURIER_CONV = {
    'local_to_local': 'ffc.convl2l',
    'local_to_global': 'ffc.convl2g',
    'global_to_local': 'ffc.convg2l',
    'global_to_global/reduce': 'ffc.convg2g.conv1.0',
    'global_to_global/reduce_norm': 'ffc.convg2g.conv1.1',
    'global_to_global/fourier_unit/conv': 'ffc.convg2g.fu.conv_layer',
    'global_to_global/fourier_unit/norm': 'ffc.convg2g.fu.bn',
    'global_to_global/expand': 'ffc.convg2g.conv2',
    'local_norm': 'bn_l',
    'global_norm': 'bn_g',
}
SPADE = {
    'norm': 'param_free_norm',
    'shared': 'mlp_shared.0',
    'gamma': 'mlp_gamma',
    'beta': 'mlp_beta',
}
_GATED = {
    'conv': 'conv2d',
    'depthwise': 'mask_conv2d.depth_conv',
    'pointwise': 'mask_conv2d.point_conv',
}
_RESIDUAL = {'conv_{j}': 'conv{j}.1', 'norm_{j}': 'bn{j}'}

CONVERTERS = {
    'sketchrefiner_registration': Converter({
        # The three that enlarge first.
        **within('conv_8', 'conv_8.gated_conv2d', _GATED),
        **within('conv_9', 'conv_9.gated_conv2d', _GATED),
        **within('conv_10', 'conv_10.gated_conv2d', _GATED),
        **within('conv_{i}', 'conv_{i}', _GATED),
    }, (image(5),), found_under=('parameters',)),
    'sketchrefiner_enhancement': Converter({
        'conv_{i}_1': 'conv_{i}.0.0',
        'conv_{i}_2': 'conv_{i}.1.0',
        'conv_{i}': 'conv_{i}.0',
    }, (image(1),), found_under=('parameters',)),
    'sketchrefiner_partial_sketch_encoder': Converter({
        'alpha_{i}': 'alpha{i}',
        'conv_1': 'conv1.gate_conv',
        'conv_2': 'conv2.gate_conv',
        'conv_{i}': 'conv{i}',
        'norm_{i}': 'bn{i}',
        **within('middle_{i}', 'middle.{i}', _RESIDUAL),
        'up_{i}': Transposed('convt{i}.gate_conv'),
        'norm_up_{i}': 'bnt{i}',
    }, (image(3),), found_under=('str_encoder',)),
    'sketchrefiner_texture_restoration': Converter({
        'conv_{i}_1': 'conv{i}_1',
        'conv_{i}': 'conv{i}',
        'norm_1': 'bn1',
        **within('norm_{i}', 'norm{i}', SPADE),
        **within('middle_{i}/conv_{j}', 'middle.{i}.ffc{j}', FOURIER_CONV),
        'up_{i}': Transposed('convt{i}'),
        'norm_up_{i}': 'bnt{i}',
        'output': 'convt4',
    }, (image(4), tuple(image(64 * 2**i, 64 // 2**i) for i in range(4))),
        options=blocks_in(r'middle\.(\d+)\.'), found_under=('generator',)),
}

# The files for download, and those that the authors' trainers write.
_INPAINTING = {
    'generator': ('sketchrefiner_texture_restoration',),
    'sketch_encoder': ('sketchrefiner_partial_sketch_encoder',),
}
_REGISTRATION = {'registration': ('sketchrefiner_registration',)}
_ENHANCEMENT = {'enhancement': ('sketchrefiner_enhancement',)}
PUBLISHED = {
    'registrator.pth': _REGISTRATION,
    '*_registration_module.pth': _REGISTRATION,
    'connector.pth': _ENHANCEMENT,
    '*_enhancement_module.pth': _ENHANCEMENT,
    'celebahq.pth': _INPAINTING,
    'places.pth': _INPAINTING,
    'imagenet.pth': _INPAINTING,
    'epoch*_gen.pth': _INPAINTING,
    'epoch*_dis.pth': {'discriminator': ('sketchrefiner_discriminator',)},
}
