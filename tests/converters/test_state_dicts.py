"""A network's weights are found in what a file holds, and none is guessed."""

from pathlib import Path

import numpy as np
import pytest

from jinpaint.converters import pickles, state_dicts, torch_file
from jinpaint.errors import UsageError

TRAINER = Path(__file__).parents[1] / 'fixtures' / 'torch' / 'trainer.pth'
A, B = np.ones((2, 3)), np.zeros(3)
BARE = {'a.weight': A, 'a.bias': B}


def under(prefix, entries=BARE):
  return {f'{prefix}{name}': array for name, array in entries.items()}


def assert_bare(found):
  assert list(found) == list(BARE)
  assert all(found[name] is array for name, array in BARE.items())


def test_state_dict_is_the_object_itself_or_under_a_given_name():
  trainer = torch_file.read(TRAINER)
  found = state_dicts.find(trainer, 'parameters', 'model', 'generator')
  assert list(found) == [
      '0.weight', '0.bias', '1.weight', '1.bias', '1.running_mean',
      '1.running_var', '1.num_batches_tracked']
  np.testing.assert_array_equal(found['0.bias'], np.arange(2, dtype='f'))
  assert_bare(state_dicts.find(BARE, 'generator'))


@pytest.mark.parametrize('wrapped', [
    under('module.'), under('module.module.'), under('_orig_mod.'),
    under('module._orig_mod.'), under('_orig_mod.module.'),
    {'a._orig_mod.weight': A, 'a._orig_mod.bias': B},  # a part was compiled
    {'n_averaged': np.array(7), **under('module.')},  # torch.optim.swa_utils
    under('g.'), under('g.module.'), under('module.g.'),
    {**under('g._orig_mod.'), 'd.a': A, 'loss.g.a': B, 'd.size': 3},
    # What a trainer has noted beside the weights.
    {**under('module.module.'), 'epoch': 3, 'psnr': 31.5, 'name': 'x'}])
def test_what_wrappers_add_to_names_is_taken_off(wrapped):
  assert_bare(state_dicts.find({'all': wrapped}, 'all', prefix='g.'))


@pytest.mark.parametrize('names', [
    ['module.a', 'b'], ['n_averaged', 'a'], ['modulea', 'moduleb'],
    ['a_orig_mod.b', 'a'], ['a', '_orig_mod.a'],
    # The outer wrapper goes, and 'module' is the name of a layer.
    pytest.param(['module.module.a', 'module.b'], id='layer')])
def test_what_only_looks_like_a_wrapper_stays(names):
  found = list(state_dicts.find(dict.fromkeys(names, A)))
  assert found == (['module.a', 'b'] if names[0].count('module.') == 2
                   else names)


def test_a_state_dict_without_the_prefix_is_the_network_s_own():
  assert_bare(state_dicts.find(BARE, 'all', prefix='g.'))


def says(*args, **options):
  with pytest.raises(UsageError) as error:
    state_dicts.find(*args, **options)
  message = str(error.value)
  assert message.isprintable()
  return message


def test_missing_weights_tell_what_is_there():
  trainer = {'epoch': 3, 2: 'a', 'x\x1b[2J\n': pickles.Foreign('a.B')}
  assert says(trainer, 'netG', 'net', origin='x.pth') == (
      'no weights under "netG" or "net" in x.pth; the keys that are there: '
      'epoch, an int, x [2J ')
  assert says({}) == ('no weights under its top level in the file; the keys '
                      'that are there: none')
  assert says({'generator': pickles.Opaque('torch.nn.Linear')},
              'generator') == ('the file, under "generator", has a '
                               'torch.nn.Linear, not its state_dict()')
  odd = {'all': under('g.', BARE | {'c': pickles.Opaque('os.Path')})}
  assert says(odd, 'all', prefix='g.') == (
      'the file, under "all", has weights, but "c" is a os.Path')


def test_weights_under_other_names_are_never_chosen_silently():
  message = ('no weights under "generator" in the file, but under params, '
             'params_ema: name one by --key')
  assert says({'params': BARE, 'params_ema': BARE, 'step': 3},
              'generator') == message
  assert says({'mean': A, 'ema': BARE}) == (
      'no weights under its top level in the file, but under ema: name one by '
      '--key')
  assert_bare(state_dicts.find({'params': under('x.'), 'generator': BARE},
                               'generator'))


@pytest.mark.parametrize(('key', 'contents'), [
    ('params_ema', {'params': {}, 'params_ema': BARE}),
    ('model.ema', {'model': {'ema': BARE, 'net': {}}}),
    ('model.ema', {'model': {}, 'model.ema': BARE}),
    ('all.g', {'all': {**under('g.'), 'd.a': A}}),
    ('all.net.g', {'all': {**under('net.g.'), 'd.a': A}}),
    ('ema', {'ema': {'generator': BARE}})])
def test_the_user_can_name_the_key(key, contents):
  assert_bare(state_dicts.find(state_dicts.under(contents, key), 'generator'))


@pytest.mark.parametrize(('key', 'message'), [
    ('emma', 'no "emma" in x.pth; the keys that are there: ema, step'),
    ('ema.b', 'no "b" in x.pth; the keys that are there: a.weight, a.bias'),
    ('step', 'under "step" x.pth has an int, not weights'),
    ('step.a', 'under "step.a" x.pth has an int, not weights')])
def test_a_key_that_is_not_there_is_told(key, message):
  with pytest.raises(UsageError) as error:
    state_dicts.under({'ema': BARE, 'step': 3}, key, 'x.pth')
  assert str(error.value) == message
