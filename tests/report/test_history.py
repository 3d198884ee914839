"""What is read from event files, whatever happened to the training."""

import json
import subprocess
import sys

import numpy as np
import report_files

from jinpaint.report import history


def values(workdir):
  """Name -> {step: value}."""
  return {name: dict(zip(curve.steps.tolist(), curve.values.tolist(),
                         strict=True))
          for curves in history.read(workdir, pictures=2).curves.values()
          for name, curve in curves.items()}


def test_of_steps_that_were_made_twice_the_later_numbers_count(tmp_path):
  report_files.events(tmp_path, {1: {'l1': 4.0}, 2: {'l1': 3.0},
                                 3: {'l1': 2.5}})
  later = report_files.events(tmp_path, {2: {'l1': 1.0}, 4: {'l1': 0.5}})
  # The names of event files say when they were begun, in seconds.
  later.rename(tmp_path / 'events.out.tfevents.9999999999.host.1.0.v2')
  assert values(tmp_path) == {'l1': {1: 4.0, 2: 1.0, 3: 2.5, 4: 0.5}}


def test_what_a_killed_training_cut_off_does_not_matter(tmp_path):
  file = report_files.events(tmp_path, {1: {'l1': 4.0}, 2: {'l1': 3.0}})
  file.write_bytes(file.read_bytes()[:-5])
  assert values(tmp_path) == {'l1': {1: 4.0}}


def test_pictures_are_spread_over_the_training_and_exact(tmp_path):
  pictures = {step: report_files.picture(seed=step) for step in range(1, 10)}
  report_files.events(tmp_path, {step: {'l1': 1.0} for step in pictures},
                      pictures)
  read = history.read(tmp_path, pictures=3)
  assert list(read.pictures) == [1, 5, 9]
  assert read.left_out == 6
  for step, pixels in read.pictures.items():
    np.testing.assert_array_equal(pixels, pictures[step])


def test_tensorflow_is_not_needed(tmp_path):
  report_files.events(tmp_path, {1: {'l1': 4.0}},
                      {1: report_files.picture(seed=1)})
  code = ('import json, sys; from pathlib import Path\n'
          'sys.modules["tensorflow"] = None\n'
          'from jinpaint.report import history\n'
          'read = history.read(Path(sys.argv[1]), pictures=1)\n'
          'curve = read.curves["Losses"]["l1"]\n'
          'print(json.dumps([curve.steps.tolist(), curve.values.tolist(),\n'
          '                  read.pictures[1].tolist()]))')
  done = subprocess.run([sys.executable, '-c', code, tmp_path], check=True,
                        capture_output=True, text=True)
  assert json.loads(done.stdout) == [
      [1], [4.0], report_files.picture(seed=1).tolist()]
