"""Networks compute what the published ones do, outputs and gradients.

The folder that JINPAINT_GOLDEN names (default: tests/golden) is listed; every
golden file in it is a case. A network that does not exist yet is skipped, by
name; a file that cannot be read fails.
"""

from collections.abc import Callable, Mapping
import copy
import json
from typing import NamedTuple

from flax import linen as nn
from golden import fill
import golden_files
import jax
import jax.numpy as jnp
import numpy as np
import precision
import pytest

import jinpaint
from jinpaint import converters, losses, networks
from jinpaint.converters import cfs, sketchrefiner, torch_layout
from jinpaint.converters.inpaintgan import ENHANCED_GATED_ENCODER
from jinpaint.evaluation import metrics
from jinpaint.layers.activations import leaky_relu
from jinpaint.layers.attention import contextual_attention
from jinpaint.layers.conv import Conv
from jinpaint.layers.feature_selection import CFSBlock, ResidualCFSBlock
from jinpaint.layers.fourier_conv import FourierConv
from jinpaint.layers.partial_conv import PartialConv
from jinpaint.layers.spade import SPADE
from jinpaint.networks.inpaintgan import EnhancedGatedEncoder

# Golden name -> registered name and options, where not just the former. The
# recorded gradients of the gated discriminator are those for weights that are
# already divided by their spectral norm.
VARIANTS = {
    'cfs_completion_generator': ('cfs_completion_generator', {'blocks': 4}),
    'gated_generator': ('gated_generator', {'fuse': False, 'mask_steps': (8,)}),
    'gated_generator_fuse': ('gated_generator', {'mask_steps': (8,)}),
    'gated_generator_symmetric': ('gated_generator', {
        'padding': (1, 1), 'align_corners': False, 'mask_steps': (8,)}),
    'hed': ('hed', {'logits': True}),
    'lama_big_generator': ('lama_generator', {'blocks': 18}),
    'pconv_unet': ('pconv_unet', {'normalize': 'sum'}),
    'gated_discriminator': (
        'gated_discriminator', {'spectral_norm': False}),
    'gated_discriminator_symmetric': (
        'gated_discriminator', {'spectral_norm': False, 'padding': (2, 2)}),
}

# Registered name -> from what the network returns, the recorded outputs; where
# these are not the same arrays in the same order.
OUTPUTS = {
    'ade20k_resnet50_dilated': lambda found: [
        found[f'layer{i}'] for i in (4, 1, 2, 3)],
    'fid_inception': lambda found: [
        found[name] for name in ('2048', '64', '192', '768')],
    'gated_discriminator': lambda result: result[:1],
}

# Registered name -> from the golden file, the arguments that it does not hold.
FURTHER = {'sketchrefiner_texture_restoration': lambda golden: [[
    golden.fill(f'feat{i}', (1, 64 * 2**i, *(
        n // 2**i for n in golden.probe.shape[1:3]))).transpose(0, 2, 3, 1) / 4
    for i in range(4)]]}

# Registered name -> relative errors of the gradients for inputs, and of the
# norms of all gradients, where not 1e-3. The gradients of deep networks of
# rectifiers jump: where rounding decides the sign of one feature, that for an
# image changes by up to 1 %. The published code in float32 is that far from
# itself in float64, and there it is equal to these networks. What EGC convolves
# its mask with, ten numbers a layer, collects all jumps.
GRADIENTS = {
    'edgeconnect_edge_generator': (2e-2, 1e-3),
    'edgeconnect_inpaint_generator': (2e-2, 1e-3),
    'inpaintgan_egc_edge_generator': (2e-2, 1e-1),
    'inpaintgan_mec_edge_generator': (2e-2, 1e-3),
    'isnet_base_model_fusion': (5e-3, 1e-3),
}


class Layer(NamedTuple):
  """A layer with a golden file.

  Attributes:
    make: from the golden file, for its widths, to the layer.
    names: the layer's own layers, see `torch_layout.Converter`.
    ignored: likewise.
  """

  make: Callable[[golden_files.Golden], nn.Module]
  names: Mapping[str, str]
  ignored: tuple[str, ...] = ()


class LeakyPartialConv(nn.Module):
  """A partial convolution and its activation."""

  features: int

  @nn.compact
  def __call__(self, x, valid):
    x, valid = PartialConv(self.features, strides=(2, 2), spectral_norm=True,
                           name='conv')(x, valid)
    return leaky_relu(x), valid


class GatedConv(nn.Module):
  """A convolution, gated by a second one of the same input."""

  features: int

  @nn.compact
  def __call__(self, x):
    conv = lambda name: Conv(self.features, strides=(2, 2), spectral_norm=True,
                             name=name)(x)
    return leaky_relu(conv('conv')) * nn.sigmoid(conv('gate'))


class Attention(nn.Module):
  """Contextual attention, which has no weights."""

  fuse: bool

  def __call__(self, x, mask):
    return contextual_attention(x, mask, fuse=self.fuse)


LAYERS = {
    'layer_contextual_attention': Layer(lambda _: Attention(fuse=False), {}),
    'layer_contextual_attention_fuse': Layer(
        lambda _: Attention(fuse=True), {}),
    'inpaintgan_egc_encoder': Layer(
        lambda _: EnhancedGatedEncoder(), ENHANCED_GATED_ENCODER),
    'layer_cfs_block': Layer(
        lambda golden: CFSBlock(golden.width, strides=(2, 2)), cfs.BLOCK),
    'layer_residual_cfs_block': Layer(
        lambda _: ResidualCFSBlock(), cfs.RESIDUAL_BLOCK),
    'layer_gated_conv': Layer(
        lambda golden: GatedConv(golden.width),
        {'conv': 'conv2d', 'gate': 'mask_conv2d'}, ignored=('batch_norm2d.*',)),
    'layer_partial_conv': Layer(
        lambda golden: PartialConv(golden.width, strides=(2, 2)), {'': ''}),
    'layer_partial_conv_multichannel': Layer(
        lambda golden: LeakyPartialConv(golden.width), {'conv': 'conv'}),
    'layer_ffc': Layer(
        lambda golden: FourierConv(golden.shapes['ffc.bn_g.weight'][0]),
        {ours: f'ffc.{theirs}'
         for ours, theirs in sketchrefiner.FOURIER_CONV.items()}),
    'layer_spade': Layer(
        lambda golden: SPADE(golden.shapes['mlp_shared.0.bias'][0]),
        sketchrefiner.SPADE),
}


def test_there_are_golden_files():
  assert golden_files.networks(), f'no golden files in {golden_files.FOLDER}'


# Those that take longest, of networks whose parts others have as well.
SLOW = ('ade20k_resnet50_dilated', 'cfs_completion_generator',
        'cfs_sketch_generator', 'edgeconnect_edge_generator',
        'gated_generator', 'gated_generator_fuse', 'gated_generator_symmetric',
        'inpaintgan_mec_edge_generator', 'isnet_base_model',
        'isnet_base_model_fusion', 'isnet_generator', 'lama_big_generator',
        'lama_generator', 'pconv_unet',
        'sketchrefiner_partial_sketch_encoder', 'sketchrefiner_registration',
        'sketchrefiner_texture_restoration')


@pytest.mark.parametrize('path', [
    pytest.param(path, id=path.stem, marks=[
        # They share nothing: both processes can have some of them.
        pytest.mark.xdist_group(f'golden {path.stem}'),
        *([pytest.mark.slow] if path.stem in SLOW else [])])
    for path in golden_files.networks()])
def test_network_equals_the_published_one(path, monkeypatch):
  golden = golden_files.Golden(path)
  name, options = VARIANTS.get(golden.name, (golden.name, {}))
  network, converter = find(name, options, golden)
  leaves = [leaf for leaf in torch_layout.leaves(
      network, converter, golden.blank) if leaf.path[0] == 'params']
  state = golden.state_dict({
      leaf.key: leaf.axes[-1] for leaf in leaves if leaf.path[-1] == 'kernel'})
  variables = (torch_layout.convert(network, converter, state)
               if name in LAYERS
               else jinpaint.from_torch(name, state, **options))
  # As they are called in the file, where the converter renames them.
  published = {ours: theirs for ours, array in converter.prepare(state).items()
               for theirs, other in state.items()
               if other is array and ours not in state}
  keys = {published.get(leaf.key, leaf.key): leaf.path[1:] for leaf in leaves}

  outputs = dict(golden.outputs)
  if 'second' in outputs:
    assert_close(second_call(name, options, state, golden),
                 outputs.pop('second'), 'second')
  arguments = (network, variables, golden,
               OUTPUTS.get(name, jax.tree.leaves),
               FURTHER.get(name, lambda _: ())(golden))
  named, input_grads, grads = run(*arguments)
  for output, expected in outputs.items():
    assert_close(named[output], expected, output, SATURATED.get(name, 1e-4))
  for feature, expected in golden.features.items():
    assert_statistics(np.asarray(named[feature]), expected, feature)
  own = sum(array.size for array in jax.tree.leaves(
      variables.get('params', {})))
  assert own + golden.count_unused(keys) == golden.params
  assert golden.grad_norms.keys() <= keys.keys()
  limits = GRADIENTS.get(name, (1e-3, 1e-3))
  try:
    assert_gradients(input_grads, grads, golden, keys, *limits)
  except AssertionError:
    # Where float32 has rounded another way than the published code has: in
    # float64 no sign of a feature is left to rounding.
    _, input_grads, grads = run_in_float64(monkeypatch, *arguments)
    assert_gradients(input_grads, grads, golden, keys, *limits)


def assert_gradients(input_grads, grads, golden, keys, for_inputs, for_norms):
  """Compares gradients for inputs, and the norms of all, see `GRADIENTS`."""
  for key, expected in golden.input_grads.items():
    length = np.linalg.norm(expected)
    error = np.linalg.norm(input_grads[key] - expected)
    assert error <= for_inputs * length, f'gradient of {key}'
    assert np.linalg.norm(input_grads[key]) == pytest.approx(
        length, rel=for_norms), f'gradient norm of {key}'
  assert_norms({key: norm(grads, path) for key, path in keys.items()},
               golden.grad_norms, for_norms)


# Of the loss, so that no gradient is too small for float32: the U-Net of
# partial convolutions has some of 1e-20.
SCALE = 2.0**40


def find(name, options, golden):
  """Returns a network and its converter."""
  if layer := LAYERS.get(name):
    inputs = jax.eval_shape(lambda: tuple(golden.inputs.values()))
    return layer.make(golden), torch_layout.Converter(
        layer.names, inputs, ignored=layer.ignored)
  if name in networks.REGISTRY:
    return networks.create(name, **options), converters.converter_of(name)
  return pytest.skip(f'there is no network {name} yet')


def run(network, variables, golden, read, further):
  """Returns outputs by name, and gradients of mean(first output * probe)."""
  def loss(params, inputs):
    arrays = read(network.apply({**variables, 'params': params}, *inputs,
                                *further))
    named = dict(zip(golden.output_names, arrays, strict=True))
    total = jnp.mean(named[golden.output_names[0]] * golden.probe)
    return total * SCALE, named

  (_, named), (grads, input_grads) = jax.jit(
      jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))(
          variables.get('params', {}), tuple(golden.inputs.values()))
  grads, input_grads = jax.tree.map(
      lambda x: np.asarray(x, np.float64) / SCALE, (grads, input_grads))
  return named, dict(zip(golden.inputs, input_grads, strict=True)), grads


def run_in_float64(monkeypatch, network, variables, golden, read, further):
  """Returns what `run` does, computed in float64."""
  with precision.float64(monkeypatch) as double:
    golden = copy.copy(golden)
    golden.inputs, golden.probe = double(golden.inputs), double(golden.probe)
    return run(network, double(variables), golden, read, double(further))


def second_call(name, options, state, golden):
  """Returns the scores after the spectral vectors have moved once more."""
  options = {**options, 'spectral_norm': True}
  (scores, _), _ = networks.create(name, **options).apply(
      jinpaint.from_torch(name, state, **options), *golden.inputs.values(),
      train=True, mutable=['spectral'])
  return scores


# Registered name -> share of an output's deviation that it may be off by, where
# not 1e-4: this one's saturate, and jump where rounding decides a sign. The
# published code in float32 is as far from itself in float64.
SATURATED = {'sketchrefiner_texture_restoration': 2e-3}


def tolerance(std, share=1e-4):
  return share * float(std) + 1e-5


def assert_close(actual, expected, name, share=1e-4):
  if name == 'valid':  # one channel; the published mask repeats it
    actual = np.broadcast_to(actual, expected.shape)
  assert actual.shape == expected.shape
  np.testing.assert_allclose(actual, expected, rtol=0,
                             atol=tolerance(expected.std(), share),
                             err_msg=name)


def assert_statistics(actual, expected, name):
  assert list(actual.shape) == expected['shape']
  for statistic, value in (('mean', actual.mean()), ('min', actual.min()),
                           ('std', actual.std(ddof=1))):
    assert value == pytest.approx(
        expected.get(statistic, value), abs=tolerance(expected['std'])), (
            name, statistic)


def norm(grads, path):
  for name in path:
    grads = grads[name]
  return float(np.linalg.norm(grads.ravel()))


def assert_norms(actual, expected, rel):
  """Compares gradient norms, of parameters without one to zero.

  A bias in front of an instance norm has no gradient but rounding errors, about
  1e-6 of its layer's weight's, more in large images: 1e-4 of a layer's largest
  is as zero. So is 1e-18, whose square PyTorch's float32 does not hold.
  """
  largest = {}
  for key, value in expected.items():
    layer = key.rpartition('.')[0]
    largest[layer] = max(value, largest.get(layer, 0.0))
  for key, value in actual.items():
    floor = max(1e-4 * largest.get(key.rpartition('.')[0], 0.0), 1e-18)
    assert value == pytest.approx(expected.get(key, 0.0), rel=rel,
                                  abs=floor), f'gradient norm of {key}'


@pytest.mark.parametrize('path', golden_files.losses(), ids=lambda p: p.stem)
class TestLosses:
  """Losses and metrics of images, as EdgeConnect's code computes them."""

  @pytest.fixture
  def golden(self, path):
    return json.loads(path.read_text())

  @pytest.fixture
  def image(self, path, golden):
    """Makes the recorded images: name and channels -> (B, H, W, C)."""
    shape = np.load(path.with_suffix('.npz'))['grad/style'].shape
    return lambda name, channels=3: jnp.asarray(
        fill.image(name, (*shape[:3], channels), golden['seed']))

  @pytest.fixture
  def vgg19(self, golden):
    """Returns VGG-19's function and the recorded weights.

    They are its argument: as constants of a program they would be folded.
    """
    layers = tuple(golden['vgg_features'])
    network = jinpaint.create('vgg19', layers=layers, normalize=False)
    variables = jinpaint.from_torch('vgg19', golden_files.vgg19(golden['seed']))
    return network.apply, variables

  def test_vgg_19_has_the_recorded_features(self, golden, image, vgg19):
    apply, variables = vgg19
    features = jax.jit(apply)(variables, image('target'))
    for name, expected in golden['vgg_features'].items():
      assert_statistics(np.asarray(features[name]), expected, name)

  @pytest.mark.slow
  @pytest.mark.parametrize(('name', 'loss', 'layers'), [
      ('style', losses.style, ('relu2_2', 'relu3_4', 'relu4_4', 'relu5_2')),
      ('perceptual', losses.perceptual,
       ('relu1_1', 'relu2_1', 'relu3_1', 'relu4_1', 'relu5_1'))])
  def test_feature_loss_and_its_gradient(self, path, golden, image, vgg19,
                                         name, loss, layers):
    apply, variables = vgg19

    def value(prediction, variables):
      images = jnp.concatenate([prediction, image('target')])
      features = apply(variables, images)
      return loss(*zip(*(jnp.split(features[layer], 2) for layer in layers),
                       strict=True))
    actual, gradient = jax.jit(jax.value_and_grad(value))(
        image('pred'), variables)
    assert float(actual) == pytest.approx(golden[name], rel=1e-4)
    expected = np.load(path.with_suffix('.npz'))[f'grad/{name}']
    error = np.linalg.norm(gradient - expected)
    assert error <= 1e-3 * np.linalg.norm(expected)

  @pytest.mark.parametrize('name', ['nsgan', 'lsgan', 'hinge'])
  def test_adversarial_loss(self, golden, name):
    scores = fill.image('scores', (2, 6, 6, 1), golden['seed']) * 2 - 1
    if name != 'hinge':
      scores = jax.nn.sigmoid(scores)
    loss, expected = losses.ADVERSARIAL[name], golden['adversarial'][name]
    np.testing.assert_allclose(
        [loss.real(scores), loss.fake(scores), loss.generator(scores)],
        [expected['disc_real'], expected['disc_fake'], expected['gen']],
        rtol=1e-5)

  def test_metrics(self, golden, image):
    pair = image('pred'), image('target')
    # The published scripts measure a batch as if it were one tall image.
    tall = lambda *xs: [x.reshape(1, -1, *x.shape[2:]) for x in xs]
    edges = tall(image('e2', 1), image('e1', 1))
    inside = jnp.pad(jnp.ones_like(pair[0][:, 5:-5, 5:-5, :1]),
                     ((0, 0), (5, 5), (5, 5), (0, 0)))
    rounded = [jnp.round(x * 255) / 255 for x in tall(*pair)]
    actual = {
        'psnr_1': metrics.psnr(*pair),
        'psnr_255_rounded': metrics.psnr(*rounded),
        'mae_edgeconnect': metrics.relative_l1(*tall(*pair), by='both'),
        'ssim_win11_uniform': metrics.ssim(*pair, window=11),
        'ssim_win11_gaussian': metrics.ssim_gaussian(*pair, inside),
        'edge_precision': metrics.edge_precision(*edges),
        'edge_recall': metrics.edge_recall(*edges),
    }
    for name, value in actual.items():
      np.testing.assert_allclose(value, np.ravel(golden[name]), atol=1e-5,
                                 err_msg=name)
