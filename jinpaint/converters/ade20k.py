"""The encoder of MIT CSAIL's ADE20k segmentation network."""

from jinpaint.converters.torch_layout import Converter, image

CONVERTERS = {
    'ade20k_resnet50_dilated': Converter({
        'stem_conv{i}': 'conv{i}',
        'stem_norm{i}': 'bn{i}',
        'layer{stage}_{block}/conv{i}': 'layer{stage}.{block}.conv{i}',
        'layer{stage}_{block}/norm{i}': 'layer{stage}.{block}.bn{i}',
        'layer{stage}_{block}/shortcut_conv':
            'layer{stage}.{block}.downsample.0',
        'layer{stage}_{block}/shortcut_norm':
            'layer{stage}.{block}.downsample.1',
    }, (image(3),), ignored=(
        # Left by their batch norm over several GPUs.
        '*._tmp_running_mean', '*._tmp_running_var', '*._running_iter')),
}
