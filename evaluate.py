"""Scores a run on held-out photographs, beside classical inpainting.

python evaluate.py --workdir=runs/quickstart

On the test part of the data set, which nothing was chosen on:

python evaluate.py --workdir=runs/flowers --source=test

By the definitions of EdgeConnect's script, and PSNR of colours as well:

python evaluate.py --workdir=runs/f --metric_set=edgeconnect --metrics=psnr

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
    'jaccard_tolerance, ssim_gaussian, psnr_gray, ssim_uniform, ssim_range_2, '
    'relative_l1. Edges and sketches that a system predicts are always '
    'measured.')
_METRIC_SET = flags.DEFINE_string(
    'metric_set', '', 'What is measured of filled images before --metrics: '
    'default, edgeconnect, isnet, pconv_lines or sketchrefiner; without both, '
    'default.')
_TABLE = flags.DEFINE_string(
    'table', '', "A paper's table to measure for and to print beside the run: "
    'isnet:places2 or isnet:celeba.')
_METHODS = flags.DEFINE_list(
    'methods', ['telea', 'navier_stokes', 'mean'], 'Classical methods beside '
    'the run: telea, navier_stokes, mean, or biharmonic, which is slow.')
_LIMIT = flags.DEFINE_integer(
    'limit', 0, 'How many of the first photographs; 0 for all.')


def main() -> None:
  """Evaluates the run that the flags name."""
  from jinpaint.evaluation import evaluate
  evaluate.evaluate(
      parsers.path(_WORKDIR.value), checkpoint=_CHECKPOINT.value,
      limit=_LIMIT.value,
      metrics=_METRICS.value, metric_set=_METRIC_SET.value,
      table=_TABLE.value, methods=_METHODS.value, data={
          'eval_source': _SOURCE.value, 'mask': _MASK.value,
          'mask_hole': _MASK_HOLE.value, 'eval_edge': _EDGE.value,
          'mask_reading': _MASK_READING.value, 'sketch': _SKETCH.value})


if __name__ == '__main__':
  program.run(main, required=('workdir',))
