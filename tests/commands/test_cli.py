"""The command line: which commands there are, and how wrong words end."""

from pathlib import Path
import subprocess
import sys
import warnings

from command_files import assert_refused, contents
import pytest

import jinpaint as package
from jinpaint import networks
from jinpaint.commands import cli


def test_systems_are_listed_with_their_stages(jinpaint):
  status, out, err = jinpaint('systems')
  assert (status, err) == (0, '')
  lines = out.splitlines()
  assert '  stages: edge, inpaint, edge_inpaint, joint' in lines
  at = next(i for i, line in enumerate(lines) if line.startswith(
      'pconv_lines: Partial convolutions'))
  assert lines[at + 1] == '  stages: inpaint'


@pytest.mark.slow
def test_networks_are_listed_with_their_sizes(jinpaint):
  status, out, err = jinpaint('systems', '--parameters')
  assert (status, err) == (0, '')
  head, *rows = (line.split() for line in out.splitlines())
  assert head == ['network', 'parameters', '10^6', '2^20']
  assert [row[0] for row in rows] == sorted(networks.REGISTRY)
  assert ['isnet_generator', '24,774,307', '24.774', '23.627'] in rows
  assert ['edgeconnect_edge_generator', '10,761,089', '10.761',
          '10.263'] in rows


@pytest.mark.parametrize(('words', 'message'), [
    (['convert', 'x', '--system=isnet', '--output=y', '--overwrite'],
     '--overwrite is for --network; choose another --output'),
    ([], 'the following arguments are required: COMMAND'),
    (['inpant'], "invalid choice: 'inpant'"),
    (['masks'], 'the following arguments are required: --kind, --size'),
    (['inpaint', '--model=x', '--mask-hole=grey'], "invalid choice: 'grey'")])
def test_wrong_words_are_one_line(words, message, jinpaint):
  assert_refused(jinpaint(*words), message)


def test_the_command_line_leaves_warnings_as_they_were(jinpaint):
  before = warnings.showwarning
  jinpaint('systems')
  assert warnings.showwarning is before


def test_the_version_is_told_and_the_package_is_a_command(jinpaint):
  version = f'jinpaint {package.__version__}\n'
  assert jinpaint('--version') == (0, version, '')
  ended = subprocess.run([sys.executable, '-m', 'jinpaint', '--version'],
                         capture_output=True, text=True, check=True)
  assert ended.stdout == version


def test_a_tilde_is_the_home_of_the_user(tmp_path, monkeypatch, jinpaint):
  monkeypatch.setenv('HOME', str(tmp_path / 'home'))
  (tmp_path / 'here').mkdir()
  monkeypatch.chdir(tmp_path / 'here')
  words = 'masks', '--kind=block', '--size=8'
  assert jinpaint(*words, '--output=~/masks')[0] == 0
  assert list(contents(tmp_path)) == ['home/masks/00000.png']


def test_no_flag_names_a_place_in_which_a_tilde_is_no_home():
  [commands] = [action.choices for action in cli._parser('')._actions
                if action.choices]
  assert {'report', 'inpaint'} <= commands.keys()
  for name, parser in commands.items():
    assert all(action.type is not Path for action in parser._actions), name


def test_a_name_that_is_too_long_is_one_line(tmp_path, jinpaint):
  outcome = jinpaint('masks', '--kind=block', '--size=8',
                     f'--output={tmp_path}/{"a" * 300}')
  assert_refused(outcome, 'File name too long')
  assert not list(Path(tmp_path).iterdir())
