"""Scores a run on held-out photographs, beside classical inpainting.

python evaluate.py --workdir=runs/quickstart

On the test part of the data set, which nothing was chosen on:

python evaluate.py --workdir=runs/flowers --source=test

By the definitions of EdgeConnect's script, and PSNR of colours as well:

python evaluate.py --workdir=runs/f --metric_set=edgeconnect --metrics=psnr

Pictures that another program has made:

python evaluate.py --predictions=results/ --targets=photos/ --masks=masks/

Like ISNet's Tables 3 and 4, by the share of holes, beside the printed numbers:

python evaluate.py --workdir=runs/isnet --source=test --table=isnet:places2
"""


from absl import flags

from jinpaint.commands import parsers, program

_WORKDIR = flags.DEFINE_string('workdir', None, 'The run.')
_CHECKPOINT = flags.DEFINE_string('checkpoint', 'last', 'last, best or a step.')
_SOURCE = flags.DEFINE_string(
    'source', '', 'Photographs to score on, e.g. folder:PATH, or test for the '
    "run's data.test_source; by default its held-out ones.")
_MASK = flags.DEFINE_string(
    'mask', '', "Holes, e.g. files:PATH; by default the run's own.")
_MASK_HOLE = flags.DEFINE_string(
    'mask_hole', '', 'Their colour in mask files, white or black; by default '
    "the run's own.")
_MASK_READING = flags.DEFINE_string(
    'mask_reading', '', 'How mask files are read, clean, soft or '
    "isnet[:jpeg=QUALITY]; by default the run's own.")
_MASK_PAIRING = flags.DEFINE_enum(
    'mask_pairing', '', ['', 'random', 'stem', 'order', 'single'],
    'Which mask file belongs to which photograph: any; the one of the same '
    'stem; the sorted files one by one, as published tests pair them; one file '
    "for all. By default the run's own.")
_SKETCH = flags.DEFINE_string(
    'sketch', '', 'For systems that follow sketches: simulated, simulated:'
    "move=20, files:PATH or none; by default the run's own.")
_EDGE = flags.DEFINE_enum(
    'eval_edge', '', ['', 'masked', 'cut'], 'Known edges: masked are found '
    'without looking into the hole; cut are those of the whole image, cut out '
    'at the hole, as for published precision and recall; by default the '
    "run's own.")
_METRICS = flags.DEFINE_list(
    'metrics', [], 'What is measured of filled images: psnr, psnr_hole, ssim, '
    'ssim_hole, l1_percent, l1_percent_hole, jaccard_soft, jaccard_hole, '
    'jaccard_tolerance, ssim_gaussian, ssim_gaussian_inner, psnr_gray, '
    'ssim_uniform, ssim_range_2, relative_l1, and lpips_alex, lpips_vgg, '
    'fid/pytorch-fid, fid/clean, fid/stylegan, kid, p_ids and u_ids, whose '
    'weights are fetched where they are not here. Edges and sketches that a '
    'system predicts are always measured.')
_METRIC_SET = flags.DEFINE_string(
    'metric_set', '', 'What is measured of filled images before --metrics: '
    'default, edgeconnect, isnet, lama, mat, mmagic, pconv_lines or '
    'sketchrefiner; without both, default.')
_TABLE = flags.DEFINE_string(
    'table', '', "A paper's table to measure for and to print beside the run: "
    'isnet:places2, isnet:celeba, cfs:places2, edgeconnect:places2 or '
    'inpaintgan:faces.')
_METHODS = flags.DEFINE_list(
    'methods', ['telea', 'navier_stokes', 'mean'], 'Classical methods beside '
    'the run: telea, navier_stokes, mean, or biharmonic, which is slow.')
_SEED = flags.DEFINE_integer(
    'seed', None, 'With the number of a photograph it decides the hole and the '
    "part of the photograph that is shown; by default the run's own.")
_COMPARE = flags.DEFINE_list(
    'compare', [], 'Further runs, or files of packed models, on the same '
    'photographs and holes: RUN,RUN.')
_FULL_SIZE = flags.DEFINE_bool(
    'full_size', False, "Score photographs at their own sizes instead of the "
    "config's square.")
_BATCH_SIZE = flags.DEFINE_integer(
    'batch_size', 0, "Photographs a batch, by default the run's own; it "
    'changes no score.')
_RESUME = flags.DEFINE_bool(
    'resume', False, 'Go on with an evaluation that was stopped: photographs '
    'that it has scored are not scored again.')
_PREDICTIONS = flags.DEFINE_list(
    'predictions', [], 'Folders of pictures that were made elsewhere, to be '
    'scored in place of a run; with --targets.')
_TARGETS = flags.DEFINE_string(
    'targets', '', 'The folder of the true images, of the same names and sizes '
    'as the pictures.')
_MASKS = flags.DEFINE_string(
    'masks', '', 'The folder of their masks; without, only whole images are '
    'measured.')
_OUTPUT = flags.DEFINE_string(
    'output', '', 'Where scores of --predictions are written; by default '
    'beside the first folder, with -evaluation behind its name.')
_LIMIT = flags.DEFINE_integer(
    'limit', 0, 'How many of the first photographs; 0 for all.')


def main() -> None:
  """Evaluates the run, or the pictures, that the flags name."""
  from jinpaint.errors import UsageError
  from jinpaint.evaluation import evaluate
  pictures = bool(_PREDICTIONS.value)
  if pictures != bool(_TARGETS.value):
    raise UsageError('--predictions and --targets belong together')
  if not pictures and _WORKDIR.value is None:
    raise UsageError('--workdir is missing (or --predictions and --targets, to '
                     'score pictures made elsewhere)')
  if pictures and _WORKDIR.value is not None:
    raise UsageError('give --workdir or --predictions, not both')
  if pictures:
    evaluate.evaluate_pictures(
        [parsers.path(folder) for folder in _PREDICTIONS.value],
        parsers.path(_TARGETS.value),
        parsers.path(_MASKS.value) if _MASKS.value else None,
        output=parsers.path(_OUTPUT.value) if _OUTPUT.value else None,
        metrics=_METRICS.value, metric_set=_METRIC_SET.value,
        mask_hole=_MASK_HOLE.value, limit=_LIMIT.value,
        batch_size=_BATCH_SIZE.value)
    return
  evaluate.evaluate(
      parsers.path(_WORKDIR.value), checkpoint=_CHECKPOINT.value,
      limit=_LIMIT.value, seed=_SEED.value, full_size=_FULL_SIZE.value,
      batch_size=_BATCH_SIZE.value, compare=map(parsers.path, _COMPARE.value),
      resume=_RESUME.value, metrics=_METRICS.value,
      metric_set=_METRIC_SET.value,
      table=_TABLE.value, methods=_METHODS.value, data={
          'eval_source': _SOURCE.value, 'mask': _MASK.value,
          'mask_hole': _MASK_HOLE.value, 'mask_pairing': _MASK_PAIRING.value,
          'mask_reading': _MASK_READING.value, 'eval_edge': _EDGE.value,
          'sketch': _SKETCH.value})


if __name__ == '__main__':
  program.run(main)
