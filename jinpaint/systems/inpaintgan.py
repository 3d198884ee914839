"""InpaintGAN: EdgeConnect with other edge networks (Yehoshua and Peretz).

github.com/MoshPe/InpaintGAN and its report. Its stages, losses and options:
`jinpaint.systems.shared.edges_first`. Four edge networks were tried:
`inpaintgan_effunet_edge_generator`, `inpaintgan_egc_edge_generator`, the same
with the SVR loss (`spatially_variant=1, feature_matching=0`), and, in the end,
`inpaintgan_mec_edge_generator`.

Where this follows its authors' intentions instead of their code: a
discriminator learns from its own loss alone (`d_grad_mode='inpaintgan'` does
what the code does). The code trains the edge and the inpainting network side by
side, the latter on true edges: that is the stages `edge` and `inpaint`.
"""

import dataclasses

from jinpaint.systems.shared import edges_first
from jinpaint.systems.shared.edges_first import stage, STAGES

__all__ = ['STAGES', 'Options', 'stage']


@dataclasses.dataclass(frozen=True)
class Options(edges_first.Options):
  """Those of `edges_first.Options`; two have another default."""

  edge_generator: str = 'inpaintgan_mec_edge_generator'
  merge_edges: bool = True
