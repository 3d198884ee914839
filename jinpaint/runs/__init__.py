"""A run: its config, what that describes, and what its work directory holds."""

from jinpaint.runs.build import (
    check,
    computing_of,
    data_of,
    guidance_of,
    optimizers_of,
    stage_of,
)
from jinpaint.runs.config import claim, hold, read_config

__all__ = [
    'check', 'claim', 'computing_of', 'data_of', 'guidance_of',
    'hold', 'optimizers_of', 'read_config', 'stage_of',
]
