"""Batches: the same for any number of workers and after any interruption."""

import dataclasses
import gc
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from jinpaint.data import files, pipeline
from jinpaint.data.examples import Data, Examples
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance

DATA = Data(
    source='photos', eval_source='', size=16, crop='random', scales=(0.3, 1.0),
    precrop=0, flip=True, noise=0.1, mask='lines', mask_ratio=(),
    mask_pairing='random', mask_hole='white', edge='', workers=0,
    max_bad_images=10)
EDGE = 'canny:sigma=1-4:hole=masked'
BROKEN = ('02.png', '05.png')


def data(**changes):
  return dataclasses.replace(DATA, **changes)


def colour(number):
  return np.asarray((20 * number, 255 - 20 * number, 7 * number), np.uint8)


def plain(number, height=20, width=24):
  return np.broadcast_to(colour(number), (height, width, 3)).copy()


def numbers(batch):
  """Which of the `plain` pictures a batch shows."""
  means = batch['image'].mean(axis=(1, 2)) * 255
  found = np.rint(means[:, 2] / 7).astype(int)
  np.testing.assert_allclose(means, [colour(n) for n in found], atol=0.01)
  return found.tolist()


def write(root, name, pixels):
  files.write(root / name, files.Picture(pixels))


@pytest.fixture(scope='module')
def ten(tmp_path_factory):
  """Ten plain pictures to train on and three, 10 to 12, held out."""
  root = tmp_path_factory.mktemp('ten')
  for number in range(10):
    write(root, f'train/{number:02}.png', plain(number))
  for number in range(10, 13):
    write(root, f'validation/{number:02}.png', plain(number, 40, 30))
  return f'folder:{root}'


@pytest.fixture(scope='module')
def noisy(tmp_path_factory):
  """Pictures of which no two crops are alike; two files are broken."""
  root = tmp_path_factory.mktemp('noisy')
  rng = np.random.default_rng(0)
  for number in range(7):
    pixels = rng.integers(256, size=(30, 40, 3), dtype=np.uint8)
    for side in ('train', 'validation'):
      write(root, f'{side}/{number:02}.png', pixels)
      if f'{number:02}.png' in BROKEN:
        path = root / side / f'{number:02}.png'
        path.write_bytes(path.read_bytes()[:500])
  return f'folder:{root}'


@pytest.fixture(scope='module')
def tfds(tmp_path_factory):
  """TFDS with data sets of `plain` pictures, made on the spot."""
  import tensorflow_datasets as tfds
  feature = tfds.features

  class _Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
      return tfds.core.DatasetInfo(
          builder=self, features=feature.FeaturesDict(self.features))

    def _split_generators(self, manager):
      del manager
      return {split: self._generate_examples(range(*span))
              for split, span in self.spans.items()}

    def _generate_examples(self, span):
      for number in span:
        yield number, {name: self.example(number) for name in self.features}

  def register(name, features, example, **spans):
    type(name, (_Builder,), {'features': features, 'spans': spans,
                             'example': staticmethod(example)})

  register('TrainOnly', {'image': feature.Image(shape=(None, None, 3))},
           plain, train=(0, 10))
  register('DeepGrey', {'image': feature.Image(
      shape=(None, None, 1), dtype=np.uint16, encoding_format='png')},
      lambda number: np.full((20, 24, 1), 257 * 20 * number, np.uint16),
      train=(0, 5), test=(5, 8))
  register('Wordy', {'text': feature.Text()}, str, train=(0, 3))

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(tfds.core.constants, 'DATA_DIR',
                  str(tmp_path_factory.mktemp('tfds')))
    yield tfds


def train(count, *, batch_size=4, seed=0, position=0, **changes):
  wanted = data(**changes)
  batches = pipeline.train_batches(
      wanted, batch_size=batch_size, seed=seed, position=position,
      guidance=Guidance(wanted, training=True))
  return [next(batches) for _ in range(count)]


def held_out(*, batch_size=4, seed=0, limit=0, **changes):
  wanted = data(**changes)
  return list(pipeline.eval_batches(
      wanted, batch_size=batch_size, seed=seed, limit=limit,
      guidance=Guidance(wanted, training=False)))


def assert_same(ours, theirs):
  assert len(ours) == len(theirs)
  for one, other in zip(ours, theirs, strict=True):
    assert one.keys() == other.keys()
    for key in one:
      np.testing.assert_array_equal(one[key], other[key], err_msg=key)


# What a batch is


def test_a_training_batch_is_what_the_table_of_keys_says(noisy):
  for batch in train(3, source=noisy):
    assert {key: (value.shape, value.dtype.name)
            for key, value in batch.items()} == {
        'image': ((4, 16, 16, 3), 'float32'),
        'mask': ((4, 16, 16, 1), 'float32'),
        'noise': ((4, 16, 16, 3), 'float32'), 'position': ((), 'int64')}
    assert 0 <= batch['image'].min() < 0.2
    assert 0.8 < batch['image'].max() <= 1
    assert set(np.unique(batch['mask'])) == {0, 1}


def test_a_held_out_batch_has_weights_and_no_noise(ten):
  [batch] = held_out(source=ten)
  assert {key: (value.shape, value.dtype.name)
          for key, value in batch.items()} == {
      'image': ((4, 16, 16, 3), 'float32'), 'mask': ((4, 16, 16, 1), 'float32'),
      'weight': ((4,), 'float32'), 'index': ((4,), 'int64')}


def test_colours_come_in_the_order_red_green_blue(tmp_path):
  write(tmp_path, 'a.png', np.full((8, 8, 3), (255, 51, 0), np.uint8))
  [batch] = held_out(eval_source=f'folder:{tmp_path}', batch_size=1)
  np.testing.assert_allclose(batch['image'][0, 3, 3], (1, 0.2, 0), rtol=1e-6)


def test_noise_has_its_deviation_and_leaves_the_image_alone(ten):
  batches = train(10, source=ten, noise=0.05, size=32)
  noise = np.stack([batch['noise'] for batch in batches])
  assert abs(noise.mean()) < 5 * 0.05 / noise.size ** 0.5
  np.testing.assert_allclose(noise.std(), 0.05, rtol=0.01)
  for batch in batches:
    numbers(batch)  # plain as they were


def test_without_noise_there_is_no_such_key(ten):
  [batch] = train(1, source=ten, noise=0.0)
  assert 'noise' not in batch


def test_edges_come_where_they_are_asked_for_and_are_padded(noisy):
  edges = lambda batch: {key: (value.shape, value.dtype.name)
                         for key, value in batch.items() if 'edge' in key}
  one = ((4, 16, 16, 1), 'float32')
  asked = dict(source=noisy, edge='canny:sigma=1')
  assert edges(train(1, source=noisy)[0]) == {}
  assert edges(train(1, **asked)[0]) == {'true_edge': one}
  both = {'true_edge': one, 'known_edge': one}
  assert edges(train(1, source=noisy, edge='canny:hole=masked')[0]) == both
  whole, padded = held_out(**asked)
  assert edges(whole) == edges(padded) == both
  for key in both:
    assert padded[key].any(axis=(1, 2, 3)).tolist() == [True] + [False] * 3


# The same for any number of workers, and after any interruption


@pytest.fixture(scope='module')
def uninterrupted(noisy):
  # 32 of 5 readable: 6 epochs
  return train(8, source=noisy, workers=1, edge=EDGE)


@pytest.mark.parametrize('workers', [2, 5, 0])
def test_any_number_of_workers_makes_the_same_batches(
    workers, noisy, uninterrupted):
  assert_same(train(8, source=noisy, workers=workers, edge=EDGE), uninterrupted)
  assert_same(held_out(source=noisy, workers=workers, edge=EDGE),
              held_out(source=noisy, workers=1, edge=EDGE))


@pytest.mark.parametrize('done', [1, 2, 5])
def test_going_on_from_a_position_gives_the_batches_that_follow(
    done, noisy, uninterrupted):
  # Across borders of epochs, and over broken images.
  position = int(uninterrupted[done - 1]['position'])
  assert_same(train(8 - done, source=noisy, position=position, edge=EDGE),
              uninterrupted[done:])


def test_positions_count_what_was_passed_broken_images_too(
    noisy, uninterrupted):
  positions = [int(batch['position']) for batch in uninterrupted]
  assert positions == sorted(set(positions))
  # 5 of 7 can be read: 32 examples lie within 6 to 7 epochs of 7.
  assert 6 * 7 < positions[-1] <= 7 * 7


def test_an_epoch_shows_every_photograph_once_in_an_order_of_its_own(ten):
  shown = [n for batch in train(10, source=ten) for n in numbers(batch)]
  epochs = [shown[i:i + 10] for i in range(0, 40, 10)]
  for epoch in epochs:
    assert sorted(epoch) == list(range(10))
  assert len(set(map(tuple, epochs))) == 4
  assert list(range(10)) not in epochs


def test_every_epoch_has_other_crops_masks_and_noise(tmp_path):
  rng = np.random.default_rng(0)
  pixels = rng.integers(256, size=(64, 64, 3), dtype=np.uint8)
  for side in ('train', 'validation'):
    write(tmp_path, f'{side}/only.png', pixels)
  batches = train(6, source=f'folder:{tmp_path}', batch_size=1)
  for key in ('image', 'mask', 'noise'):
    assert len({batch[key].tobytes() for batch in batches}) == 6


def test_the_seed_decides_order_crops_masks_and_noise(noisy):
  same, again, other = (train(1, source=noisy, seed=seed)[0]
                        for seed in (3, 3, 4))
  assert_same([same], [again])
  for key in ('image', 'mask', 'noise'):
    assert (same[key] != other[key]).any()


def test_half_of_the_training_images_are_mirrored_and_no_held_out_one(tmp_path):
  ramp = np.broadcast_to(np.arange(16, dtype=np.uint8)[:, None] * 16,
                         (16, 16, 3)).copy()
  for side in ('train', 'validation'):
    for number in range(50):
      write(tmp_path, f'{side}/{number}.png', ramp)
  kwargs = dict(source=f'folder:{tmp_path}', crop='center')
  mirrored = lambda image: image[0, 0, 0] > image[0, -1, 0]
  flips = [mirrored(image) for batch in train(25, **kwargs)
           for image in batch['image']]
  assert 30 <= sum(flips) <= 70
  assert not any(mirrored(image) for batch in held_out(**kwargs)
                 for image in batch['image'])
  assert not any(mirrored(image) for batch in train(25, flip=False, **kwargs)
                 for image in batch['image'])


# Evaluation


def test_a_held_out_example_depends_on_seed_and_index_alone(noisy):
  by_index = lambda batches: {
      int(index): (image.tobytes(), mask.tobytes())
      for batch in batches for index, image, mask, weight in zip(
          batch['index'], batch['image'], batch['mask'], batch['weight'],
          strict=True) if weight}
  whole = by_index(held_out(source=noisy, batch_size=3))
  assert sorted(whole) == [0, 1, 3, 4, 6]  # 2 and 5 are broken
  assert len(set(whole.values())) == 5
  assert by_index(held_out(source=noisy, batch_size=8)) == whole
  few = by_index(held_out(source=noisy, batch_size=2, limit=3))
  assert few == {index: whole[index] for index in (0, 1)}  # the first three
  other = by_index(held_out(source=noisy, seed=1))
  for index in whole:
    assert other[index][0] != whole[index][0]
    assert other[index][1] != whole[index][1]


def test_training_does_not_touch_the_held_out_examples(ten):
  before = held_out(source=ten)
  train(5, source=ten)
  assert_same(held_out(source=ten, noise=0.5, flip=False), before)


@pytest.mark.parametrize(('limit', 'count'), [(0, 3), (1, 1), (3, 3), (9, 3)])
def test_the_last_batch_is_padded_with_weight_zero(limit, count, ten):
  batches = held_out(source=ten, batch_size=2, limit=limit)
  weights = np.concatenate([batch['weight'] for batch in batches])
  assert weights.tolist() == [1] * count + [0] * (count % 2)
  assert all(len(batch['image']) == 2 for batch in batches)
  shown = [n for batch in batches for n in numbers(
      {'image': batch['image'][batch['weight'] == 1]})]
  assert shown == [10, 11, 12][:count]


def test_a_negative_limit_is_refused(ten):
  with pytest.raises(UsageError, match='the limit is -3'):
    held_out(source=ten, limit=-3)


def test_an_eval_source_replaces_the_held_out_part_and_is_read_whole(
    ten, tmp_path):
  for number in range(5):
    write(tmp_path, f'{number}.png', plain(number))
  batches = held_out(source=ten, eval_source=f'folder:{tmp_path}', batch_size=5)
  assert [numbers(batch) for batch in batches] == [[0, 1, 2, 3, 4]]
  # It need not exist to train, nor the source to evaluate.
  train(1, source=ten, eval_source='folder:nowhere')
  held_out(source='folder:nowhere', eval_source=f'folder:{tmp_path}')


def test_the_names_of_held_out_examples_are_known(ten, noisy):
  batches = pipeline.eval_batches(data(source=ten), batch_size=2, seed=0)
  assert batches.source.names == ('10.png', '11.png', '12.png')
  assert len(batches.source) == 3


# Broken images


def test_a_broken_image_is_named_once_skipped_and_never_replaced(
    tmp_path, capsys):
  for number in range(6):
    write(tmp_path, f'train/{number:02}.png', plain(number))
  write(tmp_path, 'validation/v.png', plain(7))
  (tmp_path / 'train' / '02.png').write_bytes(b'')
  path = tmp_path / 'train' / '05.png'
  path.write_bytes(path.read_bytes()[:-9])
  batches = pipeline.train_batches(
      data(source=f'folder:{tmp_path}'), batch_size=4, seed=0)
  shown = [n for _ in range(6) for n in numbers(next(batches))]
  for i in range(0, 24, 4):  # each epoch the same four, and nothing in place
    assert sorted(shown[i:i + 4]) == [0, 1, 3, 4]
  assert batches.skipped == (
      f'{tmp_path}/train/02.png (an empty file)',
      f'{tmp_path}/train/05.png (broken, cut off, or no image)')
  # Not capfd's: workers go on, and libpng writes while that is being read.
  said = capsys.readouterr().err
  for name in ('02.png', '05.png'):
    assert said.count(f'skipped a broken image: {tmp_path}/train/{name}') == 1


def test_held_out_images_that_are_broken_are_skipped_and_counted(noisy):
  batches = pipeline.eval_batches(data(source=noisy), batch_size=2, seed=0)
  found = [int(index) for batch in batches for index, weight in zip(
      batch['index'], batch['weight'], strict=True) if weight]
  assert found == [0, 1, 3, 4, 6]
  assert [Path(name.split(' ')[0]).name for name in batches.skipped] == list(
      BROKEN)


@pytest.mark.parametrize('workers', [1, 0])
def test_more_broken_images_than_allowed_stop_the_run(workers, noisy):
  kwargs = dict(source=noisy, workers=workers)
  for batches in (train, held_out):
    args = (4,) if batches is train else ()
    batches(*args, max_bad_images=2, **kwargs)
    with pytest.raises(UsageError, match=(
        '2 broken images, and data.max_bad_images is 1; the last is '
        r'.*0[25]\.png')) as caught:
      batches(*args, max_bad_images=1, **kwargs)
    assert '\n' not in str(caught.value)


def test_a_folder_of_broken_images_ends_with_an_error(tmp_path):
  for i in range(3):
    (tmp_path / f'{i}.png').write_text('no image')
  for side in ('source', 'eval_source'):
    stream = train if side == 'source' else held_out
    with pytest.raises(UsageError, match='not one image can be read'):
      stream(*([1] if stream is train else []), **{side: f'folder:{tmp_path}'})
  # So it does where only those that are looked at are broken.
  write(tmp_path, '3.png', plain(3))
  with pytest.raises(UsageError, match='not one image can be read'):
    held_out(eval_source=f'folder:{tmp_path}', limit=3)
  [batch] = held_out(eval_source=f'folder:{tmp_path}', limit=4)
  assert batch['weight'].sum() == 1


def test_what_a_worker_cannot_do_is_said_in_one_line(ten):
  with pytest.raises(UsageError) as caught:
    train(1, source=ten, mask_ratio=(0.95, 0.99))
  assert 'hole ratio of 0.95 to 0.99' in str(caught.value)
  assert '\n' not in str(caught.value)


def test_a_stream_can_be_dropped_while_a_graph_is_built(ten):
  import tensorflow as tf
  batches = pipeline.train_batches(data(source=ten), batch_size=2, seed=0)
  next(batches)
  dropped = [batches]
  del batches

  @tf.function
  def graph():
    dropped.clear()
    gc.collect()
    return tf.constant(7)

  assert int(graph()) == 7
  assert [op.type for op in graph.get_concrete_function().graph.get_operations()
          ] == ['Const', 'Identity']


# Crops


def view(pixels, index=0, **changes):
  """A held-out example of a picture."""
  examples = Examples(data(**changes), seed=0, training=False)
  return np.rint(examples.make(pixels, 0, index)['image'] * 255)


def places(height, width):
  """A picture whose pixels say where they are: (row, column, 0)."""
  rows, columns = np.mgrid[:height, :width]
  return np.dstack([rows, columns, 0 * rows]).astype(np.uint8)


@pytest.mark.parametrize(('height', 'width'), [(32, 32), (20, 50), (51, 16)])
def test_center_takes_the_middle_square(height, width):
  side = min(height, width)
  made = view(places(height, width), crop='center', size=side)
  top, left = (height - side) // 2, (width - side) // 2
  np.testing.assert_array_equal(
      made, places(height, width)[top:top + side, left:left + side])


def test_a_precrop_comes_first_and_never_exceeds_the_image():
  # As CelebA's: 178 from the middle of 218 x 178; here 20 of 30 x 24.
  made = view(places(30, 24), crop='center', size=20, precrop=20)
  np.testing.assert_array_equal(made, places(30, 24)[5:25, 2:22])
  made = view(places(30, 24), crop='center', size=24, precrop=100)
  np.testing.assert_array_equal(made, places(30, 24)[3:27])
  for index in range(20):  # random crops stay inside
    made = view(places(30, 24), index, crop='random', size=8, precrop=10)
    assert made[..., 0].min() >= 10
    assert made[..., 0].max() < 20
    assert made[..., 1].min() >= 7
    assert made[..., 1].max() < 17


def test_squash_shows_the_whole_image():
  made = view(places(32, 64), crop='squash', size=16)
  # Means of blocks of 2 x 4.
  np.testing.assert_allclose(made[:, 0, 0], np.arange(16) * 2 + 0.5, atol=0.5)
  np.testing.assert_allclose(made[0, :, 1], np.arange(16) * 4 + 1.5, atol=0.5)


def test_random_crops_are_squares_of_all_sizes_and_places():
  examples = Examples(data(crop='random', scales=(0.25, 0.5), size=16),
                      seed=0, training=False)
  extents, corners = [], []
  for index in range(300):
    made = examples.make(places(100, 200), 0, index)['image'] * 255
    rows, columns = np.ptp(made[..., 0]), np.ptp(made[..., 1])
    np.testing.assert_allclose(rows, columns, atol=1.1)  # square
    extents.append(rows * 16 / 15)
    corners.append((made[..., 0].min(), made[..., 1].min()))
  assert 24 <= min(extents) < 27
  assert 47 < max(extents) <= 51.5
  top, left = np.asarray(corners).max(axis=0)
  assert top > 60
  assert left > 150
  assert np.min(corners) < 5


@pytest.mark.parametrize('crop', ['center', 'random', 'squash'])
@pytest.mark.parametrize('shape', [(1, 1), (3, 5), (1, 40), (15, 200)])
def test_images_smaller_than_the_example_are_enlarged(crop, shape):
  made = view(np.full((*shape, 3), 77, np.uint8), crop=crop, size=16)
  np.testing.assert_array_equal(made, np.full((16, 16, 3), 77))


def test_masks_are_turned_and_mirrored_with_their_image_where_asked_to(
    tmp_path):
  corner = np.zeros((16, 16), np.uint8)
  corner[:4, :8] = 255
  write(tmp_path, 'm.png', corner)
  photograph = places(16, 16)
  asked = data(crop='center', mask=f'files:{tmp_path}')
  made = [Examples(dataclasses.replace(asked, mask_turn=turn), seed=0,
                   training=training).make(photograph, epoch, 0)
          for training, turn in ((True, True), (True, False), (False, True))
          for epoch in range(40)]
  turned, plain, held_out = made[:40], made[40:80], made[80:]
  found = set()
  for example in turned:
    mirrored = example['image'][0, 0, 1] > example['image'][0, -1, 1]
    mask = corner[:, ::-1] if mirrored else corner
    turns = [k for k in range(4) if (
        np.rot90(mask, k) / 255 == example['mask'][..., 0]).all()]
    found.add((bool(mirrored), *turns))
  assert found == {(mirrored, k) for mirrored in (False, True)
                   for k in range(4)}
  for example in plain + held_out:
    np.testing.assert_array_equal(example['mask'][..., 0], corner / 255)
  for a, b in zip(turned, plain, strict=True):  # nothing else moves
    np.testing.assert_array_equal(a['image'], b['image'])
  with pytest.raises(UsageError, match=r'mask_turn would turn masks that'):
    data(mask_turn=True, mask_pairing='stem')


def test_masks_paired_by_stem_stay_with_what_they_cover(tmp_path):
  rng = np.random.default_rng(0)
  for number in range(4):
    # White where the mask is: also after crop, resize and flip.
    hole = np.kron(rng.integers(2, size=(6, 8), dtype=np.uint8),
                   np.full((16, 16), 255, np.uint8))
    write(tmp_path, f'photos/train/x/{number}.png', np.dstack([hole] * 3))
    write(tmp_path, f'photos/validation/{number}.png', np.dstack([hole] * 3))
    write(tmp_path, f'masks/{number}.bmp', hole)
  paired = dict(source=f'folder:{tmp_path}/photos', size=32,
                mask=f'files:{tmp_path}/masks', mask_pairing='stem')
  for batch in train(4, **paired) + held_out(**paired):
    differing = (batch['image'][..., :1] > 0.5) != batch['mask']
    assert differing.mean() < 0.05


def test_a_photograph_without_its_mask_is_named_before_work_starts(
    ten, tmp_path):
  for number in range(9):
    write(tmp_path, f'{number:02}.png', np.zeros((8, 8), np.uint8))
  with pytest.raises(UsageError, match=r'09\.png'):
    pipeline.train_batches(
        data(source=ten, mask=f'files:{tmp_path}', mask_pairing='stem'),
        batch_size=2, seed=0)


def test_a_photograph_without_its_edge_map_is_named_before_work_starts(
    ten, tmp_path):
  for number in range(9):
    write(tmp_path, f'{number:02}.png', np.zeros((20, 24), np.uint8))
  wanted = data(source=ten, edge=f'files:{tmp_path}')
  with pytest.raises(UsageError, match=r'09\.png'):
    pipeline.train_batches(wanted, batch_size=2, seed=0,
                           guidance=Guidance(wanted, training=True))


# TFDS


def test_a_tfds_stream_has_no_names_to_find_edge_maps_by(tfds, tmp_path):
  write(tmp_path, '0.png', np.zeros((20, 24), np.uint8))
  for batches in (lambda **kwargs: train(1, **kwargs), held_out):
    with pytest.raises(UsageError, match='these photographs have no names'):
      batches(source='tfds:train_only', edge=f'files:{tmp_path}')


def test_a_tfds_stream_goes_on_where_it_stopped(tfds):
  source = dict(source='tfds:train_only', crop='center')
  whole = train(8, **source)  # 32 of 9: over three borders
  assert_same(train(8, workers=1, **source), whole)
  for done in (1, 2, 3, 6):
    assert_same(train(8 - done, position=int(whole[done - 1]['position']),
                      **source), whole[done:])


def test_tfds_without_a_held_out_split_holds_out_the_last_tenth(tfds):
  source = dict(source='tfds:train_only', crop='center')
  shown = [n for batch in train(9, **source) for n in numbers(batch)]
  [batch] = held_out(**source)
  [unseen] = numbers({'image': batch['image'][batch['weight'] == 1]})
  epochs = [shown[i:i + 9] for i in range(0, 36, 9)]
  for epoch in epochs:
    assert {*epoch, unseen} == set(range(10))
  assert len(set(map(tuple, epochs))) == 4
  # And an explicit "train" is no other than the default.
  assert_same(train(2, source='tfds:train_only:train', crop='center'),
              train(2, **source))


def test_tfds_splits_may_be_slices_unions_and_versions(tfds):
  for spec, count in [('train[:3]', 3), ('train[:20%]+train[80%:]', 4),
                      ('1.0.0:train[2:7]', 5), ('all', 10)]:
    batches = pipeline.train_batches(
        data(source=f'tfds:train_only:{spec}', crop='center'),
        batch_size=count, seed=0)
    assert len(batches.source) == count
    assert len(set(numbers(next(batches)))) == count
  evaluated = held_out(eval_source='tfds:train_only:train[:4]', crop='center')
  assert len(set(numbers(evaluated[0]))) == 4


def test_tfds_held_out_splits_are_used_and_deep_grey_becomes_rgb(tfds):
  kwargs = dict(source='tfds:deep_grey', crop='center')
  levels = lambda batches: sorted({
      tuple(np.rint(image.mean(axis=(0, 1)) * 255).astype(int))
      for batch in batches for image in batch['image'] if image.any()})
  assert levels(train(5, **kwargs)) == [(20 * n,) * 3 for n in (1, 2, 3, 4)]
  assert levels(held_out(**kwargs)) == [(20 * n,) * 3 for n in (5, 6, 7)]
  # An evaluation source without a split is its held-out part, too.
  assert_same(held_out(eval_source='tfds:deep_grey', crop='center'),
              held_out(**kwargs))


def test_nothing_that_tfds_trains_on_is_evaluated_on(tfds):
  for spec in ('train_only:train[:50%]', 'train_only:all', 'deep_grey:test',
               'deep_grey:train+test', 'deep_grey:all'):
    with pytest.raises(UsageError, match=r'name a data\.eval_source'):
      held_out(source=f'tfds:{spec}')
  [batch] = held_out(source='tfds:deep_grey:train[:2]')
  assert batch['weight'].sum() == 3  # test


@pytest.mark.parametrize(('spec', 'message'), [
    ('no_such_set', 'there is no TFDS data set no_such_set'),
    ('train_only:trian', 'unknown split of train_only "trian"; did you mean '
     '"train"'),
    ('train_only:train[:500]', 'cannot read the split'),
    ('train_only:train[x]', 'cannot read the split'),
    ('train_only:train[4:4]', 'no image in the split'),
    ('train_only:9.9.9', 'could not prepare train_only:9.9.9'),
    ('wordy', 'TFDS data set wordy has no feature "image"')])
def test_a_wrong_tfds_source_is_one_line(tfds, spec, message):
  with pytest.raises(UsageError) as caught:
    train(1, source=f'tfds:{spec}')
  assert message in str(caught.value)
  assert '\n' not in str(caught.value)


@pytest.mark.parametrize(('variant', 'name', 'splits', 'counts', 'shared'), [
    ('flowers102', 'oxford_flowers102',
     {'train': 1020, 'validation': 1020, 'test': 6149}, (6551, 819, 819), 0),
    ('celeba', 'celeb_a', {'train': 162770, 'validation': 19867, 'test': 19962},
     (6400, 19867, 640), 0),
    ('dtd', 'dtd', {'train': 1880, 'validation': 1880, 'test': 1880},
     (3760, 1880, 1880), 1880)])
def test_the_paper_s_data_sets_are_split_as_it_says(
    tfds, tmp_path, variant, name, splits, counts, shared):
  from jinpaint.configs import pconv_lines
  config = pconv_lines.get_config(variant).data
  builder = tfds.builder(name, data_dir=str(tmp_path))
  template = tfds.core.ShardedFileTemplate(
      data_dir=builder.data_dir, dataset_name=builder.name,
      filetype_suffix='tfrecord')
  builder.info.set_splits(tfds.core.splits.SplitDict([
      tfds.core.SplitInfo(name=split, shard_lengths=[count], num_bytes=0,
                          filename_template=template.replace(split=split))
      for split, count in splits.items()]))
  Path(builder.data_dir).mkdir(parents=True)
  builder.info.write_to_directory(builder.data_dir)
  encoded = tf.io.encode_png(np.zeros((20, 30, 3), np.uint8)).numpy()
  opened = []

  def as_dataset(self, split, **_):
    opened.append(split)
    return tf.data.Dataset.range(self.info.splits[split].num_examples).map(
        lambda _: {'image': tf.constant(encoded)})

  def examples(batches, **sources):
    opened.clear()
    stream = batches(data(**sources), batch_size=4, seed=0)
    assert next(stream)['image'].shape == (4, 16, 16, 3)
    [split] = set(opened)
    parts = tfds.core.ReadInstruction.from_spec(split).to_absolute(
        builder.info.splits)
    found = {(part.splitname, i) for part in parts for i in range(
        part.from_ or 0, part.to or splits[part.splitname])}
    assert len(stream.source) == len(found)
    return found

  with tfds.testing.mock_data(as_dataset_fn=as_dataset,
                              data_dir=str(tmp_path)):
    trained = examples(pipeline.train_batches, source=config.source)
    watched = examples(pipeline.eval_batches, source=config.source,
                       eval_source=config.eval_source)
    tested = examples(pipeline.eval_batches, eval_source=config.test_source)
  assert (len(trained), len(watched), len(tested)) == counts
  assert not trained & (watched | tested)
  assert len(watched & tested) == shared


def test_what_tfds_imports_to_download_is_installed():
  # It does not declare it.
  assert importlib.util.find_spec('importlib_resources')


# Wrong words


@pytest.mark.parametrize(('changes', 'message'), [
    ({'source': 'phtos'},
     'unknown kind of source "phtos"; did you mean "photos"'),
    ({'source': 'photos:x'},
     'cannot read the source "photos:x"; nothing may follow "photos"'),
    ({'source': 'folder:'},
     'cannot read the source "folder:"; write folder:PATH'),
    ({'source': 'tfds:a b'},
     'cannot read the source "tfds:a b"; write tfds:NAME[:SPLIT]'),
    ({'source': ''},
     'unknown kind of source ""; there are: folder, photos, tfds'),
    ({'source': 'folder:nowhere'}, 'there is no folder nowhere'),
    ({'source': 'folder:~no_such_user'}, 'there is no folder ~no_such_user'),
    ({'crop': 'centre'}, 'unknown data.crop "centre"; did you mean "center"'),
    ({'size': 0}, 'data.size is 0'),
    ({'precrop': -1}, 'data.precrop is -1'),
    ({'noise': float('nan')}, 'data.noise is nan'),
    ({'workers': -1}, 'data.workers is -1'),
    ({'max_bad_images': -1}, 'data.max_bad_images is -1'),
    ({'scales': (0.5,)}, 'data.scales is (0.5,)'),
    ({'scales': ('a', 'b')}, "data.scales is ('a', 'b')"),
    ({'scales': (0.0, 1.0)}, 'data.scales is (0.0, 1.0)'),
    ({'scales': (0.9, 0.5)}, 'data.scales is (0.9, 0.5)'),
    ({'scales': (0.5, 1.5)}, 'data.scales is (0.5, 1.5)'),
    ({'mask_ratio': (0.5,)}, 'data.mask_ratio is (0.5,)'),
    ({'mask_ratio': ('a', 'b')}, "data.mask_ratio is ('a', 'b')"),
    ({'mask': 'line'}, 'did you mean "lines"'),
    ({'edge': 'cany'}, 'did you mean "canny"'),
    ({'seed': -1}, 'seed is -1')])
def test_a_wrong_word_or_number_is_one_line(changes, message):
  with pytest.raises(UsageError) as caught:
    train(1, **changes)
  assert message in str(caught.value)
  assert '\n' not in str(caught.value)
