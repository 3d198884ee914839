"""Lets `jinpaint.configs` be imported in a checkout.

There the folder `configs/` lies beside the package, where people look for it.
A wheel has it inside the package, as `jinpaint/configs/`; Python prefers that
folder to this module, which is then not read.
"""

from pathlib import Path

__path__ = [str(Path(__file__).parents[1] / 'configs')]
