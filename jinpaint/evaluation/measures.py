"""The columns of a table of scores: each measure's name and definition.

The arithmetic is in `jinpaint.evaluation.metrics`; here its functions become
`jinpaint.stage.Measure`s, which a stage's own measures are as well. `MEASURES`
are those of a filled image: classical methods have them, too. `of_edges` are
those of a predicted edge map.
"""

from collections.abc import Callable, Iterable, Mapping

import jax

from jinpaint import errors
from jinpaint.evaluation import metrics
from jinpaint.nets import Nets
from jinpaint.stage import Measure
from jinpaint.types import Array, Batch

_OfImages = Callable[[Nets, Batch, Mapping[str, Array]], Array]


def _of_image(function: Callable[[Array, Array], Array]) -> _OfImages:
  """Has a function compare all pixels of the filled and of the true image."""
  def of_images(nets: Nets, batch: Batch, completed: Mapping[str, Array]
                ) -> Array:
    del nets
    return function(completed['image'], batch['image'])
  return of_images


def _of_hole(function: Callable[[Array, Array, Array], Array]) -> _OfImages:
  """Has a function compare the pixels of the hole alone."""
  def of_images(nets: Nets, batch: Batch, completed: Mapping[str, Array]
                ) -> Array:
    del nets
    return function(completed['image'], batch['image'], batch['mask'])
  return of_images


def _of_edges_in_hole(function: Callable[..., Array], threshold: float
                      ) -> _OfImages:
  """Has a function compare edges in the hole: what is above a threshold."""
  def of_images(nets: Nets, batch: Batch, completed: Mapping[str, Array]
                ) -> Array:
    del nets
    return function(completed['edge'], batch['true_edge'], batch['mask'],
                    threshold=threshold)
  return of_images


def _lpips(network: str) -> _OfImages:
  """Has a published network compare the filled and the true image."""
  def of_images(nets: Nets, batch: Batch, completed: Mapping[str, Array]
                ) -> Array:
    return nets(network, completed['image'], batch['image'])
  return of_images


def _l1_percent(prediction: Array, image: Array, where: Array | None = None
                ) -> Array:
  return 100 * metrics.l1(prediction, image, where)


def _psnr_gray(prediction: Array, image: Array) -> Array:
  return metrics.psnr(metrics.gray(prediction), metrics.gray(image))


def _relative_l1_gray(prediction: Array, image: Array) -> Array:
  return metrics.relative_l1(metrics.gray(prediction), metrics.gray(image),
                             by='both')


_PSNR = '10 log10(1 / mean squared error) over pixels and channels'
_SSIM = ('scikit-image: each channel, uniform window 7, sample covariance, '
         'outer 3 pixels left out')
_L1 = '100 x mean absolute error over pixels and channels'
_LPIPS = ('version 0.1, whole image, the sum over {} layers of weighted '
          'squared differences of unit features')
_OVERLAP = 'sum ab / (sum a + sum b - sum ab); a perfect one is below 1'

# Measures of a filled image, by key.
MEASURES: Mapping[str, Measure] = {
    'psnr': Measure('PSNR', _PSNR, _of_image(metrics.psnr), unit='dB'),
    'psnr_hole': Measure(
        'PSNR, hole', _PSNR, _of_hole(metrics.psnr), unit='dB', of_hole=True),
    'ssim': Measure('SSIM', _SSIM, _of_image(metrics.ssim)),
    'ssim_hole': Measure(
        'SSIM, hole', _SSIM, _of_hole(metrics.ssim), of_hole=True),
    'l1_percent': Measure(
        'L1 %', _L1, _of_image(_l1_percent), better='lower', unit='%'),
    'l1_percent_hole': Measure(
        'L1 %, hole', _L1, _of_hole(_l1_percent), better='lower', unit='%',
        of_hole=True),
    # Of the paper on partial convolutions for lines.
    'jaccard_soft': Measure(
        'Jaccard, soft', _OVERLAP, _of_image(metrics.jaccard_soft)),
    'jaccard_hole': Measure(
        'Jaccard, soft, hole', _OVERLAP, _of_hole(metrics.jaccard_hole),
        of_hole=True),
    'jaccard_tolerance': Measure(
        'Jaccard, tolerance, hole', 'share of pixels with no channel off by '
        'more than 0.1', _of_hole(metrics.jaccard_tolerance),
        of_hole=True),
    'ssim_gaussian': Measure(
        'SSIM, ISNet and LaMa', 'each channel, Gaussian window 11, sigma 1.5, '
        'biased covariance, zero padding', _of_image(metrics.ssim_gaussian)),
    'ssim_gaussian_inner': Measure(
        'SSIM, MAT and MMagic', 'each channel, Gaussian window 11, sigma 1.5, '
        'biased covariance, outer 5 pixels left out',
        _of_image(metrics.ssim_gaussian_inner)),
    'psnr_gray': Measure(
        'PSNR, EdgeConnect', '10 log10(1 / mean squared error) of gray images',
        _of_image(_psnr_gray), unit='dB'),
    'ssim_uniform': Measure(
        'SSIM, EdgeConnect', 'gray, uniform window 51, sample covariance, '
        'outer 25 pixels left out', _of_image(metrics.ssim_uniform)),
    'ssim_range_2': Measure(
        'SSIM, SketchRefiner', 'gray (0.0721 R + 0.7154 G + 0.2125 B), uniform '
        'window 7, sample covariance, outer 3 pixels left out, constants for a '
        'range of 2', _of_image(metrics.ssim_range_2)),
    'relative_l1': Measure(
        'mae, EdgeConnect', 'sum |a - b| / sum(a + b) of gray images',
        _of_image(_relative_l1_gray), better='lower'),
    # Their weights are fetched where they are not here.
    'lpips_alex': Measure(
        'LPIPS, AlexNet', _LPIPS.format('AlexNet\'s five'),
        _lpips('lpips_alex'), better='lower', needs=('lpips_alex',)),
    'lpips_vgg': Measure(
        'LPIPS, VGG-16', _LPIPS.format('five of VGG-16\'s'),
        _lpips('lpips_vgg'), better='lower', needs=('lpips_vgg',)),
}

# Measures that belong together: those of every table, and what published
# programs print. What needs a published network, such as LPIPS, is not among
# them yet: LaMa's program also prints LPIPS (VGG) and FID, MAT's FID, P-IDS,
# U-IDS and LPIPS (AlexNet).
SETS: Mapping[str, tuple[str, ...]] = {
    'default': ('psnr', 'ssim', 'l1_percent',
                'psnr_hole', 'ssim_hole', 'l1_percent_hole'),
    'edgeconnect': ('psnr_gray', 'ssim_uniform', 'relative_l1'),
    'isnet': ('psnr', 'ssim_gaussian', 'l1_percent'),
    # Its script prints PSNR 1 dB too high.
    'sketchrefiner': ('psnr', 'ssim_range_2', 'l1_percent'),
    'pconv_lines': ('jaccard_soft', 'jaccard_hole', 'jaccard_tolerance'),
    'lama': ('ssim_gaussian', 'lpips_vgg'),
    # Its script prints L1 as a share; here it is 100 times that.
    'mat': ('psnr', 'ssim_gaussian_inner', 'l1_percent', 'lpips_alex'),
    # Its configs multiply the L1 of the hole by 100.
    'mmagic': ('l1_percent_hole', 'psnr', 'ssim_gaussian_inner'),
}


def choose(names: Iterable[str] = (), set_name: str = ''
           ) -> dict[str, Measure]:
  """Returns measures of filled images, in the order of a table's columns.

  Args:
    names: keys of `MEASURES`.
    set_name: a key of `SETS`, whose measures come before those of `names`.
      Without both it is 'default'.

  Raises:
    jinpaint.errors.UsageError: there is no such measure or set.
  """
  names = tuple(names)
  if not names and not set_name:
    set_name = 'default'
  if set_name and set_name not in SETS:
    raise errors.unknown('set of metrics', set_name, SETS)
  for name in names:
    if name not in MEASURES:
      raise errors.unknown('metric of images', name, MEASURES)
  keys = (*(SETS[set_name] if set_name else ()), *names)
  return {key: MEASURES[key] for key in dict.fromkeys(keys)}


def of_edges(threshold: float = 0.5) -> dict[str, Measure]:
  """Returns the measures of a predicted edge map in the hole, by key.

  Precision, recall and F1 are those of all holes together, as the published
  code counts a batch: `weighted_by` makes the mean over images that number.

  Args:
    threshold: pixels above it are edges.
  """
  def measure(function: Callable[..., Array], name: str, definition: str, *,
              better: str = 'higher', weighted_by: tuple[str, ...] = ()
              ) -> Measure:
    return Measure(name, definition, _of_edges_in_hole(function, threshold),
                   better=better, weighted_by=weighted_by)

  return {
      'edge_precision': measure(
          metrics.edge_precision, 'precision',
          'hits / predicted edges, of all holes together',
          weighted_by=('edges_predicted',)),
      'edge_recall': measure(
          metrics.edge_recall, 'recall',
          'hits / true edges, of all holes together',
          weighted_by=('edges_true',)),
      'edge_f1': measure(
          metrics.edge_f1, 'F1',
          'harmonic mean of precision and recall, of all holes together',
          weighted_by=('edges_predicted', 'edges_true')),
      'edges_predicted': measure(
          metrics.edges_predicted, 'predicted',
          'edge pixels predicted in the hole', better=''),
      'edges_true': measure(
          metrics.edges_true, 'true', 'edge pixels in the hole', better=''),
      'edge_accuracy': measure(
          metrics.edge_accuracy, 'accuracy',
          f'pixels of the hole classed right, > {threshold:g}'),
  }


def apply(measures: Mapping[str, Measure], nets: Nets, batch: Batch,
          completed: Mapping[str, Array], published: Nets | None = None
          ) -> dict[str, Array]:
  """Returns the value of every measure for every image: key -> (B,).

  Args:
    measures: by key.
    nets: the stage's networks.
    batch: what was predicted from, and the truth.
    completed: what `jinpaint.stage.complete` returned.
    published: the networks that measures need.
  """
  values = {}
  for key, measure in measures.items():
    if measure.needs:
      assert published is not None, measure.needs
      # A GPU would round the inputs of convolutions to ten bits.
      with jax.default_matmul_precision('highest'):
        values[key] = measure.of_images(published, batch, completed)
    else:
      values[key] = measure.of_images(nets, batch, completed)
  return values
