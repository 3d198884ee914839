"""EdgeConnect (Nazeri et al.).

arXiv:1901.00212. Stages, losses and options: `jinpaint.systems.edges_first`.

The published test program gives the inpainting network the edges that were
predicted for the whole image; `merge_edges=True` puts the known ones back, as
training does.
"""

import functools

from jinpaint.systems import edges_first

STAGES = edges_first.STAGES

stage = functools.partial(
    edges_first.stage, edge_generator='edgeconnect_edge_generator',
    merge_edges=False)
