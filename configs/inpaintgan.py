"""InpaintGAN: EdgeConnect with other edge networks, on human faces.

Tal Yehoshua and Moshe Peretz, Braude College, 2023, "InpaintGAN - Generate
image inpainting with adversarial edge learning", github.com/MoshPe/InpaintGAN.

| variant        | what is trained                                | report |
|----------------|------------------------------------------------|--------|
| `effunet`      | edges, EfficientNet-B0 in a U-Net              | 4.1    |
| `egc`          | edges, enhanced gated convolutions             | 4.2    |
| `egc_svr`      | the same, SVR loss for feature matching        | 4.3    |
| `mec`          | edges at four scales, the final network        | 5.1    |
| `inpaint`      | the image, on true edges                       | 5.2    |
| `edge_inpaint` | the image, on completed edges                  |        |
| `joint`        | both                                           |        |

  python train.py --config=configs/inpaintgan.py:mec --workdir=runs/mec
  python train.py --config=configs/inpaintgan.py:inpaint --workdir=runs/inpaint
  python train.py --config=configs/inpaintgan.py:edge_inpaint \
    --config.start_from=runs/mec,runs/inpaint --workdir=runs/inpaintgan

After another edge network than `mec`, give the last two its name as well:
`--config.options.edge_generator=inpaintgan_egc_edge_generator`. After a comma,
`defaults` takes the loss weights of the report's section 5.3; without, they are
those of the code (and of EdgeConnect's config). The paper's Table 12 to reach:
precision 0.2821, recall 0.2581, feature matching 0.2487, PSNR 38.95, on holes
of 1/64 of the image.

Photographs: Kaggle's "Human Faces", 7,219 files; put them into human_faces/.

From the report (sections 4 and 5.3): all numbers, named here as its table 14
explains them. Where the code differs: its notebook of `egc` has a learning rate
of 1e-4 and a beta1 of 0.01. Chosen here: a tenth of the photographs is held
out; the report evaluates on those it trains on.
"""

from jinpaint.configs import common, edgeconnect

_NETWORK = 'inpaintgan_{}_edge_generator'.format
# Sections 4.1 to 4.3: learning rate and sigma of the first attempts.
_ATTEMPT = dict(learning_rate=1e-3, sigma=1.9)
VARIANTS = {
    'effunet': ('edge', 'effunet', _ATTEMPT),
    'egc': ('edge', 'egc', _ATTEMPT),
    'egc_svr': ('edge', 'egc', _ATTEMPT),
    'mec': ('edge', 'mec', {}),
    'inpaint': ('inpaint', 'mec', {}),
    'edge_inpaint': ('edge_inpaint', 'mec', {}),
    'joint': ('joint', 'mec', {}),
}
WORDS = (edgeconnect.WEIGHTS,)


def get_config(variant: str = 'mec'):
  """Returns one of the variants above."""
  name, weights = common.worded(variant, VARIANTS, WORDS)
  stage, network, numbers = VARIANTS[name]
  config = edgeconnect.stage('inpaintgan', stage, **numbers, weights=weights)
  config.options.edge_generator = _NETWORK(network)
  if name == 'egc_svr':
    config.options.feature_matching = 0.0
    config.options.spatially_variant = 1.0
  config.data.source = 'folder:human_faces'
  config.data.mask = 'block:fraction=0.125'
  return config
