"""KID, P-IDS and U-IDS, and what to say of them and of FID.

They compare two sets of images by their features, rows (N, d), as
`jinpaint.evaluation.inception` computes them, in float64 on the host. FID
itself is in `jinpaint.evaluation.frechet`.

| metric | what it is                                             | better |
|--------|--------------------------------------------------------|--------|
| FID    | Fréchet distance of two normal distributions           | lower  |
| KID    | squared maximum mean discrepancy, by a cubic kernel    | lower  |
| U-IDS  | error of a linear classifier that tells real from fake | higher |
| P-IDS  | how often it takes the fake of a pair for more real    | higher |

All depend on the number of images, FID, P-IDS and U-IDS strongly: numbers of
different N cannot be compared. `warning` says what to tell a reader of them.
"""

from typing import NamedTuple

import numpy as np

from jinpaint.errors import UsageError
from jinpaint.evaluation.rows import check_equal_width, checked, Rows

# KID, as published: the number and size of the subsets that it is the mean of.
SUBSETS, SUBSET_SIZE, SUBSET_SEED = 100, 1000, 2020

_BLOCK = 1024  # rows of a kernel that are computed at once


def kid(real: Rows, fake: Rows) -> float:
  """Returns the unbiased squared maximum mean discrepancy of all rows.

  Mikolaj Binkowski et al., 2018, arXiv:1801.01401, "Demystifying MMD GANs",
  with the kernel (a.b / d + 1)^3. Published programs return the mean of such
  numbers of random subsets, see `kid_of_subsets`; this one has no chance in it.

  Args:
    real: (N, d).
    fake: (M, d).

  Returns:
    About 0 for two samples of one distribution; it may be negative.

  Raises:
    UsageError: a set has fewer than two rows, or other features than the other.
  """
  real, fake = checked(real), checked(fake)
  check_equal_width(real, fake)
  n, m = len(real), len(fake)
  if min(n, m) < 2:
    raise UsageError(f'KID needs at least 2 images, not {min(n, m)}')
  within = sum(_kernel_sum(x, x, diagonal=False) / (len(x) * (len(x) - 1))
               for x in (real, fake))
  return within - 2 * _kernel_sum(real, fake) / (n * m)


class KID(NamedTuple):
  """KID of random subsets: the mean, and the standard deviation (of N)."""

  mean: float
  std: float


def kid_of_subsets(real: Rows, fake: Rows, *, count: int = SUBSETS,
                   size: int = SUBSET_SIZE, seed: int = SUBSET_SEED) -> KID:
  """Returns KID as torch-fidelity does, by its draws.

  torchmetrics and clean-fid draw other subsets, so they agree in distribution
  only; and all of them compute in float32.

  Args:
    real: (N, d).
    fake: (M, d).
    count: how many subsets.
    size: of each, without replacement.
    seed: of the draws.

  Raises:
    UsageError: a set has fewer rows than a subset.
  """
  real, fake = checked(real), checked(fake)
  if (least := min(len(real), len(fake))) < size:
    raise UsageError(f'KID of subsets of {size} images needs as many, not '
                     f'{least}; choose a smaller size')
  draws = np.random.RandomState(seed)
  values = []
  for _ in range(count):
    of_real, of_fake = (rows[draws.choice(len(rows), size, replace=False)]
                        for rows in (real, fake))
    values.append(kid(of_real, of_fake))
  return KID(float(np.mean(values)), float(np.std(values)))


def _kernel_sum(a: Rows, b: Rows, *, diagonal: bool = True) -> float:
  """Returns the sum of the kernel over all pairs of rows.

  Args:
    a: (N, d).
    b: (M, d).
    diagonal: whether the pairs of equal places count.
  """
  total = 0.0
  for start in range(0, len(a), _BLOCK):
    block = a[start:start + _BLOCK]
    total += float(np.sum(_kernel(block @ b.T, a.shape[1])))
  if not diagonal:
    total -= float(np.sum(_kernel(np.einsum('nd,nd->n', a, b), a.shape[1])))
  return total


def _kernel(products: np.ndarray, width: int) -> np.ndarray:
  return (products / width + 1) ** 3


class Classifier(NamedTuple):
  """A linear support vector machine that tells real from fake.

  Attributes:
    weights: (d,).
    real: (N,), its decision values of the real rows; above 0 is "real".
    fake: (M,), those of the fake rows.
  """

  weights: np.ndarray
  real: np.ndarray
  fake: np.ndarray

  @property
  def u_ids(self) -> float:
    """The share of rows that it takes for the other kind."""
    wrong = np.sum(self.real <= 0) + np.sum(self.fake > 0)
    return float(wrong / (len(self.real) + len(self.fake)))

  @property
  def p_ids(self) -> float:
    """The share of pairs whose fake is more real; nan without pairs."""
    if len(self.real) != len(self.fake):
      return float('nan')
    return float(np.mean(self.fake > self.real))


def classify(real: Rows, fake: Rows, tolerance: float = 1e-4) -> Classifier:
  """Fits the classifier of P-IDS and U-IDS to the rows that it then judges.

  Shengyu Zhao et al., 2021, arXiv:2103.10428 (CoModGAN): scikit-learn's
  `LinearSVC(dual=False)`, a squared hinge whose bias is penalised like a
  weight. So the scores change if a constant is added to all features. They are
  published of the features of `fid/stylegan`.

  Args:
    real: (N, d).
    fake: (M, d); for P-IDS the fills of the real ones, in the same order.
    tolerance: where the solver stops.
  """
  from sklearn import svm  # imported here: it is slow
  real, fake = checked(real), checked(fake)
  check_equal_width(real, fake)
  rows = np.concatenate([real, fake])
  kinds = np.repeat([1, 0], [len(real), len(fake)])
  machine = svm.LinearSVC(dual=False, tol=tolerance).fit(rows, kinds)
  decisions = machine.decision_function(rows)
  return Classifier(machine.coef_[0], *np.split(decisions, [len(real)]))


def discriminative_scores(real: Rows, fake: Rows) -> Classifier:
  """Returns the classifier whose `p_ids` and `u_ids` are the metrics.

  Args:
    real: (N, d).
    fake: (M, d); for P-IDS the fills of the real ones, in the same order.

  Raises:
    UsageError: so few rows can be told apart by any linear classifier, whatever
      they are.
  """
  count, width = len(real) + len(fake), np.shape(real)[1]
  if count <= width + 1:
    raise UsageError(
        f'P-IDS and U-IDS of {width} features need more than '
        f'{(width + 1) // 2} images, not {min(len(real), len(fake))}: fewer '
        'can always be told apart')
  return classify(real, fake)


def warning(metric: str, count: int, features: int = 2048) -> str:
  """Returns what must be said of a metric of so many images; '' for nothing.

  Args:
    metric: 'fid', 'kid', 'p_ids' or 'u_ids'.
    count: N, the number of images of each set.
    features: d.

  Raises:
    ValueError: there is no such metric.
  """
  name = {'fid': 'FID', 'kid': 'KID', 'p_ids': 'P-IDS', 'u_ids': 'U-IDS'}
  if metric not in name:
    raise ValueError(f'no metric of distributions is called {metric!r}')
  of = f'{name[metric]} of {count} images'
  if metric == 'fid' and count < features:
    return (f'{of} is mostly the error of so small a sample, about c / N: '
            f'compare it with {name[metric]} of as many images only, and with '
            f'no published one, which take {features} or more')
  if metric == 'kid' and count < SUBSET_SIZE:
    return (f'{of} scatters much; published programs take {SUBSET_SIZE} or '
            'more')
  least = 2 * (features + 1)
  if metric.endswith('ids') and count < least:
    return (f'{of} is low whatever the method, as a classifier of {features} '
            f'features tells so few apart by chance ({least} or more are '
            'needed): compare it with that of as many images only')
  return ''
