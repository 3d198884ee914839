"""Compiled programs that fill batches of equal size: made once, and kept."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jinpaint import devices
from jinpaint.types import Array, Batch, KEYS, Variables

Size = tuple[int, int]  # height and width

# So many images keep a device busy, and so many pixels do: more of them gain
# nothing, and a batch that is not full would waste more. A CPU is busy with a
# single image, unless it is tiny.
_MOST_IMAGES = 16
_MOST_PIXELS = {'cpu': 64 * 64}
_MOST_PIXELS_ELSEWHERE = 1 << 20


class Program(NamedTuple):
  """A system, compiled for batches of one size.

  Attributes:
    batch: how many images it takes at once.
    needs: bytes that an image of a batch takes.
    total: bytes that a batch takes, of the memory of one device or, where
      devices share it, of that.
    predict: `(variables, batch)`, of arrays (B, H, W, C).
    variables: where the program expects them.
  """

  batch: int
  needs: int
  total: int
  predict: Any
  variables: Variables

  def __call__(self, pictures: Sequence[Mapping[str, np.ndarray]]
               ) -> Mapping[str, Array]:
    """Returns predictions (batch, H, W, C); those at the end may be repeats.

    Args:
      pictures: arrays (H, W, C) by key of at most `batch` pictures. Where
        there are fewer, the last one is repeated.
    """
    missing = self.batch - len(pictures)
    full = [*pictures, *[pictures[-1]] * missing]
    return self.predict(self.variables, {
        key: np.stack([picture[key] for picture in full])
        for key in pictures[0]})


class Programs:
  """The programs of a system.

  There are two for a size at most: one for an image alone, on the first device,
  and one for batches on all devices. Which of them a size has is decided when
  it is first met.
  """

  def __init__(self, predict: Callable[[Variables, Batch], Any],
               variables: Variables, keys: Sequence[str],
               among: Sequence[jax.Device]):
    """Compiles nothing yet.

    Args:
      predict: `(variables, batch) -> predictions`, for arrays of one device.
      variables: the weights and statistics of its networks.
      keys: those of the batch that it reads.
      among: the devices.
    """
    self._predict, self._keys, self._among = predict, keys, tuple(among)
    self._variables = devices.everywhere(variables, among)
    self._kept: dict[Size, list[Program]] = {}
    self._too_large = set[Size]()  # sizes of which no batch fits the memory
    self._count = 0

  def __len__(self) -> int:
    """Returns how many programs were compiled."""
    return self._count

  def ready(self, size: Size, number: int, free: int) -> Program:
    """Returns the best program that there is for some images of a size.

    It compiles one only if there is none. Arguments are those of `prepared`.
    """
    if kept := self._kept.get(size):
      return kept[-1] if number > 1 else kept[0]
    return self.prepared(size, number, free)

  def prepared(self, size: Size, number: int, free: int) -> Program:
    """Returns the program for some images of a size; compiles it if need be.

    Args:
      size: one that the networks take.
      number: how many images there are.
      free: bytes that the program may take, if it is one for batches. If not
        even a batch of one image a device fits, it is the one for an image
        alone, whatever that takes.
    """
    kept = self._kept.get(size, [])
    alone = number == 1 or size in self._too_large
    wanted = 1 if alone else self._wanted(size)
    if kept and (wanted == 1 or kept[-1].batch > 1):
      return kept[0] if number == 1 else kept[-1]
    program = self._compiled(size, wanted)
    if wanted > 1 and program.total > free:
      each = self._fitting(program, free)
      if not each:
        self._too_large.add(size)
        return self.prepared(size, 1, free)
      program = self._compiled(size, each * len(self._among))
    self._kept[size] = sorted([*kept, program], key=lambda one: one.batch)
    return program

  def _wanted(self, size: Size) -> int:
    """Returns how many images of a size a batch would best have."""
    pixels = _MOST_PIXELS.get(self._among[0].platform, _MOST_PIXELS_ELSEWHERE)
    each = min(max(1, pixels // (size[0] * size[1])), _MOST_IMAGES)
    return each * len(self._among)

  def _fitting(self, program: Program, free: int) -> int:
    """Returns how many images a device may take, of a program's that are not.

    What a program takes grows in proportion to its batch, nearly.
    """
    number = len(self._among)
    share = number if devices.share_memory(self._among) else 1
    return min(free // (program.needs * share), program.batch // number - 1)

  def _compiled(self, size: Size, batch: int) -> Program:
    """Compiles the system for batches of a size."""
    among = self._among if batch > 1 else self._among[:1]
    variables = (self._variables if len(among) > 1
                 else devices.on_first(self._variables))
    shapes = {key: jax.ShapeDtypeStruct((batch, *size, KEYS[key].channels),
                                        jnp.float32) for key in self._keys}
    predict = devices.compiled(self._predict, variables, shapes, among)
    self._count += 1
    total = devices.bytes_of(predict)
    needs = total * len(among) // batch
    if devices.share_memory(among):
      total *= len(among)
    return Program(batch, needs, total, predict, variables)
