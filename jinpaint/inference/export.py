"""Writes a system to one file that runs without jinpaint's networks.

What the file is like is said in `jinpaint.inference.exported_file`. If a system
can be traced for heights and widths that are not known yet, one program takes
all sizes; JAX makes a program of a fixed size of it, and compiles that, when it
meets that size. Fourier transforms, contextual attention and published
resizings cannot be traced so: there, programs of a few fixed sizes are written,
and pictures of other sizes are filled in windows.

Convolutions have other forms on CPUs than elsewhere (`jinpaint.layers.conv`),
so that each platform has a program of its own.
"""

from collections.abc import Callable, Sequence
import dataclasses
import datetime
import io
import json
import math
from pathlib import Path
from typing import Any
import zipfile

from flax import traverse_util
import jax
from jax import export, lax
import jax.numpy as jnp
import numpy as np

import jinpaint
from jinpaint.data import edges, files
from jinpaint.errors import UsageError
from jinpaint.guidance import known_hed
from jinpaint.inference import trained
from jinpaint.inference.exported_file import (
    ABOUT,
    About,
    FORMAT,
    SUFFIX,
    WEIGHTS,
)
from jinpaint.inference.names import DEFAULT_PLATFORMS
from jinpaint.inference.system import System
from jinpaint.layers import conv
from jinpaint.nets import Nets
from jinpaint.runs import packed
from jinpaint.stage import complete
from jinpaint.types import Array

SIZES = ((256, 256), (512, 512), (1024, 1024))
_SMALLEST = 128  # windows have no use for less
# Least heights and widths for which a system is tried to be traced. What
# mirrors an image or strides over it must know that it is large enough.
_LEAST = (32, 64, 128, 256)
# For so many months JAX promises to read what it has exported.
_MONTHS = 6

Program = Callable[..., tuple[Array, Array]]


def write(path: Path | None, output: Path, *, checkpoint: str = 'last',
          edge: str = '', sizes: Sequence[tuple[int, int]] = (),
          platforms: Sequence[str] = DEFAULT_PLATFORMS, overwrite: bool = False
          ) -> About:
  """Exports a run.

  Args:
    path: the run's work directory or a packed run; None for the model that
      comes with jinpaint.
    output: the file, whose name ends in `.jinpaint`.
    checkpoint: 'last', 'best' or a step.
    edge: where edges come from, as `jinpaint.load` takes it.
    sizes: height and width of the pictures that there are to be programs for;
      those of squares fill windows of other pictures, too. Empty for one
      program for any size where the system can be traced so, else for `SIZES`.
    platforms: JAX's names of those that programs are made for.
    overwrite: replace what is there.

  Returns:
    What the file says of itself.

  Raises:
    UsageError: there is no such run or checkpoint; it cannot be exported; a
      size does not fit its networks; or the output exists or cannot be written.
    RunError: the disk is full.
  """
  if output.suffix != SUFFIX:
    raise UsageError(f'{output}: name the output {SUFFIX}')
  if output.exists() and not overwrite:
    raise UsageError(f'{output} exists; --overwrite replaces it')
  system = trained.open_trained(packed.OWN if path is None else path,
                               checkpoint, edge)
  about = _about(system, sizes, tuple(platforms))
  weights = _weights(system, about)
  about, programs = _programs(system, about, weights)
  contents = io.BytesIO()
  with zipfile.ZipFile(contents, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr(ABOUT, json.dumps(
        {'format': FORMAT, **dataclasses.asdict(about)}, indent=2))
    for entry, code in programs.items():
      archive.writestr(entry, code)
    for name, array in weights.items():
      npy = io.BytesIO()
      np.save(npy, array, allow_pickle=False)
      archive.writestr(f'{name}.npy', npy.getvalue())
  files.write_atomically(output, contents.getvalue())
  return about


def _about(system: trained.Trained, sizes: Sequence[tuple[int, int]],
           platforms: tuple[str, ...]) -> About:
  """Returns what the file is to say of itself, as far as it is known.

  Raises:
    UsageError: a size does not fit, or the edges cannot be exported.
  """
  stage, guidance = system.stage, system.guidance
  divisor, smallest = stage.sizes
  for height, width in sizes:
    if height == width < _SMALLEST:
      raise UsageError(f'a size of {height} is too small: other pictures are '
                       f'filled in windows, of {_SMALLEST} pixels at least')
  held = {stage.sizes.holding(*size) for size in sizes}
  inputs = ['image', 'mask']
  if 'sketch' in stage.predicts_from:
    inputs.append('sketch')
  known = System(stage, {}, guidance, {}, system.config.compute, ())
  if known.reads_edges and guidance is not None and guidance.edges is not None:
    if guidance.edges.maps is not None and guidance.edges.sigmas:
      raise UsageError('edges that Canny thins are found with files at hand, '
                       'and cannot be exported; --edge=canny or --edge=files:'
                       'PATH says how else')
    inputs.append('edge_map')
    if guidance.published and not known.needs_edge_map:
      inputs.append('find_edges')
  today = datetime.date.today()
  return About(
      system=system.config.system, stage=system.config.stage, step=system.step,
      jinpaint_version=jinpaint.__version__, jax_version=jax.__version__,
      exported=today.isoformat(),
      guaranteed_until=months_after(today, _MONTHS).isoformat(),
      calling_convention=0, platforms=platforms,
      sizes=tuple(sorted(held, key=math.prod)), divisor=divisor,
      smallest=smallest, inputs=tuple(inputs), sketch_cut=known.sketch_cut,
      finds_edges=known.finds_edges, needs_edge_map=known.needs_edge_map)


def months_after(date: datetime.date, months: int) -> datetime.date:
  """Returns the same day of a later month, or that month's last."""
  years, month = divmod(date.month - 1 + months, 12)
  first = date.replace(year=date.year + years, month=month + 1, day=1)
  last = (first + datetime.timedelta(days=31)).replace(
      day=1) - datetime.timedelta(days=1)
  return first.replace(day=min(date.day, last.day))


def _weights(system: trained.Trained, about: About) -> dict[str, np.ndarray]:
  """Returns the arrays that the programs take, by their place in the file."""
  used = {name: system.variables[name]
          for name in packed.that_fill(system.config)}
  if 'find_edges' in about.inputs:
    used |= system.published
  return {f'{WEIGHTS}{name}': np.asarray(array) for name, array in sorted(
      traverse_util.flatten_dict(used, sep='/').items())}


def _programs(system: trained.Trained, about: About,
              weights: dict[str, np.ndarray]
              ) -> tuple[About, dict[str, bytes]]:
  """Returns the programs by their place in the file, and more about them."""
  if not about.sizes:
    for least in _LEAST:
      tried = dataclasses.replace(about, smallest=max(least, about.smallest))
      try:
        return _exported(system, tried, weights)
      # What JAX raises where it would have to know a size. If it was raised
      # for another reason, it is raised again by the programs of fixed sizes.
      except (NotImplementedError, TypeError, ValueError,
              jax.errors.InconclusiveDimensionOperation):
        continue
    about = dataclasses.replace(about, sizes=SIZES)
  return _exported(system, about, weights)


def _exported(system: trained.Trained, about: About,
              weights: dict[str, np.ndarray]
              ) -> tuple[About, dict[str, bytes]]:
  """Returns what `_programs` returns, of the sizes that `about` has."""
  programs = {}
  for platform in about.platforms:
    for size in about.sizes or (None,):
      # A new function each time: JAX remembers what it has traced.
      made = jax.jit(_program_of(system, about), keep_unused=True)
      with conv.traced_for(platform):
        exported = export.export(made, platforms=[platform])(
            weights, *about.shapes(size))
      about = dataclasses.replace(
          about, calling_convention=exported.calling_convention_version)
      programs[about.entry(platform, size)] = exported.mlir_module_serialized
  return about, programs


def _program_of(system: trained.Trained, about: About) -> Program:
  """Returns the function that is exported, see `exported_file`.

  Args:
    system: what it is made of.
    about: says what it takes.
  """
  stage, guidance = system.stage, system.guidance
  networks = {**stage.networks, **(guidance.published if guidance else {})}

  def program(weights: dict[str, Array], *inputs: Array
              ) -> tuple[Array, Array]:
    given = dict(zip(about.inputs, inputs, strict=True))
    flat = {name.removeprefix(WEIGHTS): array
            for name, array in weights.items()}
    # A network without weights has none in the file either.
    variables = {**{name: {} for name in networks},
                 **traverse_util.unflatten_dict(flat, sep='/')}
    nets = Nets(networks, variables, compute=system.config.compute)
    batch: dict[str, Any] = {
        'image': given['image'][None].astype(jnp.float32) / np.float32(255),
        'mask': _two_valued(given['mask'])}
    if 'sketch' in given:
      batch['sketch'] = _two_valued(given['sketch'])
    if 'edge_map' in given:
      edge = given['edge_map'][None, ..., None].astype(
          jnp.float32) / np.float32(255)
      if 'find_edges' in given and guidance is not None:
        # HED computes in float32, whatever the type of the others.
        drawn, hed = edge, Nets(guidance.published, variables)
        edge = lax.cond(given['find_edges'] != 0,
                        lambda: known_hed(hed, batch), lambda: drawn)
      if guidance is not None and guidance.cut is not None:
        edge = edges.above(edge, guidance.cut)
      batch |= {'true_edge': edge, 'known_edge': edge * (1 - batch['mask'])}
    rgb = complete(stage.predict(nets, {
        key: batch[key] for key in stage.predicts_from}), batch)['image'][0]
    hole = batch['mask'][0] > 0.5
    is_finite = jnp.all(jnp.where(hole, jnp.isfinite(rgb), True))
    levels = jnp.rint(jnp.clip(rgb, 0, 1) * np.float32(255)).astype(jnp.uint8)
    return jnp.where(hole, levels, given['image']), is_finite
  return program


def _two_valued(drawing: Array) -> Array:
  """Returns a mask or a sketch (H, W) uint8 as a batch holds it."""
  return (drawing != 0)[None, ..., None].astype(jnp.float32)
