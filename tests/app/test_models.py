"""Models appear by themselves, under names of their own, and not too many."""

import json
import os
import shutil

import numpy as np
import pytest
import tiny_run
from visitors import encoded, fill, hole, noise, serving, upload, visitor

from jinpaint.app import models
from jinpaint.app.settings import Limits, Settings
from jinpaint.errors import UsageError
from jinpaint.runs import packed


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  return tiny_run.trained(tmp_path_factory.getbasetemp())


def test_a_run_can_be_chosen_as_soon_as_it_is_finished(run, tmp_path):
  runs = tmp_path / 'runs'
  runs.mkdir()
  with serving(runs=runs) as app:
    client = visitor(app)
    names = lambda: [model['name'] for model in
                     client.get('/api/state').json()['models']]
    assert names() == ['scratches']
    # It has begun, and has no checkpoint yet.
    (runs / 'mine').mkdir()
    shutil.copy(run / 'config.json', runs / 'mine')
    assert names() == ['scratches']
    shutil.copytree(run / 'checkpoints', runs / 'mine' / 'checkpoints')
    assert names() == ['scratches', 'mine']
    image = upload(client, encoded(noise(16, 16, 3)))['id']
    fill(client, image, hole(16, 16), model='mine')
    shutil.rmtree(runs / 'mine')
    assert names() == ['scratches']


def test_a_run_that_cannot_be_read_hides_no_other_one(run, tmp_path):
  runs = tmp_path / 'runs'
  for name, text in (('a', '{'), ('b', '{}'), ('c', '[]'),
                     ('d', json.dumps({'system': 'none'}))):
    (runs / name).mkdir(parents=True)
    (runs / name / 'config.json').write_text(text)
  shutil.copytree(run, runs / 'deep' / 'er' / 'run')
  found = models.Models(Settings(runs=runs)).all()
  assert list(found) == ['scratches', 'deep/er/run']


def test_no_two_models_have_one_name(run, tmp_path):
  for place in ('a', 'b'):
    shutil.copytree(run, tmp_path / place / 'scratches')
  found = models.Models(Settings(models=(
      tmp_path / 'a' / 'scratches', tmp_path / 'b' / 'scratches'))).all()
  assert list(found) == ['scratches', 'scratches-2', 'scratches-3']
  assert found['scratches'].path == packed.OWN
  assert found['scratches-2'].note == ''


def test_a_packed_model_can_be_chosen(run, tmp_path):
  packed.pack(run, tmp_path / 'mine.npz')
  found = models.Models(Settings(models=(tmp_path / 'mine.npz',))).all()
  assert found['mine'].described()['system'] == 'pconv_lines'


def test_a_model_that_is_none_is_said_at_once(tmp_path):
  with pytest.raises(UsageError, match='there is no such run'):
    Settings(models=(tmp_path / 'nothing',))
  with pytest.raises(UsageError, match='holds no run'):
    models.Models(Settings(models=(tmp_path,)))


def test_few_models_are_open_at_once(run, tmp_path):
  for name in 'abc':
    shutil.copytree(run, tmp_path / name)
  made = models.Models(Settings(runs=tmp_path, limits=Limits(models=2)))
  a, b, c = (made.named(name) for name in 'abc')
  first, second = made.open(a), made.open(b)
  assert made.open(a) is first
  made.open(c)  # b was used longest ago
  assert made.open(a) is first
  assert made.open(b) is not second


def test_a_model_with_many_programs_and_one_that_was_trained_on_open_anew(
    run, tmp_path):
  shutil.copytree(run, tmp_path / 'a')
  made = models.Models(Settings(runs=tmp_path, limits=Limits(programs=1)))
  a = made.named('a')
  first = made.open(a)
  for size in (16, 24):
    first(np.zeros((size, size, 3), np.uint8), hole(size, size))
  second = made.open(a)
  assert second is not first
  assert made.open(a) is second
  os.utime(tmp_path / 'a' / 'checkpoints', (1, 1))
  assert made.open(a) is not second
