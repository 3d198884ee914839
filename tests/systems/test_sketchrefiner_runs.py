"""Runs of SketchRefiner: one stage after another, and what follows."""

from pathlib import Path
import shutil

import jax
import numpy as np
import pytest
import stage_runs
from stage_runs import scores, short, trained

import jinpaint
from jinpaint import runs
from jinpaint.commands import cli
from jinpaint.configs import sketchrefiner
from jinpaint.data import files
from jinpaint.errors import UsageError
from jinpaint.runs import adoption, checkpoints
from jinpaint.training import loop

PUBLISHED = Path(__file__).parents[1] / 'fixtures' / 'published'


def small(variant, folder, *earlier):
  """The config on photographs at 32 px, narrow and shallow, with Canny."""
  return short(sketchrefiner.get_config(variant), folder, *earlier,
               width=1 / 16, blocks=1)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
  folder = tmp_path_factory.mktemp('runs')
  stage_runs.held_out(folder)
  return folder


SKETCH = {'refined_correlation', 'drawn_correlation', 'refined_l1', 'drawn_l1',
          'edge_precision'}


@pytest.mark.slow
def test_every_stage_follows_the_one_before(folder, capsys):
  registration = trained(small('registration', folder), folder / 'registration')
  assert scores(registration).keys() >= SKETCH
  enhancement = trained(small('enhancement', folder, registration),
                        folder / 'enhancement')
  assert scores(enhancement).keys() >= SKETCH
  with pytest.raises(UsageError, match='makes no image'):
    jinpaint.load(enhancement)
  workdir = trained(small('inpaint', folder, enhancement), folder / 'inpaint',
                    resumed=True)
  assert scores(workdir).keys() >= {'psnr_hole', *SKETCH}
  for name, earlier in (('registration', registration),
                        ('enhancement', enhancement)):
    jax.tree.map(np.testing.assert_array_equal, *(
        checkpoints.variables_of(run)[0][name] for run in (earlier, workdir)))
  follows_a_sketch(workdir)
  draws_from_the_command_line(workdir, folder, capsys)


def case(size=(50, 66)):
  rng = np.random.default_rng(0)
  image = rng.integers(0, 256, (*size, 3), np.uint8)
  mask, sketch = np.zeros((2, *size), np.uint8)
  mask[10:40, 20:50] = 255
  sketch[5:30, 33] = 255
  return image, mask, sketch


def follows_a_sketch(workdir):
  image, mask, sketch = case()
  inpaint = jinpaint.load(workdir)
  filled = inpaint(image, mask, sketch)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])
  assert (filled[mask > 0] != image[mask > 0]).any()
  # An empty sketch is no guidance.
  np.testing.assert_array_equal(inpaint(image, mask, 0 * sketch),
                                inpaint(image, mask))
  found = inpaint.intermediates(image, mask, sketch)
  assert {key: array.shape for key, array in found.items()} == {
      'image': (50, 66, 3), 'raw_image': (50, 66, 3), 'edge': (50, 66, 1),
      'raw_edge': (50, 66, 1), 'sketch': (50, 66, 1)}
  assert set(np.unique(found['sketch'])) <= {0, 1}
  np.testing.assert_array_equal(
      np.rint(found['image'][mask > 0] * 255).astype(np.uint8),
      filled[mask > 0])
  with pytest.raises(ValueError, match='the sketch has grey values'):
    inpaint(image, mask, np.arange(50 * 66).reshape(50, 66) % 256)
  with pytest.raises(ValueError, match='needs a sketch of its size'):
    inpaint(image, mask, sketch[1:])


def draws_from_the_command_line(workdir, folder, capsys):
  image, mask, sketch = case()
  cases = folder / 'cases'
  grey = np.where(sketch > 0, 200, 0).astype(np.uint8)
  for protocol, drawn in (('editing', sketch), ('object_removal', None),
                          ('structure_completion', grey)):
    for part, pixels in (('images', image), ('masks', mask),
                         ('sketches', drawn)):
      if pixels is not None:
        files.write(cases / protocol / part / 'a.png', files.Picture(pixels))
  cli.main(['inpaint', f'--model={workdir}', f'--cases={cases}',
            f'--output={folder}/filled'])
  assert '(25 of 3300): has grey pixels' in capsys.readouterr().err
  result = {protocol: files.read(folder / 'filled' / protocol / 'a.png').pixels
            for protocol in ('editing', 'object_removal',
                             'structure_completion')}
  inpaint = jinpaint.load(workdir)
  np.testing.assert_array_equal(result['editing'], inpaint(image, mask, sketch))
  np.testing.assert_array_equal(result['object_removal'], inpaint(image, mask))
  np.testing.assert_array_equal(result['structure_completion'],
                                result['editing'])


@pytest.mark.slow
def test_sketches_that_were_refined_before_can_be_read(folder, capsys):
  cli.main(['sketches', f'--image={folder}/held out',
            f'--output={folder}/sketches'])
  config = small('inpaint', folder)
  config.data.source = config.data.eval_source
  config.data.sketch = f'files:{folder}/sketches'
  config.options.refines = False
  loop.train(config, folder / 'read')
  assert 'starting with' not in capsys.readouterr().out
  follows_a_sketch(folder / 'read')


@pytest.mark.slow
def test_published_files_become_a_run(tmp_path):
  published = tmp_path / 'published'
  published.mkdir()
  for name, fixture in (('registrator.pth', 'registration'),
                        ('connector.pth', 'enhancement'),
                        ('celebahq.pth', 'texture_restoration')):
    shutil.copy(PUBLISHED / f'sketchrefiner_{fixture}.pth', published / name)
  stage, found, fresh = adoption.adopt('sketchrefiner', published,
                                       tmp_path / 'run')
  assert stage == 'inpaint'
  assert fresh == ['discriminator']
  assert [(item.file, item.network) for item in found] == [
      ('registrator.pth', 'registration'), ('connector.pth', 'enhancement'),
      ('celebahq.pth', 'generator'), ('celebahq.pth', 'sketch_encoder')]
  assert all('MIT' in item.licence for item in found)
  shutil.copy(published / 'celebahq.pth', published / 'places.pth')
  with pytest.raises(UsageError, match='both hold the generator'):
    adoption.adopt('sketchrefiner', published, tmp_path / 'other')


def test_canny_takes_the_place_of_hed_where_nothing_is_pretrained():
  config = sketchrefiner.get_config('inpaint')
  assert runs.data_of(config).edge == 'hed'
  assert runs.guidance_of(config, training=True).published.keys() == {'hed'}
  config.pretrained = 'none'
  assert runs.data_of(config).edge == 'canny'
  assert not runs.guidance_of(config, training=True).published


@pytest.mark.parametrize('stage', sketchrefiner.VARIANTS)
@pytest.mark.parametrize('words', ['', ',summary', ',places2,summary'])
def test_a_config_makes_its_stage(stage, words):
  config = sketchrefiner.get_config(stage + words)
  made = runs.stage_of(config)
  assert set(runs.optimizers_of(config, made)) == set(made.trained)
  images = config.steps * config.batch_size
  if 'summary' in words:
    assert (config.steps, config.batch_size) == (10_000, 16)
    assert set(made.published) == ({'vgg19'} if stage == 'inpaint' else set())
  else:
    assert images == {'inpaint': 800_000}.get(stage, 500_000)
    assert set(made.published) == (
        {'ade20k_resnet50_dilated'} if stage == 'inpaint' else set())
  assert ('places365' in config.data.source) == ('places2' in words)


def test_the_sketch_encoder_s_rate_rises_and_halves():
  config = sketchrefiner.get_config('inpaint')
  optimizer = runs.optimizers_of(config, runs.stage_of(config))[
      'sketch_encoder'].transformation(config.steps)
  weight = np.zeros((), np.float32)
  state = optimizer.init(weight)

  def rate(step):
    """Adam's first moves, from a fresh mean, are as long as the rate."""
    adam, schedule = state
    with jax.numpy_dtype_promotion('standard'):
      moved, _ = optimizer.update(np.ones((), np.float32), (
          adam, schedule._replace(count=np.int32(step))), weight)
    return -float(moved)

  assert rate(0) == 0
  assert rate(500) == pytest.approx(0.25 * 3e-4, rel=1e-3)
  assert rate(2000) == rate(399_999) == pytest.approx(3e-4, rel=1e-3)
  assert rate(400_000) == pytest.approx(1.5e-4, rel=1e-3)


def test_a_stage_that_reads_sketches_needs_them(folder, tmp_path):
  config = small('registration', folder)
  config.data.sketch = ''
  with pytest.raises(UsageError, match=r'reads sketches; config\.data\.sketch'):
    loop.train(config, tmp_path / 'run')
  with pytest.raises(ValueError, match='no variant "registraton"'):
    sketchrefiner.get_config('registraton')
  with pytest.raises(ValueError, match='no variant "summery"'):
    sketchrefiner.get_config('inpaint,summery')

