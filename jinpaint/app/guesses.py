"""How often a client may guess the password."""

from collections import OrderedDict
from collections.abc import Callable
import ipaddress
import time

# An address may guess so often at once, and then again once every few seconds:
# ten in a minute. Nobody types faster for long, and a dictionary takes years.
_AT_ONCE, _SECONDS = 10, 6.0
# So many addresses are remembered; beyond, the one that guessed longest ago is
# forgotten.
_ADDRESSES = 4096


class Guesses:
  """Wrong passwords by the address that they came from."""

  def __init__(self, clock: Callable[[], float] = time.monotonic):
    self._clock = clock
    # Address -> when all of its guesses are forgiven.
    self._forgiven = OrderedDict[str, float]()

  def wait(self, address: str) -> float:
    """Returns the seconds until an address may guess; 0: it may now."""
    forgiven = self._forgiven.get(_site(address), 0.0)
    return max(0.0, forgiven - (_AT_ONCE - 1) * _SECONDS - self._clock())

  def note(self, address: str) -> None:
    """Notes a wrong guess."""
    site = _site(address)
    before = self._forgiven.pop(site, 0.0)
    self._forgiven[site] = max(before, self._clock()) + _SECONDS
    if len(self._forgiven) > _ADDRESSES:
      self._forgiven.popitem(last=False)


def _site(address: str) -> str:
  """Returns what is one client: of IPv6 the network that a host is given."""
  try:
    parsed = ipaddress.ip_address(address)
  except ValueError:  # no address: a socket of this machine
    return address
  if parsed.version == 4 or parsed.ipv4_mapped:
    return address
  return str(ipaddress.ip_network((parsed, 64), strict=False))
