"""Published files become a run, told apart by what is in them."""

import json
from pathlib import Path
import re
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jinpaint
from jinpaint import converters, runs, training
from jinpaint.configs import edgeconnect
from jinpaint.converters import state_dicts, torch_file, weights
from jinpaint.errors import UsageError
from jinpaint.evaluation import evaluate
from jinpaint.runs import adoption, checkpoints, earlier
from jinpaint.runs import published as published_files
from jinpaint.types import KEYS

PUBLISHED = Path(__file__).parents[1] / 'fixtures' / 'published'
FILES = {  # as published -> network of the run, architecture
    'EdgeModel_gen.pth': ('edge_generator', 'edgeconnect_edge_generator'),
    'EdgeModel_dis.pth': ('edge_discriminator', 'edgeconnect_discriminator'),
    'InpaintingModel_gen.pth': (
        'inpaint_generator', 'edgeconnect_inpaint_generator')}


def publish(directory, files):
  directory.mkdir()
  for name, fixture in files.items():
    shutil.copy(PUBLISHED / f'{fixture}.pth', directory / name)
  return directory


@pytest.fixture(scope='module')
def adopted(tmp_path_factory):
  """EdgeConnect's files, but for the discriminator of images, as a run."""
  base = tmp_path_factory.mktemp('adopted')
  published = publish(base / 'published', {
      name: architecture for name, (_, architecture) in FILES.items()})
  return base / 'run', *adoption.adopt('edgeconnect', published, base / 'run')


def test_the_run_holds_what_the_files_hold(adopted):
  workdir, stage, found, fresh = adopted
  assert stage == 'joint'
  assert fresh == ['inpaint_discriminator']
  assert {item.file: (item.network, item.architecture)
          for item in found} == FILES
  assert found[0].iteration == 3
  assert found[0].licence.startswith("if this is the authors' file: CC BY-NC")
  about = json.loads((workdir / 'published.json').read_text())
  assert about['files'] == json.loads(json.dumps(
      [item._asdict() for item in found]))
  variables, step = checkpoints.variables_of(workdir)
  assert step == 0
  for network, architecture in FILES.values():
    expected = converters.from_file(
        architecture, PUBLISHED / f'{architecture}.pth')
    jax.tree.map(np.testing.assert_array_equal, variables[network], expected)


@pytest.mark.slow
def test_the_run_fills_holes_and_is_evaluated(adopted):
  workdir, *_ = adopted
  config = runs.read_config(workdir)
  config.data.size, config.batch_size = 64, 4
  variables, step = checkpoints.variables_of(workdir)
  config.data.eval_source = 'photos'
  evaluate.report(config, workdir / 'evaluation', variables, step=step,
                    limit=2)
  image = np.random.default_rng(0).integers(0, 256, (32, 40, 3), np.uint8)
  mask = np.zeros((32, 40), np.uint8)
  mask[10:20, 10:20] = 1
  filled = jinpaint.load(workdir)(image, mask)
  np.testing.assert_array_equal(filled[mask == 0], image[mask == 0])


def test_training_can_start_from_it(adopted):
  workdir, *_ = adopted
  config = edgeconnect.get_config('inpaint')
  config.start_from = str(workdir)
  stage = runs.stage_of(config)
  learned = earlier.networks_of(config, stage, print)
  optimizers = {name: adam.transformation(1)
                for name, adam in runs.optimizers_of(config, stage).items()}
  state = training.init(
      0, stage, optimizers,
      {key: jnp.zeros((1, 32, 32, KEYS[key].channels)) for key in stage.keys},
      learned=learned)
  assert state.variables.keys() == learned.keys() == {
      'inpaint_generator', 'inpaint_discriminator'}


@pytest.mark.parametrize(('system', 'fixture', 'stage'), [
    ('inpaintgan', 'inpaintgan_mec_edge_generator', 'edge'),
    ('inpaintgan', 'inpaintgan_egc_edge_generator', 'edge'),
    ('edgeconnect', 'edgeconnect_edge_generator', 'edge')])
def test_edge_networks_are_told_apart_by_their_arrays(
    tmp_path, system, fixture, stage):
  published = publish(tmp_path / 'published', {'EdgeModel_gen.pth': fixture})
  written, _, fresh = adoption.adopt(system, published, tmp_path / 'run')
  assert (written, fresh) == (stage, ['edge_discriminator'])
  options = runs.read_config(tmp_path / 'run').options
  assert options.edge_generator == fixture


def publish_isnet(directory, fixture, blocks):
  """Publishes one of ISNet's generators with fewer blocks than 4."""
  path = publish(directory, {'InpaintingModel_gen.pth': fixture}
                 ) / 'InpaintingModel_gen.pth'
  state = state_dicts.find(torch_file.read(path), 'generator')
  left_out = re.compile(rf'(middle|branches\.\d)\.[{blocks}-3]\.')
  with path.open('wb') as file:
    np.savez(file, **{key: array for key, array in state.items()
                      if not left_out.search(key)})
  return path


@pytest.mark.slow
def test_a_file_of_isnet_says_how_many_blocks_there_are(tmp_path):
  path = publish_isnet(tmp_path / 'published', 'isnet_generator', 2)
  stage, _, fresh = adoption.adopt('isnet', path.parent, tmp_path / 'run')
  assert (stage, fresh) == ('inpaint', ['discriminator'])
  options = runs.read_config(tmp_path / 'run').options
  assert (options.generator, options.blocks) == ('isnet_generator', 2)
  written = weights.convert('isnet_generator', path, tmp_path / 'network.npz')
  assert written.options == {'blocks': 2}
  variables, _ = checkpoints.variables_of(tmp_path / 'run')
  jax.tree.map(np.testing.assert_array_equal, variables['generator'],
               written.variables)


@pytest.mark.slow
@pytest.mark.parametrize(('fixture', 'blocks'), [
    ('isnet_generator', 1), ('isnet_base_model', 3),
    ('isnet_base_model_fusion', 2), ('isnet_unet_like', 3)])
def test_isnet_s_ablations_are_told_apart(tmp_path, fixture, blocks):
  path = publish_isnet(tmp_path / 'published', fixture, blocks)
  ((found,), _) = published_files.read_folder('isnet', path.parent)
  assert (found.architecture, found.options) == (fixture, {'blocks': blocks})


@pytest.mark.parametrize(('name', 'fixture', 'options'), [
    ('EdgeModel_gen.pth', 'cfs_sketch_generator', {}),
    ('InpaintingModel_gen.pth', 'cfs_completion_generator', {'blocks': 4}),
    ('InpaintingModel_dis.pth', 'edgeconnect_discriminator', {})])
def test_files_of_the_cfs_system_are_told_apart(
    tmp_path, name, fixture, options):
  path = publish(tmp_path / 'published', {name: fixture}) / name
  ((found,), _) = published_files.read_folder('cfs', path.parent)
  assert (found.architecture, found.options) == (fixture, options)


@pytest.mark.slow
def test_files_of_the_cfs_system_become_a_run(tmp_path):
  published = publish(tmp_path / 'published', {
      'EdgeModel_gen.pth': 'cfs_sketch_generator',
      'InpaintingModel_gen.pth': 'cfs_completion_generator',
      'EdgeModel_dis.pth': 'edgeconnect_discriminator'})
  stage, found, fresh = adoption.adopt('cfs', published, tmp_path / 'run')
  assert (stage, len(found)) == ('joint', 3)
  assert fresh == ['completion_discriminator']
  assert runs.read_config(tmp_path / 'run').options.blocks == 4


@pytest.mark.parametrize(('system', 'files', 'message'), [
    ('edgeconect', {}, 'did you mean "edgeconnect"'),
    ('pconv_lines', {}, 'no weights of pconv_lines were published'),
    ('edgeconnect', {}, 'holds none of EdgeModel_gen.pth, '),
    ('edgeconnect', {'EdgeModel_gen.pth': 'inpaintgan_mec_edge_generator'},
     'holds the inpaintgan_mec_edge_generator; try --system=inpaintgan'),
    ('edgeconnect', {'InpaintingModel_gen.pth': 'isnet_base_model'},
     'holds the isnet_base_model; try --system=isnet'),
    ('edgeconnect', {'InpaintingModel_gen.pth': 'edgeconnect_edge_generator'},
     'InpaintingModel_gen.pth: not the weights of edgeconnect_inpaint'),
    ('edgeconnect', {'EdgeModel_dis.pth': 'edgeconnect_discriminator'},
     'edge_discriminator alone make no stage of edgeconnect')])
def test_files_that_do_not_fit_are_refused(tmp_path, system, files, message):
  published = publish(tmp_path / 'published', files)
  with pytest.raises(UsageError, match=message):
    adoption.adopt(system, published, tmp_path / 'run')
  assert not (tmp_path / 'run').exists()


def test_a_folder_that_is_not_empty_is_left_alone(adopted):
  workdir, *_ = adopted
  with pytest.raises(UsageError, match='is not empty'):
    adoption.adopt('edgeconnect', workdir.parent / 'published', workdir)


@pytest.fixture
def foldered(tmp_path, monkeypatch):
  """A system whose weights lie in a sub-folder, beside settings."""
  monkeypatch.setattr(converters.edgeconnect, 'PUBLISHED', {
      'models/*.pth': {'edge_generator': ('edgeconnect_edge_generator',)}})
  monkeypatch.setattr(
      converters.edgeconnect, 'SETTINGS',
      {'config.yaml': lambda said: {'gan': said['loss']['kind']}},
      raising=False)
  (tmp_path / 'published').mkdir()
  publish(tmp_path / 'published' / 'models',
          {'best.pth': 'edgeconnect_edge_generator'})
  return tmp_path / 'published'


def test_files_of_sub_folders_and_their_settings_make_a_run(
    foldered, tmp_path):
  (foldered / 'config.yaml').write_text('loss: {kind: lsgan, of: "${kind}"}')
  _, (found,), _ = adoption.adopt('edgeconnect', foldered, tmp_path / 'run')
  assert found.file == 'models/best.pth'
  assert runs.read_config(tmp_path / 'run').options.gan == 'lsgan'


@pytest.mark.parametrize(('text', 'message'), [
    ('a: [', 'is no YAML'), ('- a', 'holds no settings under their names'),
    ('[' * 5000, 'is no YAML'),
    ('!!python/object/apply:os.system [id]', 'is no YAML')])
def test_settings_that_cannot_be_read_are_refused(
    foldered, tmp_path, text, message):
  (foldered / 'config.yaml').write_text(text)
  with pytest.raises(UsageError, match=f'config.yaml: {message}') as caught:
    adoption.adopt('edgeconnect', foldered, tmp_path / 'run')
  assert '\n' not in str(caught.value)


# --- gated convolution: which published program a file is for ---


@pytest.fixture(scope='module')
def staged(tmp_path_factory):
  """The port's own weights in the port's naming, as its trainer writes them."""
  state = state_dicts.find(
      torch_file.read(PUBLISHED / 'gated_generator.pth'), 'G')
  renamed = {ours: theirs for theirs, ours in converters.gated._RENAMED.items()}
  folder = tmp_path_factory.mktemp('staged')
  np.savez(folder / 'states.npz', **{
      f'{renamed[key.rpartition(".")[0]]}.{key.rpartition(".")[2]}': array
      for key, array in state.items()})
  (folder / 'states.npz').rename(folder / 'states.pth')
  return folder


@pytest.fixture(scope='module')
def official(tmp_path_factory):
  """The official weights, converted for the port."""
  return publish(tmp_path_factory.mktemp('gated') / 'official', {
      'states_tf_places2.pth': 'gated_generator'})


ROWS = {  # of the table in configs/gated.py
    'official': dict(padding='same', align_corners=True, mask_steps=(4, 2),
                     fuse=True, colours='bgr'),
    'in the port': dict(padding='same', align_corners=True, mask_steps=(8,),
                        fuse=False, colours='rgb'),
    "the port's": dict(padding=(1, 1), align_corners=False, mask_steps=(8,),
                       fuse=True, colours='rgb')}


@pytest.mark.parametrize(('folder', 'chosen', 'row'), [
    ('official', {}, 'in the port'), ('staged', {}, "the port's"),
    ('official', ROWS['official'], 'official')])
def test_gated_weights_get_the_row_of_their_program(
    tmp_path, request, folder, chosen, row):
  folder = request.getfixturevalue(folder)
  adoption.adopt('gated', folder, tmp_path / 'run', options=chosen)
  config = runs.read_config(tmp_path / 'run')
  stage = runs.stage_of(config)
  generator = stage.networks['generator']
  assert {name: getattr(generator, name, config.options.colours)
          for name in ROWS[row]} == ROWS[row]
  assert json.loads((tmp_path / 'run/published.json').read_text())[
      'options'] == json.loads(json.dumps(chosen))


@pytest.mark.parametrize('options', [{'width': 0.5}])
def test_options_that_do_not_fit_the_weights_are_refused(
    tmp_path, official, options):
  with pytest.raises(UsageError, match='the generator to start with has other'):
    adoption.adopt('gated', official, tmp_path / 'run', options=options)
  assert not (tmp_path / 'run').exists()


# --- weights under a key ---


def test_weights_under_a_key_take_the_place_of_the_published_ones(
    tmp_path, monkeypatch):
  folder = publish(tmp_path / 'files', {
      'EdgeModel_gen.pth': 'edgeconnect_edge_generator',
      'EdgeModel_dis.pth': 'edgeconnect_discriminator'})
  contents = torch_file.read(folder / 'EdgeModel_gen.pth')
  averaged = {f'module.{key}': array + 1
              for key, array in contents['generator'].items()}
  contents['ema'] = {'params': averaged}
  read = torch_file.read
  monkeypatch.setattr(torch_file, 'read', lambda path: (
      contents if path.name == 'EdgeModel_gen.pth' else read(path)))

  found, variables = published_files.read_folder('edgeconnect', folder,
                                                 'ema.params')
  assert [(item.network, item.iteration) for item in found] == [
      ('edge_generator', 3), ('edge_discriminator', None)]
  expected = converters.from_torch('edgeconnect_edge_generator', averaged)
  jax.tree.map(np.testing.assert_array_equal, variables['edge_generator'],
               expected)
  with pytest.raises(UsageError, match=r'no file of edgeconnect in .*files has '
                     'the key "emma"'):
    published_files.read_folder('edgeconnect', folder, 'emma')
