"""`jinpaint inpaint`: what it fills, what it refuses, and in which words."""

from pathlib import Path
import re

from command_files import (
    assert_filled,
    assert_refused,
    contents,
    hole,
    picture,
    read,
    SIZE,
    write,
)
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest

from jinpaint import inference
from jinpaint.commands import cli
from jinpaint.commands import inpaint as command
from jinpaint.data import files
from jinpaint.data.examples import Data
from jinpaint.errors import UsageError
from jinpaint.guidance import Guidance
from jinpaint.stage import Sizes, Stage

# One picture


def test_a_run_fills_a_picture_end_to_end(
    workdir, jinpaint, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  image = write('photo.png', picture(3))
  write('mask.png', hole())
  status, out, err = jinpaint(
      'inpaint', f'--model={workdir}', '--input=photo.png', '--mask=mask.png',
      '--output=new folder/ü.png', '--checkpoint=best')
  assert (status, out, err) == (0, 'wrote 1 of 1 to new folder/ü.png\n', '')
  assert_filled('new folder/ü.png', image)
  status, _, err = jinpaint(
      'inpaint', f'--model={workdir}', '--image=photo.png', '--mask=mask.png',
      '--output=out.png', '--edge=canny')
  assert (status, err) == (2, f'error: {workdir} holds a system that reads no '
                              'edges\n')


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize('channels', [(), (3,), (4,)])
@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_a_result_has_the_size_channels_and_depth_of_its_picture(
    suffix, channels, dtype, place, inpaint):
  image = write(f'photo{suffix}', picture(*channels, dtype=dtype))
  write('mask.png', hole())
  assert inpaint(f'photo{suffix}', 'mask.png', f'out{suffix}')[0] == 0
  assert_filled(f'out{suffix}', image)


@pytest.mark.parametrize('stored', ['alpha', 'transparent shade'])
def test_grey_with_transparency_stays_grey_in_the_hole(stored, place, inpaint):
  image = picture(2)
  if stored == 'alpha':
    write('photo.png', image)
  else:
    image[..., 1] = np.where(image[..., 0] == image[30, 30, 0], 0, 255)
    Image.fromarray(image[..., 0]).save(
        'photo.png', transparency=int(image[30, 30, 0]))
  write('mask.png', hole())
  assert inpaint('photo.png', 'mask.png', 'out.png')[0] == 0
  result, known = read('out.png'), hole() == 0
  np.testing.assert_array_equal(result[..., 1], image[..., 1])
  np.testing.assert_array_equal(result[known], image[known])
  assert (result[..., 0] != image[..., 0])[~known].mean() > 0.5


def test_a_photograph_on_its_side_is_filled_upright(place, inpaint):
  upright = picture(3)
  exif = Image.Exif()
  exif[0x112] = 6
  Image.fromarray(np.rot90(upright)).save('camera.png', exif=exif)
  write('mask.png', hole())
  assert inpaint('camera.png', 'mask.png', 'out.png')[0] == 0
  assert_filled('out.png', upright)


def test_the_colour_of_a_hole_can_be_black(place, inpaint):
  image = write('photo.png', picture(3))
  write('mask.png', 255 - hole())
  assert inpaint('photo.png', 'mask.png', 'out.png', '--mask-hole=black') == (
      0, 'wrote 1 of 1 to out.png\n', '')
  assert_filled('out.png', image)


def test_holes_that_grow_are_filled_with_their_rims(place, inpaint):
  image = write('photo.png', picture(3))
  write('mask.png', hole())
  status, _, err = inpaint('photo.png', 'mask.png', 'out.png', '--grow=2')
  assert (status, err) == (0, 'note: holes are grown by 2 px on all sides\n')
  grown = np.zeros(SIZE, np.uint8)
  grown[3:22, 10:30] = grown[5:20, 8:32] = grown[4:21, 9:31] = 1
  assert_filled('out.png', image, grown)
  for wrong in ('-1', '1.5', 'two'):
    assert_refused(inpaint('photo.png', 'mask.png', 'out.png',
                           f'--grow={wrong}'), f'"{wrong}" is no number of')


def test_a_hole_whose_colour_has_spread_is_said_before_it_is_filled(
    place, inpaint):
  image = np.full((*SIZE, 3), (150, 80, 40), np.uint8)
  image[hole() > 0] = 255
  Image.fromarray(image).save('photo.jpg', quality=75)
  write('mask.png', hole())
  _, _, err = inpaint('photo.jpg', 'mask.png', 'out.png')
  [note] = err.splitlines()
  assert note.startswith('note: photo.jpg (')
  assert '--grow=2 may help' in note
  _, _, err = inpaint('photo.jpg', 'mask.png', 'again.png', '--grow=2')
  assert err == 'note: holes are grown by 2 px on all sides\n'


def test_wide_holes_are_said_to_be_none_of_the_packaged_model_s(
    place, jinpaint):
  write('photo.png', picture(3, size=(80, 80)))
  for width, said in ((30, False), (40, True)):
    mask = np.zeros((80, 80), np.uint8)
    mask[20:20 + width, 10:70] = 255
    write('mask.png', mask)
    for flags, expected in (((), said), (('--model=run',), False)):
      status, _, err = jinpaint(
          'inpaint', '--image=photo.png', '--mask=mask.png', '--output=out.png',
          '--overwrite', *flags)
      assert status == 0
      assert ('mask.png: has holes wider than 32 pixels' in err) == expected


def test_masks_come_in_colour_in_one_bit_and_in_zeros_and_ones(place, inpaint):
  image = write('photo.png', picture(3))
  write('rgb.png', np.dstack([hole()] * 3))
  Image.fromarray(hole()).convert('1').save('bit.png')
  write('ones.bmp', hole() // 255)
  write('deep.tif', hole().astype(np.uint16) * 257)
  for name in ('rgb.png', 'bit.png', 'ones.bmp', 'deep.tif'):
    status, _, err = inpaint('photo.png', name, f'out {name}.png')
    assert (status, err) == (0, '')
    assert_filled(f'out {name}.png', image)


def test_a_grey_mask_is_cut_at_half_and_its_grey_pixels_are_counted(
    place, inpaint):
  image, mask = write('photo.png', picture(3)), hole()
  mask[5, 10:17] = 127  # just not a hole
  mask[6, 10:15] = 128  # just one
  write('mask.png', mask)
  status, _, err = inpaint('photo.png', 'mask.png', 'out.png')
  assert status == 0
  assert err == ('note: mask.png (12 of 1961): has grey pixels, which are cut '
                 'at half\n')
  assert_filled('out.png', image, mask > 127)


def erased(kind):
  """A mask whose hole somebody has erased from white, black or a picture."""
  colours = {'white': np.full((*SIZE, 3), 255, np.uint8),
             'black': np.zeros((*SIZE, 3), np.uint8), 'photo': picture(3)}
  return np.dstack([colours[kind], 255 - hole()])


def painted(*colour, ground=None):
  """A mask whose hole is painted in a colour, on transparent or on a colour."""
  strokes = np.zeros((*SIZE, 3 + (ground is None)), np.uint8)
  strokes[...] = ground or 0
  strokes[hole() > 0] = (*colour, 255)[:strokes.shape[2]]
  return strokes


ERASED = 'what is transparent is taken for the hole'
PAINTED = ('what is painted is taken for the hole, what is transparent for '
           'known')
COLOURED = 'what is coloured is taken for the hole, black for known'


@pytest.mark.parametrize(('mask', 'note'), [
    (erased('photo'), ERASED), (erased('black'), ERASED),
    (painted(255, 255, 255), PAINTED), (painted(255, 0, 0), PAINTED),
    (painted(255, 0, 0, ground=(0, 0, 0)), COLOURED),
    (painted(0, 90, 0, ground=(0, 0, 0)), COLOURED)])
def test_what_is_understood_of_an_unusual_mask_is_said(
    mask, note, place, inpaint):
  image = write('photo.png', picture(3))
  write('mask.png', mask)
  assert inpaint('photo.png', 'mask.png', 'out.png') == (
      0, 'wrote 1 of 1 to out.png\n',
      f'note: mask.png (15.3% holes): {note}\n')
  assert_filled('out.png', image)
  assert_refused(inpaint('photo.png', 'mask.png', 'b.png', '--strict'), note)


@pytest.mark.parametrize('mask', [
    erased('white'), painted(0, 0, 0), painted(255, 0, 0, ground=(255,) * 3),
    picture(3)])
def test_a_mask_of_two_meanings_is_refused_until_one_is_named(
    mask, place, inpaint):
  image = write('photo.png', picture(3))
  write('mask.png', mask)
  assert_refused(inpaint('photo.png', 'mask.png', 'out.png'),
                 'the mask mask.png: it is', '--mask-hole=')
  if mask.shape[2] == 4 and mask[0, 0, 3] == 255:
    assert inpaint('photo.png', 'mask.png', 'out.png', '--strict',
                   '--mask-hole=transparent')[0] == 0
    assert_filled('out.png', image)


def test_transparency_that_is_named_must_be_there(place, inpaint):
  write('photo.png', picture(3))
  write('mask.png', hole())
  assert_refused(inpaint('photo.png', 'mask.png', 'out.png',
                         '--mask-hole=transparent'), 'it has no transparency')


@pytest.mark.parametrize(('mask', 'note'), [
    (0 * hole(), '(0.0% holes): it marks no pixel, so nothing is filled'),
    (0 * hole() + 255, '(100.0% holes): it marks every pixel'),
    (255 - hole(), '(84.7% holes): most of it is the hole; if black')])
def test_a_strange_share_of_holes_is_said(mask, note, place, inpaint):
  write('photo.png', picture(3))
  write('mask.png', mask)
  status, _, err = inpaint('photo.png', 'mask.png', 'out.png')
  assert (status, err.count('\n')) == (0, 1)
  assert f'note: mask.png {note}' in err


def test_what_is_understood_of_many_masks_is_one_line(place, inpaint):
  for name in 'abc':
    write(f'in/{name}.png', picture(3))
    write(f'masks/{name}.png', erased('photo'))
  assert inpaint('in', 'masks', 'out')[2] == (
      f'note: masks/a.png and 2 more: {ERASED}\n')


def test_strict_refuses_a_grey_mask(place, inpaint):
  write('photo.png', picture(3))
  mask = hole()
  mask[0, :3] = 9
  write('mask.png', mask)
  assert_refused(inpaint('photo.png', 'mask.png', 'out.png', '--strict'),
                 'mask.png', '3 of 1961 pixels')
  assert not Path('out.png').exists()
  write('mask.png', hole())
  assert inpaint('photo.png', 'mask.png', 'out.png', '--strict')[0] == 0


def test_a_mask_of_another_size_is_refused_and_both_sizes_are_named(
    place, inpaint):
  write('photo.png', picture(3))
  write('mask.png', hole((53, 37)))
  assert_refused(inpaint('photo.png', 'mask.png', 'out.png'),
                 'photo.png is 53 x 37', 'mask.png is 37 x 53')
  assert not Path('out.png').exists()


def test_jpeg_is_written_with_a_warning(place, inpaint):
  image = write('photo.jpg', picture(3))
  write('mask.png', hole())
  status, _, err = inpaint('photo.jpg', 'mask.png', 'out.jpg')
  assert status == 0
  assert err == 'warning: out.jpg: JPEG changes known pixels; PNG keeps them\n'
  known = hole() == 0
  np.testing.assert_allclose(read('out.jpg')[known].astype(int),
                             image[known].astype(int), atol=12)


@pytest.mark.parametrize('output', ['out.png', 'photo.png', 'mask.png'])
def test_what_exists_is_not_overwritten_unless_told(output, place, inpaint):
  image = write('photo.png', picture(3))
  write('mask.png', hole())
  write('out.png', picture(3, seed=1))
  before = contents(place)
  assert_refused(inpaint('photo.png', 'mask.png', output),
                 f'{output} exists; --overwrite')
  assert contents(place) == before
  assert inpaint('photo.png', 'mask.png', output, '--overwrite')[0] == 0
  assert_filled(output, image)


@pytest.mark.parametrize(('image', 'mask', 'output', 'words'), [
    ('none.png', 'mask.png', 'out.png', 'there is no image none.png'),
    ('photo.png', 'none.png', 'out.png', 'there is no mask none.png'),
    ('photo.png', 'images', 'out.png', 'the mask images a folder'),
    ('photo.png', 'folder', 'out.png', 'no image in folder'),
    ('photo.png', 'mask.png', 'folder', 'folder is a folder; name a file'),
    ('photo.png', 'mask.png', 'out.gif', 'cannot write out.gif'),
    ('photo.png', 'mask.png', 'out', 'cannot write out: its suffix'),
    ('photo.png', 'mask.png', 'mask.png/out.png', 'cannot write mask.png/out'),
    ('alpha.png', 'mask.png', 'out.jpg', 'name the output .png'),
    ('cut.png', 'mask.png', 'out.png', 'cannot read the image cut.png'),
    ('photo.png', 'cut.png', 'out.png', 'cannot read the mask cut.png'),
    ('float.tif', 'mask.png', 'out.png', 'float.tif (float32 numbers'),
    ('folder', 'mask.png', 'out', 'no image in folder'),
    ('images', 'mask.png', 'mask.png', 'mask.png is a file; images needs'),
    ('images', 'folder', 'out', 'no image in folder'),
    ('images', 'none', 'out', 'there is no mask none')])
def test_what_cannot_be_done_is_one_line_and_writes_nothing(
    image, mask, output, words, place, inpaint):
  write('photo.png', picture(3))
  write('images/photo.png', picture(3))
  write('alpha.png', picture(4))
  write('mask.png', hole())
  # Where only the end is missing, libpng adds a line of its own.
  Path('cut.png').write_bytes(Path('photo.png').read_bytes()[:7])
  Image.fromarray(np.zeros(SIZE, np.float32)).save('float.tif')
  Path('folder').mkdir()
  before = contents(place)
  assert_refused(inpaint(image, mask, output), words)
  assert contents(place) == before


def test_a_model_that_is_none_is_named(workdir, jinpaint, tmp_path):
  write(tmp_path / 'photo.png', picture(3))
  words = [f'--image={tmp_path}/photo.png', f'--mask={tmp_path}/photo.png',
           f'--output={tmp_path}/out.png']
  assert_refused(jinpaint('inpaint', f'--model={tmp_path}', *words),
                 tmp_path, 'holds no run')
  assert_refused(
      jinpaint('inpaint', f'--model={workdir}', '--checkpoint=3', *words),
      'has no checkpoint "3"; there are: 2')


@pytest.mark.parametrize('number', [np.nan, np.inf])
def test_a_model_that_is_broken_is_one_line_and_writes_nothing(
    number, tmp_path, monkeypatch, inpaint):
  def predict(nets, batch):
    del nets
    # The known pixels are finite, and of the hole all but one.
    return {'image': batch['image'].at[0, 7, 12].set(number)}

  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(
      inference, 'open_inpainter',
      lambda path, checkpoint, edge, strategy: inference.Inpainter(
          Stage({}, {}, (), ('image', 'mask'), Sizes(), (), predict), {}))
  write('photo.png', picture(3))
  write('mask.png', hole())
  before = contents(tmp_path)
  assert_refused(inpaint('photo.png', 'mask.png', 'out.png'),
                 'what the model predicts in the hole is not finite')
  assert contents(tmp_path) == before


# Folders


def test_a_folder_is_filled_by_masks_of_the_same_stem(place, inpaint):
  images, holes = {}, {}
  for i, (name, mask) in enumerate([
      ('a.png', 'a.bmp'), ('b.PNG', 'b.png'), ('sub folder/c.tif',
                                               'sub folder/c.webp'),
      ('other/c.png', 'other/c.png')]):
    size = (20 + i, 30)
    images[name] = write(f'in/{name}', picture(3, size=size, seed=i))
    holes[name] = np.zeros(size, np.uint8)
    holes[name][i:10 + i, 5:20] = 255
    write(f'masks/{mask}', holes[name])
  Path('in/notes.txt').write_text('no image')
  write('masks/unused.png', hole())
  assert inpaint('in', 'masks', 'out') == (
      0, 'wrote 4 of 4 to out\n',
      'note: in: not images by their suffix, and left out: notes.txt\n')
  assert set(contents(place / 'out')) == set(images)
  for name, image in images.items():
    assert_filled(f'out/{name}', image, holes[name])


def test_results_and_masks_among_the_photographs_are_not_filled(place, inpaint):
  for name in 'ab':
    write(f'in/{name}.png', picture(3))
    write(f'in/masks/{name}.png', hole())
  for more in ((), ('--overwrite',)):
    assert inpaint('in', 'in/masks', 'in/out', *more) == (
        0, 'wrote 2 of 2 to in/out\n', '')
  assert sorted(contents(place / 'in/out')) == ['a.png', 'b.png']


def test_one_mask_serves_a_whole_folder_and_warns_once(place, inpaint):
  images = {f'{i}.png': write(f'in/{i}.png', picture(3, seed=i))
            for i in range(3)}
  mask = hole()
  mask[0, 0] = 3
  write('mask.png', mask)
  status, _, err = inpaint('in', 'mask.png', 'out')
  assert status == 0
  assert err.count('mask.png (1 of 1961): has grey pixels') == 1
  for name, image in images.items():
    assert_filled(f'out/{name}', image)


def test_a_mask_of_the_same_stem_in_another_folder_is_taken(place, inpaint):
  image = write('photos/sub/x.png', picture(3))
  write('masks/x.png', hole())
  assert inpaint('photos', 'masks', 'out') == (
      0, 'wrote 1 of 1 to out\n', '')
  assert_filled('out/sub/x.png', image)


def test_a_mask_at_the_same_path_goes_before_one_of_the_same_stem(
    place, inpaint):
  image = write('photos/sub/x.png', picture(3))
  write('masks/other/x.png', 255 - hole())
  write('masks/sub/x.bmp', hole())
  assert inpaint('photos', 'masks', 'out')[0] == 0
  assert_filled('out/sub/x.png', image)


def test_a_mask_that_is_missing_or_there_twice_is_named(place, inpaint):
  for name in ('a', 'sub/b'):
    write(f'in/{name}.png', picture(3))
  write('masks/a.png', hole())
  assert_refused(inpaint('in', 'masks', 'out'),
                 'no masks named b for the image sub/b.png')
  for folder in 'xy':
    write(f'masks/{folder}/b.png', hole())
  assert_refused(inpaint('in', 'masks', 'out'),
                 '2 masks named b for the image sub/b.png', 'x/b.png, y/b.png')
  write('masks/sub/b.png', hole())
  write('masks/a.bmp', hole())
  assert_refused(inpaint('in', 'masks', 'out'), '2 masks named a for the image '
                 'a.png', 'a.bmp, a.png')
  assert not Path('out').exists()


def test_a_broken_image_in_a_folder_is_named_skipped_and_counted(
    place, inpaint):
  images = {name: write(f'in/{name}', picture(3, seed=i))
            for i, name in enumerate(['a.bmp', 'b.bmp', 'c.bmp'])}
  path = Path('in/b.bmp')
  path.write_bytes(path.read_bytes()[:-9])
  write('mask.png', hole())
  status, out, err = inpaint('in', 'mask.png', 'out')
  assert status == 2
  assert out == 'wrote 2 of 3, 1 broken to out\n'
  assert err.splitlines() == [
      'skipped a broken image: in/b.bmp (broken, cut off, or no image)',
      'error: 1 of 3 images were broken and skipped']
  assert set(contents(place / 'out')) == {'a.bmp', 'c.bmp'}
  for name in ('a.bmp', 'c.bmp'):
    assert_filled(f'out/{name}', images[name])


@pytest.mark.parametrize('overwrite', [False, True])
@pytest.mark.parametrize('fault', ['size', 'grey', 'broken'])
def test_a_bad_mask_in_a_folder_is_said_before_anything_is_written(
    fault, overwrite, place, inpaint):
  for name in 'abc':
    write(f'in/{name}.png', picture(3))
    write(f'masks/{name}.png', hole())
  more = ['--strict']
  if overwrite:
    write('out/a.png', picture(3, seed=1))
    more += ['--overwrite']
  bad = {'size': hole((10, 10)), 'grey': hole() // 2, 'broken': hole()}[fault]
  write('masks/c.png', bad)
  if fault == 'broken':
    Path('masks/c.png').write_bytes(b'')
  before = contents(place)
  assert_refused(inpaint('in', 'masks', 'out', *more), 'masks/c.png')
  assert contents(place) == before


def test_what_a_result_cannot_keep_of_its_pictures_is_said_once(
    place, inpaint):
  Path('in').mkdir()
  for name in 'abc':
    Image.fromarray(picture(3)).convert('CMYK').save(f'in/{name}.tif')
  write('mask.png', hole())
  assert inpaint('in', 'mask.png', 'out') == (
      0, 'wrote 3 of 3 to out\n',
      'note: in/a.tif and 2 more: has CMYK colours, which become RGB\n')


def test_several_frames_or_pages_are_refused(place, inpaint):
  pages = [Image.fromarray(picture(3, seed=seed)) for seed in range(3)]
  write('mask.png', hole())
  for name, words in (('a.tif', '3 pages'), ('a.webp', 'of 3 frames')):
    pages[0].save(name, save_all=True, append_images=pages[1:])
    assert_refused(inpaint(name, 'mask.png', 'out.png'),
                   f'cannot read the image {name} (', words)
    assert_refused(inpaint('mask.png', name, 'out.png'),
                   f'cannot read the mask {name} (', words)
  assert not Path('out.png').exists()


def test_an_existing_result_in_a_folder_stops_it_before_it_starts(
    place, inpaint):
  for name in 'ab':
    write(f'in/{name}.png', picture(3))
  write('mask.png', hole())
  write('out/b.png', picture(3))
  before = contents(place)
  assert_refused(inpaint('in', 'mask.png', 'out'), 'out/b.png exists')
  assert contents(place) == before
  assert inpaint('in', 'mask.png', 'out', '--overwrite')[0] == 0


def test_a_full_disk_leaves_what_was_there(place, inpaint, monkeypatch):
  write('photo.png', picture(3))
  write('mask.png', hole())
  write('out.png', picture(3, seed=1))
  before = contents(place)

  def full(part, path):
    raise OSError(28, 'No space left on device')
  monkeypatch.setattr(files.os, 'replace', full)
  assert inpaint('photo.png', 'mask.png', 'out.png', '--overwrite') == (
      1, '', 'error: cannot write out.png: No space left on device\n')
  assert contents(place) == before


def test_jpegs_in_a_folder_are_warned_of_once(place, inpaint):
  for name in ('a.jpg', 'b.JPEG', 'c.png'):
    write(f'in/{name}', picture(3))
  write('mask.png', hole())
  status, _, err = inpaint('in', 'mask.png', 'out')
  assert status == 0
  assert err == ('warning: out/a.jpg and 1 more: JPEG changes known pixels; '
                 'PNG keeps them\n')


# Sketches


def led_by(*keys, cut=(), record=None):
  """Returns what loads a system that is led by edges, a sketch or both.

  It paints the hole in the mean of the known edges, and strokes black.

  Args:
    *keys: what it reads besides image and mask.
    cut: `data.edge_cut`.
    record: the batch is copied into it.
  """
  def paint(nets, batch):
    del nets
    if record is not None:
      jax.debug.callback(lambda **arrays: record.update(arrays), **batch)
    image = batch['image']
    if 'known_edge' in keys:
      known = 1 - batch['mask']
      mean = lambda array: jnp.mean(array, axis=(1, 2, 3), keepdims=True)
      image = 0 * image + mean(batch['known_edge'] * known) / mean(known)
    return {'image': image * (1 - batch['sketch'])
            if 'sketch' in keys else image}

  def load(path, checkpoint, edge, strategy):
    stage = Stage({}, {}, (), ('image', 'mask', *keys), Sizes(), (), paint)
    reads_edges = {'known_edge', 'true_edge'} & set(keys)
    return inference.Inpainter(stage, {}, guidance=Guidance(
        Data(edge=edge or 'canny', edge_cut=cut),
        training=False) if reads_edges else None)
  return load


@pytest.fixture
def follower(tmp_path, monkeypatch):
  """A place where the model follows sketches."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(inference, 'open_inpainter', led_by('sketch'))
  return tmp_path


def stroke(value=255):
  sketch = np.zeros(SIZE, np.uint8)
  sketch[:30, 15] = value
  return sketch


def test_strokes_in_the_hole_lead_the_filling(follower, inpaint):
  image = write('a.png', picture(3) | 1)
  write('mask.png', hole())
  write('sketch.png', stroke())
  assert inpaint('a.png', 'mask.png', 'out.png', '--sketch=sketch.png')[0] == 0
  black = (read('out.png') == 0).all(axis=2)
  np.testing.assert_array_equal(black, (hole() > 0) & (stroke() > 0))
  write('empty.png', stroke(0))
  assert inpaint('a.png', 'mask.png', 'b.png', '--sketch=empty.png')[0] == 0
  np.testing.assert_array_equal(read('b.png'), image)


def test_a_grey_sketch_is_cut_and_said_or_refused(follower, inpaint):
  write('a.png', picture(3))
  write('mask.png', hole())
  write('sketch.png', stroke(200))
  case = 'a.png', 'mask.png', 'out.png', '--sketch=sketch.png'
  assert_refused(inpaint(*case, '--strict'), 'of the sketch sketch.png are '
                 'grey, not black or white')
  assert not Path('out.png').exists()
  status, _, err = inpaint(*case)
  assert status == 0
  assert 'sketch.png (30 of 1961): has grey pixels' in err


@pytest.mark.parametrize(('sketch', 'message'), [
    ('small.png', 'its sketch small.png is 9 x 9; they must have one size'),
    ('none.png', 'there is no sketch none.png'),
    ('folder', 'is a file and the sketch folder a folder')])
def test_a_sketch_that_does_not_fit_is_one_line(
    sketch, message, follower, inpaint):
  write('a.png', picture(3))
  write('mask.png', hole())
  write('small.png', np.zeros((9, 9), np.uint8))
  write('folder/a.png', stroke())
  before = contents(follower)
  assert_refused(inpaint('a.png', 'mask.png', 'out.png', f'--sketch={sketch}'),
                 message)
  assert contents(follower) == before


def test_a_system_that_follows_no_sketch_refuses_one(place, inpaint):
  write('a.png', picture(3))
  write('mask.png', hole())
  write('sketch.png', stroke())
  assert_refused(inpaint('a.png', 'mask.png', 'out.png', '--sketch=sketch.png'),
                 'run holds a system that follows no sketches')


def test_a_folder_needs_a_sketch_for_each_image(follower, inpaint):
  for name in 'ab':
    write(f'in/{name}.png', picture(3))
  write('mask.png', hole())
  write('sketches/a.png', stroke())
  assert_refused(inpaint('in', 'mask.png', 'out', '--sketch=sketches'),
                 'no sketches named b for the image b.png in sketches')
  write('sketches/b.png', stroke())
  assert inpaint('in', 'mask.png', 'out', '--sketch=sketches')[0] == 0


def test_protocols_keep_their_folders(follower, jinpaint):
  words = 'inpaint', '--model=run', '--cases=cases', '--output=out'
  assert_refused(jinpaint(*words), 'cases holds no protocol')
  for protocol in ('editing', 'removal'):
    write(f'cases/{protocol}/images/a.png', picture(3))
    write(f'cases/{protocol}/masks/a.png', hole())
  write('cases/editing/sketches/a.png', stroke())
  assert jinpaint(*words)[0] == 0
  assert sorted(contents(Path('out'))) == ['editing/a.png', 'removal/a.png']
  np.testing.assert_array_equal(read('out/removal/a.png'), picture(3))
  assert (read('out/editing/a.png') != picture(3)).any()
  assert_refused(jinpaint(*words, '--mask=m.png'), '--cases takes the place')
  write('taken.png', hole())
  assert_refused(jinpaint(*words[:-1], '--output=taken.png'),
                 'taken.png is a file; cases needs a folder')
  assert_refused(jinpaint('inpaint', '--model=run', '--output=out'),
                 'name --image and --mask, or --cases')


# Edge maps


@pytest.fixture
def reader(tmp_path, monkeypatch):
  """A place where the model reads edges and follows sketches."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(inference, 'open_inpainter',
                      led_by('known_edge', 'sketch'))
  return tmp_path


def assert_led(path, shade):
  """The hole has the shade of the edge map, but for black strokes."""
  filled, inside = read(path), hole() > 0
  strokes = inside & (stroke() > 0)
  assert (filled[strokes] == 0).all()
  assert (filled[inside & ~strokes] == shade).all()


def even(shade):
  """An edge map of one shade, by which it is known again."""
  return np.full(SIZE, shade, np.uint8)


def test_each_picture_of_a_folder_finds_its_map_and_its_sketch(reader, inpaint):
  for shade, name in ((40, 'a'), (200, 'sub/b')):
    write(f'in/{name}.png', picture(3))
    write(f'maps/{name}.bmp', even(shade))
  write('maps/unused.png', even(7))
  write('mask.png', hole())
  for name in 'ab':
    write(f'sketches/{name}.png', stroke())
  for sketches in ('files:sketches', 'sketches'):
    assert inpaint('in', 'mask.png', 'out', '--edge=files:maps', '--overwrite',
                   f'--sketch={sketches}') == (0, 'wrote 2 of 2 to out\n', '')
    assert_led('out/a.png', 40)
    assert_led('out/sub/b.png', 200)
  Path('maps/a.bmp').unlink()
  assert_refused(inpaint('in', 'mask.png', 'other', '--edge=files:maps'),
                 'no edge maps named a for the image a.png in maps')


def write_a_picture_and_its_drawings():
  write('a.png', picture(3))
  write('mask.png', hole())
  write('map.png', even(90))
  write('drawing.png', stroke())


def test_a_single_picture_takes_a_single_map_and_sketch(reader, inpaint):
  write_a_picture_and_its_drawings()
  for i, sketch in enumerate(('files:drawing.png', 'drawing.png')):
    assert inpaint('a.png', 'mask.png', f'{i}.png', f'--sketch={sketch}',
                   '--edge=files:map.png')[0] == 0
    assert_led(f'{i}.png', 90)
  write('small.png', even(90)[:-1])
  assert_refused(
      inpaint('a.png', 'mask.png', 'out.png', '--edge=files:small.png'),
      'its edge map small.png is 53 x 36; they must have one size')


def test_without_drawings_lines_say_what_is_done_instead(reader, inpaint):
  write_a_picture_and_its_drawings()
  edges = ('edges are found in the known pixels (canny); --edge=files:PATH '
           'gives maps')
  sketch = 'there is no sketch to follow; --sketch=PATH gives one'
  for given, said in (
      ((), f'note: {edges}\nnote: {sketch}\n'),
      (('--edge=canny:sigma=1',), f'note: {sketch}\n'),
      (('--edge=files:map.png',), f'note: {sketch}\n'),
      (('--sketch=drawing.png',), f'note: {edges}\n'),
      (('--edge=files:map.png', '--sketch=drawing.png'), '')):
    status, _, err = inpaint('a.png', 'mask.png', 'out.png', '--overwrite',
                             *given)
    assert (status, err) == (0, said)


def test_a_system_that_needs_maps_is_refused_without_before_it_begins(
    tmp_path, inpaint, monkeypatch):
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(inference, 'open_inpainter', led_by('true_edge'))
  write('a.png', picture(3))
  write('mask.png', hole())
  for given in ((), ('--edge=canny',)):
    assert_refused(inpaint('a.png', 'mask.png', 'out.png', *given),
                   'run: this stage follows the true edges',
                   'give edge maps: --edge=files:PATH')
  write('map.png', even(90))
  assert inpaint('a.png', 'mask.png', 'out.png', '--edge=files:map.png'
                 ) == (0, 'wrote 1 of 1 to out.png\n', '')


def test_the_maps_of_the_authors_of_cfs_are_read_as_they_read_them(
    tmp_path, inpaint, monkeypatch):
  """HED's maps are grey JPEGs named as their pictures; white is 1, all soft."""
  monkeypatch.chdir(tmp_path)
  seen = {}
  monkeypatch.setattr(inference, 'open_inpainter',
                      led_by('known_edge', record=seen))
  write('in/a.jpg', picture(3))
  write('masks/a.png', hole())
  Path('hed').mkdir()
  soft = np.random.default_rng(1).integers(256, size=SIZE, dtype=np.uint8)
  Image.fromarray(soft).save('hed/a.jpg', quality=75)
  assert inpaint('in', 'masks', 'out', '--edge=files:hed')[0] == 0
  jax.effects_barrier()
  expected = np.asarray(Image.open('hed/a.jpg')).astype(np.float32) / 255
  np.testing.assert_array_equal(
      seen['known_edge'][0, ..., 0], np.where(hole() > 0, 0, expected))


def test_the_drawings_of_the_authors_of_sketchrefiner_are_read_as_they_do(
    tmp_path, inpaint, monkeypatch):
  """Edges and sketches: the mean of the colours; 1 above 0.65 to 0.75."""
  monkeypatch.chdir(tmp_path)
  seen = {}
  monkeypatch.setattr(inference, 'open_inpainter', led_by(
      'known_edge', 'sketch', cut=(0.65, 0.75), record=seen))
  write('in/a.png', picture(3))
  write('masks/a.png', hole())
  # Three equal channels, as cv2.imwrite leaves them, and soft.
  drawn = {name: np.random.default_rng(seed).integers(
      256, size=SIZE, dtype=np.uint8) for seed, name in enumerate(
          ('edges', 'sketches'))}
  for name, pixels in drawn.items():
    write(f'{name}/a.png', np.dstack([pixels] * 3))
  status, _, err = inpaint('in', 'masks', 'out', '--edge=files:edges',
                           '--sketch=files:sketches')
  assert status == 0
  assert err.startswith('note: sketches/a.png (')
  assert err.endswith('has grey pixels, which are cut at 0.7 of the range\n')
  jax.effects_barrier()
  edge, sketch = (np.float32(drawn[name] / 255 > 0.7) for name in drawn)
  np.testing.assert_array_equal(seen['sketch'][0, ..., 0], sketch)
  np.testing.assert_array_equal(
      seen['known_edge'][0, ..., 0], np.where(hole() > 0, 0, edge))


# Many pictures


def write_folder(*names, size=SIZE):
  """Writes pictures and a mask for each; returns the pictures."""
  for name in names:
    write(f'masks/{name}', hole(size))
  return {name: write(f'in/{name}', picture(3, size=size, seed=seed))
          for seed, name in enumerate(names)}


def test_each_numbered_mask_makes_a_result(place, inpaint):
  image, other = write('set/a.png', picture(3)), hole()[::-1].copy()
  write('set/a_mask001.png', hole())
  write('set/a_mask002.png', other)
  for images in ('set', 'set/*.png'):
    status, out, err = inpaint(images, 'set', 'out', '--overwrite')
    assert (status, out) == (0, 'wrote 2 of 2 to out\n')
    assert err.startswith('note: masks in set are paired by number')
    assert_filled('out/a_mask001.png', image)
    assert_filled('out/a_mask002.png', image, other)


def test_lists_and_patterns_name_pictures_and_order_pairs_them(place, inpaint):
  images = write_folder('a.png', 'b.png', 'sub/c.png')
  assert inpaint('in/**/*.png', 'masks/**/*.png', 'out')[0] == 0
  for name, image in images.items():
    assert_filled(f'out/{name}', image)
  Path('images.txt').write_text('in/b.png\nin/a.png\n')
  write('m/1.png', hole())
  write('m/2.png', 255 - hole())
  status, _, err = inpaint('list:images.txt', 'm', 'o', '--pairing=order')
  assert status == 0
  assert 'in order: m/1.png belongs to in/b.png, and so on' in err
  assert_filled('o/b.png', images['b.png'])
  assert_filled('o/a.png', images['a.png'], 255 - hole())


def test_pictures_of_like_sizes_are_filled_together_and_few_are_open(
    place, inpaint, model, monkeypatch):
  images = write_folder('a.png', 'c.png', 'e.png', 'g.png', size=(24, 32))
  images |= write_folder('b.png', 'd.png', 'f.png', size=(24, 40))
  calls = []
  fill = model.fill
  monkeypatch.setattr(model, 'batch_size', lambda height, width: 3)
  monkeypatch.setattr(model, 'fill', lambda tasks, **more: calls.append(
      [task.image.shape[1] for task in tasks]) or fill(tasks, **more))
  assert inpaint('in', 'masks', 'out') == (0, 'wrote 7 of 7 to out\n', '')
  assert calls == [[32, 32, 32], [32, 40, 40], [40]]
  for name, image in images.items():
    assert_filled(f'out/{name}', image, hole(image.shape[:2]))
  monkeypatch.setattr(command, '_MOST_PIXELS', 24 * 80)
  calls.clear()
  assert inpaint('in', 'masks', 'out', '--overwrite')[0] == 0
  assert max(map(sum, calls)) == 80


def test_of_eight_pictures_two_are_broken(place, inpaint):
  names = [f'{i}.png' for i in range(8)]
  images = write_folder(*names)
  for name in ('2.png', '5.png'):
    Path('in', name).write_bytes(Path('in', name).read_bytes()[:50])
  status, out, err = inpaint('in', 'masks', 'out')
  assert (status, out) == (2, 'wrote 6 of 8, 2 broken to out\n')
  assert [err.count(name) for name in names] == [0, 0, 1, 0, 0, 1, 0, 0]
  assert err.endswith('error: 2 of 8 images were broken and skipped\n')
  del images['2.png'], images['5.png']
  assert set(contents(Path('out'))) == set(images)
  for name, image in images.items():
    assert_filled(f'out/{name}', image)


def test_a_picture_that_breaks_after_it_was_checked_is_skipped(
    place, inpaint, model, monkeypatch):
  write_folder('a.png', 'b.png')
  monkeypatch.setattr(
      model, 'batch_size',
      lambda *size: Path('in/b.png').write_bytes(b'') or 1)
  status, out, err = inpaint('in', 'masks', 'out')
  assert (status, out) == (2, 'wrote 1 of 2, 1 broken to out\n')
  assert err.count('in/b.png (an empty file)') == 1


def test_a_single_picture_is_decoded_once(place, inpaint, monkeypatch):
  image = write('photo.png', picture(3))
  write('mask.png', hole())
  read_file, seen = files.read, []
  monkeypatch.setattr(files, 'read',
                      lambda path: seen.append(path.name) or read_file(path))
  assert inpaint('photo.png', 'mask.png', 'out.png')[0] == 0
  assert sorted(seen) == ['mask.png', 'photo.png']
  assert_filled('out.png', image)


def test_resume_makes_only_what_is_missing(place, inpaint):
  images = write_folder('a.png', 'b.png', 'c.png')
  assert inpaint('in', 'masks', 'out')[0] == 0
  Path('out/b.png').unlink()
  Path('out/a.png').write_bytes(b'somebody has changed it')
  assert_refused(inpaint('in', 'masks', 'out'), 'out/a.png exists')
  assert_refused(inpaint('in', 'masks', 'out', '--resume', '--overwrite'),
                 'give one of them')
  assert inpaint('in', 'masks', 'out', '--resume') == (
      0, 'wrote 1 of 3, 2 existed to out\n', '')
  assert_filled('out/b.png', images['b.png'])
  assert Path('out/a.png').read_bytes() == b'somebody has changed it'
  assert inpaint('in', 'masks', 'out', '--resume') == (
      0, 'all 3 results exist in out\n', '')


@pytest.mark.parametrize('fault', ['disk', 'model', 'user'])
def test_what_was_written_before_a_fault_stays(
    fault, place, inpaint, model, monkeypatch):
  images = write_folder('a.png', 'b.png', 'c.png')
  monkeypatch.setattr(model, 'batch_size', lambda *size: 1)
  error, line, status = {
      'disk': (OSError(28, 'No space left on device'),
               'error: cannot write out/b.png: No space left on device\n', 1),
      'model': (UsageError('it is not finite'), 'error: it is not finite\n', 2),
      'user': (KeyboardInterrupt(), 'stopped\n', 130)}[fault]
  with monkeypatch.context() as broken:
    place_of, name = (files.os, 'replace') if fault == 'disk' else (
        model, 'fill')
    whole, calls = getattr(place_of, name), []

    def fail(*words, **more):
      calls.append(words)
      if len(calls) == 2:
        raise error
      return whole(*words, **more)
    broken.setattr(place_of, name, fail)
    assert inpaint('in', 'masks', 'out') == (
        status, 'wrote 1 of 3 to out\n', line)
  assert sorted(contents(Path('out'))) == ['a.png']
  assert inpaint('in', 'masks', 'out', '--resume')[0] == 0
  for name, image in images.items():
    assert_filled(f'out/{name}', image)


def test_the_last_line_tells_time_and_programs(place, capfd, model):
  write_folder('a.png')
  cli.main(['inpaint', '--image=in', '--mask=masks', '--output=out'])
  assert re.fullmatch(r'wrote 1 of 1 to out, in \d+\.\d s, '
                      rf'{model.programs} programs? compiled\n',
                      capfd.readouterr().out)


def test_a_suffix_is_that_of_all_results(place, inpaint):
  names = write_folder('a.jpg', 'b.png', 'sub/c.JPEG')
  images = {name: read(f'in/{name}') for name in names}
  assert inpaint('in', 'masks/b.png', 'out', '--suffix=png') == (
      0, 'wrote 3 of 3 to out\n', '')
  for name, image in images.items():
    assert_filled(Path('out', name).with_suffix('.png'), image)
  write('in/a.png', picture(3))
  write('in/one.png', picture(3))
  assert_refused(inpaint('in', 'masks/b.png', 'new', '--suffix=.png'),
                 'in/a.jpg and in/a.png would both become new/a.png')
  assert_refused(inpaint('in', 'masks', 'new', '--suffix=gif'),
                 "--suffix: invalid choice: '.gif'")
  assert_refused(inpaint('in/a.png', 'masks/b.png', 'a.tif', '--suffix=png'),
                 '--suffix=.png, but the output is a.tif')


def test_intermediate_maps_lie_beside_the_results(reader, inpaint):
  write_folder('a.png', 'sub/b.png')
  write('drawing.png', stroke())
  words = ('in', 'masks', 'in/out', '--sketch=drawing.png')
  assert inpaint(*words)[0] == 0
  before = contents(Path('in/out'))
  for flag in ('--save_intermediate', '--save-intermediate'):
    assert inpaint(*words, flag, '--overwrite')[0] == 0
  assert_refused(inpaint(*words[:2], 'in/out', flag), 'exists')
  after = contents(Path('in/out'))
  assert {name: after[name] for name in before} == before
  assert sorted(after.keys() - before.keys()) == [
      'intermediate/a.raw.png', 'intermediate/sub/b.raw.png']
  Path('in/out/a.png').unlink()
  assert inpaint(*words, flag, '--resume')[0] == 0
  raw = read('in/out/intermediate/a.raw.png')
  np.testing.assert_array_equal(raw[hole() > 0],
                                read('in/out/a.png')[hole() > 0])
  assert (raw[hole() == 0] != read('in/out/a.png')[hole() == 0]).any()
  write('one.png', picture(3))
  assert inpaint('one.png', 'masks/a.png', 'new/x.jpg',
                 '--save_intermediate')[0] == 0
  assert sorted(contents(Path('new'))) == ['intermediate/x.raw.png', 'x.jpg']


def test_how_large_pictures_are_filled_is_said_once(
    tmp_path, inpaint, monkeypatch):
  monkeypatch.chdir(tmp_path)
  write_folder('a.png', 'b.png', size=(40, 1100))
  monkeypatch.setattr(
      inference, 'open_inpainter',
      lambda path, checkpoint, edge, strategy: inference.Inpainter(
          Stage({}, {}, (), ('image', 'mask'), Sizes(), (),
                lambda nets, batch: {'image': 1 - batch['image']}), {},
          strategy=strategy))
  status, _, err = inpaint('in', 'masks', 'out', '--strategy=tile')
  assert (status, err) == (
      0, 'note: in/a.png is filled in windows of 1024 pixels\n')
  assert inpaint('in', 'masks', 'whole', '--strategy=original')[2] == ''
  assert_refused(inpaint('in', 'masks', 'out', '--strategy=tiles'),
                 "invalid choice: 'tiles'")
