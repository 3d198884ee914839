"""From images to the features of FID: resizing, scaling, and the network."""

import functools
import json

from golden import lpips_images
import golden_files
import numpy as np
from PIL import Image
import pytest

import jinpaint
from jinpaint.errors import UsageError
from jinpaint.evaluation import inception

PATH = golden_files.FOLDER / 'fid_inception.json'
MANIFEST = json.loads(PATH.read_text())
ARRAYS = np.load(PATH.with_suffix('.npz'))
VARIANTS = [pytest.param(name, id=name.removeprefix('fid/'))
            for name in inception.VARIANTS]


@functools.cache
def variables():
  return jinpaint.from_torch(
      'fid_inception', golden_files.Golden(PATH).state_dict({}))


def images(name):
  """The recorded images, (B, H, W, 3) uint8."""
  if name == 'small':
    return ARRAYS['pipeline/small']
  large = MANIFEST['large']
  return lpips_images.photograph(large['photograph'], large['crop'])[None]


@pytest.mark.parametrize('variant', VARIANTS)
@pytest.mark.parametrize('name', ['small', 'large'])
def test_images_are_resized_as_published_programs_do(variant, name):
  recorded = variant.removeprefix('fid/')
  places = np.ix_(*2 * [MANIFEST['resized_index']])
  resized = np.stack([inception.resize(image, variant)
                      for image in images(name)])
  np.testing.assert_allclose(
      resized[:, *places], ARRAYS[f'resized/{recorded}/{name}'], atol=1e-3)
  statistics = MANIFEST['resized'][recorded][name]
  found = {key: getattr(resized.astype(np.float64), key)()
           for key in ('mean', 'min', 'max')}
  assert found == {key: pytest.approx(statistics[key], abs=1e-3)
                   for key in found}


@pytest.mark.parametrize('feature', [
    pytest.param(feature, marks=[] if feature == '2048' else [pytest.mark.slow])
    for feature in inception.FEATURES])
def test_features_are_those_of_the_published_programs(feature):
  for variant in inception.VARIANTS:
    extractor = inception.Extractor(variables(), variant, feature=feature,
                                    batch_size=4)
    found = extractor([*images('small'), *images('large')])
    recorded = variant.removeprefix('fid/')
    expected = np.concatenate([
        ARRAYS[f'pipeline/{recorded}/{name}/{feature}']
        for name in ('small', 'large')])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0,
                               atol=1e-4 * expected.std())


def test_features_do_not_depend_on_what_is_in_a_batch():
  """Nor on padding: five images are a batch and a part of one."""
  extractor = inception.Extractor(variables(), feature='64', batch_size=4)
  sizes = [(96, 80), (64, 64), (96, 80), (1, 2), (299, 299)]
  made = [np.random.default_rng(i).integers(0, 256, (*size, 3), np.uint8)
          for i, size in enumerate(sizes)]
  together = extractor(iter(made))
  assert together.shape == (5, 64)
  for image, feature in zip(made, together, strict=True):
    np.testing.assert_allclose(extractor(image[None])[0], feature, rtol=1e-5,
                               atol=1e-6)
  assert extractor([]).shape == (0, 64)


def test_clean_is_what_pillow_does():
  image = np.random.default_rng(0).integers(0, 256, (401, 210, 3), np.uint8)
  channels = [np.asarray(Image.fromarray(channel.astype(np.float32)).resize(
      (299, 299), Image.Resampling.BICUBIC)) for channel in np.moveaxis(
          image, -1, 0)]
  np.testing.assert_allclose(
      inception.resize(image, 'fid/clean'),
      np.clip(np.stack(channels, axis=-1), 0, 255), atol=1e-3)


@pytest.mark.parametrize('variant', VARIANTS)
def test_an_image_of_the_networks_size_stays_as_it_is(variant):
  image = np.random.default_rng(0).integers(0, 256, (299, 299, 3), np.uint8)
  np.testing.assert_array_equal(inception.resize(image, variant), image)


def test_what_is_no_image_of_8_bits_is_refused_in_one_line():
  image = np.zeros((80, 80, 3), np.uint8)
  for other in (image / 255, image[..., :1], image[..., 0], image[:0]):
    with pytest.raises(UsageError, match=r'RGB images .* of 8 bits'):
      inception.resize(other, 'fid/clean')
  for wrong in ({'variant': 'fid/cleaned'}, {'feature': '2047'}):
    with pytest.raises(UsageError, match='did you mean'):
      inception.Extractor({}, **wrong)
