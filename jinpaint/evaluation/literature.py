"""The numbers that papers print: tables to show beside one's own scores.

Each number is copied from the paper that `source` names. Papers of this field
print numbers of one name and several definitions, so every table warns of the
definitions of its columns: numbers that were not measured in the same way must
not be subtracted from each other.
"""

from collections.abc import Mapping
from typing import NamedTuple

from jinpaint import errors

# Method -> heading -> a number for each range of hole ratios, None where the
# paper prints no number.
Columns = Mapping[str, Mapping[str, tuple[float | None, ...]]]


class Table(NamedTuple):
  """One table of a paper, by the share of hole pixels.

  Attributes:
    title: what was measured on what.
    source: the paper and the number of the table.
    bins: lowest and highest share of hole pixels of each row.
    measures: heading -> what measures it here, a key of
      `jinpaint.evaluation.measures.MEASURES`; '' where nothing here does, of
      which the paper's numbers alone are shown.
    columns: what the paper reports.
    warning: why the columns cannot be compared as they stand.
  """

  title: str
  source: str
  bins: tuple[tuple[float, float], ...]
  measures: Mapping[str, str]
  columns: Columns
  warning: str


_BINS = ((0.1, 0.2), (0.2, 0.3), (0.3, 0.4), (0.4, 0.5))
_MEASURES = {'PSNR': 'psnr', 'SSIM': 'ssim_gaussian', 'L1(%)': 'l1_percent'}
_WARNING = """\
The columns are not of one definition. ISNet and this run: PSNR and L1 of RGB
composites, L1 the mean absolute error, SSIM with a Gaussian window of 11 pixels
and zero padding. The other columns are quoted from EdgeConnect's paper, whose
script measures gray images, SSIM with a uniform window of 51 pixels, and, as
"L1", sum |a - b| / sum(a + b). Of one and the same composite (12.7 % hole, a
poor fill) ISNet's code prints SSIM 0.890 and L1 3.17 %, EdgeConnect's 0.763 and
13.69 %, and PSNR differs by 0.07 dB. Moreover ISNet's masks were JPEG files of
which every pixel above 0 counted as known, which makes holes smaller
(mask_reading=isnet)."""


def _rows(psnr: tuple[float | None, ...], ssim: tuple[float | None, ...],
          l1: tuple[float | None, ...]) -> dict[str, tuple[float | None, ...]]:
  """Returns a method's numbers by heading, one for each range of holes."""
  return {'PSNR': psnr, 'SSIM': ssim, 'L1(%)': l1}


_CFS_WARNING = """\
CFS's code is that of ISNet, whose definitions this run has: PSNR of RGB
composites, SSIM with a Gaussian window of 11 pixels and zero padding. The other
columns are quoted from EdgeConnect's paper: gray images, SSIM with a uniform
window of 51 pixels. The last row of the paper has all masks of 40 % and more.
As ISNet's, its masks were JPEG files of which every pixel above 0 counted as
known (mask_reading=isnet)."""
_EDGECONNECT_WARNING = """\
EdgeConnect's numbers as ISNet's paper quotes them. This run is measured as
EdgeConnect's script measures: gray images, SSIM with a uniform window of 51
pixels. The script's "L1" is sum |a - b| / sum(a + b), the metric relative_l1
here (--metric_set=edgeconnect); whether these numbers are such, their paper
alone can say, so nothing stands beside them. How the other columns were
measured is not known."""
_INPAINTGAN_WARNING = """\
Both systems were trained for 5 to 10 % of the planned steps, on faces, and the
hole is 1/64 of an image, which makes PSNR high: it counts known pixels as well.
It is that of the training log, of 8-bit numbers cut off, over a whole batch.
Precision and recall are those of known edges cut out of the whole image
(--eval_edge=cut); a stage of edges measures them. The losses hold weights that
differ between the two programs."""


# What ISNet's Table 3 and CFS's Table 1 both quote from EdgeConnect's paper.
_QUOTED: Columns = {
    'CA': _rows((24.36, 21.19, 19.13, 17.75),
                (0.893, 0.815, 0.739, 0.662),
                (2.41, 4.23, 6.15, 8.03)),
    'GLCIC': _rows((23.49, 20.45, 18.50, 17.17),
                   (0.862, 0.771, 0.686, 0.603),
                   (2.66, 4.70, 6.78, 8.85)),
    'PConv': _rows((28.02, 24.90, 22.45, 20.86),
                   (0.869, 0.777, 0.685, 0.589),
                   (1.14, 1.98, 3.02, 4.11)),
    'EdgeConnect': _rows((27.95, 24.92, 22.84, 21.16),
                         (0.920, 0.861, 0.799, 0.731),
                         (1.50, 2.59, 3.77, 5.14)),
}

_ISNET = ('Li et al., 2020, "Interactive Separation Network for Image '
          'Inpainting", ICIP, Table {}')

TABLES: Mapping[str, Table] = {
    'isnet:places2': Table(
        'Places2, irregular masks, 256 x 256', _ISNET.format(3), _BINS,
        _MEASURES, {
            **_QUOTED,
            'ISNet': _rows((31.41, 26.88, 23.90, 21.34),
                           (0.960, 0.912, 0.854, 0.778),
                           (0.63, 1.38, 2.34, 3.74)),
        }, _WARNING),
    'isnet:celeba': Table(
        'CelebA, irregular masks, 256 x 256', _ISNET.format(4), _BINS,
        _MEASURES, {
            'CA': _rows((25.32, 22.09, 19.94, 18.41),
                        (0.888, 0.819, 0.750, 0.678),
                        (2.48, 3.98, 5.64, 7.35)),
            'GLCIC': _rows((24.09, 20.71, 18.50, 17.09),
                           (0.865, 0.773, 0.689, 0.609),
                           (2.53, 4.67, 6.95, 9.18)),
            'EdgeConnect': _rows((33.51, 30.02, 27.39, 25.28),
                                 (0.961, 0.928, 0.890, 0.846),
                                 (0.76, 1.38, 2.13, 3.03)),
            'ISNet': _rows((37.31, 32.13, 28.69, 25.37),
                           (0.980, 0.954, 0.921, 0.869),
                           (0.33, 0.75, 1.30, 2.26)),
        }, _WARNING),
    'cfs:places2': Table(
        'Places2, irregular masks, 256 x 256',
        'the paper on "comprehensive feature selection" blocks (CFS), Table 1',
        (*_BINS[:3], (0.4, 1.0)), {'PSNR': 'psnr', 'SSIM': 'ssim_gaussian'}, {
            **{method: {key: rows[key] for key in ('PSNR', 'SSIM')}
               for method, rows in _QUOTED.items()},
            'CFS': {'PSNR': (30.85, 26.87, 24.17, 21.74),
                    'SSIM': (0.951, 0.900, 0.841, 0.7695)},
        }, _CFS_WARNING),
    'edgeconnect:places2': Table(
        'Places2, irregular masks, 256 x 256',
        'Nazeri et al., 2019, "EdgeConnect", arXiv:1901.00212, as quoted by '
        + _ISNET.format(3), _BINS,
        {'PSNR': 'psnr_gray', 'SSIM': 'ssim_uniform', 'L1(%)': ''}, _QUOTED,
        _EDGECONNECT_WARNING),
    'inpaintgan:faces': Table(
        'human faces, square masks of 1/64 of an image',
        'Yehoshua and Peretz, "InpaintGAN", Table 12', ((0.01, 0.02),),
        {'PSNR': 'psnr', 'precision': '', 'recall': '', 'FM loss': '',
         'L1 loss': '', 'perceptual': ''}, {
            'EdgeConnect': {
                'PSNR': (38.6038,), 'precision': (0.2755,),
                'recall': (0.2387,), 'FM loss': (0.4099,),
                'L1 loss': (0.6827,), 'perceptual': (0.0309,)},
            'InpaintGAN': {
                'PSNR': (38.954,), 'precision': (0.2821,),
                'recall': (0.2581,), 'FM loss': (0.2487,),
                'L1 loss': (0.5707,), 'perceptual': (0.2099,)},
        }, _INPAINTGAN_WARNING),
}


def table(name: str) -> Table:
  """Returns a paper's table.

  Raises:
    jinpaint.errors.UsageError: there is no table of that name.
  """
  if name not in TABLES:
    raise errors.unknown('table', name, TABLES)
  return TABLES[name]
