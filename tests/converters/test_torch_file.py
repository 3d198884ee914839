"""Weights files: read as PyTorch wrote them, and nothing in them ever runs."""

from pathlib import Path
import pickle
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest

from jinpaint.converters import torch_file
from jinpaint.errors import UsageError

FIXTURES = Path(__file__).parents[1] / 'fixtures' / 'torch'
DTYPES = (
    'float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16',
    'int8', 'uint8', 'uint16', 'bool', 'complex64', 'float8_e4m3fn')
NUMBERS = {
    name: np.arange(6.).reshape(2, 3).astype(getattr(ml_dtypes, name, name))
    for name in DTYPES}
GRID = np.arange(24, dtype='f').reshape(4, 6)
STATE = NUMBERS | {
    'transposed': np.arange(6, dtype='f').reshape(2, 3).T,
    'strided': GRID[1:, ::2],
    'tail': GRID[3],
    'again': GRID,
    'scalar': np.array(7),
    'empty': np.empty((0, 3), 'f'),
    'expanded': np.full((2, 2), 5, 'f'),
    'parameter': np.arange(3, dtype='f'),
}
TINY = {'weight': np.arange(4, dtype='f').reshape(2, 2),
        'bias': np.ones(2, ml_dtypes.bfloat16)}
BOTH = pytest.mark.parametrize('form', ['', '_older'])


def assert_same(found, expected):
  assert set(found) == set(expected)
  for name, array in expected.items():
    assert found[name].dtype == array.dtype, name
    assert found[name].shape == array.shape, name
    np.testing.assert_array_equal(found[name], array, err_msg=name)


def refusal(path):
  """Returns the one line with which `path` is refused."""
  with pytest.raises(UsageError) as caught:
    torch_file.read(path)
  message = str(caught.value)
  assert message.startswith(f'{path}: ')
  assert '\n' not in message
  return message.removeprefix(f'{path}: ')


def rezip(source, target, changed, compression=zipfile.ZIP_STORED):
  """Copies an archive, each record passed through `changed(name, bytes)`."""
  with zipfile.ZipFile(source) as old, zipfile.ZipFile(
      target, 'w', compression) as new:
    for name in old.namelist():
      new.writestr(name, changed(name, old.read(name)))
  return target


# --- what is read -----------------------------------------------------------


@BOTH
def test_state_dict_comes_back_as_pytorch_saved_it(form):
  contents = torch_file.read(FIXTURES / f'state{form}.pth')
  assert list(contents) == list(STATE)
  assert_same(contents, STATE)


@BOTH
def test_tensors_that_shared_memory_still_do(form):
  contents = torch_file.read(FIXTURES / f'state{form}.pth')
  assert np.shares_memory(contents['strided'], contents['again'])
  assert not contents['again'].flags.writeable


@BOTH
def test_trainers_other_items_come_back_as_plain_python(form):
  contents = torch_file.read(str(FIXTURES / f'trainer{form}.pth'))
  adam, generator = contents.pop('optimizer'), contents.pop('generator')
  assert contents == {
      'iteration': 2_000_000, 'model': 'edge', 'best': 1.5, 'large': 2**70,
      'size': (1, 2), 'seen': {3, 4}, 'device': 'cuda:1', 'cpu': 'cpu',
      'dtype': 'float16', 'raw': b'\x00\xff', 'done': False, 'losses': [],
      'phase': 1 + 2j}
  assert generator['module.1.num_batches_tracked'].shape == ()
  assert adam['param_groups'][0]['lr'] == 1e-4
  assert adam['param_groups'][0]['betas'] == (0.0, 0.9)
  assert adam['param_groups'][0]['amsgrad'] is False
  assert adam['param_groups'][0]['fused'] is None
  assert sorted(adam['state']) == [0, 1, 2, 3]
  # One step with every gradient 2: the first moment is 2, the second 0.1 * 4.
  assert_same(adam['state'][1], {
      'step': np.array(1, 'f'), 'exp_avg': np.full(2, 2, 'f'),
      'exp_avg_sq': np.full(2, 0.4, 'f')})


def test_numbers_of_a_big_endian_machine_are_turned_round(tmp_path):
  # Bytes a number.
  sizes = {'0': 8, '1': 4, '2': 2, '3': 2, '9': 2, '11': 4}

  def swap(name, record):
    if name == 'state/byteorder':
      return b'big'
    size = sizes.get(name.removeprefix('state/data/'), 1)
    return np.frombuffer(record, f'u{size}').byteswap().tobytes()

  path = rezip(FIXTURES / 'state.pth', tmp_path / 'big.pth', swap)
  contents = torch_file.read(path)
  names = (*DTYPES[:4], 'uint8', 'complex64')
  assert_same({name: contents[name] for name in names},
              {name: NUMBERS[name] for name in names})
  np.testing.assert_array_equal(contents['uint16'], NUMBERS['uint16'])


def test_a_tensor_that_repeats_a_number_takes_no_memory_when_turned_round(
    tmp_path):
  def change(name, record):
    if name.endswith('byteorder'):
      return b'big'
    return record.replace(STRIDE, b'K\x00K\x00\x86').replace(
        SIZE, b'QK\x00' + 2 * b'J\xff\xff\xff\x0f' + b'\x86q\t')
  path = rezip(FIXTURES / 'tiny.pth', tmp_path / 'big.pth', change)
  assert torch_file.read(path)['weight'].shape == (2**28 - 1, 2**28 - 1)


def test_archives_from_before_the_byte_order_was_written_are_little_endian(
    tmp_path):
  target = tmp_path / 'no_order.pth'
  with zipfile.ZipFile(FIXTURES / 'state.pth') as old, zipfile.ZipFile(
      target, 'w') as new:
    for name in old.namelist():
      if not name.endswith('byteorder'):
        new.writestr(name, old.read(name))
  assert_same(torch_file.read(target), STATE)


def test_safetensors_come_back_with_bfloat16():
  assert_same(torch_file.read(FIXTURES / 'state.safetensors'), NUMBERS)


def test_npz_comes_back(tmp_path):
  arrays = {'a': GRID, 'b': np.array(2)}
  np.savez(tmp_path / 'stored.npz', **arrays)
  np.savez_compressed(tmp_path / 'compressed.npz', **arrays)
  assert_same(torch_file.read(tmp_path / 'stored.npz'), arrays)
  assert_same(torch_file.read(tmp_path / 'compressed.npz'), arrays)


@pytest.mark.parametrize(
    'name', ['tiny.pth', 'tiny_older.pth', 'tiny.safetensors'])
@pytest.mark.parametrize('suffix', ['.npz', '.zip', ''])
def test_format_is_told_by_content_and_not_by_suffix(tmp_path, name, suffix):
  path = tmp_path / f'weights{suffix}'
  path.write_bytes((FIXTURES / name).read_bytes())
  assert_same(torch_file.read(path), TINY)


def test_header_that_begins_like_a_pickle_is_still_safetensors(tmp_path):
  header = b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}'
  path = tmp_path / 'a.safetensors'
  path.write_bytes(struct.pack('<Q', 0x80) + header.ljust(0x80) + b'\x09')
  assert_same(torch_file.read(path), {'a': np.array([9], np.uint8)})


# --- what is refused --------------------------------------------------------


@pytest.mark.parametrize(('name', 'call'), [
    ('evil', 'posix.system'), ('evil_exec', 'builtins.exec')])
@BOTH
def test_evil_file_is_refused_by_name_and_does_not_run(
    tmp_path, monkeypatch, name, call, form):
  monkeypatch.chdir(tmp_path)
  message = refusal(FIXTURES / f'{name}{form}.pth')
  assert message == f'would run {call} on loading; refused'
  assert not list(tmp_path.iterdir())


def test_the_evil_file_would_run_if_it_were_unpickled(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with zipfile.ZipFile(FIXTURES / 'evil.pth') as archive:
    pickle.loads(archive.read('evil/data.pkl'))
  assert (tmp_path / 'jinpaint_ran_this').exists()


def test_pickled_network_is_refused_by_its_class():
  assert refusal(FIXTURES / 'module.pth') == (
      'holds a torch.nn.modules.linear.Linear, not weights under their names')


@pytest.mark.parametrize(('pickled', 'reason'), [
    # Protocol 4 names what it calls by two strings on the stack.
    (b'\x80\x04\x8c\x05posix\x8c\x06system\x93)R.', 'run posix.system'),
    # An attribute of something that is known is not known.
    (b'\x80\x04\x8c\x0bcollections\x8c\x12OrderedDict.update\x93)R.',
     'run collections.OrderedDict.update'),
    (b'\x80\x04K\x01\x8c\x06system\x93)R.', 'by what is no string'),
    # BUILD would set attributes of the function that rebuilds tensors.
    (b'\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}b.', 'would change '),
    # Protocol 0's way to call a class.
    (b'\x80\x02(iposix\nsystem\n.', 'opcode INST'),
    (b'\x80\x02cposix\nsystem\n).', 'not one that PyTorch wrote'),
    (b'\x80\x02X\x06\x00\x00\x00moduleNN\x87Q.', 'opcode BINPERSID'),
    (b'\x80\x02K\x01.', 'not one that PyTorch wrote'),
    (b'\x80\x02Nr\xff\xff\xff\x7f.', 'not one that PyTorch wrote'),
])
def test_every_way_to_call_is_refused(tmp_path, pickled, reason):
  path = tmp_path / 'x.pth'
  path.write_bytes(pickled)
  assert reason in refusal(path)


SIZE, STRIDE = b'QK\x00K\x02K\x02\x86q\t', b'K\x02K\x01\x86'


@pytest.mark.parametrize(('old', 'new', 'reason'), [
    (STRIDE, b'K\x09K\x01\x86', 'beyond its storage'),
    (STRIDE, b'K\x02K\x02\x86', 'beyond its storage'),
    (SIZE, SIZE.replace(b'\x00', b'\x01'), 'beyond its storage'),
    (SIZE, b'QK\x00K\x03K\x02\x86q\t', 'beyond its storage'),
    (SIZE, b'QJ\xfe\xff\xff\xffK\x02K\x02\x86q\t', 'impossible'),
    (STRIDE, b'J\xff\xff\xff\xffK\x01\x86', 'impossible'),
    (STRIDE, b'K\x02\x85', 'impossible'),
    (STRIDE, b'K\x02\x8a\x09' + bytes(8) + b'\x01\x86', 'beyond its storage'),
    (SIZE, b'QK\x00K\x02G@\x00\x00\x00\x00\x00\x00\x00\x86q\t', 'impossible'),
    (b'ctorch\nFloatStorage\n', b'ctorch\nQInt8Storage\n',
     'torch.QInt8Storage'),
    (b'ctorch\nFloatStorage\n', b'X\x01\x00\x00\x00O', 'damaged'),
    (b'storage', b'package', 'is no storage'),
])
@BOTH
def test_tensor_that_cannot_be_is_refused(tmp_path, form, old, new, reason):
  def change(_, record):
    return record.replace(old, new)
  source, path = FIXTURES / f'tiny{form}.pth', tmp_path / 'changed.pth'
  if form:
    path.write_bytes(change('', source.read_bytes()))
  else:
    rezip(source, path, change)
  assert reason in refusal(path)


@pytest.mark.parametrize(('old', 'new', 'reason'), [
    # Half a terabyte: refused before it is taken.
    (b'K\x04Ntq\x08', b'\x8a\x05' + b'\x7f' * 5 + b'Ntq\x08', 'claims more'),
    # A view of the storage "v", elements 0 to 3.
    (b'K\x04Ntq\x08', b'K\x04X\x01\x00\x00\x00vK\x00K\x04\x87tq\x08',
     'storage inside a storage'),
    # The list of the storages that follow, empty.
    (b'\x80\x02]q\x00(', b'\x80\x02].', 'tensors without storage'),
])
def test_older_file_whose_storages_cannot_be_is_refused(
    tmp_path, old, new, reason):
  tiny = (FIXTURES / 'tiny_older.pth').read_bytes()
  assert tiny.count(old) == 1
  (tmp_path / 'x.pth').write_bytes(tiny.replace(old, new))
  assert reason in refusal(tmp_path / 'x.pth')


def test_compressed_archive_is_refused(tmp_path):
  path = rezip(FIXTURES / 'tiny.pth', tmp_path / 'x.pth',
               lambda _, record: record, zipfile.ZIP_DEFLATED)
  assert 'is compressed' in refusal(path)


def test_what_is_no_weights_file_is_refused_in_plain_words(tmp_path):
  def said(content):
    (tmp_path / 'x.pth').write_bytes(content)
    return refusal(tmp_path / 'x.pth')
  assert refusal(tmp_path / 'none.pth') == 'No such file or directory'
  assert refusal(tmp_path) == 'Is a directory'
  assert said(b'') == 'is empty'
  assert 'web page' in said(b'\n<!DOCTYPE html><html>Sign in</html>')
  assert 'Git LFS' in said(b'version https://git-lfs.github.com/spec/v1\n')
  assert 'neither' in said(b'hello, this is text')
  assert 'not weights under their names' in refusal(FIXTURES / 'list.pth')
  with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as archive:
    archive.writestr('gen.pth', b'')
  assert 'it holds gen.pth' in refusal(tmp_path / 'x.zip')
  np.savez(tmp_path / 'x.npz', a=np.array([{}], object))
  assert 'Object arrays' in refusal(tmp_path / 'x.npz')


@pytest.mark.parametrize(('entry', 'reason'), [
    ('"dtype":"F32","shape":[2],"data_offsets":[0,4]', 'damaged at a'),
    ('"dtype":"F32","shape":[1],"data_offsets":[4,8]', 'damaged at a'),
    ('"dtype":"F32","shape":[1],"data_offsets":[-4,0]', 'damaged at a'),
    ('"dtype":"F32","shape":[-1,-1],"data_offsets":[0,4]', 'damaged'),
    ('"dtype":"Q4","shape":[1],"data_offsets":[0,4]', 'unknown type Q4'),
    ('"dtype":"F32"', 'damaged'),
])
def test_impossible_safetensors_header_is_refused(tmp_path, entry, reason):
  header = b'{"a":{' + entry.encode() + b'}}'
  path = tmp_path / 'a.safetensors'
  path.write_bytes(struct.pack('<Q', len(header)) + header + bytes(4))
  assert reason in refusal(path)


FILES = ['tiny.pth', 'tiny_older.pth', 'tiny.safetensors']


@pytest.mark.parametrize('name', FILES)
def test_file_cut_at_any_length_is_refused(tmp_path, name):
  whole, path = (FIXTURES / name).read_bytes(), tmp_path / 'cut.pth'
  for length in range(len(whole)):
    path.write_bytes(whole[:length])
    refusal(path)


@pytest.mark.parametrize('name', FILES)
@pytest.mark.filterwarnings('ignore:invalid escape')  # in a changed string
@pytest.mark.parametrize('flip', [0x03, 0xff])
def test_file_with_any_byte_changed_is_read_or_refused(tmp_path, name, flip):
  whole, path = (FIXTURES / name).read_bytes(), tmp_path / 'changed.pth'
  refused = 0
  for position in range(len(whole)):
    changed = bytearray(whole)
    changed[position] ^= flip
    path.write_bytes(changed)
    try:
      contents = torch_file.read(path)
    except UsageError:
      refusal(path)
      refused += 1
      continue
    if name == 'tiny.pth':  # the archive has checksums
      assert_same(contents, TINY)
  assert refused > len(whole) // 4
