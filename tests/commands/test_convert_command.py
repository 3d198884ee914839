"""`jinpaint convert`: what it writes, what it refuses, and in which words."""

from command_files import assert_refused
import numpy as np

from jinpaint import converters, networks
from jinpaint.converters import torch_layout, weights


def hed_file(path):
  """Writes HED's weights under their published names, all zeros."""
  leaves = torch_layout.leaves(networks.create('hed'),
                               converters.converter_of('hed'), {})
  np.savez(path, **{leaf.key: np.zeros(leaf.shape, np.float32)
                    for leaf in leaves})
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
