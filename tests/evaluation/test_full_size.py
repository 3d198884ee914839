"""Photographs at their own sizes score as one picture at a time does."""

import csv
import json
import shutil

import cv2
import jax
import numpy as np
from PIL import Image
import pytest
from skimage import metrics as skimage_metrics
import stage_runs
from test_evaluate import untrained
import tiny_run

import jinpaint
from jinpaint import inference, runs
from jinpaint.configs import edgeconnect
from jinpaint.data import files, heads, masks
from jinpaint.data.examples import Choice
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate, measures
from jinpaint.evaluation.contest import Contest
from jinpaint.evaluation.protocol import Protocol
from jinpaint.evaluation.scores import Model

# Height and width of each photograph; 21 x 30 and 22 x 30 are padded to one
# size if a network takes multiples of two.
SIZES = ((21, 30), (24, 32), (22, 30), (21, 30), (40, 17), (21, 30))


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
  folder = tmp_path_factory.mktemp('photographs')
  rng = np.random.default_rng(0)
  for i, (height, width) in enumerate(SIZES):
    pixels = cv2.resize(rng.integers(0, 256, (4, 5, 3), np.uint8),
                        (width, height))
    files.write(folder / f'{i}.png', files.Picture(pixels))
  return folder


@pytest.fixture
def run(tmp_path, tmp_path_factory):
  return shutil.copytree(tiny_run.trained(tmp_path_factory.getbasetemp()),
                         tmp_path / 'run')


def scored(run, photographs, **changes):
  """Evaluates at full size; returns the rows of the CSV and what was said."""
  said = []
  evaluate.evaluate(
      run, full_size=True, data={'eval_source': f'folder:{photographs}'},
      methods=['telea'], write=said.append, **changes)
  with (run / 'evaluation/images.csv').open() as file:
    return list(csv.DictReader(file)), said


def test_each_photograph_scores_as_if_it_were_filled_by_itself(
    run, photographs):
  rows, said = scored(run, photographs)
  inpaint = jinpaint.load(run)
  draw = masks.parse(json.loads((run / 'config.json').read_text())['data'][
      'mask'])
  assert [row['image'] for row in rows] == [f'{i}.png' for i in range(6)]
  for i, (row, size) in enumerate(zip(rows, SIZES, strict=True)):
    image = files.read_rgb(photographs / f'{i}.png')
    mask = draw(np.random.default_rng([Choice.MASK, 0, 0, i]), *size)
    filled = inpaint(image, mask)
    assert float(row['hole_fraction']) == pytest.approx(mask.mean(), abs=1e-6)
    assert float(row['jinpaint: psnr']) == pytest.approx(
        skimage_metrics.peak_signal_noise_ratio(image, filled), rel=1e-5)
    assert float(row['jinpaint: ssim']) == pytest.approx(
        skimage_metrics.structural_similarity(
            image, filled, channel_axis=-1), abs=1e-5)
    hole = mask == 1
    assert float(row['jinpaint: l1_percent_hole']) == pytest.approx(
        100 * np.abs(image[hole] / 255 - filled[hole] / 255).mean(), rel=1e-4)
  assert "- size: each photograph's own, all of it." in said[0]


def test_batch_sizes_and_devices_change_no_number_and_each_size_compiles_once(
    run, photographs, monkeypatch):
  def numbers(**changes):
    rows, said = scored(run, photographs, **changes)
    sizes, of_network, programs = (
        said[-1].split(words)[1].split()[0].rstrip(';')
        for words in ('photographs of ', ' takes as ', 'programs: jinpaint '))
    # Of the four sizes of photographs, two are padded to one.
    assert (sizes, of_network, programs) == ('4', '3', '3')
    assert said[-1].endswith('3 for its network and 4 for its scores')
    return np.array([[float(x) for x in list(row.values())[1:]]
                     for row in rows])

  expected = numbers(batch_size=1)
  for batch_size in (0, 7, 32):
    np.testing.assert_allclose(numbers(batch_size=batch_size), expected,
                               rtol=1e-6, atol=1e-6)
  first = jax.local_devices()[:1]
  assert len(jax.local_devices()) == 4
  monkeypatch.setattr(jax, 'local_devices', lambda: first)
  monkeypatch.setattr(jax, 'local_device_count', lambda: 1)
  for batch_size in (1, 7):
    np.testing.assert_allclose(numbers(batch_size=batch_size), expected,
                               rtol=1e-6, atol=1e-6)


def test_edges_are_found_at_full_size_as_in_a_picture(photographs, tmp_path):
  stage_runs.held_out(tmp_path)
  config = stage_runs.short(edgeconnect.get_config('edge_inpaint'), tmp_path,
                            width=1 / 16, blocks=1)
  config.data.eval_source = f'folder:{photographs}'
  stage, variables = runs.stage_of(config), untrained(config)
  guidance = runs.guidance_of(config, training=False)
  evaluator = evaluate.evaluator_of(
      config, stage, of_images=measures.choose(['psnr']))
  protocol = Protocol(runs.data_of(config), 0, 4, full_size=True)
  evaluation = Contest([Model('jinpaint', evaluator, variables)], [guidance],
                       {}, protocol).score()
  inpaint = inference.Inpainter(stage, variables, guidance=guidance)
  draw = masks.parse(config.data.mask)
  for i, size in enumerate(SIZES):
    image = files.read_rgb(photographs / f'{i}.png')
    mask = draw(np.random.default_rng([Choice.MASK, 0, 0, i]), *size)
    if mask.any():
      assert evaluation.methods['jinpaint']['psnr'][i] == pytest.approx(
          skimage_metrics.peak_signal_noise_ratio(image, inpaint(image, mask)),
          rel=1e-5)


def test_a_broken_photograph_is_left_out_and_named(run, photographs, tmp_path):
  folder = shutil.copytree(photographs, tmp_path / 'some broken')
  (folder / '1.png').write_bytes(b'no picture')
  whole = (folder / '3.png').read_bytes()
  (folder / '3.png').write_bytes(whole[:len(whole) // 2])  # its head is whole
  rows, said = scored(run, folder)
  assert [row['image'] for row in rows] == [
      '0.png', '2.png', '4.png', '5.png']
  broken = [line for line in said if line.startswith('not evaluated, broken')]
  assert ['1.png' in line or '3.png' in line for line in broken] == [True] * 2
  everything, _ = scored(run, photographs)
  for row in rows:
    alone = next(r for r in everything if r['image'] == row['image'])
    for key, value in row.items():
      if key != 'image':
        assert float(value) == pytest.approx(float(alone[key]), rel=1e-6)


def test_a_negative_batch_size_is_refused(run):
  with pytest.raises(UsageError, match='the batch size is -1'):
    evaluate.evaluate(run, batch_size=-1)


def test_the_head_of_a_file_says_the_size_of_the_upright_image(tmp_path):
  pixels = np.zeros((6, 9, 3), np.uint8)
  for suffix in files.SUFFIXES:
    path = tmp_path / f'x{suffix}'
    files.write(path, files.Picture(pixels))
    assert heads.size(path) == (6, 9)
  exif = Image.Exif()
  exif[0x112] = 6  # lies on its side
  Image.fromarray(pixels).save(tmp_path / 'turned.jpg', exif=exif)
  assert heads.size(tmp_path / 'turned.jpg') == (9, 6)
  assert files.read_rgb(tmp_path / 'turned.jpg').shape == (9, 6, 3)
  (tmp_path / 'broken.png').write_bytes(b'no picture')
  with pytest.raises(files.UnreadableImage):
    heads.size(tmp_path / 'broken.png')
