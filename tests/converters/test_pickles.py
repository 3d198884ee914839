"""Foreign objects in a weights file are skipped, and no call is followed."""

import collections
from pathlib import Path
import pickle
import re
import sys
import types
import zipfile

from golden import fill as recipe
import numpy as np
import pytest

from jinpaint import converters
from jinpaint.converters import pickles, state_dicts, torch_file
from jinpaint.errors import UsageError

GOLDEN = Path(__file__).parents[1] / 'golden'
TINY = GOLDEN / 'lama_lightning_tiny.ckpt'
FULL = GOLDEN / 'lama_lightning_tiny_full.ckpt'


def packed(path, pickled):
  """Writes an archive like PyTorch's, without storages."""
  with zipfile.ZipFile(path, 'w') as archive:
    archive.writestr('x/data.pkl', pickled)
  return path


def planted(path, source, key, value):
  """Copies an archive; its pickle gets one more entry, opcodes `value`."""
  with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, 'w') as new:
    for name in old.namelist():
      record = old.read(name)
      if name.endswith('/data.pkl'):
        assert record.startswith(b'\x80\x02}q\x00(')
        name_of = b'X' + len(key).to_bytes(4, 'little') + key.encode()
        record = record[:6] + name_of + value + record[6:]
      new.writestr(name, record)
  return path


def refusal(path):
  with pytest.raises(UsageError) as caught:
    torch_file.read(path)
  message = str(caught.value)
  assert message.isprintable()
  return message.removeprefix(f'{path}: ')


# --- Lightning's files --------------------------------------------------------


@pytest.mark.parametrize(('path', 'network', 'count'), [
    (TINY, 'generator', 105), (FULL, 'generator', 105),
    (FULL, 'discriminator', 32)])
def test_a_lightning_file_gives_the_weights_of_each_network(
    path, network, count):
  found = state_dicts.find(torch_file.read(path), 'state_dict',
                           prefix=f'{network}.')
  assert len(found) == count
  for key, array in found.items():
    expected = (0 if key.endswith('num_batches_tracked')
                else recipe.fill(key, array.shape, 0))
    np.testing.assert_array_equal(array, expected, err_msg=key)


def test_what_a_lightning_file_has_of_other_libraries_is_inert():
  contents = torch_file.read(FULL)
  (callback,) = contents['callbacks']
  assert isinstance(callback, pickles.Foreign)
  assert callback.name == (
      'pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint')
  settings = contents['hyper_parameters']
  assert vars(settings) == {'name': 'omegaconf.dictconfig.DictConfig'}
  assert contents['global_step'] > 0


EVIL = b'X\x02\x00\x00\x00id'  # the argument
CALLS = {  # opcodes -> what is refused
    b'cposix\nsystem\n' + EVIL + b'\x85R': 'would run posix.system',
    b'cos\nsystem\n' + EVIL + b'\x85R': 'would run os.system',
    b'c__builtin__\neval\n' + EVIL + b'\x85R': 'would run builtins.eval',
    b'cbuiltins\ngetattr\n' + 2 * EVIL + b'\x86R': 'would run builtins.getattr',
    b'cposix\nabort\n)R': 'would run posix.abort',
    # By the function that an object holds, and by one that was kept.
    b'cposix\nsystem\n)\x81' + EVIL + b'\x85R': 'would run a posix.system',
    b'cposix\nsystem\nr\xff\xff\x00\x00j\xff\xff\x00\x00' + EVIL + b'\x85R':
        'would run posix.system',
    b'cpathlib\nPath\n' + EVIL + b'\x85\x81': 'would run pathlib.Path',
    b'cposix\nsystem\n)}\x92': 'opcode NEWOBJ_EX',
    b'(cposix\nsystem\n' + EVIL + b'o': 'opcode OBJ',
    b'(' + EVIL + b'iposix\nsystem\n': 'opcode INST',
    b'\x82\x01': 'EXT1',
    # Attributes of a class, of a function that is known, of a tensor.
    b'cposix\nsystem\n}b': 'would change posix.system',
    b'ctorch._utils\n_rebuild_tensor_v2\n}b': 'would change a function',
    b'cposix\nsystem\n' + EVIL + b'a': 'would change posix.system',
    b'ccollections\nOrderedDict\n' + EVIL + b'\x85\x81': 'would run',
    b'ccollections\ndefaultdict\n' + EVIL + b'cposix\nsystem\n' + EVIL
    + b'\x85R\x86R': 'would run posix.system',
    # In what fills an object.
    b'ca\nB\n)\x81}' + EVIL + b'cposix\nsystem\n' + EVIL + b'\x85Rsb':
        'would run posix.system',
}


@pytest.mark.parametrize(('call', 'reason'), CALLS.items())
@pytest.mark.parametrize('source', [TINY, FULL])
def test_a_call_planted_in_a_lightning_file_is_refused_by_name(
    tmp_path, monkeypatch, source, call, reason):
  monkeypatch.setattr('os.system', None)
  path = planted(tmp_path / 'x.ckpt', source, 'evil', call)
  assert reason in refusal(path)


def test_what_stands_for_a_class_cannot_pass_for_weights(tmp_path):
  path = planted(tmp_path / 'x.ckpt', TINY, 'generator',
                 b'ctorch.nn\nLinear\n)\x81')
  contents = torch_file.read(path)
  with pytest.raises(UsageError, match=r'under "generator", has a torch\.nn\.'
                     r'Linear, not its state_dict\(\)'):
    state_dicts.find(contents, 'generator')
  alone = packed(tmp_path / 'y.pth', b'\x80\x02ctorch.nn\nLinear\n)\x81.')
  assert refusal(alone) == ('holds a torch.nn.Linear, not weights under their '
                            'names')


# --- objects of other libraries -----------------------------------------------


@pytest.fixture
def library(monkeypatch):
  """A library that is here while the test writes a file, and runs code."""
  module = types.ModuleType('somebodys')
  ran = []

  class Settings:
    def __setstate__(self, state):
      ran.append(state)

  class Items(list):
    pass

  class Table(dict):
    pass

  class Pair(collections.namedtuple('Pair', 'a b')):
    pass

  for kind in (Settings, Items, Table, Pair):
    kind.__module__, kind.__qualname__ = 'somebodys', kind.__name__
    setattr(module, kind.__name__, kind)
  module.ran = ran
  monkeypatch.setitem(sys.modules, 'somebodys', module)
  return module


@pytest.mark.parametrize('protocol', [2, 4, 5])
def test_objects_that_hold_each_other_are_skipped_and_nothing_runs(
    tmp_path, library, protocol):
  settings, items, table = library.Settings(), library.Items(), library.Table()
  settings.parent, settings.items = settings, items
  items.append(settings)
  table['items'] = items
  ours = {'args': settings, 'table': table, 'of': {library.Settings: 1},
          'lr': 0.5, 'counts': collections.Counter('aab'),
          'later': collections.defaultdict(dict, a=1),
          'known': frozenset({1})}
  ours['ours'] = ours
  path = packed(tmp_path / 'x.pth', pickle.dumps(ours, protocol))
  contents = torch_file.read(path)
  assert not library.ran
  assert {str(contents[key]) for key in ('args', 'table')} == {
      'a somebodys.Settings', 'a somebodys.Table'}
  assert [str(key) for key in contents['of']] == ['somebodys.Settings']
  assert contents['counts'] == {'a': 2, 'b': 1}
  assert (contents['later'], contents['lr']) == ({'a': 1}, 0.5)
  assert contents['known'] == {1}
  assert contents['ours'] is contents


def test_an_object_that_is_made_with_arguments_is_refused(tmp_path, library):
  path = packed(tmp_path / 'x.pth', pickle.dumps({'a': library.Pair(1, 2)}, 2))
  assert refusal(path) == 'would run somebodys.Pair on loading; refused'


# --- NumPy's scalars ----------------------------------------------------------


@pytest.mark.parametrize('protocol', [2, 4])
@pytest.mark.parametrize('core', [b'core', b'_core'])
def test_scalars_of_numpy_are_numbers(tmp_path, protocol, core):
  numbers = [np.float64(31.2), np.float32(1.5), np.int64(-7), np.uint8(200),
             np.bool_(True), np.complex64(1 + 2j), np.dtype('>f4').type(2),
             np.float16(0.5)]
  written = pickle.dumps({'best': numbers, 'kind': np.dtype('f4'),
                          'noise': np.arange(600.)}, protocol)
  if protocol == 2:  # lengths are not written
    written = re.sub(rb'numpy\._?core\.', b'numpy.' + core + b'.', written)
  contents = torch_file.read(packed(tmp_path / 'x.pth', written))
  assert contents['best'] == numbers
  assert {type(number) for number in contents['best']} == {
      float, int, bool, complex}
  assert str(contents['noise']) == 'a numpy.ndarray'


def test_a_scalar_of_the_other_byte_order_is_turned_round(tmp_path):
  (number,) = np.frombuffer(b'ABCD', '<f4')
  written = pickle.dumps({'best': number}, 2)
  for old, new in ((b'X\x01\x00\x00\x00<', b'X\x01\x00\x00\x00>'),
                   (b'ABCD', b'DCBA')):
    assert written.count(old) == 1
    written = written.replace(old, new)
  contents = torch_file.read(packed(tmp_path / 'x.pth', written))
  assert contents == {'best': number}


@pytest.mark.parametrize(('code', 'raw', 'reason'), [
    (b'O8', b'', 'scalar that is no number'),
    (b'f8', b'1234', 'damaged'),
    (b'V9', b'123456789', 'scalar that is no number')])
def test_a_scalar_that_is_no_number_is_refused(tmp_path, code, raw, reason):
  text = lambda part: b'X' + len(part).to_bytes(4, 'little') + part
  written = (b'\x80\x02}' + text(b'a') + b'cnumpy.core.multiarray\nscalar\n'
             b'cnumpy\ndtype\n' + text(code) + b'\x85R' + text(raw)
             + b'\x86Rs.')
  assert reason in refusal(packed(tmp_path / 'x.pth', written))


# --- what would take all memory, time or stack --------------------------------

DEEP = b')' + 300_000 * b'\x85'
WIDE = b')' + b''.join(  # tuples of twice the last one, 60 times
    b'r' + i.to_bytes(4, 'little') + b'j' + i.to_bytes(4, 'little') + b'\x86'
    for i in range(60))


@pytest.mark.parametrize('key', [DEEP, WIDE], ids=['deep', 'wide'])
@pytest.mark.parametrize('use', [
    lambda key: b'}' + key + b'Ns',
    lambda key: b'\x8f(' + key + b'\x90',
    lambda key: b'c__builtin__\nset\n](' + key + b'e\x85R',
    lambda key: b'ccollections\nOrderedDict\n]' + key + b'N\x86a\x85R',
    lambda key: b'(X\x07\x00\x00\x00storage' + key + b'NNNtQ',
    lambda key: (b'ctorch._utils\n_rebuild_tensor_v3\n(NNNNNN' + key + b'tR'),
    lambda key: b'cnumpy\ndtype\n' + key + b'\x85R',
], ids=['dict', 'set', 'call', 'pairs', 'storage', 'tensor', 'numpy'])
def test_what_python_cannot_hash_does_not_end_it(tmp_path, key, use):
  refusal(packed(tmp_path / 'x.pth', b'\x80\x02' + use(key) + b'.'))


def test_what_refers_to_itself_is_no_state_dict(tmp_path):
  path = packed(tmp_path / 'x.pth', b'\x80\x02}q\x00(X\x09\x00\x00\x00generator'
                b'h\x00X\x01\x00\x00\x00a]q\x01h\x01au.')
  contents = torch_file.read(path)
  assert contents['generator'] is contents
  with pytest.raises(UsageError, match='the keys that are there: generator, a'):
    converters.from_torch('edgeconnect_edge_generator', contents)


@pytest.mark.parametrize('call', [
    b'c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R',
    b'c__builtin__\nset\nh\x01\x85R',
    b'ctorch\nSize\nh\x01\x85R'])
def test_calls_cannot_multiply_what_a_file_holds(tmp_path, call):
  start = (b'\x80\x02(X' + (50_000).to_bytes(4, 'little') + 50_000 * b'a'
           + b'q\x00](' + 50_000 * b'N' + b'eq\x01')
  path = packed(tmp_path / 'x.pth', start + 1000 * call + b't.')
  assert refusal(path) == 'gives more to functions than it holds; refused'
