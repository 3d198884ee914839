"""A run starts with networks of earlier runs and of converted files."""

import jax
import numpy as np
import pytest

from jinpaint import systems
from jinpaint.configs import edgeconnect
from jinpaint.converters import weights
from jinpaint.errors import UsageError
from jinpaint.runs import earlier


def small_stage(name):
  return systems.stage('edgeconnect', name, pretrained=False, width=1 / 16,
                       blocks=1)


def start_from(*paths):
  config = edgeconnect.get_config('edge_inpaint')
  config.start_from = ','.join(map(str, paths))
  return config


@pytest.fixture(scope='module')
def edge_file(tmp_path_factory):
  """A file of an edge generator, as `jinpaint convert` writes it."""
  network = small_stage('edge').networks['edge_generator']
  variables = network.lazy_init(
      jax.random.key(0), jax.ShapeDtypeStruct((1, 32, 32, 3), np.float32))
  path = tmp_path_factory.mktemp('converted') / 'edge.npz'
  weights.save(path, weights.Weights(
      'edgeconnect_edge_generator', variables))
  return path, variables


def test_a_converted_file_is_a_network_to_start_with(edge_file):
  path, variables = edge_file
  said = []
  learned = earlier.networks_of(
      start_from(path), small_stage('edge_inpaint'), said.append)
  assert set(learned) == {'edge_generator'}
  jax.tree.map(np.testing.assert_array_equal, dict(learned['edge_generator']),
               variables)
  assert said == [f'starting with edge_generator of {path}']


@pytest.mark.parametrize(('stage', 'paths', 'message'), [
    ('edge_inpaint', [], 'does not train the edge_generator; .*start_from'),
    ('edge_inpaint', ['{file}', '{file}'], 'nothing that is still needed'),
    ('edge_inpaint', ['{folder}/none'], 'none holds no checkpoint yet'),
    ('inpaint', ['{file}'], 'which is none of the networks here')])
def test_what_cannot_be_started_with_is_said(
    edge_file, tmp_path, stage, paths, message):
  paths = [path.format(file=edge_file[0], folder=tmp_path) for path in paths]
  with pytest.raises(UsageError, match=message):
    earlier.networks_of(start_from(*paths), small_stage(stage), print)
