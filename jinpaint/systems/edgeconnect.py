"""EdgeConnect (Nazeri et al.).

arXiv:1901.00212. Stages, losses and options:
`jinpaint.systems.shared.edges_first`.

The published test program gives the inpainting network the edges that were
predicted for the whole image; `merge_edges=True` puts the known ones back, as
training does.
"""

from jinpaint.systems.shared.edges_first import Options, stage, STAGES

__all__ = ['STAGES', 'Options', 'stage']
