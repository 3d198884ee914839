"""Benchmarks are programs: each finds the others in its own folder."""

from pathlib import Path
import sys

sys.path.insert(0, str(Path(__file__).parents[2] / 'benchmarks'))
