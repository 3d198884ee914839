"""What strategies and platforms are called; imports nothing that is slow."""

# How pictures are filled, see `jinpaint.inference.inpainter.Inpainter`.
STRATEGIES = ('auto', 'original', 'tile', 'crop', 'resize')
# How exported files fill them, see `jinpaint.inference.exported.Exported`.
EXPORTED_STRATEGIES = ('auto', 'original', 'tile')
# JAX's names of those that programs are exported for by default, and of all.
DEFAULT_PLATFORMS = ('cpu', 'cuda', 'tpu')
PLATFORMS = (*DEFAULT_PLATFORMS, 'rocm')
