"""Files of every form are read right, or refused in one line."""

import formats
import numpy as np

from jinpaint.commands import inpaint
from jinpaint.data import files


def test_generated_files_are_read_right_or_refused_in_one_line():
  outcomes = formats.run(30, seed=1)
  assert outcomes.keys() <= set(formats.OUTCOMES), outcomes
  assert len(outcomes['read right']) > 10
  assert len(outcomes['refused in one line']) > 3


def test_the_generator_sees_what_goes_wrong(monkeypatch):
  """A pixel that is changed, a hole that is another, and a traceback."""
  read, write = files.read, files.write

  def spoil(path, picture):
    pixels = picture.pixels.copy()
    pixels[0, 0] ^= 1
    write(path, picture._replace(pixels=pixels))
  with monkeypatch.context() as broken:
    broken.setattr(files, 'write', spoil)
    assert 'known pixels changed' in formats.run(3, seed=1)
  with monkeypatch.context() as broken:
    broken.setattr(inpaint, '_hole', lambda opened: np.roll(opened.hole, 1))
    assert formats.run(5, seed=1).keys() & {
        'known pixels changed', 'other hole'}

  def fail(path):
    if path.suffix == '.png':
      raise KeyError(path)
    return read(path)
  monkeypatch.setattr(files, 'read', fail)
  assert 'traceback' in formats.run(5, seed=1)
