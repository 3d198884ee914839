"""ISNet, its two base models and the UNet-like network of its Table 1."""

from collections.abc import Mapping

from jinpaint.converters.torch_layout import (
    blocks_in,
    Converter,
    image,
    Transposed,
)

_BRANCHES = {
    'head/shortcut': 'layer1.downsample',
    'head/conv_1': 'layer1.conv_block.1',
    'head/conv_2': 'layer1.conv_block.4',
    'stage_{s}/high_{b}/conv_1': 'stage{s}.branches.0.{b}.conv_block.1',
    'stage_{s}/high_{b}/conv_2': 'stage{s}.branches.0.{b}.conv_block.4',
    'stage_{s}/low_{b}/conv_1': 'stage{s}.branches.1.{b}.conv_block.1',
    'stage_{s}/low_{b}/conv_2': 'stage{s}.branches.1.{b}.conv_block.4',
    'stage_{s}/down_{k}': 'stage{s}.fuse_layers.1.0.{k}.0',
    'stage_{s}/low_down': 'stage{s}.fuse_layers.1.1.0',
    'stage_{s}/to_high': 'stage{s}.fused_branches.0.0.0',
    'stage_{s}/to_low': 'stage{s}.fused_branches.1.0.0',
}
_FUSION = {'fuse': 'final_layer.0', 'output': 'final_layer.2'}


def _converter(layers: Mapping[str, str], blocks: str) -> Converter:
  """Returns the converter of a network whose blocks are counted.

  Args:
    layers: as in `Converter`.
    blocks: as in `blocks_in`.
  """
  return Converter(layers, (image(3),), options=blocks_in(blocks),
                   found_under=('generator',))


_IN_STAGES = r'stage\d\.branches\.0\.(\d+)\.'
CONVERTERS = {
    'isnet_generator': _converter({
        **_BRANCHES,
        'stage_{s}/enlarge/up_{k}/conv': 'stage{s}.fuse_layers.0.1.{k}.0',
        'enlarge/up_{k}/conv': 'up_layer.{k}.0',
        **_FUSION}, _IN_STAGES),
    'isnet_base_model': _converter(
        {**_BRANCHES, 'output': 'final_layer'}, _IN_STAGES),
    'isnet_base_model_fusion': _converter(
        {**_BRANCHES, **_FUSION}, _IN_STAGES),
    'isnet_unet_like': _converter({
        'encoder/conv_1': 'encoder.1',
        'encoder/conv_2': 'encoder.4',
        'encoder/conv_3': 'encoder.7',
        'encoder/conv_4': 'encoder.10',
        'middle_{i}/conv_1': 'middle.{i}.conv_block.1',
        'middle_{i}/conv_2': 'middle.{i}.conv_block.4',
        'decoder/up_1': Transposed('decoder.0'),
        'decoder/up_2': Transposed('decoder.3'),
        'decoder/up_3': Transposed('decoder.6'),
        'decoder/output': 'decoder.10'}, r'middle\.(\d+)\.'),
}

# File -> the networks of a run in it, and what each may be. The trainer writes
# the epoch into the name, and its program reads the name without.
_GENERATOR = {'generator': tuple(CONVERTERS)}
_DISCRIMINATOR = {'discriminator': ('edgeconnect_discriminator',)}
PUBLISHED = {
    'InpaintingModel_gen.pth': _GENERATOR,
    'InpaintingModel_[0-9]*_gen.pth': _GENERATOR,
    'InpaintingModel_dis.pth': _DISCRIMINATOR,
    'InpaintingModel_[0-9]*_dis.pth': _DISCRIMINATOR,
}
