"""What is understood of pictures, masks and data sets before they are used."""

from pathlib import Path

import numpy as np
from PIL import Image
import pytest

from jinpaint.data import files, inspection, overlays, rims, survey
from jinpaint.data.pairing import Case
from jinpaint.errors import UsageError


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)


def noise(*shape, dtype=np.uint8, seed=0):
  return np.random.default_rng(seed).integers(
      np.iinfo(dtype).max, size=shape, dtype=dtype)


def write(path, pixels):
  files.write(Path(path), files.Picture(pixels))
  return Path(path)


def case(pixels=None, mask=None, name='a.png', **more):
  image = write(name, noise(30, 40, 3) if pixels is None else pixels)
  mask = None if mask is None else write(f'mask of {name}.png', mask)
  return Case(image, name, mask, **more)


def test_holes_are_counted_and_measured():
  mask = np.zeros((40, 90), np.uint8)
  mask[5:15, 5:45] = 255  # ten wide
  mask[20:22] = 255
  mask[30:36, 60:66] = 255
  mask[32:34, 62:64] = 0  # a ring
  hole = inspection.look(case(noise(40, 90, 3), mask)).hole
  assert hole.meaning == 'what is white is the hole'
  assert hole.share == pytest.approx((mask > 0).mean())
  assert (hole.number, hole.widest) == (3, pytest.approx(10, abs=0.5))


def test_a_hole_is_measured_whole_though_it_is_read_in_strips(monkeypatch):
  mask = np.zeros((200, 60), np.uint8)
  mask[40:160, 10:40] = 1
  expected = inspection.widest(mask)
  monkeypatch.setattr(inspection, '_STRIP', 16)
  monkeypatch.setattr(inspection, '_OVERLAP', 20)
  assert inspection.widest(mask) == expected == pytest.approx(30, abs=0.5)
  assert inspection.widest(np.ones((9, 20), np.uint8)) <= 20
  assert inspection.widest(np.zeros((9, 20), np.uint8)) == 0


@pytest.mark.parametrize(('channels', 'dtype', 'colour', 'bits'), [
    ((), np.uint8, 'grey', 8), ((2,), np.uint8, 'grey with alpha', 8),
    ((3,), np.uint16, 'RGB', 16), ((4,), np.uint16, 'RGB with alpha', 16)])
def test_size_colours_and_depth_are_those_of_the_file(
    channels, dtype, colour, bits):
  look = inspection.look(case(noise(30, 40, *channels, dtype=dtype)))
  assert (look.size, look.colour, look.bits) == ('40 x 30', colour, bits)
  assert (look.format, look.turned, look.hole) == ('PNG', False, None)


def test_what_the_pixels_do_not_say_is_said():
  exif = Image.Exif()
  exif[0x112] = 6
  Image.fromarray(noise(30, 40, 3)).save('a.jpg', exif=exif)
  look = inspection.look(Case(Path('a.jpg'), 'a.jpg'))
  assert (look.size, look.format, look.turned) == ('30 x 40', 'JPEG', True)
  Image.fromarray(noise(30, 40, 3)).convert('CMYK').save('b.jpg')
  [note] = inspection.look(Case(Path('b.jpg'), 'b.jpg')).notes
  assert note.text == 'has CMYK colours, which become RGB'


def test_a_fault_is_told_from_a_broken_picture():
  Path('cut.png').write_bytes(b'\x89PNG')
  look = inspection.look(Case(Path('cut.png'), 'cut.png', fault='no mask'))
  assert (look.broken, look.fault) == (
      'cut.png (broken, cut off, or no image)', '')
  look = inspection.look(case(fault='no mask'))
  assert (look.broken, look.fault) == ('', 'no mask')
  look = inspection.look(case(mask=np.zeros((9, 9), np.uint8)))
  assert look.fault == ('a.png is 40 x 30 and its mask mask of a.png.png is '
                        '9 x 9; they must have one size')


def test_notes_on_one_matter_are_one_line():
  notes = [inspection.Note(Path(f'{name}.png'), 'is odd', '1 of 2')
           for name in 'abc']
  assert inspection.lines(notes) == ['a.png and 2 more: is odd']
  assert inspection.lines(notes[:1]) == ['a.png (1 of 2): is odd']


def test_what_is_unusual_among_many_is_said():
  looks = [inspection.look(case(noise(30, 40, 3, seed=i), name=f'{i}.png'))
           for i in range(3)]
  looks.append(inspection.look(case(noise(300, 400, 3), name='large.png')))
  looks.append(inspection.look(case(noise(2, 4, 3), name='small.png')))
  Path('again.png').write_bytes(Path('0.png').read_bytes())
  Path('png.jpg').write_bytes(Path('1.png').read_bytes()[:-12] + bytes(
      [0, 0, 0, 0]) + b'IEND\xaeB`\x82')
  Image.fromarray(np.zeros((30, 40), np.uint8)).save('mask.jpg')
  looks += [inspection.look(Case(Path(name), name, mask))
            for name, mask in (('again.png', None), ('png.jpg', None),
                               ('2.png', Path('mask.jpg')))]
  said = {path.name: [note.text for note in notes]
          for path, notes in inspection.unusual(looks).items()}
  assert said.pop('2.png')[0].startswith('was compressed by JPEG')
  assert said == {
      'large.png': ['is far larger than the others'],
      'small.png': ['is far smaller than the others'],
      'again.png': ['has the same bytes as 0.png'],
      'png.jpg': ['is a PNG by its bytes, whatever its name says',
                  'has the same bytes as 1.png']}


def test_an_overlay_shows_hole_sketch_and_edges_and_nothing_else():
  image, mask = noise(30, 40, 3), np.zeros((30, 40), np.uint8)
  mask[10:20, 10:20] = 1
  sketch, edge_map = np.zeros_like(mask), np.zeros_like(mask)
  sketch[5, :8], edge_map[25, :8] = 1, 255
  drawn = overlays.overlay(inspection.Opened(
      files.Picture(image), mask, sketch, edge_map))
  assert (drawn.shape, drawn.dtype) == (image.shape, np.uint8)
  assert (drawn[5, :8] == (0, 114, 178)).all()
  assert (drawn[25, :8] == (240, 228, 66)).all()
  changed = (drawn != image).any(axis=2)
  expected = sketch + edge_map > 0
  expected[9:21, 9:21] = True  # with its outline
  np.testing.assert_array_equal(changed, expected)


def test_transparency_shows_squares():
  clear = noise(30, 40, 4)
  clear[..., 3] = 0
  drawn = overlays.overlay(inspection.Opened(files.Picture(clear)))
  assert set(np.unique(drawn)) == {204, 255}


def test_a_contact_sheet_has_room_for_all():
  picture = overlays.thumbnail(noise(1000, 500, 3))
  assert picture.shape == (192, 96, 3)
  assert overlays.thumbnail(picture) is picture
  thumbnails = [overlays.Thumbnail(picture, ['a name ' * 20 + '\udcff', 'size'])
                for _ in range(7)] + [overlays.Thumbnail(None, ['x'], False)]
  sheet = overlays.contact_sheet(thumbnails)
  one = overlays.contact_sheet(thumbnails[:1])
  assert sheet.shape[1] > 5.9 * (one.shape[1] - 12)
  assert sheet.shape[0] == 2 * (one.shape[0] - 12) + 12
  assert overlays.contact_sheet([]).shape[2] == 3


# Data sets


def photographs(root, **shapes):
  for name, shape in shapes.items():
    write(f'{root}/{name}.png', noise(*shape, seed=len(name)))


def of_source(spec, crop=32):
  return survey.of_source(spec, crop, lambda items, total: items)


def test_a_data_set_is_counted_and_measured():
  photographs('in/train', a=(40, 50, 3), bb=(30, 90, 4), ccc=(60, 60))
  photographs('in/validation', dddd=(99, 99, 3))
  write('in/train/deep.png', noise(64, 64, 3, dtype=np.uint16))
  Path('in/validation/a.png').write_bytes(Path('in/train/a.png').read_bytes())
  Path('in/train/cut.png').write_bytes(b'')
  known = of_source('folder:in')
  assert (known.train, known.validation) == (5, 2)
  assert (known.smallest, known.median, known.largest) == (
      (50, 40), (60, 60), (99, 99))
  assert (known.smaller, known.grey, known.deep, known.alpha) == (1, 1, 1, 1)
  assert known.broken == ('in/train/cut.png (an empty file)',)
  assert known.repeated == (('in/train/a.png', 'in/validation/a.png'),)
  assert len(known.notes) == 3
  assert 'broken: in/train/cut.png (an empty file)' in known.lines()


def test_a_data_set_of_nothing_is_one_line():
  Path('in').mkdir()
  for name in 'ab':
    Path(f'in/{name}.png').write_bytes(b'')
  with pytest.raises(UsageError, match='not one photograph can be read'):
    of_source('folder:in')
  with pytest.raises(UsageError, match='has no files to look at'):
    of_source('tfds:mnist')


def test_a_hole_whose_colour_has_spread_is_noted_unless_it_grows():
  photo = np.full((120, 160, 3), (150, 80, 40), np.uint8)
  mask = np.zeros((120, 160), np.uint8)
  mask[30:35, 11:151] = mask[60:90, 51:54] = 255
  photo[mask > 0] = 255
  clean = case(photo, mask)
  assert inspection.look(clean).notes == ()
  Image.fromarray(photo).save('a.jpg', quality=75)
  spread = clean._replace(image=Path('a.jpg'))
  [note] = inspection.look(spread).notes
  assert note.path == Path('a.jpg')
  assert '--grow=2 may help' in note.text
  assert note.detail.endswith('% of the rim of its hole')
  look = inspection.look(spread, grow=2)
  assert look.notes == ()
  assert look.hole.meaning == 'what is white is the hole, grown by 2 px'
  assert look.hole.widest == pytest.approx(9, abs=1)
  opened = inspection.open_case(spread, grow=2)
  np.testing.assert_array_equal(opened.hole, rims.grow(
      (mask > 0).astype(np.uint8), 2))
