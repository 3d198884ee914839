"""What a table of timings says of the machine."""

from pathlib import Path
import platform


def processor() -> str:
  """Returns the processor's name."""
  for line in Path('/proc/cpuinfo').read_text().splitlines():
    if line.startswith('model name'):
      return line.partition(':')[2].strip()
  return platform.processor()
