// How the systems write their names; others are called as their configs.
const TITLES = {
  cfs: 'CFS', edgeconnect: 'EdgeConnect', gated: 'Gated convolution',
  inpaintgan: 'InpaintGAN', isnet: 'ISNet', lama: 'LaMa', pconv: 'PConv',
  pconv_lines: 'PConv for lines', quickstart: 'Quick start',
  scratches: 'Scratches', sketchrefiner: 'SketchRefiner'};

/** Returns what people call a system or a config. */
export const titleOf = name => TITLES[name] ?? name;
