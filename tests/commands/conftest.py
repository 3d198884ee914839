"""Commands that are run in this process."""

import re

import pytest
import tiny_run

from jinpaint import devices, inference
from jinpaint.commands import cli


@pytest.fixture(scope='module')
def workdir(tmp_path_factory):
  """The work directory of a small run."""
  return tiny_run.trained(tmp_path_factory.getbasetemp())


@pytest.fixture(scope='module')
def model(workdir):
  """What that run has trained."""
  return inference.load(workdir)


@pytest.fixture
def place(tmp_path, monkeypatch, model):
  """An empty working directory, and a model that is loaded already."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(
      inference, 'open_inpainter',
      lambda path, checkpoint, edge, strategy: model)
  return tmp_path


@pytest.fixture(autouse=True)
def _nothing_is_kept(monkeypatch):
  """Programs are not kept in the cache of whoever runs the tests."""
  monkeypatch.setattr(devices, 'keep_programs', lambda: None)


@pytest.fixture
def jinpaint(capfd):
  """Runs a command; returns its exit status, stdout and stderr.

  Of what it says last, times and numbers of programs are left out.
  """
  def run(*words):
    try:
      cli.main([str(word) for word in words])
      status = 0
    except SystemExit as stop:
      status = stop.code
    out, err = capfd.readouterr()
    out = re.sub(r', in [\d.]+ s, \d+ programs? compiled$', '', out, flags=re.M)
    return status, out, err.replace('\r', '\n')
  return run


@pytest.fixture
def inpaint(jinpaint):
  """Runs `jinpaint inpaint` with --image, --mask and --output given."""
  def run(image, mask, output, *more):
    return jinpaint('inpaint', '--model=run', f'--image={image}',
                    f'--mask={mask}', f'--output={output}', *more)
  return run
