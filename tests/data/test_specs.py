"""The grammar of masks, edges, sketches, sources and readings."""

from pathlib import Path

import numpy as np
import pytest

from jinpaint.data import edges, files, masks, sketches, specs
from jinpaint.errors import UsageError

# One kind of each form: without anything, with options, with a rest, with both,
# with options and files.
KINDS = {
    'plain': specs.Kind(),
    'drawn': specs.Kind({'count': specs.WHOLE_RANGE, 'thin': specs.YES_OR_NO}),
    'folder': specs.Kind(rest='PATH'),
    'named': specs.Kind({'size': specs.WHOLE}, rest='NAME'),
    'mixed': specs.Kind({'sigma': specs.NUMBER_RANGE, 'hole': specs.choice(
        'cut', 'masked')}, rest='files:PATH'),
}


def parse(text):
  return specs.parse('things', text, KINDS)


def refusal(text, kinds=KINDS):
  with pytest.raises(UsageError) as raised:
    specs.parse('things', text, kinds)
  assert '\n' not in str(raised.value)
  return str(raised.value)


@pytest.fixture
def maps(tmp_path):
  """A folder whose name has whatever the grammar knows."""
  folder = tmp_path / 'C:' / 'files:x=y+z'
  files.write(folder / 'm.png', files.Picture(np.zeros((4, 4), np.uint8)))
  return folder


# What is read


@pytest.mark.parametrize(('text', 'kind', 'options', 'rest'), [
    ('plain', 'plain', {}, ''),
    ('drawn', 'drawn', {}, ''),
    ('drawn:count=3', 'drawn', {'count': (3, 3)}, ''),
    ('drawn:thin=yes:count=1-9', 'drawn', {'count': (1, 9), 'thin': True}, ''),
    ('folder:x', 'folder', {}, 'x'),
    ('named:x', 'named', {}, 'x'),
    ('named:size=8:x', 'named', {'size': 8}, 'x'),
    ('mixed:files:x', 'mixed', {}, 'x'),
    ('mixed:sigma=1.9:files:x', 'mixed', {'sigma': (1.9, 1.9)}, 'x'),
    ('mixed:hole=masked:sigma=1-4:files:x', 'mixed',
     {'sigma': (1, 4), 'hole': 'masked'}, 'x')])
def test_a_text_is_a_kind_its_options_and_the_rest(text, kind, options, rest):
  assert parse(text) == (kind, options, rest)


@pytest.mark.parametrize('rest', [
    'C:/x=y', 'a:b', 'a:files:b', 'files:a', 'a=b', 'a+b', 'c++', ' ', ':', '=',
    '+plain', 'drawn:count=3', 'x:drawn', 'ü/ö', 'a\nb'])
def test_the_rest_is_all_that_follows_whatever_it_holds(rest):
  assert parse(f'folder:{rest}').rest == rest
  assert parse(f'mixed:files:{rest}').rest == rest
  assert parse(f'mixed:sigma=2:files:{rest}').rest == rest


def test_the_rest_of_a_kind_with_options_begins_where_none_is_written():
  assert parse('named:a:size=8') == ('named', {}, 'a:size=8')
  assert parse('named:size=8:a:b=c').rest == 'a:b=c'


def test_a_windows_path_with_an_equals_sign_is_a_path():
  assert parse('folder:C:/x=y').path == Path('C:/x=y')
  assert parse('mixed:files:C:/x=y').path == Path('C:/x=y')


def test_a_path_may_start_at_home_and_an_unknown_user_s_stays(monkeypatch):
  monkeypatch.setenv('HOME', '/home/her')
  assert parse('folder:~/a:b').path == Path('/home/her/a:b')
  assert parse('folder:x/~').path == Path('x/~')
  assert parse('folder:~no_such_user/x').path == Path('~no_such_user/x')


@pytest.mark.parametrize(('form', 'text', 'value'), [
    (specs.WHOLE, '0', 0), (specs.WHOLE, '12', 12),
    (specs.WHOLE_RANGE, '7', (7, 7)), (specs.WHOLE_RANGE, '0-9', (0, 9)),
    (specs.WHOLE_RANGE, '4-4', (4, 4)),
    (specs.NUMBER_RANGE, '.5', (0.5, 0.5)),
    (specs.NUMBER_RANGE, '0-65', (0, 65)),
    (specs.NUMBER_RANGE, '1.5-2.25', (1.5, 2.25)),
    (specs.SHARES, '0.5', (0.5, 0.5)), (specs.SHARES, '1x.25', (1, 0.25)),
    (specs.SHARES, '.1x.9', (0.1, 0.9)),
    (specs.YES_OR_NO, 'yes', True), (specs.YES_OR_NO, 'no', False),
    (specs.choice('cut', 'masked'), 'cut', 'cut')])
def test_a_value_is_read_in_its_form(form, text, value):
  assert form.read(text) == value


# What is refused


@pytest.mark.parametrize(('form', 'texts'), [
    (specs.WHOLE, ['', '-1', '1.5', '1-2', '+3', ' 3', '1_0', 'x']),
    (specs.WHOLE_RANGE, ['', '-1', '1.5', '9-1', '1-2-3', '1-', '-', 'x']),
    (specs.NUMBER_RANGE, ['', '-1', '1.', '9-1', '1-2-3', 'nan', 'inf', '1e3']),
    (specs.SHARES, ['', '0.5x', 'x0.5', '0.5-0.6', '1x2x3', 'nan']),
    (specs.YES_OR_NO, ['', 'Yes', 'true', '1']),
    (specs.choice('cut', 'masked'), ['', 'mask', 'cut ', 'cutmasked'])])
def test_a_value_in_another_form_is_refused_with_one_to_write(form, texts):
  kinds = {'kind': specs.Kind({'option': form})}
  for text in texts:
    assert refusal(f'kind:option={text}', kinds) == (
        f'cannot read "option={text}" of the things "kind:option={text}"; '
        f'write {form.example.format("option")}')


@pytest.mark.parametrize('form', [
    specs.WHOLE, specs.WHOLE_RANGE, specs.NUMBER_RANGE, specs.SHARES,
    specs.YES_OR_NO, specs.choice('cut', 'masked')])
def test_the_example_of_a_form_can_be_read(form):
  for example in form.example.format('option').split(' or '):
    option, equals, value = example.partition(' (')[0].partition('=')
    assert (option, equals) == ('option', '=')
    form.read(value)


@pytest.mark.parametrize(('text', 'says'), [
    ('plane', 'unknown kind of things "plane"; did you mean "plain"?'),
    ('qq', 'unknown kind of things "qq"; there are: drawn, folder, mixed, '
     'named, plain'),
    ('', 'unknown kind of things ""; there are: drawn, folder'),
    (':x', 'unknown kind of things ""; there are: drawn, folder'),
    ('Plain', 'unknown kind of things "Plain"; did you mean "plain"?'),
    ('drawn:cuont=3', 'unknown option of drawn "cuont"; did you mean "count"?'),
    ('drawn:zz=3', 'unknown option of drawn "zz"; there are: count, thin'),
    ('drawn:', 'unknown option of drawn ""; there are: count, thin'),
    ('drawn:count=3:', 'unknown option of drawn ""; there are: count, thin'),
    ('drawn:count=3:rest', 'unknown option of drawn "rest"; there are: count'),
    ('named:sise=8:x', 'unknown option of named "sise"; did you mean "size"?'),
    ('drawn:count', 'cannot read "count=" of the things "drawn:count"; write '
     'count=5 or count=1-9')])
def test_an_unknown_kind_or_option_names_the_nearest(text, says):
  assert refusal(text).startswith(says)


@pytest.mark.parametrize(('text', 'form'), [
    ('folder', 'folder:PATH'), ('folder:', 'folder:PATH'),
    ('named', 'named:NAME'), ('named:', 'named:NAME'),
    ('named:size=8', 'named:NAME'), ('named:size=8:', 'named:NAME'),
    ('mixed', 'mixed:files:PATH'), ('mixed:', 'mixed:files:PATH'),
    ('mixed:x', 'mixed:files:PATH'), ('mixed:files', 'mixed:files:PATH'),
    ('mixed:files:', 'mixed:files:PATH'),
    ('mixed:sigma=2', 'mixed:files:PATH'),
    ('mixed:sigma=2:x', 'mixed:files:PATH'),
    ('mixed:sigma=2:files:', 'mixed:files:PATH')])
def test_a_missing_rest_is_refused_with_what_to_write(text, form):
  assert refusal(text) == f'cannot read the things "{text}"; write {form}'


@pytest.mark.parametrize('text', ['plain:', 'plain:x', 'plain:count=3'])
def test_trailing_text_is_refused_where_nothing_may_follow(text):
  assert refusal(text) == (
      f'cannot read the things "{text}"; nothing may follow "plain"')


# The grammars that the package has


@pytest.mark.parametrize('text', [
    'canny', 'canny:sigma=2', 'canny:sigma=1.9', 'canny:sigma=1-4',
    'canny:hole=cut', 'canny:hole=masked', 'canny:sigma=1-4:hole=masked', 'hed',
    'hed:hole=masked', 'none', 'files:{0}', 'thinned:files:{0}',
    'thinned:sigma=1.9:files:{0}', 'thinned:hole=masked:sigma=1-4:files:{0}'])
def test_every_kind_of_edges_is_read(text, maps):
  wanted = edges.parse(text.format(maps))
  assert wanted.kind == text.partition(':')[0]
  assert wanted.by_network == text.startswith('hed')
  assert wanted.masked == ('hole=masked' in text)
  assert (wanted.maps is not None) == ('files' in text)


@pytest.mark.parametrize(('text', 'moves', 'thin'), [
    ('simulated', (30, 100), False), ('simulated:move=65', (65, 65), False),
    ('simulated:move=2.5-3:thin=yes', (2.5, 3), True),
    ('simulated:thin=no', (30, 100), False), ('none', (), False),
    ('files:{0}', (), False)])
def test_every_kind_of_sketches_is_read(text, moves, thin, maps):
  wanted = sketches.parse(text.format(maps))
  assert (wanted.moves, wanted.thin) == (moves, thin)
  assert wanted.bends == bool(moves)
  assert (wanted.maps is not None) == text.startswith('files')


def test_a_path_of_maps_may_hold_colons_and_equals_signs(maps):
  for parse_ in (edges.parse, sketches.parse):
    assert parse_(f'files:{maps}').maps.root == maps
  masks.parse(f'files:{maps}').check(['m.jpg'])


@pytest.mark.parametrize('parse_', [edges.parse, sketches.parse, masks.parse])
def test_the_folder_of_an_unknown_user_is_said_not_to_be_there(parse_):
  with pytest.raises(UsageError, match='no folder ~no_such_user/x'):
    parse_('files:~no_such_user/x')
