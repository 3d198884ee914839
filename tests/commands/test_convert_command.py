"""`jinpaint convert`: what it writes, what it refuses, and in which words."""

import json
from pathlib import Path
import shutil

from command_files import assert_refused
import numpy as np

from jinpaint import converters, networks
from jinpaint.converters import torch_layout, weights

PUBLISHED = Path(__file__).parents[1] / 'fixtures' / 'published'


def hed_file(path, prefix='', **others):
  """Writes HED's weights under their published names, all zeros."""
  leaves = torch_layout.leaves(networks.create('hed'),
                               converters.converter_of('hed'), {})
  np.savez(path, **{f'{prefix}{leaf.key}': np.zeros(leaf.shape, np.float32)
                    for leaf in leaves}, **others)
  return path


def test_convert_writes_weights_and_says_licence_and_origin(tmp_path, jinpaint):
  published, output = hed_file(tmp_path / 'mine.npz'), tmp_path / 'hed.npz'
  words = ('convert', published, '--network=hed', f'--output={output}')
  status, said, _ = jinpaint(*words)
  assert not status
  assert f'wrote hed to {output}' in said
  assert 'licence: unknown' in said  # the file's name is not the published one
  assert weights.load(output).network == 'hed'
  assert_refused(jinpaint(*words), str(output), '--overwrite')


def test_convert_refuses_what_it_cannot_read(tmp_path, jinpaint):
  published = hed_file(tmp_path / 'mine.npz')
  output = f'--output={tmp_path / "out.npz"}'
  for file, network, message in (
      (published, 'hde', 'did you mean "hed"'),
      (tmp_path / 'no.pth', 'hed', 'no.pth'),
      (published, 'vgg16', 'missing features.')):
    assert_refused(jinpaint('convert', file, f'--network={network}', output),
                   message)
  assert not (tmp_path / 'out.npz').exists()


def test_the_name_of_a_file_does_not_say_whose_it_is(tmp_path, jinpaint):
  named = tmp_path / 'network-bsds500.pytorch'
  hed_file(tmp_path / 'x.npz').rename(named)
  _, said, _ = jinpaint('convert', named, '--network=hed',
                        f'--output={tmp_path / "hed.npz"}')
  assert "\nlicence: if this is the authors' file: GPL-3.0" in said
  assert "\norigin: if this is the authors' file: Xie and Tu 2015" in said


def test_the_user_chooses_the_key_and_the_options(tmp_path, jinpaint):
  several = hed_file(tmp_path / 'a.npz', 'ema.module.', step=np.zeros(2))
  output = tmp_path / 'hed.npz'
  words = ('convert', several, '--network=hed', f'--output={output}')
  status, said, _ = jinpaint(*words, '--key=ema', '--option=logits=True')
  assert not status
  assert '\noptions: logits=True\n' in said
  assert weights.load(output).options == {'logits': True}
  words += ('--overwrite',)
  assert_refused(jinpaint(*words, '--key=emma'), several, 'no "emma"')
  assert_refused(jinpaint(*words, '--option=logit=True'), 'unknown option of '
                 'hed "logit"; did you mean "logits"?')
  assert_refused(jinpaint(*words, '--option=logits=maybe'),
                 "logits is bool, not 'maybe'")
  assert_refused(jinpaint('convert', tmp_path, '--system=gated',
                          f'--output={tmp_path / "run"}',
                          '--option=colour=bgr'),
                 'unknown option of gated "colour"; did you mean "colours"?')
  assert_refused(jinpaint('convert', tmp_path, '--system=gatet',
                          f'--output={tmp_path / "run"}'),
                 'unknown system "gatet"; did you mean "gated"?')


def test_a_folder_of_snapshots_says_which_was_taken(tmp_path, jinpaint):
  folder = tmp_path / 'snapshots'
  folder.mkdir()
  for name in ('200', '90'):
    shutil.copy(PUBLISHED / 'pconv_unet.pth', folder / f'{name}.pth')
  status, said, _ = jinpaint('convert', folder, '--system=pconv',
                             f'--output={tmp_path / "run"}',
                             '--option=width=1')
  assert not status
  assert said.startswith(
      '200.pth: generator, pconv_unet\n  newer than 90.pth\n'
      '  options: levels=7, normalize=sum\n  licence: unknown')
  assert '\nchosen options: width=1.0\n' in said
  about = json.loads((tmp_path / 'run/published.json').read_text())
  assert about['options'] == {'width': 1.0}
  assert about['files'][0]['older'] == ['90.pth']
