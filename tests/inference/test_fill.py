"""Many pictures are filled as each alone, with few programs, on all devices."""

import jax
import numpy as np
import pytest
import tiny_run

import jinpaint
from jinpaint.inference import Inpainter, programs, Stopped, Task
from jinpaint.stage import Sizes, Stage

SIZES = [(40, 56), (33, 50), (24, 24), (40, 56), (40, 56), (39, 55), (40, 56)]


def tasks(sizes=SIZES):
  """Pictures of noise, in all forms, each with a hole that reaches its rim."""
  rng = np.random.default_rng(0)
  made = []
  for number, size in enumerate(sizes):
    form = [(), (1,), (2,), (3,), (4,)][number % 5]
    image = rng.integers(0, 65536, (*size, *form)).astype(np.uint16)
    hole = np.zeros(size, bool)
    hole[5 + number:20, 6:] = hole[-1] = True
    made.append(Task(image, hole))
  return made


def painter(paint=lambda batch: 1 - batch['image'], **options):
  stage = Stage({}, {}, (), ('image', 'mask'), Sizes(8), (),
                lambda nets, batch: {'image': paint(batch)})
  return Inpainter(stage, {}, **options)


# A device is given one picture of the packaged model, several of the tiny run.
@pytest.mark.parametrize('pixels', [64 * 64, 1 << 20])
def test_a_picture_in_a_batch_is_filled_as_it_is_alone(
    pixels, tmp_path_factory, monkeypatch):
  path = None if pixels == 64 * 64 else tiny_run.trained(
      tmp_path_factory.getbasetemp())
  monkeypatch.setitem(programs._MOST_PIXELS, 'cpu', pixels)
  alone = jinpaint.load(path, devices=jax.devices()[:1])
  batched = jinpaint.load(path)
  given = tasks(SIZES[:5])
  for task, filled in zip(given, batched.fill(given), strict=True):
    expected = alone(task.image, task.hole)
    assert (filled.shape, filled.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_array_equal(filled[~task.hole], task.image[~task.hole])
    # To the last of 16 bits: sums of other shapes may round otherwise.
    np.testing.assert_allclose(filled.astype(int), expected.astype(int),
                               atol=1)
  assert batched.programs <= len(
      {batched._system.sizes.holding(*task.hole.shape) for task in given})


def test_every_size_has_one_program_and_every_device_its_share():
  seen = []

  def paint(batch):
    seen.append(batch['image'].shape)
    return 1 - batch['image']
  inpaint = painter(paint)
  filled = inpaint.fill(tasks())
  for task, result in zip(tasks(), filled, strict=True):
    colours = 3 if task.image.shape[2:] in [(3,), (4,)] else 1
    negative = 65535 - task.image[task.hole].reshape(
        task.hole.sum(), -1)[:, :colours].astype(int)
    np.testing.assert_allclose(result[task.hole].reshape(
        len(negative), -1)[:, :colours], negative, atol=1)
  # A device is given one picture, of padded sizes alone; 24 x 24 is met once.
  assert set(seen) == {(1, 40, 56, 3), (1, 24, 24, 3)}
  assert inpaint.programs == 2
  inpaint.fill(tasks())
  assert inpaint.programs == 2
  assert inpaint.batch_size(40, 56) == jax.device_count()


def test_windows_of_several_pictures_share_batches():
  batches = []
  inpaint = painter(lambda batch: 1 - batch['image'], strategy='tile')
  given = tasks([(1100, 64), (1300, 64), (1024, 64)])
  filled = inpaint.fill(given, progress=batches.append)
  for task, result in zip(given, filled, strict=True):
    np.testing.assert_array_equal(result, inpaint(*task[:2]))
  assert inpaint.programs == 1
  assert len(batches) == 2  # five windows on four devices
  assert batches == sorted(batches)
  assert batches[-1] == 1


def test_a_batch_that_does_not_fit_the_memory_is_made_smaller(monkeypatch):
  monkeypatch.setitem(programs._MOST_PIXELS, 'cpu', 1 << 20)
  plenty = painter()
  assert plenty.batch_size(64, 64) == 16 * jax.device_count()
  needs = plenty._system.needs(64, 64, 2, 10**12)
  for pictures, batch in ((9, 8), (3, 1)):
    tight = painter(memory=int(needs * pictures / 0.75))
    assert tight.batch_size(64, 64) == batch
    assert len(tight.fill(tasks([(64, 64)] * 3))) == 3


def test_filling_stops_between_batches_when_it_is_told_to():
  answers = iter([False, True])
  done = []
  with pytest.raises(Stopped):
    painter().fill(tasks(), stop=lambda: next(answers), progress=done.append)
  assert len(done) == 1
  assert 0 < done[0] < 1


def test_pictures_without_holes_come_back_as_copies():
  [task] = tasks([(24, 24)])
  given = [task, Task(task.image, np.zeros((24, 24), bool))]
  _, same = painter().fill(given)
  np.testing.assert_array_equal(same, task.image)
  assert not np.shares_memory(same, task.image)
  assert painter().fill([]) == []


def test_a_fault_of_any_picture_is_said_before_anything_is_computed():
  [task] = tasks([(24, 24)])
  computed = []
  with pytest.raises(ValueError, match='needs a mask of its size'):
    painter().fill([task, Task(task.image, np.ones((3, 3)))],
                   progress=computed.append)
  assert not computed
