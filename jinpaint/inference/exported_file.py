"""What `jinpaint export` writes, and how it is read.

The file is a zip, which `numpy.load` reads as it reads `.npz`:

| entry                             | what it holds                            |
|-----------------------------------|------------------------------------------|
| `about.json`                      | the fields of `About`, and the format    |
| `weights/NETWORK/.../kernel.npy`  | one array of the weights, float32        |
| `programs/PLATFORM/any.stablehlo` | a program for any size, or, named        |
| `programs/PLATFORM/400x600...`    | HEIGHTxWIDTH, one for each size          |

A program is StableHLO as `jax.export` makes it (a portable artifact, in JAX's
calling convention): it takes the weights, sorted by name, then `About.inputs`,
and returns the filled image (H, W, 3) uint8 and whether all that was predicted
in the hole is finite. JAX's own file format around it is not used, because
reading it takes another package, flatbuffers. In its place a stand-in of the
same signature is traced, and the program takes its place.

Nothing in the file is unpickled. But it is a program: open files only of those
whom you would let compute on your machine.
"""

import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any
import warnings
import zipfile
import zlib

import jax
from jax import export
import jax.numpy as jnp
import numpy as np

import jinpaint
from jinpaint.errors import UsageError
from jinpaint.types import Array

SUFFIX = '.jinpaint'
FORMAT = 2
ABOUT, WEIGHTS = 'about.json', 'weights/'


@dataclasses.dataclass(frozen=True)
class About:
  """What is known of an exported system without running it.

  Attributes:
    system: its name.
    stage: of the system.
    step: of the training at which the weights are; None if nobody knows.
    jinpaint_version: what wrote the file.
    jax_version: what wrote the file.
    exported: the date, as 2026-11-27.
    guaranteed_until: the date until which JAX promises to read the programs.
    calling_convention: the version of `jax.export`'s by which they are called.
    platforms: JAX's names of those that there are programs for.
    sizes: height and width of the pictures that there are programs for, the
      smallest first; empty if one program takes all sizes.
    divisor: heights and widths must be multiples of it.
    smallest: heights and widths must be at least that.
    inputs: what the programs take, in this order, all uint8: `image` (H, W, 3),
      `mask` (H, W), not 0 = hole; where the system reads them, `sketch` (H, W),
      not 0 = stroke, and `edge_map` (H, W), 255 = edge; and where a network
      finds edges, `find_edges` (): if it is not 0, `edge_map` is not read.
    sketch_cut: see `jinpaint.inference.Inpainter`.
    finds_edges: see there.
    needs_edge_map: see there.
  """

  system: str
  stage: str
  step: int | None
  jinpaint_version: str
  jax_version: str
  exported: str
  guaranteed_until: str
  calling_convention: int
  platforms: tuple[str, ...]
  sizes: tuple[tuple[int, int], ...]
  divisor: int
  smallest: int
  inputs: tuple[str, ...]
  sketch_cut: float
  finds_edges: str
  needs_edge_map: str

  def entry(self, platform: str, size: tuple[int, int] | None) -> str:
    """Returns where the file holds a program; None is the size of any."""
    name = 'any' if size is None else as_text(size)
    return f'programs/{platform}/{name}.stablehlo'

  def shapes(self, size: tuple[int, int] | None) -> list[jax.ShapeDtypeStruct]:
    """Returns the shapes of the inputs.

    Args:
      size: height and width; None for symbols, which stand for any.
    """
    if size is None:
      least = -(-self.smallest // self.divisor)
      rows, columns = export.symbolic_shape(
          'h, w', constraints=[f'h >= {least}', f'w >= {least}'])
      height, width = self.divisor * rows, self.divisor * columns
    else:
      height, width = size
    forms = {'image': (height, width, 3), 'find_edges': ()}
    return [jax.ShapeDtypeStruct(forms.get(key, (height, width)), jnp.uint8)
            for key in self.inputs]

  def holding(self, height: int, width: int) -> tuple[int, int] | None:
    """Returns the size to which an image is extended to be filled as a whole.

    It is that to which an `Inpainter` extends it, or the smallest that there is
    a program for; None if there is none for the one, and the image is larger
    than the other.
    """
    least, divisor = self.smallest, self.divisor
    own = (-(-max(height, least) // divisor) * divisor,
           -(-max(width, least) // divisor) * divisor)
    if not self.sizes or own in self.sizes:
      return own
    fits = height <= self.sizes[0][0] and width <= self.sizes[0][1]
    return self.sizes[0] if fits else None


def as_text(size: tuple[int, int]) -> str:
  """Returns a height and a width as the command line takes them."""
  return f'{size[0]}x{size[1]}'


def is_exported(path: Path) -> bool:
  """Returns whether a path names a file that `jinpaint export` has written."""
  if not path.is_file():
    return False
  if path.suffix == SUFFIX:
    return True
  if not zipfile.is_zipfile(path):
    return False
  with zipfile.ZipFile(path) as archive:
    return ABOUT in archive.namelist()


def read(path: Path) -> tuple[About, dict[str, np.ndarray],
                               dict[tuple[int, int] | None, export.Exported]]:
  """Returns what a file holds for this platform.

  Returns:
    What it says of itself, its weights by name, and its programs by size.

  Raises:
    UsageError: as `Exported`.
  """
  platform = export.default_export_platform()
  try:
    with np.load(path, allow_pickle=False) as archive:
      about = _about(path, json.loads(archive[ABOUT]))
      if platform not in about.platforms:
        raise UsageError(
            f'{path} has programs for {", ".join(about.platforms)}, none for '
            f'{platform}; export it anew with --platforms={platform}')
      weights = {name: archive[name] for name in archive.files
                 if name.startswith(WEIGHTS)}
      encoded = {size: bytes(archive[about.entry(platform, size)])
                 for size in about.sizes or (None,)}
  except UsageError:
    raise
  # ValueError: what NumPy and JSON cannot read; it is no pickle that is.
  except (EOFError, KeyError, NotImplementedError, OSError, TypeError,
          ValueError, zipfile.BadZipFile, zlib.error) as error:
    raise UsageError(f'{path} is broken, or was not written by jinpaint '
                     'export') from error
  programs = {size: _program(path, about, platform, size, code, weights)
              for size, code in encoded.items()}
  return about, weights, programs


def _about(path: Path, fields: dict[str, Any]) -> About:
  """Returns what a file says of itself; warns if its time is over.

  Raises:
    UsageError: it is of another format, or its programs are called otherwise.
    ValueError: it is none of jinpaint's, and so does `TypeError` say.
  """
  if fields.pop('format') != FORMAT:
    raise UsageError(f'{path} was exported in a form that jinpaint '
                     f'{jinpaint.__version__} does not read; export it anew')
  read: dict[str, Any] = {
      key: tuple(value) if isinstance(value, list) else value
      for key, value in fields.items()}
  read['sizes'] = tuple((height, width) for height, width in read['sizes'])
  about = About(**read)
  lowest = export.minimum_supported_calling_convention_version
  highest = export.maximum_supported_calling_convention_version
  if not lowest <= about.calling_convention <= highest:
    raise UsageError(
        f'{path} was exported by jax {about.jax_version}, and jax '
        f'{jax.__version__} cannot call it; export it anew')
  if datetime.date.today() > datetime.date.fromisoformat(
      about.guaranteed_until):
    warnings.warn(
        f'{path} was exported on {about.exported}, and jax promises to read '
        f'such files for six months, until {about.guaranteed_until}; export '
        'it anew: jinpaint export', stacklevel=5)
  return about


def _program(path: Path, about: About, platform: str,
             size: tuple[int, int] | None, code: bytes,
             weights: dict[str, np.ndarray]) -> export.Exported:
  """Returns a program that can be called.

  Raises:
    UsageError: this JAX cannot read it.
  """
  def stand_in(weights: dict[str, Array], image: Array, *others: Array
               ) -> tuple[Array, Array]:
    del weights, others
    return image, jnp.ones((), jnp.bool_)

  # All that JAX knows of a program but its code, in the words of this version.
  known = export.export(
      jax.jit(stand_in, keep_unused=True), platforms=[platform])(
          weights, *about.shapes(size))
  program = dataclasses.replace(
      known, mlir_module_serialized=code,
      calling_convention_version=about.calling_convention)
  try:
    program.mlir_module()
  except Exception as error:  # of a kind that has no public name
    raise UsageError(
        f'{path} was exported by jax {about.jax_version}, and jax '
        f'{jax.__version__} cannot read its programs; export it anew'
        ) from error
  return program
